#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/governors/chain_fixture.h"

static void stranger_is_granted_the_default_plan_by_its_first_event(void **context)
{
    struct fixture *fixture = *context;
    struct chain_answer answer = event(fixture, UNLOCK, units(11));
    assert_answer(answer, VERDICT_DENY, REASON_NOT_ENTITLED);
    assert_int_equal(fixture->states.entitlement.phase, ENTITLEMENT_ACTIVE); /* Denied, but granted. */
    assert_int_equal(answer.reports[0].entitlement.phase, ENTITLEMENT_ACTIVE);
    assert_true(bytes_equal_string(name_bytes(&answer.reports[0].entitlement.plan), "free"));
    assert_int_equal(fixture->states.quota.use_count, 0);
}

static void stranger_stays_one_when_the_policy_denies_or_has_no_plan(void **context)
{
    struct fixture *fixture = *context;
    fixture->policy.unknown = UNKNOWN_DENY;
    assert_answer(event(fixture, KWH, units(1)), VERDICT_DENY, REASON_NOT_ENTITLED);
    assert_int_equal(fixture->states.entitlement.phase, ENTITLEMENT_NONE);
    fixture->policy.unknown = UNKNOWN_BOOTSTRAP;
    fixture->policy.default_plan = name_of("lost");
    assert_answer(event(fixture, KWH, units(1)), VERDICT_DENY, REASON_NOT_ENTITLED);
    assert_int_equal(fixture->states.entitlement.phase, ENTITLEMENT_NONE);
    assert_null(chain_terms(&fixture->states, &fixture->policy));
}

static void event_that_all_allow_is_taken_by_all(void **context)
{
    struct fixture *fixture = *context;
    give(fixture, credit_of(units(100), INSTANT_NEVER));
    struct chain_answer answer = event(fixture, KWH, units(3));
    assert_answer(answer, VERDICT_ALLOW, REASON_OK);
    assert_int_equal(answer.report_count, 3);
    assert_int_equal(answer.retry_after_ms, 0);
    assert_int_equal(answer.reports[1].quota.used, units(3));
    assert_int_equal(answer.reports[1].quota.remaining, units(7));
    assert_int_equal(answer.reports[1].quota_phase, QUOTA_NORMAL);
    assert_int_equal(answer.reports[2].billing.charged, units(6));
    assert_int_equal(answer.reports[2].billing.balance, units(94));
    assert_int_equal(answer.reports[2].billing.phase, BILLING_PHASE_GOOD);
    assert_int_equal(answer.charge.amount, units(6));
    assert_int_equal(answer.charge.burn_count, 1);
    assert_int_equal(billing_balance(&fixture->states.billing), units(94));
}

/* A subject with `credit` and `used` of its quota, on gold (expired `ago`, in grace) or on free. */
struct verdict_row {
    int64_t credit;
    int64_t used;
    bool is_gold;
    bool is_in_grace;
    int meter;
    int64_t amount;
    enum verdict verdict;
    enum reason reason;
    enum verdict each[3]; /* In the chain's order. */
};

