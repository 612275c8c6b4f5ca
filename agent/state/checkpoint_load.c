#include <fcntl.h>
#include <string.h>

#include "agent/state/checkpoint_file.h"
#include "agent/state/internals.h"
#include "agent/state/pages.h"

/* A checkpoint while it is read; any part of it that does not fit makes all of it useless. */
struct loading {
    struct state_log *log;
    struct checkpoint_reader reader;
    struct segment_numbers numbers; /* The segments that are there. */
    struct checkpoint_head head;
};

enum status checkpoint_head_read(struct checkpoint_reader *reader, struct checkpoint_head *head)
{
    struct unpacker unpacker = checkpoint_reader_piece(reader, CHECKPOINT_HEAD_BYTES);
    if (unpack_u32(&unpacker) != CHECKPOINT_MAGIC || unpack_u16(&unpacker) != CHECKPOINT_FORMAT_VERSION) {
        return STATUS_UNSUPPORTED;
    }
    head->frame = unpack_u64(&unpacker);
    head->frame_crc = unpack_u32(&unpacker);
    head->frame_most = unpack_u64(&unpacker);
    head->hash_key.low = unpack_u64(&unpacker);
    head->hash_key.high = unpack_u64(&unpacker);
    return unpacker.failed || head->frame_most > FRAME_RAW_MAX ? STATUS_CORRUPT : STATUS_OK;
}

static enum status load_head(struct loading *loading)
{
    struct state_log *log = loading->log;
    enum status status = checkpoint_head_read(&loading->reader, &loading->head);
    if (status == STATUS_OK) {
        log->settings.hash_key = loading->head.hash_key;
        log->frame_most =
            loading->head.frame_most > log->frame_most ? loading->head.frame_most : log->frame_most;
    }
    return status;
}

static enum status load_losses(struct loading *loading)
{
    struct state_log *log = loading->log;
    struct unpacker unpacker = checkpoint_reader_piece(&loading->reader, 28);
    log->blind_frames = unpack_u64(&unpacker);
    log->subjects_set_back = unpack_u32(&unpacker);
    uint64_t frames = unpack_u64(&unpacker);
    uint32_t damages = unpack_u32(&unpacker);
    uint32_t setbacks = unpack_u32(&unpacker);
    if (unpacker.failed || damages > DAMAGES_MAX || setbacks > STATE_LOG_SETBACKS_MAX) {
        return STATUS_CORRUPT;
    }
    for (uint32_t i = 0; i < damages; i++) {
        unpacker = checkpoint_reader_piece(&loading->reader, 28);
        struct damage *damage = &log->damages.list[log->damages.count++];
        damage->first_frame = unpack_u64(&unpacker);
        damage->last_frame = unpack_u64(&unpacker);
        damage->segment = unpack_u32(&unpacker);
        damage->offset = unpack_u64(&unpacker);
    }
    log->damages.frames = frames;
    log->needs_repair = damages > 0; /* It may have been noticed only. */
    for (uint32_t i = 0; i < setbacks; i++) {
        unpacker = checkpoint_reader_piece(&loading->reader, 8);
        log->setbacks[log->setback_count++] = unpack_u64(&unpacker);
    }
    return STATUS_OK;
}

static bool has_file(const struct loading *loading, uint32_t number)
{
    for (size_t i = 0; i < loading->numbers.count; i++) {
        if (loading->numbers.numbers[i] == number) {
            return true;
        }
    }
    return false;
}

/* Takes up the segment, or passes over one that was dropped since. */
static enum status load_segment(struct loading *loading)
{
    struct state_log *log = loading->log;
    struct segments *segments = &log->segments;
    struct unpacker unpacker = checkpoint_reader_piece(&loading->reader, 44);
    uint32_t number = unpack_u32(&unpacker);
    uint64_t first_frame = unpack_u64(&unpacker);
    uint64_t frame_count = unpack_u64(&unpacker);
    uint64_t used_bytes = unpack_u64(&unpacker);
    record_ref last_ref = unpack_u64(&unpacker);
    instant_ms last_clock = unpack_i64(&unpacker);
    bool is_there = has_file(loading, number);
    if (unpacker.failed || frame_count > segments->directory_size || (!is_there && segments->count > 0)) {
        return STATUS_CORRUPT;
    }
    for (uint64_t i = 0; i < frame_count; i++) {
        unpacker = checkpoint_reader_piece(&loading->reader, 2);
        segments->directory[(first_frame + i) % segments->directory_size] = unpack_u16(&unpacker);
    }
    if (!is_there) {
        return STATUS_OK;
    }
    struct segment_path path = segment_path_of(log->settings.folder, SEGMENT_FILE, number);
    int64_t bytes = segment_file_size(&log->settings.io, path.text);
    if (bytes < (int64_t)used_bytes || segments->count == segments->capacity) {
        return STATUS_CORRUPT;
    }
    struct segment *segment = segments_append(segments, number, (uint64_t)bytes, first_frame);
    segment->frame_count = frame_count;
    segment->used_bytes = used_bytes;
    segment->last_ref = last_ref;
    segment->last_clock = last_clock;
    segments->file_bytes += (uint64_t)bytes;
    return STATUS_OK;
}

