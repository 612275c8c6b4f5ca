#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/governors/verdict.h"
#include "agent/runtime/metrics.h"

static void metrics_count_apart(void **context)
{
    (void)context;
    static struct metrics metrics;
    metrics_init(&metrics);
    for (int metric = 0; metric < METRICS; metric++) {
        metrics_add(&metrics, (enum metric)metric, (uint64_t)metric);
        metrics_count(&metrics, (enum metric)metric);
    }
    for (int metric = 0; metric < METRICS; metric++) {
        assert_int_equal(metrics_get(&metrics, (enum metric)metric), metric + 1);
    }
}

static void groups_are_summed(void **context)
{
    (void)context;
    static struct metrics metrics;
    metrics_init(&metrics);
    metrics_add(&metrics, METRIC_SHED_OVERWRITTEN, 1);
    metrics_add(&metrics, METRIC_SHED_MAILBOX, 10);
    metrics_add(&metrics, METRIC_SHED_DEVICE_RATE, 100);
    metrics_add(&metrics, METRIC_COMMANDS_APPLIED, 1000);
    metrics_add(&metrics, METRIC_DEAD_LETTERS_BAD_COMMAND, 1000);
    assert_int_equal(metrics_sum(&metrics, METRIC_SHED_OVERWRITTEN, METRIC_SHED_DEVICE_RATE), 111);
}

static void decisions_follow_the_order_of_verdicts(void **context)
{
    (void)context;
    for (int verdict = VERDICT_ALLOW; verdict <= (int)VERDICT_DENY; verdict++) {
        char name[64];
        snprintf(name, sizeof name, "decisions_total.%s", verdict_name((enum verdict)verdict));
        assert_string_equal(metric_name((enum metric)((int)METRIC_DECISIONS_ALLOW + verdict)), name);
    }
}

static void dead_letters_follow_the_order_of_the_contract(void **context)
{
    (void)context;
    const char *const reasons[] = {"bad_topic",  "too_large",     "not_utf8",          "not_json",
                                   "too_deep",   "duplicate_key", "identity_mismatch", "bad_id",
                                   "bad_amount", "bad_command"};
    for (int reason = 0; reason < 10; reason++) {
        char name[64];
        snprintf(name, sizeof name, "dead_letters_total.%s", reasons[reason]);
        assert_string_equal(metric_name((enum metric)((int)METRIC_DEAD_LETTERS_BAD_TOPIC + reason)), name);
    }
}

static void names_are_unique(void **context)
{
    (void)context;
    for (int metric = 0; metric < METRICS; metric++) {
        for (int other = 0; other < metric; other++) {
            assert_string_not_equal(metric_name((enum metric)metric), metric_name((enum metric)other));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_count_apart),
        cmocka_unit_test(groups_are_summed),
        cmocka_unit_test(decisions_follow_the_order_of_verdicts),
        cmocka_unit_test(dead_letters_follow_the_order_of_the_contract),
        cmocka_unit_test(names_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