static const struct verdict_row verdict_rows[] = {
    {100, 0, false, false, KWH, 1, VERDICT_ALLOW, REASON_OK, {VERDICT_ALLOW, VERDICT_ALLOW, VERDICT_ALLOW}},
    {100,
     0,
     false,
     false,
     KWH,
     8,
     VERDICT_WARN,
     REASON_QUOTA_WARNING,
     {VERDICT_ALLOW, VERDICT_WARN, VERDICT_ALLOW}},
    {100,
     0,
     false,
     false,
     KWH,
     9,
     VERDICT_THROTTLE,
     REASON_QUOTA_THROTTLED,
     {VERDICT_ALLOW, VERDICT_THROTTLE, VERDICT_ALLOW}},
    {100,
     0,
     false,
     false,
     KWH,
     11,
     VERDICT_DENY,
     REASON_QUOTA_EXCEEDED,
     {VERDICT_ALLOW, VERDICT_DENY, VERDICT_ALLOW}},
    /* Quota denies; billing still says what it thinks. */
    {100,
     0,
     false,
     false,
     KWH,
     51,
     VERDICT_DENY,
     REASON_QUOTA_EXCEEDED,
     {VERDICT_ALLOW, VERDICT_DENY, VERDICT_DENY}},
    {100,
     0,
     true,
     false,
     KWH,
     96,
     VERDICT_THROTTLE,
     REASON_QUOTA_THROTTLED,
     {VERDICT_ALLOW, VERDICT_THROTTLE, VERDICT_WARN}},
    /* The first of equals names the reason. */
    {100, 0, true, true, KWH, 80, VERDICT_WARN, REASON_GRACE, {VERDICT_WARN, VERDICT_WARN, VERDICT_ALLOW}},
    {16,
     0,
     false,
     false,
     KWH,
     8,
     VERDICT_WARN,
     REASON_QUOTA_WARNING,
     {VERDICT_ALLOW, VERDICT_WARN, VERDICT_WARN}},
    {10,
     0,
     true,
     false,
     KWH,
     8,
     VERDICT_WARN,
     REASON_LOW_BALANCE,
     {VERDICT_ALLOW, VERDICT_ALLOW, VERDICT_WARN}},
    {10,
     0,
     true,
     false,
     KWH,
     20,
     VERDICT_WARN,
     REASON_OVERDRAFT,
     {VERDICT_ALLOW, VERDICT_ALLOW, VERDICT_WARN}},
    /* Billing denies what quota would only throttle. */
    {0,
     0,
     true,
     false,
     KWH,
     95,
     VERDICT_DENY,
     REASON_INSUFFICIENT_BALANCE,
     {VERDICT_ALLOW, VERDICT_THROTTLE, VERDICT_DENY}},
    {0,
     0,
     false,
     false,
     UNLOCK,
     11,
     VERDICT_DENY,
     REASON_NOT_ENTITLED,
     {VERDICT_DENY, VERDICT_DENY, VERDICT_ALLOW}},
    {0, 0, true, false, UNLOCK, 1, VERDICT_ALLOW, REASON_OK, {VERDICT_ALLOW, VERDICT_ALLOW, VERDICT_ALLOW}},
    /* Another order, and no entitlement in it. */
    {0,
     0,
     false,
     false,
     FLAT,
     8,
     VERDICT_WARN,
     REASON_QUOTA_WARNING,
     {VERDICT_ALLOW, VERDICT_WARN, VERDICT_ALLOW}},
    {0,
     5,
     false,
     false,
     FLAT,
     6,
     VERDICT_DENY,
     REASON_QUOTA_EXCEEDED,
     {VERDICT_ALLOW, VERDICT_DENY, VERDICT_ALLOW}},
};

static void prepare(struct fixture *fixture, const struct verdict_row *row)
{
    set_up(fixture);
    struct command grant = grant_of(row->is_gold ? "gold" : "free", INSTANT_NEVER);
    grant.expires_at = row->is_in_grace ? noon - 1 : INSTANT_NEVER;
    grant.grace_ms = row->is_in_grace ? hour : 0;
    assert_int_equal(give(fixture, grant), REPLY_OK);
    if (row->credit > 0) {
        assert_int_equal(give(fixture, credit_of(units(row->credit), INSTANT_NEVER)), REPLY_OK);
    }
    if (row->used > 0) {
        event(fixture, FLAT, units(row->used));
    }
}

static void strictest_verdict_decides_and_the_first_of_equals_names_the_reason(void **context)
{
    struct fixture *fixture = *context;
    for (size_t i = 0; i < sizeof verdict_rows / sizeof *verdict_rows; i++) {
        const struct verdict_row *row = &verdict_rows[i];
        prepare(fixture, row);
        struct governor_states before = fixture->states;
        struct chain_answer answer = event(fixture, row->meter, units(row->amount));
        assert_answer(answer, row->verdict, row->reason);
        for (uint8_t k = 0; k < answer.report_count; k++) {
            assert_int_equal(answer.reports[k].kind, fixture->meters[row->meter].chain[k]);
            assert_int_equal(answer.reports[k].verdict, row->each[k]);
        }
        bool is_quota = row->reason == REASON_QUOTA_THROTTLED || row->reason == REASON_QUOTA_EXCEEDED;
        assert_true(answer.retry_after_ms == 0 || is_quota);
        if (row->verdict == VERDICT_DENY) {
            assert_states_equal(&fixture->states, &before);
            assert_int_equal(answer.charge.amount, 0);
        }
    }
}

