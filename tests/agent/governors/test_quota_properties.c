#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/governors/quota.h"

__extension__ typedef __int128 wide_units;

enum { LIVES = 120, STEPS = 120, TAKEN_MAX = STEPS };

static const instant_ms noon = 1795000000000;

/* What a life has taken so far: the model recomputes every limit's use from this alone. */
struct history {
    size_t count;
    instant_ms times[TAKEN_MAX];
    micro_units amounts[TAKEN_MAX];
};

/* Marsaglia's xorshift64. */
static uint64_t random_below(uint64_t *seed, uint64_t bound)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed % bound;
}

static bool same_use(const struct quota_use *left, const struct quota_use *right)
{
    return name_equal(&left->name, &right->name) && left->has_override == right->has_override &&
           left->override == right->override && left->used == right->used &&
           left->previous == right->previous && left->regained == right->regained &&
           left->since == right->since;
}

static void assert_same_state(const struct quota_state *left, const struct quota_state *right)
{
    assert_int_equal(left->phase, right->phase);
    assert_int_equal(left->use_count, right->use_count);
    for (uint8_t i = 0; i < QUOTA_USES_MAX; i++) {
        assert_true(same_use(&left->uses[i], &right->uses[i]));
    }
}

static void assert_same_answer(const struct quota_answer *left, const struct quota_answer *right)
{
    assert_same_state(&left->state, &right->state);
    assert_int_equal(left->verdict, right->verdict);
    assert_int_equal(left->reason, right->reason);
    assert_int_equal(left->phase, right->phase);
    assert_int_equal(left->retry_after_ms, right->retry_after_ms);
    assert_int_equal(left->report.has_limit, right->report.has_limit);
    assert_true(name_equal(&left->report.name, &right->report.name));
    assert_int_equal(left->report.limit, right->report.limit);
    assert_int_equal(left->report.used, right->report.used);
    assert_int_equal(left->report.remaining, right->report.remaining);
    assert_int_equal(left->report.resets_at, right->report.resets_at);
}

static struct quota_limit random_limit(uint64_t *seed, const char *name, micro_units scale)
{
    struct quota_limit limit = {.name = name_of(name),
                                .meter = name_of("*"),
                                .algorithm = (enum quota_algorithm)random_below(seed, 3),
                                .window = QUOTA_WINDOW_DURATION,
                                .window_ms = 1 + (int64_t)random_below(seed, 70),
                                .limit = (micro_units)random_below(seed, 40) * scale,
                                .warn = (micro_units)random_below(seed, 1000001),
                                .throttle = (micro_units)random_below(seed, 1000001)};
    limit.burst =
        random_below(seed, 2) == 0 ? limit.limit : (1 + (micro_units)random_below(seed, 60)) * scale;
    return limit;
}

static struct plan random_plan(uint64_t *seed, micro_units scale)
{
    static const char *const names[PLAN_QUOTAS_MAX] = {"a", "b", "c", "d"};
    struct plan plan = {.name = name_of("gold"), .quota_count = (uint8_t)(1 + random_below(seed, 4))};
    for (uint8_t i = 0; i < plan.quota_count; i++) {
        plan.quotas[i] = random_limit(seed, names[i], scale);
    }
    return plan;
}

static micro_units taken_in_window(const struct history *history, instant_ms start, int64_t window_ms)
{
    micro_units sum = 0;
    for (size_t i = 0; i < history->count; i++) {
        if (history->times[i] >= start && history->times[i] < start + window_ms) {
            sum += history->amounts[i];
        }
    }
    return sum;
}

static micro_units model_bucket(const struct history *history, const struct quota_limit *limit,
                                instant_ms now)
{
    wide_units owed = 0;
    for (size_t i = 0; i <= history->count; i++) {
        instant_ms until = i < history->count ? history->times[i] : now;
        instant_ms from = i > 0 ? history->times[i - 1] : until;
        wide_units regained = (wide_units)limit->limit * (until - from);
        owed = owed > regained ? owed - regained : 0;
        owed += i < history->count ? (wide_units)history->amounts[i] * limit->window_ms : 0;
    }
    return (micro_units)((owed + limit->window_ms - 1) / limit->window_ms);
}

static micro_units model_used(const struct history *history, const struct quota_limit *limit, instant_ms now)
{
    instant_ms start = now - now % limit->window_ms;
    instant_ms rest = start + limit->window_ms - now;
    switch (limit->algorithm) {
    case QUOTA_FIXED: return taken_in_window(history, start, limit->window_ms);
    case QUOTA_SLIDING: {
        micro_units previous = taken_in_window(history, start - limit->window_ms, limit->window_ms);
        return taken_in_window(history, start, limit->window_ms) +
               (micro_units)((wide_units)previous * rest / limit->window_ms);
    }
    case QUOTA_TOKEN_BUCKET: return model_bucket(history, limit, now);
    }
    abort();
}

static micro_units capacity_of(const struct quota_limit *limit)
{
    return limit->algorithm == QUOTA_TOKEN_BUCKET && limit->limit > 0 ? limit->burst : limit->limit;
}

