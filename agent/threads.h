/* The agent's threads around its parts: schedulers, log writer, publisher; the caller's
 * own thread tends to the rest. */
#ifndef FLYBALL_AGENT_THREADS_H
#define FLYBALL_AGENT_THREADS_H

#include <pthread.h>

#include "agent/agent.h"

struct scheduler_thread {
    pthread_t thread;
    struct agent *agent;
    struct decider *decider;
};

struct threads {
    struct agent *agent;
    struct scheduler_thread schedulers[SCHEDULERS_MAX];
    uint32_t scheduler_count;
    pthread_t writer;
    pthread_t publisher;
    _Atomic(bool) is_draining; /* States that wait for their second are published at once. */
    _Atomic(bool) is_ending;   /* The log takes nothing more. */
    _Atomic(bool) is_stopping; /* The publisher's time is over. */
    _Atomic(uint32_t)
        quiet_turns; /* The publisher's, in a row, with nothing to publish and nothing on the way. */
};

/* STATUS_NO_MEMORY: a thread could not be made; those made are stopped again. */
MUST_USE enum status threads_start(struct threads *threads, struct agent *agent);

/* Lets everything taken in be decided, committed and published, at most `patience_ms`, then ends the
 * schedulers. */
void threads_drain(struct threads *threads, int patience_ms);

/* Ends all threads; what is put is committed first. */
void threads_stop(struct threads *threads);

#endif
