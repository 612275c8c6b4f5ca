#include "base/decimal.h"

#include <stdbool.h>

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* A decimal taken apart: `digits` significant digits whose first stands at text.data[first]; value = them x
 * 10^exponent. */
struct decimal {
    size_t first;
    size_t digits;
    int64_t exponent;
};

enum { EXPONENT_MOST = 1000000 };

/* The exponent's value, held at +-EXPONENT_MOST; `text` begins behind the e. */
static int64_t read_exponent(struct bytes text)
{
    bool is_negative = text.length > 0 && text.data[0] == '-';
    int64_t exponent = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (is_digit(text.data[i]) && exponent < EXPONENT_MOST) {
            exponent = exponent * 10 + (text.data[i] - '0');
        }
    }
    return is_negative ? -exponent : exponent;
}

/* Leading and trailing zeros go into the exponent. */
static struct decimal read_decimal(struct bytes number)
{
    struct decimal decimal = {0};
    int64_t zeros = 0;    /* Since the last digit that is none. */
    int64_t decimals = 0; /* Digits behind the point. */
    bool after_point = false;
    size_t i = 0;
    for (; i < number.length && number.data[i] != 'e' && number.data[i] != 'E'; i++) {
        uint8_t byte = number.data[i];
        after_point = after_point || byte == '.';
        if (!is_digit(byte)) {
            continue;
        }
        decimals += after_point ? 1 : 0;
        if (byte == '0') {
            zeros++;
            continue;
        }
        if (decimal.digits == 0) {
            decimal.first = i;
            zeros = 0;
        }
        decimal.digits += (size_t)zeros + 1;
        zeros = 0;
    }
    int64_t exponent = i < number.length ? read_exponent(bytes_after(number, i + 1)) : 0;
    decimal.exponent = exponent - decimals + zeros;
    return decimal;
}

/* The significant digits as a whole number, with `zeros` behind them. */
static enum status read_digits(struct bytes number, const struct decimal *decimal, int64_t zeros,
                               int64_t *value)
{
    int64_t read = 0;
    size_t taken = 0;
    for (size_t i = decimal->first; taken < decimal->digits; i++) {
        if (!is_digit(number.data[i])) {
            continue;
        }
        taken++;
        if (__builtin_mul_overflow(read, 10, &read) ||
            __builtin_add_overflow(read, number.data[i] - '0', &read)) {
            return STATUS_OVERFLOW;
        }
    }
    for (; zeros > 0; zeros--) {
        if (__builtin_mul_overflow(read, 10, &read)) {
            return STATUS_OVERFLOW;
        }
    }
    *value = read;
    return STATUS_OK;
}

enum status decimal_scaled(struct bytes number, unsigned power, int64_t *value)
{
    struct decimal decimal = read_decimal(number);
    if (decimal.digits == 0) {
        *value = 0;
        return STATUS_OK;
    }
    int64_t zeros = decimal.exponent + (int64_t)power;
    if (zeros < 0) {
        return STATUS_INVALID;
    }
    int64_t magnitude;
    if (read_digits(number, &decimal, zeros, &magnitude) != STATUS_OK) {
        return STATUS_OVERFLOW;
    }
    *value = number.data[0] == '-' ? -magnitude : magnitude;
    return STATUS_OK;
}
