#include "tests/agent/governors/chain_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

micro_units units(int64_t whole)
{
    return whole * MICRO_UNITS_ONE;
}

static struct quota_limit limit_of(const char *name, micro_units limit, int64_t window_ms)
{
    return (struct quota_limit){.name = name_of(name),
                                .meter = name_of("*"),
                                .algorithm = QUOTA_FIXED,
                                .window = QUOTA_WINDOW_DURATION,
                                .window_ms = window_ms,
                                .limit = limit,
                                .burst = limit,
                                .warn = 750000,
                                .throttle = 900000};
}

void set_up(struct fixture *fixture)
{
    static const enum governor_kind all[] = {GOVERNOR_ENTITLEMENT, GOVERNOR_QUOTA, GOVERNOR_BILLING};
    memset(fixture, 0, sizeof *fixture);
    fixture->now = noon;
    struct plan *plan = &fixture->plans[FREE];
    *plan = (struct plan){.name = name_of("free"), .quota_count = 1, .price_count = 1};
    plan->quotas[0] = limit_of("daily", units(10), 24 * hour);
    plan->prices[0] = (struct price){name_of("kwh"), units(2)};
    plan = &fixture->plans[GOLD];
    *plan = (struct plan){.name = name_of("gold"), .feature_count = 1, .quota_count = 1, .price_count = 1};
    plan->features[0] = name_of("door");
    plan->quotas[0] = limit_of("hourly", units(100), hour);
    plan->prices[0] = (struct price){name_of("kwh"), units(1)};
    plan->billing = (struct billing_terms){.low_balance = units(5), .overdraft = units(30)};
    for (int i = 0; i < METERS; i++) {
        fixture->meters[i] = (struct meter){.chain_length = 3};
        memcpy(fixture->meters[i].chain, all, sizeof all);
    }
    fixture->meters[KWH].name = name_of("kwh");
    fixture->meters[UNLOCK].name = name_of("unlock");
    fixture->meters[UNLOCK].feature = name_of("door");
    fixture->meters[FLAT].name = name_of("flat");
    fixture->meters[FLAT].chain_length = 2;
    fixture->meters[FLAT].chain[0] = GOVERNOR_BILLING;
    fixture->meters[FLAT].chain[1] = GOVERNOR_QUOTA;
    fixture->policy = (struct policy){.plans = fixture->plans,
                                      .plan_count = PLANS,
                                      .meters = fixture->meters,
                                      .meter_count = METERS,
                                      .unknown = UNKNOWN_BOOTSTRAP,
                                      .default_plan = name_of("free")};
}

struct chain_answer event(struct fixture *fixture, int meter, micro_units amount)
{
    const struct meter *asked = &fixture->meters[meter];
    struct chain_ask ask = {.meter = &asked->name, .amount = amount, .now = fixture->now};
    return chain_step(&fixture->states, &fixture->policy, asked, ask);
}

struct command command_of(enum governor_kind governor, enum command_op op)
{
    return (struct command){.id = name_of("c"), .governor = governor, .op = op, .expires_at = INSTANT_NEVER};
}

enum reply_reason give(struct fixture *fixture, struct command command)
{
    return chain_command(&fixture->states, &fixture->policy, &command, fixture->now);
}

struct command grant_of(const char *plan, instant_ms expires_at)
{
    struct command command = command_of(GOVERNOR_ENTITLEMENT, OP_GRANT);
    command.plan = name_of(plan);
    command.expires_at = expires_at;
    return command;
}

struct command credit_of(micro_units amount, instant_ms expires_at)
{
    struct command command = command_of(GOVERNOR_BILLING, OP_CREDIT);
    command.amount = amount;
    command.expires_at = expires_at;
    return command;
}

struct command set_limit_of(const char *name, micro_units limit)
{
    struct command command = command_of(GOVERNOR_QUOTA, OP_SET_LIMIT);
    command.name = name_of(name);
    command.limit = limit;
    return command;
}

void assert_answer(struct chain_answer answer, enum verdict verdict, enum reason reason)
{
    assert_string_equal(reason_name(answer.reason), reason_name(reason));
    assert_int_equal(answer.verdict, verdict);
}

/* The same values over padding that is zero. Written field by field: a copy of a struct would bring its
 * padding. */
static void settle(const struct governor_states *states, struct governor_states *settled)
{
    memset(settled, 0, sizeof *settled);
    settled->entitlement.phase = states->entitlement.phase;
    settled->entitlement.plan = states->entitlement.plan;
    settled->entitlement.feature_count = states->entitlement.feature_count;
    memcpy(settled->entitlement.features, states->entitlement.features, sizeof settled->entitlement.features);
    settled->entitlement.starts_at = states->entitlement.starts_at;
    settled->entitlement.expires_at = states->entitlement.expires_at;
    settled->entitlement.grace_ms = states->entitlement.grace_ms;
    settled->quota.phase = states->quota.phase;
    settled->quota.use_count = states->quota.use_count;
    for (int i = 0; i < QUOTA_USES_MAX; i++) {
        const struct quota_use *use = &states->quota.uses[i];
        struct quota_use *copy = &settled->quota.uses[i];
        copy->name = use->name;
        copy->has_override = use->has_override;
        copy->override = use->override;
        copy->used = use->used;
        copy->previous = use->previous;
        copy->regained = use->regained;
        copy->since = use->since;
    }
    memcpy(&settled->billing, &states->billing, sizeof settled->billing);
}

void assert_states_equal(const struct governor_states *left, const struct governor_states *right)
{
    struct governor_states settled_left;
    struct governor_states settled_right;
    settle(left, &settled_left);
    settle(right, &settled_right);
    assert_memory_equal(&settled_left, &settled_right, sizeof settled_left);
}

