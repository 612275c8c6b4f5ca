/* Strict JSON (RFC 8259) into a cJSON tree that lives in the caller's arena. */
#ifndef FLYBALL_BASE_JSON_H
#define FLYBALL_BASE_JSON_H

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"

/* The first of these that applies, in this order, is reported. */
enum json_error {
    JSON_OK,
    JSON_NOT_UTF8,
    JSON_NOT_JSON,      /* Also: an escaped NUL or lone surrogate, bytes after the end, a byte order mark. */
    JSON_TOO_DEEP,      /* More nested containers than allowed, the outermost counting. */
    JSON_DUPLICATE_KEY, /* Two equal keys (after unescaping) in one object. */
    JSON_NO_MEMORY,     /* The arena is too small. */
};

/* What an arena must hold to parse any document of `length` bytes nested at most 16 deep. */
size_t json_arena_bytes(size_t length);

struct json_result {
    enum json_error error;
    const cJSON *root; /* Valid until the arena is reset; never passed to cJSON_Delete. */
    size_t offset;     /* Where it broke, for JSON_NOT_JSON and JSON_TOO_DEEP. */
};

/* Parses `text`, any JSON value, nested at most `depth_most`. Takes memory from `arena` only. */
struct json_result json_parse(struct bytes text, size_t depth_most, struct arena *arena);

/* Checks the grammar alone, without building anything. */
struct json_result json_check(struct bytes text, size_t depth_most);

/* The member, or NULL; keys compare case-sensitively. */
const cJSON *json_member(const cJSON *object, const char *key);

/* A string's bytes; the item is a string. */
struct bytes json_text(const cJSON *item);

/* A number as it was written, exact where its double is not; the item is a number that json_parse made. */
struct bytes json_number_text(const cJSON *item);

#endif
