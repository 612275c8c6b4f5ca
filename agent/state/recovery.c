#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/state/internals.h"
#include "agent/state/pages.h"
#include "agent/state/scan.h"
#include "agent/state/suspects.h"
#include "base/mutation.h"

struct recovery {
    struct state_log *log;
    struct state_log_listener listener;
    struct state_log_report *report;
    struct scan_end end;
    struct suspects suspects;
};

static enum status explain(struct state_log_report *report, enum status status, const char *what)
{
    snprintf(report->message, sizeof report->message, "%s", what);
    return status;
}

static enum status recover_frame(void *self, const struct frame_header *header, struct scan_segment segment,
                                 uint64_t offset)
{
    struct recovery *recovery = self;
    struct state_log *log = recovery->log;
    struct segments *segments = &log->segments;
    if (segments->count == 0 || segments_last(segments)->number != segment.number) {
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
    if (damage->last_frame - damage->first_frame >= log->segments.directory_size) {
        return explain(recovery->report, STATUS_CORRUPT,
                       "more frames are missing than the store can have held; restore it from a copy");
    }
    for (uint64_t frame = damage->first_frame; log->segments.count > 0 && frame <= damage->last_frame;
         frame++) {
        segments_add_lost(&log->segments, frame);
    }
    damages_add(&log->damages, *damage);
    suspects_add(&recovery->suspects, damage, next, witnesses);
    return STATUS_OK;
}

static enum status scan_frames(struct recovery *recovery)
{
    struct state_log *log = recovery->log;
    struct scan_visitor visitor = {
        .frame = recover_frame, .record = recover_record, .lost = recover_loss, .self = recovery};
    struct scan_start start;
    log_load_checkpoint(log, &start);
    enum status status =
        scan_run(&log->settings.io, log->settings.folder, SCAN_ALONE, visitor, &start, &recovery->end);
    if (status != STATUS_OK && recovery->end.message[0] != '\0') {
        return explain(recovery->report, status, recovery->end.message);
    }
    return status;
}

/* Files behind the last frame, or of no frame at all, are spares that were about to be used. */
static enum status free_unused_segments(struct state_log *log)
{
    const struct io *io = &log->settings.io;
    struct segment_numbers numbers;
    uint32_t last = log->segments.count > 0 ? segments_last(&log->segments)->number : 0;
    enum status status = segment_numbers_list(io, log->settings.folder, SEGMENT_FILE, &numbers);
    for (size_t i = 0; status == STATUS_OK && i < numbers.count; i++) {
        if (numbers.numbers[i] > last || log->segments.count == 0) {
            struct segment_path from =
                segment_path_of(log->settings.folder, SEGMENT_FILE, numbers.numbers[i]);
            struct segment_path to =
                segment_path_of(log->settings.folder, SPARE_FILE, log->segments.next_spare++);
            status = segment_rename(io, &from, &to);
        }
    }
    segment_numbers_free(&numbers);
    return status;
}

static void keep_spare(struct state_log *log, uint32_t number)
{
    const struct io *io = &log->settings.io;
    struct segment_path path = segment_path_of(log->settings.folder, SPARE_FILE, number);
    bool is_whole = segment_file_size(io, path.text) == (int64_t)log->settings.segment_bytes;
    if (is_whole && segments_may_grow(&log->segments)) {
        segments_give_spare(&log->segments, number);
        log->segments.file_bytes += log->settings.segment_bytes;
    } else {
        io->unlink(io->self, path.text);
    }
}

static enum status collect_spares(struct state_log *log)
{
    struct segment_numbers numbers;
    enum status status = segment_numbers_list(&log->settings.io, log->settings.folder, SPARE_FILE, &numbers);
    if (status == STATUS_OK && numbers.count > 0) {
        log->segments.next_spare = numbers.numbers[numbers.count - 1] + 1;
    }
    if (status == STATUS_OK) {
        status = free_unused_segments(log);
    }
    segment_numbers_free(&numbers);
    if (status == STATUS_OK) {
        status = segment_numbers_list(&log->settings.io, log->settings.folder, SPARE_FILE, &numbers);
        for (size_t i = 0; status == STATUS_OK && i < numbers.count; i++) {
            keep_spare(log, numbers.numbers[i]);
        }
        segment_numbers_free(&numbers);
    }
    return status;
}

static enum status write_copy(struct state_log *log, const uint8_t *copy, size_t bytes)
{
    const struct io *io = &log->settings.io;
    if (bytes > segments_room(&log->segments)) {
        enum status status = log_next_segment(log, log->committed_frame + 1);
        if (status != STATUS_OK) {
            return status == STATUS_NO_SPACE ? STATUS_OK : status; /* Better to open without. */
        }
    }
    struct segment *last = segments_last(&log->segments);
    if (io_write_full(io, log->file, copy, bytes, (off_t)last->used_bytes) != 0) {
        return STATUS_IO;
    }
    if (io->fdatasync(io->self, log->file) != 0) {
        /* Not to be taken for one that is on the disk by the next start. */
        static const uint8_t zeros[FRAME_HEADER_BYTES];
        io_write_full(io, log->file, zeros, sizeof zeros, (off_t)last->used_bytes);
        return STATUS_IO;
    }
    last->used_bytes += bytes;
    return STATUS_OK;
}

/* The last frame may have been read from the page cache of a process that died before, or because, its sync
 * failed: repeated behind itself, it surely is on the disk before anything relies on it. Never in place: that
 * write could be torn. */
static enum status repeat_last(struct state_log *log, const struct scan_end *end)
{
    size_t bytes = frame_bytes(end->last.stored_length);
    uint8_t *copy = pages_take(bytes);
    if (copy == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = STATUS_IO;
    if (io_read_full(&log->settings.io, log->file, copy, bytes, (off_t)end->last_offset) == (ssize_t)bytes) {
        status = write_copy(log, copy, bytes);
    }
    pages_give(copy, bytes);
    return status;
}

static bool is_block_of_frame(const uint8_t *block, uint64_t last_frame)
{
    struct frame_header header;
    return frame_unpack(bytes_of(block, FRAME_BLOCK_BYTES), &header) == STATUS_OK &&
           header.frame > last_frame;
}

/* What is left of frames that were never acknowledged loses its beginning. */
static enum status cut_tail(struct state_log *log, const struct scan_end *end)
{
    static const uint8_t zeros[FRAME_BLOCK_BYTES];
    const struct io *io = &log->settings.io;
    const struct segment *last = segments_last(&log->segments);
    uint8_t block[FRAME_BLOCK_BYTES];
    for (uint64_t offset = last->used_bytes; offset < last->bytes; offset += sizeof block) {
        if (io_read_full(io, log->file, block, sizeof block, (off_t)offset) < 0) {
            return STATUS_IO;
        }
        bool is_cut = offset == last->used_bytes || is_block_of_frame(block, end->last.frame);
        if (is_cut && io_write_full(io, log->file, zeros, sizeof zeros, (off_t)offset) != 0) {
            return STATUS_IO;
        }
        if (end->torn_bytes == 0) {
            return STATUS_OK; /* Nothing else to look for. */
        }
    }
    return STATUS_OK;
}

static enum status reopen_last(struct state_log *log, const struct scan_end *end)
{
    const struct io *io = &log->settings.io;
    struct segment *last = segments_last(&log->segments);
    struct segment_path path = segment_path_of(log->settings.folder, SEGMENT_FILE, last->number);
    log->file = io->open(io->self, path.text, O_RDWR, 0);
    if (log->file < 0) {
        return STATUS_IO;
    }
    /* A copy of the folder may have been cut short. */
    if (last->bytes < log->settings.segment_bytes &&
        io->fallocate(io->self, log->file, (off_t)log->settings.segment_bytes) == 0) {
        log->segments.file_bytes += log->settings.segment_bytes - last->bytes;
        last->bytes = log->settings.segment_bytes;
    }
    bool is_trusted = end->copies >= 2 || mutation_is_on(MUTATION_FIRST_COPY_TRUSTED);
    enum status status = is_trusted ? STATUS_OK : repeat_last(log, end);
    if (status == STATUS_OK) {
        status = cut_tail(log, end);
    }
    return status == STATUS_OK && io->fdatasync(io->self, log->file) != 0 ? STATUS_IO : status;
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
    if (segments_last(&log->segments)->number != end->segment.number) {
        segments_append(&log->segments, end->segment.number, end->segment.bytes, end->last.frame + 1);
        log->segments.file_bytes += end->segment.bytes;
    }
    segments_last(&log->segments)->used_bytes = end->offset;
}

static void count_images(struct state_log *log)
{
    for (uint32_t place = 0; place < log->index.place_count; place++) {
        if (log->index.places[place].ref != RECORD_REF_NONE) {
            log_count_image(log, record_ref_frame(log->index.places[place].ref), +1);
        }
    }
}

static enum status rebuild(struct recovery *recovery)
{
    struct state_log *log = recovery->log;
    enum status status = scan_frames(recovery);
    if (status != STATUS_OK) {
        return status;
    }
    adopt_end(log, &recovery->end);
    count_images(log);
    status = collect_spares(log);
    if (status == STATUS_OK) {
        continue_after(log, &recovery->end.last);
        status = log->segments.count > 0 ? reopen_last(log, &recovery->end) : log_next_segment(log, 1);
    }
    if (status == STATUS_OK && io_sync_folder(&log->settings.io, log->settings.folder) != 0) {
        status = STATUS_IO;
    }
    if (status == STATUS_OK) {
        status = frame_cache_open(&log->scout, &log->settings.io, log->frame_most);
    }
    if (status == STATUS_OK) {
        log_set_back_suspects(log, &recovery->suspects);
    }
    if (status == STATUS_NO_SPACE) {
        return explain(recovery->report, status, "no space for the store's first segment");
    }
    return status == STATUS_OK ? STATUS_OK : explain(recovery->report, status, "the store cannot be written");
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
