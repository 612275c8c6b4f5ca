/* Refunds in tables, and conservation over random lives of an account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/governors/billing.h"

static const instant_ms noon = 1795000000000;
static const struct billing_terms terms = {.low_balance = 20, .overdraft = 50};

static struct command credit_of(struct name id, micro_units amount, instant_ms expires_at)
{
    return (struct command){
        .id = id, .governor = GOVERNOR_BILLING, .op = OP_CREDIT, .amount = amount, .expires_at = expires_at};
}

/* A step in the life of an account: what happens, and what is there afterwards. */
enum step_kind { END, CREDIT, CHARGE, REFUND, WAIT };

struct step {
    enum step_kind kind;
    micro_units
        amount; /* CREDIT, CHARGE: how much. REFUND: which charge, from 0. WAIT: to that ms past noon. */
    instant_ms lasts; /* CREDIT: expires that long past noon; 0: never. */
};

struct refund_row {
    struct step steps[10]; /* Grants are named a, b, c, by their credits; refunds r. */
    const char *grants;    /* Afterwards, as id:remaining in burning order. */
    micro_units debt;
    micro_units expired;
};

static const struct refund_row refund_rows[] = {
    /* Back to the grant it came from, live or gone. */
    {{{CREDIT, 100, 0}, {CHARGE, 30, 0}, {REFUND, 0, 0}}, "a:100 ", 0, 0},
    {{{CREDIT, 100, 0}, {CHARGE, 100, 0}, {REFUND, 0, 0}}, "a:100 ", 0, 0},
    {{{CREDIT, 10, 0}, {CREDIT, 20, 0}, {CHARGE, 25, 0}, {REFUND, 0, 0}}, "a:10 b:20 ", 0, 0},
    {{{CREDIT, 10, 900}, {CREDIT, 20, 0}, {CHARGE, 10, 0}, {CHARGE, 5, 0}, {REFUND, 0, 0}},
     "a:10 b:15 ",
     0,
     0},
    /* Two charges of one grant that is gone: revived once, then found. */
    {{{CREDIT, 10, 0}, {CHARGE, 4, 0}, {CHARGE, 6, 0}, {REFUND, 0, 0}, {REFUND, 1, 0}}, "a:10 ", 0, 0},
    /* What belongs to an expired grant expires, what belongs to a live one does not. */
    {{{CREDIT, 10, 500}, {CHARGE, 4, 0}, {WAIT, 500, 0}, {REFUND, 0, 0}}, "", 0, 10},
    {{{CREDIT, 10, 500}, {CREDIT, 20, 0}, {CHARGE, 25, 0}, {WAIT, 500, 0}, {REFUND, 0, 0}}, "b:20 ", 0, 10},
    /* A charge that is still debt. */
    {{{CHARGE, 30, 0}, {REFUND, 0, 0}}, "", 0, 0},
    {{{CREDIT, 10, 0}, {CHARGE, 30, 0}, {REFUND, 0, 0}}, "a:10 ", 0, 0},
    /* What had been debt and is settled since becomes a grant of the refund. */
    {{{CHARGE, 30, 0}, {CREDIT, 30, 0}, {REFUND, 0, 0}}, "r:30 ", 0, 0},
    {{{CHARGE, 30, 0}, {CREDIT, 40, 0}, {REFUND, 0, 0}}, "a:10 r:30 ", 0, 0},
    {{{CREDIT, 10, 0}, {CHARGE, 30, 0}, {CREDIT, 25, 0}, {REFUND, 0, 0}}, "a:10 b:5 r:20 ", 0, 0},
    /* Settled in part: the rest of the debt goes first. */
    {{{CREDIT, 10, 0}, {CHARGE, 30, 0}, {CREDIT, 15, 0}, {REFUND, 0, 0}}, "a:10 r:15 ", 0, 0},
    /* Debt of another charge eats the refund, and the grants burned first are the ones that come back short.
     */
    {{{CREDIT, 20, 0}, {CHARGE, 20, 0}, {CHARGE, 30, 0}, {REFUND, 0, 0}}, "", 10, 0},
    {{{CREDIT, 10, 0}, {CREDIT, 10, 0}, {CHARGE, 20, 0}, {CHARGE, 5, 0}, {REFUND, 0, 0}}, "a:5 b:10 ", 0, 0},
    {{{CREDIT, 10, 0}, {CREDIT, 10, 0}, {CHARGE, 20, 0}, {CHARGE, 15, 0}, {REFUND, 0, 0}}, "b:5 ", 0, 0},
    {{{CREDIT, 20, 0}, {CHARGE, 20, 0}, {CHARGE, 20, 0}, {REFUND, 0, 0}, {REFUND, 1, 0}}, "r:20 ", 0, 0},
    /* Debt comes before expiry, too. */
    {{{CREDIT, 10, 500}, {CHARGE, 10, 0}, {CHARGE, 4, 0}, {WAIT, 500, 0}, {REFUND, 0, 0}}, "", 0, 6},
    /* Settled debt, another debt and burns at once. */
    {{{CREDIT, 10, 0}, {CHARGE, 20, 0}, {CREDIT, 15, 0}, {CHARGE, 8, 0}, {REFUND, 0, 0}}, "a:10 r:7 ", 0, 0},
};

