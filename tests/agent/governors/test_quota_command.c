#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/governors/quota.h"

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

/* Limits named a, b, c… as far as `names` goes. */
static struct plan plan_of(const char *names)
{
    struct plan plan = {.name = name_of(names)};
    for (; names[plan.quota_count] != '\0'; plan.quota_count++) {
        const char name[2] = {names[plan.quota_count], '\0'};
        plan.quotas[plan.quota_count] = limit_of(name, QUOTA_FIXED, 100);
    }
    return plan;
}

static struct command command_of(enum command_op op, const char *name, micro_units amount)
{
    return (struct command){.id = name_of("c"),
                            .governor = GOVERNOR_QUOTA,
                            .op = op,
                            .name = name_of(name),
                            .amount = op == OP_REFUND ? amount : 0,
                            .limit = op == OP_SET_LIMIT ? amount : 0};
}

static struct quota_answer ask(const struct quota_state *state, const struct plan *plan, micro_units amount,
                               instant_ms now)
{
    struct name meter = name_of("kwh");
    return quota_step(*state, plan, &meter, amount, now);
}

static void take(struct quota_state *state, const struct plan *plan, micro_units amount, instant_ms now)
{
    struct quota_answer answer = ask(state, plan, amount, now);
    assert_int_not_equal(answer.verdict, VERDICT_DENY);
    *state = answer.state;
}

static void give(struct quota_state *state, const struct plan *plan, struct command command, instant_ms now)
{
    struct quota_outcome outcome = quota_command(*state, plan, &command, now);
    assert_int_equal(outcome.reason, REPLY_OK);
    *state = outcome.state;
}

static const struct quota_use *use_named(const struct quota_state *state, const char *name)
{
    for (uint8_t i = 0; i < state->use_count; i++) {
        if (bytes_equal_string(name_bytes(&state->uses[i].name), name)) {
            return &state->uses[i];
        }
    }
    return NULL;
}

struct command_row {
    enum quota_algorithm algorithm;
    micro_units before; /* Taken at noon + 500 of a limit a of 100 in 1000 ms. */
    enum command_op op;
    const char *name;
    micro_units amount;
    instant_ms now; /* noon + this */
    enum reply_reason reason;
    enum quota_phase phase;
    micro_units used;
    micro_units limit;
};

static const struct command_row command_rows[] = {
    {QUOTA_FIXED, 95, OP_RESET, "", 0, 600, REPLY_OK, QUOTA_NORMAL, 0, 100},
    {QUOTA_FIXED, 95, OP_REFUND, "", 5, 600, REPLY_OK, QUOTA_THROTTLED, 90, 100},
    {QUOTA_FIXED, 95, OP_REFUND, "a", 6, 600, REPLY_OK, QUOTA_WARNING, 89, 100},
    {QUOTA_FIXED, 95, OP_REFUND, "a", 21, 600, REPLY_OK, QUOTA_NORMAL, 74, 100},
    {QUOTA_FIXED, 95, OP_REFUND, "a", 0, 600, REPLY_OK, QUOTA_THROTTLED, 95, 100},
    {QUOTA_FIXED, 95, OP_REFUND, "a", INT64_MAX, 600, REPLY_OK, QUOTA_NORMAL, 0, 100},
    {QUOTA_FIXED, 95, OP_REFUND, "b", 5, 600, REPLY_UNKNOWN_LIMIT, QUOTA_THROTTLED, 95, 100},
    {QUOTA_FIXED, 95, OP_REFUND, "a", 5, 1000, REPLY_OK, QUOTA_NORMAL, 0, 100},
    {QUOTA_FIXED, 95, OP_SET_LIMIT, "a", 200, 600, REPLY_OK, QUOTA_NORMAL, 95, 200},
    {QUOTA_FIXED, 60, OP_SET_LIMIT, "a", 70, 600, REPLY_OK, QUOTA_WARNING, 60, 70},
    {QUOTA_FIXED, 60, OP_SET_LIMIT, "a", 60, 600, REPLY_OK, QUOTA_THROTTLED, 60, 60},
    {QUOTA_FIXED, 60, OP_SET_LIMIT, "a", 50, 600, REPLY_OK, QUOTA_THROTTLED, 60, 50},
    {QUOTA_FIXED, 60, OP_SET_LIMIT, "a", 0, 600, REPLY_OK, QUOTA_NORMAL, 60, 0},
    {QUOTA_FIXED, 60, OP_SET_LIMIT, "b", 70, 600, REPLY_UNKNOWN_LIMIT, QUOTA_NORMAL, 60, 100},
    {QUOTA_FIXED, 60, OP_SET_LIMIT, "", 70, 600, REPLY_UNKNOWN_LIMIT, QUOTA_NORMAL, 60, 100},
    /* The window before stays: only current use is given back. */
    {QUOTA_SLIDING, 80, OP_REFUND, "", 50, 1500, REPLY_OK, QUOTA_NORMAL, 40, 100},
    {QUOTA_SLIDING, 80, OP_REFUND, "", 50, 600, REPLY_OK, QUOTA_NORMAL, 30, 100},
    {QUOTA_SLIDING, 80, OP_RESET, "", 0, 1500, REPLY_OK, QUOTA_NORMAL, 0, 100},
    {QUOTA_TOKEN_BUCKET, 80, OP_REFUND, "", 50, 600, REPLY_OK, QUOTA_NORMAL, 20, 100},
    {QUOTA_TOKEN_BUCKET, 80, OP_REFUND, "", 50, 605, REPLY_OK, QUOTA_NORMAL, 20, 100},
    {QUOTA_TOKEN_BUCKET, 80, OP_REFUND, "", 70, 605, REPLY_OK, QUOTA_NORMAL, 0, 100},
    {QUOTA_TOKEN_BUCKET, 80, OP_SET_LIMIT, "a", 75, 600, REPLY_OK, QUOTA_THROTTLED, 70, 75},
    {QUOTA_TOKEN_BUCKET, 80, OP_SET_LIMIT, "a", 0, 600, REPLY_OK, QUOTA_NORMAL, 70, 0},
    {QUOTA_TOKEN_BUCKET, 80, OP_RESET, "", 0, 600, REPLY_OK, QUOTA_NORMAL, 0, 100},
};

