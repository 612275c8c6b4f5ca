#include "mqtt/command_payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/mqtt/decoding.h"

enum { UNDERSTOOD = -1 };

static int decode_message(const struct message *message, struct decoded_command *decoded)
{
    struct payload_context context = decoding_context();
    struct parsed_topic topic = topic_parse(context.topics, message->topic);
    struct rejection rejection = {0};
    if (command_payload_decode(&context, message, &topic, decoded, &rejection) == STATUS_OK) {
        return UNDERSTOOD;
    }
    assert_non_null(rejection.detail);
    return (int)rejection.reason;
}

static int decode(enum governor_kind governor, const char *payload, struct decoded_command *decoded)
{
    char topic[128];
    snprintf(topic, sizeof topic, "flyball/v1/command/acme/%s", governor_name(governor));
    struct message message = decoding_message(topic, bytes_of_string(payload));
    return decode_message(&message, decoded);
}

static struct command decode_ok(enum governor_kind governor, const char *payload)
{
    struct decoded_command decoded;
    int reason = decode(governor, payload, &decoded);
    if (reason != UNDERSTOOD) {
        fail_msg("%s: %d", payload, reason);
    }
    assert_true(bytes_equal_string(name_bytes(&decoded.subject), "acme"));
    assert_int_equal(decoded.command.governor, governor);
    return decoded.command;
}

static void assert_name(const struct name *name, const char *text)
{
    assert_true(bytes_equal_string(name_bytes(name), text));
}

static void a_grant_has_all_its_fields(void **context)
{
    (void)context;
    struct command command =
        decode_ok(GOVERNOR_ENTITLEMENT,
                  "{\"id\":\"c-1\",\"op\":\"grant\",\"plan\":\"gold\",\"features\":[\"a\",\"*\"],"
                  "\"starts_at\":\"1970-01-01T00:00:01Z\",\"expires_at\":\"1970-01-01T01:00:02.5+01:00\","
                  "\"grace_ms\":3000,\"comment\":null}");
    assert_name(&command.id, "c-1");
    assert_int_equal(command.op, OP_GRANT);
    assert_name(&command.plan, "gold");
    assert_int_equal(command.feature_count, 2);
    assert_name(&command.features[1], "*");
    assert_int_equal(command.starts_at, 1000);
    assert_int_equal(command.expires_at, 2500);
    assert_int_equal(command.grace_ms, 3000);
}

static void what_a_grant_leaves_out_has_its_default(void **context)
{
    (void)context;
    struct command command =
        decode_ok(GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"grant\",\"plan\":\"free\"}");
    assert_int_equal(command.feature_count, 0);
    assert_int_equal(command.starts_at, 0);
    assert_true(command.expires_at == INSTANT_NEVER);
    assert_int_equal(command.grace_ms, 0);
}

static void quota_and_billing_commands_have_their_fields(void **context)
{
    (void)context;
    struct command command =
        decode_ok(GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"set_limit\",\"name\":\"daily\",\"limit\":\"0\"}");
    assert_int_equal(command.op, OP_SET_LIMIT);
    assert_name(&command.name, "daily");
    assert_int_equal(command.limit, 0);
    command = decode_ok(GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"refund\",\"amount\":0}");
    assert_int_equal(command.op, OP_REFUND);
    assert_true(name_is_empty(&command.name));
    command = decode_ok(GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"refund\",\"amount\":2.5,\"name\":\"daily\"}");
    assert_int_equal(command.amount, 2500000);
    assert_name(&command.name, "daily");
    command = decode_ok(GOVERNOR_BILLING,
                        "{\"id\":\"c\",\"op\":\"credit\",\"amount\":\"100\",\"priority\":-2147483648,"
                        "\"expires_at\":\"2026-11-21T07:00:00.000Z\"}");
    assert_int_equal(command.amount, 100000000);
    assert_int_equal(command.priority, INT32_MIN);
    assert_true(command.expires_at == 1795244400000);
    command = decode_ok(GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"credit\",\"amount\":0.000001}");
    assert_int_equal(command.amount, 1);
    assert_int_equal(command.priority, 0);
    assert_true(command.expires_at == INSTANT_NEVER);
    command =
        decode_ok(GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"refund\",\"event\":\"e-1\",\"device\":\"m\"}");
    assert_name(&command.event, "e-1");
    assert_name(&command.device, "m");
}

