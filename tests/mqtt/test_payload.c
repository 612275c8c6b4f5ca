#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "tests/mqtt/decoding.h"

static const char event_topic[] = "flyball/v1/event/acme/meter-7/kwh";

/* The reason, or -1 for an event that was understood. */
static int decode_message(const struct message *message, struct decoded_event *decoded)
{
    struct payload_context context = decoding_context();
    struct parsed_topic topic = topic_parse(context.topics, message->topic);
    struct rejection rejection = {0};
    if (payload_decode(&context, message, &topic, decoded, &rejection) == STATUS_OK) {
        return -1;
    }
    assert_non_null(rejection.detail);
    return (int)rejection.reason;
}

static int decode(struct bytes payload, struct decoded_event *decoded)
{
    struct message message = decoding_message(event_topic, payload);
    return decode_message(&message, decoded);
}

static struct decoded_event decode_ok(const char *payload)
{
    struct decoded_event decoded;
    assert_int_equal(decode(bytes_of_string(payload), &decoded), -1);
    return decoded;
}

struct refusal {
    const char *payload;
    int reason;
};

static void assert_refusals(const struct refusal *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct decoded_event decoded;
        int reason = decode(bytes_of_string(table[i].payload), &decoded);
        if (reason != table[i].reason) {
            fail_msg("%s: %d instead of %d", table[i].payload, reason, table[i].reason);
        }
    }
}

static void every_key_is_read(void **context)
{
    (void)context;
    struct decoded_event decoded =
        decode_ok("{\"id\":\"e-1\",\"amount\":\"2.5\",\"time\":\"2026-11-21T07:00:00Z\","
                  "\"device_seq\":17,\"boot\":\"b1\",\"device\":\"meter-7\"}");
    assert_true(bytes_equal_string(name_bytes(&decoded.event.subject), "acme"));
    assert_true(bytes_equal_string(name_bytes(&decoded.event.device), "meter-7"));
    assert_true(bytes_equal_string(name_bytes(&decoded.event.meter), "kwh"));
    assert_true(bytes_equal_string(name_bytes(&decoded.event.id), "e-1"));
    assert_int_equal(decoded.event.amount, 2500000);
    assert_true(decoded.event.has_device_seq);
    assert_int_equal(decoded.event.device_seq, 17);
    assert_true(bytes_equal_string(name_bytes(&decoded.event.boot), "b1"));
    assert_int_equal(decoded.address.qos, 1);
    assert_false(decoded.address_ignored);
}

static void an_empty_object_is_one_unit_without_a_key(void **context)
{
    (void)context;
    struct decoded_event decoded = decode_ok("{}");
    assert_int_equal(decoded.event.amount, MICRO_UNITS_ONE);
    assert_true(name_is_empty(&decoded.event.id));
    assert_false(decoded.event.has_device_seq);
    assert_true(name_is_empty(&decoded.event.boot));
}

static void unknown_keys_and_any_time_are_ignored(void **context)
{
    (void)context;
    static const struct refusal table[] = {
        {"{\"time\":null}", -1},
        {"{\"time\":[1]}", -1},
        {"{\"subject\":\"other\",\"meter\":\"other\",\"ID\":7,\"Amount\":null}", -1},
        {"{\"x\":{\"id\":null,\"amount\":-1,\"device\":\"other\"}}", -1},
    };
    assert_refusals(table, sizeof table / sizeof table[0]);
}

static void a_payload_that_is_not_one_object_is_not_json(void **context)
{
    (void)context;
    static const struct refusal table[] = {
        {"", DEAD_LETTER_NOT_JSON},
        {" ", DEAD_LETTER_NOT_JSON},
        {"[]", DEAD_LETTER_NOT_JSON},
        {"null", DEAD_LETTER_NOT_JSON},
        {"1", DEAD_LETTER_NOT_JSON},
        {"\"x\"", DEAD_LETTER_NOT_JSON},
        {"NaN", DEAD_LETTER_NOT_JSON},
        {"{\"amount\":NaN}", DEAD_LETTER_NOT_JSON},
        {"{}x", DEAD_LETTER_NOT_JSON},
        {"{}{}", DEAD_LETTER_NOT_JSON},
        {"{\"id\":\"\\ud800\"}", DEAD_LETTER_NOT_JSON},
        {"{\"id\":\"a\\u0000b\"}", DEAD_LETTER_NOT_JSON},
        {"{\"amount\":01}", DEAD_LETTER_NOT_JSON},
        {"{'id':'x'}", DEAD_LETTER_NOT_JSON},
        {"\xef\xbb\xbf{}", DEAD_LETTER_NOT_JSON},
    };
    assert_refusals(table, sizeof table / sizeof table[0]);
    struct decoded_event decoded;
    assert_int_equal(decode(bytes_of("{}\0", 3), &decoded), DEAD_LETTER_NOT_JSON);
    assert_int_equal(decode(bytes_of(NULL, 0), &decoded), DEAD_LETTER_NOT_JSON);
}

