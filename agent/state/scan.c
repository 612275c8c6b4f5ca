#include "agent/state/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "agent/state/frame_cache.h"
#include "agent/state/state_log.h"

enum { RESUMES_MAX = 1000 };

struct scan {
    const struct io *io;
    const char *folder;
    enum scan_mode mode;
    struct scan_visitor visitor;
    struct scan_end *end;
    struct segment_numbers numbers;
    struct frame_cache cache;
    bool is_chained; /* The next frame must continue end->last; else any may begin. */
    size_t at;       /* Where the frames end so far: the segment's place in `numbers`, */
    uint64_t offset; /* and the offset. */
    int file;        /* Of the segment being read; -1: none. */
    struct scan_segment segment;
};

static uint64_t expected_frame(const struct scan *scan)
{
    return scan->end->last.frame + 1;
}

static enum status explain(struct scan *scan, enum status status, uint64_t offset, const char *what)
{
    snprintf(scan->end->message, sizeof scan->end->message, "segment-%010u.log at offset %llu: %s",
             scan->segment.number, (unsigned long long)offset, what);
    return status;
}

static void close_segment(struct scan *scan)
{
    if (scan->file >= 0) {
        scan->io->close(scan->io->self, scan->file);
    }
    scan->file = -1;
}

/* STATUS_NOT_FOUND if it is gone. */
static enum status open_segment(struct scan *scan, size_t at)
{
    close_segment(scan);
    scan->segment = (struct scan_segment){.number = scan->numbers.numbers[at]};
    struct segment_path path = segment_path_of(scan->folder, SEGMENT_FILE, scan->segment.number);
    scan->file = scan->io->open(scan->io->self, path.text, O_RDONLY, 0);
    if (scan->file < 0) {
        return errno == ENOENT && scan->mode == SCAN_BESIDE ? STATUS_NOT_FOUND
                                                            : explain(scan, STATUS_IO, 0, "cannot be opened");
    }
    int64_t size = scan->io->file_size(scan->io->self, scan->file);
    scan->segment.bytes = size > 0 ? (uint64_t)size : 0;
    return size < 0 ? explain(scan, STATUS_IO, 0, "its size cannot be read") : STATUS_OK;
}

/* STATUS_CORRUPT: no intact header there. */
static enum status read_header(struct scan *scan, uint64_t offset, struct frame_header *header)
{
    uint8_t block[FRAME_BLOCK_BYTES];
    ssize_t count = io_read_full(scan->io, scan->file, block, sizeof block, (off_t)offset);
    if (count < 0) {
        return explain(scan, STATUS_IO, offset, "cannot be read");
    }
    return frame_unpack(bytes_of(block, (size_t)count), header);
}

static bool is_expected(const struct scan *scan, const struct frame_header *header)
{
    return header->frame == expected_frame(scan) && header->previous_crc == scan->end->last.crc;
}

/* Recovery writes the last frame once more. */
static bool is_repeated(const struct scan *scan, const struct frame_header *header)
{
    return header->frame == scan->end->last.frame && header->crc == scan->end->last.crc;
}

static bool continues(const struct scan *scan, const struct frame_header *header)
{
    return !scan->is_chained || is_expected(scan, header) || is_repeated(scan, header);
}

/* STATUS_OK with the frame in the cache; STATUS_EMPTY where the log does not continue. */
static enum status read_frame(struct scan *scan, uint64_t offset)
{
    struct frame_header header;
    enum status status = read_header(scan, offset, &header);
    if (status == STATUS_UNSUPPORTED && (!scan->is_chained || header.frame >= expected_frame(scan))) {
        char what[160];
        snprintf(what, sizeof what,
                 "written in format %u, but this version reads format %d; run the version that wrote it",
                 header.version, FRAME_FORMAT_VERSION);
        return explain(scan, STATUS_UNSUPPORTED, offset, what);
    }
    if (status == STATUS_IO) {
        return STATUS_IO;
    }
    if (status != STATUS_OK || !continues(scan, &header)) {
        return STATUS_EMPTY;
    }
    status = frame_cache_read(&scan->cache, scan->file, offset, frame_bytes(header.stored_length));
    if (status == STATUS_IO) {
        return explain(scan, STATUS_IO, offset, "cannot be read");
    }
    bool is_same = status == STATUS_OK && scan->cache.header.crc == header.crc;
    return is_same ? STATUS_OK : STATUS_EMPTY;
}