static void commands_lead_where_the_table_says(void **context)
{
    (void)context;
    for (size_t i = 0; i < sizeof command_rows / sizeof command_rows[0]; i++) {
        const struct command_row *row = &command_rows[i];
        struct plan plan = plan_of("a");
        plan.quotas[0].algorithm = row->algorithm;
        struct quota_state state = {0};
        take(&state, &plan, row->before, noon + 500);
        struct command command = command_of(row->op, row->name, row->amount);
        struct quota_outcome outcome = quota_command(state, &plan, &command, noon + row->now);
        enum quota_phase phase = QUOTA_EXCEEDED;
        struct quota_report report = quota_report_at(&outcome.state, &plan, noon + row->now, &phase);
        if (outcome.reason != row->reason || phase != row->phase || report.used != row->used ||
            report.limit != row->limit) {
            fail_msg("row %zu: %s, %s, used %lld of %lld", i, reply_reason_name(outcome.reason),
                     quota_phase_name(phase), (long long)report.used, (long long)report.limit);
        }
        assert_int_equal(outcome.state.phase, phase);
    }
}

static void without_a_plan_only_reset_has_nothing_to_miss(void **context)
{
    (void)context;
    static const struct {
        enum command_op op;
        const char *name;
        enum reply_reason reason;
    } rows[] = {
        {OP_RESET, "", REPLY_OK},
        {OP_REFUND, "", REPLY_UNKNOWN_LIMIT},
        {OP_REFUND, "a", REPLY_UNKNOWN_LIMIT},
        {OP_SET_LIMIT, "a", REPLY_UNKNOWN_LIMIT},
    };
    struct plan plan = plan_of("a");
    struct quota_state state = {0};
    take(&state, &plan, 60, noon);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct command command = command_of(rows[i].op, rows[i].name, 1);
        struct quota_outcome outcome = quota_command(state, NULL, &command, noon);
        assert_int_equal(outcome.reason, rows[i].reason);
        assert_int_equal(use_named(&outcome.state, "a")->used, 60);
    }
}

