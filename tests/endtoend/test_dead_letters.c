/* What cannot be understood: reported with the first reason that applies, and nothing else changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

struct malformed {
    const char *payload;
    const char *reason;
};

static const char topic[] = "flyball/v1/event/acme/meter-7/kwh";

static void send_bytes(struct stage *stage, const char *to, const void *payload, size_t length)
{
    struct peer_message message = {.topic = to, .payload = payload, .length = length, .qos = 1};
    peer_publish(&stage->peer, &message);
}

/* No decision, no state; the next event is the first. */
static void expect_unchanged(struct stage *stage)
{
    assert_int_equal(peer_count(&stage->peer, "flyball/v1/decision/#"), 0);
    assert_int_equal(peer_count(&stage->peer, "flyball/v1/state/#"), 0);
    const cJSON *decision = stage_event(stage, "acme/meter-7/kwh", "{\"id\": \"after\", \"amount\": 1}");
    expect(decision, "decision", "allow");
    expect(decision, "seq", "1");
    expect(decision, "governors/quota/used", "1");
}

static void expect_letters(struct stage *stage, const struct malformed *malformed, size_t count)
{
    stage_start(stage, NULL);
    for (size_t i = 0; i < count; i++) {
        send_bytes(stage, topic, malformed[i].payload, strlen(malformed[i].payload));
        const cJSON *letter = stage_dead_letter(stage, malformed[i].reason);
        expect(letter, "topic", topic);
    }
    expect_unchanged(stage);
    expect(stage_metrics(stage), "decisions_total/allow", "1");
    expect_number_between(stage_metrics(stage), "dead_letters_total", (double)count, (double)count);
}

static void payloads_that_are_not_one_object(void **context)
{
    static const struct malformed malformed[] = {
        {"", "not_json"},
        {" ", "not_json"},
        {"hello", "not_json"},
        {"NaN", "not_json"},
        {"7", "not_json"},
        {"null", "not_json"},
        {"\"text\"", "not_json"},
        {"[]", "not_json"},
        {"[{\"id\": \"1\"}]", "not_json"},
        {"{", "not_json"},
        {"{\"id\": \"1\"", "not_json"},
        {"{\"id\": \"1\"} {}", "not_json"},
        {"{\"id\": \"1\"}x", "not_json"},
        {"{id: 1}", "not_json"},
        {"{'id': '1'}", "not_json"},
        {"{\"id\": \"1\",}", "not_json"},
        {"{\"amount\": NaN}", "not_json"},
        {"{\"amount\": Infinity}", "not_json"},
        {"{\"amount\": 01}", "not_json"},
        {"{\"amount\": .5}", "not_json"},
        {"{\"amount\": +1}", "not_json"},
        {"{\"id\": \"a\tb\"}", "not_json"},
        {"{\"id\": \"\\x\"}", "not_json"},
        {"{\"id\": \"\\ud800\"}", "not_json"},
        {"// comment\n{}", "not_json"},
    };
    expect_letters(*context, malformed, sizeof malformed / sizeof malformed[0]);
}

static void payloads_nested_or_named_badly(void **context)
{
    static const struct malformed malformed[] = {
        {"{\"a\":[[[[[[[[1]]]]]]]]}", "too_deep"},
        {"{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{}}}}}}}}}", "too_deep"},
        {"{\"id\": \"1\", \"id\": \"1\"}", "duplicate_key"},
        {"{\"id\": \"1\", \"\\u0069d\": \"2\"}", "duplicate_key"},
        {"{\"note\": {\"a\": 1, \"a\": 2}}", "duplicate_key"},
        {"{\"device\": \"meter-8\"}", "identity_mismatch"},
    };
    expect_letters(*context, malformed, sizeof malformed / sizeof malformed[0]);
}

static void keys_and_amounts_that_are_none(void **context)
{
    static const struct malformed malformed[] = {
        {"{\"id\": 1}", "bad_id"},
        {"{\"id\": null}", "bad_id"},
        {"{\"id\": \"\"}", "bad_id"},
        {"{\"id\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", "bad_id"},
        {"{\"device_seq\": -1}", "bad_id"},
        {"{\"device_seq\": 1.5}", "bad_id"},
        {"{\"device_seq\": \"1\"}", "bad_id"},
        {"{\"device_seq\": null}", "bad_id"},
        {"{\"device_seq\": 9007199254740994}", "bad_id"},
        {"{\"device_seq\": 1, \"boot\": 1}", "bad_id"},
        {"{\"amount\": -1}", "bad_amount"},
        {"{\"amount\": \"-1\"}", "bad_amount"},
        {"{\"amount\": \"\"}", "bad_amount"},
        {"{\"amount\": \".5\"}", "bad_amount"},
        {"{\"amount\": \"1.\"}", "bad_amount"},
        {"{\"amount\": \"1e3\"}", "bad_amount"},
        {"{\"amount\": \" 1\"}", "bad_amount"},
        {"{\"amount\": \"0.0000001\"}", "bad_amount"},
        {"{\"amount\": 0.0000001}", "bad_amount"},
        {"{\"amount\": 9007199255}", "bad_amount"},
        {"{\"amount\": \"9223372036854.775808\"}", "bad_amount"},
        {"{\"amount\": \"99999999999999999999999999\"}", "bad_amount"},
        {"{\"amount\": 1e400}", "bad_amount"},
        {"{\"amount\": null}", "bad_amount"},
        {"{\"amount\": true}", "bad_amount"},
        {"{\"amount\": [1]}", "bad_amount"},
        {"{\"id\": 1, \"amount\": null}", "bad_id"},
    };
    expect_letters(*context, malformed, sizeof malformed / sizeof malformed[0]);
}

