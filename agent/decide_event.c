#include "agent/decider.h"

#include <assert.h>
#include <string.h>

#include "agent/decide_before.h"
#include "base/log.h"
#include "base/mutation.h"

/* How one event ends: which record it becomes and what it does to the subject. */
struct ending {
    enum record_kind kind;
    enum seq_use seq;
    bool is_remembered; /* Enters the dedup window. */
    bool is_changed;    /* The subject changed in another way. */
    governor_set changes;
};

static uint64_t dedup_key(const struct event *event, enum dedup_kind kind)
{
    return kind == DEDUP_ID ? dedup_key_of_id(&event->device, &event->id)
                            : dedup_key_of_device_seq(&event->device, &event->boot, event->device_seq);
}

static enum dedup_kind key_kind(const struct event *event)
{
    return name_is_empty(&event->id) ? DEDUP_DEVICE_SEQ : DEDUP_ID;
}

static bool has_key(const struct event *event)
{
    return !name_is_empty(&event->id) || event->has_device_seq;
}

/* Keys are equal when kind, device and the kind's parts are. */
static bool is_same_key(const struct event *event, enum dedup_kind kind, const struct decision *decision)
{
    const struct event *other = &decision->event;
    if (key_kind(other) != kind || !name_equal(&event->device, &other->device)) {
        return false;
    }
    if (kind == DEDUP_ID) {
        return name_equal(&event->id, &other->id);
    }
    return event->device_seq == other->device_seq && name_equal(&event->boot, &other->boot);
}

enum status decider_find_event(struct decider *decider, const struct event *event, uint32_t *position)
{
    struct dedup_window *window = &decider->subject.events;
    enum dedup_kind kind = key_kind(event);
    uint64_t key = dedup_key(event, kind);
    bool is_lost = false;
    for (uint32_t at = dedup_window_find(window, key, 0); at < window->count;
         at = dedup_window_find(window, key, at + 1)) {
        struct record record;
        enum status status =
            state_log_read(&decider->reader, dedup_window_at(window, at)->record_ref, &record);
        if (status == STATUS_OK) {
            status = unpack_decision_entry(record.body, &decider->original);
        }
        if (status == STATUS_IO) {
            return STATUS_IO;
        }
        if (status == STATUS_OK && is_same_key(event, kind, &decider->original.decision)) {
            *position = at;
            return STATUS_OK;
        }
        is_lost = is_lost || status != STATUS_OK;
    }
    return is_lost ? STATUS_CORRUPT : STATUS_NOT_FOUND;
}

static void count_answer(struct decider *decider)
{
    const struct decision_entry *entry = &decider->entry;
    if (entry->duplicate) {
        metrics_count(decider->parts.metrics, METRIC_DUPLICATES);
        return;
    }
    metrics_count(decider->parts.metrics, METRIC_DECISIONS_ALLOW + entry->decision.answer.verdict);
}

/* Remembers, numbers, packs and puts decider->entry, and the subject's image where it changed. */
static enum status put_answer(struct decider *decider, uint64_t pool_sequence, const struct ending *ending)
{
    struct state_log *log = decider->parts.log;
    struct subject_state *subject = &decider->subject;
    struct decision *decision = &decider->entry.decision;
    enum status status = decider_begin(decider, DECIDER_TRANSACTION_BYTES);
    if (status != STATUS_OK) {
        return status;
    }
    if (!decider->entry.duplicate || mutation_is_on(MUTATION_DUPLICATE_RENUMBERED)) {
        uint64_t next = state_log_next_seq(log);
        decision->seq = ending->seq == SEQ_TAKEN ? next : next - 1;
    }
    struct packer packer = packer_of(decider->entry_buffer, sizeof decider->entry_buffer);
    pack_decision_entry(&packer, &decider->entry);
    assert(!packer.overflowed);
    struct record record = {.kind = ending->kind,
                            .pool_sequence = pool_sequence,
                            .subject = subject->name,
                            .body = packer_bytes(&packer)};
    record_ref ref = state_log_put(log, &record, ending->seq);
    if (ending->is_remembered && !mutation_is_on(MUTATION_KEY_NOT_IN_IMAGE)) {
        dedup_window_add(&subject->events, dedup_key(&decision->event, key_kind(&decision->event)), ref);
    }
    if (ending->is_changed) {
        subject->seq = ending->seq == SEQ_TAKEN ? decision->seq : subject->seq;
        subject->time = decider->moment.now;
    }
    if (ending->is_remembered || ending->is_changed) {
        decider_put_image(decider, ending->changes);
    }
    state_log_end(log);
    count_answer(decider);
    return STATUS_OK;
}