struct life {
    struct billing_state state;
    instant_ms now;
    char next_id;
    uint8_t charge_count;
    struct charge charges[8];
};

static struct name id_of(char letter)
{
    char text[2] = {letter, '\0'};
    return name_of(text);
}

static void live_step(struct life *life, const struct step *step)
{
    struct billing_outcome outcome = {.state = life->state};
    if (step->kind == CREDIT) {
        instant_ms expires_at = step->lasts == 0 ? INSTANT_NEVER : noon + step->lasts;
        struct command command = credit_of(id_of(life->next_id++), step->amount, expires_at);
        outcome = billing_command(life->state, &terms, &command, life->now);
    } else if (step->kind == CHARGE) {
        struct billing_answer answer =
            billing_step(life->state, &terms, step->amount, MICRO_UNITS_ONE, life->now);
        assert_int_equal(answer.charge.amount, step->amount);
        life->charges[life->charge_count++] = answer.charge;
        outcome.state = answer.state;
    } else if (step->kind == REFUND) {
        outcome = billing_refund(life->state, &terms, &life->charges[step->amount], id_of('r'), life->now);
    } else {
        life->now = noon + step->amount;
    }
    assert_int_equal(outcome.reason, REPLY_OK);
    assert_int_equal(billing_imbalance(&outcome.state), 0);
    life->state = outcome.state;
}

static void describe(const struct billing_state *state, char text[128])
{
    size_t length = 0;
    for (uint8_t i = 0; i < state->grant_count; i++) {
        text[length++] = state->grants[i].id.text[0];
        text[length++] = ':';
        int tens = (int)state->grants[i].remaining;
        for (int scale = tens >= 100 ? 100 : tens >= 10 ? 10 : 1; scale > 0; scale /= 10) {
            text[length++] = (char)('0' + tens / scale % 10);
        }
        text[length++] = ' ';
    }
    text[length] = '\0';
}

static void refund_finds_its_way_back(void **context)
{
    (void)context;
    for (size_t i = 0; i < sizeof refund_rows / sizeof *refund_rows; i++) {
        const struct refund_row *row = &refund_rows[i];
        struct life life = {.now = noon, .next_id = 'a'};
        for (const struct step *step = row->steps; step->kind != END; step++) {
            live_step(&life, step);
        }
        char grants[128];
        describe(&life.state, grants);
        assert_string_equal(grants, row->grants);
        assert_int_equal(life.state.debt, row->debt);
        assert_int_equal(life.state.expired, row->expired);
    }
}

static void revived_grant_is_the_one_that_was_burned(void **context)
{
    (void)context;
    struct billing_state state = {0};
    struct command command = credit_of(name_of("mine"), 10, noon + 1000);
    command.priority = -3;
    state = billing_command(state, &terms, &command, noon).state;
    struct grant before = state.grants[0];
    struct billing_answer spent = billing_step(state, &terms, 10, MICRO_UNITS_ONE, noon);
    assert_int_equal(spent.state.grant_count, 0);
    struct billing_outcome back =
        billing_refund(spent.state, &terms, &spent.charge, name_of("r"), noon + 999);
    assert_int_equal(back.state.grant_count, 1);
    assert_memory_equal(&back.state.grants[0], &before, sizeof before);
}

/* Burns eight grants three times over and refunds two of the charges: every place is taken. */
static struct charge fill_all_places(struct billing_state *state)
{
    struct charge charges[3];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < CREDITS_MAX; i++) {
            struct command command = credit_of(name_of("each"), 1, INSTANT_NEVER);
            struct billing_outcome credited = billing_command(*state, &terms, &command, noon);
            assert_int_equal(credited.reason, REPLY_OK);
            *state = credited.state;
        }
        struct billing_answer answer = billing_step(*state, &terms, CREDITS_MAX, MICRO_UNITS_ONE, noon);
        charges[round] = answer.charge;
        *state = answer.state;
    }
    *state = billing_refund(*state, &terms, &charges[0], name_of("r"), noon).state;
    *state = billing_refund(*state, &terms, &charges[1], name_of("r"), noon).state;
    assert_int_equal(state->grant_count, GRANTS_MAX);
    return charges[2];
}

