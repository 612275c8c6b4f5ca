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

static void owe(struct model *model, record_ref ref, uint64_t seq)
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

static void take_seq(struct model *model, const struct record *record)
{
    if (record->seq != model->last_seq + 1) {
        findings_violate(model->findings, "e: seq %llu follows %llu", (unsigned long long)record->seq,
                         (unsigned long long)model->last_seq);
    }
    model->last_seq = record->seq;
}

static uint64_t key_of(const struct event *event, enum dedup_kind kind)
{
    struct bytes subject = name_bytes(&event->subject);
    struct bytes device = name_bytes(&event->device);
    switch (kind) {
    case DEDUP_ID: return ask_key_of_id(subject, device, name_bytes(&event->id));
    case DEDUP_DEVICE_SEQ:
        return ask_key_of_device_seq(subject, device, name_bytes(&event->boot), event->device_seq);
    case DEDUP_NONE: break;
    }
    return 0;
}

static uint32_t window_hash(const struct event *event, enum dedup_kind kind)
{
    return (uint32_t)(kind == DEDUP_ID
                          ? dedup_key_of_id(&event->device, &event->id)
                          : dedup_key_of_device_seq(&event->device, &event->boot, event->device_seq));
}

static bool has_report(const struct chain_answer *answer, enum governor_kind kind)
{
    for (uint8_t i = 0; i < answer->report_count; i++) {
        if (answer->reports[i].kind == kind) {
            return true;
        }
    }
    return false;
}

static void use_quotas(struct model *model, struct model_subject *subject, const struct decision *decision)
{
    const struct policy *policy = model->policy_of(model->self, decision->config_version);
    if (policy == NULL || !has_report(&decision->answer, GOVERNOR_QUOTA)) {
        return;
    }
    const struct plan *plan = policy_plan(policy, subject->has_plan ? &subject->plan : &policy->default_plan);
    for (uint8_t i = 0; plan != NULL && i < plan->quota_count; i++) {
        const struct quota_limit *rule = &plan->quotas[i];
        if (!policy_is_any(&rule->meter) && !name_equal(&rule->meter, &decision->event.meter)) {
            continue;
        }
        struct usage *usage = &subject->usage[rule->name.text[1] - '0'];
        usage_roll(usage, rule, decision->time);
        usage->used += decision->event.amount;
    }
}

static void check_charged(struct model *model, const struct decision *decision)
{
    const struct chain_answer *answer = &decision->answer;
    micro_units charged = 0;
    for (uint8_t i = 0; i < answer->report_count; i++) {
        charged = answer->reports[i].kind == GOVERNOR_BILLING ? answer->reports[i].billing.charged : charged;
    }
    bool is_denied = answer->verdict == VERDICT_DENY;
    if (charged != answer->charge.amount || (is_denied && charged != 0)) {
        findings_violate(model->findings, "b: decision %llu says charged %lld, its charge is %lld%s",
                         (unsigned long long)decision->seq, (long long)charged,
                         (long long)answer->charge.amount, is_denied ? ", denied" : "");
    }
}

static void remember(struct model *model, struct model_subject *subject, const struct decision *decision)
{
    struct model_key *key = model_key(model, key_of(&decision->event, decision->dedup));
    if (key->is_remembered) {
        findings_violate(model->findings, "b: decisions %llu and %llu are of the same event %.*s of %.*s",
                         (unsigned long long)key->seq, (unsigned long long)decision->seq,
                         decision->event.id.length, decision->event.id.text, subject->name.length,
                         subject->name.text);
    }
    key->is_remembered = true;
    key->seq = decision->seq;
    key->charge = decision->answer.charge.amount;
    subject->events[subject->event_count++ % model->dedup_window] =
        window_hash(&decision->event, decision->dedup);
}

static void fold_decision(struct model *model, const struct record *record)
{
    struct decision *decision = &model->entry.decision;
    struct model_subject *subject = model_subject_of(model, &record->subject);
    model->decided++;
    take_seq(model, record);
    if (decision->seq != record->seq) {
        findings_violate(model->findings, "e: the decision with seq %llu says it is %llu",
                         (unsigned long long)record->seq, (unsigned long long)decision->seq);
    }
    if (decision->time < model->last_time) {
        findings_violate(model->findings, "clock: decision %llu is older than the one before",
                         (unsigned long long)decision->seq);
    }
    model->last_time = decision->time;
    check_charged(model, decision);
    if (decision->answer.reason == REASON_ID_REUSED) {
        if (!model_key(model, key_of(&decision->event, decision->dedup))->is_remembered) {
            findings_violate(model->findings, "c: decision %llu calls an id reused that was never used",
                             (unsigned long long)decision->seq);
        }
        return;
    }
    if (decision->dedup != DEDUP_NONE) {
        remember(model, subject, decision);
    }
    if (decision->answer.verdict != VERDICT_DENY) {
        subject->charges += decision->answer.charge.amount;
        subject->seq = decision->seq;
        use_quotas(model, subject, decision);
    }
}