static enum status answer_duplicate(struct decider *decider, const struct event_intake *intake)
{
    decider->entry = decider->original;
    decider->entry.duplicate = true;
    decider->entry.address = intake->decoded.address;
    struct ending ending = {.kind = RECORD_ANSWER, .seq = SEQ_NONE};
    return put_answer(decider, intake->pool_sequence, &ending);
}

static void refuse(struct decider *decider, enum reason reason)
{
    struct chain_answer *answer = &decider->entry.decision.answer;
    memset(answer, 0, sizeof *answer);
    answer->verdict = VERDICT_DENY;
    answer->reason = reason;
}

static enum status answer_id_reused(struct decider *decider, const struct event_intake *intake)
{
    decider->entry.decision.dedup = key_kind(&intake->decoded.event);
    refuse(decider, REASON_ID_REUSED);
    struct ending ending = {.kind = RECORD_DECISION, .seq = SEQ_TAKEN};
    return put_answer(decider, intake->pool_sequence, &ending);
}

/* Whether the policy lets this subject's events be decided at all. */
static bool is_let_in(const struct decider *decider, const struct policy *policy)
{
    return decider->subject.known || policy->unknown != UNKNOWN_DENY;
}

/* The same ask under the shadow policy, from the same state; only a disagreement is counted. */
static void decide_in_shadow(struct decider *decider, const struct chain_ask *ask)
{
    const struct config_snapshot *shadow = decider->view.shadow;
    if (shadow == NULL) {
        return;
    }
    enum verdict verdict = VERDICT_DENY;
    const struct meter *meter = policy_meter(&shadow->policy, ask->meter);
    if (meter != NULL && is_let_in(decider, &shadow->policy)) {
        decider->trial = decider->before;
        verdict = chain_step(&decider->trial, &shadow->policy, meter, *ask).verdict;
    }
    if (verdict != decider->entry.decision.answer.verdict) {
        metrics_count(decider->parts.metrics, METRIC_SHADOW_DISAGREEMENTS);
    }
}

/* Whether the subject is a stranger the store has no room for, whatever the policy says. */
static bool has_no_room(struct decider *decider)
{
    if (decider->subject.known || !decider->is_stranger || state_log_can_add(decider->parts.log)) {
        return false;
    }
    alerts_raise(decider->parts.alerts, ALERT_STORE_FULL, decider->moment.now,
                 "no room for another subject: raise store.subjects_max");
    return true;
}

/* Passes the event through its meter's chain; the governors whose phase changed. */
static governor_set pass_chain(struct decider *decider, const struct chain_ask *ask)
{
    const struct policy *policy = &decider->view.active->policy;
    struct decision *decision = &decider->entry.decision;
    const struct meter *meter = policy_meter(policy, ask->meter);
    if (!is_let_in(decider, policy)) {
        refuse(decider, REASON_UNKNOWN_SUBJECT);
        return 0;
    }
    if (meter == NULL) {
        refuse(decider, REASON_UNKNOWN_METER);
        return 0;
    }
    struct event_terms terms;
    decide_note_before(&decider->entry, &terms, &decider->subject.governors, policy, meter);
    governor_set changes = chain_decide(&decider->subject.governors, policy, meter, *ask, &decision->answer);
    decide_note_after(&decider->entry, &terms);
    return changes;
}

static bool is_refused(const struct decision *decision)
{
    return decision->answer.reason == REASON_UNKNOWN_SUBJECT ||
           decision->answer.reason == REASON_UNKNOWN_METER;
}

/* Asks the chain; decider->entry holds the answer, decider->subject the new state. The governors whose phase
 * changed. */
static governor_set ask_chain(struct decider *decider)
{
    struct decision *decision = &decider->entry.decision;
    if (has_no_room(decider)) {
        refuse(decider, REASON_UNKNOWN_SUBJECT);
        return 0;
    }
    struct chain_ask ask = {
        .meter = &decision->event.meter, .amount = decision->event.amount, .now = decider->moment.now};
    if (decider->view.shadow != NULL) {
        decider->before = decider->subject.governors;
    }
    governor_set changes = pass_chain(decider, &ask);
    decide_in_shadow(decider, &ask);
    decider->subject.known = decider->subject.known || (ask.amount > 0 && !is_refused(decision));
    return changes;
}

/* A counter's reading while it is being decided. */
struct reading {
    uint64_t key;
    micro_units value;
    struct counter_reading asks;
};

/* Moves the base line with what was consumed, and with a reading that asks nothing. A denied reset is no
 * consumption, but the device counts from 0 now: what it counts beyond the old base line must not be lost
 * later. True if it moved. */
