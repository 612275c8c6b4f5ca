#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/governors/billing.h"

static const instant_ms noon = 1795000000000;
static const micro_units one = MICRO_UNITS_ONE; /* A price of 1 charges the amount itself. */
static const struct billing_terms plain = {.low_balance = 0, .overdraft = 0};
static const struct billing_terms careful = {.low_balance = 20, .overdraft = 50};

static struct command command_of(enum command_op op)
{
    return (struct command){
        .id = name_of("c"), .governor = GOVERNOR_BILLING, .op = op, .expires_at = INSTANT_NEVER};
}

static struct command credit_of(const char *id, micro_units amount, int32_t priority, instant_ms expires_at)
{
    struct command command = command_of(OP_CREDIT);
    command.id = name_of(id);
    command.amount = amount;
    command.priority = priority;
    command.expires_at = expires_at;
    return command;
}

static enum reply_reason give(struct billing_state *state, struct command command, instant_ms now)
{
    struct billing_outcome outcome = billing_command(*state, &careful, &command, now);
    assert_int_equal(billing_imbalance(&outcome.state), 0);
    *state = outcome.state;
    return outcome.reason;
}

static void credit(struct billing_state *state, const char *id, micro_units amount)
{
    assert_int_equal(give(state, credit_of(id, amount, 0, INSTANT_NEVER), noon), REPLY_OK);
}

static struct charge charge(struct billing_state *state, micro_units amount)
{
    struct billing_answer answer = billing_step(*state, &careful, amount, one, noon);
    assert_int_not_equal(answer.verdict, VERDICT_DENY);
    assert_int_equal(billing_imbalance(&answer.state), 0);
    *state = answer.state;
    return answer.charge;
}

static enum reply_reason refund(struct billing_state *state, struct charge taken, instant_ms now)
{
    struct billing_outcome outcome = billing_refund(*state, &careful, &taken, name_of("refund"), now);
    assert_int_equal(billing_imbalance(&outcome.state), 0);
    *state = outcome.state;
    return outcome.reason;
}

static void assert_grant(const struct billing_state *state, uint8_t place, const char *id,
                         micro_units remaining)
{
    assert_true(place < state->grant_count);
    assert_true(bytes_equal_string(name_bytes(&state->grants[place].id), id));
    assert_int_equal(state->grants[place].remaining, remaining);
}

struct event_row {
    micro_units credit; /* 0: never. */
    micro_units debt;   /* Charged beyond the credit. */
    enum billing_hold hold;
    const struct billing_terms *terms;
    micro_units amount;
    micro_units price;
    enum verdict verdict;
    enum reason reason;
    enum billing_phase phase;
    micro_units balance;
};

static struct billing_state state_of(const struct event_row *row)
{
    struct billing_state state = {0};
    if (row->credit > 0) {
        credit(&state, "first", row->credit);
    }
    if (row->debt > 0) {
        charge(&state, row->credit + row->debt);
    }
    state.hold = row->hold;
    return state;
}

