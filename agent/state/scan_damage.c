#include <string.h>

#include "agent/state/flipped_bit.h"
#include "agent/state/scan_walk.h"

/* An intact frame at or behind the missing one: damage, if it claims that the missing one was on the disk
 * when it was written itself; else both were on their way together and go together. */
static enum status judge(struct scan *scan, const struct frame_header *header)
{
    if (header->frame < scan_expected_frame(scan)) {
        return STATUS_OK;
    }
    if (header->durable_frame >= scan_expected_frame(scan)) {
        return STATUS_CORRUPT;
    }
    scan->end->torn_bytes += frame_bytes(header->stored_length);
    return STATUS_OK;
}

static bool is_blank_at(struct scan *scan, uint64_t offset)
{
    static const uint8_t zeros[FRAME_BLOCK_BYTES];
    uint8_t block[FRAME_BLOCK_BYTES];
    ssize_t count = io_read_full(scan->io, scan->file, block, sizeof block, (off_t)offset);
    return count == (ssize_t)sizeof block && memcmp(block, zeros, sizeof block) == 0;
}

/* A write cut short leaves more than one bit wrong: then the frame was whole once. */
static void look_for_flipped_bit(struct scan *scan, uint64_t offset)
{
    struct frame_header header;
    uint64_t at;
    uint64_t left = scan->segment.bytes - offset;
    size_t most = left < scan->cache.stored_most ? (size_t)left : scan->cache.stored_most;
    frame_cache_forget(&scan->cache);
    ssize_t count = io_read_full(scan->io, scan->file, scan->cache.stored, most, (off_t)offset);
    if (count > 0 && flipped_bit_repair(scan->cache.stored, (size_t)count, &header, &at) &&
        scan_is_expected(scan, &header)) {
        scan->end->flipped_frame = header.frame;
    }
}

/* For tools: a start cuts off what is there, whatever it is. */
static void look_behind_end(struct scan *scan, uint64_t offset)
{
    if (!is_blank_at(scan, offset)) {
        scan->end->has_tail = true;
        look_for_flipped_bit(scan, offset);
    }
}

