/* Builds text and JSON into a caller's buffer without allocating. Overflow sticks: check once at the end. */
#ifndef FLYBALL_BASE_TEXT_H
#define FLYBALL_BASE_TEXT_H

#include "base/bytes.h"
#include "base/instant.h"
#include "base/micro_units.h"
#include "base/name.h"

struct text {
    char *data;
    size_t capacity;
    size_t length;
    bool overflowed; /* Something did not fit and was left out. */
};

struct text text_of(char *data, size_t capacity);
struct bytes text_bytes(const struct text *text);

/* Terminates with NUL and returns the data; the last byte makes room for it if need be. */
const char *text_string(struct text *text);

void text_put(struct text *text, struct bytes bytes);
void text_put_string(struct text *text, const char *string);
void text_put_unsigned(struct text *text, uint64_t value);
void text_put_signed(struct text *text, int64_t value);

/* JSON values. The writer sets commas itself: one is put before a key or element unless an opening bracket or
 * a colon stands before it. Strings are escaped as RFC 8259 section 7 asks; input is valid UTF-8. */
void json_open_object(struct text *text);
void json_close_object(struct text *text);
void json_open_array(struct text *text);
void json_close_array(struct text *text);
void json_key(struct text *text, const char *key);
void json_key_bytes(struct text *text, struct bytes key);
void json_string(struct text *text, struct bytes value);
void json_unsigned(struct text *text, uint64_t value);
void json_signed(struct text *text, int64_t value);
/* At most 6 decimals, shortest; finite. */
void json_double(struct text *text, double value);
void json_bool(struct text *text, bool value);
void json_null(struct text *text);
/* Already JSON. */
void json_raw(struct text *text, struct bytes json);
void json_amount(struct text *text, micro_units value);
void json_instant(struct text *text, instant_ms value);

/* A key and its value in one call. */
void json_put_string(struct text *text, const char *key, struct bytes value);
void json_put_literal(struct text *text, const char *key, const char *value);
void json_put_name(struct text *text, const char *key, const struct name *value);
void json_put_unsigned(struct text *text, const char *key, uint64_t value);
void json_put_signed(struct text *text, const char *key, int64_t value);
void json_put_double(struct text *text, const char *key, double value);
void json_put_bool(struct text *text, const char *key, bool value);
void json_put_amount(struct text *text, const char *key, micro_units value);
/* INSTANT_NEVER becomes null. */
void json_put_instant(struct text *text, const char *key, instant_ms value);

#endif
