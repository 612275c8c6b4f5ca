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

void agent_put_canary(struct text *text, struct bytes boot_id, uint64_t number)
{
    json_open_object(text);
    json_put_string(text, "boot_id", boot_id);
    json_put_unsigned(text, "number", number);
    json_close_object(text);
}
