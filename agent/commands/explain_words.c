#include "agent/commands/explain_words.h"

#include <stdlib.h>

#include "agent/commands/explain_reasons.h"
#include "agent/commands/explain_text.h"

enum { VERDICT_WIDTH = 10 };

static bool is_peek(const struct decision_entry *entry)
{
    return entry->decision.event.amount == 0;
}

static void put_title(struct text *text, const struct explained *item, const struct decision_entry *entry)
{
    const struct decision *decision = &entry->decision;
    text_put_string(text, is_peek(entry) ? "peek after " : "decision ");
    text_put_unsigned(text, item->shown);
    text_put_string(text, entry->duplicate ? ", said again to a duplicate: " : ": ");
    text_put_string(text, verdict_name(decision->answer.verdict));
    text_put_string(text, " (");
    text_put_string(text, reason_name(decision->answer.reason));
    text_put_string(text, ")\n");
}

static void put_key(struct text *text, const struct event *event)
{
    if (!name_is_empty(&event->id)) {
        text_put_string(text, ", event ");
        put_plain_name(text, &event->id);
    } else if (event->has_device_seq) {
        text_put_string(text, ", event ");
        text_put_unsigned(text, event->device_seq);
        text_put_string(text, " of boot \"");
        put_plain_name(text, &event->boot);
        text_put_string(text, "\"");
    } else {
        text_put_string(text, ", without a key");
    }
}

static void put_asked_event(struct text *text, const struct event *event)
{
    text_put_string(text, "device ");
    put_plain_name(text, &event->device);
    text_put_string(text, event->amount == 0 ? " only asked about " : " asked ");
    if (event->amount != 0) {
        put_amount(text, event->amount);
        text_put_string(text, " ");
    }
    put_plain_name(text, &event->meter);
    text_put_string(text, " for ");
    put_plain_name(text, &event->subject);
    put_key(text, event);
}

static void put_circumstances(struct text *text, enum clock_quality clock, uint64_t config_version)
{
    text_put_string(text, " (clock ");
    text_put_string(text, clock_quality_name(clock));
    text_put_string(text, ", configuration ");
    text_put_unsigned(text, config_version);
}

static void put_event(struct text *text, const struct decision_entry *entry)
{
    const struct decision *decision = &entry->decision;
    const struct governor_report *entitlement = decision_report(entry, GOVERNOR_ENTITLEMENT);
    put_instant(text, decision->time);
    text_put_string(text, "  ");
    put_asked_event(text, &decision->event);
    put_circumstances(text, decision->clock, decision->config_version);
    if (entitlement != NULL && !name_is_empty(&entitlement->entitlement.plan)) {
        text_put_string(text, ", plan ");
        put_plain_name(text, &entitlement->entitlement.plan);
    }
    text_put_string(text, ")\n");
}

/* "none" for no plan. */
static void put_plan(struct text *text, const struct name *plan)
{
    put_plain(text, name_is_empty(plan) ? bytes_of_string("none") : name_bytes(plan));
}

static void put_entitlement(struct text *text, const struct entitlement_report *after,
                            const struct governors_before *before)
{
    const char *phase = entitlement_phase_name(after->phase);
    if (!before->is_told) {
        text_put_string(text, phase);
        return;
    }
    put_change(text, entitlement_phase_name(before->entitlement.phase), phase);
    if (!name_equal(&before->entitlement.plan, &after->plan)) {
        text_put_string(text, ", plan ");
        put_plan(text, &before->entitlement.plan);
        text_put_string(text, " -> ");
        put_plan(text, &after->plan);
    }
}

static void put_reset(struct text *text, instant_ms resets_at)
{
    if (resets_at == INSTANT_NEVER) {
        return;
    }
    text_put_string(text, ", resets ");
    put_instant(text, resets_at);
}

static void put_limit(struct text *text, const struct quota_report *after,
                      const struct governors_before *before)
{
    put_plain_name(text, &after->name);
    text_put_string(text, ": used ");
    if (before->is_told) {
        put_amount_change(text, before->used, after->used);
    } else {
        put_amount(text, after->used);
    }
    text_put_string(text, " of ");
    put_amount(text, after->limit);
    text_put_string(text, ", ");
    put_amount(text, after->remaining);
    text_put_string(text, " left");
    put_reset(text, after->resets_at);
}

static void put_quota(struct text *text, const struct governor_report *after,
                      const struct governors_before *before)
{
    if (!after->quota.has_limit) {
        text_put_string(text, "no limit");
    } else {
        put_limit(text, &after->quota, before);
    }
    const char *phase = quota_phase_name(after->quota_phase);
    text_put_string(text, "; ");
    if (before->is_told) {
        put_change(text, quota_phase_name(before->quota_phase), phase);
    } else {
        text_put_string(text, phase);
    }
}

static void put_billing(struct text *text, const struct billing_report *after,
                        const struct governors_before *before)
{
    const char *phase = billing_phase_name(after->phase);
    text_put_string(text, "charged ");
    put_amount(text, after->charged);
    text_put_string(text, ", balance ");
    if (before->is_told) {
        put_amount_change(text, before->balance, after->balance);
        text_put_string(text, "; ");
        put_change(text, billing_phase_name(before->billing_phase), phase);
        return;
    }
    put_amount(text, after->balance);
    text_put_string(text, "; ");
    text_put_string(text, phase);
}

static void put_report(struct text *text, const struct governor_report *report,
                       const struct governors_before *before)
{
    put_column(text, governor_name(report->kind), EXPLAIN_COLUMN);
    put_column(text, verdict_name(report->verdict), VERDICT_WIDTH);
    switch (report->kind) {
    case GOVERNOR_ENTITLEMENT: put_entitlement(text, &report->entitlement, before); break;
    case GOVERNOR_QUOTA: put_quota(text, report, before); break;
    case GOVERNOR_BILLING: put_billing(text, &report->billing, before); break;
    }
    text_put_string(text, "\n");
}

static void put_charge(struct text *text, const struct charge *charge)
{
    if (charge->amount == 0) {
        return;
    }
    put_column(text, "paid", EXPLAIN_COLUMN);
    for (uint8_t i = 0; i < charge->burn_count; i++) {
        text_put_string(text, i > 0 ? ", " : "");
        put_amount(text, charge->burns[i].amount);
        text_put_string(text, " from grant ");
        put_plain_name(text, &charge->burns[i].id);
    }
    if (charge->debt > 0) {
        text_put_string(text, charge->burn_count > 0 ? ", " : "");
        put_amount(text, charge->debt);
        text_put_string(text, " as debt");
    }
    text_put_string(text, "\n");
}

static void put_hash(struct text *text, const char *key, const struct sha256 *hash)
{
    char digits[2 * SHA256_BYTES + 1];
    sha256_hex(hash, digits);
    put_column(text, key, EXPLAIN_COLUMN);
    text_put_string(text, digits);
    text_put_string(text, "\n");
}

void explain_put_link(struct text *text, const struct explained *item)
{
    if (item->is_linked) {
        put_hash(text, "hash", &item->hash);
        put_hash(text, "previous", &item->previous_hash);
    }
}

void explain_put_decision(struct text *text, const struct explained *item, const struct decision_entry *entry)
{
    const struct chain_answer *answer = &entry->decision.answer;
    put_title(text, item, entry);
    put_event(text, entry);
    for (uint8_t i = 0; i < answer->report_count; i++) {
        put_report(text, &answer->reports[i], &entry->before);
    }
    put_charge(text, &answer->charge);
    put_decision_reason(text, entry);
    text_put_string(text, "\n");
    explain_put_link(text, item);
}
