/* Where an answer goes, and what comes back with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

static void send(struct stage *stage, const char *topic, const char *payload, const char *response_topic,
                 const char *correlation)
{
    char whole[STAGE_TOPIC_MAX];
    snprintf(whole, sizeof whole, "flyball/v1/%s", topic);
    struct peer_message message = {.topic = whole,
                                   .payload = payload,
                                   .length = strlen(payload),
                                   .qos = 1,
                                   .response_topic = response_topic,
                                   .correlation = correlation,
                                   .correlation_length = correlation != NULL ? strlen(correlation) : 0};
    peer_publish(&stage->peer, &message);
}

static void expect_correlation(const struct peer_message *message, const char *correlation)
{
    assert_int_equal(message->correlation_length, strlen(correlation));
    assert_memory_equal(message->correlation, correlation, strlen(correlation));
}

static void response_topic_replaces_the_decision_topic(void **context)
{
    struct stage *stage = *context;
    stage_start(stage, NULL);
    send(stage, "event/acme/meter-7/kwh", "{\"id\": \"1\"}", "flyball/v1/decision/my/own/place", "abc");
    const struct peer_message *message = stage_take(stage, "decision/#");
    assert_string_equal(message->topic, "flyball/v1/decision/my/own/place");
    expect_correlation(message, "abc");
    expect(stage_parse(stage, message), "event", "1");
    stage_expect_none(stage, "decision/#", 100);
}

static void correlation_comes_back_without_a_response_topic(void **context)
{
    struct stage *stage = *context;
    stage_start(stage, NULL);
    send(stage, "event/acme/meter-7/kwh", "{\"id\": \"1\"}", NULL, "x\ny");
    const struct peer_message *message = stage_take(stage, "decision/acme/meter-7");
    expect_correlation(message, "x\ny");
}

static void duplicate_answers_where_the_new_delivery_asks(void **context)
{
    struct stage *stage = *context;
    stage_start(stage, NULL);
    send(stage, "event/acme/meter-7/kwh", "{\"id\": \"1\"}", "flyball/v1/decision/one", "1");
    stage_take(stage, "decision/one");
    send(stage, "event/acme/meter-7/kwh", "{\"id\": \"1\"}", "flyball/v1/decision/two", "2");
    const struct peer_message *again = stage_take(stage, "decision/two");
    expect_correlation(again, "2");
    expect(stage_parse(stage, again), "duplicate", "true");
}

/* Mosquitto ends a connection over such topics, and the answer would be sent again and again. */
static void topic_no_broker_takes_is_ignored(void **context)
{
    struct stage *stage = *context;
    static const char *const tails[] = {"\\t", "\\u007f", "\\u0085", "\\ufdd0", "\\uffff", NULL};
    char slashes[203];
    memset(slashes, '/', sizeof slashes - 1);
    slashes[sizeof slashes - 1] = '\0';
    stage_start(stage, NULL);
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        char payload[320];
        snprintf(payload, sizeof payload, "{\"id\": \"%zu\", \"reply_to\": \"flyball/v1/decision/%s\"}", i,
                 tails[i] != NULL ? tails[i] : slashes);
        send(stage, "event/acme/meter-7/kwh", payload, NULL, NULL);
        const struct peer_message *message = stage_take(stage, "decision/#");
        assert_string_equal(message->topic, "flyball/v1/decision/acme/meter-7");
    }
}

static void commands_reply_there_too(void **context)
{
    struct stage *stage = *context;
    stage_start(stage, NULL);
    send(stage, "command/acme/billing", "{\"id\": \"c\", \"op\": \"credit\", \"amount\": 1}",
         "flyball/v1/reply/console-3", "77");
    const struct peer_message *message = stage_take(stage, "reply/#");
    assert_string_equal(message->topic, "flyball/v1/reply/console-3");
    expect_correlation(message, "77");
    expect_reply(stage_parse(stage, message), "ok");
}

