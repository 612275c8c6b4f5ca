#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/state/internals.h"
#include "agent/state/scan.h"
#include "agent/state/suspects.h"
#include "base/mutation.h"

struct recovery {
    struct state_log *log;
    struct state_log_listener listener;
    struct state_log_report *report;
    struct scan_start start;
    struct scan_end end;
    struct suspects suspects;
    struct torn_beginning torn;
};

static enum status explain(struct state_log_report *report, enum status status, const char *what)
{
    snprintf(report->message, sizeof report->message, "%s", what);
    return status;
}

static enum status explain_errno(struct state_log_report *report, enum status status)
{
    snprintf(report->message, sizeof report->message, "the store cannot be written: %s", strerror(errno));
    return status;
}

/* The first frame of a segment was torn, and its copy stands in for it: once the segment is the oldest,
 * nobody could tell the torn place from damage. */
static void note_torn_beginning(struct recovery *recovery, const struct frame_header *header,
                                uint32_t segment, uint64_t offset)
{
    struct segments *segments = &recovery->log->segments;
    if (segments->count == 0 || offset == 0) {
        return;
    }
    const struct segment *last = segments_last(segments);
    if (!segments_lost(segments, header->frame - 1) &&
        last->first_frame + last->frame_count == header->frame) {
        recovery->torn = (struct torn_beginning){.segment = segment, .bytes = offset};
    }
}

static enum status recover_frame(void *self, const struct frame_header *header, struct scan_segment segment,
                                 uint64_t offset)
{
    struct recovery *recovery = self;
    struct state_log *log = recovery->log;
    struct segments *segments = &log->segments;
    if (segments->count == 0 || segments_last(segments)->number != segment.number) {
        note_torn_beginning(recovery, header, segment.number, offset);
        segments_append(segments, segment.number, segment.bytes, header->frame);
        segments->file_bytes += segment.bytes;
    }
    log->checkpoint.log_bytes += frame_bytes(header->stored_length);
    witnesses_next_frame(&log->witnesses);
    segments_last(segments)->used_bytes = offset;
    segments_add_frame(segments, (struct frame_extent){.frame = header->frame,
                                                       .bytes = frame_bytes(header->stored_length),
                                                       .clock = header->clock_high});
    log->frame_most = header->raw_length > log->frame_most ? header->raw_length : log->frame_most;
    return STATUS_OK;
}

static enum status recover_repetition(void *self, const struct frame_header *header,
                                      struct scan_segment segment, uint64_t offset)
{
    struct recovery *recovery = self;
    struct segments *segments = &recovery->log->segments;
    if (segments_last(segments)->number != segment.number) {
        segments_append(segments, segment.number, segment.bytes, header->frame + 1);
        segments->file_bytes += segment.bytes;
    }
    segments_last(segments)->used_bytes = offset;
    segments_repeat(segments, frame_bytes(header->stored_length));
    return STATUS_OK;
}

static enum status recover_record(void *self, const struct record *record)
{
    struct recovery *recovery = self;
    struct state_log *log = recovery->log;
    segments_last(&log->segments)->last_ref = record->ref;
    log->committed_ref = record->ref;
    if (record->kind == RECORD_IMAGE) {
        witnesses_add(&log->witnesses, record_ref_frame(record->ref), &record->subject);
        enum status status = recover_image(log, record);
        if (status != STATUS_OK) {
            return explain(recovery->report, status,
                           "the store holds more subjects than subjects_max; raise it");
        }
    }
    if (recovery->listener.record != NULL) {
        recovery->listener.record(recovery->listener.self, record);
    }
    return STATUS_OK;
}

/* Frames keep their numbers, found or not. */
static enum status recover_loss(void *self, const struct damage *damage, const struct frame_header *next,
                                struct bytes witnesses)
{
    struct recovery *recovery = self;
    struct state_log *log = recovery->log;
    if (!segments_have_room_up_to(&log->segments, damage->last_frame)) {
        return explain(recovery->report, STATUS_CORRUPT,
                       "more frames are missing than the store can have held; restore it from a copy");
    }
    for (uint64_t frame = damage->first_frame; log->segments.count > 0 && frame <= damage->last_frame;
         frame++) {
        segments_add_lost(&log->segments, frame);
    }
    if (!mutation_is_on(MUTATION_DAMAGE_NOT_TOLD)) {
        damages_add(&log->damages, *damage);
    }
    witnesses_miss(&log->witnesses, damage->last_frame);
    suspects_add(&recovery->suspects, damage, next, witnesses);
    return STATUS_OK;
}

/* A checkpoint may name images in segments that are gone only if newer ones were found behind it. */
static bool are_images_there(struct state_log *log)
{
    for (uint32_t place = 0; place < log->index.place_count; place++) {
        record_ref ref = log->index.places[place].ref;
        if (ref != RECORD_REF_NONE && ref != RECORD_REF_NOWHERE &&
            segments_of_frame(&log->segments, record_ref_frame(ref)) == NULL) {
            return false;
        }
    }
    return true;
}

