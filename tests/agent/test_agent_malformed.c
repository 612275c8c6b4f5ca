#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/agent_fixture.h"

static const char EVENT_TOPIC[] = "flyball/v1/event/acme/meter-7/kwh";

static struct fixture *started(void)
{
    struct fixture *fixture = fixture_new(NULL);
    fixture_start(fixture);
    return fixture;
}

struct malformed {
    const char *topic;
    const char *payload;
    const char *reason;
};

static const struct malformed CASES[] = {
    {"flyball/v1/event/acme/meter-7", "{}", "bad_topic"},
    {"flyball/v1/event/acme/meter-7/kwh/more", "{}", "bad_topic"},
    {"flyball/v1/event//meter-7/kwh", "{}", "bad_topic"},
    {"flyball/v1/event/a b/meter-7/kwh", "{}", "bad_topic"},
    {"flyball/v1/event/acme/meter-7/\xff", "{}", "bad_topic"},
    {"flyball/v1/command/acme/nothing", "{\"id\": \"1\", \"op\": \"reset\"}", "bad_topic"},
    {"flyball/v1/command/acme", "{}", "bad_topic"},
    {EVENT_TOPIC, "{\"id\": \"\xff\"}", "not_utf8"},
    {EVENT_TOPIC, "", "not_json"},
    {EVENT_TOPIC, "[]", "not_json"},
    {EVENT_TOPIC, "{} x", "not_json"},
    {EVENT_TOPIC, "{\"amount\": NaN}", "not_json"},
    {EVENT_TOPIC, "{\"a\":[[[[[[[[[[]]]]]]]]]]}", "too_deep"},
    {EVENT_TOPIC, "{\"id\": \"a\", \"id\": \"b\"}", "duplicate_key"},
    {EVENT_TOPIC, "{\"device\": \"meter-8\"}", "identity_mismatch"},
    {EVENT_TOPIC, "{\"id\": 7}", "bad_id"},
    {EVENT_TOPIC, "{\"id\": null}", "bad_id"},
    {EVENT_TOPIC, "{\"id\": \"\"}", "bad_id"},
    {EVENT_TOPIC, "{\"device_seq\": -1}", "bad_id"},
    {EVENT_TOPIC, "{\"amount\": \"-1\"}", "bad_amount"},
    {EVENT_TOPIC, "{\"amount\": null}", "bad_amount"},
    {EVENT_TOPIC, "{\"amount\": \"1.0000001\"}", "bad_amount"},
    {"flyball/v1/command/acme/quota", "{\"id\": \"1\"}", "bad_command"},
    {"flyball/v1/command/acme/quota", "nonsense", "bad_command"},
    {"flyball/v1/command/acme/quota", "{\"id\": \"1\", \"op\": \"explode\"}", "bad_command"},
    {"flyball/v1/command/acme/billing", "{\"id\": \"1\", \"op\": \"credit\", \"amount\": 0}", "bad_command"},
};

static void malformed_message_becomes_a_dead_letter(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        size_t from = fixture->count;
        char topic[128];
        char reason[64];
        fixture_receive(fixture, CASES[i].topic, CASES[i].payload);
        fixture_turn(fixture);
        snprintf(topic, sizeof topic, "flyball/v1/agent/a1/dead-letter/%s", CASES[i].reason);
        snprintf(reason, sizeof reason, "\"reason\":\"%s\"", CASES[i].reason);
        if (fixture->count != from + 1 || fixture_count(fixture, topic, from) != 1) {
            fail_msg("%s: %s: %s", CASES[i].topic, CASES[i].payload,
                     fixture->count > from ? fixture->published[from].topic : "nothing came");
        }
        published_has(&fixture->published[from], reason);
        assert_false(fixture->published[from].retained);
    }
    /* Nothing else changed: no subject, no number. */
    struct state_log_stats stats;
    state_log_stats(&fixture->agent->log, &stats);
    assert_int_equal(stats.subjects, 0);
    assert_int_equal(published_number(fixture_ask(fixture, "{\"id\": \"e-1\"}"), "seq"), 1);
    assert_int_equal(event_pool_stats(&fixture->agent->pool).used, 0);
    fixture_free(fixture);
}

static void large_payload_is_shown_by_its_beginning(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    enum { LARGE = 300000 };
    char *payload = malloc(LARGE + 1);
    assert_non_null(payload);
    memset(payload, 'x', LARGE);
    payload[LARGE] = '\0';
    fixture_receive(fixture, EVENT_TOPIC, payload);
    fixture_turn(fixture);
    published_has(fixture_last(fixture, "flyball/v1/agent/a1/dead-letter/too_large", 0),
                  "\"payload_base64\":\"eHh4");
    payload[4097] = '\0';
    fixture_receive(fixture, EVENT_TOPIC, payload);
    fixture_turn(fixture);
    assert_int_equal(fixture_count(fixture, "flyball/v1/agent/a1/dead-letter/too_large", 0), 2);
    payload[4096] = '\0';
    fixture_receive(fixture, EVENT_TOPIC, payload);
    fixture_turn(fixture);
    assert_int_equal(fixture_count(fixture, "flyball/v1/agent/a1/dead-letter/not_json", 0), 1);
    free(payload);
    fixture_free(fixture);
}

