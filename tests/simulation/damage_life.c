#include "tests/simulation/damage_life.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/simulation/damage_check.h"
#include "tests/simulation/damage_disk.h"
#include "tests/simulation/damage_work.h"

enum { CHANGES_OF_OPEN = 24, CHANGES_OF_WORK = 8 };

static const char folder[] = "/store";

static void name_subjects(struct damage_model *model)
{
    for (int32_t i = 0; i < model->subject_count; i++) {
        char text[NAME_BYTES_MAX + 1];
        snprintf(text, sizeof text, "s%02d", (int)i);
        model->subjects[i].name = name_of(text);
    }
}

static void begin(struct damage_world *world, uint64_t seed)
{
    struct log_world *log = world->log;
    log->seed = seed;
    log->dice = (struct dice){.state = seed};
    log->findings.is_violated = false;
    log->findings.step = 0;
    log_preset_draw(&log->preset, &log->dice);
    damage_preset_draw(&world->preset, &log->preset, &log->dice);
    struct virtual_disk_settings disk = {.seed = dice_bits(&log->dice),
                                         .sector_bytes = log->preset.sector_bytes,
                                         .interrupted_per_mille = log->preset.interrupted_per_mille};
    virtual_disk_init(&log->disk, &disk);
    log->settings = log_preset_settings(&log->preset, virtual_disk_io(&log->disk), folder);
    damage_model_init(&world->model, &log->findings, log->preset.subjects);
    name_subjects(&world->model);
    log->now = 1800000000000;
    log->hash = seed;
    log->is_open = false;
    world->is_over = false;
    world->was_list_full = false;
    world->passing_count = 0;
    char text[512];
    log_preset_describe(&log->preset, text, sizeof text);
    findings_trace(&log->findings, "seed %" PRIu64 ": %s", seed, text);
}

/* When the machine stops: while it opens, or `cut_in` changes later. */
static void plan(struct damage_world *world)
{
    struct log_world *log = world->log;
    struct dice *dice = &log->dice;
    struct virtual_disk_faults faults = {0};
    log->cut_in = 0;
    if (!dice_chance(dice, log->preset.quiet_per_mille)) {
        bool is_early = dice_chance(dice, 200);
        faults.cut_in = is_early ? 1 + dice_roll(dice, CHANGES_OF_OPEN) : 0;
        log->cut_in = is_early ? 0 : 1 + dice_roll(dice, CHANGES_OF_WORK + 2 * log->preset.operations_most);
    }
    log->disk.faults = faults;
}

static void close_log(struct log_world *log)
{
    if (log->is_open) {
        state_log_reader_close(&log->reader);
        state_log_close(&log->log);
    }
    log->is_open = false;
}

/* Which damage a start may be refused for. */
static bool is_refusal_right(struct damage_world *world, enum status status)
{
    struct log_world *log = world->log;
    if (log->disk.is_off && (status == STATUS_IO || status == STATUS_NO_SPACE)) {
        return true;
    }
    if (status == STATUS_IO) {
        return log->disk.unreadable_count > 0;
    }
    if (status != STATUS_CORRUPT) {
        return false;
    }
    return damage_disk_last_proven(world) < world->model.committed_frame ||
           !damage_disk_has_sound_frame(world);
}

/* Without the file `index`, as the message says, the log goes on behind the frames that are left. */
static void judge_refusal(struct damage_world *world, enum status status, const char *message)
{
    struct log_world *log = world->log;
    if (!is_refusal_right(world, status)) {
        findings_violate(&log->findings, "open: %s: %s", status_name(status), message);
        return;
    }
    if (status != STATUS_CORRUPT) {
        return;
    }
    world->counts.refusals++;
    struct virtual_place index = virtual_names_find(&log->disk.names, "/store/index");
    world->is_over = index.node == VIRTUAL_NODE_NONE || message[0] == '\0';
    if (!world->is_over) {
        virtual_names_unlink(&log->disk.names, index.node);
        virtual_names_sync(&log->disk.names, index.folder);
    }
}

