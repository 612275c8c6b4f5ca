#include "agent/publisher_messages.h"

#include <assert.h>

#include "agent/clock.h"
#include "agent/state/ledger.h"
#include "base/log.h"
#include "mqtt/agent_message.h"
#include "mqtt/decision_message.h"
#include "mqtt/state_message.h"

static struct text topic_text(struct publisher *publisher)
{
    return text_of(publisher->topic, sizeof publisher->topic);
}

static struct text payload_text(struct publisher *publisher)
{
    return text_of(publisher->payload, sizeof publisher->payload);
}

/* An answer goes to its address; the ordinary topic stands in `topic` already if it has none. */
static struct paho_publication answer_of(const struct answer_address *address, const struct text *topic,
                                         struct bytes payload)
{
    bool is_elsewhere = address->response_topic.length > 0;
    return (struct paho_publication){.topic = is_elsewhere ? address->response_topic : text_bytes(topic),
                                     .payload = payload,
                                     .qos = address->qos > 0 ? 1 : 0,
                                     .has_correlation = address->has_correlation,
                                     .correlation = address->correlation};
}

static void record_latency(struct publisher *publisher, const struct record *record)
{
    uint64_t received_us = event_pool_received_us(publisher->parts.pool, record->pool_sequence);
    if (record->pool_sequence != 0 && received_us != 0) {
        histogram_record(&publisher->parts.metrics->latency, clock_monotonic_us() - received_us);
    }
}

/* The plain payload that an unmodified device obeys. */
static enum status publish_decide(struct publisher *publisher, const struct decision_entry *entry,
                                  record_ref ref)
{
    const struct answer_address *address = &entry->address;
    if (address->decide_topic.length == 0) {
        return STATUS_OK;
    }
    bool is_denied = entry->decision.answer.verdict == VERDICT_DENY;
    struct paho_publication publication = {.topic = address->decide_topic,
                                           .payload =
                                               is_denied ? address->decide_deny : address->decide_allow,
                                           .qos = address->qos > 0 ? 1 : 0};
    return publisher_send(publisher, &publication, ref);
}

static enum status publish_answer(struct publisher *publisher, const struct decision_entry *entry,
                                  const struct record *record)
{
    struct text topic = topic_text(publisher);
    topic_put_decision(&topic, publisher->parts.topics, &entry->decision.event.subject,
                       &entry->decision.event.device);
    struct text payload = payload_text(publisher);
    decision_message_put(&payload, &entry->decision,
                         (struct decision_echo){.duplicate = entry->duplicate, .cid = entry->address.cid});
    assert(!topic.overflowed && !payload.overflowed);
    struct paho_publication publication = answer_of(&entry->address, &topic, text_bytes(&payload));
    enum status status = publisher_send(publisher, &publication, record->ref);
    if (status == STATUS_OK) {
        publisher->answered = record->ref;
        record_latency(publisher, record);
    }
    return status;
}

/* The decision goes out once, also when there is no room yet for what goes beside it. */
static enum status publish_decision(struct publisher *publisher, const struct record *record)
{
    struct decision_entry entry;
    if (unpack_decision_entry(record->body, &entry) != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    enum status status =
        publisher->answered == record->ref ? STATUS_OK : publish_answer(publisher, &entry, record);
    return status == STATUS_OK ? publish_decide(publisher, &entry, record->ref) : status;
}

static enum status publish_reply(struct publisher *publisher, const struct record *record)
{
    struct reply_entry entry;
    if (unpack_reply_entry(record->body, &entry) != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    struct text topic = topic_text(publisher);
    topic_put_reply(&topic, publisher->parts.topics, &record->subject, entry.governor);
    entry.address.qos = 1;
    struct paho_publication publication = answer_of(&entry.address, &topic, entry.payload);
    return publisher_send(publisher, &publication, record->ref);
}

static enum status publish_message(struct publisher *publisher, const struct record *record)
{
    struct message_entry entry;
    if (unpack_message_entry(record->body, &entry) != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    struct paho_publication publication = {.topic = entry.topic, .payload = entry.payload, .qos = 1};
    return publisher_send(publisher, &publication, record->ref);
}

static enum status publish_entry(struct publisher *publisher, const struct record *record)
{
    enum entry_kind kind;
    if (entry_kind_of(record->body, &kind) != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    switch (kind) {
    case ENTRY_DECISION: return publish_decision(publisher, record);
    case ENTRY_REPLY: return publish_reply(publisher, record);
    case ENTRY_MESSAGE: return publish_message(publisher, record);
    }
    return STATUS_CORRUPT;
}

/* One governor's state as it is in publisher->subject; what was published last is not published again. */
static enum status publish_state(struct publisher *publisher, struct board_place *place,
                                 enum governor_kind kind, instant_ms now)
{
    struct subject_state *subject = &publisher->subject;
    struct policy_view view = policies_take(publisher->parts.policies);
    struct governor_report report =
        chain_report(&subject->governors, &view.active->policy, kind, subject->time);
    policies_give(publisher->parts.policies, view);

