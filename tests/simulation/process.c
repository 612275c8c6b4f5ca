/* The agent's process: starts, dies, and is buried with what its machine keeps of it. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/simulation/world.h"

struct moment world_moment(struct world *world)
{
    struct moment moment = clock_at(&world->agent->clock, world->wall);
    moment.elapsed_us = world->elapsed_us;
    return moment;
}

/* The pool is a mapped file that no simulated disk holds: what it was at the moment of death is put back. */
static void keep_pool(void *self)
{
    struct world *world = self;
    const struct agent *agent = world->agent;
    if (agent == NULL || agent->pool.mapping == NULL) {
        return;
    }
    world->pool_copy_bytes = agent->pool.mapping_bytes;
    world->pool_copy = malloc(world->pool_copy_bytes);
    if (world->pool_copy != NULL) {
        memcpy(world->pool_copy, agent->pool.mapping, world->pool_copy_bytes);
    }
}

static void put_back_pool(struct world *world)
{
    if (world->pool_copy == NULL) {
        return;
    }
    int file = open(world->pool_path, O_RDWR | O_CLOEXEC);
    if (file < 0 || pwrite(file, world->pool_copy, world->pool_copy_bytes, 0) < 0) {
        findings_violate(&world->findings, "model: the pool's file cannot be put back");
    }
    close(file);
    free(world->pool_copy);
    world->pool_copy = NULL;
}

static void close_agent(struct world *world)
{
    if (world->has_reader) {
        state_log_reader_close(&world->reader);
        world->has_reader = false;
    }
    agent_close(world->agent);
    free(world->agent);
    world->agent = NULL;
}

static void fail_power(struct world *world)
{
    virtual_disk_restart(world->disk);
    disk_watch_forget_pending(&world->watch);
    bool is_pool_lost = dice_chance(&world->dice, world->weather.pool_lost);
    findings_trace(&world->findings, "the power fails%s", is_pool_lost ? ", the pool is gone" : "");
    if (is_pool_lost) {
        unlink(world->pool_path);
        model_pool_lost(&world->model);
    }
}

/* The process is gone; what it left in the cache stays unless the power failed too. */
static void bury(struct world *world)
{
    world->totals.crashes++;
    if (world->agent != NULL) {
        close_agent(world);
    }
    put_back_pool(world);
    broker_lose_client(world);
    bool is_power = world->power_fails;
    world->power_fails = false;
    if (is_power) {
        fail_power(world);
    } else {
        virtual_disk_kill(world->disk);
    }
    disk_watch_restart(&world->watch);
}

void process_kill(struct world *world)
{
    bool is_power = !world->preset.is_os_durable && dice_chance(&world->dice, world->weather.power);
    findings_trace(&world->findings, "the process is killed");
    world->power_fails = is_power;
    bury(world);
}

void process_arm(struct world *world)
{
    world->watch.dies_in = dice_between(&world->dice, 1, dice_chance(&world->dice, 500) ? 6 : 40);
    world->power_fails = !world->preset.is_os_durable && dice_chance(&world->dice, world->weather.power);
    findings_trace(&world->findings, "death will come at change %llu of the disk",
                   (unsigned long long)world->watch.dies_in);
}

/* What looks at the log for the simulation meets no fault that is meant for the agent. */
static void look(struct world *world, void (*at)(struct model *model, struct state_log_reader *reader))
{
    if (!world->has_reader || world->watch.is_dead || world->findings.is_violated) {
        return;
    }
    uint64_t fail_read_in = world->disk->faults.fail_read_in;
    world->disk->faults.fail_read_in = 0;
    world->model.now = atomic_load(&world->agent->clock.high);
    at(&world->model, &world->reader);
    world->disk->faults.fail_read_in = fail_read_in;
}

void process_follow(struct world *world)
{
    look(world, model_follow);
}

void process_audit(struct world *world)
{
    look(world, model_follow);
    look(world, model_audit);
}

/* No disk here rots: what looks like damage is a hole that the agent made itself. */
static void check_undamaged(struct world *world)
{
    struct state_log_losses losses;
    state_log_losses(&world->agent->log, &losses);
    if (losses.damages.count > 0) {
        char text[DAMAGE_TEXT_MAX];
        damage_describe(&losses.damages.list[0], text);
        findings_violate(&world->findings, "d: the agent takes its log for damaged: %s", text);
    } else if (losses.subjects > 0 || losses.blind_frames > 0) {
        findings_violate(&world->findings, "d: the agent thinks that %u subjects were set back",
                         losses.subjects);
    }
}

