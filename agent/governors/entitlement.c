#include "agent/governors/entitlement.h"

#include <stdlib.h>

static const struct entitlement_answer not_entitled = {VERDICT_DENY, REASON_NOT_ENTITLED};

const char *entitlement_phase_name(enum entitlement_phase phase)
{
    switch (phase) {
    case ENTITLEMENT_NONE: return "none";
    case ENTITLEMENT_PENDING: return "pending";
    case ENTITLEMENT_ACTIVE: return "active";
    case ENTITLEMENT_GRACE: return "grace";
    case ENTITLEMENT_EXPIRED: return "expired";
    case ENTITLEMENT_SUSPENDED: return "suspended";
    case ENTITLEMENT_REVOKED: return "revoked";
    }
    abort(); /* Corrupt phase. */
}

static instant_ms grace_ends_at(const struct entitlement_state *state)
{
    return instant_add(state->expires_at, state->grace_ms);
}

/* What the grant's dates say, whatever the phase is now. An instant that is reached has passed. */
static enum entitlement_phase phase_by_time(const struct entitlement_state *state, instant_ms now)
{
    if (now < state->starts_at) {
        return ENTITLEMENT_PENDING;
    }
    if (state->expires_at == INSTANT_NEVER || now < state->expires_at) {
        return ENTITLEMENT_ACTIVE;
    }
    return now < grace_ends_at(state) ? ENTITLEMENT_GRACE : ENTITLEMENT_EXPIRED;
}

struct entitlement_state entitlement_at(struct entitlement_state state, instant_ms now)
{
    switch (state.phase) {
    case ENTITLEMENT_PENDING:
    case ENTITLEMENT_ACTIVE:
    case ENTITLEMENT_GRACE:
    case ENTITLEMENT_EXPIRED: {
        enum entitlement_phase reached = phase_by_time(&state, now);
        state.phase = reached > state.phase ? reached : state.phase; /* Time alone never leads back. */
        return state;
    }
    case ENTITLEMENT_NONE:
    case ENTITLEMENT_SUSPENDED:
    case ENTITLEMENT_REVOKED: return state;
    }
    abort(); /* Corrupt phase. */
}

instant_ms entitlement_next_edge(const struct entitlement_state *state)
{
    switch (state->phase) {
    case ENTITLEMENT_PENDING: return state->starts_at;
    case ENTITLEMENT_ACTIVE: return state->expires_at;
    case ENTITLEMENT_GRACE: return grace_ends_at(state);
    case ENTITLEMENT_NONE:
    case ENTITLEMENT_EXPIRED:
    case ENTITLEMENT_SUSPENDED:
    case ENTITLEMENT_REVOKED: return INSTANT_NEVER;
    }
    abort(); /* Corrupt phase. */
}

static bool grant_has_feature(const struct entitlement_state *state, const struct name *feature)
{
    for (uint8_t i = 0; i < state->feature_count; i++) {
        if (policy_is_any(&state->features[i]) || name_equal(&state->features[i], feature)) {
            return true;
        }
    }
    return false;
}

/* Without a plan there are no quotas and no prices, so nothing is covered, whatever the grant itself says. */
static bool covers(const struct entitlement_state *state, const struct plan *plan, const struct name *feature)
{
    return plan != NULL &&
           (name_is_empty(feature) || grant_has_feature(state, feature) || plan_has_feature(plan, feature));
}

struct entitlement_answer entitlement_check(const struct entitlement_state *state, const struct plan *plan,
                                            const struct name *feature)
{
    switch (state->phase) {
    case ENTITLEMENT_NONE: return not_entitled;
    case ENTITLEMENT_PENDING: return (struct entitlement_answer){VERDICT_DENY, REASON_NOT_STARTED};
    case ENTITLEMENT_EXPIRED: return (struct entitlement_answer){VERDICT_DENY, REASON_EXPIRED};
    case ENTITLEMENT_SUSPENDED: return (struct entitlement_answer){VERDICT_DENY, REASON_SUSPENDED};
    case ENTITLEMENT_REVOKED: return (struct entitlement_answer){VERDICT_DENY, REASON_REVOKED};
    case ENTITLEMENT_ACTIVE:
        return covers(state, plan, feature) ? (struct entitlement_answer){VERDICT_ALLOW, REASON_OK}
                                            : not_entitled;
    case ENTITLEMENT_GRACE:
        return covers(state, plan, feature) ? (struct entitlement_answer){VERDICT_WARN, REASON_GRACE}
                                            : not_entitled;
    }
    abort(); /* Corrupt phase. */
}

struct entitlement_state entitlement_bootstrap(struct name plan)
{
    return (struct entitlement_state){.phase = ENTITLEMENT_ACTIVE, .plan = plan, .expires_at = INSTANT_NEVER};
}

/* Whether the table of the contract has a transition for `op` out of `phase`. */
static bool phase_takes(enum entitlement_phase phase, enum command_op op)
{
    switch (op) {
    case OP_GRANT: return phase != ENTITLEMENT_SUSPENDED;
    case OP_EXTEND:
        return phase == ENTITLEMENT_PENDING || phase == ENTITLEMENT_ACTIVE || phase == ENTITLEMENT_GRACE;
    case OP_SUSPEND: return phase == ENTITLEMENT_ACTIVE || phase == ENTITLEMENT_GRACE;
    case OP_RESUME: return phase == ENTITLEMENT_SUSPENDED;
    case OP_REVOKE: return phase != ENTITLEMENT_NONE;
    case OP_RESET:
    case OP_REFUND:
    case OP_SET_LIMIT:
    case OP_CREDIT:
    case OP_CLOSE: break;
    }
    abort(); /* Another governor's command. */
}

static struct entitlement_state granted(const struct command *command)
{
    struct entitlement_state state = {.plan = command->plan,
                                      .feature_count = command->feature_count,
                                      .starts_at = command->starts_at,
                                      .expires_at = command->expires_at,
                                      .grace_ms = command->grace_ms};
    for (uint8_t i = 0; i < command->feature_count; i++) {
        state.features[i] = command->features[i];
    }
    return state;
}

/* A command the phase takes. */
static struct entitlement_state applied(struct entitlement_state state, const struct command *command,
                                        instant_ms now)
{
    switch (command->op) {
    case OP_GRANT: state = granted(command); break;
    case OP_EXTEND: state.expires_at = command->expires_at; break;
    case OP_RESUME: break;
    case OP_SUSPEND: state.phase = ENTITLEMENT_SUSPENDED; return state;
    case OP_REVOKE: state.phase = ENTITLEMENT_REVOKED; return state;
    case OP_RESET:
    case OP_REFUND:
    case OP_SET_LIMIT:
    case OP_CREDIT:
    case OP_CLOSE: abort(); /* phase_takes has refused it. */
    }
    state.phase = phase_by_time(&state, now);
    return state;
}

struct entitlement_outcome entitlement_command(struct entitlement_state state, const struct command *command,
                                               instant_ms now)
{
    struct entitlement_state current = entitlement_at(state, now);
    if (!phase_takes(current.phase, command->op)) {
        return (struct entitlement_outcome){.state = state, .reason = REPLY_INVALID_TRANSITION};
    }
    return (struct entitlement_outcome){.state = applied(current, command, now), .reason = REPLY_OK};
}