static enum status visit_records(struct scan *scan)
{
    const struct frame_header *header = &scan->cache.header;
    struct record record;
    uint32_t count = 0;
    enum status status;
    while ((status = frame_cache_seek(&scan->cache, (uint32_t)(scan->cache.last_ordinal + 1), &record)) ==
           STATUS_OK) {
        count++;
        status = scan->visitor.record(scan->visitor.self, &record);
        if (status != STATUS_OK) {
            return status;
        }
    }
    bool is_complete = status == STATUS_EMPTY && count == header->record_count &&
                       scan->cache.walk.next_seq == header->first_seq + header->seq_count;
    scan->end->records += count;
    return is_complete ? STATUS_OK : STATUS_CORRUPT;
}

static bool sequence_continues(const struct scan *scan, const struct frame_header *header)
{
    const struct frame_header *last = &scan->end->last;
    return last->frame == 0 || !scan->is_chained || header->first_seq == last->first_seq + last->seq_count;
}

static enum status visit_frame(struct scan *scan, uint64_t offset)
{
    const struct frame_header *header = &scan->cache.header;
    if (!sequence_continues(scan, header)) {
        return explain(scan, STATUS_CORRUPT, offset, "the ledger sequence has a gap");
    }
    enum status status = scan->visitor.frame(scan->visitor.self, header, scan->segment, offset);
    if (status != STATUS_OK) {
        return status;
    }
    status = visit_records(scan);
    if (status == STATUS_CORRUPT) {
        return explain(scan, STATUS_CORRUPT, offset, "the records are not what the header says");
    }
    scan->end->last = *header;
    scan->end->last_offset = offset;
    scan->end->copies = 1;
    scan->end->frames++;
    scan->is_chained = true;
    return status;
}

/* When the expected frame was lost where it was, its repetition stands in for it. */
static enum status find_repetition(struct scan *scan, uint64_t *offset)
{
    for (uint64_t at = *offset + FRAME_BLOCK_BYTES; at < scan->segment.bytes; at += FRAME_BLOCK_BYTES) {
        struct frame_header header;
        enum status status = read_header(scan, at, &header);
        if (status == STATUS_IO) {
            return STATUS_IO;
        }
        if (status == STATUS_OK && is_expected(scan, &header) && read_frame(scan, at) == STATUS_OK) {
            *offset = at;
            return STATUS_OK;
        }
    }
    return STATUS_EMPTY;
}

static enum status consume_frame(struct scan *scan, uint64_t *offset)
{
    enum status status = read_frame(scan, *offset);
    if (status == STATUS_EMPTY) {
        status = find_repetition(scan, offset);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (is_repeated(scan, &scan->cache.header)) {
        scan->end->copies++;
    } else {
        status = visit_frame(scan, *offset);
    }
    *offset += frame_bytes(scan->cache.header.stored_length);
    return status;
}

/* The frames of one segment from `offset` on, as far as they continue the log. */
static enum status consume_segment(struct scan *scan, size_t at, uint64_t offset)
{
    enum status status = open_segment(scan, at);
    while (status == STATUS_OK && offset < scan->segment.bytes) {
        status = consume_frame(scan, &offset);
        if (status == STATUS_OK) {
            scan->at = at;
            scan->offset = offset;
            scan->end->segment = scan->segment;
        }
    }
    return status == STATUS_EMPTY ? STATUS_OK : status;
}

/* Only the first segment, or the first left by an agent that drops them, may begin anywhere. */
static enum status consume(struct scan *scan)
{
    uint64_t offset = scan->offset;
    for (size_t at = scan->at; at < scan->numbers.count; at++) {
        enum status status = consume_segment(scan, at, offset);
        if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
            return status;
        }
        if (status == STATUS_OK) {
            scan->is_chained = true;
        }
        offset = 0;
    }
    return STATUS_OK;
}

/* An intact frame at or behind the missing one: damage, if it claims that the missing one was on the disk
 * when it was written itself; else both were on their way together and go together. */
static enum status judge(struct scan *scan, const struct frame_header *header)
{
    if (header->frame < expected_frame(scan)) {
        return STATUS_OK;
    }
    if (header->durable_frame >= expected_frame(scan)) {
        return STATUS_CORRUPT;
    }
    scan->end->torn_bytes += frame_bytes(header->stored_length);
    return STATUS_OK;
}

