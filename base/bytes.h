/* A borrowed run of bytes: whoever passes it keeps it alive for the call. */
#ifndef FLYBALL_BASE_BYTES_H
#define FLYBALL_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const uint8_t *data;
    size_t length;
};

struct bytes bytes_of(const void *data, size_t length);

/* The bytes of a C string without its terminator. */
struct bytes bytes_of_string(const char *string);

bool bytes_equal(struct bytes left, struct bytes right);
bool bytes_equal_string(struct bytes bytes, const char *string);
bool bytes_start_with(struct bytes bytes, struct bytes prefix);

/* What follows the first `count` bytes; `count` is at most the length. */
struct bytes bytes_after(struct bytes bytes, size_t count);

#endif