static void bytes_that_are_no_utf8_are_not_utf8(void **context)
{
    (void)context;
    static const struct refusal table[] = {
        {"\xff", DEAD_LETTER_NOT_UTF8},
        {"{\"id\":\"\xc0\xaf\"}", DEAD_LETTER_NOT_UTF8},
        {"{\"id\":\"\xe0\x80\xaf\"}", DEAD_LETTER_NOT_UTF8},
        {"{\"id\":\"\xed\xa0\x80\"}", DEAD_LETTER_NOT_UTF8},
        {"{\"id\":\"\xf5\x80\x80\x80\"}", DEAD_LETTER_NOT_UTF8},
        {"{\"id\":\"\xe2\x82", DEAD_LETTER_NOT_UTF8},
    };
    assert_refusals(table, sizeof table / sizeof table[0]);
}

static void nine_containers_are_too_deep_and_eight_are_not(void **context)
{
    (void)context;
    static const struct refusal table[] = {
        {"{\"x\":[[[[[[[]]]]]]]}", -1},
        {"{\"x\":[[[[[[[[]]]]]]]]}", DEAD_LETTER_TOO_DEEP},
        {"{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{}}}}}}}}", -1},
        {"{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":1}}}}}}}}", -1},
        {"{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{}}}}}}}}}", DEAD_LETTER_TOO_DEEP},
        {"[[[[[[[[[]]]]]]]]]", DEAD_LETTER_NOT_JSON},
        {"[[[[[[[[[", DEAD_LETTER_NOT_JSON},
    };
    assert_refusals(table, sizeof table / sizeof table[0]);
}

static void equal_keys_are_found_through_escapes(void **context)
{
    (void)context;
    static const struct refusal table[] = {
        {"{\"id\":\"a\",\"id\":\"a\"}", DEAD_LETTER_DUPLICATE_KEY},
        {"{\"id\":\"a\",\"\\u0069d\":\"b\"}", DEAD_LETTER_DUPLICATE_KEY},
        {"{\"x\":[{\"\\/\":1,\"/\":2}]}", DEAD_LETTER_DUPLICATE_KEY},
        {"{\"id\":\"a\",\"ID\":\"a\"}", -1},
    };
    assert_refusals(table, sizeof table / sizeof table[0]);
}

static void a_device_that_is_not_the_topics_is_a_mismatch(void **context)
{
    (void)context;
    static const struct refusal table[] = {
        {"{\"device\":\"meter-7\"}", -1},
        {"{\"device\":\"meter-\\u0037\"}", -1},
        {"{\"device\":\"meter-8\"}", DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"device\":\"meter-77\"}", DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"device\":\"\"}", DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"device\":null}", DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"device\":7}", DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"device\":[\"meter-7\"]}", DEAD_LETTER_IDENTITY_MISMATCH},
    };
    assert_refusals(table, sizeof table / sizeof table[0]);
}

