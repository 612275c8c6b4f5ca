#include "base/micro_units.h"

#include <assert.h>

#include "base/decimal.h"

__extension__ typedef __int128 wide_units;

enum { DECIMALS_MAX = 6 };

/* The largest JSON number an amount may be. */
#define MICRO_UNITS_NUMBER_MOST (9007199254 * MICRO_UNITS_ONE)

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* Both >= 0. Most products fit 64 bits after all, and a machine divides those itself. */
static wide_units divided(wide_units product, int64_t divisor)
{
    if (product <= INT64_MAX) {
        return (int64_t)product / divisor;
    }
    return product / divisor;
}

/* value x 10 + digit, checked. */
static enum status append_digit(micro_units *value, uint8_t digit)
{
    if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, digit - '0', value)) {
        return STATUS_OVERFLOW;
    }
    return STATUS_OK;
}

static enum status scale_to_micro(micro_units *value, size_t decimals)
{
    for (; decimals < DECIMALS_MAX; decimals++) {
        if (__builtin_mul_overflow(*value, 10, value)) {
            return STATUS_OVERFLOW;
        }
    }
    return STATUS_OK;
}

/* Length of the whole part, or 0 if the text has not the form the header gives. */
static size_t whole_digits(struct bytes text)
{
    size_t whole = 0;
    while (whole < text.length && is_digit(text.data[whole])) {
        whole++;
    }
    if (whole == text.length) {
        return whole;
    }
    size_t decimals = text.length - whole - 1;
    if (text.data[whole] != '.' || decimals < 1 || decimals > DECIMALS_MAX) {
        return 0;
    }
    for (size_t i = whole + 1; i < text.length; i++) {
        if (!is_digit(text.data[i])) {
            return 0;
        }
    }
    return whole;
}

enum status micro_units_parse(struct bytes text, micro_units *value)
{
    size_t whole = whole_digits(text);
    if (whole == 0) {
        return STATUS_INVALID;
    }
    micro_units parsed = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (i != whole && append_digit(&parsed, text.data[i]) != STATUS_OK) {
            return STATUS_OVERFLOW;
        }
    }
    size_t decimals = whole == text.length ? 0 : text.length - whole - 1;
    if (scale_to_micro(&parsed, decimals) != STATUS_OK) {
        return STATUS_OVERFLOW;
    }
    *value = parsed;
    return STATUS_OK;
}

enum status micro_units_parse_number(struct bytes number, micro_units *value)
{
    int64_t scaled;
    if (decimal_scaled(number, DECIMALS_MAX, &scaled) != STATUS_OK || scaled < 0 ||
        scaled > MICRO_UNITS_NUMBER_MOST) {
        return STATUS_INVALID;
    }
    *value = scaled;
    return STATUS_OK;
}

size_t micro_units_format(micro_units value, char text[MICRO_UNITS_TEXT_MAX])
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint64_t whole = magnitude / MICRO_UNITS_ONE;
    uint64_t fraction = magnitude % MICRO_UNITS_ONE;
    size_t decimals = fraction == 0 ? 0 : DECIMALS_MAX;
    for (; decimals > 0 && fraction % 10 == 0; decimals--) {
        fraction /= 10;
    }
    char reversed[MICRO_UNITS_TEXT_MAX];
    size_t length = 0;
    for (size_t i = 0; i < decimals; i++, fraction /= 10) {
        reversed[length++] = (char)('0' + fraction % 10);
    }
    if (decimals > 0) {
        reversed[length++] = '.';
    }
    do {
        reversed[length++] = (char)('0' + whole % 10);
        whole /= 10;
    } while (whole > 0);
    if (value < 0) {
        reversed[length++] = '-';
    }
    for (size_t i = 0; i < length; i++) {
        text[i] = reversed[length - 1 - i];
    }
    return length;
}

enum status micro_units_add(micro_units left, micro_units right, micro_units *result)
{
    micro_units sum;
    if (__builtin_add_overflow(left, right, &sum)) {
        return STATUS_OVERFLOW;
    }
    *result = sum;
    return STATUS_OK;
}

enum status micro_units_subtract(micro_units left, micro_units right, micro_units *result)
{
    micro_units difference;
    if (__builtin_sub_overflow(left, right, &difference)) {
        return STATUS_OVERFLOW;
    }
    *result = difference;
    return STATUS_OK;
}

enum status micro_units_multiply(micro_units left, micro_units right, micro_units *result)
{
    assert(left >= 0 && right >= 0);
    wide_units product = divided((wide_units)left * right + MICRO_UNITS_ONE / 2, MICRO_UNITS_ONE);
    if (product > MICRO_UNITS_MOST) {
        return STATUS_OVERFLOW;
    }
    *result = (micro_units)product;
    return STATUS_OK;
}

micro_units micro_units_share(micro_units value, int64_t numerator, int64_t denominator)
{
    assert(value >= 0 && numerator >= 0 && numerator <= denominator && denominator > 0);
    return (micro_units)divided((wide_units)value * numerator, denominator);
}
