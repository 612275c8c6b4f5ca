#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/governors/chain_fixture.h"

static void grant_of_another_plan_clears_the_overrides(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(give(fixture, set_limit_of("daily", units(1))), REPLY_OK);
    assert_int_equal(give(fixture, grant_of("free", INSTANT_NEVER)), REPLY_OK); /* Its terms held before. */
    assert_answer(event(fixture, FLAT, units(2)), VERDICT_DENY, REASON_QUOTA_EXCEEDED);
    assert_int_equal(give(fixture, grant_of("gold", INSTANT_NEVER)), REPLY_OK);
    assert_int_equal(give(fixture, grant_of("free", INSTANT_NEVER)), REPLY_OK);
    assert_answer(event(fixture, FLAT, units(2)), VERDICT_ALLOW, REASON_OK);
}

static void rejected_command_changes_nothing(void **context)
{
    struct fixture *fixture = *context;
    static const struct command none;
    struct command rejected[] = {grant_of("nowhere", INSTANT_NEVER),
                                 command_of(GOVERNOR_ENTITLEMENT, OP_RESUME), set_limit_of("nothing", 1),
                                 command_of(GOVERNOR_BILLING, OP_RESUME),
                                 credit_of(INT64_MAX, INSTANT_NEVER)};
    static const enum reply_reason reasons[] = {REPLY_UNKNOWN_PLAN, REPLY_INVALID_TRANSITION,
                                                REPLY_UNKNOWN_LIMIT, REPLY_INVALID_TRANSITION,
                                                REPLY_OVERFLOW};
    give(fixture, grant_of("gold", noon + hour));
    give(fixture, credit_of(units(3), INSTANT_NEVER));
    event(fixture, KWH, units(2));
    struct governor_states before = fixture->states;
    for (size_t i = 0; i < sizeof rejected / sizeof *rejected; i++) {
        assert_memory_not_equal(&rejected[i], &none, sizeof none);
        assert_int_equal(give(fixture, rejected[i]), reasons[i]);
        assert_states_equal(&fixture->states, &before);
    }
}

static void command_shows_the_phases_by_the_terms_after_it(void **context)
{
    struct fixture *fixture = *context;
    give(fixture, credit_of(units(4), INSTANT_NEVER));
    event(fixture, FLAT, units(8));
    struct governor_states before = fixture->states;
    assert_int_equal(before.billing.phase, BILLING_PHASE_GOOD);
    assert_int_equal(before.quota.phase, QUOTA_WARNING);
    give(fixture, grant_of("gold", noon + 2 * hour)); /* Active already: only the terms are others. */
    assert_int_equal(fixture->states.billing.phase, BILLING_PHASE_LOW);
    assert_int_equal(fixture->states.quota.phase, QUOTA_NORMAL);
    governor_set changed = 1 << GOVERNOR_QUOTA | 1 << GOVERNOR_BILLING;
    assert_int_equal(chain_changes(&before, &fixture->states), changed);
    assert_int_equal(chain_changes(&before, &before), 0);
    assert_int_equal(give(fixture, command_of(GOVERNOR_ENTITLEMENT, OP_REVOKE)), REPLY_OK);
    assert_int_equal(chain_changes(&before, &fixture->states), changed | 1 << GOVERNOR_ENTITLEMENT);
}

static void refund_goes_back_under_the_command_s_id(void **context)
{
    struct fixture *fixture = *context;
    give(fixture, grant_of("gold", INSTANT_NEVER));
    struct chain_answer answer = event(fixture, KWH, units(10));
    give(fixture, credit_of(units(10), INSTANT_NEVER));
    struct command command = command_of(GOVERNOR_BILLING, OP_REFUND);
    command.id = name_of("back");
    enum reply_reason reason =
        chain_refund(&fixture->states, &fixture->policy, &answer.charge, &command, noon);
    assert_int_equal(reason, REPLY_OK);
    assert_int_equal(fixture->states.billing.grant_count, 1);
    assert_true(name_equal(&fixture->states.billing.grants[0].id, &command.id));
    assert_int_equal(fixture->states.billing.phase, BILLING_PHASE_GOOD);
    give(fixture, command_of(GOVERNOR_BILLING, OP_CLOSE));
    reason = chain_refund(&fixture->states, &fixture->policy, &answer.charge, &command, noon);
    assert_int_equal(reason, REPLY_INVALID_TRANSITION);
}