/* Where the log ends, which only it knows: a frame that was on its way may be there or not. */
static void judge_end(struct damage_world *world, uint64_t last_proven)
{
    struct log_world *log = world->log;
    uint64_t end = log->log.committed_frame;
    if (end < last_proven || end > world->model.committed_frame + 1) {
        findings_violate(&log->findings, "the log ends with frame %" PRIu64 ", not %" PRIu64 " to %" PRIu64,
                         end, last_proven, world->model.committed_frame + 1);
        return;
    }
    damage_model_end_recovery(&world->model, end);
    damage_disk_forget(world, end);
    if (state_log_last_seq(&log->log) != world->model.next_seq - 1) {
        findings_violate(&log->findings, "the last seq is %" PRIu64 ", not %" PRIu64,
                         state_log_last_seq(&log->log), world->model.next_seq - 1);
    }
}

static void trace_losses(struct damage_world *world)
{
    struct state_log_losses losses;
    state_log_losses(&world->log->log, &losses);
    for (uint32_t i = 0; i < losses.damages.count; i++) {
        findings_trace(&world->log->findings, "told: frames %" PRIu64 " to %" PRIu64 " are damaged",
                       losses.damages.list[i].first_frame, losses.damages.list[i].last_frame);
    }
    findings_trace(&world->log->findings,
                   "told: %u subjects are set back, %" PRIu64 " frames' subjects are not known",
                   losses.subjects, losses.blind_frames);
}

/* False if it cannot be opened in this life. */
static bool open_log(struct damage_world *world)
{
    struct log_world *log = world->log;
    struct state_log_report report;
    uint64_t last_proven = damage_disk_last_proven(world);
    bool has_any = world->model.committed_frame == 0 || damage_disk_has_sound_frame(world);
    world->model.life++;
    world->is_stopped = false;
    world->checked_frame = 0;
    enum status status = state_log_open(&log->log, &log->settings, (struct state_log_listener){0}, &report);
    findings_trace(&log->findings, "open: %s, %" PRIu64 " records, %u damages, torn %" PRIu64 " %s",
                   status_name(status), report.records, report.damages.count, report.torn_bytes,
                   report.message);
    log_world_note(log, status);
    if (status != STATUS_OK) {
        judge_refusal(world, status, report.message);
        return false;
    }
    status = state_log_reader_open(&log->reader, &log->log);
    assert(status == STATUS_OK);
    log->is_open = true;
    trace_losses(world);
    if (!has_any) {
        world->is_over = true; /* It begins anew, or with what is left of a file's former life. */
        return false;
    }
    judge_end(world, last_proven);
    return !log->findings.is_violated;
}

static bool goes_on(const struct damage_world *world)
{
    return !world->log->findings.is_violated && !world->log->disk.is_off && !world->is_stopped;
}

/* Once more, with or without a checkpoint in between; no damage is done. A commit comes first, as the agent's
 * writer makes one at once: with durability os what proves that frames are no torn tail may lie in the tail
 * that the start cut off, and the next frame says it again. */
static bool open_twice(struct damage_world *world)
{
    struct log_world *log = world->log;
    struct damage_answer before[LOG_SUBJECTS_MAX];
    struct damage_answer after[LOG_SUBJECTS_MAX];
    struct virtual_disk_faults faults = log->disk.faults;
    log->disk.faults = (struct virtual_disk_faults){0};
    damage_work_commit(world);
    damage_check_subjects(world, before);
    if (goes_on(world) && dice_chance(&log->dice, 400)) {
        damage_work_checkpoint(world);
    }
    if (!goes_on(world)) {
        return false;
    }
    close_log(log);
    findings_trace(&log->findings, "closed, to be opened once more");
    if (!open_log(world)) {
        return false;
    }
    damage_check_subjects(world, after);
    if (goes_on(world)) {
        world->counts.repeats++;
        damage_check_answers(world, before, after);
    }
    log->disk.faults = faults;
    return goes_on(world);
}

