/* The stage of every test here: a broker, the agent and one peer that hears everything the agent says. All of
 * it is the test's own, and gone after it. What is returned stays until the stage is closed. Every wait fails
 * the test after 10 s (STAGE_WAIT_MS) and prints the agent's output. */
#ifndef FLYBALL_TESTS_ENDTOEND_STAGE_H
#define FLYBALL_TESTS_ENDTOEND_STAGE_H

#include <cjson/cJSON.h>

#include "tests/broker/broker.h"
#include "tests/broker/peer.h"
#include "tests/endtoend/agent_process.h"
#include "tests/endtoend/expect.h"

enum { STAGE_WAIT_MS = 10000, STAGE_TOPIC_MAX = 512 };

struct stage {
    struct broker broker;
    char url[BROKER_URL_MAX];
    struct peer peer;
    struct agent_process agent;
    const char *protocol; /* "5" or "3.1.1": what agent and peer speak. */
    double session;       /* Of the last `ready` seen. */
    cJSON **documents;    /* Everything parsed. */
    size_t document_count;
    char **texts; /* Everything else kept until the end. */
    size_t text_count;
};

/* For cmocka's setup and teardown; *context becomes the stage. A prestate "3.1.1" chooses that protocol. The
 * broker runs, the peer is subscribed to decisions, replies, states and the agent's own topics; the agent is
 * not started. */
int stage_open(void **context);
/* With a broker that may be killed: it writes down all it knows at every change, which is slow. */
int stage_open_with_careful_broker(void **context);
int stage_close(void **context);

/* Prepares the agent with this configuration (a JSON object or NULL) and starts it; returns when its status
 * says `ready`. */
void stage_start(struct stage *stage, const char *overlay);

/* Prepares only. */
void stage_prepare(struct stage *stage, const char *overlay);

/* Starts the prepared or stopped agent and waits for `ready`; the status message. */
const cJSON *stage_run(struct stage *stage);

/* Waits for a status `ready` of a later session than the last; the message. */
const cJSON *stage_await_ready(struct stage *stage);

/* Ends the test. */
void stage_fail(struct stage *stage, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

/* The next message on {root}/{filter} not taken yet. */
const struct peer_message *stage_take(struct stage *stage, const char *filter);
const cJSON *stage_take_json(struct stage *stage, const char *filter);
const cJSON *stage_parse(struct stage *stage, const struct peer_message *message);

/* Fails if a message on {root}/{filter} has come or comes within the time. */
void stage_expect_none(struct stage *stage, const char *filter, int within_ms);

/* Publishes on {root}/{topic} with QoS 1. */
void stage_publish(struct stage *stage, const char *topic, const char *payload);

/* Publishes an event of "subject/device/meter" with QoS 1 and waits for its decision. */
const cJSON *stage_event(struct stage *stage, const char *who, const char *payload);
/* The same, as it came. */
const struct peer_message *stage_decision(struct stage *stage, const char *who, const char *payload);

/* Publishes a command for "subject/governor" and waits for its reply. */
const cJSON *stage_command(struct stage *stage, const char *who, const char *payload);
/* A command that has to work; printf-like. */
const cJSON *stage_do(struct stage *stage, const char *who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Waits until the state topic of "subject/governor" says so; the message. */
const cJSON *stage_await_state(struct stage *stage, const char *who, const char *state);

/* The payload retained there, read anew from the broker by a client of its own; NULL if there is
 * none. */
const char *stage_retained(struct stage *stage, const char *topic);

/* The dead letter with this reason, and that its topic and detail are there. */
const cJSON *stage_dead_letter(struct stage *stage, const char *reason);

/* Waits until the alert is raised, or cleared by an empty payload. */
const cJSON *stage_await_alert(struct stage *stage, const char *name);
void stage_await_alert_cleared(struct stage *stage, const char *name);

/* Metrics published after this call. */
const cJSON *stage_metrics(struct stage *stage);
/* Waits until the number in the metrics is at least that much; the metrics. */
const cJSON *stage_await_metric(struct stage *stage, const char *path, double least);

/* The configuration that is desired: publishes it retained, and takes the report about it. */
const cJSON *stage_desire(struct stage *stage, const char *payload);

/* Runs `flyball COMMAND` with up to two more arguments (NULL after the last). */
struct agent_outcome stage_run_command(struct stage *stage, const char *command, const char *first,
                                       const char *second, const char *third);

#endif
