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

static bool is_index_damaged(const struct io *io, const char *folder)
{
    uint8_t *buffer = pages_take(CHECKPOINT_BUFFER_BYTES);
    if (buffer == NULL) {
        return false;
    }
    struct checkpoint_reader reader;
    enum status status = checkpoint_reader_open(&reader, io, folder, buffer);
    checkpoint_reader_close(&reader);
    pages_give(buffer, CHECKPOINT_BUFFER_BYTES);
    return status == STATUS_CORRUPT;
}

enum status state_log_scan(const char *folder, struct io io, struct state_log_listener listener,
                           struct state_log_report *report)
{
    *report = (struct state_log_report){0};
    struct telling telling = {.listener = listener, .report = report};
    struct scan_visitor visitor = {.frame = pass_frame,
                                   .record = pass_record,
                                   .repeated = pass_frame,
                                   .lost = note_damage,
                                   .self = &telling};
    struct scan_start from_the_oldest = {0};
    struct scan_end end;
    enum status status = scan_run(&io, folder, SCAN_BESIDE, visitor, &from_the_oldest, &end);
    report->frames = end.frames;
    report->records = end.records;
    report->torn_bytes = end.torn_bytes;
    report->last_seq = end.last.frame == 0 ? 0 : end.last.first_seq + end.last.seq_count - 1;
    report->chain = end.last.chain_after;
    snprintf(report->message, sizeof report->message, "%s", end.message);
    report->index_is_damaged = is_index_damaged(&io, folder);
    if (status == STATUS_OK && report->damages.count > 0) {
        damage_describe(&report->damages.list[0], report->message);
        status = STATUS_CORRUPT;
    }
    return status;
}