static void keys_of_the_wrong_type_or_size_are_bad_ids(void **context)
{
    (void)context;
    static const struct refusal table[] = {
        {"{\"id\":null}", DEAD_LETTER_BAD_ID},
        {"{\"id\":\"\"}", DEAD_LETTER_BAD_ID},
        {"{\"id\":7}", DEAD_LETTER_BAD_ID},
        {"{\"id\":true}", DEAD_LETTER_BAD_ID},
        {"{\"id\":{}}", DEAD_LETTER_BAD_ID},
        {"{\"id\":\"a\\nb \\u0001\"}", -1},
        {"{\"device_seq\":0}", -1},
        {"{\"device_seq\":-0}", -1},
        {"{\"device_seq\":17.0}", -1},
        {"{\"device_seq\":1e3}", -1},
        {"{\"device_seq\":9007199254740992}", -1},
        {"{\"device_seq\":9007199254740993}", DEAD_LETTER_BAD_ID},
        {"{\"device_seq\":9007199254740992.5}", DEAD_LETTER_BAD_ID},
        {"{\"device_seq\":1e400}", DEAD_LETTER_BAD_ID},
        {"{\"device_seq\":-1}", DEAD_LETTER_BAD_ID},
        {"{\"device_seq\":1.5}", DEAD_LETTER_BAD_ID},
        {"{\"device_seq\":1e-400}", DEAD_LETTER_BAD_ID},
        {"{\"device_seq\":\"1\"}", DEAD_LETTER_BAD_ID},
        {"{\"device_seq\":null}", DEAD_LETTER_BAD_ID},
        {"{\"id\":\"x\",\"device_seq\":null}", DEAD_LETTER_BAD_ID},
        {"{\"device_seq\":1,\"boot\":\"\"}", -1},
        {"{\"device_seq\":1,\"boot\":null}", DEAD_LETTER_BAD_ID},
        {"{\"boot\":1}", DEAD_LETTER_BAD_ID},
    };
    assert_refusals(table, sizeof table / sizeof table[0]);
}

static void ids_and_boots_have_at_most_64_bytes(void **context)
{
    (void)context;
    for (int length = 63; length <= 65; length++) {
        char payload[256];
        struct decoded_event decoded;
        int wanted = length <= 64 ? -1 : (int)DEAD_LETTER_BAD_ID;
        snprintf(payload, sizeof payload, "{\"id\":\"%0*d\"}", length, 0);
        assert_int_equal(decode(bytes_of_string(payload), &decoded), wanted);
        snprintf(payload, sizeof payload, "{\"boot\":\"%0*d\"}", length, 0);
        assert_int_equal(decode(bytes_of_string(payload), &decoded), wanted);
    }
}

struct amount {
    const char *json;
    int64_t amount; /* -1: bad_amount. */
};

static void amounts_are_exact_or_bad(void **context)
{
    (void)context;
    static const struct amount table[] = {
        {"0", 0},
        {"-0", 0},
        {"\"0\"", 0},
        {"2.5", 2500000},
        {"\"2.5\"", 2500000},
        {"1e3", 1000000000},
        {"0.000001", 1},
        {"1e-6", 1},
        {"1.0000000000000000000000000000000000000000000000000000000000000000000000000", 1000000},
        {"8999999999.000001", 8999999999000001},
        {"9007199254", 9007199254000000},
        {"\"9223372036854.775807\"", INT64_MAX},
        {"\"9223372036854.775808\"", -1},
        {"\"99999999999999999999\"", -1},
        {"9007199254.000001", -1},
        {"9007199255", -1},
        {"0.0000001", -1},
        {"1e-7", -1},
        {"1e400", -1},
        {"-1", -1},
        {"-1e-400", -1},
        {"\"-1\"", -1},
        {"\"1e3\"", -1},
        {"\"\"", -1},
        {"\" 1\"", -1},
        {"\"0.0000001\"", -1},
        {"null", -1},
        {"true", -1},
        {"[1]", -1},
        {"{\"value\":1}", -1},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char payload[256];
        snprintf(payload, sizeof payload, "{\"amount\":%s}", table[i].json);
        struct decoded_event decoded;
        int reason = decode(bytes_of_string(payload), &decoded);
        bool matches = table[i].amount < 0 ? reason == (int)DEAD_LETTER_BAD_AMOUNT
                                           : reason == -1 && decoded.event.amount == table[i].amount;
        if (!matches) {
            fail_msg("%s: reason %d", table[i].json, reason);
        }
    }
}

