#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/agent/governors/chain_fixture.h"

enum { SHARED, SMALL, SECOND, LIMITS };

/* Three limits: 100 of all meters together, of kwh alone 10, and 10 again by another name. Kwh costs what
 * nobody has credited, so all of it is denied; flat is free and fills the shared limit only. */
static void start_denials(struct fixture *fixture, micro_units shared_used)
{
    set_up(fixture);
    struct plan *plan = &fixture->plans[FREE];
    plan->quota_count = LIMITS;
    plan->quotas[SMALL] = plan->quotas[SHARED];
    plan->quotas[SHARED].name = name_of("shared");
    plan->quotas[SHARED].limit = units(100);
    plan->quotas[SMALL].name = name_of("small");
    plan->quotas[SMALL].meter = name_of("kwh");
    plan->quotas[SECOND] = plan->quotas[SMALL];
    plan->quotas[SECOND].name = name_of("second");
    if (shared_used > 0) {
        assert_int_not_equal(event(fixture, FLAT, shared_used).verdict, VERDICT_DENY);
    }
}

struct denial {
    int64_t shared_used;
    int64_t amount;
    int reported;
    enum verdict verdict;
    enum quota_phase phase;
    int64_t used;
};

static const struct denial denials[] = {
    /* The small limit would be the strictest of the amount asked, though the shared one is fuller. */
    {80, 9, SMALL, VERDICT_THROTTLE, QUOTA_NORMAL, 0},
    {74, 8, SHARED, VERDICT_WARN, QUOTA_NORMAL, 74},
    /* Equally strict: the fuller by what is shown, not by what was asked. */
    {80, 8, SHARED, VERDICT_WARN, QUOTA_WARNING, 80},
    {89, 9, SHARED, VERDICT_THROTTLE, QUOTA_WARNING, 89},
    /* Nothing used in any: the plan's first of the strictest. */
    {0, 8, SMALL, VERDICT_WARN, QUOTA_NORMAL, 0},
    {0, 7, SHARED, VERDICT_ALLOW, QUOTA_NORMAL, 0},
    /* Quota itself denies, by the limit that does. */
    {80, 11, SMALL, VERDICT_DENY, QUOTA_EXCEEDED, 0},
    {95, 6, SHARED, VERDICT_DENY, QUOTA_EXCEEDED, 95},
    {95, 11, SHARED, VERDICT_DENY, QUOTA_EXCEEDED, 95},
};

static void denial_elsewhere_reports_the_limit_that_the_amount_asked_strains_most(void **context)
{
    struct fixture *fixture = *context;
    for (size_t i = 0; i < sizeof denials / sizeof denials[0]; i++) {
        const struct denial *row = &denials[i];
        start_denials(fixture, units(row->shared_used));
        struct governor_states before = fixture->states;
        struct chain_answer answer = event(fixture, KWH, units(row->amount));
        const struct governor_report *report = &answer.reports[1];
        const struct quota_limit *limit = &fixture->plans[FREE].quotas[row->reported];
        assert_int_equal(answer.verdict, VERDICT_DENY);
        assert_int_equal(answer.reports[2].verdict, VERDICT_DENY);
        assert_int_equal(report->verdict, row->verdict);
        assert_true(name_equal(&report->quota.name, &limit->name));
        assert_int_equal(report->quota_phase, row->phase);
        assert_int_equal(report->quota.limit, limit->limit);
        assert_int_equal(report->quota.used, units(row->used));
        assert_int_equal(report->quota.remaining, limit->limit - units(row->used));
        assert_int_equal(report->quota.resets_at, noon + 12 * hour);
        if (row->shared_used > 0) { /* Else the denied event also granted the default plan. */
            assert_states_equal(&fixture->states, &before);
        }
    }
}

static void denial_elsewhere_shows_a_bucket_as_full_as_it_stays(void **context)
{
    struct fixture *fixture = *context;
    start_denials(fixture, 0);
    struct plan *plan = &fixture->plans[FREE];
    plan->quota_count = 1;
    plan->quotas[0].algorithm = QUOTA_TOKEN_BUCKET;
    plan->quotas[0].window_ms = 100000; /* Regains a unit a second. */
    plan->quotas[0].burst = units(100);
    event(fixture, FLAT, units(40));
    fixture->now += 10000;
    struct chain_answer answer = event(fixture, KWH, units(60));
    assert_answer(answer, VERDICT_DENY, REASON_INSUFFICIENT_BALANCE);
    assert_int_equal(answer.reports[1].verdict, VERDICT_THROTTLE);
    assert_int_equal(answer.reports[1].quota_phase, QUOTA_NORMAL);
    assert_int_equal(answer.reports[1].quota.used, units(30));
    assert_int_equal(answer.reports[1].quota.resets_at, fixture->now + 30000);
    assert_int_equal(answer.retry_after_ms, 0); /* Not quota's to tell. */
}

static void denied_peek_still_asks_for_the_least(void **context)
{
    struct fixture *fixture = *context;
    start_denials(fixture, units(80));
    struct chain_answer answer = event(fixture, KWH, 0);
    assert_answer(answer, VERDICT_DENY, REASON_INSUFFICIENT_BALANCE);
    assert_int_equal(answer.reports[1].verdict, VERDICT_WARN);
    assert_true(name_equal(&answer.reports[1].quota.name, &fixture->plans[FREE].quotas[SHARED].name));
    assert_int_equal(answer.reports[1].quota.used, units(80));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(denial_elsewhere_reports_the_limit_that_the_amount_asked_strains_most,
                               start_fixture),
        cmocka_unit_test_setup(denial_elsewhere_shows_a_bucket_as_full_as_it_stays, start_fixture),
        cmocka_unit_test_setup(denied_peek_still_asks_for_the_least, start_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
