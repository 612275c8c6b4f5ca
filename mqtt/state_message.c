#include "mqtt/state_message.h"

#include <stdlib.h>

static const char *phase_name(const struct governor_report *report)
{
    switch (report->kind) {
    case GOVERNOR_ENTITLEMENT: return entitlement_phase_name(report->entitlement.phase);
    case GOVERNOR_QUOTA: return quota_phase_name(report->quota_phase);
    case GOVERNOR_BILLING: return billing_phase_name(report->billing.phase);
    }
    abort(); /* Corrupt kind. */
}

static void put_entitlement(struct text *text, const struct entitlement_report *report)
{
    json_key(text, "plan");
    if (name_is_empty(&report->plan)) {
        json_null(text);
        return;
    }
    json_string(text, name_bytes(&report->plan));
}

static void put_quota(struct text *text, const struct quota_report *report)
{
    if (!report->has_limit) {
        return;
    }
    json_put_name(text, "name", &report->name);
    json_put_amount(text, "limit", report->limit);
    json_put_amount(text, "used", report->used);
    json_put_amount(text, "remaining", report->remaining);
    json_put_instant(text, "resets_at", report->resets_at);
}

static void put_billing(struct text *text, const struct billing_report *report)
{
    json_put_amount(text, "charged", report->charged);
    json_put_amount(text, "balance", report->balance);
}

/* What decisions and states have in common behind the state's name. */
static void put_kind(struct text *text, const struct governor_report *report)
{
    switch (report->kind) {
    case GOVERNOR_ENTITLEMENT: put_entitlement(text, &report->entitlement); return;
    case GOVERNOR_QUOTA: put_quota(text, &report->quota); return;
    case GOVERNOR_BILLING: put_billing(text, &report->billing); return;
    }
    abort(); /* Corrupt kind. */
}

static void put_term(struct text *text, const struct entitlement_state *state)
{
    if (state->starts_at != 0) {
        json_put_instant(text, "starts_at", state->starts_at);
    }
    if (state->phase != ENTITLEMENT_NONE && state->expires_at != INSTANT_NEVER) {
        json_put_instant(text, "expires_at", state->expires_at);
    }
}

static void put_grants(struct text *text, const struct billing_state *state)
{
    json_key(text, "grants");
    json_open_array(text);
    for (uint8_t i = 0; i < state->grant_count; i++) {
        const struct grant *grant = &state->grants[i];
        json_open_object(text);
        json_put_name(text, "id", &grant->id);
        json_put_amount(text, "amount", grant->amount);
        json_put_amount(text, "remaining", grant->remaining);
        json_put_signed(text, "priority", grant->priority);
        json_put_instant(text, "expires_at", grant->expires_at);
        json_close_object(text);
    }
    json_close_array(text);
}

/* What only states show. */
static void put_details(struct text *text, enum governor_kind kind, const struct governor_states *states)
{
    switch (kind) {
    case GOVERNOR_ENTITLEMENT: put_term(text, &states->entitlement); return;
    case GOVERNOR_QUOTA: return;
    case GOVERNOR_BILLING: put_grants(text, &states->billing); return;
    }
    abort(); /* Corrupt kind. */
}

void state_put_report(struct text *text, const struct governor_report *report)
{
    json_open_object(text);
    json_put_literal(text, "verdict", verdict_name(report->verdict));
    json_put_literal(text, "state", phase_name(report));
    put_kind(text, report);
    json_close_object(text);
}

void state_put_fields(struct text *text, const struct governor_report *report,
                      const struct governor_states *states)
{
    json_open_object(text);
    json_put_literal(text, "verdict", verdict_name(report->verdict));
    json_put_literal(text, "state", phase_name(report));
    put_kind(text, report);
    put_details(text, report->kind, states);
    json_close_object(text);
}

void state_message_put(struct text *text, const struct state_message *message)
{
    const struct governor_report *report = message->report;
    json_open_object(text);
    json_put_name(text, "subject", &message->subject);
    json_put_literal(text, "governor", governor_name(report->kind));
    json_put_literal(text, "state", phase_name(report));
    json_put_unsigned(text, "seq", message->seq);
    json_put_instant(text, "time", message->time);
    json_put_literal(text, "verdict", verdict_name(report->verdict));
    put_kind(text, report);
    put_details(text, report->kind, message->states);
    if (message->is_set_back) {
        json_put_bool(text, "set_back", true);
    }
    json_close_object(text);
}
