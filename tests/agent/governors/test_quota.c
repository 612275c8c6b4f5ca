#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

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

static instant_ms at(const char *text)
{
    instant_ms instant = 0;
    assert_int_equal(instant_parse(bytes_of_string(text), &instant), STATUS_OK);
    return instant;
}

struct ask_row {
    enum quota_algorithm algorithm;
    micro_units limit; /* Per 1000 ms. */
    micro_units burst;
    micro_units before; /* Taken at noon + before_at. */
    instant_ms before_at;
    micro_units amount; /* Asked at noon + now. */
    instant_ms now;
    enum quota_phase phase; /* Verdict and reason follow from it. */
    micro_units used;
    int64_t retry_after_ms;
    instant_ms resets_at; /* noon + this. */
};

static const struct ask_row ask_rows[] = {
    /* Shares of the limit. */
    {QUOTA_FIXED, 100, 100, 0, 0, 74, 0, QUOTA_NORMAL, 74, 0, 1000},
    {QUOTA_FIXED, 100, 100, 0, 0, 75, 0, QUOTA_WARNING, 75, 0, 1000},
    {QUOTA_FIXED, 100, 100, 0, 0, 89, 0, QUOTA_WARNING, 89, 0, 1000},
    {QUOTA_FIXED, 100, 100, 0, 0, 90, 0, QUOTA_THROTTLED, 90, 1000, 1000},
    {QUOTA_FIXED, 100, 100, 0, 0, 90, 400, QUOTA_THROTTLED, 90, 600, 1000},
    {QUOTA_FIXED, 100, 100, 60, 0, 40, 999, QUOTA_THROTTLED, 100, 1, 1000},
    {QUOTA_FIXED, 100, 100, 60, 0, 41, 400, QUOTA_EXCEEDED, 60, 600, 1000},
    {QUOTA_FIXED, 100, 100, 60, 500, 41, 999, QUOTA_EXCEEDED, 60, 1, 1000},
    /* The window's end is the next one's first instant. */
    {QUOTA_FIXED, 100, 100, 60, 999, 60, 1000, QUOTA_NORMAL, 60, 0, 2000},
    {QUOTA_FIXED, 100, 100, 60, 0, 60, 10500, QUOTA_NORMAL, 60, 0, 11000},
    /* Never fits. */
    {QUOTA_FIXED, 100, 100, 0, 0, 101, 0, QUOTA_EXCEEDED, 0, 0, 1000},
    {QUOTA_FIXED, 0, 0, 0, 0, 1, 0, QUOTA_EXCEEDED, 0, 0, 1000},
    /* Sums beyond 64 bits are denied, not wrapped. */
    {QUOTA_FIXED, INT64_MAX, INT64_MAX, 1, 0, INT64_MAX, 0, QUOTA_EXCEEDED, 1, 1000, 1000},
    {QUOTA_FIXED, INT64_MAX, INT64_MAX, 1, 0, INT64_MAX - 1, 0, QUOTA_THROTTLED, INT64_MAX, 1000, 1000},
    {QUOTA_SLIDING, INT64_MAX, INT64_MAX, INT64_MAX, 0, INT64_MAX, 1000, QUOTA_EXCEEDED, INT64_MAX, 1000,
     2000},
    {QUOTA_TOKEN_BUCKET, INT64_MAX, INT64_MAX, INT64_MAX, 0, INT64_MAX, 0, QUOTA_EXCEEDED, INT64_MAX, 1000,
     1000},

    /* The previous window counts in full, then fades. */
    {QUOTA_SLIDING, 100, 100, 80, 500, 20, 999, QUOTA_THROTTLED, 100, 102, 1000},
    {QUOTA_SLIDING, 100, 100, 80, 500, 1, 1000, QUOTA_WARNING, 81, 0, 2000},
    {QUOTA_SLIDING, 100, 100, 80, 500, 60, 1500, QUOTA_THROTTLED, 100, 126, 2000},
    {QUOTA_SLIDING, 100, 100, 80, 500, 61, 1500, QUOTA_EXCEEDED, 40, 1, 2000},
    {QUOTA_SLIDING, 100, 100, 80, 500, 30, 900, QUOTA_EXCEEDED, 80, 213, 1000},
    {QUOTA_SLIDING, 100, 100, 80, 500, 100, 900, QUOTA_EXCEEDED, 80, 1088, 1000},
    {QUOTA_SLIDING, 100, 100, 80, 500, 101, 900, QUOTA_EXCEEDED, 80, 0, 1000},
    {QUOTA_SLIDING, 100, 100, 1, 0, 1, 1001, QUOTA_NORMAL, 1, 0, 2000},
    {QUOTA_SLIDING, 100, 100, 80, 500, 1, 1999, QUOTA_NORMAL, 1, 0, 2000},
    {QUOTA_SLIDING, 100, 100, 80, 500, 100, 2000, QUOTA_THROTTLED, 100, 1101, 3000},
    {QUOTA_SLIDING, 0, 0, 0, 0, 1, 0, QUOTA_EXCEEDED, 0, 0, 1000},

    /* 1 is regained every 10 ms, what is not yet whole counts as used. */
    {QUOTA_TOKEN_BUCKET, 100, 50, 0, 0, 37, 0, QUOTA_NORMAL, 37, 0, 370},
    {QUOTA_TOKEN_BUCKET, 100, 50, 0, 0, 38, 0, QUOTA_WARNING, 38, 0, 380},
    {QUOTA_TOKEN_BUCKET, 100, 50, 0, 0, 50, 0, QUOTA_THROTTLED, 50, 60, 500},
    {QUOTA_TOKEN_BUCKET, 100, 50, 0, 0, 51, 0, QUOTA_EXCEEDED, 0, 0, 0},
    {QUOTA_TOKEN_BUCKET, 100, 50, 50, 0, 10, 90, QUOTA_EXCEEDED, 41, 10, 500},
    {QUOTA_TOKEN_BUCKET, 100, 50, 50, 0, 10, 99, QUOTA_EXCEEDED, 41, 1, 500},
    {QUOTA_TOKEN_BUCKET, 100, 50, 50, 0, 10, 100, QUOTA_THROTTLED, 50, 60, 600},
    {QUOTA_TOKEN_BUCKET, 100, 50, 50, 0, 1, 95, QUOTA_WARNING, 42, 0, 510},
    {QUOTA_TOKEN_BUCKET, 100, 50, 50, 0, 30, 500, QUOTA_NORMAL, 30, 0, 800},
    {QUOTA_TOKEN_BUCKET, 100, 50, 50, 0, 30, 90000, QUOTA_NORMAL, 30, 0, 90300},
    {QUOTA_TOKEN_BUCKET, 3, 3, 3, 0, 1, 334, QUOTA_THROTTLED, 3, 333, 1334},
    {QUOTA_TOKEN_BUCKET, 0, 50, 0, 0, 1, 0, QUOTA_EXCEEDED, 0, 0, 0},

    /* A clock that went back stands still. */
    {QUOTA_FIXED, 100, 100, 60, 1000, 41, 999, QUOTA_EXCEEDED, 60, 1001, 2000},
    {QUOTA_SLIDING, 100, 100, 60, 1000, 40, 999, QUOTA_THROTTLED, 100, 1102, 2000},
    {QUOTA_TOKEN_BUCKET, 100, 50, 50, 1000, 1, 999, QUOTA_EXCEEDED, 50, 11, 1500},
};
enum { ASK_ROWS = sizeof ask_rows / sizeof ask_rows[0] };