static void refund_may_exceed_eight_grants_until_no_place_is_left(void **context)
{
    (void)context;
    struct billing_state state = {0};
    struct charge third = fill_all_places(&state);
    struct billing_outcome full = billing_refund(state, &terms, &third, name_of("r"), noon);
    assert_int_equal(full.reason, REPLY_TOO_MANY_GRANTS);
    assert_memory_equal(&full.state, &state, sizeof state);
}

static void refund_of_settled_debt_needs_a_place_too(void **context)
{
    (void)context;
    struct billing_answer owed = billing_step((struct billing_state){0}, &terms, 30, MICRO_UNITS_ONE, noon);
    struct command command = credit_of(name_of("a"), 30, INSTANT_NEVER);
    struct billing_state state = billing_command(owed.state, &terms, &command, noon).state;
    assert_int_equal(state.grant_count, 0);
    fill_all_places(&state);
    struct billing_outcome full = billing_refund(state, &terms, &owed.charge, name_of("r"), noon);
    assert_int_equal(full.reason, REPLY_TOO_MANY_GRANTS);
    assert_memory_equal(&full.state, &state, sizeof state);
    state = billing_step(state, &terms, 1, MICRO_UNITS_ONE, noon).state;
    full = billing_refund(state, &terms, &owed.charge, name_of("r"), noon);
    assert_int_equal(full.reason, REPLY_OK);
    assert_int_equal(full.state.grant_count, GRANTS_MAX);
}

static void refund_of_nothing_or_of_more_than_was_charged_is_refused(void **context)
{
    (void)context;
    struct command command = credit_of(name_of("a"), 100, INSTANT_NEVER);
    struct billing_state state = billing_command((struct billing_state){0}, &terms, &command, noon).state;
    struct charge nothing = {0};
    assert_int_equal(billing_refund(state, &terms, &nothing, name_of("r"), noon).reason, REPLY_UNKNOWN_EVENT);
    struct billing_answer answer = billing_step(state, &terms, 10, MICRO_UNITS_ONE, noon);
    state = billing_refund(answer.state, &terms, &answer.charge, name_of("r"), noon).state;
    struct billing_outcome twice = billing_refund(state, &terms, &answer.charge, name_of("r"), noon);
    assert_int_equal(twice.reason, REPLY_OVERFLOW);
    assert_memory_equal(&twice.state, &state, sizeof state);
}

/* xorshift64: seeded, so that a failure can be had again. */
static uint64_t random_below(uint64_t *seed, uint64_t bound)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed % bound;
}

enum { CHARGES_KEPT = 32, LIVES = 60, STEPS = 1500 };

struct random_life {
    struct billing_state state;
    struct billing_terms terms;
    instant_ms now;
    uint64_t seed;
    uint32_t charge_count;
    struct charge charges[CHARGES_KEPT];
    uint64_t digest; /* Of every answer: the same seed gives the same. */
};

static void assert_sound(const struct billing_state *state)
{
    micro_units balance = billing_balance(state);
    assert_int_equal(billing_imbalance(state), 0);
    assert_true(state->credits == state->charges - state->refunds + state->expired + balance);
    assert_true(state->debt == 0 || state->grant_count == 0);
    assert_true(state->debt >= 0 && state->expired >= 0 && state->refunds <= state->charges);
    for (uint8_t i = 0; i < state->grant_count; i++) {
        assert_true(state->grants[i].remaining > 0);
        assert_true(state->grants[i].remaining <= state->grants[i].amount);
    }
    static const struct grant empty;
    for (uint8_t i = state->grant_count; i < GRANTS_MAX; i++) {
        assert_memory_equal(&state->grants[i], &empty, sizeof empty);
    }
}