static bool move_base_line(struct decider *decider, const struct reading *reading)
{
    bool is_consumed = decider->entry.decision.answer.verdict != VERDICT_DENY;
    micro_units base_line = reading->value;
    switch (reading->asks.change) {
    case COUNTER_FIRST: break;
    case COUNTER_SAME: return false;
    case COUNTER_ROSE:
        if (!is_consumed) {
            return false;
        }
        break;
    case COUNTER_RESET: base_line = is_consumed ? reading->value : 0; break;
    }
    counter_table_set(&decider->subject.counters, reading->key, base_line);
    return true;
}

/* The amount becomes what the reading asks for. */
static struct reading read_counter(struct decider *decider)
{
    struct event *event = &decider->entry.decision.event;
    struct reading reading = {.key = counter_key(&event->device, &event->meter), .value = event->amount};
    reading.asks = counter_table_read(&decider->subject.counters, reading.key, reading.value);
    event->amount = reading.asks.increase;
    return reading;
}

/* An event whose key was not seen before, or that has none. */
static enum status answer_new(struct decider *decider, const struct event_intake *intake)
{
    struct decision *decision = &decider->entry.decision;
    struct reading reading = {0};
    if (intake->is_counter) {
        reading = read_counter(decider);
    }
    decision->dedup = event_dedup(&decision->event);
    bool is_peek = decision->event.amount == 0;
    bool was_known = decider->subject.known;
    governor_set changes = ask_chain(decider);
    bool moved = intake->is_counter && move_base_line(decider, &reading);
    bool is_consumed = !is_peek && decision->answer.verdict != VERDICT_DENY;
    struct ending ending = {
        .kind = is_peek ? RECORD_ANSWER : RECORD_DECISION,
        .seq = is_peek ? SEQ_NONE : SEQ_TAKEN,
        /* Also a reading that asked nothing: come again, it must not pass for a reset. */
        .is_remembered = decision->dedup != DEDUP_NONE || (intake->is_counter && has_key(&decision->event)),
        /* What time alone brought without changing a phase is found again at the next step: no need to store
           it. */
        .is_changed = is_consumed || moved || changes != 0 || was_known != decider->subject.known,
        .changes = changes,
    };
    /* With no room for its image a stranger leaves no trace at all. */
    if (decider->is_stranger && !state_log_can_add(decider->parts.log)) {
        ending.is_remembered = false;
        ending.is_changed = false;
    }
    return put_answer(decider, intake->pool_sequence, &ending);
}

static bool is_same_message(const struct event *event, const struct event *first)
{
    return first->bytes_hash == event->bytes_hash && name_equal(&first->meter, &event->meter);
}

/* The key is that of a counter's reading that asked nothing and was answered as a peek. Peeks are not
 * deduplicated: the same reading is answered as one again and moves nothing, another one is new. */
static enum status answer_known_reading(struct decider *decider, struct event_intake *intake)
{
    struct event *event = &decider->entry.decision.event;
    if (is_same_message(event, &decider->original.decision.event)) {
        event->amount = 0;
        intake->is_counter = false;
    }
    return answer_new(decider, intake);
}

enum status decide_event(struct decider *decider, struct event_intake *intake)
{
    const struct event *event = &intake->decoded.event;
    if (intake->decoded.address_ignored) {
        metrics_count(decider->parts.metrics, METRIC_RESPONSE_TOPICS_IGNORED);
    }
    memset(&decider->entry, 0, sizeof decider->entry);
    decider->entry.address = intake->decoded.address;
    struct decision *decision = &decider->entry.decision;
    decision->event = *event;
    decision->time = decider->moment.now;
    decision->clock = decider->moment.quality;
    decision->config_version = decider->view.active->policy.version;

    bool is_looked_up = has_key(event) && (event->amount > 0 || intake->is_counter);
    uint32_t position;
    is_looked_up = is_looked_up && !mutation_is_on(MUTATION_DUPLICATE_APPLIED);
    enum status status = is_looked_up ? decider_find_event(decider, event, &position) : STATUS_NOT_FOUND;
    if (status == STATUS_NOT_FOUND) {
        return answer_new(decider, intake);
    }
    if (status == STATUS_CORRUPT) {
        /* Decided before, but damage took the decision: charged once at most is all that can be kept. */
        log_warn("ledger.entry_lost", "an event whose decision was lost to damage is answered id_reused");
        return answer_id_reused(decider, intake);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const struct event *first = &decider->original.decision.event;
    if (first->amount == 0) {
        return answer_known_reading(decider, intake);
    }
    if (is_same_message(event, first)) {
        return answer_duplicate(decider, intake);
    }
    alerts_raise(decider->parts.alerts, ALERT_ID_REUSED, decider->moment.now,
                 "a device used an event key again for other bytes");
    return answer_id_reused(decider, intake);
}
