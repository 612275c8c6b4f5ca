#include "agent/state/scan.h"

#include <stdio.h>

#include "agent/state/scan_walk.h"

enum { RESUMES_MAX = 1000 };

static enum status visit_records(struct scan *scan)
{
    const struct frame_header *header = &scan->cache.header;
    struct record record;
    uint32_t count = 0;
    enum status status;
    while ((status = frame_cache_seek(&scan->cache, (uint32_t)(scan->cache.last_ordinal + 1), &record)) ==
           STATUS_OK) {
        count++;
        struct sha256 previous = scan->chain.head;
        if (scan->mode == SCAN_BESIDE && ledger_chain_has(&record)) {
            ledger_chain_add(&scan->chain, &record);
            record.previous_hash = &previous;
            record.hash = &scan->chain.head;
        }
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

static bool chain_continues(const struct scan *scan, const struct frame_header *header)
{
    const struct frame_header *last = &scan->end->last;
    return last->frame == 0 || !scan->is_chained || sha256_equal(&header->chain_before, &last->chain_after);
}

static enum status visit_frame(struct scan *scan, uint64_t offset)
{
    const struct frame_header *header = &scan->cache.header;
    if (!sequence_continues(scan, header)) {
        return scan_explain(scan, STATUS_CORRUPT, offset, "the ledger sequence has a gap");
    }
    if (!chain_continues(scan, header)) {
        return scan_explain(scan, STATUS_CORRUPT, offset, "the ledger chain is broken before this frame");
    }
    scan->chain.head = header->chain_before;
    enum status status = scan->visitor.frame(scan->visitor.self, header, scan->segment, offset);
    if (status != STATUS_OK) {
        return status;
    }
    status = visit_records(scan);
    if (status == STATUS_CORRUPT) {
        return scan_explain(scan, STATUS_CORRUPT, offset, "the records are not what the header says");
    }
    if (scan->mode == SCAN_BESIDE && !sha256_equal(&scan->chain.head, &header->chain_after)) {
        return scan_explain(scan, STATUS_CORRUPT, offset, "its entries are not those of the ledger chain");
    }
    scan->end->last = *header;
    scan->end->last_offset = offset;
    scan->end->copies = 1;
    scan->end->is_durable = false;
    scan->end->frames++;
    scan->is_chained = true;
    return status;
}

static enum status consume_frame(struct scan *scan, uint64_t *offset)
{
    enum status status = scan_read_frame(scan, *offset);
    if (status == STATUS_EMPTY) {
        status = scan_find_repetition(scan, offset);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (scan_is_repeated(scan, &scan->cache.header)) {
        scan->end->copies++;
        scan->end->last_offset = *offset;
        status = scan->visitor.repeated(scan->visitor.self, &scan->cache.header, scan->segment, *offset);
    } else {
        status = visit_frame(scan, *offset);
    }
    *offset += frame_bytes(scan->cache.header.stored_length);
    return status;
}

/* The frames of one segment from `offset` on, as far as they continue the log. */
static enum status consume_segment(struct scan *scan, size_t at, uint64_t offset)
{
    enum status status = scan_open_segment(scan, at);
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
        if (status == STATUS_OK && scan->end->last.frame == 0) {
            return STATUS_OK; /* What comes next may be of a file's former life: the look ahead knows better.
                               */
        }
        scan->is_chained = scan->is_chained || status == STATUS_OK;
        offset = 0;
    }
    return STATUS_OK;
}

static enum status find_end(struct scan *scan)
{
    int resumes = 0;
    for (;;) {
        enum status status = consume(scan);
        if (status == STATUS_OK) {
            status = scan_look_ahead(scan);
        }
        if (status != STATUS_CORRUPT || scan->end->message[0] != '\0') {
            return status;
        }
        if (resumes++ < RESUMES_MAX && scan_may_resume(scan)) {
            continue;
        }
        status = scan_skip_damage(scan);
        if (status != STATUS_OK) {
            return status;
        }
    }
}

/* STATUS_NOT_FOUND: the segment to begin with is gone. */
static enum status begin(struct scan *scan, const struct scan_start *start)
{
    if (start->last.frame == 0) {
        return STATUS_OK;
    }
    while (scan->at < scan->numbers.count && scan->numbers.numbers[scan->at] != start->segment) {
        scan->at++;
    }
    scan->offset = start->offset;
    scan->is_chained = true;
    scan->end->last = start->last;
    scan->end->last_offset = start->offset - frame_bytes(start->last.stored_length);
    scan->end->copies = 1;
    scan->end->is_durable = true;
    scan->end->segment = (struct scan_segment){.number = start->segment};
    return scan->at < scan->numbers.count ? STATUS_OK : STATUS_NOT_FOUND;
}

static enum status prepare(struct scan *scan, const struct scan_start *start)
{
    enum status status = segment_numbers_list(scan->io, scan->folder, SEGMENT_FILE, &scan->numbers);
    if (status != STATUS_OK) {
        snprintf(scan->end->message, sizeof scan->end->message, "%.200s: cannot be listed", scan->folder);
        return status;
    }
    status = frame_cache_open(&scan->cache, scan->io, FRAME_RAW_MAX);
    return status == STATUS_OK ? begin(scan, start) : status;
}

enum status scan_run(const struct scan_source *source, struct scan_visitor visitor,
                     const struct scan_start *start, struct scan_end *end)
{
    struct scan scan = {.io = source->io,
                        .folder = source->folder,
                        .mode = source->mode,
                        .visitor = visitor,
                        .end = end,
                        .file = -1};
    *end = (struct scan_end){0};
    scan.cache.file = -1;
    enum status status = prepare(&scan, start);
    if (status == STATUS_OK) {
        status = find_end(&scan);
    }
    if (status == STATUS_OK) {
        end->offset = scan.offset;
    }
    scan_close_segment(&scan);
    frame_cache_close(&scan.cache);
    segment_numbers_free(&scan.numbers);
    return status;
}