static const struct event_row event_rows[] = {
    /* Free events. */
    {0, 0, BILLING_OPEN, &plain, 5, 0, VERDICT_ALLOW, REASON_OK, BILLING_PHASE_NONE, 0},
    {9, 0, BILLING_OPEN, &plain, 5, 0, VERDICT_ALLOW, REASON_OK, BILLING_PHASE_GOOD, 9},
    {9, 0, BILLING_OPEN, &careful, 5, 0, VERDICT_ALLOW, REASON_OK, BILLING_PHASE_LOW, 9},
    {9, 1, BILLING_OPEN, &careful, 5, 0, VERDICT_ALLOW, REASON_OK, BILLING_PHASE_OVERDRAFT, -1},
    {9, 50, BILLING_OPEN, &careful, 5, 0, VERDICT_ALLOW, REASON_OK, BILLING_PHASE_EXHAUSTED, -50},
    {9, 0, BILLING_SUSPENDED, &plain, 5, 0, VERDICT_DENY, REASON_SUSPENDED, BILLING_PHASE_SUSPENDED, 9},
    {9, 0, BILLING_CLOSED, &plain, 5, 0, VERDICT_DENY, REASON_CLOSED, BILLING_PHASE_CLOSED, 9},
    {0, 0, BILLING_SUSPENDED, &plain, 5, 0, VERDICT_DENY, REASON_SUSPENDED, BILLING_PHASE_SUSPENDED, 0},
    /* Half a micro-unit is charged, less is not. */
    {9, 0, BILLING_OPEN, &plain, 1, 499999, VERDICT_ALLOW, REASON_OK, BILLING_PHASE_GOOD, 9},
    {9, 0, BILLING_OPEN, &plain, 1, 500000, VERDICT_ALLOW, REASON_OK, BILLING_PHASE_GOOD, 8},
    {9, 0, BILLING_OPEN, &plain, 3, 500000, VERDICT_ALLOW, REASON_OK, BILLING_PHASE_GOOD, 7},
    /* Paid, by the state afterwards. */
    {100, 0, BILLING_OPEN, &careful, 79, 1000000, VERDICT_ALLOW, REASON_OK, BILLING_PHASE_GOOD, 21},
    {100, 0, BILLING_OPEN, &careful, 80, 1000000, VERDICT_WARN, REASON_LOW_BALANCE, BILLING_PHASE_LOW, 20},
    {100, 0, BILLING_OPEN, &careful, 100, 1000000, VERDICT_WARN, REASON_LOW_BALANCE, BILLING_PHASE_LOW, 0},
    {100, 0, BILLING_OPEN, &careful, 101, 1000000, VERDICT_WARN, REASON_OVERDRAFT, BILLING_PHASE_OVERDRAFT,
     -1},
    {100, 0, BILLING_OPEN, &careful, 149, 1000000, VERDICT_WARN, REASON_OVERDRAFT, BILLING_PHASE_OVERDRAFT,
     -49},
    {100, 0, BILLING_OPEN, &careful, 150, 1000000, VERDICT_WARN, REASON_LOW_BALANCE, BILLING_PHASE_EXHAUSTED,
     -50},
    {100, 0, BILLING_OPEN, &plain, 100, 1000000, VERDICT_WARN, REASON_LOW_BALANCE, BILLING_PHASE_EXHAUSTED,
     0},
    {0, 0, BILLING_OPEN, &careful, 1, 1000000, VERDICT_WARN, REASON_OVERDRAFT, BILLING_PHASE_OVERDRAFT, -1},
    /* Not paid. */
    {100, 0, BILLING_OPEN, &careful, 151, 1000000, VERDICT_DENY, REASON_INSUFFICIENT_BALANCE,
     BILLING_PHASE_GOOD, 100},
    {100, 0, BILLING_OPEN, &plain, 101, 1000000, VERDICT_DENY, REASON_INSUFFICIENT_BALANCE,
     BILLING_PHASE_GOOD, 100},
    {0, 0, BILLING_OPEN, &plain, 1, 1000000, VERDICT_DENY, REASON_INSUFFICIENT_BALANCE, BILLING_PHASE_NONE,
     0},
    {9, 50, BILLING_OPEN, &careful, 1, 1000000, VERDICT_DENY, REASON_INSUFFICIENT_BALANCE,
     BILLING_PHASE_EXHAUSTED, -50},
    {9, 0, BILLING_OPEN, &plain, INT64_MAX, INT64_MAX, VERDICT_DENY, REASON_INSUFFICIENT_BALANCE,
     BILLING_PHASE_GOOD, 9},
    {9, 9, BILLING_OPEN, &careful, INT64_MAX, 1000000, VERDICT_DENY, REASON_INSUFFICIENT_BALANCE,
     BILLING_PHASE_OVERDRAFT, -9},
    {9, 0, BILLING_SUSPENDED, &plain, 1, 1000000, VERDICT_DENY, REASON_SUSPENDED, BILLING_PHASE_SUSPENDED, 9},
    {9, 0, BILLING_CLOSED, &plain, INT64_MAX, INT64_MAX, VERDICT_DENY, REASON_CLOSED, BILLING_PHASE_CLOSED,
     9},
};

