#include "tests/simulation/log_model.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "tests/simulation/dice.h"

void log_model_init(struct log_model *model, struct findings *findings, int32_t subjects)
{
    assert(subjects <= LOG_SUBJECTS_MAX);
    model->findings = findings;
    model->count = model->taken = model->committed = model->durable = 0;
    model->is_writing = model->is_marked = false;
    model->next_seq = 1;
    model->gone_frame = model->dropped_frame = 0;
    model->marks = model->taken_marks = model->committed_marks = model->durable_marks = (struct log_marks){0};
    model->subject_count = subjects;
    for (int32_t i = 0; i < subjects; i++) {
        model->subjects[i] = (struct log_subject){.latest = LOG_ENTRY_NONE};
    }
}

struct bytes log_body(uint64_t seed, uint32_t length, uint8_t *out)
{
    struct dice dice = {.state = seed};
    uint64_t mask = seed % 2 == 0 ? UINT64_MAX : 0x0303030303030303U;
    uint32_t at = 0;
    for (; at + 8 <= length; at += 8) {
        uint64_t word = dice_bits(&dice) & mask;
        memcpy(out + at, &word, sizeof word);
    }
    for (; at < length; at++) {
        out[at] = (uint8_t)seed;
    }
    return bytes_of(out, length);
}

/* The log joins the images of a subject within a frame. */
static void supersede(struct log_model *model, struct log_subject *subject, struct log_entry *image)
{
    if (subject->latest == LOG_ENTRY_NONE) {
        return;
    }
    struct log_entry *before = &model->entries[subject->latest];
    image->previous = before->ref;
    if (subject->latest >= model->taken) {
        before->is_replaced = true;
        image->previous = before->previous;
        image->changes |= before->changes;
    }
}

static void note_image(struct log_model *model, int16_t subject, int32_t entry)
{
    model->subjects[subject].latest = entry;
    model->subjects[subject].is_due_told = false;
    model->subjects[subject].may_be_early = false;
}

void log_model_put(struct log_model *model, const struct record *record, int16_t subject, uint64_t body_seed)
{
    assert(model->count < LOG_ENTRIES_MAX);
    struct log_entry *entry = &model->entries[model->count];
    *entry = (struct log_entry){.ref = record->ref,
                                .seq = record->seq,
                                .pool_sequence = record->pool_sequence,
                                .body_seed = body_seed,
                                .edge = record->kind == RECORD_IMAGE ? record->edge : INSTANT_NEVER,
                                .body_length = (uint32_t)record->body.length,
                                .subject = subject,
                                .kind = (uint8_t)record->kind,
                                .changes = record->kind == RECORD_IMAGE ? record->changes : 0};
    record_ref last = model->count > 0 ? model->entries[model->count - 1].ref : 0;
    if (record->ref <= last) {
        findings_violate(model->findings, "put gave ref %" PRIx64 " after %" PRIx64, record->ref, last);
    }
    if (model->marks.pool_sequence < record->pool_sequence) {
        model->marks.pool_sequence = record->pool_sequence;
    }
    if (record->kind == RECORD_IMAGE) {
        supersede(model, &model->subjects[subject], entry);
        note_image(model, subject, model->count);
    }
    model->count++;
}

void log_model_take(struct log_model *model)
{
    model->is_writing = true;
    model->is_marked = false;
    model->taken = model->count;
    model->taken_marks = model->marks;
}

void log_model_commit(struct log_model *model, enum log_promise promise)
{
    model->is_writing = false;
    model->committed = model->taken;
    model->committed_marks = model->taken_marks;
    if (promise == PROMISE_DURABLE) {
        log_model_settle(model);
    }
}

void log_model_settle(struct log_model *model)
{
    model->durable = model->committed;
    model->durable_marks = model->committed_marks;
}

bool log_model_is_readable(const struct log_model *model, int32_t entry)
{
    const struct log_entry *held = &model->entries[entry];
    return !held->is_replaced && record_ref_frame(held->ref) > model->dropped_frame;
}

int32_t log_model_after(const struct log_model *model, record_ref ref)
{
    int32_t low = 0;
    int32_t high = model->count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (model->entries[middle].ref > ref) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

uint64_t log_model_images(const struct log_model *model, uint64_t last_frame)
{
    uint64_t count = 0;
    for (int32_t i = 0; i < model->subject_count; i++) {
        int32_t latest = model->subjects[i].latest;
        count += latest != LOG_ENTRY_NONE && record_ref_frame(model->entries[latest].ref) <= last_frame;
    }
    return count;
}

uint64_t log_model_committed_images(const struct log_model *model, uint64_t last_frame)
{
    uint64_t count = 0;
    for (int32_t i = 0; i < model->subject_count; i++) {
        int32_t latest = model->subjects[i].latest;
        if (latest != LOG_ENTRY_NONE) {
            const struct log_entry *image = &model->entries[latest];
            record_ref committed = latest < model->committed ? image->ref : image->previous;
            count += committed != RECORD_REF_NONE && record_ref_frame(committed) <= last_frame;
        }
    }
    return count;
}

uint32_t log_model_known(const struct log_model *model)
{
    return (uint32_t)log_model_images(model, UINT64_MAX);
}

static bool differs(struct log_model *model, const struct log_entry *entry, const char *doing,
                    const char *what)
{
    findings_violate(model->findings, "%s: record %" PRIx64 " (kind %u, seq %" PRIu64 ") has another %s",
                     doing, entry->ref, entry->kind, entry->seq, what);
    return false;
}

static bool has_subject(const struct log_model *model, const struct log_entry *entry,
                        const struct record *record)
{
    return entry->subject == LOG_SUBJECT_NONE
               ? name_is_empty(&record->subject)
               : name_equal(&record->subject, &model->subjects[entry->subject].name);
}

static bool agrees_as_image(struct log_model *model, const struct log_entry *entry,
                            const struct record *record, const char *doing)
{
    if (record->edge != entry->edge) {
        return differs(model, entry, doing, "edge");
    }
    if (record->changes != entry->changes) {
        return differs(model, entry, doing, "changes");
    }
    return record->previous == entry->previous || differs(model, entry, doing, "image before it");
}

bool log_model_agrees(struct log_model *model, int32_t at, const struct record *record, const char *doing)
{
    const struct log_entry *entry = &model->entries[at];
    if (record->ref != entry->ref || record->kind != entry->kind) {
        findings_violate(model->findings,
                         "%s: record %" PRIx64 " of kind %u where %" PRIx64 " of kind %u is due", doing,
                         record->ref, record->kind, entry->ref, entry->kind);
        return false;
    }
    if (record->seq != entry->seq) {
        return differs(model, entry, doing, "seq");
    }
    if (record->pool_sequence != entry->pool_sequence) {
        return differs(model, entry, doing, "pool sequence");
    }
    if (!has_subject(model, entry, record)) {
        return differs(model, entry, doing, "subject");
    }
    struct bytes body = log_body(entry->body_seed, entry->body_length, model->body);
    if (!bytes_equal(body, record->body)) {
        return differs(model, entry, doing, "body");
    }
    return entry->kind != RECORD_IMAGE || agrees_as_image(model, entry, record, doing);
}
