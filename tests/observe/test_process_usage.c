#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "observe/process_usage.h"

static void the_process_has_memory_and_a_limit(void **context)
{
    (void)context;
    struct process_usage usage = process_usage_now(0);
    assert_true(usage.rss_bytes > 100000);
    assert_true(usage.limit_bytes >= usage.rss_bytes);
}

static void a_configured_limit_wins(void **context)
{
    (void)context;
    assert_int_equal(process_usage_now(12345678).limit_bytes, 12345678);
}

static void processor_time_only_grows(void **context)
{
    (void)context;
    double before = process_usage_now(0).cpu_seconds;
    volatile unsigned work = 0;
    while (process_usage_now(0).cpu_seconds <= before) {
        work++;
    }
    assert_true(process_usage_now(0).cpu_seconds > before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_process_has_memory_and_a_limit),
        cmocka_unit_test(a_configured_limit_wins),
        cmocka_unit_test(processor_time_only_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
