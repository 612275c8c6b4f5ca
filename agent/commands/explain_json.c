#include "agent/commands/explain_json.h"

#include <stdlib.h>

#include "agent/commands/explain_reasons.h"
#include "mqtt/state_message.h"

enum { WHY_MAX = 2048 }; /* A sentence with three names. */

static void put_plan(struct text *text, const struct name *plan)
{
    json_key(text, "plan");
    if (name_is_empty(plan)) {
        json_null(text);
    } else {
        json_string(text, name_bytes(plan));
    }
}

static void put_before(struct text *text, const struct governor_report *after,
                       const struct governors_before *before)
{
    json_key(text, "before");
    json_open_object(text);
    switch (after->kind) {
    case GOVERNOR_ENTITLEMENT:
        json_put_literal(text, "state", entitlement_phase_name(before->entitlement.phase));
        put_plan(text, &before->entitlement.plan);
        break;
    case GOVERNOR_QUOTA:
        json_put_literal(text, "state", quota_phase_name(before->quota_phase));
        if (after->quota.has_limit) {
            json_put_amount(text, "used", before->used);
        }
        break;
    case GOVERNOR_BILLING:
        json_put_literal(text, "state", billing_phase_name(before->billing_phase));
        json_put_amount(text, "balance", before->balance);
        break;
    }
    json_close_object(text);
}

static void put_governors(struct text *text, const struct decision_entry *entry)
{
    const struct chain_answer *answer = &entry->decision.answer;
    json_key(text, "governors");
    json_open_object(text);
    for (uint8_t i = 0; i < answer->report_count; i++) {
        json_key(text, governor_name(answer->reports[i].kind));
        state_put_report(text, &answer->reports[i]);
        if (entry->before.is_told && !text->overflowed) {
            text->length--; /* Into the object. */
            put_before(text, &answer->reports[i], &entry->before);
            json_close_object(text);
        }
    }
    json_close_object(text);
}

static void put_key_of_event(struct text *text, const struct event *event)
{
    json_key(text, "event");
    if (name_is_empty(&event->id)) {
        json_null(text);
    } else {
        json_string(text, name_bytes(&event->id));
    }
    if (event->has_device_seq) {
        json_put_unsigned(text, "device_seq", event->device_seq);
        json_put_name(text, "boot", &event->boot);
    }
}

static void put_charge(struct text *text, const struct charge *charge)
{
    json_key(text, "charge");
    json_open_object(text);
    json_put_amount(text, "amount", charge->amount);
    json_put_amount(text, "debt", charge->debt);
    json_key(text, "grants");
    json_open_array(text);
    for (uint8_t i = 0; i < charge->burn_count; i++) {
        json_open_object(text);
        json_put_name(text, "id", &charge->burns[i].id);
        json_put_amount(text, "amount", charge->burns[i].amount);
        json_close_object(text);
    }
    json_close_array(text);
    json_close_object(text);
}

static void put_hash(struct text *text, const char *key, const struct sha256 *hash)
{
    char digits[2 * SHA256_BYTES + 1];
    sha256_hex(hash, digits);
    json_put_literal(text, key, digits);
}

static void put_link(struct text *text, const struct explained *item)
{
    if (item->is_linked) {
        put_hash(text, "hash", &item->hash);
        put_hash(text, "previous", &item->previous_hash);
    }
}

/* What belongs to this decision alone. */
static void put_details(struct text *text, const struct decision_entry *entry)
{
    if (!name_is_empty(&entry->feature)) {
        json_put_name(text, "feature", &entry->feature);
    }
    if (entry->price != 0) {
        json_put_amount(text, "price", entry->price);
    }
    if (entry->decision.answer.charge.amount != 0) {
        put_charge(text, &entry->decision.answer.charge);
    }
}

