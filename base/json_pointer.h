/* JSON pointers (RFC 6901): a path to one value inside a document. */
#ifndef FLYBALL_BASE_JSON_POINTER_H
#define FLYBALL_BASE_JSON_POINTER_H

#include "base/bytes.h"
#include "base/json.h"

/* Whether the text is a pointer: empty, or tokens each led by a slash; ~ only as ~0 or ~1; valid UTF-8
 * without NUL. */
bool json_pointer_is_valid(struct bytes pointer);

/* The value the pointer names, or NULL: nothing is there, or the text is no pointer. An array's index is
 * written without leading zeros; "-" names no element. */
const cJSON *json_pointer_find(const cJSON *root, struct bytes pointer);

#endif
