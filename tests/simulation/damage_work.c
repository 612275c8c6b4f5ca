#include "tests/simulation/damage_work.h"

#include <inttypes.h>

#include "tests/simulation/damage_check.h"
#include "tests/simulation/damage_disk.h"

enum { RECORDS_MOST = 6, EDGE_MOST_MS = 2000, SETBACKS_AT_A_TIME = 64, ATTEMPTS_MOST = 6 };

static bool can_go_on(const struct damage_world *world)
{
    return !world->log->disk.is_off && !world->is_stopped && !world->log->findings.is_violated;
}

enum status damage_work_commit(struct damage_world *world)
{
    struct log_world *log = world->log;
    enum status status = state_log_commit(&log->log, (struct state_log_listener){0});
    findings_trace(&log->findings, "commit: %s", status_name(status));
    log_world_note(log, status);
    if (status == STATUS_OK) {
        damage_model_commit(&world->model, log->settings.durability == DURABILITY_FSYNC);
        log->counts->commits++;
    } else if (status == STATUS_NO_SPACE) {
        log->counts->no_space++;
    } else if (status != STATUS_EMPTY) {
        damage_check_status(world, status, "commit");
    }
    return status;
}

static void put_image(struct damage_world *world, int16_t subject, uint64_t body_seed, uint32_t length)
{
    struct log_world *log = world->log;
    struct dice *dice = &log->dice;
    struct damage_subject *held = &world->model.subjects[subject];
    struct record record = {.kind = RECORD_IMAGE, .subject = held->name};
    record.previous = dice_chance(dice, 600) ? held->held : RECORD_REF_NONE;
    record.edge = dice_chance(dice, 300) ? log->now + dice_roll(dice, EDGE_MOST_MS) : INSTANT_NEVER;
    record.changes = (uint8_t)dice_roll(dice, 8);
    uint8_t changes = record.changes;
    record.body = log_body(body_seed, length, log->body);
    state_log_put(&log->log, &record, SEQ_NONE);
    record.changes = changes;
    damage_model_put(&world->model, &record, subject, body_seed);
    log->counts->records++;
    log_world_note(log, record.ref);
    findings_trace(&log->findings, "put image %" PRIx64 " of subject %d, previous %" PRIx64, record.ref,
                   subject, record.previous);
}

static void put_decision(struct damage_world *world, int16_t subject, uint64_t body_seed, uint32_t length)
{
    struct log_world *log = world->log;
    struct record record = {
        .kind = RECORD_DECISION, .subject = world->model.subjects[subject].name, .edge = INSTANT_NEVER};
    record.body = log_body(body_seed, length, log->body);
    state_log_put(&log->log, &record, SEQ_TAKEN);
    if (record.seq != world->model.next_seq) {
        findings_violate(&log->findings, "put gave seq %" PRIu64 ", not %" PRIu64, record.seq,
                         world->model.next_seq);
    }
    world->model.next_seq = record.seq + 1;
    world->model.frames[record_ref_frame(record.ref)].last_seq = record.seq;
    log->counts->records++;
}

/* The index takes no more. */
static bool may_have_image(const struct damage_world *world, int16_t subject)
{
    return world->model.subjects[subject].latest != DAMAGE_VERSION_NONE ||
           state_log_can_add(&world->log->log);
}

static uint32_t draw_length(struct log_world *log)
{
    return dice_roll(&log->dice, dice_chance(&log->dice, 800) ? 60 : log->preset.body_most);
}

static enum status begin(struct damage_world *world, size_t bytes)
{
    enum status status = state_log_try_begin(&world->log->log, bytes);
    if (status == STATUS_FULL && damage_work_commit(world) == STATUS_OK) {
        status = state_log_try_begin(&world->log->log, bytes);
    }
    return status;
}

static void compact(struct damage_world *world);

