#include "tests/simulation/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    STEPS_LEAST = 150,
    STEPS_MOST = 420,
    LONG_STEPS_MOST = 2000,
    HEALING_ROUNDS_MAX = 4000,
    ROUND_MS = 60,
    HOUR_MS = 3600 * 1000,
    DAY_MS = 24 * HOUR_MS,
};

static const char *no_environment(void *self, const char *name)
{
    (void)self;
    (void)name;
    return NULL;
}

static uint32_t sometimes(struct dice *dice, uint32_t chance, uint32_t most)
{
    return dice_chance(dice, chance) ? 1 + dice_roll(dice, most) : 0;
}

/* Not everything goes wrong in every world: what is rare elsewhere has its time here. */
static void draw_weather(struct world *world)
{
    struct dice *dice = &world->dice;
    world->weather = (struct weather){
        .kill = sometimes(dice, 600, 25),
        .die_within = sometimes(dice, 600, 30),
        .power = sometimes(dice, 700, 999),
        .pool_lost = sometimes(dice, 500, 999),
        .sync_failure = sometimes(dice, 300, 10),
        .full_disk = sometimes(dice, 200, 8),
        .disconnect = sometimes(dice, 600, 25),
        .session_loss = sometimes(dice, 600, 999),
        .refuse = sometimes(dice, 300, 20),
        .clock_jump = sometimes(dice, 400, 20),
        .desired = sometimes(dice, 300, 20),
        .stop = sometimes(dice, 400, 8),
        .missed_answers = sometimes(dice, 600, 400),
    };
}

static void load_config(struct world *world)
{
    struct config_errors *errors = calloc(1, sizeof *errors);
    struct text json = text_of(world->config, sizeof world->config);
    preset_put_file(&world->preset, &json);
    char folder[WORLD_PATH_MAX];
    snprintf(folder, sizeof folder, "%.*s", (int)(strlen(world->pool_path) - strlen("/pool")),
             world->pool_path);
    size_t sets = preset_put_sets(&world->preset, folder, world->sets);
    for (size_t i = 0; i < sets; i++) {
        world->set_pointers[i] = world->sets[i];
    }
    world->source = (struct config_source){.text = text_bytes(&json),
                                           .sets = world->set_pointers,
                                           .set_count = sets,
                                           .host_name = "a1",
                                           .environment = no_environment};
    if (errors == NULL || config_load(&world->source, &world->versions[0].snapshot, errors) != STATUS_OK) {
        findings_violate(&world->findings, "model: the configuration is wrong: %s %s",
                         errors == NULL ? "" : errors->items[0].path,
                         errors == NULL ? "" : errors->items[0].message);
    }
    free(errors);
}

static void begin_disk(struct world *world)
{
    struct virtual_disk_settings settings = {
        .seed = dice_bits(&world->dice),
        .sector_bytes = dice_chance(&world->dice, 500) ? 512 : 4096,
        .interrupted_per_mille = dice_chance(&world->dice, 200) ? dice_roll(&world->dice, 100) : 0,
    };
    virtual_disk_init(world->disk, &settings);
    disk_watch_init(&world->watch, world->disk, &world->findings);
    world->watch.dice = (struct dice){.state = dice_bits(&world->dice)};
    world->watch.is_os_durable = world->preset.is_os_durable;
}

static void begin_model(struct world *world)
{
    struct model *model = &world->model;
    memset(model, 0, sizeof *model);
    model->findings = &world->findings;
    model->asks = world->asks;
    model->ask_count = &world->ask_count;
    model->policy_of = desired_policy_of;
    model->self = world;
    model->dedup_window = world->preset.dedup_window;
}

void world_begin(struct world *world, uint64_t seed, const char *pool_folder, FILE *trace)
{
    struct virtual_disk *disk = world->disk;
    struct ask *asks = world->asks;
    if (disk == NULL) {
        disk = calloc(1, sizeof *disk);
        asks = calloc(ASKS_MAX, sizeof *asks);
    }
    if (disk == NULL || asks == NULL) {
        abort();
    }
    memset(world, 0, sizeof *world);
    world->disk = disk;
    world->asks = asks;
    world->seed = seed;
    world->dice.state = seed;
    world->findings.trace = trace;
    snprintf(world->pool_path, sizeof world->pool_path, "%.200s/pool", pool_folder);
    unlink(world->pool_path);
    draw_weather(world);
    preset_draw(&world->preset, &world->dice);
    world->desired = world->preset;
    if (world->preset.is_os_durable) {
        world->weather.sync_failure = 0; /* What was not synced may be lost then, by choice. */
    }
    begin_disk(world);
    begin_model(world);
    fleet_draw(world);
    preset_fit_store(&world->preset, world->subject_count);
    load_config(world);
    bool is_unset = dice_chance(&world->dice, 80);
    world->wall = is_unset ? (instant_ms)dice_roll(&world->dice, HOUR_MS)
                           : WORLD_NOON + 40LL * dice_roll(&world->dice, DAY_MS);
    world->elapsed_us = dice_roll(&world->dice, 1000000000);
    world->takes_at_most = dice_chance(&world->dice, 400) ? dice_between(&world->dice, 1, 8) : FLIGHTS_MAX;
}