static void event_gets_the_verdict_of_the_state_after_it(void **context)
{
    (void)context;
    for (size_t i = 0; i < sizeof event_rows / sizeof *event_rows; i++) {
        const struct event_row *row = &event_rows[i];
        struct billing_state before = billing_at(state_of(row), row->terms, noon);
        struct billing_answer answer = billing_step(before, row->terms, row->amount, row->price, noon);
        assert_int_equal(answer.verdict, row->verdict);
        assert_int_equal(answer.reason, row->reason);
        assert_int_equal(answer.phase, row->phase);
        assert_int_equal(answer.state.phase, row->phase);
        assert_int_equal(answer.balance, row->balance);
        assert_int_equal(answer.charge.amount, billing_balance(&before) - row->balance);
        assert_int_equal(billing_imbalance(&answer.state), 0);
        if (answer.charge.amount == 0) {
            assert_memory_equal(&answer.state, &before, sizeof before);
        }
    }
}

static void totals_that_would_overflow_deny_the_event(void **context)
{
    (void)context;
    struct billing_terms endless = {.overdraft = INT64_MAX};
    struct billing_answer first = billing_step((struct billing_state){0}, &endless, INT64_MAX, one, noon);
    assert_int_equal(first.verdict, VERDICT_WARN);
    assert_int_equal(first.balance, -INT64_MAX);
    struct command all = credit_of("all", INT64_MAX, 0, INSTANT_NEVER);
    struct billing_state paid = billing_command(first.state, &endless, &all, noon).state;
    assert_int_equal(billing_balance(&paid), 0);
    struct billing_answer second = billing_step(paid, &endless, 1, one, noon);
    assert_int_equal(second.verdict, VERDICT_DENY);
    assert_int_equal(second.reason, REASON_INSUFFICIENT_BALANCE);
}

struct command_row {
    enum billing_hold hold;
    enum command_op op;
    enum reply_reason reason;
    enum billing_phase phase;
};

static const struct command_row command_rows[] = {
    {BILLING_OPEN, OP_CREDIT, REPLY_OK, BILLING_PHASE_GOOD},
    {BILLING_OPEN, OP_SUSPEND, REPLY_OK, BILLING_PHASE_SUSPENDED},
    {BILLING_OPEN, OP_RESUME, REPLY_INVALID_TRANSITION, BILLING_PHASE_GOOD},
    {BILLING_OPEN, OP_CLOSE, REPLY_OK, BILLING_PHASE_CLOSED},
    {BILLING_SUSPENDED, OP_CREDIT, REPLY_OK, BILLING_PHASE_SUSPENDED},
    {BILLING_SUSPENDED, OP_SUSPEND, REPLY_INVALID_TRANSITION, BILLING_PHASE_SUSPENDED},
    {BILLING_SUSPENDED, OP_RESUME, REPLY_OK, BILLING_PHASE_GOOD},
    {BILLING_SUSPENDED, OP_CLOSE, REPLY_OK, BILLING_PHASE_CLOSED},
    {BILLING_CLOSED, OP_CREDIT, REPLY_INVALID_TRANSITION, BILLING_PHASE_CLOSED},
    {BILLING_CLOSED, OP_SUSPEND, REPLY_INVALID_TRANSITION, BILLING_PHASE_CLOSED},
    {BILLING_CLOSED, OP_RESUME, REPLY_INVALID_TRANSITION, BILLING_PHASE_CLOSED},
    {BILLING_CLOSED, OP_CLOSE, REPLY_INVALID_TRANSITION, BILLING_PHASE_CLOSED},
};

static void command_moves_the_account_or_changes_nothing(void **context)
{
    (void)context;
    for (size_t i = 0; i < sizeof command_rows / sizeof *command_rows; i++) {
        struct billing_state before = {0};
        credit(&before, "first", 100);
        before.hold = command_rows[i].hold;
        before.phase = billing_phase_of(&before, &careful);
        struct command command = command_of(command_rows[i].op);
        command.amount = command.op == OP_CREDIT ? 7 : 0;
        struct billing_outcome outcome = billing_command(before, &careful, &command, noon);
        assert_int_equal(outcome.reason, command_rows[i].reason);
        assert_int_equal(outcome.state.phase, command_rows[i].phase);
        bool is_same = memcmp(&outcome.state, &before, sizeof before) == 0;
        assert_int_equal(is_same, outcome.reason != REPLY_OK);
    }
}

static void refund_works_in_every_state_but_closed(void **context)
{
    (void)context;
    struct billing_state state = {0};
    credit(&state, "first", 100);
    struct charge taken = charge(&state, 10);
    struct billing_state suspended = state;
    suspended.hold = BILLING_SUSPENDED;
    assert_int_equal(refund(&suspended, taken, noon), REPLY_OK);
    assert_int_equal(billing_balance(&suspended), 100);
    struct billing_state closed = state;
    closed.hold = BILLING_CLOSED;
    assert_int_equal(refund(&closed, taken, noon), REPLY_INVALID_TRANSITION);
    assert_int_equal(billing_balance(&closed), 90);
}

