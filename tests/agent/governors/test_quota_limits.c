#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/governors/quota.h"

/* A multiple of every window used here. */
static const instant_ms noon = 1795000000000;

static struct quota_limit limit_of(const char *name, enum quota_algorithm algorithm, micro_units limit)
{
    return (struct quota_limit){.name = name_of(name),
                                .meter = name_of("*"),
                                .algorithm = algorithm,
                                .window = QUOTA_WINDOW_DURATION,
                                .window_ms = 1000,
                                .limit = limit,
                                .burst = limit,
                                .warn = 750000,
                                .throttle = 900000};
}

static struct plan plan_of_one(struct quota_limit limit)
{
    return (struct plan){.name = name_of("gold"), .quota_count = 1, .quotas = {limit}};
}

static struct quota_answer ask(const struct quota_state *state, const struct plan *plan, micro_units amount,
                               instant_ms now)
{
    struct name meter = name_of("kwh");
    return quota_step(*state, plan, &meter, amount, now);
}

static void take(struct quota_state *state, const struct plan *plan, micro_units amount, instant_ms now)
{
    if (amount > 0) {
        struct quota_answer answer = ask(state, plan, amount, now);
        assert_int_not_equal(answer.verdict, VERDICT_DENY);
        *state = answer.state;
    }
}

static void no_plan_and_no_limit_of_the_meter_allow(void **context)
{
    (void)context;
    struct plan plan = plan_of_one(limit_of("x", QUOTA_FIXED, 0));
    plan.quotas[0].meter = name_of("water");
    const struct plan *const plans[] = {NULL, &plan};
    for (size_t i = 0; i < 2; i++) {
        struct quota_state state = {0};
        struct quota_answer answer = ask(&state, plans[i], INT64_MAX, noon);
        assert_int_equal(answer.verdict, VERDICT_ALLOW);
        assert_int_equal(answer.reason, REASON_OK);
        assert_int_equal(answer.phase, QUOTA_NORMAL);
        assert_false(answer.report.has_limit);
        assert_int_equal(answer.state.use_count, 0);
    }
}

static struct plan plan_of_two(struct quota_limit first, struct quota_limit second)
{
    return (struct plan){.name = name_of("gold"), .quota_count = 2, .quotas = {first, second}};
}

static void assert_reported(const struct quota_answer *answer, const char *name, micro_units used)
{
    assert_true(answer->report.has_limit);
    assert_true(bytes_equal_string(name_bytes(&answer->report.name), name));
    assert_int_equal(answer->report.used, used);
}

static void one_denying_limit_keeps_all_unchanged(void **context)
{
    (void)context;
    struct plan plan = plan_of_two(limit_of("a", QUOTA_FIXED, 100), limit_of("b", QUOTA_FIXED, 10));
    struct quota_state state = {0};
    take(&state, &plan, 6, noon);
    struct quota_answer answer = ask(&state, &plan, 5, noon);
    assert_int_equal(answer.verdict, VERDICT_DENY);
    assert_reported(&answer, "b", 6);
    assert_int_equal(answer.state.uses[0].used, 6);
    assert_int_equal(answer.state.uses[1].used, 6);
}

struct report_row {
    micro_units first; /* Limits of a and b. */
    micro_units second;
    micro_units amount;
    enum verdict verdict;
    const char *name;
    micro_units used;
};

static void the_strictest_then_fullest_then_first_is_reported(void **context)
{
    static const struct report_row rows[] = {
        {100, 100, 10, VERDICT_ALLOW, "a", 10}, {100, 90, 10, VERDICT_ALLOW, "b", 10},
        {90, 100, 10, VERDICT_ALLOW, "a", 10},  {100, 80, 78, VERDICT_THROTTLE, "b", 78},
        {100, 0, 10, VERDICT_DENY, "b", 0},     {5, 0, 10, VERDICT_DENY, "b", 0},
        {0, 5, 10, VERDICT_DENY, "a", 0},       {0, 0, 10, VERDICT_DENY, "a", 0},
        {5, 6, 10, VERDICT_DENY, "a", 0},
    };
    (void)context;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct plan plan = plan_of_two(limit_of("a", QUOTA_FIXED, rows[i].first),
                                       limit_of("b", QUOTA_FIXED, rows[i].second));
        struct quota_state state = {0};
        struct quota_answer answer = ask(&state, &plan, rows[i].amount, noon);
        assert_int_equal(answer.verdict, rows[i].verdict);
        assert_reported(&answer, rows[i].name, rows[i].used);
    }
}

