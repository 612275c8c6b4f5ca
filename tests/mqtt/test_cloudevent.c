#include "mqtt/cloudevent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/mqtt/decoding.h"

static const char event_topic[] = "flyball/v1/event/acme/meter-7/kwh";

enum { UNDERSTOOD = -1 };

static int decode_message(const struct message *message, struct decoded_event *decoded)
{
    struct payload_context context = decoding_context();
    struct parsed_topic topic = topic_parse(context.topics, message->topic);
    struct rejection rejection = {0};
    enum status status = payload_decode(&context, message, &topic, decoded, &rejection);
    return status == STATUS_OK ? UNDERSTOOD : (int)rejection.reason;
}

static int decode_structured(const char *payload, struct decoded_event *decoded)
{
    struct message message = decoding_message(event_topic, bytes_of_string(payload));
    return decode_message(&message, decoded);
}

struct structured {
    const char *payload;
    int reason;
};

static void structured_events_are_read_or_refused_for_the_right_reason(void **context)
{
    (void)context;
    static const struct structured table[] = {
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"meter-7\"}", UNDERSTOOD},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"/site/a/meter-7\"}", UNDERSTOOD},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"https://x/meter-7\"}", UNDERSTOOD},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"/meter-7\"}", UNDERSTOOD},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"xmeter-7\"}", DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"meter-7/\"}", DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"meter-8\"}", DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"\"}", DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":7}", DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":null}", DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"specversion\":\"1.0\",\"id\":\"e\"}", DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"specversion\":\"1.0\",\"source\":\"meter-7\"}", DEAD_LETTER_BAD_ID},
        {"{\"specversion\":\"1.0\",\"source\":\"meter-7\",\"data\":{\"id\":\"e\"}}", DEAD_LETTER_BAD_ID},
        {"{\"specversion\":\"1.0\",\"id\":\"\",\"source\":\"meter-7\"}", DEAD_LETTER_BAD_ID},
        {"{\"specversion\":\"1.0\",\"id\":null,\"source\":\"meter-7\"}", DEAD_LETTER_BAD_ID},
        {"{\"specversion\":\"1.0\",\"id\":5,\"source\":\"meter-7\"}", DEAD_LETTER_BAD_ID},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"meter-7\",\"type\":\"kwh\",\"subject\":"
         "\"acme\"}",
         UNDERSTOOD},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"meter-7\",\"type\":\"gas\"}",
         DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"meter-7\",\"type\":null}",
         DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"meter-7\",\"subject\":\"acm\"}",
         DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"specversion\":\"0.3\",\"id\":\"e\",\"source\":\"meter-7\"}", DEAD_LETTER_NOT_JSON},
        {"{\"specversion\":1.0,\"id\":\"e\",\"source\":\"meter-7\"}", DEAD_LETTER_NOT_JSON},
        {"{\"specversion\":null,\"id\":\"e\",\"source\":\"meter-7\"}", DEAD_LETTER_NOT_JSON},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"meter-7\",\"data\":null}", DEAD_LETTER_NOT_JSON},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"meter-7\",\"data\":[]}", DEAD_LETTER_NOT_JSON},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"meter-7\",\"data\":\"{}\"}",
         DEAD_LETTER_NOT_JSON},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"meter-7\",\"data_base64\":\"e30=\"}",
         DEAD_LETTER_NOT_JSON},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"meter-7\",\"data\":{\"amount\":-1}}",
         DEAD_LETTER_BAD_AMOUNT},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"meter-7\",\"data\":{\"device\":\"other\"}}",
         DEAD_LETTER_IDENTITY_MISMATCH},
        {"{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"meter-7\",\"device\":\"other\",\"amount\":-1}",
         UNDERSTOOD},
        /* What stands earlier in the contract's list wins. */
        {"{\"specversion\":\"2\",\"a\":1,\"a\":1}", DEAD_LETTER_NOT_JSON},
        {"{\"specversion\":\"1.0\",\"data\":[[[[[[[[[]]]]]]]]]}", DEAD_LETTER_NOT_JSON},
        {"{\"specversion\":\"1.0\",\"data\":{\"x\":[[[[[[[]]]]]]]}}", DEAD_LETTER_TOO_DEEP},
        {"{\"specversion\":\"1.0\",\"data\":{\"a\":1,\"a\":1}}", DEAD_LETTER_DUPLICATE_KEY},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct decoded_event decoded;
        int reason = decode_structured(table[i].payload, &decoded);
        if (reason != table[i].reason) {
            fail_msg("%s: %d instead of %d", table[i].payload, reason, table[i].reason);
        }
    }
}

