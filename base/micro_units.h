/* Amounts and money: signed 64-bit counts of millionths, never a double. */
#ifndef FLYBALL_BASE_MICRO_UNITS_H
#define FLYBALL_BASE_MICRO_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

typedef int64_t micro_units;

#define MICRO_UNITS_ONE 1000000LL
#define MICRO_UNITS_MOST INT64_MAX

enum { MICRO_UNITS_TEXT_MAX = 24 };

/* `[0-9]+(\.[0-9]{1,6})?`; STATUS_INVALID for any other form, STATUS_OVERFLOW beyond 64 bits. */
MUST_USE enum status micro_units_parse(struct bytes text, micro_units *value);

/* A number in JSON's grammar, exponent and all, from 0 (-0 too) to 9,007,199,254 whose exact value has at
 * most 6 decimals; STATUS_INVALID otherwise. */
MUST_USE enum status micro_units_parse_number(struct bytes number, micro_units *value);

/* Shortest form: "2.5", "100", "0", "-0.5". Writes no terminator; returns the length. */
size_t micro_units_format(micro_units value, char text[MICRO_UNITS_TEXT_MAX]);

/* Checked arithmetic: STATUS_OVERFLOW leaves *result unchanged. */
MUST_USE enum status micro_units_add(micro_units left, micro_units right, micro_units *result);
MUST_USE enum status micro_units_subtract(micro_units left, micro_units right, micro_units *result);

/* left x right of two amounts >= 0, rounded half up to a micro-unit. */
MUST_USE enum status micro_units_multiply(micro_units left, micro_units right, micro_units *result);

/* floor(value x numerator / denominator) for 0 <= numerator <= denominator, value >= 0; cannot overflow. */
micro_units micro_units_share(micro_units value, int64_t numerator, int64_t denominator);

#endif