static void grants_burn_by_priority_then_expiry_then_age(void **context)
{
    (void)context;
    struct billing_state state = {0};
    give(&state, credit_of("late", 10, 0, noon + 2000), noon);
    give(&state, credit_of("endless", 10, 0, INSTANT_NEVER), noon);
    give(&state, credit_of("soon", 10, 0, noon + 1000), noon);
    give(&state, credit_of("urgent", 10, -1, INSTANT_NEVER), noon);
    give(&state, credit_of("younger", 10, 0, noon + 1000), noon);
    give(&state, credit_of("last", 10, 1, noon + 1), noon);
    static const char *const order[] = {"urgent", "soon", "younger", "late", "endless", "last"};
    struct charge taken = charge(&state, 55);
    assert_int_equal(taken.burn_count, 6);
    assert_int_equal(taken.debt, 0);
    for (uint8_t i = 0; i < 6; i++) {
        assert_true(bytes_equal_string(name_bytes(&taken.burns[i].id), order[i]));
        assert_int_equal(taken.burns[i].amount, i < 5 ? 10 : 5);
    }
    assert_int_equal(state.grant_count, 1);
    assert_grant(&state, 0, "last", 5);
}

static void credit_settles_debt_before_it_becomes_a_grant(void **context)
{
    (void)context;
    struct billing_state state = {0};
    charge(&state, 30);
    credit(&state, "eaten", 20);
    assert_int_equal(state.debt, 10);
    assert_int_equal(state.grant_count, 0);
    credit(&state, "exact", 10);
    assert_int_equal(state.grant_count, 0);
    assert_int_equal(billing_balance(&state), 0);
    charge(&state, 5);
    credit(&state, "rest", 20);
    assert_grant(&state, 0, "rest", 15);
    assert_int_equal(state.grants[0].amount, 20);
}

static void expired_credit_settles_debt_and_the_rest_expires_at_once(void **context)
{
    (void)context;
    struct billing_state state = {0};
    charge(&state, 30);
    assert_int_equal(give(&state, credit_of("past", 50, 0, noon), noon), REPLY_OK);
    assert_int_equal(state.debt, 0);
    assert_int_equal(state.grant_count, 0);
    assert_int_equal(state.credits, 50);
    assert_int_equal(state.expired, 20);
}

static void ninth_live_grant_is_too_many_but_not_a_credit_that_leaves_none(void **context)
{
    (void)context;
    struct billing_state state = {0};
    for (int i = 0; i < CREDITS_MAX; i++) {
        credit(&state, "each", 10);
    }
    struct billing_state full = state;
    assert_int_equal(give(&state, credit_of("ninth", 10, 0, INSTANT_NEVER), noon), REPLY_TOO_MANY_GRANTS);
    assert_memory_equal(&state, &full, sizeof full);
    assert_int_equal(give(&state, credit_of("past", 10, 0, noon - 1), noon), REPLY_OK);
    assert_int_equal(state.expired, 10);
    charge(&state, 10);
    assert_int_equal(give(&state, credit_of("eighth", 10, 0, INSTANT_NEVER), noon), REPLY_OK);
}

static void credit_beyond_64_bits_is_an_overflow(void **context)
{
    (void)context;
    struct billing_state state = {0};
    credit(&state, "all", INT64_MAX);
    struct billing_state full = state;
    assert_int_equal(give(&state, credit_of("more", 1, 0, INSTANT_NEVER), noon), REPLY_OVERFLOW);
    assert_memory_equal(&state, &full, sizeof full);
}

/* Read from a damaged store: nothing was credited, and yet something expired and a grant lives. */
static struct billing_state unsound_state(micro_units remaining)
{
    struct billing_state state = {.expired = INT64_MAX - 10, .charges = 20};
    if (remaining > 0) {
        state.grant_count = 1;
        state.grants_made = 1;
        state.grants[0] = (struct grant){
            .id = name_of("lives"), .amount = 10, .remaining = remaining, .expires_at = INSTANT_NEVER};
    }
    return state;
}