static void end_of_a_used_window_is_told_though_the_state_stays(void **context)
{
    struct fixture *fixture = *context;
    event(fixture, FLAT, units(1));
    instant_ms edge = chain_next_edge(&fixture->states, &fixture->policy, fixture->now);
    assert_int_equal(edge, noon + 12 * hour);
    assert_int_equal(chain_tick(&fixture->states, &fixture->policy, edge - 1), 0);
    assert_int_equal(chain_tick(&fixture->states, &fixture->policy, edge), 1 << GOVERNOR_QUOTA);
    assert_int_equal(fixture->states.quota.phase, QUOTA_NORMAL);
    assert_int_equal(chain_tick(&fixture->states, &fixture->policy, edge + 24 * hour), 0);
}

static void edges_come_in_order_and_each_changes_its_governor(void **context)
{
    struct fixture *fixture = *context;
    struct command grant = grant_of("gold", noon + 3 * hour);
    grant.starts_at = noon + hour / 4;
    grant.grace_ms = hour;
    give(fixture, grant);
    give(fixture, credit_of(units(10), noon + 2 * hour));
    event(fixture, FLAT, units(80));
    static const int64_t edges[] = {1, 4, 8, 12, 16}; /* Quarters of an hour after noon. */
    static const governor_set changed[] = {1 << GOVERNOR_ENTITLEMENT, 1 << GOVERNOR_QUOTA,
                                           1 << GOVERNOR_BILLING, 1 << GOVERNOR_ENTITLEMENT,
                                           1 << GOVERNOR_ENTITLEMENT};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        instant_ms edge = chain_next_edge(&fixture->states, &fixture->policy, fixture->now);
        assert_int_equal(edge, noon + edges[i] * hour / 4);
        assert_int_equal(chain_tick(&fixture->states, &fixture->policy, edge - 1), 0);
        assert_int_equal(chain_tick(&fixture->states, &fixture->policy, edge), changed[i]);
        fixture->now = edge;
    }
    assert_int_equal(fixture->states.entitlement.phase, ENTITLEMENT_EXPIRED);
    assert_true(chain_next_edge(&fixture->states, &fixture->policy, fixture->now) == INSTANT_NEVER);
}

static enum verdict reported(struct fixture *fixture, enum governor_kind kind)
{
    struct governor_report report = chain_report(&fixture->states, &fixture->policy, kind, fixture->now);
    assert_int_equal(report.kind, kind);
    return report.verdict;
}

static void state_topic_shows_entitlement_as_it_is_now(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(reported(fixture, GOVERNOR_ENTITLEMENT), VERDICT_DENY);
    struct command grant = grant_of("gold", noon + 2 * hour);
    grant.starts_at = noon + hour;
    grant.grace_ms = hour;
    give(fixture, grant);
    static const enum verdict verdicts[] = {VERDICT_DENY, VERDICT_ALLOW, VERDICT_WARN, VERDICT_DENY};
    for (int i = 0; i < 4; i++) {
        fixture->now = noon + i * hour;
        assert_int_equal(reported(fixture, GOVERNOR_ENTITLEMENT), verdicts[i]);
    }
    give(fixture, command_of(GOVERNOR_ENTITLEMENT, OP_REVOKE));
    assert_int_equal(reported(fixture, GOVERNOR_ENTITLEMENT), VERDICT_DENY);
    give(fixture, grant_of("free", INSTANT_NEVER));
    give(fixture, command_of(GOVERNOR_ENTITLEMENT, OP_SUSPEND));
    struct governor_report report =
        chain_report(&fixture->states, &fixture->policy, GOVERNOR_ENTITLEMENT, fixture->now);
    assert_int_equal(report.verdict, VERDICT_DENY);
    assert_int_equal(report.entitlement.phase, ENTITLEMENT_SUSPENDED);
    assert_true(bytes_equal_string(name_bytes(&report.entitlement.plan), "free"));
}

