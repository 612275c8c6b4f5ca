/* What a payload's amount is worth, worked out from its digits another way than base/ does. */
#ifndef FLYBALL_TESTS_FUZZ_AMOUNT_MODEL_H
#define FLYBALL_TESTS_FUZZ_AMOUNT_MODEL_H

#include "base/bytes.h"

/* The contract's amounts: false if it is none. `number` is in JSON's grammar. */
bool model_amount_of_number(struct bytes number, int64_t *micro);
bool model_amount_of_string(struct bytes string, int64_t *micro);

/* A JSON value's text; data NULL is none. */
bool model_amount(struct bytes value, int64_t *micro);

/* Whole numbers from 0 to `most`, however written. */
bool model_integer(struct bytes value, int64_t most, int64_t *integer);

#endif
