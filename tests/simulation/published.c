/* What the broker sees of the agent, checked one publication at a time. */
#include <stdlib.h>
#include <string.h>

#include "tests/simulation/world.h"

/* The bytes behind `"key":` up to `end`; NULL data if the key is not there. */
static struct bytes value_of(struct bytes payload, const char *key, const char *end)
{
    const uint8_t *found = memmem(payload.data, payload.length, key, strlen(key));
    if (found == NULL) {
        return bytes_of(NULL, 0);
    }
    const uint8_t *begin = found + strlen(key);
    size_t rest = payload.length - (size_t)(begin - payload.data);
    size_t length = 0;
    while (length < rest && strchr(end, begin[length]) == NULL) {
        length++;
    }
    return bytes_of(begin, length);
}

static struct bytes text_of_key(struct bytes payload, const char *key)
{
    return value_of(payload, key, "\"");
}

static uint64_t number_of_key(struct bytes payload, const char *key)
{
    struct bytes digits = value_of(payload, key, ",}");
    uint64_t number = 0;
    for (size_t i = 0; i < digits.length; i++) {
        number = number * 10 + (uint64_t)(digits.data[i] - '0');
    }
    return number;
}

static bool has(struct bytes payload, const char *text)
{
    return memmem(payload.data, payload.length, text, strlen(text)) != NULL;
}

static bool starts_with(struct bytes bytes, const char *prefix)
{
    return bytes_start_with(bytes, bytes_of_string(prefix));
}

/* The record a publication is made of: the publisher notes it with the ticket, or has not walked past it. */
static record_ref ref_of(const struct world *world, const struct paho_publication *publication)
{
    const struct publisher *publisher = &world->agent->publisher;
    if (publication->qos > 0) {
        return publisher->flights.refs[publication->ticket % FLIGHTS_MAX];
    }
    uint64_t first = segments_first_frame(&world->agent->log.segments);
    for (uint32_t i = 0; i < world->model.owed_count; i++) {
        record_ref ref = world->model.owed[i].ref;
        if (ref > publisher->walked && record_ref_frame(ref) >= first) {
            return world->model.owed[i].ref;
        }
    }
    return RECORD_REF_NONE;
}

static void check_durable(struct world *world, record_ref ref)
{
    if (record_ref_frame(ref) > world->watch.durable_frame) {
        findings_violate(&world->findings, "f: record %llx is published, durable is frame %llu",
                         (unsigned long long)ref, (unsigned long long)world->watch.durable_frame);
    }
}

static struct model_owed *check_owed(struct world *world, record_ref ref, struct bytes payload)
{
    struct model_owed *owed = model_owed_at(&world->model, ref);
    if (owed == NULL) {
        findings_violate(&world->findings, "d: an answer is published that is not in the log: %.*s",
                         (int)payload.length, (const char *)payload.data);
        return NULL;
    }
    uint64_t hash = model_hash(5, payload);
    if (owed->answer != 0 && owed->answer != hash) {
        findings_violate(&world->findings, "c: answer %llx is published again with other bytes: %.*s",
                         (unsigned long long)ref, (int)payload.length, (const char *)payload.data);
    }
    owed->answer = hash;
    return owed;
}

/* The decision but for `duplicate`. */
static uint64_t canonical_hash(struct bytes payload)
{
    static const char mark[] = "\"duplicate\":";
    const uint8_t *found = memmem(payload.data, payload.length, mark, sizeof mark - 1);
    if (found == NULL) {
        return model_hash(6, payload);
    }
    size_t before = (size_t)(found - payload.data);
    struct bytes rest = value_of(payload, mark, ",");
    struct bytes after = bytes_after(payload, before + sizeof mark - 1 + rest.length);
    return model_hash(model_hash(6, bytes_of(payload.data, before)), after);
}

static uint64_t key_of_decision(struct bytes payload)
{
    struct bytes subject = text_of_key(payload, "\"subject\":\"");
    struct bytes device = text_of_key(payload, "\"device\":\"");
    struct bytes id = text_of_key(payload, "{\"event\":\"");
    if (id.data != NULL) {
        return ask_key_of_id(subject, device, id);
    }
    if (!has(payload, "\"device_seq\":") || has(payload, "{\"event\":null,\"decision\"")) {
        return 0;
    }
    return ask_key_of_device_seq(subject, device, text_of_key(payload, "\"boot\":\""),
                                 number_of_key(payload, "\"device_seq\":"));
}

static void check_same_decision(struct world *world, struct bytes payload, uint64_t key)
{
    bool is_peek = has(payload, "\"amount\":\"0\"");
    if (is_peek || has(payload, "\"dedup\":\"none\"") || has(payload, "\"reason\":\"id_reused\"")) {
        return;
    }
    struct model_key *known = model_key(&world->model, key);
    uint64_t hash = canonical_hash(payload);
    if (known->answer != 0 && known->answer != hash) {
        findings_violate(&world->findings, "c: the same event gets another decision: %.*s",
                         (int)payload.length, (const char *)payload.data);
    }
    known->answer = hash;
}

static bool is_answer_to(const struct ask *ask, uint64_t key, struct bytes cid)
{
    switch (ask->match) {
    case MATCH_KEY: return ask->key == key && (cid.length == 0 || bytes_equal_string(cid, ask->cid));
    case MATCH_CID: return bytes_equal_string(cid, ask->cid);
    }
    return false;
}