static void the_keys_are_under_data_and_the_envelopes_id_wins(void **context)
{
    (void)context;
    struct decoded_event decoded;
    int reason = decode_structured(
        "{\"specversion\":\"1.0\",\"id\":\"outer\",\"source\":\"meter-7\",\"amount\":9,\"cid\":1,\"data\":{"
        "\"id\":null,"
        "\"amount\":\"2.5\",\"device_seq\":17,\"boot\":\"b\",\"cid\":2,\"reply_to\":\"flyball/v1/reply/x\"}}",
        &decoded);
    assert_int_equal(reason, UNDERSTOOD);
    assert_true(bytes_equal_string(name_bytes(&decoded.event.id), "outer"));
    assert_int_equal(decoded.event.amount, 2500000);
    assert_int_equal(decoded.event.device_seq, 17);
    assert_int_equal(event_dedup(&decoded.event), DEDUP_ID);
    assert_true(bytes_equal_string(decoded.address.cid, "2"));
    assert_true(bytes_equal_string(decoded.address.response_topic, "flyball/v1/reply/x"));
}

static void absent_data_is_an_empty_object(void **context)
{
    (void)context;
    struct decoded_event decoded;
    const char *payload = "{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"meter-7\"}";
    assert_int_equal(decode_structured(payload, &decoded), UNDERSTOOD);
    assert_int_equal(decoded.event.amount, MICRO_UNITS_ONE);
}

struct property {
    const char *name;
    const char *value;
};

enum { PROPERTIES = 6 };

struct binary {
    struct property properties[PROPERTIES];
    const char *payload;
    int reason;
};

static struct bytes pack_properties(const struct property *properties)
{
    static uint8_t storage[1024];
    struct packer packer = packer_of(storage, sizeof storage);
    for (size_t i = 0; i < PROPERTIES && properties[i].name != NULL; i++) {
        attributes_pack_add(&packer, bytes_of_string(properties[i].name),
                            bytes_of_string(properties[i].value));
    }
    assert_false(packer.overflowed);
    return packer_bytes(&packer);
}

static void binary_events_are_read_or_refused_for_the_right_reason(void **context)
{
    (void)context;
    static const struct binary table[] = {
        {{{"specversion", "1.0"}, {"id", "e"}, {"source", "a/meter-7"}}, "{}", UNDERSTOOD},
        {{{"specversion", "1.0"}, {"id", "e"}, {"source", "a/meter-7"}}, "", UNDERSTOOD},
        {{{"specversion", "1.0"}, {"id", "e"}, {"source", "meter-7"}, {"type", "kwh"}, {"subject", "acme"}},
         "{\"id\":7,\"amount\":2}",
         UNDERSTOOD},
        {{{"specversion", "1.0"}, {"id", "e"}}, "{}", DEAD_LETTER_IDENTITY_MISMATCH},
        {{{"specversion", "1.0"}, {"id", "e"}, {"source", "other"}}, "{}", DEAD_LETTER_IDENTITY_MISMATCH},
        {{{"specversion", "1.0"}, {"id", "e"}, {"source", "meter-7"}, {"type", "gas"}},
         "{}",
         DEAD_LETTER_IDENTITY_MISMATCH},
        {{{"specversion", "1.0"}, {"id", "e"}, {"source", "meter-7"}, {"subject", ""}},
         "{}",
         DEAD_LETTER_IDENTITY_MISMATCH},
        {{{"specversion", "1.0"}, {"source", "meter-7"}}, "{\"id\":\"x\"}", DEAD_LETTER_BAD_ID},
        {{{"specversion", "1.0"}, {"id", ""}, {"source", "meter-7"}}, "{}", DEAD_LETTER_BAD_ID},
        {{{"specversion", "1.0"}, {"id", "\xff"}, {"source", "meter-7"}}, "{}", DEAD_LETTER_BAD_ID},
        {{{"specversion", "1.0"}, {"id", "e"}, {"source", "meter-7"}}, "[]", DEAD_LETTER_NOT_JSON},
        {{{"specversion", "1.0"}, {"id", "e"}, {"source", "meter-7"}}, "null", DEAD_LETTER_NOT_JSON},
        {{{"specversion", "1.0"}, {"id", "e"}, {"source", "meter-7"}}, " ", DEAD_LETTER_NOT_JSON},
        {{{"specversion", "0.3"}, {"id", "e"}, {"source", "meter-7"}}, "{}", DEAD_LETTER_NOT_JSON},
        {{{"specversion", "0.3"}, {"id", "e"}, {"source", "meter-7"}}, "", DEAD_LETTER_NOT_JSON},
        {{{"specversion", "1.0"}, {"id", "e"}, {"source", "meter-7"}}, "\xff", DEAD_LETTER_NOT_UTF8},
        /* Without specversion the properties are somebody else's. */
        {{{"id", "e"}, {"source", "other"}, {"subject", "x"}}, "{}", UNDERSTOOD},
        {{{"id", "e"}, {"source", "meter-7"}}, "", DEAD_LETTER_NOT_JSON},
        /* Binary wins: the payload is data, whatever it looks like. */
        {{{"specversion", "1.0"}, {"id", "e"}, {"source", "meter-7"}}, "{\"specversion\":\"9\"}", UNDERSTOOD},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct decoded_event decoded;
        struct message message = decoding_message(event_topic, bytes_of_string(table[i].payload));
        message.attributes = pack_properties(table[i].properties);
        int reason = decode_message(&message, &decoded);
        if (reason != table[i].reason) {
            fail_msg("row %zu: %d instead of %d", i, reason, table[i].reason);
        }
    }
}

