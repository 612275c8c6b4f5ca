#include "tests/simulation/model.h"

#include <string.h>

#include "base/hash.h"

uint64_t model_hash(uint64_t seed, struct bytes bytes)
{
    return hash_bytes((struct hash_key){seed, 3}, bytes);
}

struct model_subject *model_subject_of(struct model *model, const struct name *name)
{
    for (uint32_t i = 0; i < model->subject_count; i++) {
        if (name_equal(&model->subjects[i].name, name)) {
            return &model->subjects[i];
        }
    }
    if (model->subject_count == MODEL_SUBJECTS_MAX) {
        findings_violate(model->findings, "model: too many subjects");
        return &model->subjects[0];
    }
    struct model_subject *subject = &model->subjects[model->subject_count++];
    subject->name = *name;
    return subject;
}

struct model_key *model_key(struct model *model, uint64_t key)
{
    uint64_t at = key % MODEL_KEYS_MAX;
    while (model->keys[at].key != 0 && model->keys[at].key != key) {
        at = (at + 1) % MODEL_KEYS_MAX;
    }
    model->keys[at].key = key;
    return &model->keys[at];
}

void model_sealed(struct model *model, uint64_t sequence, uint16_t ask, bool may_shed)
{
    if (sequence >= MODEL_MESSAGES_MAX) {
        findings_give_up(model->findings, "too many messages");
        return;
    }
    struct model_message *message = &model->messages[sequence];
    if (message->fate == MESSAGE_ANSWERED || message->fate == MESSAGE_SEALED) {
        findings_violate(model->findings, "b: pool sequence %llu is given to a second message",
                         (unsigned long long)sequence);
    }
    message->fate = may_shed ? MESSAGE_SHEDDABLE : MESSAGE_SEALED;
    message->ask = ask;
    model->asks[ask].pooled++;
    model->waiting++;
    model->message_high = sequence > model->message_high ? sequence : model->message_high;
}

static bool is_waiting(const struct model_message *message)
{
    return message->fate == MESSAGE_SEALED || message->fate == MESSAGE_SHEDDABLE;
}

static void stop_waiting(struct model *model, struct model_message *message, enum message_fate fate)
{
    if (is_waiting(message)) {
        model->asks[message->ask].pooled--;
        model->waiting--;
    }
    message->fate = (uint8_t)fate;
}

void model_pool_lost(struct model *model)
{
    for (uint64_t i = 0; i <= model->message_high; i++) {
        if (is_waiting(&model->messages[i])) {
            stop_waiting(model, &model->messages[i], MESSAGE_LOST);
        }
    }
}

void model_pool_empty(struct model *model)
{
    for (uint64_t i = 0; i <= model->message_high && model->waiting > 0; i++) {
        struct model_message *message = &model->messages[i];
        if (message->fate == MESSAGE_SEALED) {
            findings_violate(model->findings, "b: message %llu left the pool unanswered: %s %s",
                             (unsigned long long)i, model->asks[message->ask].topic,
                             model->asks[message->ask].payload);
        }
        if (is_waiting(message)) {
            stop_waiting(model, message, MESSAGE_LOST);
        }
    }
}

static void note_answered(struct model *model, const struct record *record)
{
    uint64_t sequence = record->pool_sequence;
    if (sequence == 0 || sequence >= MODEL_MESSAGES_MAX) {
        findings_violate(model->findings, "b: record %llx answers a message with pool sequence %llu",
                         (unsigned long long)record->ref, (unsigned long long)sequence);
        return;
    }
    struct model_message *message = &model->messages[sequence];
    /* One that was lost may be answered: its frame reached the disk, its pool did not survive. */
    if (message->fate == MESSAGE_NEVER || message->fate == MESSAGE_ANSWERED) {
        findings_violate(model->findings, "b: message %llu is answered %s", (unsigned long long)sequence,
                         message->fate == MESSAGE_NEVER ? "but was never received" : "twice");
    }
    stop_waiting(model, message, MESSAGE_ANSWERED);
}

void model_owe(struct model *model, record_ref ref, uint64_t seq)
{
    if (model->owed_count == MODEL_OWED_MAX) {
        findings_give_up(model->findings, "too many answers");
        return;
    }
    model->owed[model->owed_count++] = (struct model_owed){.ref = ref, .seq = seq};
}