/* The ask of that identity that waits; -1 if none does. */
static int find_ask(struct world *world, const struct paho_publication *publication, uint64_t key)
{
    struct bytes cid = publication->has_correlation ? publication->correlation
                                                    : text_of_key(publication->payload, "\"cid\":\"");
    for (uint32_t i = 0; i < world->ask_count; i++) {
        const struct ask *ask = &world->asks[i];
        if (ask->is_answered || ask->kind == ASK_MALFORMED || !is_answer_to(ask, key, cid)) {
            continue;
        }
        if (ask->match == MATCH_CID && ask->answer_topic[0] != '\0' &&
            !bytes_equal_string(publication->topic, ask->answer_topic)) {
            findings_violate(&world->findings, "answer to %s comes on %.*s", ask->payload,
                             (int)publication->topic.length, (const char *)publication->topic.data);
        }
        return (int)i;
    }
    return -1;
}

static void check_decision(struct world *world, const struct paho_publication *publication,
                           struct flight *flight)
{
    struct bytes payload = publication->payload;
    const struct model_owed *owed = check_owed(world, flight->ref, payload);
    uint64_t seq = number_of_key(payload, "\"seq\":");
    if (owed != NULL && owed->seq != seq) {
        findings_violate(&world->findings, "e: record %llx says seq %llu, published is %llu",
                         (unsigned long long)flight->ref, (unsigned long long)owed->seq,
                         (unsigned long long)seq);
    }
    if (seq > world->watch.durable_seq) {
        findings_violate(&world->findings, "f: seq %llu is published, durable is %llu",
                         (unsigned long long)seq, (unsigned long long)world->watch.durable_seq);
    }
    uint64_t key = key_of_decision(payload);
    check_same_decision(world, payload, key);
    flight->is_owed = true;
    flight->answers = find_ask(world, publication, key);
}

static void check_reply(struct world *world, const struct paho_publication *publication,
                        struct flight *flight)
{
    struct bytes payload = publication->payload;
    check_owed(world, flight->ref, payload);
    flight->is_owed = true;
    for (uint32_t i = 0; i < world->ask_count; i++) {
        const struct ask *ask = &world->asks[i];
        if (ask->kind != ASK_COMMAND ||
            !bytes_equal_string(text_of_key(payload, "\"command\":\""), ask->id) ||
            !bytes_equal_string(publication->topic, ask->answer_topic)) {
            continue;
        }
        if (!has(payload, "\"reason\":\"id_reused\"") && !has(payload, "\"reason\":\"overflow\"")) {
            struct model_key *known = model_key(&world->model, ask->key);
            uint64_t hash = model_hash(7, payload);
            if (known->answer != 0 && known->answer != hash) {
                findings_violate(&world->findings, "c: command %s gets another reply: %.*s", ask->id,
                                 (int)payload.length, (const char *)payload.data);
            }
            known->answer = hash;
        }
        flight->answers = (int)i;
        return;
    }
}

static void check_agent_message(struct world *world, const struct paho_publication *publication)
{
    if (has(publication->topic, "/alert/ledger_imbalance") && publication->payload.length > 0) {
        findings_violate(&world->findings, "a: the agent itself reports an imbalance");
    }
}

void published_check(struct world *world, const struct paho_publication *publication, struct flight *flight)
{
    findings_trace(&world->findings, "  published %.*s %.*s", (int)publication->topic.length,
                   (const char *)publication->topic.data, (int)publication->payload.length,
                   (const char *)publication->payload.data);
    world->hash = model_hash(model_hash(world->hash, publication->topic), publication->payload);
    if (starts_with(publication->topic, "flyball/v1/agent/") && !has(publication->topic, "/dead-letter/")) {
        check_agent_message(world, publication);
        return;
    }
    flight->ref = ref_of(world, publication);
    retained_note(publication, flight);
    check_durable(world, flight->ref);
    if (starts_with(publication->payload, "{\"event\":")) {
        check_decision(world, publication, flight);
    } else if (starts_with(publication->payload, "{\"command\":")) {
        check_reply(world, publication, flight);
    } else if (has(publication->topic, "/dead-letter/")) {
        check_owed(world, flight->ref, publication->payload);
        flight->is_owed = true;
    }
}

void published_reach(struct world *world, struct flight *flight)
{
    flight->has_reached = true;
    if (flight->is_owed) {
        struct model_owed *owed = model_owed_at(&world->model, flight->ref);
        if (owed != NULL) {
            owed->has_landed = true;
        }
    }
    if (flight->state >= 0) {
        world->states[flight->state] = flight->state_hash;
    }
    bool is_missed = !world->is_healed && dice_chance(&world->dice, world->weather.missed_answers);
    if (flight->answers < 0 || is_missed) {
        return;
    }
    /* Whoever else waits for the same answer has it too. */
    const struct ask *answered = &world->asks[flight->answers];
    for (uint32_t i = 0; i < world->ask_count; i++) {
        struct ask *ask = &world->asks[i];
        bool is_same = i == (uint32_t)flight->answers ||
                       (ask->key != 0 && ask->key == answered->key && ask->match == MATCH_KEY);
        ask->is_answered = ask->is_answered || is_same;
    }
}
