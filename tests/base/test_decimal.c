#include "base/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct reading {
    const char *text;
    unsigned power;
    enum status status;
    int64_t value;
};

static void numbers_are_scaled_exactly(void **context)
{
    (void)context;
    static const struct reading table[] = {
        {"0", 0, STATUS_OK, 0},
        {"-0.000", 6, STATUS_OK, 0},
        {"17", 0, STATUS_OK, 17},
        {"-17", 0, STATUS_OK, -17},
        {"17.0", 0, STATUS_OK, 17},
        {"1.7e1", 0, STATUS_OK, 17},
        {"170e-1", 0, STATUS_OK, 17},
        {"1020.0500", 2, STATUS_OK, 102005},
        {"0.00102", 5, STATUS_OK, 102},
        {"9007199254740993", 0, STATUS_OK, 9007199254740993},
        {"9223372036854775807", 0, STATUS_OK, INT64_MAX},
        {"-9223372036854775807", 0, STATUS_OK, -INT64_MAX},
        {"9223372036854775808", 0, STATUS_OVERFLOW, 0},
        {"1e18", 0, STATUS_OK, 1000000000000000000},
        {"1e19", 0, STATUS_OVERFLOW, 0},
        {"1e999999999999999999999999", 0, STATUS_OVERFLOW, 0},
        {"1e-999999999999999999999999", 0, STATUS_INVALID, 0},
        {"0e999999999999999999999999", 0, STATUS_OK, 0},
        {"17.5", 0, STATUS_INVALID, 0},
        {"17.00000000000000000000000000001", 0, STATUS_INVALID, 0},
        {"123456789.123456789123456789", 6, STATUS_INVALID, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        int64_t value = 0;
        enum status status = decimal_scaled(bytes_of_string(table[i].text), table[i].power, &value);
        if (status != table[i].status || value != table[i].value) {
            fail_msg("%s: %s, %lld", table[i].text, status_name(status), (long long)value);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_scaled_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