void world_end(struct world *world)
{
    if (world->agent != NULL && (world->findings.is_given_up || !world->findings.is_violated)) {
        process_kill(world);
    }
    for (uint32_t i = 0; i <= world->version_count; i++) {
        config_snapshot_close(world->versions[i].snapshot);
    }
    unlink(world->pool_path);
}

void world_free(struct world *world)
{
    if (world->disk != NULL) {
        virtual_disk_close(world->disk);
    }
    free(world->disk);
    free(world->asks);
    free(world);
}

static void heal(struct world *world)
{
    findings_trace(&world->findings, "everything is healed");
    world->is_healed = true;
    world->disk->settings.space_bytes = 0;
    world->disk->settings.interrupted_per_mille = 0;
    world->disk->faults = (struct virtual_disk_faults){0};
    world->watch.dies_in = 0;
    world->power_fails = false;
    world->watch.fails_next_log_sync = false;
    world->refuses_for = 0;
    world->takes_at_most = FLIGHTS_MAX;
}

static bool is_settled(struct world *world)
{
    struct agent *agent = world->agent;
    for (uint32_t i = 0; i < world->sender_count; i++) {
        if (world->senders[i].count > 0) {
            return false;
        }
    }
    return fleet_is_answered(world) && world->flight_count == 0 && scheduler_is_idle(&agent->scheduler) &&
           publisher_is_done(&agent->publisher) && event_pool_stats(&agent->pool).used == 0 &&
           agent->publisher.walked >= state_log_committed(&agent->log);
}

static void healing_round(struct world *world, uint32_t round)
{
    world->findings.step = ++world->totals.steps;
    world->wall += ROUND_MS;
    world->elapsed_us += ROUND_MS * 1000;
    if (world->agent == NULL) {
        process_start(world);
        return;
    }
    if (!world->is_connected) {
        broker_connect(world, PAHO_SESSION_NEW);
    }
    if (round % 8 == 0) {
        fleet_ask_again(world, 1000);
    }
    while (broker_deliver(world)) {
    }
    broker_acknowledge_senders(world);
    step_turn(world);
    if (world->agent != NULL && !world->findings.is_violated) {
        broker_land_some(world, 1000);
    }
}

static void describe_unsettled(struct world *world)
{
    for (uint32_t i = 0; i < world->ask_count; i++) {
        if (!world->asks[i].is_answered) {
            findings_violate(&world->findings, "liveness: never answered: %s %s", world->asks[i].topic,
                             world->asks[i].payload);
        }
    }
    if (world->agent == NULL) {
        findings_violate(&world->findings, "liveness: the agent does not start");
        return;
    }
    findings_violate(&world->findings,
                     "liveness: not settled: flights %u pool %u idle %d published %llx of %llx pending %u",
                     world->flight_count, event_pool_stats(&world->agent->pool).used,
                     scheduler_is_idle(&world->agent->scheduler),
                     (unsigned long long)world->agent->publisher.walked,
                     (unsigned long long)state_log_committed(&world->agent->log),
                     world->agent->publisher.board.pending_count);
}

static void settle(struct world *world)
{
    heal(world);
    bool is_done = false;
    for (uint32_t round = 0; round < HEALING_ROUNDS_MAX && !is_done && !world->findings.is_violated;
         round++) {
        healing_round(world, round);
        is_done = !world->findings.is_violated && world->agent != NULL && is_settled(world);
    }
    if (!is_done && !world->findings.is_violated) {
        describe_unsettled(world);
    }
}

/* Once more from the disk, where everything must be found again. */
static void check_in_the_end(struct world *world)
{
    process_follow(world);
    model_settled(&world->model);
    retained_check(world);
    process_stop(world);
    if (!world->findings.is_violated) {
        process_start(world);
    }
    if (!world->findings.is_violated) {
        process_audit(world);
    }
}

uint64_t world_live(struct world *world)
{
    uint32_t most = dice_chance(&world->dice, 100) ? LONG_STEPS_MOST : STEPS_MOST;
    uint32_t steps = dice_between(&world->dice, STEPS_LEAST, most);
    for (uint32_t i = 0; i < steps && !world->findings.is_violated; i++) {
        step_world(world);
    }
    if (!world->findings.is_violated) {
        settle(world);
    }
    if (!world->findings.is_violated) {
        check_in_the_end(world);
    }
    world->totals.events = world->model.decided;
    return world->hash ^ virtual_disk_hash(world->disk);
}
