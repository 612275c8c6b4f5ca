/* Reads the grammar of RFC 8259 without building anything. cJSON bends it (leading zeros, bare control
 * characters, a BOM), so json.c scans every document before it parses it. */
#ifndef FLYBALL_BASE_JSON_SCAN_H
#define FLYBALL_BASE_JSON_SCAN_H

#include "base/bytes.h"

struct json_scan {
    bool is_json;
    size_t at;            /* Where it broke, else the length. */
    size_t deepest;       /* The most containers open at once, the outermost counting. */
    size_t numbers;       /* How many numbers there are, */
    size_t number_bytes;  /* the bytes of all of them, */
    size_t number_length; /* and of the longest. */
};

/* `text` is valid UTF-8. Not JSON either: an escaped NUL, which a C string cannot hold, and an escaped
 * surrogate without its partner, which UTF-8 cannot. */
struct json_scan json_scan(struct bytes text);

/* The next number at or after *at in a text that is JSON, and *at moved behind it; length 0 when there is
 * none. */
struct bytes json_scan_next_number(struct bytes text, size_t *at);

#endif