static enum verdict verdict_for(enum quota_phase phase)
{
    switch (phase) {
    case QUOTA_NORMAL: return VERDICT_ALLOW;
    case QUOTA_WARNING: return VERDICT_WARN;
    case QUOTA_THROTTLED: return VERDICT_THROTTLE;
    case QUOTA_EXCEEDED: return VERDICT_DENY;
    }
    abort();
}

static enum reason reason_for(enum quota_phase phase)
{
    switch (phase) {
    case QUOTA_NORMAL: return REASON_OK;
    case QUOTA_WARNING: return REASON_QUOTA_WARNING;
    case QUOTA_THROTTLED: return REASON_QUOTA_THROTTLED;
    case QUOTA_EXCEEDED: return REASON_QUOTA_EXCEEDED;
    }
    abort();
}

static void check_row(size_t place, const struct quota_answer *answer)
{
    const struct ask_row *row = &ask_rows[place];
    const struct quota_report *report = &answer->report;
    if (answer->phase != row->phase || report->used != row->used ||
        answer->retry_after_ms != row->retry_after_ms || report->resets_at != noon + row->resets_at) {
        fail_msg("row %zu: %s, used %lld, retry %lld, resets %lld", place, quota_phase_name(answer->phase),
                 (long long)report->used, (long long)answer->retry_after_ms,
                 (long long)(report->resets_at - noon));
    }
    assert_int_equal(answer->verdict, verdict_for(row->phase));
    assert_int_equal(answer->reason, reason_for(row->phase));
    micro_units capacity = row->limit == 0 || row->algorithm != QUOTA_TOKEN_BUCKET ? row->limit : row->burst;
    assert_int_equal(report->limit, capacity);
    assert_int_equal(report->remaining, capacity - row->used);
}

