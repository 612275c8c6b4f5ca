#include "agent/governors/chain.h"

#include <stdlib.h>
#include <string.h>

#include "agent/governors/chain_report.h"
#include "agent/governors/chain_states.h"

/* An event with the terms it is asked under. */
struct question {
    const struct meter *meter;
    const struct plan *plan;  /* NULL when the configuration has lost it. */
    const struct plan *terms; /* Never NULL. */
    struct chain_ask ask;
};

/* What each governor of the chain said before it is known whether all agree. */
struct opinions {
    struct entitlement_answer entitlement;
    struct billing_quote billing;
    struct quota_answer quota;
};

struct opinion {
    enum verdict verdict;
    enum reason reason;
};

static void bootstrap(struct governor_states *states, const struct policy *policy)
{
    bool is_stranger = states->entitlement.phase == ENTITLEMENT_NONE;
    if (is_stranger && policy->unknown == UNKNOWN_BOOTSTRAP &&
        policy_plan(policy, &policy->default_plan) != NULL) {
        states->entitlement = entitlement_bootstrap(policy->default_plan);
    }
}

static bool is_peek(const struct question *question)
{
    return question->ask.amount == 0;
}

static struct quota_answer ask_quota(const struct quota_state *state, const struct question *question)
{
    const struct chain_ask *ask = &question->ask;
    if (is_peek(question)) {
        return quota_peek(state, question->terms, ask->meter, ask->now);
    }
    return quota_step(*state, question->terms, ask->meter, ask->amount, ask->now);
}

static struct billing_quote ask_billing(const struct billing_state *state, const struct question *question)
{
    const struct billing_terms *terms = &question->terms->billing;
    micro_units price = plan_price(question->terms, question->ask.meter);
    if (is_peek(question)) { /* The smallest positive charge, if the meter costs anything. */
        return billing_ask(state, terms, MICRO_UNITS_ONE, price > 0 ? 1 : 0);
    }
    return billing_ask(state, terms, question->ask.amount, price);
}

static struct opinion ask_governor(const struct governor_states *states, const struct question *question,
                                   enum governor_kind kind, struct opinions *opinions)
{
    switch (kind) {
    case GOVERNOR_ENTITLEMENT:
        opinions->entitlement =
            entitlement_check(&states->entitlement, question->plan, &question->meter->feature);
        return (struct opinion){opinions->entitlement.verdict, opinions->entitlement.reason};
    case GOVERNOR_QUOTA:
        opinions->quota = ask_quota(&states->quota, question);
        return (struct opinion){opinions->quota.verdict, opinions->quota.reason};
    case GOVERNOR_BILLING:
        opinions->billing = ask_billing(&states->billing, question);
        return (struct opinion){opinions->billing.verdict, opinions->billing.reason};
    }
    abort(); /* Corrupt kind. */
}

/* The strictest of the chain; of equals, the first. */
static struct opinion ask_all(const struct governor_states *states, const struct question *question,
                              struct opinions *opinions)
{
    struct opinion strictest = {VERDICT_ALLOW, REASON_OK};
    for (uint8_t i = 0; i < question->meter->chain_length; i++) {
        struct opinion opinion = ask_governor(states, question, question->meter->chain[i], opinions);
        if (opinion.verdict > strictest.verdict) {
            strictest = opinion;
        }
    }
    return strictest;
}

static bool chain_has(const struct meter *meter, enum governor_kind kind)
{
    for (uint8_t i = 0; i < meter->chain_length; i++) {
        if (meter->chain[i] == kind) {
            return true;
        }
    }
    return false;
}

/* Every governor of the chain agreed: all take. */
static void take(struct governor_states *states, const struct question *question,
                 const struct opinions *opinions, struct charge *charge)
{
    if (chain_has(question->meter, GOVERNOR_QUOTA)) {
        states->quota = opinions->quota.state;
    }
    if (opinions->billing.charge > 0) {
        billing_pay(&states->billing, &question->terms->billing, opinions->billing.charge, charge);
    }
}

/* Somebody denied: quota keeps its own verdict on what was asked, but shows what is used without it. */
static void show_unused(const struct governor_states *states, const struct question *question,
                        struct opinions *opinions)
{
    bool is_shown = chain_has(question->meter, GOVERNOR_QUOTA);
    if (is_peek(question) || !is_shown || opinions->quota.verdict == VERDICT_DENY) {
        return; /* Already so. */
    }
    struct quota_answer unused =
        quota_peek(&states->quota, question->terms, question->ask.meter, question->ask.now);
    opinions->quota.report = unused.report;
    opinions->quota.phase = unused.phase;
}

static void report_governor(struct governor_report *report, enum governor_kind kind,
                            const struct governor_states *states, const struct opinions *opinions,
                            micro_units charged)
{
    switch (kind) {
    case GOVERNOR_ENTITLEMENT:
        chain_report_entitlement(report, &states->entitlement, opinions->entitlement.verdict);
        return;
    case GOVERNOR_QUOTA:
        chain_report_quota(report, &opinions->quota.report, opinions->quota.phase, opinions->quota.verdict);
        return;
    case GOVERNOR_BILLING:
        chain_report_billing(report, &states->billing, opinions->billing.verdict, charged);
        return;
    }
    abort(); /* Corrupt kind. */
}

static void decide(struct governor_states *states, const struct question *question,
                   struct chain_answer *answer)
{
    const struct meter *meter = question->meter;
    struct opinions opinions;
    opinions.billing.charge = 0; /* Read also when billing is not asked; the rest only of those that are. */
    struct opinion strictest = ask_all(states, question, &opinions);
    bool is_taken = strictest.verdict != VERDICT_DENY && !is_peek(question);
    if (is_taken) {
        take(states, question, &opinions, &answer->charge);
    } else {
        show_unused(states, question, &opinions);
    }
    if (!is_taken || !chain_has(meter, GOVERNOR_QUOTA)) {
        states->quota = quota_at(states->quota, question->terms, question->ask.now);
    }
    answer->verdict = strictest.verdict;
    answer->reason = strictest.reason;
    if (strictest.reason == REASON_QUOTA_THROTTLED || strictest.reason == REASON_QUOTA_EXCEEDED) {
        answer->retry_after_ms = opinions.quota.retry_after_ms;
    }
    answer->report_count = meter->chain_length;
    for (uint8_t i = 0; i < meter->chain_length; i++) {
        report_governor(&answer->reports[i], meter->chain[i], states, &opinions, answer->charge.amount);
    }
}

static void step(struct governor_states *states, const struct policy *policy, const struct meter *meter,
                 struct chain_ask ask, struct chain_answer *answer)
{
    bootstrap(states, policy);
    const struct plan *plan = chain_terms(states, policy);
    struct question question = {.meter = meter, .plan = plan, .terms = chain_plan_or_lost(plan), .ask = ask};
    chain_move_entitlement(&states->entitlement, ask.now);
    billing_move(&states->billing, &question.terms->billing, ask.now);
    decide(states, &question, answer);
}

struct chain_answer chain_step(struct governor_states *states, const struct policy *policy,
                               const struct meter *meter, struct chain_ask ask)
{
    struct chain_answer answer;
    memset(&answer, 0, sizeof answer);
    if (ask.amount > 0) {
        step(states, policy, meter, ask, &answer);
        return answer;
    }
    struct governor_states untouched = *states; /* A peek may bootstrap and move this one. */
    step(&untouched, policy, meter, ask, &answer);
    return answer;
}
