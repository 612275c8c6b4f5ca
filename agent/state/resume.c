/* Recovery's second half: when it is known where the log ends, the folder is made fit to go on there. */
#include <fcntl.h>

#include "agent/state/internals.h"
#include "agent/state/pages.h"
#include "base/mutation.h"

static bool is_block_of_frame(const uint8_t *block, uint64_t last_frame)
{
    struct frame_header header;
    return frame_unpack(bytes_of(block, FRAME_BLOCK_BYTES), &header) == STATUS_OK &&
           header.frame > last_frame;
}

/* The file from `offset` to `end`: its first block, and every block there in which a frame beyond the last
 * one begins, becomes zeros. What is left of frames that were never acknowledged loses its beginning so, and
 * cannot be completed by a later torn write. */
static enum status erase(struct state_log *log, int file, uint64_t offset, uint64_t end)
{
    static const uint8_t zeros[FRAME_BLOCK_BYTES];
    const struct io *io = &log->settings.io;
    uint8_t block[FRAME_BLOCK_BYTES];
    for (uint64_t at = offset; at < end; at += sizeof block) {
        if (io_read_full(io, file, block, sizeof block, (off_t)at) < 0) {
            return STATUS_IO;
        }
        bool is_cut = at == offset || is_block_of_frame(block, log->committed_frame);
        if (is_cut && io_write_full(io, file, zeros, sizeof zeros, (off_t)at) != 0) {
            return STATUS_IO;
        }
    }
    return STATUS_OK;
}

/* Files behind the last frame, or of no frame at all, are spares that were about to be used. */
static enum status free_segment(struct state_log *log, uint32_t number)
{
    const struct io *io = &log->settings.io;
    struct segment_path from = segment_path_of(log->settings.folder, SEGMENT_FILE, number);
    struct segment_path to = segment_path_of(log->settings.folder, SPARE_FILE, log->segments.next_spare++);
    int file = io->open(io->self, from.text, O_RDWR, 0);
    if (file < 0) {
        return STATUS_IO;
    }
    int64_t bytes = io->file_size(io->self, file);
    enum status status = bytes < 0 ? STATUS_IO : erase(log, file, 0, (uint64_t)bytes);
    if (status == STATUS_OK && io->fdatasync(io->self, file) != 0) {
        status = STATUS_IO;
    }
    io->close(io->self, file);
    return status == STATUS_OK ? segment_rename(io, &from, &to) : status;
}

static bool has_segment(const struct state_log *log, uint32_t number)
{
    for (uint32_t i = 0; i < log->segments.count; i++) {
        if (log->segments.list[i].number == number) {
            return true;
        }
    }
    return false;
}

