#include "agent/decide_before.h"

#include <stdlib.h>

static void note_entitlement(struct entitlement_report *before, const struct entitlement_state *state,
                             instant_ms now)
{
    bool is_as_left = entitlement_next_edge(state) > now;
    before->phase = is_as_left ? state->phase : entitlement_at(*state, now).phase;
    before->plan = state->plan;
}

/* Only where a grant has expired since, the state as it is now takes a copy. */
static void note_billing(struct governors_before *before, const struct billing_state *state,
                         const struct plan *plan, instant_ms now)
{
    static const struct billing_terms none;
    const struct billing_terms *terms = plan != NULL ? &plan->billing : &none;
    if (billing_next_edge(state) > now) {
        before->billing_phase = billing_phase_of(state, terms);
        before->balance = billing_balance(state);
        return;
    }
    struct billing_state moved = billing_at(*state, terms, now);
    before->billing_phase = moved.phase;
    before->balance = billing_balance(&moved);
}

void decide_note_before(struct decision_entry *entry, struct event_terms *terms,
                        const struct governor_states *states, const struct policy *policy,
                        const struct meter *meter)
{
    instant_ms now = entry->decision.time;
    terms->meter = meter;
    entry->before.is_told = entry->decision.event.amount > 0;
    if (!entry->before.is_told) {
        return;
    }
    terms->terms = chain_terms(states, policy);
    for (uint8_t i = 0; i < meter->chain_length; i++) {
        switch (meter->chain[i]) {
        case GOVERNOR_ENTITLEMENT:
            note_entitlement(&entry->before.entitlement, &states->entitlement, now);
            break;
        case GOVERNOR_QUOTA: quota_hear(&terms->quota, &states->quota, terms->terms, now); break;
        case GOVERNOR_BILLING: note_billing(&entry->before, &states->billing, terms->terms, now); break;
        }
    }
}

/* Which limit is reported is known only now. */
static void note_quota(struct governors_before *before, const struct quota_hearing *quota,
                       const struct quota_report *shown)
{
    for (uint8_t i = 0; shown->has_limit && i < quota->count; i++) {
        const struct quota_standing *standing = &quota->standings[i];
        if (name_equal(&standing->terms.rule->name, &shown->name)) {
            before->quota_phase = standing->phase_before;
            before->used = standing->used_before;
            return;
        }
    }
}

void decide_note_after(struct decision_entry *entry, const struct event_terms *terms)
{
    const struct chain_answer *answer = &entry->decision.answer;
    if (!entry->before.is_told) {
        return;
    }
    for (uint8_t i = 0; i < answer->report_count; i++) {
        if (answer->reports[i].kind == GOVERNOR_QUOTA) {
            note_quota(&entry->before, &terms->quota, &answer->reports[i].quota);
        }
    }
    if (answer->reason == REASON_NOT_ENTITLED) {
        entry->feature = terms->meter->feature;
    }
    if (answer->reason == REASON_INSUFFICIENT_BALANCE && terms->terms != NULL) {
        entry->price = plan_price(terms->terms, &entry->decision.event.meter);
    }
}
