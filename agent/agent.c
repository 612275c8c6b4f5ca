#include "agent/agent.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mutation.h"

enum {
    ID_REUSED_QUIET_MS = 60000,
    IDLE_MARK_MS = 60000,
    FULL_MARK_US = 100000,
    PUBLISH_ROUNDS_MAX = 1000,
};

void agent_fail(struct agent *agent, enum status status)
{
    enum status none = STATUS_OK;
    if (atomic_compare_exchange_strong(&agent->failure, &none, status)) {
        log_error("agent.failed", "status=%s", status_name(status));
    }
}

enum status agent_work(struct agent *agent, struct decider *decider, struct run *run, struct moment moment)
{
    switch (run->work) {
    case WORK_ROUTE: router_turn(&agent->router, run, moment.elapsed_us); return STATUS_OK;
    case WORK_SUBJECT: return decider_turn(decider, run, moment);
    }
    return STATUS_OK;
}

static void free_committed(void *self, const struct record *record)
{
    struct agent *agent = self;
    if (record->pool_sequence != 0) {
        (void)!event_pool_free_sequence(&agent->pool, record->pool_sequence);
    }
}

enum status agent_commit(struct agent *agent)
{
    if (!mutation_is_on(MUTATION_CLOCK_NOT_KEPT)) {
        state_log_set_clock_high(&agent->log, atomic_load(&agent->clock.high));
    }
    uint64_t began_us = clock_monotonic_us();
    struct state_log_listener released = {.record = free_committed, .self = agent};
    enum status status = state_log_commit(&agent->log, released);
    if (status == STATUS_OK) {
        atomic_store(&agent->committed_at, atomic_load(&agent->clock.high));
        histogram_record(&agent->metrics.commit, clock_monotonic_us() - began_us);
        metrics_count(&agent->metrics, METRIC_COMMITS);
    } else if (status == STATUS_IO) {
        metrics_count(&agent->metrics, METRIC_FSYNC_ERRORS);
        alerts_raise_anew(
            &agent->alerts, ALERT_STORE_FAILED, atomic_load(&agent->clock.high),
            "the state log could not be written: the agent stops and recovers from disk at its next start");
    }
    return status;
}

/* STATUS_NO_MEMORY: every hot subject is busy. */
static enum status poke_due_subject(struct agent *agent, record_ref ref)
{
    struct record image;
    enum status status = state_log_read(&agent->tend_reader, ref, &image);
    if (status == STATUS_NOT_FOUND || status == STATUS_CORRUPT) {
        return STATUS_OK; /* A newer image took its place, with its own edge; or damage, see tend_losses. */
    }
    return status == STATUS_OK ? scheduler_poke(&agent->scheduler, &image.subject, POKE_TICK) : status;
}

/* Wakes the subjects whose time has come. Those that find no hot place go on next time: nothing here may wait
 * for subjects, which may wait for space that only compaction makes. */
static enum status poke_due_subjects(struct agent *agent, instant_ms now)
{
    struct due_subjects *due = &agent->due;
    do {
        if (due->at == due->count) {
            due->at = 0;
            state_log_due(&agent->log, now, due->images, EDGES_PER_TEND, &due->count);
        }
        while (due->at < due->count) {
            enum status status = poke_due_subject(agent, due->images[due->at]);
            if (status != STATUS_OK) {
                return status == STATUS_NO_MEMORY ? STATUS_OK : status;
            }
            due->at++;
        }
    } while (due->count == EDGES_PER_TEND);
    return STATUS_OK;
}

/* The alert stays as long as damaged frames are in the log. */
static void judge_losses(struct agent *agent, instant_ms now)
{
    struct state_log_losses losses;
    if (atomic_load(&agent->failure) != STATUS_OK) {
        return; /* The alert says something worse. */
    }
    state_log_losses(&agent->log, &losses);
    if (losses.damages.count == 0) {
        if (agent->told_losses > 0) {
            alerts_clear(&agent->alerts, ALERT_STORE_FAILED);
        }
        agent->told_losses = 0;
        return;
    }
    if (losses.damages.frames == agent->told_losses) {
        return;
    }
    agent->told_losses = losses.damages.frames;
    char place[DAMAGE_TEXT_MAX];
    char message[ALERT_TEXT_MAX];
    damage_describe(&losses.damages.list[0], place);
    snprintf(message, sizeof message, "%.90s; %u subjects set back, see flyball state; %s", place,
             losses.subjects,
             losses.blind_frames > 0 ? "others unknown, see flyball verify" : "nobody else is hit");
    log_error("store.damaged", "%s", message);
    alerts_raise_anew(&agent->alerts, ALERT_STORE_FAILED, now, message);
}

/* Subjects whose images were lost are set back and woken: those that are hot write theirs again, the others
 * are marked. */
static enum status tend_losses(struct agent *agent, instant_ms now)
{
    /* Once through the whole log, a frame at a time: a start from a checkpoint has not read it. */
    enum status status = state_log_check(&agent->tend_reader, &agent->checked_frame);
    if (status == STATUS_OK || status == STATUS_EMPTY) {
        status = state_log_repair(&agent->tend_reader);
    }
    record_ref ref;
    for (uint32_t at = 0; status == STATUS_OK && state_log_setback(&agent->log, at, &ref) == STATUS_OK;
         at++) {
        struct record image;
        status = state_log_read(&agent->tend_reader, ref, &image);
        if (status == STATUS_OK) {
            status = scheduler_poke(&agent->scheduler, &image.subject, POKE_REWRITE);
        } else if (status == STATUS_NOT_FOUND) {
            status = STATUS_OK; /* Replaced meanwhile. */
        }
    }
    judge_losses(agent, now);
    return status == STATUS_IO ? STATUS_IO : STATUS_OK; /* Else another time. */
}