struct unsound_row {
    micro_units remaining;
    micro_units debt;
    micro_units amount;
    enum reply_reason credited;
    enum reply_reason refunded;
};

static const struct unsound_row unsound_rows[] = {
    {0, 0, 10, REPLY_OK, REPLY_OK},       {0, 0, 11, REPLY_OVERFLOW, REPLY_OVERFLOW},
    {8, 0, 2, REPLY_OK, REPLY_OK},        {8, 0, 3, REPLY_OVERFLOW, REPLY_OVERFLOW},
    {0, 1, 11, REPLY_OVERFLOW, REPLY_OK}, /* A refund counts what debt leaves of it. */
};

static void totals_that_do_not_add_up_refuse_what_they_cannot_hold(void **context)
{
    (void)context;
    for (size_t i = 0; i < sizeof unsound_rows / sizeof *unsound_rows; i++) {
        const struct unsound_row *row = &unsound_rows[i];
        struct billing_state before = unsound_state(row->remaining);
        before.debt = row->debt;
        before = billing_at(before, &careful, noon);
        struct command command = credit_of("more", row->amount, 0, INSTANT_NEVER);
        struct billing_outcome credited = billing_command(before, &careful, &command, noon);
        assert_int_equal(credited.reason, row->credited);
        struct charge taken = {.amount = row->amount, .debt = row->amount};
        struct billing_outcome refunded = billing_refund(before, &careful, &taken, name_of("r"), noon);
        assert_int_equal(refunded.reason, row->refunded);
        bool is_credited = memcmp(&credited.state, &before, sizeof before) != 0;
        bool is_refunded = memcmp(&refunded.state, &before, sizeof before) != 0;
        assert_int_equal(is_credited, row->credited == REPLY_OK);
        assert_int_equal(is_refunded, row->refunded == REPLY_OK);
        assert_int_equal(billing_imbalance(&refunded.state), billing_imbalance(&before));
    }
}

static void grant_leaves_the_balance_when_it_expires(void **context)
{
    (void)context;
    struct billing_state state = {0};
    give(&state, credit_of("short", 10, 0, noon + 1000), noon);
    give(&state, credit_of("long", 10, 0, noon + 5000), noon);
    charge(&state, 3);
    assert_int_equal(billing_next_edge(&state), noon + 1000);
    assert_int_equal(billing_balance(&state), 17);
    state = billing_at(state, &careful, noon + 999);
    assert_int_equal(billing_balance(&state), 17);
    state = billing_at(state, &careful, noon + 1000);
    assert_int_equal(billing_balance(&state), 10);
    assert_int_equal(state.expired, 7);
    assert_int_equal(billing_next_edge(&state), noon + 5000);
    state = billing_at(state, &plain, noon + 5000);
    assert_int_equal(state.phase, BILLING_PHASE_EXHAUSTED);
    assert_int_equal(billing_next_edge(&state), INSTANT_NEVER);
    assert_int_equal(billing_imbalance(&state), 0);
}

static void every_phase_has_the_contract_s_name(void **context)
{
    (void)context;
    static const char *const names[] = {"closed",    "suspended", "none", "exhausted",
                                        "overdraft", "low",       "good"};
    for (enum billing_phase phase = BILLING_PHASE_CLOSED; phase <= BILLING_PHASE_GOOD; phase++) {
        assert_string_equal(billing_phase_name(phase), names[phase]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_gets_the_verdict_of_the_state_after_it),
        cmocka_unit_test(totals_that_would_overflow_deny_the_event),
        cmocka_unit_test(command_moves_the_account_or_changes_nothing),
        cmocka_unit_test(refund_works_in_every_state_but_closed),
        cmocka_unit_test(grants_burn_by_priority_then_expiry_then_age),
        cmocka_unit_test(credit_settles_debt_before_it_becomes_a_grant),
        cmocka_unit_test(expired_credit_settles_debt_and_the_rest_expires_at_once),
        cmocka_unit_test(ninth_live_grant_is_too_many_but_not_a_credit_that_leaves_none),
        cmocka_unit_test(credit_beyond_64_bits_is_an_overflow),
        cmocka_unit_test(totals_that_do_not_add_up_refuse_what_they_cannot_hold),
        cmocka_unit_test(grant_leaves_the_balance_when_it_expires),
        cmocka_unit_test(every_phase_has_the_contract_s_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