static void refund_without_a_name_goes_to_all_limits_of_the_plan_only(void **context)
{
    (void)context;
    struct plan earlier = plan_of("xa"), plan = plan_of("ab");
    struct quota_state state = {0};
    take(&state, &earlier, 30, noon);
    take(&state, &plan, 30, noon);
    give(&state, &plan, command_of(OP_REFUND, "", 10), noon);
    assert_int_equal(use_named(&state, "a")->used, 50);
    assert_int_equal(use_named(&state, "b")->used, 20);
    assert_int_equal(use_named(&state, "x")->used, 30);
    give(&state, &plan, command_of(OP_REFUND, "b", 5), noon);
    assert_int_equal(use_named(&state, "a")->used, 50);
    assert_int_equal(use_named(&state, "b")->used, 15);
    give(&state, &plan, command_of(OP_RESET, "", 0), noon);
    assert_int_equal(use_named(&state, "a")->used, 0);
    assert_int_equal(use_named(&state, "b")->used, 0);
    assert_int_equal(use_named(&state, "x")->used, 30);
}

static void an_override_decides_until_cleared_and_survives_a_reset(void **context)
{
    (void)context;
    struct plan plan = plan_of("a");
    struct quota_state state = {0};
    give(&state, &plan, command_of(OP_SET_LIMIT, "a", 10), noon);
    assert_int_equal(ask(&state, &plan, 11, noon).verdict, VERDICT_DENY);
    give(&state, &plan, command_of(OP_RESET, "", 0), noon);
    assert_int_equal(ask(&state, &plan, 11, noon).verdict, VERDICT_DENY);
    give(&state, &plan, command_of(OP_SET_LIMIT, "a", 20), noon);
    take(&state, &plan, 11, noon);
    state = quota_clear_overrides(state);
    assert_false(use_named(&state, "a")->has_override);
    assert_int_equal(use_named(&state, "a")->override, 0);
    struct quota_answer answer = ask(&state, &plan, 1, noon);
    assert_int_equal(answer.report.limit, 100);
    assert_int_equal(answer.report.used, 12);
}

static void an_override_of_zero_denies_and_is_told_from_none(void **context)
{
    (void)context;
    struct plan plan = plan_of("a");
    struct quota_state state = {0};
    give(&state, &plan, command_of(OP_SET_LIMIT, "a", 0), noon);
    struct quota_answer answer = ask(&state, &plan, 1, noon);
    assert_int_equal(answer.verdict, VERDICT_DENY);
    assert_int_equal(answer.retry_after_ms, 0);
}

static void an_override_moves_a_burst_that_was_left_to_be_the_limit(void **context)
{
    (void)context;
    struct plan plan = plan_of("a");
    plan.quotas[0].algorithm = QUOTA_TOKEN_BUCKET;
    struct quota_state state = {0};
    give(&state, &plan, command_of(OP_SET_LIMIT, "a", 200), noon);
    take(&state, &plan, 200, noon);
    assert_int_equal(ask(&state, &plan, 50, noon + 250).report.used, 200); /* 200 per second: 50 are back. */

    plan.quotas[0].burst = 40;
    state = (struct quota_state){0};
    give(&state, &plan, command_of(OP_SET_LIMIT, "a", 200), noon);
    assert_int_equal(ask(&state, &plan, 41, noon).verdict, VERDICT_DENY);
    take(&state, &plan, 40, noon);
    assert_int_equal(ask(&state, &plan, 20, noon + 100).report.used, 40);
}

static void regained_at_the_old_rate_until_the_override(void **context)
{
    (void)context;
    struct plan plan = plan_of("a");
    plan.quotas[0].algorithm = QUOTA_TOKEN_BUCKET;
    struct quota_state state = {0};
    take(&state, &plan, 100, noon);
    give(&state, &plan, command_of(OP_SET_LIMIT, "a", 1000), noon + 500);
    assert_int_equal(use_named(&state, "a")->used, 50);
    assert_int_equal(quota_at(state, &plan, noon + 520).uses[0].used, 30);
}

static void use_survives_a_change_of_plan_and_back(void **context)
{
    (void)context;
    struct plan gold = plan_of("ab"), silver = plan_of("bc");
    struct quota_state state = {0};
    take(&state, &gold, 60, noon);
    take(&state, &silver, 20, noon);
    assert_int_equal(use_named(&state, "a")->used, 60);
    assert_int_equal(use_named(&state, "b")->used, 80);
    assert_int_equal(use_named(&state, "c")->used, 20);
    assert_int_equal(ask(&state, &gold, 21, noon).verdict, VERDICT_DENY);
}

/* One limit, "a", by the algorithm of that number. */
static struct plan plan_with(size_t algorithm)
{
    static const enum quota_algorithm algorithms[] = {QUOTA_FIXED, QUOTA_SLIDING, QUOTA_TOKEN_BUCKET};
    struct plan plan = plan_of("a");
    plan.quotas[0].algorithm = algorithms[algorithm];
    return plan;
}