static enum status look_into(struct scan *scan, size_t at, uint64_t offset)
{
    enum status status = scan_open_segment(scan, at);
    if (status == STATUS_OK && scan->mode == SCAN_BESIDE && offset < scan->segment.bytes) {
        look_behind_end(scan, offset);
    }
    for (; status == STATUS_OK && offset < scan->segment.bytes; offset += FRAME_BLOCK_BYTES) {
        struct frame_header header;
        enum status read = scan_read_header(scan, offset, &header);
        if (read == STATUS_IO) {
            return STATUS_IO;
        }
        if (read == STATUS_OK) {
            status = judge(scan, &header);
        }
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status scan_look_ahead(struct scan *scan)
{
    enum status status = STATUS_OK;
    uint64_t offset = scan->offset;
    scan->end->torn_bytes = 0;
    scan->end->has_tail = false;
    scan->end->flipped_frame = 0;
    for (size_t at = scan->at; at < scan->numbers.count && status == STATUS_OK; at++) {
        status = look_into(scan, at, offset);
        offset = 0;
    }
    return status;
}

bool scan_may_resume(struct scan *scan)
{
    if (scan->mode == SCAN_ALONE) {
        return false;
    }
    if (scan_open_segment(scan, scan->at) == STATUS_NOT_FOUND) {
        scan->is_chained = false;
        scan->offset = 0;
        scan->at++;
        return true;
    }
    return scan_read_frame(scan, scan->offset) == STATUS_OK;
}

/* Frames that can follow a gap: stale ones of a file's former life have lower numbers and seqs. */
static bool is_beyond(const struct scan *scan, const struct frame_header *header)
{
    const struct frame_header *last = &scan->end->last;
    return last->frame == 0 ||
           (header->frame > last->frame + 1 && header->first_seq >= last->first_seq + last->seq_count);
}

/* Where a scan can go on behind damage. */
struct resumption {
    struct frame_header header; /* header.frame 0: nowhere. */
    struct scan_segment segment;
    size_t at;
    uint64_t offset;
    bool is_whole; /* Else only the header can be used. */
};

static enum status search_segment(struct scan *scan, size_t at, uint64_t offset, struct resumption *found)
{
    enum status status = scan_open_segment(scan, at);
    for (; status == STATUS_OK && offset < scan->segment.bytes; offset += FRAME_BLOCK_BYTES) {
        struct frame_header header;
        status = scan_read_header(scan, offset, &header);
        bool is_candidate = status == STATUS_OK && is_beyond(scan, &header);
        status = status == STATUS_CORRUPT || status == STATUS_UNSUPPORTED ? STATUS_OK : status;
        if (!is_candidate) {
            continue;
        }
        *found = (struct resumption){.header = header, .segment = scan->segment, .at = at, .offset = offset};
        status = scan_read_frame(scan, offset);
        if (status == STATUS_OK) {
            found->is_whole = true;
            return STATUS_OK;
        }
        status = status == STATUS_EMPTY ? STATUS_OK : status;
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* The next whole frame, or else the last intact header. */
static enum status search(struct scan *scan, struct resumption *found)
{
    enum status status = STATUS_OK;
    uint64_t offset = scan->offset;
    scan->is_chained = false;
    for (size_t at = scan->at; at < scan->numbers.count && status == STATUS_OK && !found->is_whole; at++) {
        status = search_segment(scan, at, offset, found);
        offset = 0;
    }
    return status;
}

/* The end is behind a frame of which only the header is left: its number and seqs must not be given again. */
static void end_behind(struct scan *scan, const struct resumption *found)
{
    scan->end->last = found->header;
    scan->end->last_offset = found->offset;
    scan->end->is_durable = true; /* Nothing to repeat. */
    scan->end->segment = found->segment;
    scan->offset = found->offset + frame_bytes(found->header.stored_length);
    scan->is_chained = true;
}

/* At the very beginning: a first copy that never reached the disk, in a file that was blank. */
static bool is_blank(struct scan *scan, const struct resumption *found)
{
    if (scan->end->last.frame != 0 || found->at != scan->at) {
        return false;
    }
    for (uint64_t at = scan->offset; at < found->offset; at += FRAME_BLOCK_BYTES) {
        if (!is_blank_at(scan, at)) {
            return false;
        }
    }
    return true;
}

enum status scan_skip_damage(struct scan *scan)
{
    struct resumption found = {0};
    struct damage damage = {.first_frame = scan_expected_frame(scan),
                            .segment = scan->at < scan->numbers.count ? scan->numbers.numbers[scan->at] : 0,
                            .offset = scan->offset};
    enum status status = search(scan, &found);
    if (status != STATUS_OK) {
        return status;
    }
    if (found.header.frame == 0) {
        return scan_explain(
            scan, STATUS_CORRUPT, scan->offset,
            "later frames are there, but their sequence goes back; restore the folder from a copy");
    }
    damage.last_frame = found.is_whole ? found.header.frame - 1 : found.header.frame;
    if (scan->end->last.frame == 0 && damage.last_frame > 0) {
        damage.first_frame =
            damage.last_frame; /* Where a log begins that lost its beginning, nobody knows. */
    }
    struct bytes witnesses = bytes_of(NULL, 0);
    if (found.is_whole) {
        size_t records = frame_records_length(&found.header);
        witnesses = bytes_of(scan->cache.raw + records, found.header.raw_length - records);
    }
    bool is_nothing_lost = found.is_whole && is_blank(scan, &found);
    scan->at = found.at;
    scan->offset = found.offset;
    if (is_nothing_lost) {
        return STATUS_OK;
    }
    if (!found.is_whole) {
        end_behind(scan, &found);
    }
    return scan->visitor.lost(scan->visitor.self, &damage, &found.header, witnesses);
}