static bool model_fits(const struct history *history, const struct plan *plan, micro_units amount,
                       instant_ms now)
{
    for (uint8_t i = 0; i < plan->quota_count; i++) {
        wide_units sum = (wide_units)model_used(history, &plan->quotas[i], now) + amount;
        if (sum > capacity_of(&plan->quotas[i])) {
            return false;
        }
    }
    return true;
}

static enum quota_phase model_phase(const struct history *history, const struct plan *plan, instant_ms now)
{
    enum quota_phase phase = QUOTA_NORMAL;
    for (uint8_t i = 0; i < plan->quota_count; i++) {
        const struct quota_limit *limit = &plan->quotas[i];
        wide_units share = (wide_units)model_used(history, limit, now) * MICRO_UNITS_ONE;
        wide_units whole = capacity_of(limit);
        if (whole > 0 && share >= whole * limit->throttle) {
            return QUOTA_THROTTLED;
        }
        phase = whole > 0 && share >= whole * limit->warn ? QUOTA_WARNING : phase;
    }
    return phase;
}

static void assert_within_limits(const struct quota_state *state, const struct plan *plan)
{
    for (uint8_t i = 0; i < state->use_count; i++) {
        const struct quota_use *use = &state->uses[i];
        assert_true(use->used >= 0 && use->previous >= 0 && use->regained >= 0);
        for (uint8_t j = 0; j < plan->quota_count; j++) {
            if (name_equal(&plan->quotas[j].name, &use->name)) {
                assert_true(use->used <= capacity_of(&plan->quotas[j]));
            }
        }
    }
    for (uint8_t i = state->use_count; i < QUOTA_USES_MAX; i++) {
        assert_true(name_is_empty(&state->uses[i].name));
    }
}

/* The wait told is exact: an instant earlier is too early, and 0 means that no wait helps. */
static void assert_denial_waits(const struct quota_answer *answer, const struct plan *plan,
                                micro_units amount, instant_ms now)
{
    struct name meter = name_of("kwh");
    int64_t wait_ms = answer->retry_after_ms;
    instant_ms too_early = wait_ms == 0 ? now + 1000000 : now + wait_ms - 1;
    assert_int_equal(quota_step(answer->state, plan, &meter, amount, too_early).verdict, VERDICT_DENY);
    if (wait_ms > 0) {
        assert_int_not_equal(quota_step(answer->state, plan, &meter, amount, now + wait_ms).verdict,
                             VERDICT_DENY);
    }
}

static void assert_throttle_waits(const struct quota_answer *answer, const struct plan *plan, instant_ms now)
{
    int64_t wait_ms = answer->retry_after_ms;
    instant_ms too_early = wait_ms == 0 ? now + 1000000 : now + wait_ms - 1;
    assert_int_equal(quota_at(answer->state, plan, too_early).phase, QUOTA_THROTTLED);
    if (wait_ms > 0) {
        assert_true(quota_at(answer->state, plan, now + wait_ms).phase < QUOTA_THROTTLED);
    }
}

/* Between edges the phase stays, and rolling in two steps ends where one does. */
static void assert_time_is_even(const struct quota_state *state, const struct plan *plan, instant_ms now,
                                uint64_t *seed)
{
    instant_ms edge = quota_next_edge(state, plan, now);
    assert_true(edge > now);
    instant_ms before = edge == INSTANT_NEVER ? now + 1000000 : edge - 1;
    assert_int_equal(quota_at(*state, plan, before).phase, quota_at(*state, plan, now).phase);
    instant_ms half = now + (instant_ms)random_below(seed, 80);
    instant_ms end = half + (instant_ms)random_below(seed, 80);
    struct quota_state leapt = quota_at(*state, plan, end);
    struct quota_state walked = quota_at(quota_at(*state, plan, half), plan, end);
    for (uint8_t i = 0; i < plan->quota_count && i < QUOTA_USES_MAX; i++) {
        assert_true(leapt.uses[i].used == walked.uses[i].used);
    }
    assert_same_state(&leapt, &walked);
}

static void check_answer(const struct quota_answer *answer, const struct quota_state *before,
                         const struct plan *plan, micro_units amount, instant_ms now)
{
    if (answer->verdict == VERDICT_DENY) {
        assert_same_state(&answer->state, before);
        assert_denial_waits(answer, plan, amount, now);
    } else if (answer->verdict == VERDICT_THROTTLE) {
        assert_throttle_waits(answer, plan, now);
    } else {
        assert_int_equal(answer->retry_after_ms, 0);
    }
    assert_true(answer->report.remaining >= 0 && answer->report.used >= 0);
    assert_true(answer->report.used <= answer->report.limit);
}

/* One ask; the history gains it when it was taken. */
static struct quota_state live_once(struct quota_state state, const struct plan *plan,
                                    struct history *history, micro_units amount, instant_ms now)
{
    struct name meter = name_of("kwh");
    bool fits = model_fits(history, plan, amount, now);
    struct quota_answer answer = quota_step(state, plan, &meter, amount, now);
    struct quota_answer again = quota_step(state, plan, &meter, amount, now);
    assert_same_answer(&answer, &again);
    assert_int_equal(answer.verdict != VERDICT_DENY, fits);
    check_answer(&answer, &state, plan, amount, now);
    if (fits) {
        history->times[history->count] = now;
        history->amounts[history->count++] = amount;
        assert_int_equal(answer.phase, model_phase(history, plan, now));
        assert_int_equal(answer.state.phase, answer.phase);
    }
    return answer.state;
}

