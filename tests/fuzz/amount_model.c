#include "tests/fuzz/amount_model.h"

#include "tests/fuzz/json_model.h"

#define NUMBER_MICRO_MOST (9007199254LL * 1000000)

enum {
    EXPONENT_MOST = 1000000, /* Beyond, only zero is any different. */
    SIGNIFICANT_MOST = 19,
};

/* A number as digits without zeros at either end, and the power of ten of the last of them. */
struct digits {
    bool is_negative;
    int64_t power;
    size_t count;
    char digit[SIGNIFICANT_MOST + 1]; /* One more than fits: too many. */
};

/* Zeros are counted when a digit follows them. */
static void add_digit(struct digits *digits, char digit, size_t *zeros)
{
    if (digit == '0') {
        *zeros += digits->count > 0 ? 1 : 0;
        return;
    }
    for (; *zeros > 0 && digits->count <= SIGNIFICANT_MOST; --*zeros) {
        digits->digit[digits->count++] = '0';
    }
    *zeros = 0;
    if (digits->count <= SIGNIFICANT_MOST) {
        digits->digit[digits->count++] = digit;
    }
}

static int64_t read_exponent(struct bytes text)
{
    bool is_negative = text.length > 0 && text.data[0] == '-';
    int64_t exponent = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] >= '0' && text.data[i] <= '9' && exponent < EXPONENT_MOST) {
            exponent = exponent * 10 + (text.data[i] - '0');
        }
    }
    return is_negative ? -exponent : exponent;
}

static struct digits digits_of(struct bytes number)
{
    struct digits digits = {0};
    size_t zeros = 0;
    bool is_fraction = false;
    for (size_t i = 0; i < number.length; i++) {
        char byte = (char)number.data[i];
        if (byte == '-') {
            digits.is_negative = true;
        } else if (byte == '.') {
            is_fraction = true;
        } else if (byte == 'e' || byte == 'E') {
            digits.power += read_exponent(bytes_after(number, i + 1));
            break;
        } else {
            add_digit(&digits, byte, &zeros);
            digits.power -= is_fraction ? 1 : 0;
        }
    }
    digits.power += (int64_t)zeros;
    return digits;
}

/* number x 10^scale as a whole number of at most `most`. */
static bool scaled(struct bytes number, int scale, int64_t most, int64_t *value)
{
    struct digits digits = digits_of(number);
    int64_t power = digits.power + scale;
    *value = 0;
    if (digits.count == 0) {
        return true;
    }
    if (digits.is_negative || digits.count > SIGNIFICANT_MOST || power < 0 ||
        power + (int64_t)digits.count > SIGNIFICANT_MOST) {
        return false;
    }
    __extension__ unsigned __int128 whole = 0;
    for (size_t i = 0; i < digits.count; i++) {
        whole = whole * 10 + (unsigned)(digits.digit[i] - '0');
    }
    for (; power > 0; power--) {
        whole *= 10;
    }
    if (whole > (uint64_t)most) {
        return false;
    }
    *value = (int64_t)whole;
    return true;
}

bool model_amount_of_number(struct bytes number, int64_t *micro)
{
    return scaled(number, 6, NUMBER_MICRO_MOST, micro);
}

bool model_amount_of_string(struct bytes string, int64_t *micro)
{
    size_t dot = string.length;
    for (size_t i = 0; i < string.length; i++) {
        char byte = (char)string.data[i];
        if (byte == '.' && dot == string.length) {
            dot = i;
        } else if (byte < '0' || byte > '9') {
            return false;
        }
    }
    size_t decimals = dot == string.length ? 0 : string.length - dot - 1;
    bool has_decimals = dot == string.length || (decimals >= 1 && decimals <= 6);
    return dot > 0 && has_decimals && scaled(string, 6, INT64_MAX, micro);
}

bool model_amount(struct bytes value, int64_t *micro)
{
    if (json_model_is_string(value)) {
        static uint8_t storage[JSON_MODEL_TEXT_MAX];
        return value.length <= sizeof storage &&
               model_amount_of_string(json_model_text(value, storage), micro);
    }
    return json_model_is_number(value) && model_amount_of_number(value, micro);
}

bool model_integer(struct bytes value, int64_t most, int64_t *integer)
{
    return json_model_is_number(value) && scaled(value, 0, most, integer);
}