static void message_that_never_fits_the_pool_is_a_dead_letter_too(void **context)
{
    (void)context;
    struct fixture *fixture = fixture_new(NULL);
    fixture_set(fixture, "pool.slots=8");
    fixture_set(fixture, "pool.slot_bytes=128");
    fixture_start(fixture);
    char payload[2048];
    memset(payload, ' ', sizeof payload);
    memcpy(payload, "{\"id\": \"e-1\"}", 13);
    payload[2000] = '\0';
    fixture_receive(fixture, EVENT_TOPIC, payload);
    fixture_turn(fixture);
    assert_int_equal(fixture_count(fixture, "flyball/v1/agent/a1/dead-letter/too_large", 0), 1);
    fixture_free(fixture);
}

static void retained_event_is_not_taken(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    struct message message = {.topic = bytes_of_string(EVENT_TOPIC),
                              .payload = bytes_of_string("{}"),
                              .payload_length = 2,
                              .qos = 1};
    struct paho_arrival arrival = {.retained = true};
    size_t from = fixture->count;
    agent_receive(fixture->agent, &message, &arrival);
    fixture_turn(fixture);
    assert_int_equal(fixture->count, from);
    fixture_free(fixture);
}

/* A small generator of its own: the same bytes on every machine. */
static uint64_t draw(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15U;
    uint64_t mixed = (*state ^ *state >> 30) * 0xbf58476d1ce4e5b9U;
    return mixed ^ mixed >> 31;
}

/* Something that begins like a message and was damaged. */
static size_t damage(const char *text, uint64_t *random, char *out, size_t capacity)
{
    size_t length = strlen(text);
    memcpy(out, text, length);
    for (uint64_t changes = draw(random) % 4; changes > 0 && length > 0; changes--) {
        size_t at = draw(random) % length;
        switch (draw(random) % 3) {
        case 0: out[at] = (char)draw(random); break;
        case 1: length = at; break;
        default:
            if (length + 1 < capacity) {
                memmove(out + at + 1, out + at, length - at);
                length++;
            }
        }
    }
    return length;
}

static void whatever_arrives_nothing_breaks(void **context)
{
    (void)context;
    static const char *const topics[] = {
        "flyball/v1/event/acme/meter-7/kwh", "flyball/v1/command/acme/billing",
        "flyball/v1/agent/a1/config/desired", "flyball/v1/agent/a1/canary", "tele/plug/SENSOR"};
    static const char *const payloads[] = {
        "{\"id\": \"e-1\", \"amount\": \"2.5\", \"device_seq\": 17, \"boot\": \"b1\", \"cid\": {\"a\": [1]}}",
        "{\"id\": \"c\", \"op\": \"credit\", \"amount\": 5, \"priority\": 3, \"expires_at\": "
        "\"2026-11-14T00:00:00Z\"}",
        "{\"specversion\": \"1.0\", \"id\": \"x\", \"source\": \"/meter-7\", \"type\": \"kwh\", \"data\": "
        "{}}",
        "{\"version\": 3, \"mode\": \"apply\", \"state\": {\"limits\": {\"device_rate\": 0}}}",
    };
    struct fixture *fixture = started();
    uint64_t random = 7;
    for (int i = 0; i < 3000; i++) {
        char topic[256];
        char payload[512];
        struct message message = {.topic = bytes_of(topic, 0), .qos = (uint8_t)(draw(&random) % 2)};
        message.topic.length = damage(topics[draw(&random) % 5], &random, topic, sizeof topic);
        message.payload_length = damage(payloads[draw(&random) % 4], &random, payload, sizeof payload);
        message.payload = bytes_of(payload, message.payload_length);
        fixture_receive_message(fixture, &message);
        bool routes_changed;
        fixture->now += 20; /* Only in time do deferred states go out and let the log be cut. */
        (void)!agent_take_desired(fixture->agent, fixture->now, &routes_changed);
        fixture_turn(fixture);
    }
    assert_int_equal(event_pool_stats(&fixture->agent->pool).used, 0);
    assert_int_equal(atomic_load(&fixture->agent->imbalance), 0);
    fixture_verify(fixture);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_message_becomes_a_dead_letter),
        cmocka_unit_test(large_payload_is_shown_by_its_beginning),
        cmocka_unit_test(message_that_never_fits_the_pool_is_a_dead_letter_too),
        cmocka_unit_test(retained_event_is_not_taken),
        cmocka_unit_test(whatever_arrives_nothing_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