void explain_json_decision(struct text *text, const struct explained *item,
                           const struct decision_entry *entry)
{
    const struct decision *decision = &entry->decision;
    const struct event *event = &decision->event;
    json_open_object(text);
    json_put_literal(text, "kind", event->amount == 0 ? "peek" : "decision");
    put_key_of_event(text, event);
    json_put_literal(text, "decision", verdict_name(decision->answer.verdict));
    json_put_literal(text, "reason", reason_name(decision->answer.reason));
    json_put_name(text, "subject", &event->subject);
    json_put_name(text, "device", &event->device);
    json_put_name(text, "meter", &event->meter);
    json_put_amount(text, "amount", event->amount);
    json_put_unsigned(text, "seq", decision->seq);
    json_put_instant(text, "time", decision->time);
    json_put_bool(text, "duplicate", entry->duplicate);
    json_put_literal(text, "dedup", dedup_kind_name(decision->dedup));
    json_put_unsigned(text, "config_version", decision->config_version);
    json_put_signed(text, "retry_after_ms", decision->answer.retry_after_ms);
    json_put_literal(text, "clock", clock_quality_name(decision->clock));
    put_governors(text, entry);
    put_details(text, entry);
    char storage[WHY_MAX];
    struct text why = text_of(storage, sizeof storage);
    put_decision_reason(&why, entry);
    json_put_string(text, "why", text_bytes(&why));
    put_link(text, item);
    json_close_object(text);
}

static void put_grant(struct text *text, const struct command *asked)
{
    json_put_name(text, "plan", &asked->plan);
    json_key(text, "features");
    json_open_array(text);
    for (uint8_t i = 0; i < asked->feature_count; i++) {
        json_string(text, name_bytes(&asked->features[i]));
    }
    json_close_array(text);
    if (asked->starts_at != 0) {
        json_put_instant(text, "starts_at", asked->starts_at);
    }
    json_put_instant(text, "expires_at", asked->expires_at);
    json_put_signed(text, "grace_ms", asked->grace_ms);
}

static void put_refund(struct text *text, const struct command *asked)
{
    if (asked->governor == GOVERNOR_BILLING) {
        json_put_name(text, "event", &asked->event);
        json_put_name(text, "device", &asked->device);
        return;
    }
    json_put_amount(text, "amount", asked->amount);
    if (!name_is_empty(&asked->name)) {
        json_put_name(text, "name", &asked->name);
    }
}

static void put_asked(struct text *text, const struct command *asked)
{
    switch (asked->op) {
    case OP_GRANT: put_grant(text, asked); return;
    case OP_EXTEND: json_put_instant(text, "expires_at", asked->expires_at); return;
    case OP_REFUND: put_refund(text, asked); return;
    case OP_SET_LIMIT:
        json_put_name(text, "name", &asked->name);
        json_put_amount(text, "limit", asked->limit);
        return;
    case OP_CREDIT:
        json_put_amount(text, "amount", asked->amount);
        json_put_signed(text, "priority", asked->priority);
        json_put_instant(text, "expires_at", asked->expires_at);
        return;
    case OP_SUSPEND:
    case OP_RESUME:
    case OP_REVOKE:
    case OP_RESET:
    case OP_CLOSE: return;
    }
    abort(); /* Corrupt op. */
}

/* The reply's own members, as they were sent. */
static void put_payload(struct text *text, struct bytes payload)
{
    bool is_object = payload.length > 2 && payload.data[0] == '{' && payload.data[payload.length - 1] == '}';
    if (is_object) {
        text_put_string(text, ",");
        text_put(text, bytes_of(payload.data + 1, payload.length - 2));
    }
}

void explain_json_reply(struct text *text, const struct explained *item, const struct reply_entry *entry)
{
    bool is_again = item->kind == RECORD_ANSWER && entry->reason != REPLY_ID_REUSED;
    json_open_object(text);
    json_put_literal(text, "kind", "command");
    put_payload(text, entry->payload);
    json_put_name(text, "subject", &item->subject);
    json_put_literal(text, "governor", governor_name(entry->governor));
    json_put_instant(text, "time", entry->time);
    json_put_bool(text, "duplicate", is_again);
    json_put_unsigned(text, "config_version", entry->config_version);
    json_put_literal(text, "clock", clock_quality_name(entry->clock));
    json_key(text, "asked");
    json_open_object(text);
    put_asked(text, &entry->asked);
    json_close_object(text);
    if (entry->has_before) {
        json_key(text, "before");
        state_put_report(text, &entry->before);
    }
    char storage[WHY_MAX];
    struct text why = text_of(storage, sizeof storage);
    put_reply_reason(&why, entry);
    json_put_string(text, "why", text_bytes(&why));
    put_link(text, item);
    json_close_object(text);
}