static void state_topic_shows_quota_as_it_is_now(void **context)
{
    struct fixture *fixture = *context;
    static const enum verdict verdicts[] = {VERDICT_ALLOW, VERDICT_WARN, VERDICT_THROTTLE};
    static const int64_t amounts[] = {1, 7, 2};
    for (int i = 0; i < 3; i++) {
        event(fixture, FLAT, units(amounts[i]));
        assert_int_equal(reported(fixture, GOVERNOR_QUOTA), verdicts[i]);
    }
    struct governor_report report =
        chain_report(&fixture->states, &fixture->policy, GOVERNOR_QUOTA, fixture->now);
    assert_int_equal(report.quota_phase, QUOTA_THROTTLED);
    assert_int_equal(report.quota.used, units(10));
    fixture->now += 12 * hour;
    assert_int_equal(reported(fixture, GOVERNOR_QUOTA), VERDICT_ALLOW);
}

static void state_topic_shows_billing_as_it_is_now(void **context)
{
    struct fixture *fixture = *context;
    give(fixture, grant_of("gold", INSTANT_NEVER));
    assert_int_equal(reported(fixture, GOVERNOR_BILLING), VERDICT_ALLOW); /* none */
    give(fixture, credit_of(units(20), noon + hour));
    assert_int_equal(reported(fixture, GOVERNOR_BILLING), VERDICT_ALLOW); /* good */
    fixture->now += hour;
    struct governor_report report =
        chain_report(&fixture->states, &fixture->policy, GOVERNOR_BILLING, fixture->now);
    assert_int_equal(report.verdict, VERDICT_WARN);
    assert_int_equal(report.billing.phase, BILLING_PHASE_LOW);
    assert_int_equal(report.billing.balance, 0);
    event(fixture, KWH, units(10));
    assert_int_equal(reported(fixture, GOVERNOR_BILLING), VERDICT_WARN); /* overdraft */
    event(fixture, KWH, units(20));
    assert_int_equal(reported(fixture, GOVERNOR_BILLING), VERDICT_WARN); /* exhausted */
    give(fixture, command_of(GOVERNOR_BILLING, OP_SUSPEND));
    assert_answer(event(fixture, UNLOCK, units(1)), VERDICT_DENY, REASON_SUSPENDED);
    assert_int_equal(reported(fixture, GOVERNOR_BILLING), VERDICT_DENY);
    give(fixture, command_of(GOVERNOR_BILLING, OP_CLOSE));
    assert_answer(event(fixture, UNLOCK, units(1)), VERDICT_DENY, REASON_CLOSED);
    assert_int_equal(reported(fixture, GOVERNOR_BILLING), VERDICT_DENY);
}

/* What must hold around every event, whatever went before. */
static void check_event(struct fixture *fixture, int meter, micro_units amount)
{
    struct governor_states before = fixture->states;
    struct governor_states ticked = fixture->states;
    chain_tick(&ticked, &fixture->policy, fixture->now);
    struct chain_answer answer = event(fixture, meter, amount);
    struct governor_report *report = &answer.reports[meter == FLAT ? 0 : 2];
    bool is_stranger = before.entitlement.phase == ENTITLEMENT_NONE;
    if (amount == 0) {
        assert_states_equal(&fixture->states, &before);
    } else if (answer.verdict == VERDICT_DENY && !is_stranger) {
        assert_states_equal(&fixture->states, &ticked);
    }
    assert_int_equal(billing_imbalance(&fixture->states.billing), 0);
    assert_int_equal(report->billing.charged, answer.charge.amount);
    assert_true(answer.verdict != VERDICT_DENY || answer.charge.amount == 0);
    if (amount > 0) {
        assert_int_equal(report->billing.balance, billing_balance(&fixture->states.billing));
        assert_int_equal(chain_tick(&fixture->states, &fixture->policy, fixture->now), 0);
    }
}