static void fields_of_other_ops_are_ignored(void **context)
{
    (void)context;
    decode_ok(GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"suspend\",\"plan\":null,\"expires_at\":7}");
    decode_ok(GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"close\",\"amount\":0}");
    decode_ok(GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"reset\",\"limit\":-1}");
    decode_ok(GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"revoke\"}");
    decode_ok(GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"resume\"}");
}

struct flawed {
    enum governor_kind governor;
    const char *payload;
};

static void commands_that_cannot_be_understood_are_bad_commands(void **context)
{
    (void)context;
    static const struct flawed table[] = {
        {GOVERNOR_QUOTA, ""},
        {GOVERNOR_QUOTA, "[]"},
        {GOVERNOR_QUOTA, "\xff"},
        {GOVERNOR_QUOTA, "null"},
        {GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"reset\"}x"},
        {GOVERNOR_QUOTA, "{\"id\":\"c\",\"id\":\"c\",\"op\":\"reset\"}"},
        {GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"reset\",\"x\":[[[[[[[[]]]]]]]]}"},
        {GOVERNOR_QUOTA, "{\"op\":\"reset\"}"},
        {GOVERNOR_QUOTA, "{\"id\":null,\"op\":\"reset\"}"},
        {GOVERNOR_QUOTA, "{\"id\":\"\",\"op\":\"reset\"}"},
        {GOVERNOR_QUOTA, "{\"id\":7,\"op\":\"reset\"}"},
        {GOVERNOR_QUOTA,
         "{\"id\":\"01234567890123456789012345678901234567890123456789012345678901234\",\"op\":\"reset\"}"},
        {GOVERNOR_QUOTA, "{\"id\":\"c\"}"},
        {GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":null}"},
        {GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"Reset\"}"},
        {GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"credit\",\"amount\":1}"},
        {GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"refund\"}"},
        {GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"refund\",\"amount\":null}"},
        {GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"refund\",\"amount\":-1}"},
        {GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"refund\",\"amount\":\"1.0000001\"}"},
        {GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"refund\",\"amount\":1,\"name\":null}"},
        {GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"refund\",\"amount\":1,\"name\":\"\"}"},
        {GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"set_limit\",\"limit\":1}"},
        {GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"set_limit\",\"name\":\"daily\"}"},
        {GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"set_limit\",\"name\":\"daily\",\"limit\":1e400}"},
        {GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"credit\"}"},
        {GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"credit\",\"amount\":0}"},
        {GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"credit\",\"amount\":-0.0}"},
        {GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"credit\",\"amount\":\"0.000000\"}"},
        {GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"credit\",\"amount\":1,\"priority\":null}"},
        {GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"credit\",\"amount\":1,\"priority\":1.5}"},
        {GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"credit\",\"amount\":1,\"priority\":2147483648}"},
        {GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"credit\",\"amount\":1,\"priority\":\"1\"}"},
        {GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"credit\",\"amount\":1,\"expires_at\":null}"},
        {GOVERNOR_BILLING,
         "{\"id\":\"c\",\"op\":\"credit\",\"amount\":1,\"expires_at\":\"9999-12-31T23:59:59-01:00\"}"},
        {GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"credit\",\"amount\":1,\"expires_at\":1795244400000}"},
        {GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"refund\",\"event\":\"e\"}"},
        {GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"refund\",\"device\":\"d\"}"},
        {GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"refund\",\"event\":1,\"device\":\"d\"}"},
        {GOVERNOR_BILLING, "{\"id\":\"c\",\"op\":\"grant\",\"plan\":\"gold\"}"},
        {GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"refund\",\"amount\":1}"},
        {GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"grant\"}"},
        {GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"grant\",\"plan\":\"\"}"},
        {GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"grant\",\"plan\":\"p\",\"features\":null}"},
        {GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"grant\",\"plan\":\"p\",\"features\":\"a\"}"},
        {GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"grant\",\"plan\":\"p\",\"features\":[1]}"},
        {GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"grant\",\"plan\":\"p\",\"features\":[\"\"]}"},
        {GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"grant\",\"plan\":\"p\",\"features\":"
                               "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}"},
        {GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"grant\",\"plan\":\"p\",\"starts_at\":\"tomorrow\"}"},
        {GOVERNOR_ENTITLEMENT,
         "{\"id\":\"c\",\"op\":\"grant\",\"plan\":\"p\",\"starts_at\":\"2026-02-29T00:00:00Z\"}"},
        {GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"grant\",\"plan\":\"p\",\"grace_ms\":-1}"},
        {GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"grant\",\"plan\":\"p\",\"grace_ms\":0.5}"},
        {GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"grant\",\"plan\":\"p\",\"grace_ms\":1e400}"},
        {GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"grant\",\"plan\":\"p\",\"grace_ms\":null}"},
        {GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"extend\"}"},
        {GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"extend\",\"expires_at\":null}"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct decoded_command decoded;
        int reason = decode(table[i].governor, table[i].payload, &decoded);
        if (reason != (int)DEAD_LETTER_BAD_COMMAND) {
            fail_msg("%s: %d", table[i].payload, reason);
        }
    }
}

static void a_grant_has_at_most_8_features(void **context)
{
    (void)context;
    struct command command =
        decode_ok(GOVERNOR_ENTITLEMENT, "{\"id\":\"c\",\"op\":\"grant\",\"plan\":\"p\",\"features\":"
                                        "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"]}");
    assert_int_equal(command.feature_count, 8);
    assert_name(&command.features[7], "8");
}

