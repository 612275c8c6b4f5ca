/* Runnable subjects, first in first out at four priorities, picked as the BEAM picks its processes. */
#ifndef FLYBALL_RUNTIME_RUN_QUEUE_H
#define FLYBALL_RUNTIME_RUN_QUEUE_H

#include "agent/runtime/index_chain.h"
#include "base/status.h"

/* The agent's own work, then the meters' priorities. */
enum run_priority { RUN_MAX, RUN_HIGH, RUN_NORMAL, RUN_LOW };
enum {
    RUN_PRIORITIES = 4,
    /* While both wait, one of so many picks goes to low, the others to normal. */
    RUN_LOW_SHARE = 8,
};

struct run_queue {
    struct index_link *links; /* One per subject, the caller's. */
    struct index_chain waiting[RUN_PRIORITIES];
    uint32_t normal_picks; /* Since low was last picked. */
    uint32_t high_water;
};

/* `links` has a place for every subject and outlives the queue. */
void run_queue_init(struct run_queue *queue, struct index_link *links);

/* A subject is in the queue once at most. */
void run_queue_put(struct run_queue *queue, uint32_t subject, enum run_priority priority);

/* Max before high before the rest; low is skipped RUN_LOW_SHARE - 1 times while normal waits. STATUS_EMPTY if
 * nothing waits. */
MUST_USE enum status run_queue_take(struct run_queue *queue, uint32_t *subject);

/* Takes a queued subject out; `priority` is the one it was put with. */
void run_queue_remove(struct run_queue *queue, uint32_t subject, enum run_priority priority);

uint32_t run_queue_length(const struct run_queue *queue);

#endif