static void whatever_happens_denials_and_peeks_change_nothing(void **context)
{
    struct fixture *fixture = *context;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        set_up(fixture);
        uint64_t random = seed * 2654435761u;
        for (int i = 0; i < 300; i++) {
            random_step(fixture, &random);
            micro_units amount = (micro_units)random_below(&random, 4 * MICRO_UNITS_ONE);
            amount = random_below(&random, 4) == 0 ? 0 : amount;
            check_event(fixture, (int)random_below(&random, METERS), amount);
        }
    }
}

static void same_inputs_give_the_same_bytes(void **context)
{
    static struct fixture twin;
    struct fixture *fixture = *context;
    set_up(&twin);
    uint64_t left = 77;
    uint64_t right = 77;
    for (int i = 0; i < 1000; i++) {
        random_step(fixture, &left);
        random_step(&twin, &right);
        assert_states_equal(&fixture->states, &twin.states);
        struct chain_answer first = event(fixture, KWH, 1);
        struct chain_answer second = event(&twin, KWH, 1);
        assert_memory_equal(&first, &second, sizeof first);
    }
}

/* Whatever lies in the answer's memory before: here, what is no boolean, no count and no enumerator. */
static governor_set decide_both_ways(struct fixture *fixture, struct fixture *twin, int meter,
                                     micro_units amount)
{
    struct governor_states before = fixture->states;
    const struct meter *asked = &fixture->meters[meter];
    struct chain_ask ask = {.meter = &asked->name, .amount = amount, .now = fixture->now};
    struct chain_answer answer;
    memset(&answer, 0xA5, sizeof answer);
    governor_set changes = chain_decide(&fixture->states, &fixture->policy, asked, ask, &answer);
    assert_int_equal(changes, chain_changes(&before, &fixture->states));
    struct chain_answer by_value = event(twin, meter, amount);
    assert_answers_equal(&answer, &by_value);
    assert_states_equal(&fixture->states, &twin->states);
    return changes;
}

static void deciding_in_place_sets_all_that_is_read_and_names_the_changes(void **context)
{
    static struct fixture twin;
    struct fixture *fixture = *context;
    governor_set changes = 0;
    for (uint64_t life = 1; life <= 40; life++) {
        set_up(fixture);
        set_up(&twin);
        uint64_t left = life * 2654435761u;
        uint64_t right = left;
        for (int i = 0; i < 60; i++) {
            random_step(fixture, &left);
            random_step(&twin, &right);
            changes |= decide_both_ways(fixture, &twin, i % METERS, units(i % 4));
        }
    }
    assert_int_equal(changes, 7); /* Each governor's phase has changed somewhere. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(grant_of_another_plan_clears_the_overrides, start_fixture),
        cmocka_unit_test_setup(rejected_command_changes_nothing, start_fixture),
        cmocka_unit_test_setup(command_shows_the_phases_by_the_terms_after_it, start_fixture),
        cmocka_unit_test_setup(refund_goes_back_under_the_command_s_id, start_fixture),
        cmocka_unit_test_setup(end_of_a_used_window_is_told_though_the_state_stays, start_fixture),
        cmocka_unit_test_setup(edges_come_in_order_and_each_changes_its_governor, start_fixture),
        cmocka_unit_test_setup(state_topic_shows_entitlement_as_it_is_now, start_fixture),
        cmocka_unit_test_setup(state_topic_shows_quota_as_it_is_now, start_fixture),
        cmocka_unit_test_setup(state_topic_shows_billing_as_it_is_now, start_fixture),
        cmocka_unit_test_setup(whatever_happens_denials_and_peeks_change_nothing, start_fixture),
        cmocka_unit_test_setup(same_inputs_give_the_same_bytes, start_fixture),
        cmocka_unit_test_setup(deciding_in_place_sets_all_that_is_read_and_names_the_changes, start_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