static void a_command_over_the_limit_is_a_bad_command(void **context)
{
    (void)context;
    struct decoded_command decoded;
    struct message message =
        decoding_message("flyball/v1/command/acme/quota", bytes_of_string("{\"id\":\"c\",\"op\":\"reset\"}"));
    message.payload_length = DECODING_PAYLOAD_MAX + 1;
    assert_int_equal(decode_message(&message, &decoded), DEAD_LETTER_BAD_COMMAND);
}

static void a_governor_that_does_not_exist_is_a_bad_topic(void **context)
{
    (void)context;
    struct decoded_command decoded;
    struct message message = decoding_message("flyball/v1/command/acme/nothing", bytes_of_string("x"));
    assert_int_equal(decode_message(&message, &decoded), DEAD_LETTER_BAD_TOPIC);
}

static void replies_go_where_the_command_asks(void **context)
{
    (void)context;
    struct decoded_command decoded;
    const char *payload = "{\"id\":\"c\",\"op\":\"reset\",\"reply_to\":\"flyball/v1/reply/x\",\"cid\":[]}";
    struct message message = decoding_message("flyball/v1/command/acme/quota", bytes_of_string(payload));
    message.qos = 0;
    message.has_correlation = true;
    message.correlation = bytes_of_string("corr");
    assert_int_equal(decode_message(&message, &decoded), UNDERSTOOD);
    assert_int_equal(decoded.address.qos, 1);
    assert_true(bytes_equal_string(decoded.address.response_topic, "flyball/v1/reply/x"));
    assert_true(bytes_equal_string(decoded.address.correlation, "corr"));
    assert_true(decoded.address_ignored);
}

static void the_same_bytes_have_the_same_hash(void **context)
{
    (void)context;
    struct decoded_command first, again, other;
    assert_int_equal(decode(GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"reset\"}", &first), UNDERSTOOD);
    assert_int_equal(decode(GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"reset\"}", &again), UNDERSTOOD);
    assert_int_equal(decode(GOVERNOR_QUOTA, "{\"id\":\"c\",\"op\":\"reset\" }", &other), UNDERSTOOD);
    assert_true(first.bytes_hash == again.bytes_hash);
    assert_true(first.bytes_hash != other.bytes_hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grant_has_all_its_fields),
        cmocka_unit_test(what_a_grant_leaves_out_has_its_default),
        cmocka_unit_test(quota_and_billing_commands_have_their_fields),
        cmocka_unit_test(fields_of_other_ops_are_ignored),
        cmocka_unit_test(commands_that_cannot_be_understood_are_bad_commands),
        cmocka_unit_test(a_grant_has_at_most_8_features),
        cmocka_unit_test(a_command_over_the_limit_is_a_bad_command),
        cmocka_unit_test(a_governor_that_does_not_exist_is_a_bad_topic),
        cmocka_unit_test(replies_go_where_the_command_asks),
        cmocka_unit_test(the_same_bytes_have_the_same_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
