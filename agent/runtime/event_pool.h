/* The event pool: a mapped file of fixed slots in which every message waits, whole, until what it caused is
 * durable. It survives the death of the process: each message is either sealed or was never there. */
#ifndef FLYBALL_RUNTIME_EVENT_POOL_H
#define FLYBALL_RUNTIME_EVENT_POOL_H

#include <pthread.h>

#include "agent/runtime/arrival_times.h"
#include "agent/runtime/index_chain.h"
#include "agent/runtime/message.h"
#include "agent/runtime/slot_map.h"
#include "base/status.h"

enum {
    EVENT_POOL_SLOTS_MAX = 1 << 20,
    EVENT_POOL_SLOT_BYTES_MIN = 64,
    EVENT_POOL_SLOT_BYTES_MAX = 1 << 20,
    EVENT_POOL_MESSAGE_MAX = 256,
    EVENT_POOL_PATH_MAX = 4096,
};

struct event_pool_settings {
    const char *path;    /* The file; its folder exists. Borrowed during event_pool_open only. */
    uint32_t slots;      /* 1 to EVENT_POOL_SLOTS_MAX */
    uint32_t slot_bytes; /* EVENT_POOL_SLOT_BYTES_MIN to _MAX */
};

struct event_pool_report {
    uint32_t pending; /* Messages of an earlier run. */
    uint32_t
        damaged; /* Places whose check failed, freed: the power failed, or someone wrote into the file. */
    char message[EVENT_POOL_MESSAGE_MAX]; /* On failure: what is wrong and what to do. */
};

struct event_pool_stats {
    uint32_t slots;
    uint32_t used; /* Slots, not messages. */
    uint32_t high_water;
    uint64_t overwritten;
    uint64_t waits; /* Puts that found no room at once. */
};

/* Where a message was put. Sequences only grow, across restarts too, and are never 0. */
struct pool_receipt {
    slot_index slot;
    uint64_t sequence;
};

struct pool_entry;

/* One thread puts; any threads get and free. The fields are private. */
struct event_pool {
    uint32_t slots;
    uint32_t slot_bytes;
    int file;
    void *mapping;
    size_t mapping_bytes;
    struct pool_entry *entries; /* In the file: what is sealed. */
    uint8_t *storage;           /* In the file: the messages' bytes. */
    void *memory;               /* Everything below lies here. */
    size_t memory_bytes;
    uint32_t *buckets; /* Sequence to slot, chained by `chained`; 0 is none, else slot + 1. */
    uint32_t *chained;
    slot_index *pending; /* Slots of an earlier run in order of sequence. */
    uint8_t *settled;    /* Of each slot: 1 if event_pool_settle named it. */
    struct arrival_times arrivals;
    uint32_t pending_count;
    uint32_t pending_at;
    struct slot_map map;
    uint64_t overwritten;
    uint64_t waits;
    uint64_t next_sequence;
    bool stopped;
    pthread_mutex_t lock;
    pthread_cond_t freed;
};

/* Maps the file, made if missing, and finds what an earlier run left. A file of another geometry is replaced
 * if nothing is pending in it. STATUS_INVALID: settings out of range, or other geometry with messages
 * pending; STATUS_CORRUPT: not a pool; STATUS_LOCKED: another agent has it; STATUS_NO_SPACE,
 * STATUS_NO_MEMORY, STATUS_IO: report->message says. *report is always filled; on failure nothing is held. */
MUST_USE enum status event_pool_open(struct event_pool *pool, const struct event_pool_settings *settings,
                                     struct event_pool_report *report);

/* Unmaps; messages still in it are pending at the next open. No other thread uses the pool any more. */
void event_pool_close(struct event_pool *pool);

/* The next message of an earlier run in order of sequence; STATUS_EMPTY after the last. It stays in the pool
 * until freed: the caller frees those known as committed and decides the others. Before other threads use the
 * pool. */
MUST_USE enum status event_pool_next_pending(struct event_pool *pool, struct pool_receipt *receipt);

/* For whoever reads back what was committed before it is sure that it stays: notes that the message of that
 * sequence, if it is pending, need not be decided; event_pool_free_settled frees those noted. Before other
 * threads use the pool. */
void event_pool_settle(struct event_pool *pool, uint64_t sequence);
void event_pool_free_settled(struct event_pool *pool);

/* Sequences put from now on are at least `first_sequence` and above everything ever pending here. Once,
 * before the first put: one more than the highest sequence the state log has seen. */
void event_pool_start(struct event_pool *pool, uint64_t first_sequence);

/* Copies and seals the message, received at `received_us` (monotonic). STATUS_FULL: no run of neighbouring
 * slots is free; STATUS_TOO_LARGE: it never fits. One thread only. */
MUST_USE enum status event_pool_put(struct event_pool *pool, const struct message *message,
                                    uint64_t received_us, struct pool_receipt *receipt);

/* The same, but waits up to `timeout_ms` (< 0: without end) for room: STATUS_TIMED_OUT, or STATUS_CLOSED once
 * event_pool_stop was called. Waits for nothing but event_pool_free. */
MUST_USE enum status event_pool_put_wait(struct event_pool *pool, const struct message *message,
                                         uint64_t received_us, int64_t timeout_ms,
                                         struct pool_receipt *receipt);

/* Ends waiting for room, now and later. */
void event_pool_stop(struct event_pool *pool);

/* The message in a used slot, borrowed until it is freed, and its sequence. */
void event_pool_get(const struct event_pool *pool, slot_index slot, struct message *message,
                    uint64_t *sequence);

/* Gives a used slot back: what it caused is durable, or it is shed on purpose. */
void event_pool_free(struct event_pool *pool, slot_index slot);

/* The same by sequence; STATUS_NOT_FOUND when it is not in the pool. */
MUST_USE enum status event_pool_free_sequence(struct event_pool *pool, uint64_t sequence);

/* Frees a slot in favour of a newer message, counted. */
void event_pool_overwrite(struct event_pool *pool, slot_index slot);

/* When the message was received, in monotonic microseconds; also some time after it was freed (the last 4 x
 * slots sequences). 0: not known, or from an earlier run. */
uint64_t event_pool_received_us(const struct event_pool *pool, uint64_t sequence);

struct event_pool_stats event_pool_stats(struct event_pool *pool);

#endif
