#include "mqtt/topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/runtime/message.h"

static struct topics topics(void)
{
    static struct bytes prefixes[3];
    prefixes[0] = bytes_of_string("flyball/v1/decision/");
    prefixes[1] = bytes_of_string("flyball/v1/reply/");
    prefixes[2] = bytes_of_string("flyball/");
    return (struct topics){.root = bytes_of_string("flyball/v1"),
                           .agent = bytes_of_string("edge-1"),
                           .response_prefixes = prefixes,
                           .response_prefix_count = 3};
}

struct parsing {
    const char *topic;
    enum topic_kind kind;
};

static void topics_are_told_apart_by_their_shape(void **context)
{
    (void)context;
    static const struct parsing table[] = {
        {"flyball/v1/event/acme/meter-7/kwh", TOPIC_EVENT},
        {"flyball/v1/event/a/b/c", TOPIC_EVENT},
        {"flyball/v1/event/\"/\\/\xc3\xa9", TOPIC_EVENT},
        {"flyball/v1/event", TOPIC_BAD},
        {"flyball/v1/event/", TOPIC_BAD},
        {"flyball/v1/event/a", TOPIC_BAD},
        {"flyball/v1/event/a/b", TOPIC_BAD},
        {"flyball/v1/event/a/b/", TOPIC_BAD},
        {"flyball/v1/event/a/b/c/", TOPIC_BAD},
        {"flyball/v1/event/a/b/c/d", TOPIC_BAD},
        {"flyball/v1/event/a//c", TOPIC_BAD},
        {"flyball/v1/event//b/c", TOPIC_BAD},
        {"flyball/v1/event///", TOPIC_BAD},
        {"flyball/v1/event/a b/b/c", TOPIC_BAD},
        {"flyball/v1/event/a+/b/c", TOPIC_BAD},
        {"flyball/v1/event/a/#/c", TOPIC_BAD},
        {"flyball/v1/event/a/b/c\x01", TOPIC_BAD},
        {"flyball/v1/event/a/b/c\x7f", TOPIC_BAD},
        {"flyball/v1/event/a/b/c\xc2\x85", TOPIC_BAD},
        {"flyball/v1/event/a/b/\xff", TOPIC_BAD},
        {"flyball/v1/event/a/b/\xed\xa0\x80", TOPIC_BAD},
        {"flyball/v1/command/acme/entitlement", TOPIC_COMMAND},
        {"flyball/v1/command/acme/quota", TOPIC_COMMAND},
        {"flyball/v1/command/acme/billing", TOPIC_COMMAND},
        {"flyball/v1/command/acme/Billing", TOPIC_BAD},
        {"flyball/v1/command/acme/nothing", TOPIC_BAD},
        {"flyball/v1/command/acme", TOPIC_BAD},
        {"flyball/v1/command/acme/", TOPIC_BAD},
        {"flyball/v1/command/acme/quota/x", TOPIC_BAD},
        {"flyball/v1/command", TOPIC_BAD},
        {"flyball/v1/agent/edge-1/config/desired", TOPIC_CONFIG_DESIRED},
        {"flyball/v1/agent/edge-1/config/desired/", TOPIC_FOREIGN},
        {"flyball/v1/agent/edge-1/config/reported", TOPIC_FOREIGN},
        {"flyball/v1/agent/edge-1/canary", TOPIC_CANARY},
        {"flyball/v1/agent/edge-1/status", TOPIC_FOREIGN},
        {"flyball/v1/agent/edge-10/canary", TOPIC_FOREIGN},
        {"flyball/v1/agent/edge-1", TOPIC_FOREIGN},
        {"flyball/v1/agent", TOPIC_FOREIGN},
        {"flyball/v1/events/a/b/c", TOPIC_FOREIGN},
        {"flyball/v1/Event/a/b/c", TOPIC_FOREIGN},
        {"flyball/v10/event/a/b/c", TOPIC_FOREIGN},
        {"/flyball/v1/event/a/b/c", TOPIC_FOREIGN},
        {"flyball/v1", TOPIC_FOREIGN},
        {"flyball/v1/", TOPIC_FOREIGN},
        {"flyball", TOPIC_FOREIGN},
        {"tele/plug/SENSOR", TOPIC_FOREIGN},
        {"\xff\xfe", TOPIC_FOREIGN},
        {"/", TOPIC_FOREIGN},
        {"", TOPIC_FOREIGN},
    };
    struct topics own = topics();
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct parsed_topic parsed = topic_parse(&own, bytes_of_string(table[i].topic));
        if (parsed.kind != table[i].kind) {
            fail_msg("%s: %d instead of %d", table[i].topic, parsed.kind, table[i].kind);
        }
    }
    assert_int_equal(topic_parse(&own, bytes_of(NULL, 0)).kind, TOPIC_FOREIGN);
    assert_int_equal(topic_parse(&own, bytes_of("flyball/v1/event/a/b/c\0", 23)).kind, TOPIC_BAD);
}