static void random_charge(struct random_life *life)
{
    micro_units amount = (micro_units)random_below(&life->seed, 60);
    micro_units price =
        random_below(&life->seed, 4) == 0 ? 0 : 333333 * (micro_units)random_below(&life->seed, 7);
    struct billing_state moved = billing_at(life->state, &life->terms, life->now);
    struct billing_answer answer = billing_step(life->state, &life->terms, amount, price, life->now);
    if (answer.verdict == VERDICT_DENY) {
        assert_memory_equal(&answer.state, &moved, sizeof moved);
        assert_int_equal(answer.charge.amount, 0);
    }
    assert_true(answer.verdict == VERDICT_DENY || answer.balance >= -life->terms.overdraft ||
                answer.charge.amount == 0);
    assert_int_equal(answer.balance, billing_balance(&moved) - answer.charge.amount);
    life->state = answer.state;
    if (answer.charge.amount > 0 && life->charge_count < CHARGES_KEPT) {
        life->charges[life->charge_count++] = answer.charge;
    }
}

static void random_command(struct random_life *life)
{
    static const enum command_op ops[] = {OP_CREDIT, OP_CREDIT, OP_CREDIT,  OP_CREDIT, OP_CREDIT,
                                          OP_CREDIT, OP_CREDIT, OP_SUSPEND, OP_RESUME, OP_RESUME};
    struct command command = {.id = id_of((char)('a' + random_below(&life->seed, 26))),
                              .governor = GOVERNOR_BILLING,
                              .op = ops[random_below(&life->seed, 10)],
                              .amount = 1 + (micro_units)random_below(&life->seed, 100),
                              .priority = (int32_t)random_below(&life->seed, 3) - 1,
                              .expires_at = INSTANT_NEVER};
    if (random_below(&life->seed, 2) == 0) {
        command.expires_at = life->now - 10 + (instant_ms)random_below(&life->seed, 200);
    }
    if (random_below(&life->seed, 1000) == 0) {
        command.op = OP_CLOSE;
    }
    struct billing_state moved = billing_at(life->state, &life->terms, life->now);
    struct billing_outcome outcome = billing_command(life->state, &life->terms, &command, life->now);
    if (outcome.reason != REPLY_OK) {
        assert_memory_equal(&outcome.state, &moved, sizeof moved);
    }
    life->state = outcome.state;
}

static void random_refund(struct random_life *life)
{
    if (life->charge_count == 0) {
        return;
    }
    uint64_t which = random_below(&life->seed, life->charge_count);
    struct billing_state moved = billing_at(life->state, &life->terms, life->now);
    const struct charge *charge = &life->charges[which];
    struct billing_outcome outcome = billing_refund(life->state, &life->terms, charge, id_of('r'), life->now);
    if (outcome.reason == REPLY_OK) {
        assert_int_equal(outcome.state.refunds, moved.refunds + charge->amount);
        life->charges[which] = life->charges[--life->charge_count];
    } else {
        assert_memory_equal(&outcome.state, &moved, sizeof moved);
    }
    life->state = outcome.state;
}

static uint64_t digest_of(uint64_t digest, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < length; i++) {
        digest = (digest ^ bytes[i]) * 1099511628211u;
    }
    return digest;
}

static uint64_t live(uint64_t seed)
{
    struct random_life life = {.now = noon, .seed = seed * 2654435761u + 1};
    life.terms.low_balance = (micro_units)random_below(&life.seed, 40);
    life.terms.overdraft = (micro_units)random_below(&life.seed, 3) * 40;
    for (int i = 0; i < STEPS; i++) {
        uint64_t choice = random_below(&life.seed, 10);
        if (choice < 5) {
            random_charge(&life);
        } else if (choice < 8) {
            random_command(&life);
        } else {
            random_refund(&life);
        }
        life.now += (instant_ms)random_below(&life.seed, 20);
        assert_sound(&life.state);
        life.digest = digest_of(life.digest, &life.state, i % 16 == 0 ? sizeof life.state : 64);
    }
    return life.digest;
}

static void conservation_holds_after_every_step_of_random_lives(void **context)
{
    (void)context;
    for (uint64_t seed = 1; seed <= LIVES; seed++) {
        live(seed);
    }
}

static void same_inputs_give_the_same_bytes(void **context)
{
    (void)context;
    assert_true(live(7) == live(7));
    assert_false(live(7) == live(8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refund_finds_its_way_back),
        cmocka_unit_test(revived_grant_is_the_one_that_was_burned),
        cmocka_unit_test(refund_may_exceed_eight_grants_until_no_place_is_left),
        cmocka_unit_test(refund_of_settled_debt_needs_a_place_too),
        cmocka_unit_test(refund_of_nothing_or_of_more_than_was_charged_is_refused),
        cmocka_unit_test(conservation_holds_after_every_step_of_random_lives),
        cmocka_unit_test(same_inputs_give_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
