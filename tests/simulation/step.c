/* One step of a world: time passes, somebody asks, something goes wrong or a part of the agent is turned. */
#include "tests/simulation/world.h"

enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };

#define YEAR_MS (365LL * DAY_MS)
#define LATEST_WALL 32503680000000LL /* The year 3000. */

static void pass_time(struct world *world, uint32_t most_ms)
{
    uint32_t span_ms = dice_roll(&world->dice, most_ms + 1);
    world->wall += span_ms;
    world->elapsed_us += (uint64_t)span_ms * 1000 + dice_roll(&world->dice, 1000);
}

static void jump_clock(struct world *world)
{
    static const int64_t spans[] = {5000, 60000, HOUR_MS, 40LL * DAY_MS, YEAR_MS, 30 * YEAR_MS};
    int64_t span = (int64_t)(dice_bits(&world->dice) % (uint64_t)spans[dice_roll(&world->dice, 6)]);
    bool is_back = dice_chance(&world->dice, 500);
    instant_ms wall = world->wall + (is_back ? -span : span);
    if (wall < 0 || wall > LATEST_WALL) {
        wall = WORLD_NOON;
    }
    findings_trace(&world->findings, "the clock jumps by %lld ms", (long long)(wall - world->wall));
    world->wall = wall;
}

static void run_one(struct world *world)
{
    struct agent *agent = world->agent;
    struct decider *decider = &agent->deciders[0];
    struct run run = {.buffer = decider->run_buffer, .buffer_bytes = sizeof decider->run_buffer};
    if (scheduler_take(&agent->scheduler, 0, &run) != STATUS_OK) {
        return;
    }
    process_after(world, agent_work(agent, decider, &run, world_moment(world)), "work");
}

static void run_some(struct world *world)
{
    for (uint32_t i = dice_roll(&world->dice, 8);
         i > 0 && world->agent != NULL && !world->findings.is_violated; i--) {
        run_one(world);
    }
}

static void deliver_some(struct world *world)
{
    for (uint32_t i = dice_between(&world->dice, 1, 10); i > 0 && broker_deliver(world); i--) {
    }
    process_after(world, STATUS_OK, "receive");
}

static void commit(struct world *world)
{
    findings_trace(&world->findings, "commit");
    process_after(world, agent_commit(world->agent), "commit");
}

static void tend(struct world *world)
{
    findings_trace(&world->findings, "tend");
    process_after(world, agent_tend(world->agent, world_moment(world)), "tend");
}

static void publish(struct world *world)
{
    enum status status = STATUS_OK;
    findings_trace(&world->findings, "publish");
    for (uint32_t i = dice_between(&world->dice, 1, 4); i > 0 && status == STATUS_OK; i--) {
        status = publisher_turn(&world->agent->publisher, (instant_ms)(world->elapsed_us / 1000));
    }
    process_after(world, status, "publish");
}

void step_turn(struct world *world)
{
    findings_trace(&world->findings, "turn");
    process_after(world, agent_turn(world->agent, world_moment(world)), "turn");
}

static void audit(struct world *world)
{
    process_audit(world);
    process_after(world, STATUS_OK, "audit");
}

static void fill_disk(struct world *world)
{
    bool is_full = world->disk->settings.space_bytes > 0;
    findings_trace(&world->findings, is_full ? "the disk has space again" : "the disk is full");
    world->disk->settings.space_bytes = is_full ? 0 : 1;
}

static void fail_something(struct world *world)
{
    struct virtual_disk_faults *faults = &world->disk->faults;
    switch (dice_roll(&world->dice, 4)) {
    case 0: faults->fail_read_in = dice_between(&world->dice, 1, 10); break;
    case 1: faults->fail_folder_sync_in = 1; break;
    default: world->watch.fails_next_log_sync = true; break;
    }
}

/* One of the things that may go wrong; false if nothing did. */
static bool go_wrong(struct world *world)
{
    const struct weather *weather = &world->weather;
    struct dice *dice = &world->dice;
    if (dice_chance(dice, weather->kill)) {
        process_kill(world);
    } else if (world->watch.dies_in == 0 && dice_chance(dice, weather->die_within)) {
        process_arm(world);
    } else if (dice_chance(dice, weather->sync_failure)) {
        fail_something(world);
    } else if (dice_chance(dice, weather->stop)) {
        process_stop(world);
    } else if (world->is_connected && dice_chance(dice, weather->disconnect)) {
        broker_disconnect(world, dice_chance(dice, weather->session_loss));
    } else if (dice_chance(dice, weather->refuse)) {
        world->refuses_for = dice_roll(dice, 30);
    } else if (dice_chance(dice, weather->desired)) {
        desired_send(world);
    } else {
        return false;
    }
    return true;
}

static void turn_a_part(struct world *world)
{
    uint32_t kind = dice_roll(&world->dice, 100);
    if (kind < 30) {
        deliver_some(world);
    } else if (kind < 50) {
        run_some(world);
    } else if (kind < 60) {
        commit(world);
    } else if (kind < 66) {
        tend(world);
    } else if (kind < 78) {
        publish(world);
    } else if (kind < 86) {
        step_turn(world);
    } else if (kind < 94) {
        broker_land_some(world, 600);
    } else if (kind < 96) {
        desired_take(world);
    } else if (kind < 97) {
        audit(world);
    } else if (kind < 98) {
        agent_checkpoint(world->agent, CHECKPOINT_NOW);
        process_after(world, STATUS_OK, "checkpoint");
    } else {
        broker_acknowledge_senders(world);
    }
}

static void live_without_agent(struct world *world)
{
    if (!dice_chance(&world->dice, 300)) {
        return;
    }
    if (dice_chance(&world->dice, world->weather.die_within * 5)) {
        process_arm(world);
    }
    process_start(world);
}

/* KEPT promises that everything the client accepted is still on its way. */
static enum paho_session draw_session(struct world *world)
{
    return dice_chance(&world->dice, 500) ? PAHO_SESSION_KEPT : PAHO_SESSION_NEW;
}

void step_world(struct world *world)
{
    world->findings.step = ++world->totals.steps;
    pass_time(world, dice_chance(&world->dice, 100) ? 3000 : 30);
    if (dice_chance(&world->dice, world->weather.clock_jump)) {
        jump_clock(world);
    }
    if (dice_chance(&world->dice, world->weather.full_disk)) {
        fill_disk(world);
    }
    if (dice_chance(&world->dice, 400)) {
        fleet_act(world);
    }
    if (dice_chance(&world->dice, 100)) {
        fleet_ask_again(world, 150);
    }
    if (world->agent == NULL) {
        live_without_agent(world);
    } else if (!world->is_connected && dice_chance(&world->dice, 200)) {
        broker_connect(world, draw_session(world));
    } else if (!go_wrong(world)) {
        turn_a_part(world);
    }
}