static enum status scan_frames(struct recovery *recovery)
{
    struct state_log *log = recovery->log;
    struct scan_visitor visitor = {.frame = recover_frame,
                                   .record = recover_record,
                                   .repeated = recover_repetition,
                                   .lost = recover_loss,
                                   .self = recovery};
    log_load_checkpoint(log, &recovery->start);
    enum status status = frame_cache_open(&log->scout, &log->settings.io, log->frame_most);
    if (status != STATUS_OK) {
        return status;
    }
    struct scan_source source = {.io = &log->settings.io, .folder = log->settings.folder, .mode = SCAN_ALONE};
    status = scan_run(&source, visitor, &recovery->start, &recovery->end);
    if (status == STATUS_OK && recovery->start.last.frame != 0 && !are_images_there(log)) {
        log_forget_checkpoint(log, &recovery->start);
        recovery->suspects.count = 0;
        recovery->suspects.blind_frames = 0;
        recovery->torn = (struct torn_beginning){0};
        status = scan_run(&source, visitor, &recovery->start, &recovery->end);
    }
    if (status != STATUS_OK && recovery->end.message[0] != '\0') {
        return explain(recovery->report, status, recovery->end.message);
    }
    return status;
}

static void continue_after(struct state_log *log, const struct frame_header *last)
{
    uint64_t next_seq = last->frame == 0 ? 1 : last->first_seq + last->seq_count;
    log->committed_frame = last->frame;
    log->told_frame = last->frame;
    log->durable_frame = last->frame;
    log->previous_crc = last->crc;
    log->pool_sequence_high = last->pool_sequence_high;
    log->header = *last;
    log->chain.head = last->chain_after;
    atomic_store(&log->clock_high, last->clock_high);
    atomic_store(&log->outbox_cursor, last->outbox_cursor);
    atomic_store(&log->last_seq, next_seq - 1);
    atomic_store(&log->subjects, log->index.count);
    log->open = &log->batches[0];
    batch_start(log->open, last->frame + 1, next_seq);
}

/* The frames may end in a segment that has only the last one's repetition. */
static void adopt_end(struct state_log *log, const struct scan_end *end)
{
    if (end->last.frame == 0) {
        return;
    }
    if (log->segments.count == 0 || segments_last(&log->segments)->number != end->segment.number) {
        segments_append(&log->segments, end->segment.number, end->segment.bytes, end->last.frame + 1);
        log->segments.file_bytes += end->segment.bytes;
    }
    segments_last(&log->segments)->used_bytes = end->offset;
}

static void count_images(struct state_log *log)
{
    /* Nothing to look for in an empty index, whose pages need not be touched. */
    for (uint32_t place = 0; log->index.count > 0 && place < log->index.place_count; place++) {
        if (log->index.places[place].ref != RECORD_REF_NONE) {
            log_count_image(log, record_ref_frame(log->index.places[place].ref), +1);
        }
    }
}

/* Frames that were on the disk do not vanish at the end by a crash: going on without them would decide from
 * an old state and give seqs again. */
static enum status explain_missing_end(struct recovery *recovery)
{
    snprintf(
        recovery->report->message, sizeof recovery->report->message,
        "frames %llu to %llu were on the disk and are gone; restore the folder from a copy, or remove its "
        "file index to go on without them",
        (unsigned long long)recovery->end.last.frame + 1, (unsigned long long)recovery->start.promised_frame);
    return STATUS_CORRUPT;
}

/* For frames that are larger than was known. */
static enum status enlarge_scout(struct state_log *log)
{
    if (log->scout.raw_most >= log->frame_most) {
        return STATUS_OK;
    }
    frame_cache_close(&log->scout);
    return frame_cache_open(&log->scout, &log->settings.io, log->frame_most);
}

static enum status rebuild(struct recovery *recovery)
{
    struct state_log *log = recovery->log;
    enum status status = scan_frames(recovery);
    if (status != STATUS_OK) {
        return status;
    }
    if (recovery->end.last.frame < recovery->start.promised_frame) {
        return explain_missing_end(recovery);
    }
    if (recovery->end.last.frame != 0 && log->segments.count == 0) {
        return explain(recovery->report, STATUS_CORRUPT,
                       "not one frame of the store is whole; restore the folder from a copy");
    }
    adopt_end(log, &recovery->end);
    continue_after(log, &recovery->end.last);
    errno = 0;
    status = log_resume(log, &recovery->end, recovery->torn);
    count_images(log);
    if (status == STATUS_OK) {
        status = enlarge_scout(log);
    }
    if (status == STATUS_OK) {
        status = log_set_back_suspects(log, &recovery->suspects);
        /* What proved the damage may have been cut off with the end: the next frame says what was on the
         * disk. */
        log->is_marked = log->damages.count > 0;
    }
    if (status == STATUS_NO_SPACE) {
        return explain(recovery->report, status, "no space for the store's first segment");
    }
    return status == STATUS_OK ? STATUS_OK : explain_errno(recovery->report, status);
}

enum status log_recover(struct state_log *log, struct state_log_listener listener,
                        struct state_log_report *report)
{
    struct recovery recovery = {.log = log, .listener = listener, .report = report};
    enum status status = suspects_open(&recovery.suspects);
    if (status == STATUS_OK) {
        status = rebuild(&recovery);
    }
    suspects_close(&recovery.suspects);
    report->frames = recovery.end.frames;
    report->records = recovery.end.records;
    report->torn_bytes = recovery.end.torn_bytes;
    report->subjects = log->index.count;
    report->last_seq = atomic_load(&log->last_seq);
    report->chain = log->chain.head;
    report->damages = log->damages;
    return status;
}
