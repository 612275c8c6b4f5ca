/* One scheduler thread's tools for deciding: runs a subject's turn from its image and its waiting messages to
 * records in the state log. Several deciders work side by side; a subject is only ever in one of them. */
#ifndef FLYBALL_AGENT_DECIDER_H
#define FLYBALL_AGENT_DECIDER_H

#include "agent/alerts.h"
#include "agent/clock.h"
#include "agent/compaction.h"
#include "agent/policies.h"
#include "agent/runtime/event_pool.h"
#include "agent/runtime/metrics.h"
#include "agent/runtime/scheduler.h"
#include "agent/runtime/subject_state.h"
#include "agent/state/ledger.h"
#include "agent/state/reader.h"
#include "base/arena.h"
#include "mqtt/payload.h"
#include "mqtt/reply_message.h"

/* Commits what was put, when the deciding thread has to do that itself. */
struct committer {
    enum status (*commit)(void *self); /* NULL: another thread commits. */
    void *self;
};

/* What a decider shares with the rest of the agent; all outlive it. */
struct decider_parts {
    struct state_log *log;
    struct event_pool *pool;
    struct scheduler *scheduler;
    struct metrics *metrics;
    struct alerts *alerts;
    struct policies *policies;
    const struct topics *topics;
    _Atomic(micro_units) *imbalance; /* The last one found; 0 unless something is wrong. */
    struct compaction *compaction;
    struct committer committer;
    uint32_t dedup_window;
    uint32_t payload_bytes_max; /* The largest any configuration may set: sizes the arena. */
};

struct decider {
    struct decider_parts parts;
    struct state_log_reader reader;
    struct arena arena;
    /* Of the turn: */
    struct moment moment;
    struct policy_view view;
    struct subject_state subject;
    bool is_stranger;     /* The state log knew no image of it when the turn began. */
    bool image_is_newer;  /* Than the scheduler's copy. */
    bool image_is_lost;   /* An event changed it and found no space. */
    record_ref image_ref; /* Of its latest image, if known. */
    /* Of the message: */
    struct governor_states before;
    struct governor_states trial; /* For the shadow policy. */
    struct decision_entry entry;
    struct decision_entry original;
    uint8_t run_buffer[sizeof(record_ref) + SUBJECT_IMAGE_BYTES_MAX];
    uint8_t image_buffer[SUBJECT_IMAGE_BYTES_MAX];
    uint8_t entry_buffer[LEDGER_ENTRY_BYTES_MAX];
    char text_buffer[REPLY_MESSAGE_MAX];
    char fields_buffer[STATE_MESSAGE_MAX];
};

/* Room a transaction of one answer and one image asks for. */
enum {
    DECIDER_TRANSACTION_BYTES =
        LEDGER_ENTRY_BYTES_MAX + SUBJECT_IMAGE_BYTES_MAX + 2 * STATE_LOG_RECORD_OVERHEAD,
};

/* Takes its memory once: STATUS_NO_MEMORY. */
MUST_USE enum status decider_init(struct decider *decider, struct decider_parts parts);
void decider_close(struct decider *decider);

/* Runs the subject that scheduler_take gave, and gives it back. STATUS_NO_SPACE: the store is full and its
 * events still wait; STATUS_CLOSED; STATUS_IO and STATUS_CORRUPT: the store failed, the agent must stop. */
MUST_USE enum status decider_turn(struct decider *decider, struct run *run, struct moment moment);

/* (What follows is shared between the decider's own files.) */

/* A message while it is being decided. */
struct intake_message {
    struct message message;
    uint64_t pool_sequence;
    slot_index slot;
};

/* An event, wherever it came from. */
struct event_intake {
    struct decoded_event decoded;
    bool is_counter; /* decoded.event.amount is a reading. */
    uint64_t pool_sequence;
};

struct payload_context decider_payload_context(struct decider *decider);

/* Decides one event and puts what it caused. */
MUST_USE enum status decide_event(struct decider *decider, struct event_intake *intake);

/* Applies or rejects one command and puts its reply. */
MUST_USE enum status decide_command(struct decider *decider, const struct intake_message *intake,
                                    const struct parsed_topic *topic);

/* Puts a dead letter. */
MUST_USE enum status decide_dead_letter(struct decider *decider, const struct intake_message *intake,
                                        const struct rejection *rejection);

/* What time brought: moves the subject to now and puts its image. */
MUST_USE enum status decide_tick(struct decider *decider);

/* Compaction: puts copies of the ledger entries its windows refer to in frames up to `through_frame`, then a
 * fresh image, at the head of the log. */
MUST_USE enum status decide_relocate(struct decider *decider, uint64_t through_frame);

/* Finds the event's entry in the subject's window, the whole key compared, into decider->original.
 * STATUS_NOT_FOUND; STATUS_CORRUPT when there was one and damage took it. */
MUST_USE enum status decider_find_event(struct decider *decider, const struct event *event,
                                        uint32_t *position);

/* Begins the transaction of a message that was taken, or of upkeep: room was checked before, so the reserve
 * may serve what is left to do. Statuses as state_log_begin_reserved. */
MUST_USE enum status decider_begin(struct decider *decider, size_t bytes_most);

/* Puts the subject's image within a transaction. */
void decider_put_image(struct decider *decider, governor_set changes);

#endif
