/* What a decider does beside deciding: dead letters, time edges, compaction. */
#include <assert.h>
#include <string.h>

#include "agent/decider.h"
#include "base/mutation.h"

enum status decide_dead_letter(struct decider *decider, const struct intake_message *intake,
                               const struct rejection *rejection)
{
    struct dead_letter letter = {.rejection = *rejection,
                                 .topic = intake->message.topic,
                                 .payload = intake->message.payload,
                                 .time = decider->moment.now};
    struct text payload = text_of(decider->text_buffer, sizeof decider->text_buffer);
    dead_letter_put(&payload, &letter);
    struct text topic = text_of(decider->fields_buffer, sizeof decider->fields_buffer);
    topic_put_dead_letter(&topic, decider->parts.topics, rejection->reason);
    struct message_entry entry = {.topic = text_bytes(&topic), .payload = text_bytes(&payload)};
    struct packer packer = packer_of(decider->entry_buffer, sizeof decider->entry_buffer);
    pack_message_entry(&packer, &entry);
    assert(!payload.overflowed && !topic.overflowed && !packer.overflowed);

    struct record record = {
        .kind = RECORD_DEAD_LETTER, .pool_sequence = intake->pool_sequence, .body = packer_bytes(&packer)};
    enum status status = decider_begin(decider, DECIDER_TRANSACTION_BYTES);
    if (status != STATUS_OK) {
        return status;
    }
    state_log_put(decider->parts.log, &record, SEQ_NONE);
    state_log_end(decider->parts.log);
    metrics_count(decider->parts.metrics, METRIC_DEAD_LETTERS_BAD_TOPIC + rejection->reason);
    return STATUS_OK;
}

static enum status put_image_alone(struct decider *decider, governor_set changes)
{
    /* Measured, not guessed: in the reserve every block counts. */
    struct packer packer = packer_of(decider->image_buffer, sizeof decider->image_buffer);
    subject_state_pack(&packer, &decider->subject);
    enum status status = decider_begin(decider, packer.length + STATE_LOG_RECORD_OVERHEAD);
    if (status != STATUS_OK) {
        return status;
    }
    decider_put_image(decider, changes);
    state_log_end(decider->parts.log);
    return STATUS_OK;
}

enum status decide_tick(struct decider *decider)
{
    if (decider->is_stranger) {
        return STATUS_OK;
    }
    struct subject_state *subject = &decider->subject;
    governor_set changes =
        chain_tick(&subject->governors, &decider->view.active->policy, decider->moment.now);
    if (changes != 0) {
        subject->time = decider->moment.now;
    }
    /* Also without a change: the image carries the next edge. */
    return put_image_alone(decider, changes);
}

/* Puts a copy of the entry at `ref` at the head of the log; *ref becomes the copy's. */
static enum status copy_entry(struct decider *decider, uint64_t *ref)
{
    struct record record;
    enum status status = state_log_read(&decider->reader, *ref, &record);
    if (status == STATUS_IO) {
        return STATUS_IO;
    }
    if (status != STATUS_OK || record.body.length > sizeof decider->entry_buffer) {
        *ref = RECORD_REF_NOWHERE; /* Lost to damage: the key stays. */
        return STATUS_OK;
    }
    /* The reader's bytes are the log's own: they may move while the copy is put. */
    memcpy(decider->entry_buffer, record.body.data, record.body.length);
    struct record copy = {.kind = RECORD_COPY,
                          .seq = record.seq,
                          .subject = decider->subject.name,
                          .body = bytes_of(decider->entry_buffer, record.body.length)};
    status = decider_begin(decider, copy.body.length + STATE_LOG_RECORD_OVERHEAD);
    if (status != STATUS_OK) {
        return status;
    }
    *ref = state_log_put(decider->parts.log, &copy, SEQ_NONE);
    state_log_end(decider->parts.log);
    decider->image_is_newer = true; /* Should the rest find no space, these copies need not be made again. */
    return STATUS_OK;
}

static bool lies_within(record_ref ref, uint64_t through_frame)
{
    return ref != RECORD_REF_NOWHERE && record_ref_frame(ref) <= through_frame;
}

static enum status copy_window(struct decider *decider, struct dedup_window *window, uint64_t through_frame)
{
    for (uint32_t i = 0; i < window->count; i++) {
        struct dedup_item *item = dedup_window_at(window, i);
        bool is_skipped = mutation_is_on(MUTATION_WINDOW_LEFT_BEHIND);
        if (is_skipped || !lies_within(item->record_ref, through_frame)) {
            continue;
        }
        enum status status = copy_entry(decider, &item->record_ref);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status move_subject(struct decider *decider, uint64_t through_frame)
{
    enum status status = copy_window(decider, &decider->subject.events, through_frame);
    if (status == STATUS_OK) {
        status = copy_window(decider, &decider->subject.commands, through_frame);
    }
    status = status == STATUS_OK ? put_image_alone(decider, 0) : status;
    if (status != STATUS_OK) {
        /* The image stored does not know the copies: it still lives there. */
        decider->image_ref = RECORD_REF_NONE;
    }
    return status;
}

static bool window_lives_in(struct dedup_window *window, uint64_t through_frame)
{
    for (uint32_t i = 0; i < window->count; i++) {
        if (lies_within(dedup_window_at(window, i)->record_ref, through_frame)) {
            return true;
        }
    }
    return false;
}

/* Whoever moved before, in this run or in one that was killed before its segment could go, stays where it is:
 * each move takes from the reserve, and a row of crashes would use it up. */
static bool lives_in(struct decider *decider, uint64_t through_frame)
{
    return !decider->is_stranger && (record_ref_frame(decider->image_ref) <= through_frame ||
                                     window_lives_in(&decider->subject.events, through_frame) ||
                                     window_lives_in(&decider->subject.commands, through_frame));
}

enum status decide_relocate(struct decider *decider, uint64_t through_frame)
{
    enum status status = lives_in(decider, through_frame) ? move_subject(decider, through_frame) : STATUS_OK;
    if (status == STATUS_OK) {
        compaction_note_moved(decider->parts.compaction, decider->image_ref);
    }
    return status;
}