static uint64_t hash_with(const struct property *properties)
{
    struct decoded_event decoded;
    struct message message = decoding_message(event_topic, bytes_of_string("{}"));
    message.attributes = pack_properties(properties);
    assert_int_equal(decode_message(&message, &decoded), UNDERSTOOD);
    return decoded.event.bytes_hash;
}

static void attributes_are_part_of_an_events_bytes_in_binary_mode_only(void **context)
{
    (void)context;
    static const struct property plain[PROPERTIES] = {{NULL, NULL}};
    static const struct property other[PROPERTIES] = {{"id", "x"}};
    static const struct property binary[PROPERTIES] = {
        {"specversion", "1.0"}, {"id", "e"}, {"source", "meter-7"}};
    static const struct property longer[PROPERTIES] = {
        {"specversion", "1.0"}, {"id", "e"}, {"source", "a/meter-7"}};
    assert_true(hash_with(plain) == hash_with(other));
    assert_true(hash_with(plain) != hash_with(binary));
    assert_true(hash_with(binary) != hash_with(longer));
    assert_true(hash_with(binary) == hash_with(binary));
}

static void attributes_are_packed_and_found_by_name(void **context)
{
    (void)context;
    uint8_t storage[64];
    struct bytes value;
    struct packer packer = packer_of(storage, sizeof storage);
    attributes_pack_add(&packer, bytes_of_string("datacontenttype"), bytes_of_string("application/json"));
    attributes_pack_add(&packer, bytes_of_string("ID"), bytes_of_string("no"));
    assert_int_equal(packer.length, 0);
    attributes_pack_add(&packer, bytes_of_string("id"), bytes_of_string("first"));
    attributes_pack_add(&packer, bytes_of_string("id"), bytes_of_string("second"));
    attributes_pack_add(&packer, bytes_of_string("source"), bytes_of_string(""));
    assert_int_equal(attributes_get(packer_bytes(&packer), "id", &value), STATUS_OK);
    assert_true(bytes_equal_string(value, "first"));
    assert_int_equal(attributes_get(packer_bytes(&packer), "source", &value), STATUS_OK);
    assert_int_equal(value.length, 0);
    assert_int_equal(attributes_get(packer_bytes(&packer), "type", &value), STATUS_NOT_FOUND);
    assert_int_equal(attributes_get(packer_bytes(&packer), "nothing", &value), STATUS_NOT_FOUND);
    assert_int_equal(attributes_get(bytes_of(NULL, 0), "id", &value), STATUS_NOT_FOUND);
}

static void an_attribute_that_does_not_fit_is_left_out_whole(void **context)
{
    (void)context;
    uint8_t storage[10];
    struct packer packer = packer_of(storage, sizeof storage);
    attributes_pack_add(&packer, bytes_of_string("id"), bytes_of_string("e"));
    attributes_pack_add(&packer, bytes_of_string("source"), bytes_of_string("0123456789"));
    assert_true(packer.overflowed);
    assert_int_equal(packer.length, 3);
}

static void damaged_attributes_never_crash(void **context)
{
    (void)context;
    uint8_t bytes[3];
    struct bytes value;
    for (unsigned pattern = 0; pattern < 1U << 15; pattern++) {
        bytes[0] = (uint8_t)(pattern & 7);
        bytes[1] = (uint8_t)(pattern >> 3);
        bytes[2] = (uint8_t)(pattern >> 11);
        if (attributes_get(bytes_of(bytes, sizeof bytes), "specversion", &value) == STATUS_OK) {
            assert_true(value.length <= 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structured_events_are_read_or_refused_for_the_right_reason),
        cmocka_unit_test(the_keys_are_under_data_and_the_envelopes_id_wins),
        cmocka_unit_test(absent_data_is_an_empty_object),
        cmocka_unit_test(binary_events_are_read_or_refused_for_the_right_reason),
        cmocka_unit_test(attributes_are_part_of_an_events_bytes_in_binary_mode_only),
        cmocka_unit_test(attributes_are_packed_and_found_by_name),
        cmocka_unit_test(an_attribute_that_does_not_fit_is_left_out_whole),
        cmocka_unit_test(damaged_attributes_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