static void throttled_event_is_told_when_to_come_back(void **context)
{
    struct fixture *fixture = *context;
    fixture->now += hour / 2;
    assert_int_equal(event(fixture, FLAT, units(9)).retry_after_ms, 12 * hour - hour / 2);
    assert_int_equal(event(fixture, FLAT, units(2)).retry_after_ms, 12 * hour - hour / 2);
    assert_int_equal(event(fixture, FLAT, units(11)).retry_after_ms, 0); /* Never. */
}

static void denial_shows_unchanged_values_in_every_governor(void **context)
{
    struct fixture *fixture = *context;
    give(fixture, credit_of(units(10), INSTANT_NEVER));
    event(fixture, KWH, units(2));
    struct chain_answer answer = event(fixture, KWH, units(6));
    assert_answer(answer, VERDICT_DENY, REASON_INSUFFICIENT_BALANCE);
    assert_int_equal(answer.reports[1].verdict, VERDICT_WARN); /* As asked: 8 of 10. */
    assert_int_equal(answer.reports[1].quota.used, units(2));
    assert_int_equal(answer.reports[1].quota_phase, QUOTA_NORMAL);
    assert_int_equal(answer.reports[2].billing.charged, 0);
    assert_int_equal(answer.reports[2].billing.balance, units(6));
    answer = event(fixture, KWH, units(9));
    assert_answer(answer, VERDICT_DENY, REASON_QUOTA_EXCEEDED);
    assert_int_equal(answer.reports[1].quota_phase, QUOTA_EXCEEDED);
    assert_int_equal(answer.reports[1].quota.used, units(2));
}

static void denied_event_still_shows_what_time_brought(void **context)
{
    struct fixture *fixture = *context;
    give(fixture, grant_of("free", noon + hour));
    give(fixture, credit_of(units(10), noon + hour));
    event(fixture, FLAT, units(8));
    assert_int_equal(fixture->states.quota.phase, QUOTA_WARNING);
    fixture->now = noon + 12 * hour;
    struct governor_states ticked = fixture->states;
    assert_int_equal(chain_tick(&ticked, &fixture->policy, fixture->now), 7);
    struct chain_answer answer = event(fixture, KWH, units(1));
    assert_answer(answer, VERDICT_DENY, REASON_EXPIRED);
    assert_states_equal(&fixture->states, &ticked);
    assert_int_equal(fixture->states.quota.phase, QUOTA_NORMAL);
    assert_int_equal(answer.reports[2].billing.balance, 0);
}

static void peek_is_answered_as_if_the_least_were_asked_and_changes_nothing(void **context)
{
    struct fixture *fixture = *context;
    static const struct governor_states stranger;
    struct chain_answer answer = event(fixture, KWH, 0);
    assert_answer(answer, VERDICT_DENY, REASON_INSUFFICIENT_BALANCE); /* The least charge is not covered. */
    assert_int_equal(answer.reports[0].entitlement.phase, ENTITLEMENT_ACTIVE);
    assert_states_equal(&fixture->states, &stranger);
    assert_answer(event(fixture, FLAT, 0), VERDICT_ALLOW, REASON_OK);
    give(fixture, credit_of(1, INSTANT_NEVER));
    event(fixture, FLAT, units(4));
    struct governor_states before = fixture->states;
    answer = event(fixture, KWH, 0);
    assert_answer(answer, VERDICT_WARN, REASON_LOW_BALANCE); /* One micro-unit leaves nothing. */
    assert_int_equal(answer.reports[1].quota.used, units(4));
    assert_int_equal(answer.reports[2].billing.balance, 1);
    assert_int_equal(answer.reports[2].billing.charged, 0);
    assert_int_equal(answer.charge.amount, 0);
    event(fixture, FLAT, units(6));
    before = fixture->states;
    answer = event(fixture, FLAT, 0);
    assert_answer(answer, VERDICT_DENY, REASON_QUOTA_EXCEEDED);
    assert_int_equal(answer.retry_after_ms, 12 * hour);
    fixture->now += 24 * hour;
    event(fixture, FLAT, 0);
    assert_states_equal(&fixture->states, &before);
}