/* What was decided and made durable must be there, and only that may be there twice. */
static void check_recovered(struct world *world)
{
    struct agent *agent = world->agent;
    uint64_t committed = agent->log.committed_frame;
    if (committed < world->watch.durable_frame ||
        state_log_last_seq(&agent->log) < world->watch.durable_seq) {
        findings_violate(&world->findings, "d: the log ends at frame %llu, durable was %llu",
                         (unsigned long long)committed, (unsigned long long)world->watch.durable_frame);
        return;
    }
    check_undamaged(world);
    world->watch.durable_frame = committed;
    const struct frame_header *last = &agent->log.header;
    world->watch.durable_seq = committed == 0 ? 0 : last->first_seq + last->seq_count - 1;
    look(world, model_compare);
    process_audit(world);
    if (agent->remote.version < world->version_in_force) {
        findings_violate(
            &world->findings, "configuration: version %llu was in force, after a start it is %llu",
            (unsigned long long)world->version_in_force, (unsigned long long)agent->remote.version);
    }
    world->version_in_force = agent->remote.version;
}

static enum status open_agent(struct world *world, char *message)
{
    struct agent_options options = {.source = &world->source,
                                    .io = disk_watch_io(&world->watch),
                                    .wall = world->wall,
                                    .elapsed_us = world->elapsed_us,
                                    .seed = world->seed + 1};
    world->agent = calloc(1, sizeof *world->agent);
    if (world->agent == NULL) {
        abort();
    }
    world->watch.died = keep_pool;
    world->watch.self = world;
    enum status status = agent_open(world->agent, &options, broker_outlet(world), message);
    if (status != STATUS_OK) {
        free(world->agent);
        world->agent = NULL;
    }
    return status;
}

void process_start(struct world *world)
{
    char message[FAILURE_MESSAGE_MAX] = "";
    bool is_full = world->disk->settings.space_bytes > 0;
    world->totals.starts++;
    enum status status = open_agent(world, message);
    findings_trace(&world->findings, "the agent starts: %s %s", status_name(status), message);
    if (status != STATUS_OK) {
        if (!disk_watch_has_failed(&world->watch) && !is_full) {
            findings_violate(&world->findings, "d: the agent cannot start: %s", message);
        }
        bury(world);
        return;
    }
    event_pool_stop(&world->agent->pool); /* It never waits here. */
    world->has_reader =
        !world->watch.is_dead && state_log_reader_open(&world->reader, &world->agent->log) == STATUS_OK;
    if (world->has_reader) {
        check_recovered(world);
    }
    process_after(world, STATUS_OK, "start");
}

void process_stop(struct world *world)
{
    struct agent *agent = world->agent;
    findings_trace(&world->findings, "the agent stops");
    enum status status = agent_turn(agent, world_moment(world));
    if (status == STATUS_OK || status == STATUS_DISCONNECTED || status == STATUS_EMPTY ||
        status == STATUS_FULL) {
        state_log_mark(&agent->log);
        status = agent_commit(agent);
        agent_checkpoint(agent, CHECKPOINT_NOW);
    }
    process_after(world, status, "stop");
    if (world->agent != NULL && !world->findings.is_violated) {
        bury(world);
        world->totals.crashes--;
    }
}

/* A segment was given back: nothing that is needed may have been in it. */
static void audit_what_moved(struct world *world)
{
    uint64_t first = segments_first_frame(&world->agent->log.segments);
    if (first != world->first_frame) {
        findings_trace(&world->findings, "  the log begins with frame %llu now", (unsigned long long)first);
        world->first_frame = first;
        process_audit(world);
    }
}

static bool is_expected(enum status status)
{
    return status == STATUS_OK || status == STATUS_EMPTY || status == STATUS_FULL ||
           status == STATUS_DISCONNECTED || status == STATUS_NO_SPACE || status == STATUS_TIMED_OUT;
}

/* A part failed: the agent must have stopped by itself. */
static void judge_failure(struct world *world, enum status status, const char *what)
{
    if (!is_expected(status)) {
        if (status != STATUS_IO || !disk_watch_has_failed(&world->watch)) {
            findings_violate(&world->findings, "%s fails with %s and nothing was wrong", what,
                             status_name(status));
            return;
        }
        findings_trace(&world->findings, "%s fails with %s: the agent stops", what, status_name(status));
        bury(world);
        return;
    }
    if (world->watch.has_failed_log_sync && world->agent->log.failure == STATUS_OK) {
        findings_violate(&world->findings, "fsync: a sync of the log failed and the agent goes on");
    }
}

void process_after(struct world *world, enum status status, const char *what)
{
    if (world->findings.is_violated) {
        return;
    }
    if (world->watch.is_dead) {
        bury(world);
        return;
    }
    process_follow(world);
    audit_what_moved(world);
    judge_failure(world, status, what);
    if (world->agent == NULL || world->findings.is_violated) {
        return;
    }
    if (world->model.waiting > 0 && event_pool_stats(&world->agent->pool).used == 0) {
        model_pool_empty(&world->model);
    }
    if (atomic_load(&world->agent->imbalance) != 0) {
        findings_violate(&world->findings, "a: the agent found an imbalance");
    }
}
