#include "tests/simulation/log_life.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/simulation/log_check.h"
#include "tests/simulation/log_work.h"

enum { CHANGES_OF_OPEN = 24, CHANGES_OF_WORK = 8 };

static const char folder[] = "/store";

static void name_subjects(struct log_model *model)
{
    for (int32_t i = 0; i < model->subject_count; i++) {
        char text[NAME_BYTES_MAX + 1];
        int width = i % 7 == 3 ? NAME_BYTES_MAX - 1 : 2;
        snprintf(text, sizeof text, "s%0*d", width, (int)i);
        model->subjects[i].name = name_of(text);
    }
}

static void begin(struct log_world *world, uint64_t seed)
{
    world->seed = seed;
    world->dice = (struct dice){.state = seed};
    world->findings.is_violated = false;
    world->findings.step = 0;
    log_preset_draw(&world->preset, &world->dice);
    struct virtual_disk_settings disk = {.seed = dice_bits(&world->dice),
                                         .sector_bytes = world->preset.sector_bytes,
                                         .space_bytes = world->preset.space_bytes,
                                         .interrupted_per_mille = world->preset.interrupted_per_mille};
    virtual_disk_init(&world->disk, &disk);
    world->settings = log_preset_settings(&world->preset, virtual_disk_io(&world->disk), folder);
    log_model_init(&world->model, &world->findings, world->preset.subjects);
    name_subjects(&world->model);
    if (world->observer.begins != NULL) {
        world->observer.begins(world->observer.self);
    }
    world->now = 1800000000000;
    world->hash = seed;
    world->is_open = false;
    world->has_checkpoint = false;
    char text[512];
    log_preset_describe(&world->preset, text, sizeof text);
    findings_trace(&world->findings, "seed %" PRIu64 ": %s", seed, text);
}

/* What will go wrong in this life. */
static void plan(struct log_world *world)
{
    struct dice *dice = &world->dice;
    const struct log_preset *preset = &world->preset;
    struct virtual_disk_faults faults = {0};
    world->cut_in = 0;
    if (!dice_chance(dice, preset->quiet_per_mille)) {
        bool is_early = dice_chance(dice, 300);
        faults.cut_in = is_early ? 1 + dice_roll(dice, CHANGES_OF_OPEN) : 0;
        world->cut_in = is_early ? 0 : 1 + dice_roll(dice, CHANGES_OF_WORK + preset->operations_most);
    }
    bool fails = dice_chance(dice, preset->sync_faults_per_mille) && !world->is_spared_sync_faults;
    if (fails && preset->durability == DURABILITY_FSYNC) {
        faults.fail_sync_in = 1 + dice_roll(dice, 12); /* Without syncs a failed one is beyond any promise. */
    }
    if (fails && dice_chance(dice, 300)) {
        faults.fail_folder_sync_in = 1 + dice_roll(dice, 4);
    }
    if (dice_chance(dice, preset->read_faults_per_mille)) {
        faults.fail_read_in = 1 + dice_roll(dice, 40);
    }
    world->disk.faults = faults;
    world->faults_before = world->disk.counts.faults;
    world->has_failed = false;
}

static void close_log(struct log_world *world)
{
    if (world->is_open) {
        state_log_reader_close(&world->reader);
        state_log_close(&world->log);
    }
    world->is_open = false;
}

/* A failed open is excused by a fault, or by a disk too small for the first segment. */
static void judge_failed_open(struct log_world *world, enum status status, const char *message)
{
    bool is_first = world->model.count == 0 && world->model.gone_frame == 0;
    if (log_world_is_disturbed(world) && (status == STATUS_IO || status == STATUS_NO_SPACE)) {
        return;
    }
    if (status == STATUS_NO_SPACE && is_first && world->preset.space_bytes > 0) {
        world->disk.settings.space_bytes = 0;
        return;
    }
    findings_violate(&world->findings, "open: %s: %s", status_name(status), message);
}

/* False if it cannot be opened in this life. */
static bool open_log(struct log_world *world, enum log_end end)
{
    struct state_log_report report;
    log_model_begin_recovery(&world->model);
    if (world->observer.recovery_begins != NULL) {
        world->observer.recovery_begins(world->observer.self);
    }
    enum status status = state_log_open(&world->log, &world->settings, log_check_listener(world), &report);
    findings_trace(&world->findings, "open: %s, %" PRIu64 " records, torn %" PRIu64 " %s",
                   status_name(status), report.records, report.torn_bytes, report.message);
    log_world_note(world, status);
    if (status != STATUS_OK) {
        judge_failed_open(world, status, report.message);
        return false;
    }
    status = state_log_reader_open(&world->reader, &world->log);
    assert(status == STATUS_OK);
    world->is_open = true;
    if (!log_check_recovered(world, &report, end)) {
        return false;
    }
    return !world->findings.is_violated;
}

static void work(struct log_world *world)
{
    if (world->cut_in > 0 && !world->disk.is_off) {
        world->disk.faults.cut_in = world->cut_in;
    }
    uint32_t operations = dice_roll(&world->dice, world->preset.operations_most + 1);
    bool goes_on = !world->disk.is_off;
    while (operations > 0 && goes_on) {
        goes_on = log_work_once(world);
        operations--;
    }
}

/* How the life ends: what the next one must find. */
static enum log_end end_life(struct log_world *world, enum log_end before)
{
    struct log_counts *counts = world->counts;
    bool was_open = world->is_open;
    bool closes = !world->disk.is_off && dice_chance(&world->dice, world->preset.closes_per_mille);
    bool is_cut = !closes && dice_chance(&world->dice, world->preset.cuts_per_mille);
    if (!closes) {
        virtual_disk_stop(&world->disk);
    }
    close_log(world);
    world->disk.faults = (struct virtual_disk_faults){0};
    findings_trace(&world->findings, "the end of a life: %s",
                   closes   ? "closed"
                   : is_cut ? "power cut"
                            : "killed");
    if (closes) {
        counts->closes++;
        return before;
    }
    counts->crashes++;
    if (!is_cut) {
        counts->kills++;
        virtual_disk_kill(&world->disk);
        return before;
    }
    counts->cuts++;
    counts->cuts_in_open += was_open ? 0 : 1;
    virtual_disk_restart(&world->disk);
    return LOG_END_CUT;
}

void log_life_run(struct log_world *world, uint64_t seed)
{
    begin(world, seed);
    enum log_end end = LOG_END_CLOSED;
    for (uint32_t life = 0; life < world->preset.lives && !world->findings.is_violated; life++) {
        plan(world);
        if (open_log(world, end)) {
            end = LOG_END_CLOSED;
            work(world);
        }
        if (!world->findings.is_violated) {
            end = end_life(world, end);
        }
    }
    close_log(world);
    world->counts->seeds++;
    log_world_note(world, world->disk.counts.changes);
}

void log_life_close(struct log_world *world)
{
    close_log(world);
    virtual_disk_close(&world->disk);
}
