#include <stdlib.h>

#include "agent/commands/explain_reasons.h"
#include "agent/commands/explain_text.h"
#include "agent/commands/explain_words.h"
#include "base/json.h"

enum { REPLY_DEPTH_MAX = 16 };

static void put_title(struct text *text, const struct explained *item, const struct reply_entry *entry)
{
    bool is_again = item->kind == RECORD_ANSWER && entry->reason != REPLY_ID_REUSED;
    bool is_numbered = item->seq != 0 || entry->reason == REPLY_OK;
    text_put_string(text, is_numbered ? "command " : "command after ");
    text_put_unsigned(text, item->shown);
    text_put_string(text, is_again ? ", its reply said again: " : ": ");
    text_put_string(text, entry->reason == REPLY_OK ? "ok" : "rejected (");
    if (entry->reason != REPLY_OK) {
        text_put_string(text, reply_reason_name(entry->reason));
        text_put_string(text, ")");
    }
    text_put_string(text, "\n");
}

static void put_word(struct text *text, const char *key, struct bytes value)
{
    text_put_string(text, ", ");
    text_put_string(text, key);
    text_put_string(text, " ");
    put_plain(text, value);
}

static void put_sum(struct text *text, const char *key, micro_units value)
{
    char digits[MICRO_UNITS_TEXT_MAX];
    put_word(text, key, bytes_of(digits, micro_units_format(value, digits)));
}

static void put_time(struct text *text, const char *key, instant_ms value)
{
    char digits[INSTANT_TEXT_MAX];
    bool is_never = value == INSTANT_NEVER;
    put_word(text, key,
             is_never ? bytes_of_string("never") : bytes_of(digits, instant_format(value, digits)));
}

static void put_grant(struct text *text, const struct command *asked)
{
    put_word(text, "plan", name_bytes(&asked->plan));
    for (uint8_t i = 0; i < asked->feature_count; i++) {
        put_word(text, "feature", name_bytes(&asked->features[i]));
    }
    if (asked->starts_at != 0) {
        put_time(text, "starts", asked->starts_at);
    }
    put_time(text, "expires", asked->expires_at);
    if (asked->grace_ms != 0) {
        text_put_string(text, ", grace ");
        put_duration(text, asked->grace_ms);
    }
}

static void put_refund(struct text *text, const struct command *asked)
{
    if (asked->governor == GOVERNOR_BILLING) {
        put_word(text, "event", name_bytes(&asked->event));
        put_word(text, "device", name_bytes(&asked->device));
        return;
    }
    put_word(text, "limit", name_is_empty(&asked->name) ? bytes_of_string("all") : name_bytes(&asked->name));
    put_sum(text, "amount", asked->amount);
}

static void put_credit(struct text *text, const struct command *asked)
{
    put_sum(text, "amount", asked->amount);
    text_put_string(text, ", priority ");
    text_put_signed(text, asked->priority);
    put_time(text, "expires", asked->expires_at);
}

static void put_fields(struct text *text, const struct command *asked)
{
    switch (asked->op) {
    case OP_GRANT: put_grant(text, asked); return;
    case OP_EXTEND: put_time(text, "expires", asked->expires_at); return;
    case OP_REFUND: put_refund(text, asked); return;
    case OP_SET_LIMIT:
        put_word(text, "name", name_bytes(&asked->name));
        put_sum(text, "limit", asked->limit);
        return;
    case OP_CREDIT: put_credit(text, asked); return;
    case OP_SUSPEND:
    case OP_RESUME:
    case OP_REVOKE:
    case OP_RESET:
    case OP_CLOSE: return;
    }
    abort(); /* Corrupt op. */
}

static void put_asked(struct text *text, const struct explained *item, const struct reply_entry *entry)
{
    put_instant(text, entry->time);
    text_put_string(text, "  ");
    text_put_string(text, command_op_name(entry->asked.op));
    text_put_string(text, " to ");
    text_put_string(text, governor_name(entry->governor));
    text_put_string(text, " of ");
    put_plain_name(text, &item->subject);
    put_fields(text, &entry->asked);
    put_word(text, "command", name_bytes(&entry->command));
    text_put_string(text, " (clock ");
    text_put_string(text, clock_quality_name(entry->clock));
    text_put_string(text, ", configuration ");
    text_put_unsigned(text, entry->config_version);
    text_put_string(text, ")\n");
}

/* A string of the reply's state, "?" where there is none. */
static void put_member(struct text *text, const cJSON *state, const char *key)
{
    const cJSON *item = json_member(state, key);
    put_plain(text, cJSON_IsString(item) ? json_text(item) : bytes_of_string("?"));
}

/* What a governor was, in the words used for what it is. */
static void put_before(struct text *text, const struct governor_report *before)
{
    text_put_string(text, report_phase_name(before));
    switch (before->kind) {
    case GOVERNOR_ENTITLEMENT:
        if (!name_is_empty(&before->entitlement.plan)) {
            put_word(text, "plan", name_bytes(&before->entitlement.plan));
        }
        return;
    case GOVERNOR_QUOTA:
        if (before->quota.has_limit) {
            put_word(text, "limit", name_bytes(&before->quota.name));
            put_sum(text, "used", before->quota.used);
            text_put_string(text, " of ");
            put_amount(text, before->quota.limit);
        }
        return;
    case GOVERNOR_BILLING: put_sum(text, "balance", before->billing.balance); return;
    }
    abort(); /* Corrupt kind. */
}

static void put_after(struct text *text, const cJSON *state, enum governor_kind kind)
{
    put_member(text, state, "state");
    switch (kind) {
    case GOVERNOR_ENTITLEMENT:
        if (cJSON_IsString(json_member(state, "plan"))) {
            text_put_string(text, ", plan ");
            put_member(text, state, "plan");
        }
        return;
    case GOVERNOR_QUOTA:
        if (cJSON_IsString(json_member(state, "name"))) {
            text_put_string(text, ", limit ");
            put_member(text, state, "name");
            text_put_string(text, ", used ");
            put_member(text, state, "used");
            text_put_string(text, " of ");
            put_member(text, state, "limit");
        }
        return;
    case GOVERNOR_BILLING:
        text_put_string(text, ", balance ");
        put_member(text, state, "balance");
        return;
    }
    abort(); /* Corrupt kind. */
}

static void put_states(struct text *text, const struct reply_entry *entry, struct arena *arena)
{
    struct json_result parsed = json_parse(entry->payload, REPLY_DEPTH_MAX, arena);
    const cJSON *state = parsed.error == JSON_OK ? json_member(parsed.root, "state") : NULL;
    put_column(text, governor_name(entry->governor), EXPLAIN_COLUMN);
    if (entry->has_before) {
        put_before(text, &entry->before);
        text_put_string(text, " -> ");
    }
    if (cJSON_IsObject(state)) {
        put_after(text, state, entry->governor);
    }
    text_put_string(text, "\n");
}

void explain_put_reply(struct text *text, const struct explained *item, const struct reply_entry *entry)
{
    size_t arena_bytes = json_arena_bytes(entry->payload.length);
    void *storage = malloc(arena_bytes);
    put_title(text, item, entry);
    put_asked(text, item, entry);
    if (storage != NULL) {
        struct arena arena;
        arena_init(&arena, storage, arena_bytes);
        put_states(text, entry, &arena);
    }
    free(storage);
    put_reply_reason(text, entry);
    text_put_string(text, "\n");
    explain_put_link(text, item);
}