static void asks_are_answered_as_the_table_says(void **context)
{
    (void)context;
    for (size_t i = 0; i < ASK_ROWS; i++) {
        const struct ask_row *row = &ask_rows[i];
        struct plan plan = plan_of_one(limit_of("x", row->algorithm, row->limit));
        plan.quotas[0].burst = row->burst;
        struct quota_state state = {0};
        take(&state, &plan, row->before, noon + row->before_at);
        struct quota_answer answer = ask(&state, &plan, row->amount, noon + row->now);
        check_row(i, &answer);
        enum quota_phase expected = row->phase == QUOTA_EXCEEDED ? state.phase : row->phase;
        assert_int_equal(answer.state.phase, expected);
    }
}

static void months_follow_the_calendar(void **context)
{
    (void)context;
    struct plan plan = plan_of_one(limit_of("monthly", QUOTA_FIXED, 100));
    plan.quotas[0].window = QUOTA_WINDOW_MONTH;
    plan.quotas[0].window_ms = 0;
    struct quota_state state = {0};
    take(&state, &plan, 60, at("2028-02-01T00:00:00Z"));
    struct quota_answer denied = ask(&state, &plan, 60, at("2028-02-29T23:59:59.999Z"));
    assert_int_equal(denied.verdict, VERDICT_DENY);
    assert_int_equal(denied.retry_after_ms, 1);
    assert_int_equal(denied.report.resets_at, at("2028-03-01T00:00:00Z"));
    assert_int_equal(ask(&state, &plan, 60, at("2028-03-01T00:00:00Z")).report.used, 60);
}

static void sliding_month_fades_over_the_month_after(void **context)
{
    (void)context;
    struct plan plan = plan_of_one(limit_of("monthly", QUOTA_SLIDING, 100));
    plan.quotas[0].window = QUOTA_WINDOW_MONTH;
    plan.quotas[0].window_ms = 0;
    struct quota_state state = {0};
    take(&state, &plan, 60, at("2026-01-31T12:00:00Z"));
    assert_int_equal(ask(&state, &plan, 1, at("2026-02-01T00:00:00Z")).report.used, 61);
    assert_int_equal(ask(&state, &plan, 1, at("2026-02-15T00:00:00Z")).report.used, 31);
    assert_int_equal(ask(&state, &plan, 1, at("2026-03-01T00:00:00Z")).report.used, 1);
}

static void days_begin_at_midnight_utc(void **context)
{
    (void)context;
    struct plan plan = plan_of_one(limit_of("daily", QUOTA_FIXED, 100));
    plan.quotas[0].window_ms = 24 * 3600 * 1000;
    struct quota_state state = {0};
    take(&state, &plan, 60, at("2026-11-21T23:59:59.999Z"));
    assert_int_equal(ask(&state, &plan, 60, at("2026-11-22T00:00:00Z")).verdict, VERDICT_ALLOW);
}