static void the_first_reason_that_applies_is_reported(void **context)
{
    (void)context;
    static const struct refusal table[] = {
        {"{\"amount\":-1,\"id\":null,\"device\":\"x\",\"a\":1,\"a\":1,\"d\":[[[[[[[[]]]]]]]]}x",
         DEAD_LETTER_NOT_JSON},
        {"{\"amount\":-1,\"id\":null,\"device\":\"x\",\"a\":1,\"a\":1,\"d\":[[[[[[[[]]]]]]]]}",
         DEAD_LETTER_TOO_DEEP},
        {"{\"amount\":-1,\"id\":null,\"device\":\"x\",\"a\":1,\"a\":1}", DEAD_LETTER_DUPLICATE_KEY},
        {"{\"amount\":-1,\"id\":null,\"device\":\"x\"}", DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"amount\":-1,\"id\":null}", DEAD_LETTER_BAD_ID},
        {"{\"amount\":-1,\"device_seq\":-1}", DEAD_LETTER_BAD_ID},
        {"{\"amount\":-1}", DEAD_LETTER_BAD_AMOUNT},
        {"[{\"a\":1,\"a\":1}]", DEAD_LETTER_NOT_JSON},
        {"{\"a\":\"\xff\"", DEAD_LETTER_NOT_UTF8},
        {"{\"a\":[[[[[[[[\"\\udc00\"]]]]]]]]}", DEAD_LETTER_NOT_JSON},
    };
    assert_refusals(table, sizeof table / sizeof table[0]);
}

static void a_payload_over_the_limit_is_too_large_whatever_it_holds(void **context)
{
    (void)context;
    static char payload[DECODING_PAYLOAD_MAX + 1];
    memset(payload, ' ', sizeof payload);
    payload[0] = '{';
    payload[1] = '}';
    struct decoded_event decoded;
    assert_int_equal(decode(bytes_of(payload, DECODING_PAYLOAD_MAX), &decoded), -1);
    assert_int_equal(decode(bytes_of(payload, DECODING_PAYLOAD_MAX + 1), &decoded), DEAD_LETTER_TOO_LARGE);
    /* Only its beginning was kept. */
    struct message message = decoding_message(event_topic, bytes_of(payload, 10));
    message.payload_length = 1 << 20;
    assert_int_equal(decode_message(&message, &decoded), DEAD_LETTER_TOO_LARGE);
}

static void a_bad_topic_is_reported_before_anything_else(void **context)
{
    (void)context;
    struct decoded_event decoded;
    struct message message = decoding_message("flyball/v1/event/acme/kwh", bytes_of_string("\xff"));
    message.payload_length = 1 << 20;
    assert_int_equal(decode_message(&message, &decoded), DEAD_LETTER_BAD_TOPIC);
}

static void equal_events_have_equal_hashes_and_others_do_not(void **context)
{
    (void)context;
    uint64_t hash = decode_ok("{\"id\":\"e\"}").event.bytes_hash;
    assert_true(hash == decode_ok("{\"id\":\"e\"}").event.bytes_hash);
    assert_true(hash != decode_ok("{\"id\": \"e\"}").event.bytes_hash);
    assert_true(hash != decode_ok("{\"id\":\"e\",\"amount\":1}").event.bytes_hash);
    struct decoded_event decoded;
    struct message message =
        decoding_message("flyball/v1/event/acme/meter-7/gas", bytes_of_string("{\"id\":\"e\"}"));
    assert_int_equal(decode_message(&message, &decoded), -1);
    assert_true(hash != decoded.event.bytes_hash);
    struct bytes none = bytes_of(NULL, 0);
    assert_true(payload_hash(bytes_of_string("ab"), bytes_of_string("c"), none) !=
                payload_hash(bytes_of_string("a"), bytes_of_string("bc"), none));
    assert_true(payload_hash(none, none, bytes_of_string("a")) != payload_hash(none, none, none));
}

static void hashes_are_the_same_in_every_version(void **context)
{
    (void)context;
    struct bytes meter = bytes_of_string("kwh");
    struct bytes payload = bytes_of_string("{}");
    assert_true(payload_hash(meter, payload, bytes_of(NULL, 0)) == 0xed5d9cb12e22481eU);
    assert_true(payload_hash(meter, payload, bytes_of_string("a")) == 0x88aac271e8ee4fe9U);
}

static void reply_to_and_cid_come_from_the_payload(void **context)
{
    (void)context;
    struct decoded_event decoded =
        decode_ok("{\"reply_to\":\"flyball/v1/decision/app\",\"cid\":\"a\\u0022\\u00e9\\n\"}");
    assert_true(bytes_equal_string(decoded.address.response_topic, "flyball/v1/decision/app"));
    assert_true(bytes_equal_string(decoded.address.cid, "\"a\\\"\xc3\xa9\\n\""));
    assert_false(decoded.address_ignored);
}

