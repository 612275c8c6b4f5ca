/* A short name held inline: a topic segment, an event id, a plan's or limit's name. */
#ifndef FLYBALL_BASE_NAME_H
#define FLYBALL_BASE_NAME_H

#include "base/bytes.h"
#include "base/status.h"

enum { NAME_BYTES_MAX = 64 };

/* Not terminated; a length of 0 means absent. Zero a struct that holds names before filling it, so that equal
 * values are equal bytes. */
struct name {
    uint8_t length;
    char text[NAME_BYTES_MAX];
};

/* Copies; STATUS_TOO_LARGE (name left empty) beyond NAME_BYTES_MAX. Empty input gives the empty name. */
MUST_USE enum status name_set(struct name *name, struct bytes bytes);

/* For constants known to fit: asserts that they do. */
struct name name_of(const char *string);

/* Borrows from *name. */
struct bytes name_bytes(const struct name *name);

bool name_equal(const struct name *left, const struct name *right);
bool name_is_empty(const struct name *name);

/* Whether the bytes may stand between two slashes of a topic: 1-64 bytes of UTF-8 without + # /, control
 * characters (C0, DEL and C1) or spaces. */
bool name_is_segment(struct bytes bytes);

#endif