static void forbidden_response_topics_are_ignored_and_counted(void **context)
{
    static const char *const forbidden[] = {
        "elsewhere/acme",
        "flyball/v1/event/acme/meter-7/kwh",
        "flyball/v1/command/acme/billing",
        "flyball/v1/agent/a1/status",
        "flyball/v1/decisions/acme",
        "flyball/v1/state/acme/quota",
        "$SYS/broker/version",
    };
    enum { FORBIDDEN = sizeof forbidden / sizeof forbidden[0] };
    struct stage *stage = *context;
    stage_start(stage, NULL);
    peer_subscribe(&stage->peer, "elsewhere/#", 1);
    for (size_t i = 0; i < FORBIDDEN; i++) {
        send(stage, "event/acme/meter-7/kwh", "{}", forbidden[i], "c");
        expect_correlation(stage_take(stage, "decision/acme/meter-7"), "c");
    }
    send(stage, "command/acme/billing", "{\"id\": \"c\", \"op\": \"credit\", \"amount\": 1}", forbidden[0],
         NULL);
    expect_reply(stage_take_json(stage, "reply/acme/billing"), "ok");
    assert_int_equal(peer_count(&stage->peer, "elsewhere/#"), 0);
    expect_number_between(stage_metrics(stage), "response_topics_ignored_total", FORBIDDEN + 1,
                          FORBIDDEN + 1);
}

static void response_prefixes_are_configurable(void **context)
{
    struct stage *stage = *context;
    stage_start(stage, "{\"topics\": {\"response_prefixes\": [\"answers/\"]}}");
    peer_subscribe(&stage->peer, "answers/#", 1);
    send(stage, "event/acme/meter-7/kwh", "{}", "answers/here", "c");
    assert_non_null(peer_take(&stage->peer, "answers/here", STAGE_WAIT_MS));
    send(stage, "event/acme/meter-7/kwh", "{}", "flyball/v1/decision/x", "c");
    stage_take(stage, "decision/acme/meter-7");
}

static void payload_names_the_response_topic_in_3_1_1(void **context)
{
    struct stage *stage = *context;
    stage_start(stage, NULL);
    static const char event[] =
        "{\"id\": \"1\", \"reply_to\": \"flyball/v1/decision/my/place\", \"cid\": \"abc\"}";
    stage_publish(stage, "event/acme/meter-7/kwh", event);
    const cJSON *decision = stage_take_json(stage, "decision/my/place");
    expect(decision, "cid", "abc");
    expect(decision, "event", "1");
    stage_publish(stage, "event/acme/meter-7/kwh", event);
    const cJSON *again = stage_take_json(stage, "decision/my/place");
    expect(again, "cid", "abc");
    expect(again, "duplicate", "true");
    stage_publish(stage, "command/acme/billing",
                  "{\"id\": \"c\", \"op\": \"credit\", \"amount\": 1, \"cid\": \"k\", "
                  "\"reply_to\": \"flyball/v1/reply/console\"}");
    const cJSON *reply = stage_take_json(stage, "reply/console");
    expect(reply, "cid", "k");
    expect_reply(reply, "ok");
}

static void forbidden_reply_to_is_ignored_and_counted(void **context)
{
    static const char *const forbidden[] = {"elsewhere", "flyball/v1/decision/+/x", "flyball/v1/decision/#",
                                            "flyball/v1/event/acme/meter-7/kwh", ""};
    enum { FORBIDDEN = sizeof forbidden / sizeof forbidden[0] };
    struct stage *stage = *context;
    stage_start(stage, NULL);
    for (size_t i = 0; i < FORBIDDEN; i++) {
        char payload[128];
        snprintf(payload, sizeof payload, "{\"reply_to\": \"%s\", \"cid\": \"%zu\"}", forbidden[i], i);
        const cJSON *decision = stage_event(stage, "acme/meter-7/kwh", payload);
        expect(decision, "decision", "allow");
        expect_number_between(decision, "seq", (double)i + 1, (double)i + 1);
    }
    expect_number_between(stage_metrics(stage), "response_topics_ignored_total", FORBIDDEN, FORBIDDEN);
}

int main(void)
{
    static char protocol_3_1_1[] = "3.1.1";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(response_topic_replaces_the_decision_topic, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(correlation_comes_back_without_a_response_topic, stage_open,
                                        stage_close),
        cmocka_unit_test_setup_teardown(duplicate_answers_where_the_new_delivery_asks, stage_open,
                                        stage_close),
        cmocka_unit_test_setup_teardown(topic_no_broker_takes_is_ignored, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(commands_reply_there_too, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(forbidden_response_topics_are_ignored_and_counted, stage_open,
                                        stage_close),
        cmocka_unit_test_setup_teardown(response_prefixes_are_configurable, stage_open, stage_close),
        cmocka_unit_test_prestate_setup_teardown(payload_names_the_response_topic_in_3_1_1, stage_open,
                                                 stage_close, protocol_3_1_1),
        cmocka_unit_test_prestate_setup_teardown(forbidden_reply_to_is_ignored_and_counted, stage_open,
                                                 stage_close, protocol_3_1_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
