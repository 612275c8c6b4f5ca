/* What the fuzz targets share: an input taken apart, and properties that must hold whatever it is. Each
 * target is one source with LLVMFuzzerTestOneInput; libFuzzer drives it in the preset `fuzz`,
 * standalone_main.c elsewhere. */
#ifndef FLYBALL_TESTS_FUZZ_FUZZ_H
#define FLYBALL_TESTS_FUZZ_FUZZ_H

#include "base/bytes.h"

enum { FUZZ_PART_END = 0xFF }; /* Occurs in no UTF-8. */

/* The input that is not taken yet; what is taken borrows from it. */
struct fuzz_input {
    struct bytes rest;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 0 at the end. Little-endian. */
uint8_t fuzz_u8(struct fuzz_input *input);
uint16_t fuzz_u16(struct fuzz_input *input);

/* Up to the next FUZZ_PART_END, which is taken too, or all that is left. */
struct bytes fuzz_part(struct fuzz_input *input);
struct bytes fuzz_rest(struct fuzz_input *input);

/* Says what does not hold, and aborts. */
void fuzz_require(bool holds, const char *property);

/* Requires one JSON document, strict and without equal keys. */
void fuzz_require_json(struct bytes json);

/* Require of a JSON object a member of that value. */
void fuzz_require_text(struct bytes object, const char *key, struct bytes text);
void fuzz_require_literal(struct bytes object, const char *key, const char *text);

#endif