static void an_event_topic_gives_its_three_segments(void **context)
{
    (void)context;
    struct topics own = topics();
    struct parsed_topic parsed = topic_parse(&own, bytes_of_string("flyball/v1/event/acme/meter-7/kwh"));
    assert_true(bytes_equal_string(parsed.subject, "acme"));
    assert_true(bytes_equal_string(parsed.device, "meter-7"));
    assert_true(bytes_equal_string(parsed.meter, "kwh"));
    parsed = topic_parse(&own, bytes_of_string("flyball/v1/command/acme/billing"));
    assert_true(bytes_equal_string(parsed.subject, "acme"));
    assert_int_equal(parsed.governor, GOVERNOR_BILLING);
}

static void a_segment_has_at_most_64_bytes(void **context)
{
    (void)context;
    struct topics own = topics();
    for (int length = 63; length <= 65; length++) {
        char topic[256];
        snprintf(topic, sizeof topic, "flyball/v1/event/%0*d/d/m", length, 0);
        enum topic_kind wanted = length <= 64 ? TOPIC_EVENT : TOPIC_BAD;
        assert_int_equal(topic_parse(&own, bytes_of_string(topic)).kind, wanted);
    }
}

static void topics_are_built_as_the_contract_lists_them(void **context)
{
    (void)context;
    char storage[1024];
    struct topics own = topics();
    struct text text = text_of(storage, sizeof storage);
    struct name subject = name_of("acme");
    struct name device = name_of("meter-7");
    topic_put_decision(&text, &own, &subject, &device);
    text_put_string(&text, " ");
    topic_put_reply(&text, &own, &subject, GOVERNOR_QUOTA);
    text_put_string(&text, " ");
    topic_put_state(&text, &own, &subject, GOVERNOR_ENTITLEMENT);
    text_put_string(&text, " ");
    topic_put_alert(&text, &own, "store_full");
    text_put_string(&text, " ");
    topic_put_dead_letter(&text, &own, DEAD_LETTER_NOT_UTF8);
    text_put_string(&text, " ");
    topic_put_event_filter(&text, &own);
    text_put_string(&text, " ");
    topic_put_command_filter(&text, &own);
    for (enum agent_topic each = AGENT_TOPIC_STATUS; each <= AGENT_TOPIC_CANARY; each++) {
        text_put_string(&text, " ");
        topic_put_agent(&text, &own, each);
    }
    assert_string_equal(
        text_string(&text),
        "flyball/v1/decision/acme/meter-7 flyball/v1/reply/acme/quota "
        "flyball/v1/state/acme/entitlement flyball/v1/agent/edge-1/alert/store_full "
        "flyball/v1/agent/edge-1/dead-letter/not_utf8 flyball/v1/event/# flyball/v1/command/# "
        "flyball/v1/agent/edge-1/status flyball/v1/agent/edge-1/metrics "
        "flyball/v1/agent/edge-1/config/desired flyball/v1/agent/edge-1/config/reported "
        "flyball/v1/agent/edge-1/canary");
}

static void the_longest_topics_fit(void **context)
{
    (void)context;
    char root[TOPIC_ROOT_BYTES_MAX];
    memset(root, 'r', sizeof root);
    struct name longest = name_of("0123456789012345678901234567890123456789012345678901234567890123");
    struct topics own = {.root = bytes_of(root, sizeof root), .agent = name_bytes(&longest)};
    char storage[TOPIC_BYTES_MAX];
    struct text text = text_of(storage, sizeof storage);
    topic_put_decision(&text, &own, &longest, &longest);
    assert_false(text.overflowed);
    text = text_of(storage, sizeof storage);
    topic_put_dead_letter(&text, &own, DEAD_LETTER_IDENTITY_MISMATCH);
    assert_false(text.overflowed);
}