static void assert_names_equal(const struct name *left, const struct name *right)
{
    assert_true(name_equal(left, right));
}

static void assert_quota_reports_equal(const struct quota_report *left, const struct quota_report *right)
{
    assert_int_equal(left->has_limit, right->has_limit);
    assert_names_equal(&left->name, &right->name);
    assert_int_equal(left->limit, right->limit);
    assert_int_equal(left->used, right->used);
    assert_int_equal(left->remaining, right->remaining);
    assert_int_equal(left->resets_at, right->resets_at);
}

static void assert_reports_equal(const struct governor_report *left, const struct governor_report *right)
{
    assert_int_equal(left->kind, right->kind);
    assert_int_equal(left->verdict, right->verdict);
    switch (left->kind) {
    case GOVERNOR_ENTITLEMENT:
        assert_int_equal(left->entitlement.phase, right->entitlement.phase);
        assert_names_equal(&left->entitlement.plan, &right->entitlement.plan);
        return;
    case GOVERNOR_QUOTA:
        assert_int_equal(left->quota_phase, right->quota_phase);
        assert_quota_reports_equal(&left->quota, &right->quota);
        return;
    case GOVERNOR_BILLING:
        assert_int_equal(left->billing.phase, right->billing.phase);
        assert_int_equal(left->billing.charged, right->billing.charged);
        assert_int_equal(left->billing.balance, right->billing.balance);
        return;
    }
}

static void assert_charges_equal(const struct charge *left, const struct charge *right)
{
    assert_int_equal(left->amount, right->amount);
    assert_int_equal(left->debt, right->debt);
    assert_int_equal(left->burn_count, right->burn_count);
    for (uint8_t i = 0; i < left->burn_count; i++) {
        assert_int_equal(left->burns[i].age, right->burns[i].age);
        assert_int_equal(left->burns[i].amount, right->burns[i].amount);
        assert_names_equal(&left->burns[i].id, &right->burns[i].id);
        assert_int_equal(left->burns[i].grant_amount, right->burns[i].grant_amount);
        assert_int_equal(left->burns[i].priority, right->burns[i].priority);
        assert_int_equal(left->burns[i].expires_at, right->burns[i].expires_at);
    }
}

void assert_answers_equal(const struct chain_answer *left, const struct chain_answer *right)
{
    assert_int_equal(left->verdict, right->verdict);
    assert_int_equal(left->reason, right->reason);
    assert_int_equal(left->retry_after_ms, right->retry_after_ms);
    assert_int_equal(left->report_count, right->report_count);
    for (uint8_t i = 0; i < left->report_count; i++) {
        assert_reports_equal(&left->reports[i], &right->reports[i]);
    }
    assert_charges_equal(&left->charge, &right->charge);
}

int start_fixture(void **context)
{
    static struct fixture fixture;
    set_up(&fixture);
    *context = &fixture;
    return 0;
}

uint64_t random_below(uint64_t *seed, uint64_t bound)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed % bound;
}

struct command random_command(uint64_t *seed, instant_ms now)
{
    static const struct {
        enum governor_kind governor;
        enum command_op op;
    } ops[] = {
        {GOVERNOR_ENTITLEMENT, OP_GRANT},  {GOVERNOR_ENTITLEMENT, OP_GRANT},
        {GOVERNOR_ENTITLEMENT, OP_EXTEND}, {GOVERNOR_ENTITLEMENT, OP_SUSPEND},
        {GOVERNOR_ENTITLEMENT, OP_RESUME}, {GOVERNOR_ENTITLEMENT, OP_RESUME},
        {GOVERNOR_ENTITLEMENT, OP_REVOKE}, {GOVERNOR_QUOTA, OP_RESET},
        {GOVERNOR_QUOTA, OP_REFUND},       {GOVERNOR_QUOTA, OP_SET_LIMIT},
        {GOVERNOR_BILLING, OP_CREDIT},     {GOVERNOR_BILLING, OP_CREDIT},
        {GOVERNOR_BILLING, OP_CREDIT},     {GOVERNOR_BILLING, OP_SUSPEND},
        {GOVERNOR_BILLING, OP_RESUME},
    };
    uint64_t which = random_below(seed, sizeof ops / sizeof *ops);
    struct command command = command_of(ops[which].governor, ops[which].op);
    command.plan = name_of(random_below(seed, 2) == 0 ? "free" : "gold");
    command.expires_at =
        random_below(seed, 3) == 0 ? INSTANT_NEVER : now + (instant_ms)random_below(seed, 1 << 25);
    command.grace_ms = (int64_t)random_below(seed, 1 << 22);
    command.starts_at = random_below(seed, 4) == 0 ? now + (instant_ms)random_below(seed, 1 << 20) : 0;
    command.feature_count = (uint8_t)random_below(seed, 3);
    for (uint8_t i = 0; i < command.feature_count; i++) {
        command.features[i] = name_of(i == 0 ? "door" : "roof");
    }
    command.name = name_of(random_below(seed, 2) == 0 ? "daily" : "hourly");
    command.amount = 1 + (micro_units)random_below(seed, 20 * MICRO_UNITS_ONE);
    command.limit = (micro_units)random_below(seed, 20 * MICRO_UNITS_ONE);
    command.priority = (int32_t)random_below(seed, 3) - 1;
    return command;
}

void random_step(struct fixture *fixture, uint64_t *seed)
{
    fixture->now += (instant_ms)random_below(seed, 1 << 21);
    if (random_below(seed, 3) == 0) {
        give(fixture, random_command(seed, fixture->now));
        return;
    }
    micro_units amount = (micro_units)random_below(seed, 4 * MICRO_UNITS_ONE);
    event(fixture, (int)random_below(seed, METERS), random_below(seed, 8) == 0 ? 0 : amount);
}
