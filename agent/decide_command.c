#include <assert.h>
#include <string.h>

#include "agent/decider.h"
#include "base/log.h"
#include "base/mutation.h"
#include "mqtt/command_payload.h"
#include "mqtt/state_message.h"

/* The first reply to this key, if the window remembers one. It borrows from the reader. STATUS_CORRUPT: there
 * was one, and damage took it. */
static enum status find_reply(struct decider *decider, const struct command *command,
                              struct reply_entry *reply)
{
    struct dedup_window *window = &decider->subject.commands;
    uint64_t key = dedup_key_of_command(command->governor, &command->id);
    bool is_lost = false;
    for (uint32_t at = dedup_window_find(window, key, 0); at < window->count;
         at = dedup_window_find(window, key, at + 1)) {
        struct record record;
        enum status status =
            state_log_read(&decider->reader, dedup_window_at(window, at)->record_ref, &record);
        if (status == STATUS_OK) {
            status = unpack_reply_entry(record.body, reply);
        }
        if (status == STATUS_IO) {
            return STATUS_IO;
        }
        if (status == STATUS_OK && reply->governor == command->governor &&
            name_equal(&reply->command, &command->id)) {
            return STATUS_OK;
        }
        is_lost = is_lost || status != STATUS_OK;
    }
    return is_lost ? STATUS_CORRUPT : STATUS_NOT_FOUND;
}

/* The governor's fields as the reply shows them, also where nothing was applied: as of now. Into
 * decider->fields_buffer. */
static struct bytes write_fields(struct decider *decider, enum governor_kind kind)
{
    const struct policy *policy = &decider->view.active->policy;
    struct governor_states shown = decider->subject.governors;
    chain_tick(&shown, policy, decider->moment.now);
    struct governor_report report = chain_report(&shown, policy, kind, decider->moment.now);
    struct text text = text_of(decider->fields_buffer, sizeof decider->fields_buffer);
    state_put_fields(&text, &report, &shown);
    assert(!text.overflowed);
    return text_bytes(&text);
}

struct reply_intake {
    const struct decoded_command *decoded;
    uint64_t pool_sequence;
    enum reply_reason reason;
};

static struct bytes write_reply(struct decider *decider, const struct reply_intake *intake, uint64_t seq)
{
    const struct command *command = &intake->decoded->command;
    struct reply_message reply = {.command = command->id,
                                  .op = command->op,
                                  .reason = intake->reason,
                                  .seq = seq,
                                  .state = write_fields(decider, command->governor),
                                  .cid = intake->decoded->address.cid};
    struct text text = text_of(decider->text_buffer, sizeof decider->text_buffer);
    reply_message_put(&text, &reply);
    assert(!text.overflowed);
    return text_bytes(&text);
}

/* Packs and puts one reply within a transaction. */
static record_ref put_entry(struct decider *decider, const struct reply_entry *entry, struct record record,
                            enum seq_use use)
{
    struct packer packer = packer_of(decider->entry_buffer, sizeof decider->entry_buffer);
    pack_reply_entry(&packer, entry);
    assert(!packer.overflowed);
    record.subject = decider->subject.name;
    record.body = packer_bytes(&packer);
    return state_log_put(decider->parts.log, &record, use);
}

/* Without what was before. */
static struct reply_entry entry_of(const struct decider *decider, const struct reply_intake *intake,
                                   uint64_t seq, struct bytes payload)
{
    const struct decoded_command *decoded = intake->decoded;
    return (struct reply_entry){.governor = decoded->command.governor,
                                .command = decoded->command.id,
                                .bytes_hash = decoded->bytes_hash,
                                .seq = seq,
                                .time = decider->moment.now,
                                .config_version = decider->view.active->policy.version,
                                .clock = decider->moment.quality,
                                .reason = intake->reason,
                                .asked = decoded->command,
                                .address = decoded->address,
                                .payload = payload};
}

/* A new command's reply, numbered if it was applied, remembered, with the subject's image. */
static enum status put_reply(struct decider *decider, const struct reply_intake *intake)
{
    struct state_log *log = decider->parts.log;
    struct subject_state *subject = &decider->subject;
    const struct command *command = &intake->decoded->command;
    bool is_applied = intake->reason == REPLY_OK;
    enum status status = decider_begin(decider, DECIDER_TRANSACTION_BYTES);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t next = state_log_next_seq(log);
    uint64_t seq = is_applied ? next : next - 1;
    struct reply_entry entry = entry_of(decider, intake, seq, write_reply(decider, intake, seq));
    entry.has_before = true;
    entry.before =
        chain_report(&decider->before, &decider->view.active->policy, command->governor, decider->moment.now);
    record_ref ref = put_entry(decider, &entry,
                               (struct record){.kind = RECORD_REPLY, .pool_sequence = intake->pool_sequence},
                               is_applied ? SEQ_TAKEN : SEQ_NONE);
    dedup_window_add(&subject->commands, dedup_key_of_command(command->governor, &command->id), ref);
    if (is_applied) {
        subject->seq = next;
        subject->time = decider->moment.now;
        subject->known = true;
        subject->is_set_back = false; /* An operator has looked after it. */
    }
    decider_put_image(decider, chain_changes(&decider->before, &subject->governors));
    state_log_end(log);
    metrics_count(decider->parts.metrics, is_applied ? METRIC_COMMANDS_APPLIED : METRIC_COMMANDS_REJECTED);
    return STATUS_OK;
}

