/* The agent's topics: taken apart as they arrive, put together as they leave. */
#ifndef FLYBALL_MQTT_TOPIC_H
#define FLYBALL_MQTT_TOPIC_H

#include "agent/governors/verdict.h"
#include "base/bytes.h"
#include "base/name.h"
#include "base/text.h"
#include "mqtt/dead_letter.h"

enum {
    /* The longest topic the agent builds: root, agent and three segments all at their longest. */
    TOPIC_ROOT_BYTES_MAX = 256,
    TOPIC_BYTES_MAX = 640,
};

/* Borrowed from the configuration, which outlives it. */
struct topics {
    struct bytes root;                     /* No slash at its end. */
    struct bytes agent;                    /* A segment. */
    const struct bytes *response_prefixes; /* With {root} already filled in. */
    uint32_t response_prefix_count;
};

enum topic_kind {
    TOPIC_EVENT,
    TOPIC_COMMAND,
    TOPIC_CONFIG_DESIRED,
    TOPIC_CANARY,
    TOPIC_FOREIGN, /* None of the agent's: a route may know it. */
    TOPIC_BAD,     /* Under event or command, but of the wrong shape: bad_topic. */
};

/* Only the parts of its kind are set; they borrow from the topic. */
struct parsed_topic {
    enum topic_kind kind;
    struct bytes subject;
    struct bytes device;
    struct bytes meter;
    enum governor_kind governor;
};

/* The agent's own topics, {root}/agent/{agent}/…; config desired and canary are also subscription filters. */
enum agent_topic {
    AGENT_TOPIC_STATUS,
    AGENT_TOPIC_METRICS,
    AGENT_TOPIC_CONFIG_DESIRED,
    AGENT_TOPIC_CONFIG_REPORTED,
    AGENT_TOPIC_CANARY,
};

/* Any bytes may come in. A command for a governor that does not exist is TOPIC_BAD. */
struct parsed_topic topic_parse(const struct topics *topics, struct bytes topic);

/* Each appends one topic; TOPIC_BYTES_MAX is always room enough. */
void topic_put_decision(struct text *text, const struct topics *topics, const struct name *subject,
                        const struct name *device);
void topic_put_reply(struct text *text, const struct topics *topics, const struct name *subject,
                     enum governor_kind governor);
void topic_put_state(struct text *text, const struct topics *topics, const struct name *subject,
                     enum governor_kind governor);
void topic_put_agent(struct text *text, const struct topics *topics, enum agent_topic topic);
/* `alert` is one of the contract's alert names. */
void topic_put_alert(struct text *text, const struct topics *topics, const char *alert);
void topic_put_dead_letter(struct text *text, const struct topics *topics, enum dead_letter_reason reason);

/* The subscription filters {root}/event/# and {root}/command/#. */
void topic_put_event_filter(struct text *text, const struct topics *topics);
void topic_put_command_filter(struct text *text, const struct topics *topics);

/* Whether an answer may go there: under one of the prefixes, 1 to RESPONSE_TOPIC_BYTES_MAX bytes that
 * a broker takes, and never under event, command or agent, where it could be taken for something it
 * is not. */
bool topic_is_allowed_response(const struct topics *topics, struct bytes topic);

#endif
