#include "tests/simulation/log_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DUE_MOST = 7 };

void log_world_note(struct log_world *world, uint64_t value)
{
    world->hash = (world->hash ^ value) * 0x9e3779b97f4a7c15U;
    world->hash ^= world->hash >> 29;
}

bool log_world_is_disturbed(const struct log_world *world)
{
    return world->disk.is_off || world->disk.counts.faults > world->faults_before;
}

/* A status other than STATUS_OK where the model expects the log to succeed. */
static bool is_excused(struct log_world *world, enum status status, const char *doing)
{
    log_world_note(world, status);
    if (status == STATUS_OK || (status == STATUS_IO && log_world_is_disturbed(world))) {
        return true;
    }
    findings_violate(&world->findings, "%s: %s", doing, status_name(status));
    return false;
}

void log_check_subject(struct log_world *world, int32_t subject)
{
    struct record image;
    struct log_subject *held = &world->model.subjects[subject];
    enum status status = state_log_find(&world->reader, &held->name, &image);
    bool is_known = held->latest != LOG_ENTRY_NONE;
    if (status == STATUS_NOT_FOUND && !is_known) {
        return;
    }
    if (!is_excused(world, status, "find") || status != STATUS_OK) {
        return;
    }
    if (!is_known) {
        findings_violate(&world->findings, "found an image of a stranger: ref %" PRIx64, image.ref);
        return;
    }
    log_model_agrees(&world->model, held->latest, &image, "find");
    if (!state_log_has(&world->log, &held->name) || image.is_setback) {
        findings_violate(&world->findings, "subject %d is said to be lost", subject);
    }
}

void log_check_entry(struct log_world *world, int32_t entry)
{
    struct record record;
    record_ref ref = world->model.entries[entry].ref;
    enum status status = state_log_read(&world->reader, ref, &record);
    bool is_readable = log_model_is_readable(&world->model, entry);
    if (status == STATUS_NOT_FOUND && !is_readable) {
        return;
    }
    if (!is_excused(world, status, "read") || status != STATUS_OK) {
        return;
    }
    if (world->model.entries[entry].is_replaced) {
        findings_violate(&world->findings, "read %" PRIx64 ", which was replaced", ref);
    }
    log_model_agrees(&world->model, entry, &record, "read");
}

static int32_t next_readable(const struct log_model *model, record_ref after)
{
    int32_t entry = log_model_after(model, after);
    while (entry < model->committed && !log_model_is_readable(model, entry)) {
        entry++;
    }
    return entry;
}

void log_check_walk(struct log_world *world, record_ref from, uint32_t steps)
{
    record_ref cursor = from;
    for (uint32_t i = 0; i < steps && !world->findings.is_violated; i++) {
        struct record record;
        int32_t expected = next_readable(&world->model, cursor);
        enum status status = state_log_next(&world->reader, &cursor, &record);
        if (expected >= world->model.committed) {
            if (status != STATUS_EMPTY && !(status == STATUS_IO && log_world_is_disturbed(world))) {
                findings_violate(&world->findings, "next found %" PRIx64 " behind the end", cursor);
            }
            return;
        }
        if (!is_excused(world, status, "next") || status != STATUS_OK) {
            return;
        }
        log_model_agrees(&world->model, expected, &record, "next");
    }
}

static bool is_due(const struct log_world *world, const struct log_subject *subject)
{
    return subject->latest != LOG_ENTRY_NONE && !subject->is_due_told &&
           world->model.entries[subject->latest].edge <= world->now;
}

/* Once, and only behind a checkpoint. */
static bool is_early(const struct log_world *world, const struct log_subject *subject)
{
    return world->has_checkpoint && subject->latest != LOG_ENTRY_NONE && subject->may_be_early &&
           !subject->is_due_told;
}

static void take_due(struct log_world *world, record_ref ref)
{
    for (int32_t i = 0; i < world->model.subject_count; i++) {
        struct log_subject *subject = &world->model.subjects[i];
        bool is_allowed = is_due(world, subject) || is_early(world, subject);
        if (is_allowed && world->model.entries[subject->latest].ref == ref) {
            subject->is_due_told = true;
            return;
        }
    }
    findings_violate(&world->findings, "the edge of %" PRIx64 " is told early, twice or too late", ref);
}

void log_check_due(struct log_world *world)
{
    record_ref refs[DUE_MOST];
    size_t count = DUE_MOST;
    while (count == DUE_MOST && !world->findings.is_violated) {
        state_log_due(&world->log, world->now, refs, DUE_MOST, &count);
        for (size_t i = 0; i < count; i++) {
            take_due(world, refs[i]);
        }
    }
    for (int32_t i = 0; i < world->model.subject_count; i++) {
        if (is_due(world, &world->model.subjects[i])) {
            findings_violate(&world->findings, "the edge of subject %d is overdue", i);
        }
    }
}

struct scan_check {
    struct log_world *world;
    record_ref cursor;
    struct sha256 chain;
    bool has_chain;
};

static struct sha256 link_after(const struct sha256 *before, const struct record *record)
{
    uint8_t bytes[SHA256_BYTES + 16 + NAME_BYTES_MAX + LOG_BODY_MAX];
    struct packer packer = packer_of(bytes, sizeof bytes);
    pack_raw(&packer, bytes_of(before->bytes, SHA256_BYTES));
    pack_u64(&packer, record->seq);
    pack_u8(&packer, (uint8_t)record->kind);
    pack_name(&packer, &record->subject);
    pack_raw(&packer, record->body);
    return sha256_of(packer_bytes(&packer));
}

/* The ledger chain, by the description of the format alone. */
static void check_link(struct scan_check *check, const struct record *record)
{
    struct findings *findings = &check->world->findings;
    if (check->has_chain && !sha256_equal(&check->chain, record->previous_hash)) {
        findings_violate(findings, "the link of seq %" PRIu64 " does not follow the one before", record->seq);
    }
    struct sha256 hash = link_after(record->previous_hash, record);
    if (!sha256_equal(&hash, record->hash)) {
        findings_violate(findings, "the link of seq %" PRIu64 " is not the hash of its record", record->seq);
    }
    check->chain = hash;
    check->has_chain = true;
}

static void scan_record(void *self, const struct record *record)
{
    struct scan_check *check = self;
    struct log_model *model = &check->world->model;
    int32_t expected = next_readable(model, check->cursor);
    if (record_ref_frame(record->ref) == model->gone_frame) {
        return; /* Repeated in the segment that follows. */
    }
    if (expected >= model->committed) {
        findings_violate(&check->world->findings, "scan found %" PRIx64 " behind the end", record->ref);
        return;
    }
    log_model_agrees(model, expected, record, "scan");
    if (record->hash != NULL) {
        check_link(check, record);
    }
    check->cursor = record->ref;
}

void log_check_scan(struct log_world *world)
{
    struct scan_check check = {.world = world};
    struct state_log_listener listener = {.record = scan_record, .self = &check};
    struct state_log_report report;
    enum status status = state_log_scan(world->settings.folder, world->settings.io, listener, &report);
    world->counts->scans++;
    if (status == STATUS_CORRUPT || !is_excused(world, status, "scan")) {
        findings_violate(&world->findings, "scan: %s: %s", status_name(status), report.message);
    }
    bool is_whole = next_readable(&world->model, check.cursor) >= world->model.committed;
    if (status == STATUS_OK && !is_whole) {
        findings_violate(&world->findings, "scan ends at %" PRIx64, check.cursor);
    }
}