    struct text payload = payload_text(publisher);
    state_put_fields(&payload, &report, &subject->governors);
    uint64_t fields_hash = hash_bytes((struct hash_key){1, subject->is_set_back}, text_bytes(&payload)) | 1;
    if (place != NULL && place->published_hash[kind] == fields_hash) {
        state_board_published(&publisher->board, place, kind, fields_hash, now);
        return STATUS_OK;
    }
    payload.length = 0;
    state_message_put(&payload, &(struct state_message){.subject = subject->name,
                                                        .seq = subject->seq,
                                                        .time = subject->time,
                                                        .is_set_back = subject->is_set_back,
                                                        .report = &report,
                                                        .states = &subject->governors});
    struct text topic = topic_text(publisher);
    topic_put_state(&topic, publisher->parts.topics, &subject->name, kind);
    assert(!topic.overflowed && !payload.overflowed);
    struct paho_publication publication = {
        .topic = text_bytes(&topic), .payload = text_bytes(&payload), .qos = 1, .retained = true};
    enum status status = publisher_send(publisher, &publication, publisher->image);
    if (status == STATUS_OK && place != NULL) {
        state_board_published(&publisher->board, place, kind, fields_hash, now);
    }
    return status;
}

static enum status load_image(struct publisher *publisher, const struct record *image)
{
    publisher->image = image->ref;
    enum status status =
        subject_state_unpack(image->body, publisher->parts.dedup_window, &publisher->subject);
    return status == STATUS_OK ? STATUS_OK : STATUS_CORRUPT;
}

/* Publishes the governors in `changes` whatever the pace, the others if their second has
 * passed. */
static enum status publish_states(struct publisher *publisher, struct board_place *place,
                                  governor_set changes, instant_ms now)
{
    for (enum governor_kind kind = GOVERNOR_ENTITLEMENT; kind <= GOVERNOR_BILLING; kind++) {
        bool is_changed = (changes >> kind & 1) != 0;
        if (place != NULL && !is_changed && !board_place_is_due(place, kind, now)) {
            state_board_defer(&publisher->board, place, kind);
            continue;
        }
        enum status status = publish_state(publisher, place, kind, now);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static bool all_wait(const struct board_place *place, instant_ms now)
{
    for (enum governor_kind kind = GOVERNOR_ENTITLEMENT; kind <= GOVERNOR_BILLING; kind++) {
        if (board_place_is_due(place, kind, now)) {
            return false;
        }
    }
    return true;
}

static enum status publish_image(struct publisher *publisher, const struct record *record, instant_ms now)
{
    if (!publisher->parts.publishes_states) {
        return STATUS_OK;
    }
    struct record latest;
    if (!publisher->has_caught_up) {
        /* Walking over what may have been published before: an older state must not replace a newer one. */
        enum status found = state_log_find(&publisher->reader, &record->subject, &latest);
        if (found == STATUS_NOT_FOUND || found == STATUS_CORRUPT ||
            (found == STATUS_OK && latest.ref != record->ref)) {
            return STATUS_OK;
        }
        if (found != STATUS_OK) {
            return found;
        }
        record = &latest;
    }
    struct board_place *place = state_board_place(&publisher->board, &record->subject);
    if (place != NULL) {
        place->image = record->ref;
    }
    if (place != NULL && record->changes == 0 && all_wait(place, now)) {
        /* The usual case under load: nothing needs to be unpacked. */
        for (enum governor_kind kind = GOVERNOR_ENTITLEMENT; kind <= GOVERNOR_BILLING; kind++) {
            state_board_defer(&publisher->board, place, kind);
        }
        return STATUS_OK;
    }
    enum status status = load_image(publisher, record);
    if (status != STATUS_OK || !publisher->subject.known) {
        return status;
    }
    return publish_states(publisher, place, record->changes, now);
}

enum status publish_deferred_states(struct publisher *publisher, struct board_place *place, instant_ms now)
{
    struct record image;
    enum status status = state_log_read(&publisher->reader, place->image, &image);
    if (status == STATUS_NOT_FOUND || status == STATUS_CORRUPT) {
        /* Compaction has moved it, or its subject was set back: the new image is on the way through the log
         * and is published then. */
        state_board_drop(&publisher->board, place);
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = load_image(publisher, &image);
    }
    if (status != STATUS_OK) {
        return status;
    }
    governor_set pending = place->pending;
    if (!publisher->subject.known) {
        state_board_drop(&publisher->board, place);
        return STATUS_OK;
    }
    for (enum governor_kind kind = GOVERNOR_ENTITLEMENT; kind <= GOVERNOR_BILLING; kind++) {
        if ((pending >> kind & 1) == 0 || !board_place_is_due(place, kind, now)) {
            continue;
        }
        status = publish_state(publisher, place, kind, now);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

enum status publish_record(struct publisher *publisher, const struct record *record, instant_ms now)
{
    switch (record->kind) {
    case RECORD_DECISION:
    case RECORD_ANSWER:
    case RECORD_REPLY:
    case RECORD_DEAD_LETTER: return publish_entry(publisher, record);
    case RECORD_IMAGE: return publish_image(publisher, record, now);
    case RECORD_COPY: return STATUS_OK;
    }
    return STATUS_CORRUPT;
}

static void put_announcement_topic(struct text *topic, const struct topics *topics,
                                   enum announcement_kind kind)
{
    switch (kind) {
    case ANNOUNCE_STATUS: topic_put_agent(topic, topics, AGENT_TOPIC_STATUS); return;
    case ANNOUNCE_CONFIG_REPORTED: topic_put_agent(topic, topics, AGENT_TOPIC_CONFIG_REPORTED); return;
    case ANNOUNCE_METRICS: topic_put_agent(topic, topics, AGENT_TOPIC_METRICS); return;
    case ANNOUNCE_CANARY: topic_put_agent(topic, topics, AGENT_TOPIC_CANARY); return;
    }
}

enum status publish_agent_message(struct publisher *publisher, enum announcement_kind kind, size_t length)
{
    struct text topic = topic_text(publisher);
    put_announcement_topic(&topic, publisher->parts.topics, kind);
    struct paho_publication publication = {.topic = text_bytes(&topic),
                                           .payload = bytes_of(publisher->payload, length),
                                           .qos = kind == ANNOUNCE_METRICS ? 0 : 1,
                                           .retained = kind != ANNOUNCE_CANARY};
    return publisher_send(publisher, &publication, RECORD_REF_NONE);
}

enum status publish_alert(struct publisher *publisher, enum alert_name name, const struct alert *alert)
{
    struct text topic = topic_text(publisher);
    topic_put_alert(&topic, publisher->parts.topics, alert_name(name));
    struct text payload = payload_text(publisher);
    if (alert->active) {
        agent_put_alert(&payload, &(struct alert_message){.alert = alert_name(name),
                                                          .since = alert->since,
                                                          .message = bytes_of_string(alert->message)});
    }
    struct paho_publication publication = {
        .topic = text_bytes(&topic), .payload = text_bytes(&payload), .qos = 1, .retained = true};
    return publisher_send(publisher, &publication, RECORD_REF_NONE);
}
