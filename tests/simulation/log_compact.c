/* Compaction as the agent does it: what is latest in the oldest segment is put again, and once that is
 * committed and published the segment goes. */
#include "tests/simulation/log_work.h"

#include <inttypes.h>

static size_t cost_of(const struct log_entry *entry)
{
    return entry->body_length + (size_t)STATE_LOG_RECORD_OVERHEAD;
}

/* A ledger entry that a subject's window still names. */
static void copy_entry(struct log_world *world, const struct log_entry *entry)
{
    struct record copy = {.kind = RECORD_COPY, .seq = entry->seq, .edge = INSTANT_NEVER};
    log_work_put(world, &copy, entry->subject, entry->body_seed, entry->body_length);
}

static void move_image(struct log_world *world, int16_t subject, const struct log_entry *image)
{
    struct record moved = {.kind = RECORD_IMAGE, .edge = image->edge};
    moved.previous = dice_chance(&world->dice, 500) ? image->ref : RECORD_REF_NONE;
    log_work_put(world, &moved, subject, image->body_seed, image->body_length);
}

static bool begin_reserved(struct log_world *world, size_t bytes)
{
    if (world->model.count + 2 >= LOG_ENTRIES_MAX || log_work_commit(world) == STATUS_NO_SPACE) {
        return false; /* There must be room in the open batch: nobody else would make it. */
    }
    if (world->has_failed) {
        return false;
    }
    enum status status = state_log_begin_reserved(&world->log, bytes);
    log_world_note(world, status);
    if (status == STATUS_NO_SPACE) {
        world->counts->no_space++;
    } else if (status != STATUS_OK) {
        findings_violate(&world->findings, "begin_reserved: %s", status_name(status));
    }
    return status == STATUS_OK;
}

static bool move_subject(struct log_world *world, int16_t subject)
{
    struct log_model *model = &world->model;
    struct log_entry image = model->entries[model->subjects[subject].latest];
    int32_t copied = (int32_t)dice_roll(&world->dice, (uint32_t)model->count);
    struct log_entry entry = model->entries[copied];
    bool copies = dice_chance(&world->dice, 200) && log_model_is_readable(model, copied) &&
                  (entry.kind == RECORD_DECISION || entry.kind == RECORD_REPLY) &&
                  cost_of(&image) + cost_of(&entry) <= world->preset.batch_bytes;
    if (!begin_reserved(world, cost_of(&image) + (copies ? cost_of(&entry) : 0))) {
        return false;
    }
    if (copies) {
        copy_entry(world, &entry);
    }
    move_image(world, subject, &image);
    state_log_end(&world->log);
    return true;
}

/* False when it cannot go on now. */
static bool move_all(struct log_world *world, uint64_t last_frame)
{
    struct log_model *model = &world->model;
    for (int16_t i = 0; i < model->subject_count; i++) {
        int32_t latest = model->subjects[i].latest;
        bool lives_there =
            latest != LOG_ENTRY_NONE && record_ref_frame(model->entries[latest].ref) <= last_frame;
        if (lives_there && !move_subject(world, i)) {
            return false;
        }
    }
    return log_work_commit(world) != STATUS_NO_SPACE && !world->has_failed;
}

/* What the outbox must be past. */
static record_ref last_record(const struct log_model *model, uint64_t last_frame)
{
    int32_t after = log_model_after(model, record_ref_of(last_frame + 1, 0) - 1);
    while (after > 0 && model->entries[after - 1].is_replaced) {
        after--;
    }
    return after > 0 ? model->entries[after - 1].ref : RECORD_REF_NONE;
}

/* Whether the log counts the frames as dropped; it may have failed before or after that. */
static bool is_gone(struct log_world *world, uint64_t last_frame)
{
    struct segment_range range;
    return state_log_oldest(&world->log, &range) != STATUS_OK || range.last_frame > last_frame;
}

static void note_drop(struct log_world *world, uint64_t last_frame, enum status status)
{
    struct log_model *model = &world->model;
    switch ((int)status) {
    case STATUS_OK:
        log_model_settle(model); /* What went is gone for good: what took its place must be there for good. */
        model->dropped_frame = last_frame;
        model->gone_frame = last_frame;
        world->counts->drops++;
        return;
    case STATUS_IO:
        if (log_world_is_disturbed(world)) {
            model->dropped_frame = is_gone(world, last_frame) ? last_frame : model->dropped_frame;
            return;
        }
        break;
    case STATUS_INVALID: return;
    default: break;
    }
    findings_violate(&world->findings, "drop: %s", status_name(status));
}

static void drop(struct log_world *world, uint64_t last_frame)
{
    struct log_model *model = &world->model;
    bool has_images = log_model_committed_images(model, last_frame) > 0;
    bool may_go = !has_images && last_record(model, last_frame) <= model->marks.cursor;
    /* A frame that recovery repeated in the next segment may still count as this one's. */
    bool must_go = !has_images && last_record(model, last_frame + 1) <= model->marks.cursor;
    enum status status = state_log_drop_oldest(&world->log);
    findings_trace(&world->findings, "drop of the frames to %" PRIu64 ": %s", last_frame,
                   status_name(status));
    log_world_note(world, status);
    if ((must_go && status == STATUS_INVALID) || (!may_go && status == STATUS_OK)) {
        findings_violate(&world->findings, "a drop of the frames to %" PRIu64 " gives %s", last_frame,
                         status_name(status));
    }
    note_drop(world, last_frame, status);
}

static bool is_due(struct log_world *world, enum compaction_need need, struct segment_range *range)
{
    enum status status = state_log_oldest(&world->log, range);
    if (status != STATUS_OK) {
        if (status != STATUS_EMPTY) {
            findings_violate(&world->findings, "oldest: %s", status_name(status));
        }
        return false;
    }
    uint64_t images = log_model_images(&world->model, range->last_frame);
    if (range->live_images != images) {
        findings_violate(&world->findings,
                         "the frames to %" PRIu64 " are said to hold %" PRIu64 " latest images, not %" PRIu64,
                         range->last_frame, range->live_images, images);
    }
    return range->needed || need == COMPACTION_ANYWAY;
}

void log_work_compact(struct log_world *world, enum compaction_need need)
{
    struct segment_range range;
    if (world->has_failed || world->disk.is_off || !is_due(world, need, &range)) {
        return;
    }
    if (!dice_chance(&world->dice, 50) && !move_all(world, range.last_frame)) {
        return; /* Now and then it drops too early: the log must refuse. */
    }
    if (!dice_chance(&world->dice, 100)) {
        record_ref cursor = last_record(&world->model, range.last_frame);
        state_log_set_outbox_cursor(&world->log, cursor);
        world->model.marks.cursor = world->model.marks.cursor < cursor ? cursor : world->model.marks.cursor;
    }
    if (!world->has_failed && !world->disk.is_off && !world->findings.is_violated) {
        drop(world, range.last_frame);
    }
}
