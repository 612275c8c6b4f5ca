#include "agent/state/scan_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

uint64_t scan_expected_frame(const struct scan *scan)
{
    return scan->end->last.frame + 1;
}

enum status scan_explain(struct scan *scan, enum status status, uint64_t offset, const char *what)
{
    snprintf(scan->end->message, sizeof scan->end->message, "segment-%010u.log at offset %llu: %s",
             scan->segment.number, (unsigned long long)offset, what);
    return status;
}

void scan_close_segment(struct scan *scan)
{
    if (scan->file >= 0) {
        scan->io->close(scan->io->self, scan->file);
    }
    scan->file = -1;
}

enum status scan_open_segment(struct scan *scan, size_t at)
{
    scan_close_segment(scan);
    scan->segment = (struct scan_segment){.number = scan->numbers.numbers[at]};
    struct segment_path path = segment_path_of(scan->folder, SEGMENT_FILE, scan->segment.number);
    scan->file = scan->io->open(scan->io->self, path.text, O_RDONLY, 0);
    if (scan->file < 0) {
        return errno == ENOENT && scan->mode == SCAN_BESIDE
                   ? STATUS_NOT_FOUND
                   : scan_explain(scan, STATUS_IO, 0, "cannot be opened");
    }
    int64_t size = scan->io->file_size(scan->io->self, scan->file);
    scan->segment.bytes = size > 0 ? (uint64_t)size : 0;
    if (size >= 0 && size < FRAME_BLOCK_BYTES && scan->end->last.frame == 0) {
        return scan_explain(scan, STATUS_CORRUPT, 0,
                            "shorter than any agent leaves it; restore the folder from a copy");
    }
    return size < 0 ? scan_explain(scan, STATUS_IO, 0, "its size cannot be read") : STATUS_OK;
}

enum status scan_read_header(struct scan *scan, uint64_t offset, struct frame_header *header)
{
    uint8_t block[FRAME_BLOCK_BYTES];
    ssize_t count = io_read_full(scan->io, scan->file, block, sizeof block, (off_t)offset);
    if (count < 0) {
        return scan_explain(scan, STATUS_IO, offset, "cannot be read");
    }
    return frame_unpack(bytes_of(block, (size_t)count), header);
}

bool scan_is_expected(const struct scan *scan, const struct frame_header *header)
{
    return header->frame == scan_expected_frame(scan) && header->previous_crc == scan->end->last.crc;
}

bool scan_is_repeated(const struct scan *scan, const struct frame_header *header)
{
    return header->frame == scan->end->last.frame && header->crc == scan->end->last.crc;
}

static bool continues(const struct scan *scan, const struct frame_header *header)
{
    return !scan->is_chained || scan_is_expected(scan, header) || scan_is_repeated(scan, header);
}

static enum status explain_version(struct scan *scan, uint64_t offset, unsigned version)
{
    char what[160];
    snprintf(what, sizeof what,
             "written in format %u, but this version reads format %d; run the version that wrote it", version,
             FRAME_FORMAT_VERSION);
    return scan_explain(scan, STATUS_UNSUPPORTED, offset, what);
}

enum status scan_read_frame(struct scan *scan, uint64_t offset)
{
    struct frame_header header;
    enum status status = scan_read_header(scan, offset, &header);
    if (status == STATUS_UNSUPPORTED && (!scan->is_chained || header.frame >= scan_expected_frame(scan))) {
        return explain_version(scan, offset, header.version);
    }
    if (status == STATUS_IO) {
        return STATUS_IO;
    }
    if (status != STATUS_OK || !continues(scan, &header)) {
        return STATUS_EMPTY;
    }
    status = frame_cache_read(&scan->cache, scan->file, offset, frame_bytes(header.stored_length));
    if (status == STATUS_IO) {
        return scan_explain(scan, STATUS_IO, offset, "cannot be read");
    }
    bool is_same = status == STATUS_OK && scan->cache.header.crc == header.crc;
    return is_same ? STATUS_OK : STATUS_EMPTY;
}

enum status scan_find_repetition(struct scan *scan, uint64_t *offset)
{
    for (uint64_t at = *offset; at < scan->segment.bytes; at += FRAME_BLOCK_BYTES) {
        struct frame_header header;
        enum status status = scan_read_header(scan, at, &header);
        if (status == STATUS_OK && header.frame > scan_expected_frame(scan)) {
            return STATUS_EMPTY; /* A repetition comes before any later frame; behind one, it is stale. */
        }
        if (status == STATUS_OK && scan_is_expected(scan, &header)) {
            status = scan_read_frame(scan, at);
            *offset = status == STATUS_OK ? at : *offset;
            if (status == STATUS_OK) {
                return STATUS_OK;
            }
        }
        if (status == STATUS_IO) {
            return STATUS_IO;
        }
    }
    return STATUS_EMPTY;
}