static void a_share_of_zero_always_throttles_and_never_ends(void **context)
{
    (void)context;
    struct plan plan = plan_of_one(limit_of("a", QUOTA_FIXED, 100));
    plan.quotas[0].throttle = 0;
    struct quota_state state = {0};
    struct quota_answer answer = ask(&state, &plan, 1, noon);
    assert_int_equal(answer.verdict, VERDICT_THROTTLE);
    assert_int_equal(answer.retry_after_ms, 0);
    assert_int_equal(quota_next_edge(&answer.state, &plan, noon), noon + 1000); /* The window's end. */
}

static void end_of_a_fixed_window_is_an_edge_when_something_was_used(void **context)
{
    (void)context;
    static const struct {
        enum quota_algorithm algorithm;
        instant_ms edge;
    } rows[] = {
        {QUOTA_FIXED, noon + 1000}, {QUOTA_SLIDING, INSTANT_NEVER}, {QUOTA_TOKEN_BUCKET, INSTANT_NEVER}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct plan plan = plan_of_one(limit_of("a", rows[i].algorithm, 100));
        struct quota_state state = {0};
        assert_int_equal(quota_next_edge(&state, &plan, noon), INSTANT_NEVER);
        take(&state, &plan, 5, noon);
        assert_int_equal(quota_next_edge(&state, &plan, noon), rows[i].edge);
        state = quota_at(state, &plan, noon + 1000);
        assert_int_equal(quota_next_edge(&state, &plan, noon + 1000), INSTANT_NEVER);
    }
}

static void a_peek_answers_for_the_smallest_amount_and_shows_unchanged_values(void **context)
{
    (void)context;
    struct plan plan = plan_of_one(limit_of("a", QUOTA_FIXED, 100));
    struct name meter = name_of("kwh");
    static const struct {
        micro_units used;
        enum quota_phase asked;
        enum quota_phase shown;
    } rows[] = {{73, QUOTA_NORMAL, QUOTA_NORMAL},
                {74, QUOTA_WARNING, QUOTA_NORMAL},
                {75, QUOTA_WARNING, QUOTA_WARNING},
                {89, QUOTA_THROTTLED, QUOTA_WARNING},
                {100, QUOTA_EXCEEDED, QUOTA_EXCEEDED}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct quota_state state = {0};
        take(&state, &plan, rows[i].used, noon);
        struct quota_answer answer = quota_peek(&state, &plan, &meter, noon + 1);
        assert_int_equal(answer.phase, rows[i].shown);
        assert_int_equal(answer.verdict, verdict_for(rows[i].asked));
        assert_int_equal(answer.reason, reason_for(rows[i].asked));
        assert_int_equal(answer.report.used, rows[i].used);
        assert_int_equal(answer.retry_after_ms, rows[i].asked >= QUOTA_THROTTLED ? 999 : 0);
        assert_int_equal(answer.state.uses[0].used, rows[i].used);
    }
}

static void phases_are_spelled_as_in_the_contract(void **context)
{
    static const char *const names[] = {"normal", "warning", "throttled", "exceeded"};
    (void)context;
    for (enum quota_phase phase = QUOTA_NORMAL; phase <= QUOTA_EXCEEDED; phase++) {
        assert_string_equal(quota_phase_name(phase), names[phase]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_are_answered_as_the_table_says),
        cmocka_unit_test(months_follow_the_calendar),
        cmocka_unit_test(sliding_month_fades_over_the_month_after),
        cmocka_unit_test(days_begin_at_midnight_utc),
        cmocka_unit_test(end_of_a_fixed_window_is_an_edge_when_something_was_used),
        cmocka_unit_test(a_share_of_zero_always_throttles_and_never_ends),
        cmocka_unit_test(a_peek_answers_for_the_smallest_amount_and_shows_unchanged_values),
        cmocka_unit_test(phases_are_spelled_as_in_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
