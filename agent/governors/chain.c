#include "agent/governors/chain.h"

#include <stdlib.h>
#include <string.h>

#include "agent/governors/chain_report.h"
#include "agent/governors/chain_states.h"
#include "agent/governors/quota_hearing.h"
#include "base/mutation.h"

/* An event with the terms it is asked under. */
struct question {
    const struct meter *meter;
    const struct plan *plan;  /* NULL when the configuration has lost it. */
    const struct plan *terms; /* Never NULL. */
    struct chain_ask ask;
};

/* What is asked of the governors that take, until it is known whether all agree. */
struct opinions {
    struct billing_quote billing;
    struct quota_hearing quota;
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

static struct opinion ask_entitlement(const struct entitlement_state *state, const struct question *question)
{
    struct entitlement_answer answer = entitlement_check(state, question->plan, &question->meter->feature);
    return (struct opinion){answer.verdict, answer.reason};
}

static struct opinion ask_quota(struct quota_hearing *hearing, const struct question *question)
{
    quota_ask(hearing, question->ask.meter, is_peek(question) ? 1 : question->ask.amount);
    return (struct opinion){quota_verdict(hearing), quota_reason(hearing)};
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
    case GOVERNOR_ENTITLEMENT: return ask_entitlement(&states->entitlement, question);
    case GOVERNOR_QUOTA: return ask_quota(&opinions->quota, question);
    case GOVERNOR_BILLING:
        opinions->billing = ask_billing(&states->billing, question);
        return (struct opinion){opinions->billing.verdict, opinions->billing.reason};
    }
    abort(); /* Corrupt kind. */
}

/* The strictest of the chain; of equals, the first. Each verdict goes into its report at once. */
static struct opinion ask_all(const struct governor_states *states, const struct question *question,
                              struct opinions *opinions, struct governor_report *reports)
{
    struct opinion strictest = {VERDICT_ALLOW, REASON_OK};
    for (uint8_t i = 0; i < question->meter->chain_length; i++) {
        struct opinion opinion = ask_governor(states, question, question->meter->chain[i], opinions);
        reports[i].kind = question->meter->chain[i];
        reports[i].verdict = opinion.verdict;
        if (opinion.verdict > strictest.verdict) {
            strictest = opinion;
        }
    }
    return strictest;
}

/* Every governor of the chain agreed: all take. */
static void take(struct governor_states *states, const struct question *question,
                 const struct opinions *opinions, struct charge *charge)
{
    if (opinions->quota.amount > 0) {
        quota_take(&states->quota, &opinions->quota);
    } else { /* Not of this chain. */
        quota_settle(&states->quota, &opinions->quota);
    }
    if (opinions->billing.charge > 0) {
        billing_pay(&states->billing, &question->terms->billing, opinions->billing.charge, charge);
    }
}

static void report_governor(struct governor_report *report, const struct governor_states *states,
                            const struct quota_hearing *quota, enum quota_shown shown, micro_units charged)
{
    switch (report->kind) {
    case GOVERNOR_ENTITLEMENT: chain_report_entitlement(report, &states->entitlement); return;
    case GOVERNOR_QUOTA: report->quota_phase = quota_show(quota, shown, &report->quota); return;
    case GOVERNOR_BILLING: chain_report_billing(report, &states->billing, charged); return;
    }
    abort(); /* Corrupt kind. */
}

static int64_t retry_after(enum reason reason, const struct quota_hearing *quota)
{
    bool is_of_quota = reason == REASON_QUOTA_THROTTLED || reason == REASON_QUOTA_EXCEEDED;
    return is_of_quota ? quota_retry_after(quota) : 0;
}

static void decide(struct governor_states *states, const struct question *question,
                   struct chain_answer *answer)
{
    struct opinions opinions;
    opinions.billing.charge = 0; /* Read also when billing is not asked. */
    quota_hear(&opinions.quota, &states->quota, question->terms, question->ask.now);
    struct opinion strictest = ask_all(states, question, &opinions, answer->reports);
    bool is_taken = strictest.verdict != VERDICT_DENY && !is_peek(question);
    answer->charge.amount = 0;
    answer->charge.debt = 0;
    answer->charge.burn_count = 0;
    if (is_taken) {
        take(states, question, &opinions, &answer->charge);
    } else {
        quota_settle(&states->quota, &opinions.quota);
        if (mutation_is_on(MUTATION_CHARGED_WHEN_DENIED) && opinions.billing.charge > 0) {
            billing_pay(&states->billing, &question->terms->billing, opinions.billing.charge,
                        &answer->charge);
        }
    }
    answer->verdict = strictest.verdict;
    answer->reason = strictest.reason;
    answer->retry_after_ms = retry_after(strictest.reason, &opinions.quota);
    answer->report_count = question->meter->chain_length;
    enum quota_shown shown = is_taken ? QUOTA_SHOWN_AFTER : QUOTA_SHOWN_BEFORE;
    for (uint8_t i = 0; i < answer->report_count; i++) {
        report_governor(&answer->reports[i], states, &opinions.quota, shown, answer->charge.amount);
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

governor_set chain_decide(struct governor_states *states, const struct policy *policy,
                          const struct meter *meter, struct chain_ask ask, struct chain_answer *answer)
{
    if (ask.amount == 0) {
        struct governor_states untouched = *states; /* A peek may bootstrap and move this one. */
        step(&untouched, policy, meter, ask, answer);
        return 0;
    }
    struct chain_phases before = chain_phases_of(states);
    step(states, policy, meter, ask, answer);
    return chain_phases_changed(before, chain_phases_of(states));
}

struct chain_answer chain_step(struct governor_states *states, const struct policy *policy,
                               const struct meter *meter, struct chain_ask ask)
{
    struct chain_answer answer;
    memset(&answer, 0, sizeof answer);
    chain_decide(states, policy, meter, ask, &answer);
    return answer;
}
