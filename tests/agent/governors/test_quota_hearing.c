#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/governors/quota_hearing.h"

/* A multiple of the window used here. */
static const instant_ms noon = 1795000000000;

static struct quota_limit limit_of(const char *name, const char *meter, micro_units limit)
{
    return (struct quota_limit){.name = name_of(name),
                                .meter = name_of(meter),
                                .algorithm = QUOTA_FIXED,
                                .window = QUOTA_WINDOW_DURATION,
                                .window_ms = 1000,
                                .limit = limit,
                                .burst = limit,
                                .warn = 750000,
                                .throttle = 900000};
}

/* 100 of all meters together, 10 of kwh and 10 of water. */
static struct plan plan_of_three(void)
{
    return (struct plan){
        .name = name_of("gold"),
        .quota_count = 3,
        .quotas = {limit_of("all", "*", 100), limit_of("kwh", "kwh", 10), limit_of("water", "water", 10)}};
}

static void take(struct quota_state *state, const struct plan *plan, const char *meter, micro_units amount)
{
    struct name name = name_of(meter);
    struct quota_hearing hearing;
    quota_hear(&hearing, state, plan, noon);
    quota_ask(&hearing, &name, amount);
    quota_take(state, &hearing);
}

static void only_the_limits_of_the_meter_take(void **context)
{
    (void)context;
    struct plan plan = plan_of_three();
    struct quota_state state = {0};
    take(&state, &plan, "water", 9);
    assert_int_equal(state.use_count, 2);
    assert_true(name_equal(&state.uses[0].name, &plan.quotas[0].name));
    assert_true(name_equal(&state.uses[1].name, &plan.quotas[2].name));
    assert_int_equal(state.uses[0].used, 9);
    assert_int_equal(state.uses[1].used, 9);
    assert_int_equal(state.phase, QUOTA_THROTTLED);
    take(&state, &plan, "kwh", 1);
    assert_int_equal(state.use_count, 3);
    assert_int_equal(state.uses[0].used, 10);
    assert_int_equal(state.uses[1].used, 9);
    assert_int_equal(state.uses[2].used, 1);
    assert_int_equal(state.phase, QUOTA_THROTTLED); /* Still water's, though kwh was asked. */
}

static void settling_moves_time_and_takes_nothing(void **context)
{
    (void)context;
    struct plan plan = plan_of_three();
    struct name meter = name_of("kwh");
    struct quota_state state = {0};
    take(&state, &plan, "kwh", 8);
    for (instant_ms now = noon + 999; now <= noon + 1000; now++) {
        struct quota_hearing hearing;
        quota_hear(&hearing, &state, &plan, now);
        quota_ask(&hearing, &meter, 1);
        quota_settle(&state, &hearing);
        bool is_over = now == noon + 1000;
        assert_int_equal(state.use_count, 2);
        assert_int_equal(state.uses[0].used, is_over ? 0 : 8);
        assert_int_equal(state.uses[1].used, is_over ? 0 : 8);
        assert_int_equal(state.phase, is_over ? QUOTA_NORMAL : QUOTA_WARNING);
    }
}

static void hearing_and_asking_leave_the_state_alone(void **context)
{
    (void)context;
    struct plan plan = plan_of_three();
    struct name meter = name_of("kwh");
    struct quota_state state;
    memset(&state, 0, sizeof state);
    take(&state, &plan, "kwh", 8);
    struct quota_state before;
    memcpy(&before, &state, sizeof before);
    struct quota_hearing hearing;
    quota_hear(&hearing, &state, &plan, noon + 5000);
    quota_ask(&hearing, &meter, 3);
    assert_memory_equal(&state, &before, sizeof state);
}

static void report_shows_what_it_is_told_to(void **context)
{
    (void)context;
    static const struct {
        enum quota_shown shown;
        micro_units used;
        enum quota_phase phase;
    } rows[] = {{QUOTA_SHOWN_AFTER, 8, QUOTA_WARNING}, {QUOTA_SHOWN_BEFORE, 7, QUOTA_NORMAL}};
    struct plan plan = plan_of_three();
    struct name meter = name_of("kwh");
    struct quota_state state = {0};
    take(&state, &plan, "kwh", 7);
    struct quota_hearing hearing;
    quota_hear(&hearing, &state, &plan, noon);
    quota_ask(&hearing, &meter, 1);
    assert_int_equal(quota_verdict(&hearing), VERDICT_WARN);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct quota_report report;
        memset(&report, 0xA5, sizeof report);
        assert_int_equal(quota_show(&hearing, rows[i].shown, &report), rows[i].phase);
        assert_true(name_equal(&report.name, &meter));
        assert_true(report.has_limit);
        assert_int_equal(report.used, rows[i].used);
        assert_int_equal(report.remaining, 10 - rows[i].used);
        assert_int_equal(report.resets_at, noon + 1000);
    }
}

static void meter_without_a_limit_takes_and_shows_nothing(void **context)
{
    (void)context;
    struct plan plan = plan_of_three();
    plan.quotas[0].meter = name_of("gas");
    struct name meter = name_of("unlock");
    struct quota_state state = {0};
    struct quota_hearing hearing;
    quota_hear(&hearing, &state, &plan, noon);
    quota_ask(&hearing, &meter, INT64_MAX);
    quota_take(&state, &hearing);
    struct quota_report report;
    memset(&report, 0xA5, sizeof report);
    assert_int_equal(quota_show(&hearing, QUOTA_SHOWN_AFTER, &report), QUOTA_NORMAL);
    assert_false(report.has_limit);
    assert_int_equal(report.used, 0);
    assert_int_equal(quota_verdict(&hearing), VERDICT_ALLOW);
    assert_int_equal(state.use_count, 0);
}

static void retry_waits_only_for_limits_of_the_meter(void **context)
{
    (void)context;
    struct plan plan = plan_of_three();
    plan.quotas[2].window_ms = 5000;
    struct name meter = name_of("kwh");
    struct quota_state state = {0};
    take(&state, &plan, "water", 9);
    struct quota_hearing hearing;
    quota_hear(&hearing, &state, &plan, noon + 400);
    quota_ask(&hearing, &meter, 9);
    assert_int_equal(quota_reason(&hearing), REASON_QUOTA_THROTTLED);
    assert_int_equal(quota_retry_after(&hearing), 600);
}

/* A use may be ahead of a clock that ran back; once nothing is left of it, it must not hold the next one
 * there. */
static void use_that_is_gone_leaves_no_time_behind(void **context)
{
    (void)context;
    struct plan plan = plan_of_three();
    struct quota_state state = {0};
    state.use_count = 1;
    state.uses[0] =
        (struct quota_use){.name = name_of("all"), .previous = 5, .since = noon + 60000}; /* Was sliding. */
    take(&state, &plan, "gas", 1);
    assert_int_equal(state.uses[0].used, 1);
    assert_int_equal(state.uses[0].previous, 0);
    assert_true(state.uses[0].since == noon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_limits_of_the_meter_take),
        cmocka_unit_test(settling_moves_time_and_takes_nothing),
        cmocka_unit_test(hearing_and_asking_leave_the_state_alone),
        cmocka_unit_test(report_shows_what_it_is_told_to),
        cmocka_unit_test(meter_without_a_limit_takes_and_shows_nothing),
        cmocka_unit_test(retry_waits_only_for_limits_of_the_meter),
        cmocka_unit_test(use_that_is_gone_leaves_no_time_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
