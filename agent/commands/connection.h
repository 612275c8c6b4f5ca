/* The agent's connection to the broker: settings to a client, callbacks to the agent. */
#ifndef FLYBALL_AGENT_COMMANDS_CONNECTION_H
#define FLYBALL_AGENT_COMMANDS_CONNECTION_H

#include "agent/agent.h"
#include "mqtt/paho_client.h"

/* Filters as strings, and the list that points to them. */
struct subscriptions {
    struct paho_subscription items[PAHO_SUBSCRIPTIONS_MAX];
    size_t count;
    char filters[PAHO_SUBSCRIPTIONS_MAX][TOPIC_BYTES_MAX + 1];
};

struct connection {
    struct agent *agent;
    struct paho_client *client;
    struct subscriptions subscriptions; /* Scratch, of the main thread. */
};

/* Publishes to the connection once it is open; the agent is opened with it before. */
struct outlet connection_outlet(struct connection *connection);

/* Makes the client; `message` says what is wrong with the broker's settings otherwise. */
MUST_USE enum status connection_open(struct connection *connection, struct agent *agent,
                                     char message[FAILURE_MESSAGE_MAX]);

MUST_USE enum status connection_start(struct connection *connection);

/* The routes have changed: other topics are subscribed from now on. */
void connection_follow_routes(struct connection *connection);

/* The broker does not deliver what is subscribed: asks for it all again. */
void connection_resubscribe(struct connection *connection);

/* Says goodbye; what is in flight may land within `timeout_ms`. */
void connection_stop(struct connection *connection, uint32_t timeout_ms);
void connection_close(struct connection *connection);

#endif
