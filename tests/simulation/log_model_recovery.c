/* What a restart may find: a prefix of what was committed, in order, whole frames, with everything that was
 * promised. */
#include "tests/simulation/log_model.h"

#include <inttypes.h>
#include <string.h>

void log_model_begin_recovery(struct log_model *model)
{
    model->first_found = LOG_ENTRY_NONE;
    model->next_found = 0;
    model->found = 0;
}

static int32_t skip_replaced(const struct log_model *model, int32_t entry)
{
    while (entry < model->count && model->entries[entry].is_replaced) {
        entry++;
    }
    return entry;
}

static uint64_t frame_at(const struct log_model *model, int32_t entry)
{
    return record_ref_frame(model->entries[entry].ref);
}

/* Behind everything that may have been dropped. */
static int32_t first_kept(const struct log_model *model)
{
    return log_model_after(model, record_ref_of(model->dropped_frame + 1, 0) - 1);
}

/* The oldest record found begins a frame. */
static int32_t find_first(struct log_model *model, const struct record *record)
{
    int32_t first = skip_replaced(model, log_model_after(model, record->ref - 1));
    if (first == model->count || model->entries[first].ref != record->ref) {
        findings_violate(model->findings, "recovered a record that was never put: ref %" PRIx64, record->ref);
        return LOG_ENTRY_NONE;
    }
    /* The last frame before may have been repeated in the segment that follows, which stays. */
    if (frame_at(model, first) < model->gone_frame) {
        findings_violate(model->findings, "frame %" PRIu64 " was dropped and is back",
                         frame_at(model, first));
    }
    return first;
}

bool log_model_has_found_all(const struct log_model *model)
{
    int32_t oldest =
        skip_replaced(model, log_model_after(model, record_ref_of(model->gone_frame + 1, 0) - 1));
    return model->first_found == LOG_ENTRY_NONE ? oldest == model->count : model->first_found <= oldest;
}

void log_model_find(struct log_model *model, const struct record *record)
{
    model->found++;
    if (model->findings->is_violated) {
        return;
    }
    if (model->first_found == LOG_ENTRY_NONE) {
        model->first_found = find_first(model, record);
        model->next_found = model->first_found;
    }
    if (model->findings->is_violated) {
        return;
    }
    int32_t entry = skip_replaced(model, model->next_found);
    if (entry >= model->taken) {
        findings_violate(model->findings, "recovered record %" PRIx64 ", which was never committed",
                         record->ref);
        return;
    }
    log_model_agrees(model, entry, record, "recovery");
    model->next_found = entry + 1;
}

static void check_extent(struct log_model *model, int32_t end, int32_t floor)
{
    if (model->first_found > skip_replaced(model, first_kept(model))) {
        findings_violate(model->findings, "the oldest record is %" PRIx64 ", but %" PRIx64 " was not dropped",
                         model->entries[model->first_found].ref, model->entries[first_kept(model)].ref);
    }
    if (end < floor) {
        const struct log_entry *lost = &model->entries[end];
        findings_violate(model->findings,
                         "lost: record %" PRIx64 " (kind %u, seq %" PRIu64 ") and %d more that were safe",
                         lost->ref, lost->kind, lost->seq, floor - end - 1);
    }
    bool is_torn = end > 0 && end < model->taken && frame_at(model, end) == frame_at(model, end - 1);
    if (is_torn) {
        findings_violate(model->findings, "half of frame %" PRIu64 " was recovered", frame_at(model, end));
    }
}

/* Where the prefix ends: behind the replaced images of its last frame, too. Without a record only frames
 * without any may be left. */
static int32_t end_of_found(const struct log_model *model)
{
    if (model->first_found == LOG_ENTRY_NONE) {
        return first_kept(model);
    }
    int32_t end = model->next_found;
    while (end < model->count && model->entries[end].is_replaced &&
           frame_at(model, end) == frame_at(model, end - 1)) {
        end++;
    }
    return end;
}

static void find_images(struct log_model *model)
{
    for (int32_t i = 0; i < model->subject_count; i++) {
        model->subjects[i].latest = LOG_ENTRY_NONE;
        model->subjects[i].is_due_told = false;
        model->subjects[i].may_be_early = true;
    }
    for (int32_t i = 0; i < model->count; i++) {
        if (model->entries[i].kind == RECORD_IMAGE && !model->entries[i].is_replaced) {
            model->subjects[model->entries[i].subject].latest = i;
        }
    }
}

/* What was dropped for good is no longer needed, but for the last frame of it: its repetition in the segment
 * that follows may turn up again. */
static void forget_dropped(struct log_model *model)
{
    int32_t first =
        model->gone_frame == 0 ? 0 : log_model_after(model, record_ref_of(model->gone_frame, 0) - 1);
    memmove(model->entries, model->entries + first, (size_t)(model->count - first) * sizeof *model->entries);
    model->count -= first;
}

static void forget_after(struct log_model *model, int32_t end)
{
    for (int32_t i = end; i < model->count; i++) {
        bool took_seq = model->entries[i].seq != 0 && model->entries[i].kind != RECORD_COPY;
        if (took_seq && model->entries[i].seq < model->next_seq) {
            model->next_seq = model->entries[i].seq;
        }
    }
    model->count = end;
}

void log_model_end_recovery(struct log_model *model, enum log_end end)
{
    int32_t until = end_of_found(model);
    check_extent(model, until, end == LOG_END_CUT ? model->durable : model->committed);
    if (model->findings->is_violated) {
        return;
    }
    forget_after(model, until);
    if (model->first_found == LOG_ENTRY_NONE) {
        model->gone_frame = model->dropped_frame;
    } else if (model->first_found > 0) {
        model->gone_frame = frame_at(model, model->first_found) - 1;
    }
    model->dropped_frame = model->gone_frame;
    forget_dropped(model);
    model->taken = model->committed = model->durable = model->count;
    model->is_writing = false;
    model->is_marked = false;
    find_images(model);
}