static void bytes_that_are_no_text(void **context)
{
    struct stage *stage = *context;
    static const char *const bytes[] = {"{\"id\": \"\xff\"}", "{\"id\": \"\xc0\xaf\"}",
                                        "{\"id\": \"\xed\xa0\x80\"}", "\xfe\xff{}", "{\"id\": \"\xe2\x82\"}"};
    stage_start(stage, NULL);
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        send_bytes(stage, topic, bytes[i], strlen(bytes[i]));
        stage_dead_letter(stage, "not_utf8");
    }
    send_bytes(stage, topic, "{\"id\": \"a\0b\"}", 13);
    stage_dead_letter(stage, "not_json");
    send_bytes(stage, topic, "{\"id\": \"1\"}\0", 12);
    stage_dead_letter(stage, "not_json");
    expect_unchanged(stage);
}

/* An object of exactly this many bytes. */
static char *object_of(size_t length)
{
    char *text = malloc(length + 1);
    memset(text, 'x', length);
    memcpy(text, "{\"note\": \"", 10);
    memcpy(text + length - 2, "\"}", 3);
    return text;
}

static void payload_over_the_limit_is_too_large(void **context)
{
    struct stage *stage = *context;
    stage_start(stage, NULL);
    static const size_t lengths[] = {4097, 100000, 1000000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char *text = object_of(lengths[i]);
        send_bytes(stage, topic, text, lengths[i]);
        const cJSON *letter = stage_dead_letter(stage, "too_large");
        /* The first 256 bytes in base64. */
        assert_int_equal(strlen(json_string(letter, "payload_base64")), 344);
        free(text);
    }
    char *fits = object_of(4096);
    expect(stage_event(stage, "acme/meter-7/kwh", fits), "seq", "1");
    free(fits);
}

static void limit_is_configurable(void **context)
{
    struct stage *stage = *context;
    stage_start(stage, "{\"limits\": {\"payload_bytes\": 64}}");
    char *text = object_of(65);
    send_bytes(stage, topic, text, 65);
    stage_dead_letter(stage, "too_large");
    free(text);
    text = object_of(64);
    expect(stage_event(stage, "acme/meter-7/kwh", text), "seq", "1");
    free(text);
}

static void topics_of_the_wrong_shape(void **context)
{
    struct stage *stage = *context;
    static const char *const topics[] = {
        "event/acme",
        "event/acme/meter-7",
        "event/acme/meter-7/kwh/more",
        "event/acme/meter-7/",
        "event//meter-7/kwh",
        "event/acme/meter 7/kwh",
        "event/acme/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/kwh",
        "event",
        "command/acme",
        "command/acme/billing/now",
        "command/acme/weather",
    };
    stage_start(stage, NULL);
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        stage_publish(stage, topics[i], "not even JSON");
        char wanted[STAGE_TOPIC_MAX];
        snprintf(wanted, sizeof wanted, "flyball/v1/%s", topics[i]);
        expect(stage_dead_letter(stage, "bad_topic"), "topic", wanted);
    }
    expect_unchanged(stage);
}

static void first_reason_in_order_is_reported(void **context)
{
    static const struct malformed malformed[] = {
        {"{\"id\": \"\xff\"", "not_utf8"},
        {"{\"a\":[[[[[[[[1]]]]]]]], \"id\": 1, \"id\": 1}", "too_deep"},
        {"{\"id\": 1, \"id\": 1, \"device\": \"x\"}", "duplicate_key"},
        {"{\"id\": 1, \"device\": \"x\", \"amount\": -1}", "identity_mismatch"},
        {"{\"amount\": -1, \"id\": 1}", "bad_id"},
        {"{\"a\":[[[[[[[[1]]]]]]]], x", "not_json"},
    };
    expect_letters(*context, malformed, sizeof malformed / sizeof malformed[0]);
}

static void letter_has_the_documented_form(void **context)
{
    struct stage *stage = *context;
    stage_start(stage, NULL);
    stage_publish(stage, "event/acme/meter-7/kwh", "no");
    const struct peer_message *message = stage_take(stage, "agent/a1/dead-letter/not_json");
    assert_false(message->retained);
    const cJSON *letter = stage_parse(stage, message);
    static const char *const keys[] = {"reason", "topic", "detail", "payload_base64", "time"};
    assert_int_equal(cJSON_GetArraySize(letter), 5);
    for (int i = 0; i < 5; i++) {
        assert_string_equal(cJSON_GetArrayItem(letter, i)->string, keys[i]);
    }
    expect(letter, "payload_base64", "bm8=");
}

static void well_formed_oddities_are_events(void **context)
{
    struct stage *stage = *context;
    static const char *const payloads[] = {
        "  {\"id\": \"1\"}\n",
        "{\"a\":[[[[[[[1]]]]]]]}",
        "{\"\": 1, \"unknown\": {\"id\": 7}, \"time\": 12}",
        "{\"device\": \"meter-7\", \"id\": \"2\"}",
        "{\"id\": \"\\u00e9\\ud83d\\ude00\"}",
        "{\"device_seq\": 9007199254740992}",
        "{\"device_seq\": 1e3, \"amount\": 10000}",
    };
    stage_start(stage, "{\"plans\": {\"free\": {\"quotas\": []}}}");
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        const cJSON *decision = stage_event(stage, "acme/meter-7/kwh", payloads[i]);
        expect_number_between(decision, "seq", (double)i + 1, (double)i + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(payloads_that_are_not_one_object, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(payloads_nested_or_named_badly, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(keys_and_amounts_that_are_none, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(bytes_that_are_no_text, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(payload_over_the_limit_is_too_large, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(limit_is_configurable, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(topics_of_the_wrong_shape, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(first_reason_in_order_is_reported, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(letter_has_the_documented_form, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(well_formed_oddities_are_events, stage_open, stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