static void live(uint64_t *seed, micro_units scale)
{
    struct plan plan = random_plan(seed, scale);
    struct quota_state state = {0};
    struct history history = {.count = 0};
    instant_ms now = noon;
    for (int i = 0; i < STEPS; i++) {
        now += (instant_ms)random_below(seed, random_below(seed, 20) == 0 ? 300 : 12);
        micro_units amount =
            (1 + (micro_units)random_below(seed, 9)) * scale + (micro_units)random_below(seed, 3);
        state = live_once(state, &plan, &history, amount, now);
        assert_within_limits(&state, &plan);
        assert_time_is_even(&state, &plan, now, seed);
        if (random_below(seed, 2) == 0) {
            state = quota_at(state, &plan, now + (instant_ms)random_below(seed, 3));
        }
        now += 3;
    }
}

static void random_lives_follow_the_model(void **context)
{
    (void)context;
    uint64_t seed = 0x5eed0002;
    for (int i = 0; i < LIVES; i++) {
        live(&seed, 1);
        live(&seed, 1000003);
    }
}

static void random_lives_near_the_end_of_64_bits_follow_the_model(void **context)
{
    (void)context;
    uint64_t seed = 0x5eed0003;
    for (int i = 0; i < LIVES; i++) {
        live(&seed,
             INT64_MAX /
                 60); /* Of the burst's 60 times; the model adds two windows of a limit's 39 at most. */
    }
}

static void amounts_beyond_64_bits_are_denied_not_wrapped(void **context)
{
    (void)context;
    uint64_t seed = 0x5eed0004;
    struct name meter = name_of("kwh");
    for (int i = 0; i < LIVES; i++) {
        struct plan plan = random_plan(&seed, INT64_MAX / 60);
        struct quota_answer first = quota_step((struct quota_state){0}, &plan, &meter, 1, noon);
        if (first.verdict == VERDICT_DENY) {
            continue;
        }
        struct quota_answer second = quota_step(first.state, &plan, &meter, INT64_MAX, noon);
        assert_int_equal(second.verdict, VERDICT_DENY);
        assert_same_state(&second.state, &first.state);
    }
}

static void a_million_small_steps_regain_what_one_large_step_does(void **context)
{
    (void)context;
    /* 7 micro-units in 1000 s: no millisecond regains a whole one. */
    struct plan plan = {.quota_count = 1};
    plan.quotas[0] = (struct quota_limit){.name = name_of("a"),
                                          .meter = name_of("*"),
                                          .algorithm = QUOTA_TOKEN_BUCKET,
                                          .window_ms = 1000000,
                                          .limit = 7,
                                          .burst = 10,
                                          .warn = 750000,
                                          .throttle = 900000};
    struct name meter = name_of("kwh");
    struct quota_state walked = quota_step((struct quota_state){0}, &plan, &meter, 10, noon).state;
    struct quota_state start = walked;
    for (instant_ms now = noon; now < noon + 1000000; now += 13) {
        walked = quota_at(walked, &plan, now);
    }
    walked = quota_at(walked, &plan, noon + 999999);
    assert_int_equal(walked.uses[0].used, 4); /* 10 - 6.999993, what is not whole counting as used. */
    walked = quota_at(walked, &plan, noon + 1000000);
    assert_int_equal(walked.uses[0].used, 3);
    struct quota_state leapt = quota_at(start, &plan, noon + 1000000);
    assert_same_state(&walked, &leapt);
}

static void a_peek_changes_nothing_and_agrees_with_asking(void **context)
{
    (void)context;
    uint64_t seed = 0x5eed0005;
    struct name meter = name_of("kwh");
    for (int i = 0; i < LIVES; i++) {
        struct plan plan = random_plan(&seed, 1);
        struct quota_state state = {0};
        instant_ms now = noon;
        for (int step = 0; step < 20; step++) {
            struct quota_answer peeked = quota_peek(&state, &plan, &meter, now);
            struct quota_answer asked = quota_step(state, &plan, &meter, 1, now);
            assert_same_state(&peeked.state, &state);
            assert_int_equal(peeked.verdict, asked.verdict);
            assert_int_equal(peeked.reason, asked.reason);
            assert_int_equal(peeked.retry_after_ms, asked.retry_after_ms);
            state = asked.state;
            now += (instant_ms)random_below(&seed, 9);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_lives_follow_the_model),
        cmocka_unit_test(random_lives_near_the_end_of_64_bits_follow_the_model),
        cmocka_unit_test(amounts_beyond_64_bits_are_denied_not_wrapped),
        cmocka_unit_test(a_million_small_steps_regain_what_one_large_step_does),
        cmocka_unit_test(a_peek_changes_nothing_and_agrees_with_asking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