static void a_cid_is_any_scalar_echoed_as_it_was(void **context)
{
    (void)context;
    static const char *const scalars[] = {"17",   "-0",    "1.50", "1E400", "12345678901234567890",
                                          "true", "false", "null", "\"\"",  "\"x\""};
    for (size_t i = 0; i < sizeof scalars / sizeof scalars[0]; i++) {
        char payload[128];
        snprintf(payload, sizeof payload, "{\"cid\":%s}", scalars[i]);
        struct decoded_event decoded = decode_ok(payload);
        assert_true(bytes_equal_string(decoded.address.cid, scalars[i]));
        assert_false(decoded.address_ignored);
    }
}

static void no_answer_goes_where_a_route_takes_it_for_an_event(void **context)
{
    (void)context;
    struct route route = {0};
    struct payload_context decoding = decoding_context();
    bool ignored = false;
    assert_int_equal(route_text_set(&route.topic, bytes_of_string("flyball/v1/{a}/reading")), STATUS_OK);
    decoding.routes = &route;
    decoding.route_count = 1;
    struct message message = decoding_message("flyball/v1/event/a/b/c", bytes_of_string("{}"));
    struct bytes taken = bytes_of_string("flyball/v1/decision/reading");
    struct bytes free = bytes_of_string("flyball/v1/decision/other");
    struct bytes nothing = bytes_of(NULL, 0);
    struct answer_address address = payload_answer_address(&decoding, &message, free, nothing, &ignored);
    assert_true(bytes_equal(address.response_topic, free));
    assert_false(ignored);
    address = payload_answer_address(&decoding, &message, taken, nothing, &ignored);
    assert_int_equal(address.response_topic.length, 0);
    assert_true(ignored);
}

static void what_cannot_be_echoed_or_answered_is_ignored_and_told(void **context)
{
    (void)context;
    static const char *const payloads[] = {
        "{\"cid\":[]}",
        "{\"cid\":{}}",
        "{\"reply_to\":\"flyball/v1/event/a/b/c\"}",
        "{\"reply_to\":\"flyball/v1/decision/#\"}",
        "{\"reply_to\":\"elsewhere\"}",
        "{\"reply_to\":\"flyball/v1/decision/\\t\"}",
        "{\"reply_to\":\"flyball/v1/decision/\\uffff\"}",
        "{\"reply_to\":\"\"}",
        "{\"reply_to\":7}",
        "{\"reply_to\":null}",
    };
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        struct decoded_event decoded = decode_ok(payloads[i]);
        assert_int_equal(decoded.address.cid.length, 0);
        assert_int_equal(decoded.address.response_topic.length, 0);
        assert_true(decoded.address_ignored);
    }
}

static void a_cid_has_at_most_256_bytes_as_written(void **context)
{
    (void)context;
    for (int length = 253; length <= 256; length++) {
        char payload[512];
        snprintf(payload, sizeof payload, "{\"cid\":\"%0*d\"}", length, 0);
        struct decoded_event decoded = decode_ok(payload);
        assert_int_equal(decoded.address.cid.length, length + 2 <= 256 ? length + 2 : 0);
        assert_int_equal(decoded.address_ignored, length + 2 > 256);
    }
    char payload[512];
    snprintf(payload, sizeof payload, "{\"cid\":1%0300d}", 0);
    struct decoded_event decoded = decode_ok(payload);
    assert_int_equal(decoded.address.cid.length, 0);
    assert_true(decoded.address_ignored);
}

