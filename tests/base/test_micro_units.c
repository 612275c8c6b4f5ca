#include "base/micro_units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct reading {
    const char *text;
    enum status status;
    micro_units value;
};

static void amounts_in_strings_are_read_exactly(void **context)
{
    (void)context;
    static const struct reading table[] = {
        {"0", STATUS_OK, 0},
        {"1", STATUS_OK, 1000000},
        {"2.5", STATUS_OK, 2500000},
        {"007", STATUS_OK, 7000000},
        {"0.000001", STATUS_OK, 1},
        {"00000000000000000000000000000000000001.0", STATUS_OK, 1000000},
        {"9223372036854.775807", STATUS_OK, INT64_MAX},
        {"9223372036854.775808", STATUS_OVERFLOW, 0},
        {"9223372036855", STATUS_OVERFLOW, 0},
        {"99999999999999999999999999", STATUS_OVERFLOW, 0},
        {"", STATUS_INVALID, 0},
        {".", STATUS_INVALID, 0},
        {".5", STATUS_INVALID, 0},
        {"5.", STATUS_INVALID, 0},
        {"1.0000000", STATUS_INVALID, 0},
        {"0.0000001", STATUS_INVALID, 0},
        {"-1", STATUS_INVALID, 0},
        {"+1", STATUS_INVALID, 0},
        {"1e3", STATUS_INVALID, 0},
        {" 1", STATUS_INVALID, 0},
        {"1 ", STATUS_INVALID, 0},
        {"1.2.3", STATUS_INVALID, 0},
        {"1,5", STATUS_INVALID, 0},
        {"NaN", STATUS_INVALID, 0},
        {"Infinity", STATUS_INVALID, 0},
        {"0x10", STATUS_INVALID, 0},
        {"\xd9\xa1", STATUS_INVALID, 0}, /* An Arabic one. */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        micro_units value = -1;
        enum status status = micro_units_parse(bytes_of_string(table[i].text), &value);
        if (status != table[i].status || (status == STATUS_OK && value != table[i].value)) {
            fail_msg("%s: %s, %lld", table[i].text, status_name(status), (long long)value);
        }
    }
}

static void a_string_that_holds_nul_is_no_amount(void **context)
{
    (void)context;
    micro_units value;
    assert_int_equal(micro_units_parse(bytes_of("1\0", 2), &value), STATUS_INVALID);
    assert_int_equal(micro_units_parse(bytes_of("1.\0", 3), &value), STATUS_INVALID);
}

static void numbers_are_read_by_their_digits_not_as_doubles(void **context)
{
    (void)context;
    static const struct reading table[] = {
        {"0", STATUS_OK, 0},
        {"-0", STATUS_OK, 0},
        {"-0.0e-99", STATUS_OK, 0},
        {"0e99999999999999999999", STATUS_OK, 0},
        {"1", STATUS_OK, 1000000},
        {"1e3", STATUS_OK, 1000000000},
        {"1E+3", STATUS_OK, 1000000000},
        {"25e-1", STATUS_OK, 2500000},
        {"0.1", STATUS_OK, 100000},
        {"0.000001", STATUS_OK, 1},
        {"1e-6", STATUS_OK, 1},
        {"10e-7", STATUS_OK, 1},
        {"0.0000010000000000000000000000000000000000000000000000000000000000000000", STATUS_OK, 1},
        {"0.00000001e2", STATUS_OK, 1},
        {"8999999999.000001", STATUS_OK, 8999999999000001},
        {"8999999999.000003", STATUS_OK, 8999999999000003},
        {"9007199253.999999", STATUS_OK, 9007199253999999},
        {"9007199254", STATUS_OK, 9007199254000000},
        {"9007199254.000000", STATUS_OK, 9007199254000000},
        {"9.007199254e9", STATUS_OK, 9007199254000000},
        {"9007199254.000001", STATUS_INVALID, 0},
        {"9007199254.0000001", STATUS_INVALID, 0},
        {"9007199255", STATUS_INVALID, 0},
        {"9999999999.999999", STATUS_INVALID, 0},
        {"1e10", STATUS_INVALID, 0},
        {"1e400", STATUS_INVALID, 0},
        {"1e99999999999999999999", STATUS_INVALID, 0},
        {"1e-99999999999999999999", STATUS_INVALID, 0},
        {"1e-7", STATUS_INVALID, 0},
        {"0.0000001", STATUS_INVALID, 0},
        {"1.00000000000000000001", STATUS_INVALID, 0},
        {"-1", STATUS_INVALID, 0},
        {"-1e-400", STATUS_INVALID, 0},
        {"123456789012345678901234567890", STATUS_INVALID, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        micro_units value = -1;
        enum status status = micro_units_parse_number(bytes_of_string(table[i].text), &value);
        if (status != table[i].status || (status == STATUS_OK && value != table[i].value)) {
            fail_msg("%s: %s, %lld", table[i].text, status_name(status), (long long)value);
        }
    }
}

/* A small generator; the tests need spread, not quality. */
static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return *seed >> 11;
}