/* Something said without an effect: the first reply again, or that its id was used again. */
static enum status put_answer(struct decider *decider, const struct reply_intake *intake,
                              const struct reply_entry *first)
{
    struct state_log *log = decider->parts.log;
    enum status status = decider_begin(decider, DECIDER_TRANSACTION_BYTES);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t seq = first != NULL ? first->seq : state_log_next_seq(log) - 1;
    struct bytes payload = first != NULL ? first->payload : write_reply(decider, intake, seq);
    struct reply_entry entry = entry_of(decider, intake, seq, payload);
    put_entry(decider, &entry, (struct record){.kind = RECORD_ANSWER, .pool_sequence = intake->pool_sequence},
              SEQ_NONE);
    state_log_end(log);
    return STATUS_OK;
}

/* Gives a charge back: the event must still be in the window, charged, and not refunded yet. */
static enum status refund_event(struct decider *decider, const struct command *command,
                                enum reply_reason *reason)
{
    struct event event = {.device = command->device, .id = command->event};
    uint32_t position;
    enum status status = decider_find_event(decider, &event, &position);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND && status != STATUS_CORRUPT) {
        return status;
    }
    const struct charge *charge = &decider->original.decision.answer.charge;
    if (status != STATUS_OK || charge->amount == 0) {
        *reason = REPLY_UNKNOWN_EVENT;
        return STATUS_OK;
    }
    struct dedup_item *item = dedup_window_at(&decider->subject.events, position);
    if ((item->flags & DEDUP_REFUNDED) != 0) {
        *reason = REPLY_ALREADY_REFUNDED;
        return STATUS_OK;
    }
    *reason = chain_refund(&decider->subject.governors, &decider->view.active->policy, charge, command,
                           decider->moment.now);
    if (*reason == REPLY_OK && !mutation_is_on(MUTATION_REFUND_REPEATED)) {
        item->flags |= DEDUP_REFUNDED;
    }
    return STATUS_OK;
}

static enum status apply(struct decider *decider, const struct command *command, enum reply_reason *reason)
{
    decider->before = decider->subject.governors;
    if (command->governor == GOVERNOR_BILLING && command->op == OP_REFUND) {
        return refund_event(decider, command, reason);
    }
    *reason = chain_command(&decider->subject.governors, &decider->view.active->policy, command,
                            decider->moment.now);
    return STATUS_OK;
}

static enum status answer_repeat(struct decider *decider, struct reply_intake *intake,
                                 const struct reply_entry *first)
{
    if (first->bytes_hash == intake->decoded->bytes_hash) {
        intake->reason = first->reason;
        return put_answer(decider, intake, first);
    }
    intake->reason = REPLY_ID_REUSED;
    metrics_count(decider->parts.metrics, METRIC_COMMANDS_REJECTED);
    return put_answer(decider, intake, NULL);
}

enum status decide_command(struct decider *decider, const struct intake_message *intake,
                           const struct parsed_topic *topic)
{
    struct payload_context context = decider_payload_context(decider);
    struct decoded_command decoded;
    struct rejection rejection;
    if (command_payload_decode(&context, &intake->message, topic, &decoded, &rejection) != STATUS_OK) {
        return decide_dead_letter(decider, intake, &rejection);
    }
    if (decoded.address_ignored) {
        metrics_count(decider->parts.metrics, METRIC_RESPONSE_TOPICS_IGNORED);
    }
    struct reply_intake reply = {.decoded = &decoded, .pool_sequence = intake->pool_sequence};
    struct reply_entry first;
    enum status status = mutation_is_on(MUTATION_COMMAND_APPLIED_AGAIN)
                             ? STATUS_NOT_FOUND
                             : find_reply(decider, &decoded.command, &first);
    if (status == STATUS_OK) {
        return answer_repeat(decider, &reply, &first);
    }
    if (status == STATUS_CORRUPT) {
        log_warn("ledger.entry_lost", "a command whose reply was lost to damage is answered id_reused");
        reply.reason = REPLY_ID_REUSED;
        return put_answer(decider, &reply, NULL);
    }
    if (status != STATUS_NOT_FOUND) {
        return status;
    }
    if (decider->is_stranger && !state_log_can_add(decider->parts.log)) {
        alerts_raise(decider->parts.alerts, ALERT_STORE_FULL, decider->moment.now,
                     "no room for another subject: raise store.subjects_max");
        reply.reason = REPLY_OVERFLOW;
        return put_answer(decider, &reply, NULL);
    }
    status = apply(decider, &decoded.command, &reply.reason);
    return status == STATUS_OK ? put_reply(decider, &reply) : status;
}