/* Nothing older than the table's first may be there: a drop that a crash undid. */
static enum status load_segments(struct loading *loading)
{
    const struct segments *segments = &loading->log->segments;
    struct unpacker unpacker = checkpoint_reader_piece(&loading->reader, 4);
    uint32_t count = unpack_u32(&unpacker);
    enum status status = unpacker.failed ? STATUS_CORRUPT : STATUS_OK;
    for (uint32_t i = 0; status == STATUS_OK && i < count; i++) {
        status = load_segment(loading);
    }
    bool is_first = status == STATUS_OK && segments->count > 0 && loading->numbers.count > 0 &&
                    segments->list[0].number == loading->numbers.numbers[0];
    return is_first && segments_have_room_up_to(segments, loading->head.frame) ? STATUS_OK : STATUS_CORRUPT;
}

static enum status load_places(struct loading *loading)
{
    struct state_log *log = loading->log;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !checkpoint_reader_is_done(&loading->reader)) {
        struct unpacker unpacker = checkpoint_reader_piece(&loading->reader, 24);
        uint64_t hash = unpack_u64(&unpacker);
        record_ref ref = unpack_u64(&unpacker);
        instant_ms edge = unpack_i64(&unpacker);
        bool fits = !unpacker.failed && ref != RECORD_REF_NONE &&
                    log->index.count < log->settings.subjects_max + SUBJECTS_BEYOND;
        status = fits ? subject_index_add(&log->index, hash, ref, edge) : STATUS_FULL;
    }
    return status;
}

/* The frame it speaks of must be there: then so is all that came before. */
static enum status check_frame(struct loading *loading, struct scan_start *start)
{
    struct state_log *log = loading->log;
    struct frame_place place;
    enum status status = segments_locate(&log->segments, loading->head.frame, &place);
    if (status != STATUS_OK) {
        return status;
    }
    struct segment_path path = segment_path_of(log->settings.folder, SEGMENT_FILE, place.number);
    const struct io *io = &log->settings.io;
    int file = io->open(io->self, path.text, O_RDONLY, 0);
    if (file < 0) {
        return STATUS_IO;
    }
    uint8_t block[FRAME_BLOCK_BYTES];
    ssize_t count = io_read_full(io, file, block, sizeof block, (off_t)place.offset);
    io->close(io->self, file);
    status = count < 0 ? STATUS_IO : frame_unpack(bytes_of(block, (size_t)count), &start->last);
    if (status != STATUS_OK || start->last.frame != loading->head.frame ||
        start->last.crc != loading->head.frame_crc) {
        return STATUS_CORRUPT;
    }
    start->segment = place.number;
    start->offset = place.offset + frame_bytes(start->last.stored_length);
    log->committed_ref = segments_last_ref(&log->segments);
    return STATUS_OK;
}

static enum status load(struct loading *loading, struct scan_start *start)
{
    struct state_log *log = loading->log;
    const struct state_log_settings *settings = &log->settings;
    enum status status =
        segment_numbers_list(&settings->io, settings->folder, SEGMENT_FILE, &loading->numbers);
    if (status == STATUS_OK) {
        status =
            checkpoint_reader_open(&loading->reader, &settings->io, settings->folder, log->checkpoint.buffer);
    }
    status = status == STATUS_OK ? load_head(loading) : status;
    status = status == STATUS_OK ? load_losses(loading) : status;
    status = status == STATUS_OK ? load_segments(loading) : status;
    status = status == STATUS_OK ? load_places(loading) : status;
    return status == STATUS_OK ? check_frame(loading, start) : status;
}

static void forget(struct state_log *log)
{
    log->committed_ref = RECORD_REF_NONE;
    log->frame_most = log_raw_most(&log->settings);
    log->blind_frames = 0;
    log->subjects_set_back = 0;
    log->setback_count = 0;
    log->damages = (struct damages){0};
    log->needs_repair = false;
    log->segments.count = 0;
    log->segments.file_bytes = 0;
    subject_index_clear(&log->index);
}

void log_load_checkpoint(struct state_log *log, struct scan_start *start)
{
    struct loading loading = {.log = log, .reader = {.file = -1}};
    *start = (struct scan_start){0};
    if (load(&loading, start) == STATUS_OK) {
        witnesses_init(&log->witnesses, log->witnesses.list, log->witnesses.capacity - WITNESS_OLDER_MOST,
                       loading.head.frame + 1);
        log->checkpoint.file_bytes = loading.reader.end;
    } else {
        *start = (struct scan_start){.promised_frame = loading.head.frame};
        forget(log);
    }
    if (loading.reader.io != NULL) {
        checkpoint_reader_close(&loading.reader);
    }
    segment_numbers_free(&loading.numbers);
}

void log_forget_checkpoint(struct state_log *log, struct scan_start *start)
{
    *start = (struct scan_start){.promised_frame = start->last.frame};
    witnesses_init(&log->witnesses, log->witnesses.list, log->witnesses.capacity - WITNESS_OLDER_MOST, 1);
    forget(log);
}
