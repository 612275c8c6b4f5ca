/* What one record of the log means to the model. */
#include <string.h>

#include "tests/simulation/model.h"

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
    if (key->is_peek) {
        findings_violate(model->findings, "b: decision %llu is of a reading that asked nothing before",
                         (unsigned long long)decision->seq);
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

/* Only a counter's readings have such ids: they are remembered also when they ask nothing, once. */
static bool is_reading(const struct event *event)
{
    return event->id.length > 0 && event->id.text[0] == 't';
}

static void fold_peek(struct model *model, const struct record *record)
{
    const struct event *event = &model->entry.decision.event;
    if (event->amount != 0) {
        findings_violate(model->findings, "b: record %llx answers an event but decides nothing",
                         (unsigned long long)record->ref);
    }
    struct model_key *key = model_key(model, key_of(event, DEDUP_ID));
    if (is_reading(event) && !key->is_peek) {
        struct model_subject *subject = model_subject_of(model, &record->subject);
        key->is_peek = true;
        subject->events[subject->event_count++ % model->dedup_window] = window_hash(event, DEDUP_ID);
    }
}

/* A peek or a duplicate. */
static void fold_answer(struct model *model, const struct record *record)
{
    const struct decision *decision = &model->entry.decision;
    if (!model->entry.duplicate) {
        fold_peek(model, record);
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

void model_fold_reply(struct model *model, const struct record *record)
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

void model_fold_answer(struct model *model, const struct record *record)
{
    enum entry_kind kind;
    if (entry_kind_of(record->body, &kind) != STATUS_OK) {
        findings_violate(model->findings, "d: record %llx cannot be read", (unsigned long long)record->ref);
        return;
    }
    if (kind != ENTRY_DECISION) {
        model_owe(model, record->ref, 0);
        return; /* A repeated command. */
    }
    if (unpack_decision_entry(record->body, &model->entry) != STATUS_OK) {
        findings_violate(model->findings, "d: decision %llx cannot be read", (unsigned long long)record->ref);
        return;
    }
    model_owe(model, record->ref, model->entry.decision.seq);
    if (record->kind == RECORD_DECISION) {
        fold_decision(model, record);
    } else {
        fold_answer(model, record);
    }
}