static void transact(struct damage_world *world)
{
    struct log_world *log = world->log;
    struct dice *dice = &log->dice;
    uint32_t count = 1 + dice_roll(dice, RECORDS_MOST);
    uint32_t length = draw_length(log);
    size_t bytes = 2 * count * (length + (size_t)STATE_LOG_RECORD_OVERHEAD);
    if (bytes > log->preset.batch_bytes) {
        return;
    }
    enum status status = begin(world, bytes);
    if (status == STATUS_NO_SPACE) {
        log->counts->no_space++;
        compact(world);
        return;
    }
    if (status != STATUS_OK) {
        if (status != STATUS_FULL) {
            damage_check_status(world, status, "begin");
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        int16_t subject = (int16_t)dice_roll(dice, (uint32_t)world->model.subject_count);
        if (dice_chance(dice, 400)) {
            put_decision(world, subject, dice_bits(dice), length);
        }
        if (may_have_image(world, subject)) {
            put_image(world, subject, dice_bits(dice), length);
        }
    }
    state_log_end(&log->log);
}

void damage_work_checkpoint(struct damage_world *world)
{
    struct log_world *log = world->log;
    enum status status = state_log_checkpoint(&log->log, CHECKPOINT_NOW);
    findings_trace(&log->findings, "checkpoint: %s", status_name(status));
    if (status == STATUS_OK) {
        log->counts->checkpoints++;
        world->model.durable_frame = world->model.committed_frame;
    } else if (status != STATUS_EMPTY && status != STATUS_NO_SPACE) {
        damage_check_status(world, status, "checkpoint");
    }
}

/* One image put again, in a transaction of its own. */
static enum status put_again(struct damage_world *world, int16_t subject, const struct record *image)
{
    struct log_world *log = world->log;
    uint32_t length = (uint32_t)image->body.length;
    enum status status = damage_work_commit(world);
    if (status == STATUS_NO_SPACE || !can_go_on(world)) {
        return STATUS_NO_SPACE;
    }
    status = state_log_begin_reserved(&log->log, length + (size_t)STATE_LOG_RECORD_OVERHEAD);
    if (status == STATUS_OK) {
        put_image(world, subject, dice_bits(&log->dice), length);
        state_log_end(&log->log);
    } else if (status != STATUS_NO_SPACE) {
        damage_check_status(world, status, "begin_reserved");
    }
    return status;
}

static int16_t subject_of(const struct damage_world *world, const struct record *image)
{
    int32_t version = damage_model_find(&world->model, image->ref);
    return version == DAMAGE_VERSION_NONE ? -1 : world->model.versions[version].subject;
}

/* Whoever was set back is woken; some write their image again. */
static void wake_set_back(struct damage_world *world)
{
    struct log_world *log = world->log;
    record_ref ref;
    for (uint32_t at = 0;
         at < SETBACKS_AT_A_TIME && can_go_on(world) && state_log_setback(&log->log, at, &ref) == STATUS_OK;
         at++) {
        struct record image;
        enum status status = state_log_read(&log->reader, ref, &image);
        bool is_hit = !damage_model_is_sound(&world->model, record_ref_frame(ref));
        if (status == STATUS_CORRUPT && is_hit) {
            continue;
        }
        if (!damage_check_status(world, status, "read of what a subject was set back to") ||
            world->is_stopped) {
            return;
        }
        if (dice_chance(&log->dice, 500) &&
            put_again(world, subject_of(world, &image), &image) != STATUS_OK) {
            return;
        }
    }
}

/* As agent.c's tend_losses: a look at one frame, or some; a repair; whoever was set back. */
static void tend(struct damage_world *world)
{
    struct log_world *log = world->log;
    struct dice *dice = &log->dice;
    uint32_t frames = dice_chance(dice, 500) ? 1 : dice_roll(dice, 100);
    enum status status = STATUS_OK;
    for (; frames > 0 && status == STATUS_OK; frames--) {
        status = state_log_check(&log->reader, &world->checked_frame);
    }
    findings_trace(&log->findings, "checked the frames before %" PRIu64, world->checked_frame);
    if (status != STATUS_EMPTY && (!damage_check_status(world, status, "check") || world->is_stopped)) {
        return;
    }
    if (dice_chance(dice, 200)) {
        damage_work_checkpoint(world); /* Damage may be noticed and not repaired. */
    }
    if (!can_go_on(world) || dice_chance(dice, 200)) {
        return;
    }
    if (damage_check_status(world, state_log_repair(&log->reader), "repair") && !world->is_stopped) {
        wake_set_back(world);
    }
}

/* Moves what is latest out of the oldest segment. False when it cannot go on. */
static bool move_all(struct damage_world *world, uint64_t last_frame)
{
    for (int16_t i = 0; i < world->model.subject_count; i++) {
        struct record image;
        struct damage_answer answer = damage_check_subject(world, i, &image);
        bool lives_there = answer.status == STATUS_OK && record_ref_frame(answer.ref) <= last_frame;
        if (!can_go_on(world) || (lives_there && put_again(world, i, &image) != STATUS_OK)) {
            return false;
        }
    }
    return damage_work_commit(world) != STATUS_NO_SPACE && can_go_on(world);
}

static enum status drop(struct damage_world *world, uint64_t last_frame)
{
    struct log_world *log = world->log;
    /* A frame that recovery repeated in the next segment may still count as this one's. */
    state_log_set_outbox_cursor(&log->log, record_ref_of(last_frame + 2, 0) - 1);
    enum status status = state_log_drop_oldest(&log->log);
    findings_trace(&log->findings, "drop of the frames to %" PRIu64 ": %s", last_frame, status_name(status));
    if (status == STATUS_OK || status == STATUS_IO) {
        world->model.gone_frame = last_frame; /* Perhaps. */
    }
    if (status == STATUS_OK) {
        world->model.durable_frame = world->model.committed_frame;
        log->counts->drops++;
        damage_check_files(world);
    }
    return status;
}

/* What is damaged and was not met may still count as somebody's latest image, and a repair on the way may set
 * others back to what lies there: after some looks at everything nothing keeps the segment. */
static void compact(struct damage_world *world)
{
    struct log_world *log = world->log;
    struct segment_range range;
    enum status status = STATUS_INVALID;
    for (int attempt = 0; attempt < ATTEMPTS_MOST && status == STATUS_INVALID; attempt++) {
        if (!can_go_on(world) || state_log_oldest(&log->log, &range) != STATUS_OK) {
            return;
        }
        if (attempt > 0) {
            damage_check_whole_log(world);
        }
        if (!can_go_on(world) || !move_all(world, range.last_frame)) {
            return;
        }
        status = drop(world, range.last_frame);
    }
    damage_check_status(world, status, "drop");
}

static void mark(struct damage_world *world)
{
    struct log_world *log = world->log;
    log->now += dice_roll(&log->dice, EDGE_MOST_MS);
    state_log_set_clock_high(&log->log, log->now);
    state_log_mark(&log->log);
}

static void look_at_something(struct damage_world *world)
{
    struct dice *dice = &world->log->dice;
    struct record image;
    uint32_t subjects = (uint32_t)world->model.subject_count;
    if (world->model.count > 0 && dice_chance(dice, 200)) {
        damage_check_version(world, (int32_t)dice_roll(dice, (uint32_t)world->model.count));
    } else if (dice_chance(dice, 20)) {
        damage_check_walk(world);
    } else if (dice_chance(dice, 10)) {
        damage_check_scan(world);
    } else {
        damage_check_subject(world, (int32_t)dice_roll(dice, subjects), &image);
    }
}

/* A subject whose latest image was damaged; -1: none. */
static int16_t draw_victim(struct damage_world *world)
{
    struct damage_model *model = &world->model;
    int16_t first = (int16_t)dice_roll(&world->log->dice, (uint32_t)model->subject_count);
    for (int32_t i = 0; i < model->subject_count; i++) {
        int16_t subject = (int16_t)((first + i) % model->subject_count);
        int32_t latest = model->subjects[subject].latest;
        if (latest != DAMAGE_VERSION_NONE &&
            !damage_model_is_sound(model, record_ref_frame(model->versions[latest].ref))) {
            return subject;
        }
    }
    return -1;
}

/* It is set back, gets a new image, and often that is the last thing that happens. */
static bool go_on_as_victim(struct damage_world *world)
{
    struct record image;
    int16_t victim = draw_victim(world);
    if (victim < 0) {
        return true;
    }
    struct damage_answer answer = damage_check_subject(world, victim, &image);
    if (can_go_on(world) && answer.status == STATUS_OK) {
        put_again(world, victim, &image);
    }
    if (can_go_on(world) && dice_chance(&world->log->dice, 800)) {
        damage_work_commit(world);
    }
    return dice_chance(&world->log->dice, 500);
}

/* A reader meets whatever is damaged, and a checkpoint is written before the repair comes; often that is the
 * last thing that happens. */
static bool notice(struct damage_world *world)
{
    uint64_t frame = 0;
    enum status status;
    do {
        status = state_log_check(&world->log->reader, &frame);
    } while (status == STATUS_OK);
    if (status != STATUS_EMPTY) {
        damage_check_status(world, status, "check");
        return false;
    }
    state_log_mark(&world->log->log);
    damage_work_commit(world);
    if (can_go_on(world)) {
        damage_work_checkpoint(world);
    }
    return dice_chance(&world->log->dice, 500);
}

/* Often a checkpoint knows what is damaged next as sound. */
static void strike(struct damage_world *world)
{
    if (dice_chance(&world->log->dice, 300)) {
        damage_work_checkpoint(world);
    }
    if (can_go_on(world)) {
        damage_disk_strike(world, DAMAGE_AT_WORK);
    }
}

bool damage_work_once(struct damage_world *world)
{
    struct log_world *log = world->log;
    struct dice *dice = &log->dice;
    log->findings.step++;
    struct segment_range range;
    if (dice_chance(dice, world->preset.strikes_at_work_per_mille)) {
        strike(world);
    } else if (dice_chance(dice, world->preset.victims_per_mille)) {
        return go_on_as_victim(world) && can_go_on(world);
    } else if (dice_chance(dice, world->preset.notices_per_mille)) {
        return notice(world) && can_go_on(world);
    } else if (dice_chance(dice, world->preset.checks_per_mille)) {
        tend(world);
    } else if (dice_chance(dice, world->preset.finds_per_mille)) {
        look_at_something(world);
    } else if (dice_chance(dice, log->preset.commits_per_mille)) {
        damage_work_commit(world);
    } else if (dice_chance(dice, log->preset.compactions_per_mille)) {
        compact(world);
    } else if (dice_chance(dice, log->preset.checkpoints_per_mille)) {
        damage_work_checkpoint(world);
    } else if (dice_chance(dice, 40)) {
        mark(world);
    } else {
        transact(world);
        bool is_due = can_go_on(world) && state_log_oldest(&log->log, &range) == STATUS_OK && range.needed;
        if (is_due) {
            compact(world);
        }
    }
    return can_go_on(world);
}