static void judge_clock(struct agent *agent, struct moment moment)
{
    if (moment.quality == CLOCK_HOLDOVER) {
        alerts_raise(&agent->alerts, ALERT_CLOCK_HOLDOVER, moment.now,
                     "the wall clock jumped back: time stands still until it catches up");
    } else {
        alerts_clear(&agent->alerts, ALERT_CLOCK_HOLDOVER);
    }
}

static void judge_pool(struct agent *agent)
{
    struct event_pool_stats stats = event_pool_stats(&agent->pool);
    if (stats.used * 10ULL < stats.slots * 9ULL) {
        alerts_clear(&agent->alerts, ALERT_POOL_FULL);
    }
}

/* While the store is full no frame carries the outbox cursor: without one, an agent that dies again and again
 * would publish the same answers again and again, and never come to what makes room. */
static void mark_cursor(struct agent *agent, uint64_t elapsed_us)
{
    record_ref cursor = state_log_outbox_cursor(&agent->log);
    if (cursor != agent->marked_cursor && elapsed_us - agent->marked_us >= FULL_MARK_US) {
        agent->marked_cursor = cursor;
        agent->marked_us = elapsed_us;
        state_log_mark(&agent->log);
    }
}

static void judge_store(struct agent *agent, struct moment moment)
{
    enum status status = state_log_try_begin(&agent->log, DECIDER_TRANSACTION_BYTES);
    if (status == STATUS_OK) {
        bool has_room = state_log_can_add(&agent->log);
        state_log_end(&agent->log);
        if (has_room) {
            alerts_clear(&agent->alerts, ALERT_STORE_FULL);
        }
    } else if (status == STATUS_NO_SPACE) {
        alerts_raise(&agent->alerts, ALERT_STORE_FULL, moment.now,
                     "the state log is full: intake waits; free disk space or raise store.max_bytes");
        mark_cursor(agent, moment.elapsed_us);
    }
}

/* An idle agent's clock and marks become durable now and then, too. */
static void mark_time(struct agent *agent, instant_ms now)
{
    if (now - atomic_load(&agent->committed_at) >= IDLE_MARK_MS) {
        state_log_mark(&agent->log);
    }
}

void agent_checkpoint(struct agent *agent, enum checkpoint_wish wish)
{
    enum status status = state_log_checkpoint(&agent->log, wish);
    if (status != STATUS_OK && status != STATUS_EMPTY) {
        log_warn("store.no_checkpoint", "status=%s; the next start reads more of the log",
                 status_name(status));
    }
}

enum status agent_tend(struct agent *agent, struct moment moment)
{
    mark_time(agent, moment.now);
    judge_clock(agent, moment);
    judge_pool(agent);
    judge_store(agent, moment);
    alerts_clear_if_quiet(&agent->alerts, ALERT_ID_REUSED, moment.elapsed_us / 1000, ID_REUSED_QUIET_MS);
    enum status status = poke_due_subjects(agent, moment.now);
    if (status == STATUS_OK) {
        status = tend_losses(agent, moment.now);
    }
    if (status != STATUS_OK) {
        return status;
    }
    agent_checkpoint(agent, CHECKPOINT_IF_DUE);
    do {
        status = compaction_turn(&agent->compaction);
    } while (status == STATUS_OK);
    return status == STATUS_EMPTY ? STATUS_OK : status;
}

static bool is_fatal(enum status status)
{
    return status == STATUS_IO || status == STATUS_CORRUPT;
}

/* Runs everything that can run and commits it; *did_something unless there was nothing. */
static enum status run_round(struct agent *agent, struct moment moment, bool *did_something)
{
    struct decider *decider = &agent->deciders[0];
    struct run run = {.buffer = decider->run_buffer, .buffer_bytes = sizeof decider->run_buffer};
    enum status status = STATUS_OK;
    while (status == STATUS_OK && scheduler_take(&agent->scheduler, 0, &run) == STATUS_OK) {
        *did_something = true;
        status = agent_work(agent, decider, &run, moment);
    }
    enum status committed = is_fatal(status) ? status : agent_commit(agent);
    *did_something = *did_something || committed == STATUS_OK;
    return is_fatal(committed) ? committed : status;
}

static enum status publish_all(struct agent *agent, struct moment moment)
{
    enum status status = STATUS_OK;
    for (int i = 0; i < PUBLISH_ROUNDS_MAX && status == STATUS_OK; i++) {
        status = publisher_turn(&agent->publisher, (instant_ms)(moment.elapsed_us / 1000));
    }
    return status;
}

enum status agent_turn(struct agent *agent, struct moment moment)
{
    enum status status = STATUS_OK;
    bool did_something = true;
    while (did_something && status == STATUS_OK) {
        did_something = false;
        status = agent_tend(agent, moment);
        if (status == STATUS_OK) {
            status = run_round(agent, moment, &did_something);
        }
    }
    if (is_fatal(status)) {
        return status;
    }
    enum status published = publish_all(agent, moment);
    return is_fatal(published) ? published : status;
}
