#include "agent/commands/explain_reasons.h"

#include <stdlib.h>

#include "agent/commands/explain_text.h"

const struct governor_report *decision_report(const struct decision_entry *entry, enum governor_kind kind)
{
    const struct chain_answer *answer = &entry->decision.answer;
    for (uint8_t i = 0; i < answer->report_count; i++) {
        if (answer->reports[i].kind == kind) {
            return &answer->reports[i];
        }
    }
    return NULL;
}

const char *report_phase_name(const struct governor_report *report)
{
    switch (report->kind) {
    case GOVERNOR_ENTITLEMENT: return entitlement_phase_name(report->entitlement.phase);
    case GOVERNOR_QUOTA: return quota_phase_name(report->quota_phase);
    case GOVERNOR_BILLING: return billing_phase_name(report->billing.phase);
    }
    abort(); /* Corrupt kind. */
}

/* The governor that spoke: the first with the decision's verdict. NULL when none was asked. */
static const struct governor_report *speaker(const struct chain_answer *answer)
{
    for (uint8_t i = 0; i < answer->report_count; i++) {
        if (answer->reports[i].verdict == answer->verdict) {
            return &answer->reports[i];
        }
    }
    return NULL;
}

static bool is_peek(const struct decision_entry *entry)
{
    return entry->decision.event.amount == 0;
}

static void put_outcome(struct text *text, const struct decision_entry *entry)
{
    const struct chain_answer *answer = &entry->decision.answer;
    const struct governor_report *by = speaker(answer);
    text_put_string(text, is_peek(entry) ? "Would be " : "Was ");
    switch (answer->verdict) {
    case VERDICT_ALLOW: text_put_string(text, "allowed"); return;
    case VERDICT_WARN: text_put_string(text, "allowed with a warning"); return;
    case VERDICT_THROTTLE:
        text_put_string(text, "allowed, but the device is asked to wait ");
        put_duration(text, answer->retry_after_ms);
        return;
    case VERDICT_DENY:
        text_put_string(text, "denied");
        if (by != NULL) {
            text_put_string(text, " by ");
            text_put_string(text, governor_name(by->kind));
        }
        return;
    }
    abort(); /* Corrupt verdict. */
}

static const struct name *plan_of(const struct decision_entry *entry)
{
    static const struct name none;
    const struct governor_report *report = decision_report(entry, GOVERNOR_ENTITLEMENT);
    return report != NULL ? &report->entitlement.plan : &none;
}

static void put_grant(struct text *text, const struct decision_entry *entry, const char *fate)
{
    text_put_string(text, "the grant of plan ");
    put_plain_name(text, plan_of(entry));
    text_put_string(text, fate);
}

static void put_not_entitled(struct text *text, const struct decision_entry *entry)
{
    const struct governor_report *report = decision_report(entry, GOVERNOR_ENTITLEMENT);
    if (report == NULL || report->entitlement.phase == ENTITLEMENT_NONE) {
        put_plain_name(text, &entry->decision.event.subject);
        text_put_string(text, " was never granted a plan");
    } else if (name_is_empty(&entry->feature)) {
        text_put_string(text, "the configuration has no plan ");
        put_plain_name(text, plan_of(entry));
        text_put_string(text, " any more");
    } else {
        text_put_string(text, "meter ");
        put_plain_name(text, &entry->decision.event.meter);
        text_put_string(text, " needs the feature ");
        put_plain_name(text, &entry->feature);
        text_put_string(text, ", which neither plan ");
        put_plain_name(text, plan_of(entry));
        text_put_string(text, " nor its grant includes");
    }
}

static void put_suspended(struct text *text, const struct decision_entry *entry)
{
    const struct governor_report *by = speaker(&entry->decision.answer);
    bool is_account = by != NULL && by->kind == GOVERNOR_BILLING;
    text_put_string(text, is_account ? "the account is suspended" : "the entitlement is suspended");
}

static const struct quota_report *quota_of(const struct decision_entry *entry)
{
    static const struct quota_report none;
    const struct governor_report *report = decision_report(entry, GOVERNOR_QUOTA);
    return report != NULL ? &report->quota : &none;
}

static void put_usage(struct text *text, const struct decision_entry *entry)
{
    const struct quota_report *quota = quota_of(entry);
    put_amount(text, quota->used);
    text_put_string(text, " of ");
    put_amount(text, quota->limit);
    text_put_string(text, " of ");
    put_plain_name(text, &quota->name);
    text_put_string(text, is_peek(entry) ? " are used, and with anything more that is much" : " are used");
}

static void put_exceeded(struct text *text, const struct decision_entry *entry)
{
    const struct quota_report *quota = quota_of(entry);
    const struct decision *decision = &entry->decision;
    put_amount(text, quota->used);
    text_put_string(text, " of ");
    put_amount(text, quota->limit);
    text_put_string(text, " of ");
    put_plain_name(text, &quota->name);
    text_put_string(text, " are used, ");
    if (is_peek(entry)) {
        text_put_string(text, "anything");
    } else {
        put_amount(text, decision->event.amount);
    }
    text_put_string(text, " more would pass the limit");
    if (decision->answer.retry_after_ms > 0) {
        text_put_string(text, "; it fits in ");
        put_duration(text, decision->answer.retry_after_ms);
    } else {
        text_put_string(text, "; waiting does not help");
    }
}

static const struct billing_report *billing_of(const struct decision_entry *entry)
{
    static const struct billing_report none = {.phase = BILLING_PHASE_NONE};
    const struct governor_report *report = decision_report(entry, GOVERNOR_BILLING);
    return report != NULL ? &report->billing : &none;
}

