/* CloudEvents 1.0 as events: structured, and binary with MQTT 5. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

static int open_started(void **context)
{
    stage_open(context);
    stage_start(*context, NULL);
    return 0;
}

static void structured_event_is_decided(void **context)
{
    struct stage *stage = *context;
    const cJSON *decision =
        stage_event(stage, "acme/meter-7/kwh",
                    "{\"specversion\": \"1.0\", \"id\": \"ce-1\", \"source\": \"urn:meters/meter-7\","
                    " \"type\": \"kwh\", \"subject\": \"acme\", \"data\": {\"amount\": \"2.5\"}}");
    expect_decision(decision, "allow", "ok");
    expect(decision, "event", "ce-1");
    expect(decision, "amount", "2.5");
    expect(decision, "dedup", "id");
}

static void structured_event_without_data_asks_for_one(void **context)
{
    struct stage *stage = *context;
    const cJSON *decision = stage_event(
        stage, "acme/meter-7/kwh",
        "{\"specversion\": \"1.0\", \"id\": \"ce-1\", \"source\": \"meter-7\", \"type\": \"kwh\"}");
    expect(decision, "amount", "1");
}

static void structured_duplicate_is_answered_as_such(void **context)
{
    struct stage *stage = *context;
    static const char event[] =
        "{\"specversion\": \"1.0\", \"id\": \"ce-1\", \"source\": \"meter-7\", \"type\": \"kwh\"}";
    stage_event(stage, "acme/meter-7/kwh", event);
    expect(stage_event(stage, "acme/meter-7/kwh", event), "duplicate", "true");
}

static void structured_events_that_lie_are_dead_letters(void **context)
{
    struct stage *stage = *context;
    static const char *const bad[][2] = {
        {"\"id\": \"1\", \"source\": \"meter-8\"", "identity_mismatch"},
        {"\"id\": \"1\", \"source\": \"urn:meters/my-meter-7\"", "identity_mismatch"},
        {"\"id\": \"1\", \"source\": \"meter-7\", \"type\": \"gas\"", "identity_mismatch"},
        {"\"id\": \"1\", \"source\": \"meter-7\", \"subject\": \"other\"", "identity_mismatch"},
        {"\"id\": \"1\", \"source\": \"meter-7\", \"data\": {\"device\": \"x\"}", "identity_mismatch"},
        {"\"source\": \"meter-7\"", "bad_id"},
        {"\"id\": 1, \"source\": \"meter-7\"", "bad_id"},
        {"\"id\": \"1\", \"source\": \"meter-7\", \"data\": []", "not_json"},
        {"\"id\": \"1\", \"source\": \"meter-7\", \"data\": \"x\"", "not_json"},
        {"\"id\": \"1\", \"source\": \"meter-7\", \"data\": {\"amount\": -1}", "bad_amount"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char payload[256];
        snprintf(payload, sizeof payload, "{\"specversion\": \"1.0\", %s}", bad[i][0]);
        stage_publish(stage, "event/acme/meter-7/kwh", payload);
        stage_dead_letter(stage, bad[i][1]);
    }
    expect(stage_event(stage, "acme/meter-7/kwh", "{}"), "seq", "1");
}

static struct peer_message binary_event(const char *id, const char *source, const char *payload)
{
    struct peer_message message = {
        .topic = "flyball/v1/event/acme/meter-7/kwh",
        .payload = payload,
        .length = strlen(payload),
        .qos = 1,
        .user = {
            {"specversion", "1.0"}, {"source", source}, {"type", "kwh"}, {"subject", "acme"}, {"id", id}}};
    if (id == NULL) {
        message.user[4] = (struct peer_property){0};
    }
    return message;
}

static void binary_event_is_decided(void **context)
{
    struct stage *stage = *context;
    struct peer_message event = binary_event("ce-7", "/site/meter-7", "{\"amount\": 3}");
    peer_publish(&stage->peer, &event);
    const cJSON *decision = stage_take_json(stage, "decision/acme/meter-7");
    expect(decision, "event", "ce-7");
    expect(decision, "amount", "3");
    peer_publish(&stage->peer, &event);
    expect(stage_take_json(stage, "decision/acme/meter-7"), "duplicate", "true");
}

static void binary_events_that_lie_are_dead_letters(void **context)
{
    struct stage *stage = *context;
    struct peer_message other = binary_event("1", "/site/meter-8", "{}");
    peer_publish(&stage->peer, &other);
    stage_dead_letter(stage, "identity_mismatch");
    struct peer_message nameless = binary_event(NULL, "meter-7", "{}");
    peer_publish(&stage->peer, &nameless);
    stage_dead_letter(stage, "bad_id");
    struct peer_message array = binary_event("1", "meter-7", "[]");
    peer_publish(&stage->peer, &array);
    stage_dead_letter(stage, "not_json");
    struct peer_message gas = binary_event("1", "meter-7", "{}");
    gas.user[2].value = "gas";
    peer_publish(&stage->peer, &gas);
    stage_dead_letter(stage, "identity_mismatch");
    expect(stage_event(stage, "acme/meter-7/kwh", "{}"), "seq", "1");
}

int main(void)
{
    static char protocol_3_1_1[] = "3.1.1";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(structured_event_is_decided, open_started, stage_close),
        cmocka_unit_test_prestate_setup_teardown(structured_event_is_decided, open_started, stage_close,
                                                 protocol_3_1_1),
        cmocka_unit_test_setup_teardown(structured_event_without_data_asks_for_one, open_started,
                                        stage_close),
        cmocka_unit_test_setup_teardown(structured_duplicate_is_answered_as_such, open_started, stage_close),
        cmocka_unit_test_setup_teardown(structured_events_that_lie_are_dead_letters, open_started,
                                        stage_close),
        cmocka_unit_test_setup_teardown(binary_event_is_decided, open_started, stage_close),
        cmocka_unit_test_setup_teardown(binary_events_that_lie_are_dead_letters, open_started, stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
