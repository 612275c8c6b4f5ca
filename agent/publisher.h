/* The publisher: walks the committed log, writes the messages it owes and hands them to the broker,
 * remembering how far the broker has acknowledged. The only part that publishes; one thread runs it. */
#ifndef FLYBALL_AGENT_PUBLISHER_H
#define FLYBALL_AGENT_PUBLISHER_H

#include <pthread.h>

#include "agent/alerts.h"
#include "agent/announcements.h"
#include "agent/flights.h"
#include "agent/outlet.h"
#include "agent/policies.h"
#include "agent/runtime/event_pool.h"
#include "agent/runtime/metrics.h"
#include "agent/runtime/subject_state.h"
#include "agent/state/reader.h"
#include "agent/state_board.h"
#include "mqtt/topic.h"

/* What the publisher needs of the agent; all outlive it. */
struct publisher_parts {
    struct state_log *log;
    struct event_pool *pool;
    struct metrics *metrics;
    struct policies *policies;
    struct announcements *announcements;
    struct alerts *alerts;
    const struct topics *topics;
    struct outlet outlet;
    uint32_t dedup_window;
    bool publishes_states; /* topics.state */
};

struct publisher {
    struct publisher_parts parts;
    struct state_log_reader reader;
    struct flights flights;
    struct state_board board;
    _Atomic(uint64_t) outbox;
    record_ref walked;     /* Everything up to here was handed over. */
    record_ref landed;     /* Everything up to here was acknowledged, but for states that are deferred. */
    record_ref answered;   /* The decision of this record was handed over, what else it owes perhaps not. */
    record_ref undeferred; /* Up to here no state is deferred; found at `looked_at`. */
    instant_ms looked_at;
    record_ref catch_up_to; /* What was committed before this connection. */
    bool has_caught_up;     /* What was committed before this connection is out: now `ready` may be said. */
    pthread_mutex_t lock;   /* Guards what follows; never held while publishing. */
    pthread_cond_t stirred;
    bool connected;
    bool is_greeting;             /* Connected, but not subscribed yet: `ready` will be said in a moment. */
    bool is_fresh;                /* Connected since the last turn. */
    bool session_lost;            /* What was on the way is forgotten: go back to what landed. */
    bool has_landed;              /* Something was acknowledged since the last wait. */
    struct subject_state subject; /* Scratch: the image at `image`. */
    record_ref image;
    char topic[TOPIC_BYTES_MAX];
    char payload[ANNOUNCEMENT_BYTES_MAX];
};

/* `publisher` is all zero; `places` for the state board are zeroed memory of the caller's. */
MUST_USE enum status publisher_init(struct publisher *publisher, struct publisher_parts parts,
                                    struct board_place *places, uint32_t place_count);
void publisher_close(struct publisher *publisher);

/* From the MQTT client's callbacks. */
void publisher_connected(struct publisher *publisher, enum paho_session session);
void publisher_subscribed(struct publisher *publisher);
void publisher_disconnected(struct publisher *publisher);
void publisher_landed(struct publisher *publisher, uint64_t ticket);

/* Hands over what is committed or due at `now` (monotonic milliseconds), some of it. STATUS_OK when there may
 * be more, STATUS_EMPTY when there is nothing, STATUS_DISCONNECTED, STATUS_FULL when too much is
 * unacknowledged; STATUS_CORRUPT and STATUS_IO when the log cannot be read. */
MUST_USE enum status publisher_turn(struct publisher *publisher, instant_ms now);

/* Waits until there may be something to do after publisher_turn gave `last`, at most `timeout_ms`. */
void publisher_wait(struct publisher *publisher, enum status last, int timeout_ms);

/* Publications on the way; any thread, for metrics. */
uint64_t publisher_outbox(struct publisher *publisher);

/* Whether everything that was handed over is acknowledged; the publisher's thread only. */
bool publisher_is_done(struct publisher *publisher);

#endif
