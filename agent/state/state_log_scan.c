#include <stdio.h>

#include "agent/state/checkpoint_file.h"
#include "agent/state/pages.h"
#include "agent/state/scan.h"
#include "agent/state/state_log.h"

struct telling {
    struct state_log_listener listener;
    struct state_log_report *report;
};

static enum status pass_frame(void *self, const struct frame_header *header, struct scan_segment segment,
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
    const struct telling *telling = self;
    if (telling->listener.record != NULL) {
        telling->listener.record(telling->listener.self, record);
    }
    return STATUS_OK;
}

static enum status note_damage(void *self, const struct damage *damage, const struct frame_header *next,
                               struct bytes witnesses)
{
    (void)next;
    (void)witnesses;
    const struct telling *telling = self;
    damages_add(&telling->report->damages, *damage);
    return STATUS_OK;
}

/* The frame that the checkpoint says was on the disk; 0 if there is none. Read before the log: an agent at
 * work writes both. */
static uint64_t promised_frame(const struct io *io, const char *folder, bool *is_damaged)
{
    uint8_t *buffer = pages_take(CHECKPOINT_BUFFER_BYTES);
    if (buffer == NULL) {
        return 0;
    }
    struct checkpoint_reader reader;
    uint64_t frame = 0;
    enum status status = checkpoint_reader_open(&reader, io, folder, buffer);
    if (status == STATUS_OK) {
        struct checkpoint_head head;
        frame = checkpoint_head_read(&reader, &head) == STATUS_OK ? head.frame : 0;
    }
    *is_damaged = status == STATUS_CORRUPT;
    checkpoint_reader_close(&reader);
    pages_give(buffer, CHECKPOINT_BUFFER_BYTES);
    return frame;
}

enum status state_log_scan(const char *folder, struct io io, struct state_log_listener listener,
                           struct state_log_report *report)
{
    *report = (struct state_log_report){0};
    uint64_t promised = promised_frame(&io, folder, &report->index_is_damaged);
    struct telling telling = {.listener = listener, .report = report};
    struct scan_visitor visitor = {.frame = pass_frame,
                                   .record = pass_record,
                                   .repeated = pass_frame,
                                   .lost = note_damage,
                                   .self = &telling};
    struct scan_start from_the_oldest = {0};
    struct scan_end end;
    struct scan_source source = {.io = &io, .folder = folder, .mode = SCAN_BESIDE};
    enum status status = scan_run(&source, visitor, &from_the_oldest, &end);
    report->frames = end.frames;
    report->records = end.records;
    report->torn_bytes = end.torn_bytes;
    report->last_seq = end.last.frame == 0 ? 0 : end.last.first_seq + end.last.seq_count - 1;
    report->chain = end.last.chain_after;
    snprintf(report->message, sizeof report->message, "%s", end.message);
    report->has_tail = end.has_tail;
    report->end_segment = end.segment.number;
    report->end_offset = end.offset;
    report->is_cut_short = status != STATUS_OK;
    uint64_t known = promised > end.flipped_frame ? promised : end.flipped_frame;
    if (status == STATUS_OK && end.last.frame < known) {
        struct damage damage = {.first_frame = end.last.frame + 1,
                                .last_frame = known,
                                .segment = end.segment.number,
                                .offset = end.offset};
        damages_add(&report->damages, damage);
    }
    if (status == STATUS_OK && report->damages.count > 0) {
        damage_describe(&report->damages.list[0], report->message);
        status = STATUS_CORRUPT;
    }
    return status;
}