static enum status look_into(struct scan *scan, size_t at, uint64_t offset)
{
    enum status status = open_segment(scan, at);
    for (; status == STATUS_OK && offset < scan->segment.bytes; offset += FRAME_BLOCK_BYTES) {
        struct frame_header header;
        enum status read = read_header(scan, offset, &header);
        if (read == STATUS_IO) {
            return STATUS_IO;
        }
        if (read == STATUS_OK) {
            status = judge(scan, &header);
        }
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status look_ahead(struct scan *scan)
{
    enum status status = STATUS_OK;
    uint64_t offset = scan->offset;
    scan->end->torn_bytes = 0;
    for (size_t at = scan->at; at < scan->numbers.count && status == STATUS_OK; at++) {
        status = look_into(scan, at, offset);
        offset = 0;
    }
    return status;
}

/* An agent at work explains a gap: the frame has come since, or its segment was dropped and used again. */
static bool may_resume(struct scan *scan)
{
    if (scan->mode == SCAN_ALONE) {
        return false;
    }
    if (open_segment(scan, scan->at) == STATUS_NOT_FOUND) {
        scan->is_chained = false;
        scan->offset = 0;
        scan->at++;
        return true;
    }
    return read_frame(scan, scan->offset) == STATUS_OK;
}

static enum status damaged(struct scan *scan)
{
    char what[160];
    if (scan->at < scan->numbers.count) {
        scan->segment.number = scan->numbers.numbers[scan->at];
    }
    snprintf(what, sizeof what,
             "frame %llu is damaged or missing, but later ones are there; restore the folder from a copy",
             (unsigned long long)expected_frame(scan));
    return explain(scan, STATUS_CORRUPT, scan->offset, what);
}

static enum status find_end(struct scan *scan)
{
    for (int resumes = 0; resumes < RESUMES_MAX; resumes++) {
        enum status status = consume(scan);
        if (status == STATUS_OK) {
            status = look_ahead(scan);
        }
        if (status != STATUS_CORRUPT || scan->end->message[0] != '\0') {
            return status;
        }
        if (!may_resume(scan)) {
            return damaged(scan);
        }
    }
    return damaged(scan);
}

enum status scan_run(const struct io *io, const char *folder, enum scan_mode mode,
                     struct scan_visitor visitor, struct scan_end *end)
{
    struct scan scan = {.io = io, .folder = folder, .mode = mode, .visitor = visitor, .end = end, .file = -1};
    *end = (struct scan_end){0};
    enum status status = segment_numbers_list(io, folder, SEGMENT_FILE, &scan.numbers);
    if (status != STATUS_OK) {
        snprintf(end->message, sizeof end->message, "%.200s: cannot be listed", folder);
        return status;
    }
    status = frame_cache_open(&scan.cache, io, FRAME_RAW_MAX);
    if (status == STATUS_OK) {
        status = find_end(&scan);
    }
    if (status == STATUS_OK) {
        end->offset = scan.offset;
    }
    close_segment(&scan);
    frame_cache_close(&scan.cache);
    segment_numbers_free(&scan.numbers);
    return status;
}

static enum status count_frame(void *self, const struct frame_header *header, struct scan_segment segment,
                               uint64_t offset)
{
    (void)self;
    (void)header;
    (void)segment;
    (void)offset;
    return STATUS_OK;
}

static enum status pass_record(void *self, const struct record *record)
{
    const struct state_log_listener *listener = self;
    if (listener->record != NULL) {
        listener->record(listener->self, record);
    }
    return STATUS_OK;
}

enum status state_log_scan(const char *folder, struct io io, struct state_log_listener listener,
                           struct state_log_report *report)
{
    struct scan_end end;
    struct scan_visitor visitor = {.frame = count_frame, .record = pass_record, .self = &listener};
    enum status status = scan_run(&io, folder, SCAN_BESIDE, visitor, &end);
    *report = (struct state_log_report){
        .frames = end.frames,
        .records = end.records,
        .torn_bytes = end.torn_bytes,
        .last_seq = end.last.frame == 0 ? 0 : end.last.first_seq + end.last.seq_count - 1};
    snprintf(report->message, sizeof report->message, "%s", end.message);
    return status;
}