static void peek_is_answered_by_the_phase_the_least_would_bring_and_shows_the_one_there_is(void **context)
{
    struct fixture *fixture = *context;
    event(fixture, FLAT, units(10) / 4 * 3 - 1);
    struct chain_answer answer = event(fixture, FLAT, 0);
    assert_answer(answer, VERDICT_WARN, REASON_QUOTA_WARNING);
    assert_int_equal(answer.reports[1].quota_phase, QUOTA_NORMAL);
    assert_int_equal(answer.reports[1].quota.used, units(10) / 4 * 3 - 1);
    assert_int_equal(fixture->states.quota.phase, QUOTA_NORMAL);
}

static void chain_without_quota_shows_it_the_time_and_takes_nothing_from_it(void **context)
{
    struct fixture *fixture = *context;
    event(fixture, FLAT, units(8));
    fixture->meters[FLAT].chain_length = 1; /* Billing. */
    struct chain_answer answer = event(fixture, FLAT, units(1));
    assert_answer(answer, VERDICT_ALLOW, REASON_OK);
    assert_int_equal(answer.report_count, 1);
    assert_int_equal(fixture->states.quota.uses[0].used, units(8));
    assert_int_equal(fixture->states.quota.phase, QUOTA_WARNING);
    fixture->now += 12 * hour;
    event(fixture, FLAT, units(1));
    assert_int_equal(fixture->states.quota.uses[0].used, 0);
    assert_int_equal(fixture->states.quota.phase, QUOTA_NORMAL);
}

static void lost_plan_denies_entitlement_and_lifts_limits_and_prices(void **context)
{
    struct fixture *fixture = *context;
    give(fixture, grant_of("gold", INSTANT_NEVER));
    fixture->policy.plan_count = 1;
    assert_null(chain_terms(&fixture->states, &fixture->policy));
    struct chain_answer answer = event(fixture, KWH, units(1000));
    assert_answer(answer, VERDICT_DENY, REASON_NOT_ENTITLED);
    assert_int_equal(answer.reports[1].verdict, VERDICT_ALLOW);
    assert_false(answer.reports[1].quota.has_limit);
    assert_int_equal(answer.reports[2].verdict, VERDICT_ALLOW);
    assert_answer(event(fixture, FLAT, units(1000)), VERDICT_ALLOW, REASON_OK);
    assert_int_equal(give(fixture, set_limit_of("hourly", 1)), REPLY_UNKNOWN_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(stranger_is_granted_the_default_plan_by_its_first_event, start_fixture),
        cmocka_unit_test_setup(stranger_stays_one_when_the_policy_denies_or_has_no_plan, start_fixture),
        cmocka_unit_test_setup(event_that_all_allow_is_taken_by_all, start_fixture),
        cmocka_unit_test_setup(strictest_verdict_decides_and_the_first_of_equals_names_the_reason,
                               start_fixture),
        cmocka_unit_test_setup(throttled_event_is_told_when_to_come_back, start_fixture),
        cmocka_unit_test_setup(denial_shows_unchanged_values_in_every_governor, start_fixture),
        cmocka_unit_test_setup(denied_event_still_shows_what_time_brought, start_fixture),
        cmocka_unit_test_setup(peek_is_answered_as_if_the_least_were_asked_and_changes_nothing,
                               start_fixture),
        cmocka_unit_test_setup(peek_is_answered_by_the_phase_the_least_would_bring_and_shows_the_one_there_is,
                               start_fixture),
        cmocka_unit_test_setup(chain_without_quota_shows_it_the_time_and_takes_nothing_from_it,
                               start_fixture),
        cmocka_unit_test_setup(lost_plan_denies_entitlement_and_lifts_limits_and_prices, start_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