struct response {
    const char *topic;
    bool allowed;
};

static void answers_go_only_where_the_prefixes_allow(void **context)
{
    (void)context;
    static const struct response table[] = {
        {"flyball/v1/decision/acme/app", true},
        {"flyball/v1/reply/x", true},
        {"flyball/v1/decision/", true},
        {"flyball/other/x", true},
        {"flyball/v1/events/x", true},
        {"flyball/v1/eventx", true},
        {"flyball/v1/event/a/b/c", false},
        {"flyball/v1/event/", false},
        {"flyball/v1/event", false},
        {"flyball/v1/command/a/quota", false},
        {"flyball/v1/command", false},
        {"flyball/v1/agent/edge-1/config/desired", false},
        {"flyball/v1/agent", false},
        {"elsewhere/x", false},
        {"/flyball/v1/decision/x", false},
        {"flyball", false},
        {"flyball/v1/decision/+", false},
        {"flyball/v1/decision/#", false},
        {"flyball/v1/decision/a+b", false},
        {"flyball/v1/decision/\xff", false},
        {"flyball/v1/decision/\xed\xa0\x80", false},
        {"flyball/v1/decision/\t", false},
        {"flyball/v1/decision/\x7f", false},
        {"flyball/v1/decision/\xc2\x85", false},
        {"flyball/v1/decision/\xef\xb7\x90", false},
        {"flyball/v1/decision/\xef\xbf\xbf", false},
        {"", false},
    };
    struct topics own = topics();
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (topic_is_allowed_response(&own, bytes_of_string(table[i].topic)) != table[i].allowed) {
            fail_msg("%s should%s be allowed", table[i].topic, table[i].allowed ? "" : " not");
        }
    }
    assert_false(topic_is_allowed_response(&own, bytes_of("flyball/v1/decision/\0", 21)));
    assert_false(topic_is_allowed_response(&own, bytes_of(NULL, 0)));
}

static void a_response_topic_has_at_most_256_bytes(void **context)
{
    (void)context;
    struct topics own = topics();
    char topic[RESPONSE_TOPIC_BYTES_MAX + 1];
    memset(topic, 'x', sizeof topic);
    memcpy(topic, "flyball/v1/reply/", 17);
    assert_true(topic_is_allowed_response(&own, bytes_of(topic, RESPONSE_TOPIC_BYTES_MAX)));
    assert_false(topic_is_allowed_response(&own, bytes_of(topic, RESPONSE_TOPIC_BYTES_MAX + 1)));
}

static void a_response_topic_has_at_most_200_levels(void **context)
{
    (void)context;
    struct topics own = topics();
    char topic[RESPONSE_TOPIC_BYTES_MAX] = "flyball/v1/reply/";
    memset(topic + 17, '/', sizeof topic - 17);
    assert_true(topic_is_allowed_response(&own, bytes_of(topic, 17 + TOPIC_LEVELS_MAX - 4)));
    assert_false(topic_is_allowed_response(&own, bytes_of(topic, 17 + TOPIC_LEVELS_MAX - 3)));
}

static void without_prefixes_no_answer_is_redirected(void **context)
{
    (void)context;
    struct topics own = topics();
    own.response_prefix_count = 0;
    assert_false(topic_is_allowed_response(&own, bytes_of_string("flyball/v1/decision/x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_told_apart_by_their_shape),
        cmocka_unit_test(an_event_topic_gives_its_three_segments),
        cmocka_unit_test(a_segment_has_at_most_64_bytes),
        cmocka_unit_test(topics_are_built_as_the_contract_lists_them),
        cmocka_unit_test(the_longest_topics_fit),
        cmocka_unit_test(answers_go_only_where_the_prefixes_allow),
        cmocka_unit_test(a_response_topic_has_at_most_256_bytes),
        cmocka_unit_test(a_response_topic_has_at_most_200_levels),
        cmocka_unit_test(without_prefixes_no_answer_is_redirected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
