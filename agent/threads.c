#include "agent/threads.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

enum {
    FULL_PAUSE_MS = 20,
    SHORT_COMMIT_INTERVAL_MS = 20,
    WRITER_WAIT_MS = 250,
    PUBLISHER_WAIT_MS = 50,
    DRAIN_STEP_MS = 5,
    QUIET_TURNS = 4,
};

static void pause_ms(int milliseconds)
{
    struct timespec span = {.tv_sec = milliseconds / 1000, .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    nanosleep(&span, NULL);
}

/* False when the thread must end. A full store is waited out: compaction or the operator makes room. */
static bool may_go_on(struct agent *agent, enum status status)
{
    switch (status) {
    case STATUS_OK: return true;
    case STATUS_NO_SPACE: pause_ms(FULL_PAUSE_MS); return true;
    case STATUS_CLOSED: return false;
    case STATUS_FULL:
    case STATUS_EMPTY:
    case STATUS_NOT_FOUND:
    case STATUS_INVALID:
    case STATUS_TOO_LARGE:
    case STATUS_OVERFLOW:
    case STATUS_CORRUPT:
    case STATUS_UNSUPPORTED:
    case STATUS_IO:
    case STATUS_LOCKED:
    case STATUS_TIMED_OUT:
    case STATUS_NO_MEMORY:
    case STATUS_DISCONNECTED: break;
    }
    agent_fail(agent, status);
    return false;
}

static void *schedule(void *context)
{
    struct scheduler_thread *self = context;
    struct agent *agent = self->agent;
    struct run run = {.buffer = self->decider->run_buffer, .buffer_bytes = sizeof self->decider->run_buffer};
    bool goes_on = true;
    while (goes_on) {
        enum status status = scheduler_take(&agent->scheduler, -1, &run);
        if (status == STATUS_OK) {
            status = agent_work(agent, self->decider, &run, clock_read(&agent->clock));
        }
        goes_on = status == STATUS_TIMED_OUT || may_go_on(agent, status);
    }
    return NULL;
}

/* A batch that finds no space is given up when the agent stops: its messages are still in the pool. */
static void *write_log(void *context)
{
    struct threads *threads = context;
    struct agent *agent = threads->agent;
    bool goes_on = true;
    while (goes_on) {
        enum status status = state_log_wait(&agent->log, WRITER_WAIT_MS);
        if (status == STATUS_OK && compaction_is_moving(&agent->compaction)) {
            /* Frames of one subject each would take more space than the segment gives back. */
            pause_ms(state_log_is_short(&agent->log) ? SHORT_COMMIT_INTERVAL_MS
                                                     : (int)agent->settings->store.commit_interval_ms);
        }
        if (status == STATUS_OK || status == STATUS_TIMED_OUT) {
            status = agent_commit(agent); /* Also after a wait: that is when space regained is noticed. */
        }
        bool is_idle = status == STATUS_TIMED_OUT || status == STATUS_EMPTY;
        bool is_given_up = status == STATUS_NO_SPACE && atomic_load(&threads->is_ending);
        goes_on = is_idle || (!is_given_up && may_go_on(agent, status));
    }
    return NULL;
}

static bool publisher_may_go_on(struct threads *threads, enum status status)
{
    if (status == STATUS_CORRUPT || status == STATUS_IO) {
        agent_fail(threads->agent, status);
        return false;
    }
    return !atomic_load(&threads->is_stopping);
}

static void *publish(void *context)
{
    struct threads *threads = context;
    struct publisher *publisher = &threads->agent->publisher;
    enum status status = STATUS_OK;
    while (publisher_may_go_on(threads, status)) {
        bool is_draining = atomic_load(&threads->is_draining);
        instant_ms now = is_draining ? INSTANT_NEVER : (instant_ms)(clock_monotonic_us() / 1000);
        status = publisher_turn(publisher, now);
        bool is_quiet = status == STATUS_EMPTY && publisher_is_done(publisher);
        atomic_store(&threads->quiet_turns, is_quiet ? atomic_load(&threads->quiet_turns) + 1 : 0);
        publisher_wait(publisher, status, is_draining ? DRAIN_STEP_MS : PUBLISHER_WAIT_MS);
    }
    return NULL;
}

static enum status start(pthread_t *thread, void *(*run)(void *context), void *context, const char *name)
{
    if (pthread_create(thread, NULL, run, context) != 0) {
        return STATUS_NO_MEMORY;
    }
    pthread_setname_np(*thread, name);
    return STATUS_OK;
}

static void end_schedulers(struct threads *threads)
{
    scheduler_close(&threads->agent->scheduler);
    state_log_shut(&threads->agent->log);
    atomic_store(&threads->is_ending, true);
    for (uint32_t i = 0; i < threads->scheduler_count; i++) {
        pthread_join(threads->schedulers[i].thread, NULL);
    }
    threads->scheduler_count = 0;
}

static enum status start_schedulers(struct threads *threads)
{
    for (uint32_t i = 0; i < threads->agent->decider_count; i++) {
        struct scheduler_thread *scheduler = &threads->schedulers[i];
        scheduler->agent = threads->agent;
        scheduler->decider = &threads->agent->deciders[i];
        char name[16];
        snprintf(name, sizeof name, "scheduler-%u", i & 15U);
        if (start(&scheduler->thread, schedule, scheduler, name) != STATUS_OK) {
            return STATUS_NO_MEMORY;
        }
        threads->scheduler_count++;
    }
    return STATUS_OK;
}

enum status threads_start(struct threads *threads, struct agent *agent)
{
    threads->agent = agent;
    threads->scheduler_count = 0;
    atomic_store(&threads->is_draining, false);
    atomic_store(&threads->is_ending, false);
    atomic_store(&threads->is_stopping, false);
    for (uint32_t i = 0; i < agent->decider_count; i++) {
        agent->deciders[i].parts.committer = (struct committer){0};
    }
    if (start(&threads->writer, write_log, threads, "log-writer") != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    if (start(&threads->publisher, publish, threads, "publisher") != STATUS_OK) {
        state_log_shut(&agent->log);
        atomic_store(&threads->is_ending, true);
        pthread_join(threads->writer, NULL);
        return STATUS_NO_MEMORY;
    }
    if (start_schedulers(threads) != STATUS_OK) {
        threads_stop(threads);
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

void threads_drain(struct threads *threads, int patience_ms)
{
    atomic_store(&threads->is_draining, true);
    atomic_store(&threads->quiet_turns, 0);
    /* The publisher must have been quiet after the schedulers became idle, not only before. */
    for (; patience_ms > 0 && atomic_load(&threads->quiet_turns) < QUIET_TURNS;
         patience_ms -= DRAIN_STEP_MS) {
        if (!scheduler_is_idle(&threads->agent->scheduler)) {
            atomic_store(&threads->quiet_turns, 0);
        }
        pause_ms(DRAIN_STEP_MS);
    }
    event_pool_stop(&threads->agent->pool);
}

void threads_stop(struct threads *threads)
{
    end_schedulers(threads);
    pthread_join(threads->writer, NULL);
    atomic_store(&threads->is_stopping, true);
    publisher_disconnected(&threads->agent->publisher);
    pthread_join(threads->publisher, NULL);
}