static void use_stays_when_terms_change(void **context)
{
    (void)context;
    for (size_t i = 0; i < 9; i++) {
        struct plan before = plan_with(i / 3), after = plan_with(i % 3);
        after.quotas[0].limit = after.quotas[0].burst = 70;
        after.quotas[0].window_ms = 500;
        struct quota_state state = {0};
        take(&state, &before, 60, noon + 600);
        struct quota_answer answer = ask(&state, &after, 11, noon + 600);
        assert_int_equal(answer.verdict, VERDICT_DENY);
        assert_int_equal(answer.report.used, 60);
    }
}

static void what_a_bucket_began_to_regain_is_not_carried_into_other_terms(void **context)
{
    (void)context;
    struct plan plan = plan_of("a");
    plan.quotas[0].algorithm = QUOTA_TOKEN_BUCKET;
    plan.quotas[0].limit = 1;
    struct quota_state state = {0};
    take(&state, &plan, 10, noon);
    state = quota_at(state, &plan, noon + 900);
    assert_int_equal(state.uses[0].used, 10);
    assert_int_equal(state.uses[0].regained, 900);
    plan.quotas[0].window_ms = 10;
    state = quota_at(state, &plan, noon + 900);
    assert_int_equal(quota_at(state, &plan, noon + 909).uses[0].used, 10);
    assert_int_equal(quota_at(state, &plan, noon + 910).uses[0].used, 9);
}

static void use_of_a_sliding_window_stands_still_in_a_fixed_one(void **context)
{
    (void)context;
    struct plan sliding = plan_of("a"), fixed = plan_of("a");
    sliding.quotas[0].algorithm = QUOTA_SLIDING;
    struct quota_state state = {0};
    take(&state, &sliding, 60, noon);
    take(&state, &sliding, 1, noon + 1000);
    assert_int_equal(state.uses[0].previous, 60);
    state = quota_at(state, &fixed, noon + 1500);
    assert_int_equal(state.uses[0].used, 31);
    assert_int_equal(state.uses[0].previous, 0);
    assert_int_equal(quota_at(state, &fixed, noon + 1999).uses[0].used, 31);
    assert_int_equal(quota_at(state, &fixed, noon + 2000).uses[0].used, 0);
}

/* Whatever the terms were and have become since, as long as nobody looked. */
static void what_has_faded_by_the_old_terms_does_not_come_back(void **context)
{
    (void)context;
    for (size_t i = 0; i < 9; i++) {
        struct plan before = plan_with(i / 3), after = plan_with(i % 3);
        after.quotas[0].window_ms = 86400000;
        struct quota_state state = {0};
        take(&state, &before, 60, noon);
        struct quota_answer answer = ask(&state, &after, 100, noon + 2000);
        assert_int_equal(answer.verdict, VERDICT_THROTTLE);
        assert_int_equal(answer.report.used, 100);
    }
}

static void bucket_regains_at_its_old_rate_until_it_is_looked_at(void **context)
{
    (void)context;
    struct plan plan = plan_of("a");
    plan.quotas[0].algorithm = QUOTA_TOKEN_BUCKET;
    struct quota_state state = {0};
    take(&state, &plan, 100, noon);
    plan.quotas[0].limit = 10; /* A tenth of it; the burst stays. */
    state = quota_at(state, &plan, noon + 500);
    assert_int_equal(state.uses[0].used, 50);
    assert_int_equal(quota_at(state, &plan, noon + 1500).uses[0].used, 40);
}

static void change_of_a_windows_limit_alone_changes_no_use(void **context)
{
    (void)context;
    struct plan plan = plan_of("a");
    plan.quotas[0].algorithm = QUOTA_SLIDING;
    struct quota_state state = {0};
    take(&state, &plan, 60, noon);
    take(&state, &plan, 1, noon + 1000);
    plan.quotas[0].limit = 70;
    state = quota_at(state, &plan, noon + 1500);
    assert_int_equal(state.uses[0].used, 1);
    assert_int_equal(state.uses[0].previous, 60);
}

/* Names a to h used in that order. */
static struct quota_state full_state(void)
{
    struct quota_state state = {.use_count = QUOTA_USES_MAX};
    for (uint8_t i = 0; i < QUOTA_USES_MAX; i++) {
        const char name[2] = {(char)('a' + i), '\0'};
        state.uses[i] = (struct quota_use){.name = name_of(name), .used = 10, .since = noon + i};
    }
    return state;
}