static enum status free_unused_segments(struct state_log *log)
{
    const struct io *io = &log->settings.io;
    struct segment_numbers numbers;
    uint32_t last = log->segments.count > 0 ? segments_last(&log->segments)->number : 0;
    enum status status = segment_numbers_list(io, log->settings.folder, SEGMENT_FILE, &numbers);
    for (size_t i = 0; status == STATUS_OK && i < numbers.count; i++) {
        if (numbers.numbers[i] > last || log->segments.count == 0) {
            status = free_segment(log, numbers.numbers[i]);
        } else if (!has_segment(log, numbers.numbers[i])) {
            log->has_ruins = true;
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
    /* Beside a log without frames it may hold those of another life, with numbers yet to come. */
    is_whole = is_whole && log->committed_frame > 0;
    if (is_whole && segments_may_grow(&log->segments) &&
        segment_blank(io, &path, FRAME_BLOCK_BYTES) == STATUS_OK) {
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
    /* What became a spare must stay one, before its bytes are touched. */
    if (status == STATUS_OK && io_sync_folder(&log->settings.io, log->settings.folder) != 0) {
        status = STATUS_IO;
    }
    if (status == STATUS_OK) {
        status = segment_numbers_list(&log->settings.io, log->settings.folder, SPARE_FILE, &numbers);
        for (size_t i = 0; status == STATUS_OK && i < numbers.count; i++) {
            keep_spare(log, numbers.numbers[i]);
        }
        segment_numbers_free(&numbers);
    }
    return status;
}

/* STATUS_NO_SPACE: there is none, and nothing was written. */
static enum status write_copy(struct state_log *log, const uint8_t *copy, size_t bytes)
{
    const struct io *io = &log->settings.io;
    if (bytes > segments_room(&log->segments)) {
        enum status status = log_next_segment(log, log->committed_frame + 1);
        if (status != STATUS_OK) {
            return status;
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
    segments_repeat(&log->segments, bytes);
    return STATUS_OK;
}

static enum status cut_tail(struct state_log *log, const struct scan_end *end)
{
    const struct segment *last = segments_last(&log->segments);
    uint64_t until = end->torn_bytes > 0 ? last->bytes : last->used_bytes + FRAME_BLOCK_BYTES;
    return erase(log, log->file, last->used_bytes, until < last->bytes ? until : last->bytes);
}

/* Before the copy goes into the next segment: what is torn must not outlive it in this one. */
static enum status leave_segment(struct state_log *log, const struct scan_end *end)
{
    const struct io *io = &log->settings.io;
    enum status status = cut_tail(log, end);
    return status == STATUS_OK && io->fdatasync(io->self, log->file) != 0 ? STATUS_IO : status;
}

/* The last frame may have been read from the page cache of a process that died before, or because, its sync
 * failed: repeated behind itself, it surely is on the disk before anything relies on it. Never in place
 * alone: that write could be torn. */
static enum status secure_frame(struct state_log *log, const struct scan_end *end, uint8_t *frame,
                                size_t bytes)
{
    const struct io *io = &log->settings.io;
    if (io_read_full(io, log->file, frame, bytes, (off_t)end->last_offset) != (ssize_t)bytes) {
        return STATUS_IO;
    }
    /* Two may both be of runs whose syncs failed; each further one means a sync that did not. */
    bool is_trusted = end->copies >= 3 || mutation_is_on(MUTATION_FIRST_COPY_TRUSTED);
    enum status status = STATUS_OK;
    if (!is_trusted) {
        status = bytes > segments_room(&log->segments) ? leave_segment(log, end) : STATUS_OK;
        status = status == STATUS_OK ? write_copy(log, frame, bytes) : status;
    } else if (io->fdatasync(io->self, log->file) != 0) {
        status = STATUS_IO;
    }
    return status == STATUS_NO_SPACE ? STATUS_OK : status; /* Better to open without. */
}

static enum status secure_last(struct state_log *log, const struct scan_end *end)
{
    if (end->is_durable) {
        return STATUS_OK;
    }
    size_t bytes = frame_bytes(end->last.stored_length);
    uint8_t *frame = pages_take(bytes);
    if (frame == NULL) {
        return STATUS_NO_MEMORY;
    }
    enum status status = secure_frame(log, end, frame, bytes);
    pages_give(frame, bytes);
    return status;
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
    enum status status = secure_last(log, end);
    if (status == STATUS_OK) {
        status = cut_tail(log, end);
    }
    return status == STATUS_OK && io->fdatasync(io->self, log->file) != 0 ? STATUS_IO : status;
}

enum status log_resume(struct state_log *log, const struct scan_end *end, struct torn_beginning torn)
{
    enum status status = collect_spares(log);
    if (status == STATUS_OK && torn.bytes > 0) {
        struct segment_path path = segment_path_of(log->settings.folder, SEGMENT_FILE, torn.segment);
        status = segment_blank(&log->settings.io, &path, torn.bytes);
    }
    if (status == STATUS_OK) {
        status = log->segments.count > 0 ? reopen_last(log, end) : log_next_segment(log, 1);
    }
    if (status == STATUS_OK && io_sync_folder(&log->settings.io, log->settings.folder) != 0) {
        status = STATUS_IO;
    }
    return status;
}