static void what_is_formatted_reads_back_the_same_in_every_way(void **context)
{
    (void)context;
    uint64_t seed = 7;
    for (int i = 0; i < 50000; i++) {
        micro_units value = (micro_units)(next_random(&seed) % 9007199254000000U);
        value >>= next_random(&seed) % 52;
        char digits[MICRO_UNITS_TEXT_MAX];
        struct bytes text = bytes_of(digits, micro_units_format(value, digits));
        micro_units back = -1;
        assert_int_equal(micro_units_parse(text, &back), STATUS_OK);
        assert_int_equal(back, value);
        assert_int_equal(micro_units_parse_number(text, &back), STATUS_OK);
        assert_int_equal(back, value);
    }
}

static void amounts_are_written_in_shortest_form(void **context)
{
    (void)context;
    static const struct reading table[] = {
        {"0", STATUS_OK, 0},
        {"2.5", STATUS_OK, 2500000},
        {"100", STATUS_OK, 100000000},
        {"-0.5", STATUS_OK, -500000},
        {"0.000001", STATUS_OK, 1},
        {"-0.000001", STATUS_OK, -1},
        {"1.01", STATUS_OK, 1010000},
        {"9223372036854.775807", STATUS_OK, INT64_MAX},
        {"-9223372036854.775808", STATUS_OK, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char digits[MICRO_UNITS_TEXT_MAX];
        size_t length = micro_units_format(table[i].value, digits);
        assert_int_equal(length, strlen(table[i].text));
        assert_memory_equal(digits, table[i].text, length);
    }
}

static void arithmetic_that_overflows_leaves_the_result_alone(void **context)
{
    (void)context;
    micro_units result = 42;
    assert_int_equal(micro_units_add(INT64_MAX, 1, &result), STATUS_OVERFLOW);
    assert_int_equal(micro_units_subtract(INT64_MIN, 1, &result), STATUS_OVERFLOW);
    assert_int_equal(micro_units_multiply(INT64_MAX, 1000001, &result), STATUS_OVERFLOW);
    assert_int_equal(result, 42);
    assert_int_equal(micro_units_multiply(INT64_MAX, 1000000, &result), STATUS_OK);
    assert_int_equal(result, INT64_MAX);
}

static void products_round_half_up(void **context)
{
    (void)context;
    static const micro_units table[][3] = {
        {1, 1, 0},         {1, 499999, 0},  {1, 500000, 1},
        {1, 500001, 1},    {3, 500000, 2},  {2500000, 200000, 500000},
        {0, INT64_MAX, 0}, {1000000, 7, 7}, {333333, 3, 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        micro_units result;
        assert_int_equal(micro_units_multiply(table[i][0], table[i][1], &result), STATUS_OK);
        assert_int_equal(result, table[i][2]);
    }
}

static void a_share_rounds_down_and_cannot_overflow(void **context)
{
    (void)context;
    assert_int_equal(micro_units_share(10, 1, 3), 3);
    assert_int_equal(micro_units_share(10, 0, 3), 0);
    assert_int_equal(micro_units_share(INT64_MAX, INT64_MAX, INT64_MAX), INT64_MAX);
    assert_int_equal(micro_units_share(INT64_MAX, INT64_MAX - 1, INT64_MAX), INT64_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_in_strings_are_read_exactly),
        cmocka_unit_test(a_string_that_holds_nul_is_no_amount),
        cmocka_unit_test(numbers_are_read_by_their_digits_not_as_doubles),
        cmocka_unit_test(what_is_formatted_reads_back_the_same_in_every_way),
        cmocka_unit_test(amounts_are_written_in_shortest_form),
        cmocka_unit_test(arithmetic_that_overflows_leaves_the_result_alone),
        cmocka_unit_test(products_round_half_up),
        cmocka_unit_test(a_share_rounds_down_and_cannot_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