static void the_plans_own_names_are_never_forgotten(void **context)
{
    (void)context;
    struct plan plan = plan_of("aibj");
    struct quota_state state = full_state();
    give(&state, &plan, command_of(OP_SET_LIMIT, "i", 500), noon + 10);
    give(&state, &plan, command_of(OP_SET_LIMIT, "j", 500), noon + 10);
    assert_non_null(use_named(&state, "a"));
    assert_non_null(use_named(&state, "b"));
    assert_null(use_named(&state, "c"));
    assert_null(use_named(&state, "d"));
}

static void use_of_the_window_before_is_use_too(void **context)
{
    (void)context;
    struct plan plan = plan_of("i");
    struct quota_state state = full_state();
    state.uses[7].previous = state.uses[7].used;
    state.uses[7].used = 0;
    take(&state, &plan, 10, noon + 10);
    assert_non_null(use_named(&state, "h"));
    assert_null(use_named(&state, "a"));
}

static void eight_names_are_remembered_and_the_ninth_costs_the_least_recently_used(void **context)
{
    (void)context;
    struct plan first = plan_of("abcd"), second = plan_of("efgh"), third = plan_of("i"),
                fourth = plan_of("ij");
    struct quota_state state = {0};
    take(&state, &second, 10, noon);
    take(&state, &first, 10, noon + 1);
    assert_int_equal(state.use_count, QUOTA_USES_MAX);
    give(&state, &second, command_of(OP_REFUND, "h", 10), noon + 2); /* Idle: goes before the older ones. */
    take(&state, &third, 10, noon + 3);
    assert_null(use_named(&state, "h"));
    assert_non_null(use_named(&state, "e"));
    take(&state, &fourth, 10, noon + 4);
    assert_null(use_named(&state, "e"));
    assert_non_null(use_named(&state, "a"));
    assert_int_equal(use_named(&state, "i")->used, 20);
    assert_int_equal(state.use_count, QUOTA_USES_MAX);
}

static void an_override_is_remembered_longer_than_an_idle_name(void **context)
{
    (void)context;
    struct plan first = plan_of("abcd"), second = plan_of("efgh"), third = plan_of("ijkl");
    struct quota_state state = {0};
    give(&state, &first, command_of(OP_SET_LIMIT, "a", 500), noon);
    take(&state, &first, 10, noon);
    take(&state, &second, 10, noon);
    give(&state, &first, command_of(OP_RESET, "", 0), noon);
    struct plan three = plan_of("ijk");
    take(&state, &three, 10, noon);
    assert_int_equal(use_named(&state, "a")->override, 500);
    assert_null(use_named(&state, "b"));
    take(&state, &third, 10, noon); /* Without use since the reset, it is the least recently used now. */
    assert_null(use_named(&state, "a"));
    assert_non_null(use_named(&state, "e"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_lead_where_the_table_says),
        cmocka_unit_test(without_a_plan_only_reset_has_nothing_to_miss),
        cmocka_unit_test(refund_without_a_name_goes_to_all_limits_of_the_plan_only),
        cmocka_unit_test(an_override_decides_until_cleared_and_survives_a_reset),
        cmocka_unit_test(an_override_of_zero_denies_and_is_told_from_none),
        cmocka_unit_test(an_override_moves_a_burst_that_was_left_to_be_the_limit),
        cmocka_unit_test(regained_at_the_old_rate_until_the_override),
        cmocka_unit_test(use_survives_a_change_of_plan_and_back),
        cmocka_unit_test(use_stays_when_terms_change),
        cmocka_unit_test(what_a_bucket_began_to_regain_is_not_carried_into_other_terms),
        cmocka_unit_test(use_of_a_sliding_window_stands_still_in_a_fixed_one),
        cmocka_unit_test(what_has_faded_by_the_old_terms_does_not_come_back),
        cmocka_unit_test(bucket_regains_at_its_old_rate_until_it_is_looked_at),
        cmocka_unit_test(change_of_a_windows_limit_alone_changes_no_use),
        cmocka_unit_test(the_plans_own_names_are_never_forgotten),
        cmocka_unit_test(use_of_the_window_before_is_use_too),
        cmocka_unit_test(eight_names_are_remembered_and_the_ninth_costs_the_least_recently_used),
        cmocka_unit_test(an_override_is_remembered_longer_than_an_idle_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