static void properties_win_over_the_payload(void **context)
{
    (void)context;
    struct decoded_event decoded;
    struct message message =
        decoding_message(event_topic, bytes_of_string("{\"reply_to\":\"flyball/v1/reply/x\",\"cid\":1}"));
    message.qos = 0;
    message.response_topic = bytes_of_string("flyball/v1/decision/y");
    message.has_correlation = true;
    message.correlation = bytes_of("\0\xff", 2);
    assert_int_equal(decode_message(&message, &decoded), -1);
    assert_int_equal(decoded.address.qos, 0);
    assert_true(bytes_equal_string(decoded.address.response_topic, "flyball/v1/decision/y"));
    assert_true(decoded.address.has_correlation);
    assert_true(bytes_equal(decoded.address.correlation, message.correlation));
    assert_true(bytes_equal_string(decoded.address.cid, "1"));
    assert_false(decoded.address_ignored);
    /* A property that is not allowed is not replaced by the payload's. */
    message.response_topic = bytes_of_string("flyball/v1/command/acme/quota");
    assert_int_equal(decode_message(&message, &decoded), -1);
    assert_int_equal(decoded.address.response_topic.length, 0);
    assert_true(decoded.address_ignored);
}

static void correlation_data_that_is_too_long_is_ignored_and_told(void **context)
{
    (void)context;
    static const char data[CORRELATION_BYTES_MAX + 1];
    struct decoded_event decoded;
    struct message message = decoding_message(event_topic, bytes_of_string("{}"));
    message.qos = 2;
    message.has_correlation = true;
    message.correlation = bytes_of(data, CORRELATION_BYTES_MAX);
    assert_int_equal(decode_message(&message, &decoded), -1);
    assert_int_equal(decoded.address.qos, 1);
    assert_true(decoded.address.has_correlation);
    assert_false(decoded.address_ignored);
    message.correlation = bytes_of(data, CORRELATION_BYTES_MAX + 1);
    assert_int_equal(decode_message(&message, &decoded), -1);
    assert_false(decoded.address.has_correlation);
    assert_true(decoded.address_ignored);
}

/* No outcome matters but that there is one, and that the arena the header promises is enough. */
static void damaged_events_never_crash(void **context)
{
    (void)context;
    static const char seed[] =
        "{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"a/meter-7\",\"data\":{\"amount\":2.5e0,"
        "\"device_seq\":1,\"cid\":\"\\ud83d\\ude00\",\"reply_to\":\"flyball/v1/reply/x\"}}";
    srand(11);
    for (int round = 0; round < 20000; round++) {
        char text[sizeof seed];
        memcpy(text, seed, sizeof text);
        for (int flips = rand() % 3; flips > 0; flips--) {
            text[(size_t)rand() % (sizeof text - 1)] = "\"\\[]{},:0e-u\xc3\xed\0"[rand() % 15];
        }
        struct decoded_event decoded;
        decode(bytes_of(text, (size_t)rand() % 8 == 0 ? (size_t)rand() % sizeof text : sizeof text - 1),
               &decoded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(an_empty_object_is_one_unit_without_a_key),
        cmocka_unit_test(unknown_keys_and_any_time_are_ignored),
        cmocka_unit_test(a_payload_that_is_not_one_object_is_not_json),
        cmocka_unit_test(bytes_that_are_no_utf8_are_not_utf8),
        cmocka_unit_test(nine_containers_are_too_deep_and_eight_are_not),
        cmocka_unit_test(equal_keys_are_found_through_escapes),
        cmocka_unit_test(a_device_that_is_not_the_topics_is_a_mismatch),
        cmocka_unit_test(keys_of_the_wrong_type_or_size_are_bad_ids),
        cmocka_unit_test(ids_and_boots_have_at_most_64_bytes),
        cmocka_unit_test(amounts_are_exact_or_bad),
        cmocka_unit_test(the_first_reason_that_applies_is_reported),
        cmocka_unit_test(a_payload_over_the_limit_is_too_large_whatever_it_holds),
        cmocka_unit_test(a_bad_topic_is_reported_before_anything_else),
        cmocka_unit_test(equal_events_have_equal_hashes_and_others_do_not),
        cmocka_unit_test(hashes_are_the_same_in_every_version),
        cmocka_unit_test(reply_to_and_cid_come_from_the_payload),
        cmocka_unit_test(a_cid_is_any_scalar_echoed_as_it_was),
        cmocka_unit_test(no_answer_goes_where_a_route_takes_it_for_an_event),
        cmocka_unit_test(what_cannot_be_echoed_or_answered_is_ignored_and_told),
        cmocka_unit_test(a_cid_has_at_most_256_bytes_as_written),
        cmocka_unit_test(properties_win_over_the_payload),
        cmocka_unit_test(correlation_data_that_is_too_long_is_ignored_and_told),
        cmocka_unit_test(damaged_events_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