struct model_owed *model_owed_at(struct model *model, record_ref ref)
{
    uint32_t low = 0;
    uint32_t high = model->owed_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (model->owed[middle].ref < ref) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < model->owed_count && model->owed[low].ref == ref ? &model->owed[low] : NULL;
}

static uint64_t record_hash(const struct record *record)
{
    uint64_t hash = model_hash(record->ref, record->body);
    hash = model_hash(hash ^ record->seq, name_bytes(&record->subject));
    return hash ^ record->pool_sequence * 31 ^ (uint64_t)record->kind;
}

static void hash_record(struct model *model, uint64_t *frames, const struct record *record)
{
    uint64_t frame = record_ref_frame(record->ref);
    if (frame >= MODEL_FRAMES_MAX) {
        findings_give_up(model->findings, "too many frames");
        return;
    }
    frames[frame] = frames[frame] * 0x9e3779b97f4a7c15U + record_hash(record);
}

static void fold(struct model *model, const struct record *record)
{
    hash_record(model, model->frames, record);
    switch (record->kind) {
    case RECORD_DECISION:
    case RECORD_ANSWER:
        note_answered(model, record);
        model_fold_answer(model, record);
        return;
    case RECORD_REPLY:
        note_answered(model, record);
        model_owe(model, record->ref, 0);
        model_fold_reply(model, record);
        return;
    case RECORD_DEAD_LETTER:
        note_answered(model, record);
        model_owe(model, record->ref, 0);
        return;
    case RECORD_IMAGE: model_check_image(model, model_subject_of(model, &record->subject), record); return;
    case RECORD_COPY: return;
    }
}

void model_follow(struct model *model, struct state_log_reader *reader)
{
    struct record record;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !model->findings->is_violated) {
        status = state_log_next(reader, &model->cursor, &record);
        if (status == STATUS_OK) {
            fold(model, &record);
        }
    }
    if (status == STATUS_CORRUPT || status == STATUS_IO) {
        findings_violate(model->findings, "d: the log cannot be read behind %llx: %s",
                         (unsigned long long)model->cursor, status_name(status));
    }
}

static void compare_frames(struct model *model, const uint64_t *found, uint64_t first)
{
    for (uint64_t frame = first; frame <= record_ref_frame(model->cursor); frame++) {
        if (found[frame] != model->frames[frame]) {
            findings_violate(model->findings, "d: frame %llu is not what it was before the crash",
                             (unsigned long long)frame);
            return;
        }
    }
}

void model_compare(struct model *model, struct state_log_reader *reader)
{
    static uint64_t found[MODEL_FRAMES_MAX];
    uint64_t last = record_ref_frame(model->cursor);
    uint64_t first = segments_first_frame(&reader->log->segments);
    if (last >= MODEL_FRAMES_MAX) {
        return;
    }
    memset(found, 0, (last + 1) * sizeof found[0]);
    record_ref cursor = RECORD_REF_NONE;
    struct record record;
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        status = state_log_next(reader, &cursor, &record);
        if (status == STATUS_OK && record_ref_frame(record.ref) <= last) {
            hash_record(model, found, &record);
        }
    }
    if (status != STATUS_EMPTY) {
        findings_violate(model->findings, "d: the recovered log cannot be read: %s", status_name(status));
        return;
    }
    compare_frames(model, found, first);
}

void model_settled(struct model *model)
{
    for (uint32_t i = 0; i < MODEL_MESSAGES_MAX; i++) {
        if (model->messages[i].fate == MESSAGE_SEALED) {
            findings_violate(model->findings, "b: message %u (%s) was received and never answered", i,
                             model->asks[model->messages[i].ask].payload);
            return;
        }
    }
    for (uint32_t i = 0; i < model->owed_count; i++) {
        if (!model->owed[i].has_landed) {
            findings_violate(model->findings, "outbox: the answer %llx (seq %llu) never reached the broker",
                             (unsigned long long)model->owed[i].ref, (unsigned long long)model->owed[i].seq);
            return;
        }
    }
}
