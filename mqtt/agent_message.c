#include "mqtt/agent_message.h"

#include <stdlib.h>

const char *agent_state_name(enum agent_state state)
{
    switch (state) {
    case AGENT_READY: return "ready";
    case AGENT_STOPPING: return "stopping";
    case AGENT_LOST: return "lost";
    }
    abort(); /* Corrupt state. */
}

const char *config_status_name(enum config_status status)
{
    switch (status) {
    case CONFIG_ACCEPTED: return "accepted";
    case CONFIG_REJECTED: return "rejected";
    case CONFIG_SHADOW: return "shadow";
    case CONFIG_VALID: return "valid";
    }
    abort(); /* Corrupt status. */
}

void agent_put_status(struct text *text, const struct status_message *message)
{
    json_open_object(text);
    json_put_literal(text, "state", agent_state_name(message->state));
    json_put_string(text, "agent", message->agent);
    json_put_string(text, "version", message->version);
    json_put_string(text, "boot_id", message->boot_id);
    json_put_unsigned(text, "session", message->session);
    json_put_instant(text, "started_at", message->started_at);
    json_put_unsigned(text, "config_version", message->config_version);
    json_close_object(text);
}

void agent_put_alert(struct text *text, const struct alert_message *message)
{
    json_open_object(text);
    json_put_literal(text, "alert", message->alert);
    json_put_instant(text, "since", message->since);
    json_put_string(text, "message", message->message);
    json_close_object(text);
}

static void put_errors(struct text *text, const struct config_report *report)
{
    json_key(text, "errors");
    json_open_array(text);
    for (size_t i = 0; i < report->error_count; i++) {
        json_open_object(text);
        json_put_string(text, "path", report->errors[i].path);
        json_put_string(text, "code", report->errors[i].code);
        json_put_string(text, "message", report->errors[i].message);
        json_close_object(text);
    }
    json_close_array(text);
}

void agent_put_config_report(struct text *text, const struct config_report *report)
{
    json_open_object(text);
    json_key(text, "version");
    if (report->has_version) {
        json_unsigned(text, report->version);
    } else {
        json_null(text);
    }
    json_put_unsigned(text, "active_version", report->active_version);
    json_put_literal(text, "status", config_status_name(report->status));
    json_put_string(text, "sha256", report->sha256);
    json_put_instant(text, "time", report->time);
    put_errors(text, report);
    json_close_object(text);
}

void agent_put_canary(struct text *text, struct bytes boot_id, uint64_t number)
{
    json_open_object(text);
    json_put_string(text, "boot_id", boot_id);
    json_put_unsigned(text, "number", number);
    json_close_object(text);
}