static void strictness_comes_before_fullness(void **context)
{
    (void)context;
    struct plan plan = plan_of_two(limit_of("full", QUOTA_FIXED, 100), limit_of("strict", QUOTA_FIXED, 1000));
    plan.quotas[0].warn = plan.quotas[0].throttle = 1000000;
    plan.quotas[1].throttle = 10000;
    struct quota_state state = {0};
    struct quota_answer answer = ask(&state, &plan, 99, noon);
    assert_int_equal(answer.verdict, VERDICT_THROTTLE);
    assert_reported(&answer, "strict", 99);
}

static void ratios_too_close_for_a_double_are_told_apart(void **context)
{
    (void)context;
    struct plan plan =
        plan_of_two(limit_of("a", QUOTA_FIXED, INT64_MAX), limit_of("b", QUOTA_FIXED, INT64_MAX - 1));
    struct quota_state state = {0};
    struct quota_answer answer = ask(&state, &plan, INT64_MAX / 3, noon);
    assert_reported(&answer, "b", INT64_MAX / 3);
}

static void waiting_lasts_until_no_limit_denies(void **context)
{
    (void)context;
    struct plan plan = plan_of_two(limit_of("a", QUOTA_FIXED, 100), limit_of("b", QUOTA_FIXED, 350));
    plan.quotas[1].window_ms = 5000;
    struct quota_state state = {0};
    for (instant_ms second = 0; second < 3; second++) {
        take(&state, &plan, 100, noon + second * 1000);
    }
    struct quota_answer denied_by_a = ask(&state, &plan, 50, noon + 2500);
    assert_reported(&denied_by_a, "a", 100);
    assert_int_equal(denied_by_a.retry_after_ms, 500);
    struct quota_answer denied_by_both = ask(&state, &plan, 100, noon + 2500);
    assert_reported(&denied_by_both, "a", 100);
    assert_int_equal(denied_by_both.retry_after_ms, 2500);
    plan.quotas[0].limit = 90; /* Now one of them will never take it. */
    assert_int_equal(ask(&state, &plan, 100, noon + 2500).retry_after_ms, 0);
}

static void a_meter_uses_its_own_limits_only(void **context)
{
    (void)context;
    struct plan plan = plan_of_two(limit_of("water", QUOTA_FIXED, 10), limit_of("all", QUOTA_FIXED, 100));
    plan.quotas[0].meter = name_of("water");
    struct name water = name_of("water"), kwh = name_of("kwh");
    struct quota_state state = quota_step((struct quota_state){0}, &plan, &water, 10, noon).state;
    struct quota_answer answer = quota_step(state, &plan, &kwh, 20, noon);
    assert_int_equal(answer.verdict, VERDICT_ALLOW);
    assert_reported(&answer, "all", 30);
    assert_int_equal(answer.state.phase, QUOTA_THROTTLED); /* The governor's state is of all limits. */
    enum quota_phase phase = QUOTA_NORMAL;
    struct quota_report report = quota_report_at(&answer.state, &plan, noon, &phase);
    assert_int_equal(phase, QUOTA_THROTTLED);
    assert_true(name_equal(&report.name, &water));
    report = quota_report_at(&answer.state, &plan, noon + 1000, &phase);
    assert_int_equal(phase, QUOTA_NORMAL);
    assert_int_equal(report.used, 0);
}

static void a_limit_of_zero_is_normal_and_reported_first_outside_decisions(void **context)
{
    (void)context;
    struct plan plan = plan_of_two(limit_of("a", QUOTA_FIXED, 100), limit_of("zero", QUOTA_FIXED, 0));
    struct quota_state state = {0};
    enum quota_phase phase = QUOTA_EXCEEDED;
    struct quota_report report = quota_report_at(&state, &plan, noon, &phase);
    assert_int_equal(phase, QUOTA_NORMAL);
    assert_true(bytes_equal_string(name_bytes(&report.name), "zero"));
    report = quota_report_at(&state, NULL, noon, &phase);
    assert_false(report.has_limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_plan_and_no_limit_of_the_meter_allow),
        cmocka_unit_test(one_denying_limit_keeps_all_unchanged),
        cmocka_unit_test(the_strictest_then_fullest_then_first_is_reported),
        cmocka_unit_test(strictness_comes_before_fullness),
        cmocka_unit_test(ratios_too_close_for_a_double_are_told_apart),
        cmocka_unit_test(waiting_lasts_until_no_limit_denies),
        cmocka_unit_test(a_meter_uses_its_own_limits_only),
        cmocka_unit_test(a_limit_of_zero_is_normal_and_reported_first_outside_decisions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