/* A peek or a duplicate. */
static void fold_answer(struct model *model, const struct record *record)
{
    const struct decision *decision = &model->entry.decision;
    if (!model->entry.duplicate) {
        if (decision->event.amount != 0) {
            findings_violate(model->findings, "b: record %llx answers an event but decides nothing",
                             (unsigned long long)record->ref);
        }
        return;
    }
    const struct model_key *key = model_key(model, key_of(&decision->event, decision->dedup));
    if (!key->is_remembered || key->seq != decision->seq) {
        findings_violate(model->findings, "c: a duplicate repeats decision %llu, the event's is %llu",
                         (unsigned long long)decision->seq, (unsigned long long)key->seq);
    }
}

static const struct ask *find_command(const struct model *model, uint64_t key, uint64_t bytes_hash)
{
    for (uint32_t i = 0; i < *model->ask_count; i++) {
        const struct ask *ask = &model->asks[i];
        if (ask->kind == ASK_COMMAND && ask->key == key && ask->bytes_hash == bytes_hash) {
            return ask;
        }
    }
    return NULL;
}

static void refund_event(struct model *model, struct model_subject *subject, const struct ask *ask)
{
    struct model_key *key = model_key(model, ask->refunded_key);
    if (key->is_refunded || key->charge == 0) {
        findings_violate(model->findings, "b: command %s refunds decision %llu %s", ask->id,
                         (unsigned long long)key->seq, key->is_refunded ? "again" : "that charged nothing");
    }
    key->is_refunded = true;
    subject->refunds += key->charge;
}

static void forget_usage(struct model_subject *subject)
{
    for (int i = 0; i < MODEL_LIMITS_MAX; i++) {
        subject->usage[i].is_unknown = true;
    }
}

static void apply_command(struct model *model, struct model_subject *subject, const struct ask *ask)
{
    if (ask->op == OP_CREDIT) {
        subject->credits += ask->amount;
    } else if (ask->op == OP_REFUND && ask->governor == GOVERNOR_BILLING) {
        refund_event(model, subject, ask);
    } else if (ask->op == OP_GRANT) {
        subject->has_plan = true;
        subject->plan = name_of(ask->name);
    } else if (ask->op == OP_RESET || ask->op == OP_REFUND) {
        forget_usage(subject);
    }
}

static bool contains(struct bytes bytes, const char *text)
{
    return memmem(bytes.data, bytes.length, text, strlen(text)) != NULL;
}

static void fold_reply(struct model *model, const struct record *record)
{
    struct reply_entry reply;
    struct model_subject *subject = model_subject_of(model, &record->subject);
    if (unpack_reply_entry(record->body, &reply) != STATUS_OK) {
        findings_violate(model->findings, "d: reply %llx cannot be read", (unsigned long long)record->ref);
        return;
    }
    uint64_t key =
        ask_key_of_command(name_bytes(&record->subject), reply.governor, name_bytes(&reply.command));
    const struct ask *ask = find_command(model, key, reply.bytes_hash);
    struct model_key *known = model_key(model, key);
    if (ask == NULL || known->is_remembered) {
        findings_violate(model->findings, "b: command %.*s is applied %s", reply.command.length,
                         reply.command.text, ask == NULL ? "but was never given" : "twice");
        return;
    }
    known->is_remembered = true;
    subject->commands[subject->command_count++ % DEDUP_COMMANDS] =
        (uint32_t)dedup_key_of_command(reply.governor, &reply.command);
    bool is_applied = contains(reply.payload, "\"status\":\"ok\"");
    if (is_applied != (record->seq != 0)) {
        findings_violate(model->findings, "e: command %s %s a seq", ask->id,
                         is_applied ? "was applied without" : "was rejected and takes");
    }
    if (is_applied) {
        take_seq(model, record);
        subject->seq = record->seq;
        apply_command(model, subject, ask);
    }
}

static void fold_answer_or_decision(struct model *model, const struct record *record)
{
    enum entry_kind kind;
    if (entry_kind_of(record->body, &kind) != STATUS_OK) {
        findings_violate(model->findings, "d: record %llx cannot be read", (unsigned long long)record->ref);
        return;
    }
    if (kind != ENTRY_DECISION) {
        owe(model, record->ref, 0);
        return; /* A repeated command. */
    }
    if (unpack_decision_entry(record->body, &model->entry) != STATUS_OK) {
        findings_violate(model->findings, "d: decision %llx cannot be read", (unsigned long long)record->ref);
        return;
    }
    owe(model, record->ref, model->entry.decision.seq);
    if (record->kind == RECORD_DECISION) {
        fold_decision(model, record);
    } else {
        fold_answer(model, record);
    }
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
        fold_answer_or_decision(model, record);
        return;
    case RECORD_REPLY:
        note_answered(model, record);
        owe(model, record->ref, 0);
        fold_reply(model, record);
        return;
    case RECORD_DEAD_LETTER:
        note_answered(model, record);
        owe(model, record->ref, 0);
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
