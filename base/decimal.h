/* Decimal numbers of any length, read by their digits. */
#ifndef FLYBALL_BASE_DECIMAL_H
#define FLYBALL_BASE_DECIMAL_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

/* Sets *value to number x 10^power, exactly. `number` is in JSON's grammar, exponent and all. STATUS_INVALID
 * when that is no whole number, STATUS_OVERFLOW when it (or its magnitude) is beyond 64 bits. */
MUST_USE enum status decimal_scaled(struct bytes number, unsigned power, int64_t *value);

#endif
