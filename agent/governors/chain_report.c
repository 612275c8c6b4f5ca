#include "agent/governors/chain_report.h"

#include <stdlib.h>
#include <string.h>

#include "agent/governors/chain_states.h"

void chain_report_entitlement(struct governor_report *report, const struct entitlement_state *state,
                              enum verdict verdict)
{
    report->kind = GOVERNOR_ENTITLEMENT;
    report->verdict = verdict;
    report->entitlement.phase = state->phase;
    report->entitlement.plan = state->plan;
}

void chain_report_billing(struct governor_report *report, const struct billing_state *state,
                          enum verdict verdict, micro_units charged)
{
    report->kind = GOVERNOR_BILLING;
    report->verdict = verdict;
    report->billing.phase = state->phase;
    report->billing.charged = charged;
    report->billing.balance = billing_balance(state);
}

void chain_report_quota(struct governor_report *report, const struct quota_report *quota,
                        enum quota_phase phase, enum verdict verdict)
{
    report->kind = GOVERNOR_QUOTA;
    report->verdict = verdict;
    report->quota_phase = phase;
    report->quota.has_limit = quota->has_limit; /* One by one: a struct's copy may bring any padding along. */
    report->quota.name = quota->name;
    report->quota.limit = quota->limit;
    report->quota.used = quota->used;
    report->quota.remaining = quota->remaining;
    report->quota.resets_at = quota->resets_at;
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
    switch (kind) {
    case GOVERNOR_ENTITLEMENT: {
        struct entitlement_state state = entitlement_at(states->entitlement, now);
        chain_report_entitlement(report, &state, verdict_of_entitlement(state.phase));
        return;
    }
    case GOVERNOR_QUOTA: {
        enum quota_phase phase = QUOTA_NORMAL;
        struct quota_report quota = quota_report_at(&states->quota, terms, now, &phase);
        chain_report_quota(report, &quota, phase, verdict_of_quota(phase));
        return;
    }
    case GOVERNOR_BILLING: {
        struct billing_state state = billing_at(states->billing, &terms->billing, now);
        chain_report_billing(report, &state, verdict_of_billing(state.phase), 0);
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