static void put_low_balance(struct text *text, const struct decision_entry *entry)
{
    const struct billing_report *billing = billing_of(entry);
    text_put_string(text, billing->phase == BILLING_PHASE_EXHAUSTED
                              ? "nothing more can be paid, the balance is "
                              : "the balance is low, ");
    put_amount(text, billing->balance);
}

static void put_overdraft(struct text *text, const struct decision_entry *entry)
{
    text_put_string(text, "it is paid on credit, the balance is ");
    put_amount(text, billing_of(entry)->balance);
}

static void put_insufficient(struct text *text, const struct decision_entry *entry)
{
    const struct decision *decision = &entry->decision;
    micro_units cost = 0;
    text_put_string(text, "the balance of ");
    put_amount(text, billing_of(entry)->balance);
    text_put_string(text, " and the overdraft of the plan do not pay ");
    if (is_peek(entry) || entry->price == 0) {
        text_put_string(text, is_peek(entry) ? "anything more" : "for it");
        return;
    }
    put_amount(text, decision->event.amount);
    text_put_string(text, " at ");
    put_amount(text, entry->price);
    if (micro_units_multiply(decision->event.amount, entry->price, &cost) == STATUS_OK) {
        text_put_string(text, ", which is ");
        put_amount(text, cost);
    }
}

static void put_id_reused(struct text *text)
{
    text_put_string(text, "the device used this event key before for other bytes, and that decision stands "
                          "(or damage to the store took it)");
}

static void put_unknown_meter(struct text *text, const struct decision_entry *entry)
{
    text_put_string(text, "the configuration has no meter ");
    put_plain_name(text, &entry->decision.event.meter);
}

static void put_unknown_subject(struct text *text, const struct decision_entry *entry)
{
    put_plain_name(text, &entry->decision.event.subject);
    text_put_string(text, " is a stranger, and strangers are not let in or the store had no room for one");
}

static void put_cause(struct text *text, const struct decision_entry *entry)
{
    switch (entry->decision.answer.reason) {
    case REASON_OK: text_put_string(text, "nothing speaks against it"); return;
    case REASON_NOT_ENTITLED: put_not_entitled(text, entry); return;
    case REASON_NOT_STARTED: put_grant(text, entry, " has not started yet"); return;
    case REASON_SUSPENDED: put_suspended(text, entry); return;
    case REASON_EXPIRED: put_grant(text, entry, " has expired"); return;
    case REASON_REVOKED: put_grant(text, entry, " was revoked"); return;
    case REASON_GRACE: put_grant(text, entry, " has expired and is in its period of grace"); return;
    case REASON_QUOTA_WARNING:
    case REASON_QUOTA_THROTTLED: put_usage(text, entry); return;
    case REASON_QUOTA_EXCEEDED: put_exceeded(text, entry); return;
    case REASON_LOW_BALANCE: put_low_balance(text, entry); return;
    case REASON_OVERDRAFT: put_overdraft(text, entry); return;
    case REASON_INSUFFICIENT_BALANCE: put_insufficient(text, entry); return;
    case REASON_CLOSED: text_put_string(text, "the account is closed"); return;
    case REASON_ID_REUSED: put_id_reused(text); return;
    case REASON_UNKNOWN_METER: put_unknown_meter(text, entry); return;
    case REASON_UNKNOWN_SUBJECT: put_unknown_subject(text, entry); return;
    }
    abort(); /* Corrupt reason. */
}

void put_decision_reason(struct text *text, const struct decision_entry *entry)
{
    put_outcome(text, entry);
    text_put_string(text, ": ");
    put_cause(text, entry);
    text_put_string(text, ".");
}

static void put_unknown_event(struct text *text, const struct command *asked, const char *fate)
{
    text_put_string(text, "event ");
    put_plain_name(text, &asked->event);
    text_put_string(text, " of device ");
    put_plain_name(text, &asked->device);
    text_put_string(text, fate);
}

static void put_invalid_transition(struct text *text, const struct reply_entry *entry)
{
    text_put_string(text, command_op_name(entry->asked.op));
    text_put_string(text, " is not possible");
    if (entry->has_before) {
        text_put_string(text, " while ");
        text_put_string(text, governor_name(entry->governor));
        text_put_string(text, " is ");
        text_put_string(text, report_phase_name(&entry->before));
    }
}

static void put_with_name(struct text *text, const char *words, const struct name *name)
{
    text_put_string(text, words);
    put_plain_name(text, name);
}

void put_reply_reason(struct text *text, const struct reply_entry *entry)
{
    const struct command *asked = &entry->asked;
    text_put_string(text, entry->reason == REPLY_OK ? "Was applied" : "Was rejected: ");
    switch (entry->reason) {
    case REPLY_OK: break;
    case REPLY_INVALID_TRANSITION: put_invalid_transition(text, entry); break;
    case REPLY_UNKNOWN_PLAN: put_with_name(text, "the configuration has no plan ", &asked->plan); break;
    case REPLY_UNKNOWN_LIMIT: put_with_name(text, "the plan has no limit ", &asked->name); break;
    case REPLY_UNKNOWN_EVENT:
        put_unknown_event(text, asked, " is not remembered (any more) or was not charged");
        break;
    case REPLY_ALREADY_REFUNDED: put_unknown_event(text, asked, " was refunded before"); break;
    case REPLY_TOO_MANY_GRANTS: text_put_string(text, "there are as many grants as there may be"); break;
    case REPLY_OVERFLOW:
        text_put_string(text, "the sums would grow too large, or the store had no room for a stranger");
        break;
    case REPLY_ID_REUSED:
        text_put_string(text, "the id was used before for other bytes, and that reply stands "
                              "(or damage to the store took it)");
        break;
    }
    text_put_string(text, ".");
}
