#include "agent/governors/chain_states.h"

#include <stdlib.h>

/* The terms of a subject whose plan the configuration has lost: no feature, no limit, no price. */
static const struct plan lost_plan;

/* The name of the plan whose terms hold. */
static const struct name *terms_name(const struct governor_states *states, const struct policy *policy)
{
    bool is_granted = states->entitlement.phase != ENTITLEMENT_NONE;
    return is_granted ? &states->entitlement.plan : &policy->default_plan;
}

const struct plan *chain_terms(const struct governor_states *states, const struct policy *policy)
{
    return policy_plan(policy, terms_name(states, policy));
}

const struct plan *chain_plan_or_lost(const struct plan *plan)
{
    return plan != NULL ? plan : &lost_plan;
}

const struct plan *chain_terms_or_lost(const struct governor_states *states, const struct policy *policy)
{
    return chain_plan_or_lost(chain_terms(states, policy));
}

/* Most events find the entitlement where the last one left it: only a passed edge costs the copies. */
void chain_move_entitlement(struct entitlement_state *state, instant_ms now)
{
    if (entitlement_next_edge(state) <= now) {
        *state = entitlement_at(*state, now);
    }
}

static void move_all(struct governor_states *states, const struct plan *terms, instant_ms now)
{
    chain_move_entitlement(&states->entitlement, now);
    quota_move(&states->quota, terms, now);
    billing_move(&states->billing, &terms->billing, now);
}

static enum reply_reason command_entitlement(struct governor_states *states, const struct policy *policy,
                                             const struct command *command, instant_ms now)
{
    bool is_grant = command->op == OP_GRANT;
    if (is_grant && policy_plan(policy, &command->plan) == NULL) {
        return REPLY_UNKNOWN_PLAN;
    }
    struct entitlement_outcome outcome = entitlement_command(states->entitlement, command, now);
    if (outcome.reason != REPLY_OK) {
        return outcome.reason;
    }
    if (is_grant && !name_equal(terms_name(states, policy), &command->plan)) {
        states->quota = quota_clear_overrides(states->quota);
    }
    states->entitlement = outcome.state;
    return REPLY_OK;
}

static enum reply_reason command_quota(struct governor_states *states, const struct plan *terms,
                                       const struct command *command, instant_ms now)
{
    struct quota_outcome outcome = quota_command(states->quota, terms, command, now);
    if (outcome.reason == REPLY_OK) {
        states->quota = outcome.state;
    }
    return outcome.reason;
}

static enum reply_reason apply(struct governor_states *states, const struct policy *policy,
                               const struct command *command, instant_ms now)
{
    const struct plan *terms = chain_terms_or_lost(states, policy);
    switch (command->governor) {
    case GOVERNOR_ENTITLEMENT: return command_entitlement(states, policy, command, now);
    case GOVERNOR_QUOTA: return command_quota(states, terms, command, now);
    case GOVERNOR_BILLING: {
        struct billing_outcome outcome = billing_command(states->billing, &terms->billing, command, now);
        states->billing = outcome.state;
        return outcome.reason;
    }
    }
    abort(); /* Corrupt kind. */
}

/* Moved before, so that a rejected command has shown time to all three; and after, because a grant changes
 * the terms by which quota and billing name their phases. */
enum reply_reason chain_command(struct governor_states *states, const struct policy *policy,
                                const struct command *command, instant_ms now)
{
    move_all(states, chain_terms_or_lost(states, policy), now);
    enum reply_reason reason = apply(states, policy, command, now);
    move_all(states, chain_terms_or_lost(states, policy), now);
    return reason;
}

enum reply_reason chain_refund(struct governor_states *states, const struct policy *policy,
                               const struct charge *charge, const struct command *command, instant_ms now)
{
    const struct plan *terms = chain_terms_or_lost(states, policy);
    move_all(states, terms, now);
    struct billing_outcome outcome =
        billing_refund(states->billing, &terms->billing, charge, command->id, now);
    states->billing = outcome.state;
    return outcome.reason;
}

struct chain_phases chain_phases_of(const struct governor_states *states)
{
    return (struct chain_phases){states->entitlement.phase, states->quota.phase, states->billing.phase};
}

governor_set chain_phases_changed(struct chain_phases before, struct chain_phases after)
{
    unsigned entitlement = before.entitlement != after.entitlement ? 1u << GOVERNOR_ENTITLEMENT : 0;
    unsigned quota = before.quota != after.quota ? 1u << GOVERNOR_QUOTA : 0;
    unsigned billing = before.billing != after.billing ? 1u << GOVERNOR_BILLING : 0;
    return (governor_set)(entitlement | quota | billing);
}

governor_set chain_changes(const struct governor_states *before, const struct governor_states *after)
{
    return chain_phases_changed(chain_phases_of(before), chain_phases_of(after));
}

/* How many limits have something used. */
static uint32_t limits_used(const struct quota_state *state)
{
    uint32_t count = 0;
    for (uint8_t place = 0; place < state->use_count; place++) {
        count += state->uses[place].used > 0 ? 1U : 0U;
    }
    return count;
}

governor_set chain_tick(struct governor_states *states, const struct policy *policy, instant_ms now)
{
    struct chain_phases before = chain_phases_of(states);
    uint32_t used_before = limits_used(&states->quota);
    move_all(states, chain_terms_or_lost(states, policy), now);
    governor_set changed = chain_phases_changed(before, chain_phases_of(states));
    bool has_window_ended = limits_used(&states->quota) < used_before;
    return has_window_ended ? changed | (governor_set)(1U << GOVERNOR_QUOTA) : changed;
}

instant_ms chain_next_edge(const struct governor_states *states, const struct policy *policy, instant_ms now)
{
    instant_ms edge = entitlement_next_edge(&states->entitlement);
    instant_ms quota = quota_next_edge(&states->quota, chain_terms_or_lost(states, policy), now);
    instant_ms billing = billing_next_edge(&states->billing);
    edge = quota < edge ? quota : edge;
    return billing < edge ? billing : edge;
}
