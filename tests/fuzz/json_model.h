/* JSON read another way than base/ reads it: over the text alone, without a tree. To hold base/json.h
 * against, and to read what the agent writes. */
#ifndef FLYBALL_TESTS_FUZZ_JSON_MODEL_H
#define FLYBALL_TESTS_FUZZ_JSON_MODEL_H

#include "base/bytes.h"

enum { JSON_MODEL_TEXT_MAX = 8192 };

struct json_model {
    bool is_utf8;
    bool is_json;        /* RFC 8259, and no escaped NUL or lone surrogate. */
    bool has_equal_keys; /* In one object, after unescaping. */
    size_t depth;        /* Nested containers, the outermost counting. */
};

struct json_model json_model_of(struct bytes text);

/* A value's own text, without space around it. The parts below take values of a document that is JSON; data
 * NULL is no value. */
struct bytes json_model_value(struct bytes text);

bool json_model_is_object(struct bytes value);
bool json_model_is_string(struct bytes value);
bool json_model_is_number(struct bytes value);

/* The first member of that name; data NULL if there is none, or `object` is no object. */
struct bytes json_model_member(struct bytes object, const char *key);

/* A string's bytes, unescaped into `storage`, which is at least as long as the string's text. */
struct bytes json_model_text(struct bytes string, uint8_t *storage);

bool json_model_text_is(struct bytes string, struct bytes text);

#endif
