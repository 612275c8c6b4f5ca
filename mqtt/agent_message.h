/* What the agent says about itself: status, alerts, its canary. */
#ifndef FLYBALL_MQTT_AGENT_MESSAGE_H
#define FLYBALL_MQTT_AGENT_MESSAGE_H

#include "base/text.h"

enum {
    STATUS_MESSAGE_MAX = 2048,
    CANARY_MESSAGE_MAX = 512,
};

enum agent_state { AGENT_READY, AGENT_STOPPING, AGENT_LOST };

struct status_message {
    enum agent_state state; /* AGENT_LOST is the will's. */
    struct bytes agent;
    struct bytes version;
    struct bytes boot_id;
    uint64_t session; /* Counts the agent's starts. */
    instant_ms started_at;
    uint64_t config_version;
};

struct alert_message {
    const char *alert; /* One of the contract's names. */
    instant_ms since;
    struct bytes message;
};

const char *agent_state_name(enum agent_state state);

/* Each appends one JSON object. All strings are valid UTF-8. */
void agent_put_status(struct text *text, const struct status_message *message);
void agent_put_alert(struct text *text, const struct alert_message *message);

/* The same arguments give the same bytes: an arriving canary is the agent's own when its payload equals what
 * it sent. */
void agent_put_canary(struct text *text, struct bytes boot_id, uint64_t number);

#endif
