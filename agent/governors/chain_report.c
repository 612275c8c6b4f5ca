#include "agent/governors/chain_report.h"

#include <stdlib.h>
#include <string.h>

#include "agent/governors/chain_states.h"

void chain_report_entitlement(struct governor_report *report, const struct entitlement_state *state)
{
    report->entitlement.phase = state->phase;
    report->entitlement.plan = state->plan;
}

void chain_report_billing(struct governor_report *report, const struct billing_state *state,
                          micro_units charged)
{
    report->billing.phase = state->phase;
    report->billing.charged = charged;
    report->billing.balance = billing_balance(state);
}

static enum verdict verdict_of_entitlement(enum entitlement_phase phase)
{
    switch (phase) {
    case ENTITLEMENT_ACTIVE: return VERDICT_ALLOW;
    case ENTITLEMENT_GRACE: return VERDICT_WARN;
    case ENTITLEMENT_NONE:
    case ENTITLEMENT_PENDING:
    case ENTITLEMENT_EXPIRED:
    case ENTITLEMENT_SUSPENDED:
    case ENTITLEMENT_REVOKED: return VERDICT_DENY;
    }
    abort(); /* Corrupt phase. */
}

static enum verdict verdict_of_quota(enum quota_phase phase)
{
    switch (phase) {
    case QUOTA_NORMAL: return VERDICT_ALLOW;
    case QUOTA_WARNING: return VERDICT_WARN;
    case QUOTA_THROTTLED: return VERDICT_THROTTLE;
    case QUOTA_EXCEEDED: return VERDICT_DENY;
    }
    abort(); /* Corrupt phase. */
}

static enum verdict verdict_of_billing(enum billing_phase phase)
{
    switch (phase) {
    case BILLING_PHASE_NONE:
    case BILLING_PHASE_GOOD: return VERDICT_ALLOW;
    case BILLING_PHASE_LOW:
    case BILLING_PHASE_EXHAUSTED:
    case BILLING_PHASE_OVERDRAFT: return VERDICT_WARN;
    case BILLING_PHASE_SUSPENDED:
    case BILLING_PHASE_CLOSED: return VERDICT_DENY;
    }
    abort(); /* Corrupt phase. */
}

static void show(struct governor_report *report, const struct governor_states *states,
                 const struct plan *terms, enum governor_kind kind, instant_ms now)
{
    report->kind = kind;
    switch (kind) {
    case GOVERNOR_ENTITLEMENT: {
        struct entitlement_state state = entitlement_at(states->entitlement, now);
        report->verdict = verdict_of_entitlement(state.phase);
        chain_report_entitlement(report, &state);
        return;
    }
    case GOVERNOR_QUOTA:
        report->quota = quota_report_at(&states->quota, terms, now, &report->quota_phase);
        report->verdict = verdict_of_quota(report->quota_phase);
        return;
    case GOVERNOR_BILLING: {
        struct billing_state state = billing_at(states->billing, &terms->billing, now);
        report->verdict = verdict_of_billing(state.phase);
        chain_report_billing(report, &state, 0);
        return;
    }
    }
    abort(); /* Corrupt kind. */
}

struct governor_report chain_report(const struct governor_states *states, const struct policy *policy,
                                    enum governor_kind kind, instant_ms now)
{
    struct governor_report report;
    memset(&report, 0, sizeof report);
    show(&report, states, chain_terms_or_lost(states, policy), kind, now);
    return report;
}