/* What is looked at before any work; the rest is met later. */
static bool look_at_start(struct damage_world *world)
{
    struct dice *dice = &world->log->dice;
    struct damage_answer answers[LOG_SUBJECTS_MAX];
    if (dice_chance(dice, world->preset.twice_per_mille) && !open_twice(world)) {
        return false;
    }
    if (dice_chance(dice, world->preset.looks_per_mille)) {
        damage_check_subjects(world, answers);
    }
    if (goes_on(world) && dice_chance(dice, world->preset.tended_per_mille)) {
        damage_check_whole_log(world);
    }
    if (goes_on(world) && dice_chance(dice, 100)) {
        damage_check_walk(world);
    }
    return goes_on(world);
}

static void work(struct damage_world *world)
{
    struct log_world *log = world->log;
    log->disk.faults.cut_in = log->cut_in > 0 ? log->cut_in : log->disk.faults.cut_in;
    uint32_t operations = dice_roll(&log->dice, log->preset.operations_most + 1);
    while (operations > 0 && goes_on(world) && damage_work_once(world) &&
           !damage_model_is_full(&world->model)) {
        operations--;
    }
}

/* Of what was not durable, or not acknowledged, nobody knows whether it is there. */
static void doubt(struct damage_world *world, uint64_t from)
{
    for (uint64_t frame = from; frame <= world->model.committed_frame + 1; frame++) {
        damage_model_note(&world->model, frame, FATE_UNCERTAIN);
    }
}

static void crash(struct damage_world *world)
{
    struct log_world *log = world->log;
    bool is_cut = dice_chance(&log->dice, log->preset.cuts_per_mille);
    virtual_disk_stop(&log->disk);
    close_log(log);
    log->disk.faults = (struct virtual_disk_faults){0};
    log->counts->crashes++;
    doubt(world, is_cut ? world->model.durable_frame + 1 : world->model.committed_frame + 1);
    findings_trace(&log->findings, "the end of a life: %s", is_cut ? "power cut" : "killed");
    if (is_cut) {
        log->counts->cuts++;
        virtual_disk_restart(&log->disk);
    } else {
        log->counts->kills++;
        virtual_disk_kill(&log->disk);
    }
}

/* An agent that ends well commits and writes a checkpoint. */
static void end_life(struct damage_world *world)
{
    struct log_world *log = world->log;
    if (log->is_open && goes_on(world) && dice_chance(&log->dice, log->preset.closes_per_mille)) {
        damage_work_commit(world);
        if (goes_on(world)) {
            damage_work_checkpoint(world);
        }
        if (goes_on(world)) {
            close_log(log);
            log->disk.faults = (struct virtual_disk_faults){0};
            log->counts->closes++;
            findings_trace(&log->findings, "the end of a life: closed");
            doubt(world, world->model.committed_frame + 1);
            return;
        }
    }
    crash(world);
}

/* Between two lives. */
static void rest(struct damage_world *world)
{
    struct log_world *log = world->log;
    bool is_passing = log->disk.unreadable_count > 0 || world->passing_count > 0;
    if (is_passing && dice_chance(&log->dice, 700)) {
        damage_disk_heal(world);
        findings_trace(&log->findings, "everything can be read again");
    }
    if (dice_chance(&log->dice, world->preset.strikes_at_rest_per_mille)) {
        damage_disk_strike(world, DAMAGE_AT_REST);
    }
}

void damage_life_run(struct damage_world *world, uint64_t seed)
{
    struct log_world *log = world->log;
    begin(world, seed);
    for (uint32_t life = 0; life < log->preset.lives && !log->findings.is_violated && !world->is_over;
         life++) {
        plan(world);
        if (open_log(world) && look_at_start(world)) {
            work(world);
        }
        if (!log->findings.is_violated) {
            end_life(world);
            rest(world);
        }
        world->is_over = world->is_over || damage_model_is_full(&world->model);
    }
    close_log(log);
    log->counts->seeds++;
    log_world_note(log, log->disk.counts.changes);
}
