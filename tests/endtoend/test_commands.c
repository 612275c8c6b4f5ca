/* What commands and their replies look like, and the operations of entitlement and quota. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

static const char policies[] =
    "{\"plans\": {"
    "   \"free\": {"
    "     \"quotas\": [{\"name\": \"monthly\", \"meter\": \"*\", \"limit\": \"100\", \"window\": \"month\"}],"
    "     \"prices\": {\"coffee\": \"1\"}},"
    "   \"gold\": {\"features\": [],"
    "     \"quotas\": [{\"name\": \"monthly\", \"meter\": \"*\", \"limit\": \"1000\", \"window\": \"month\"},"
    "                  {\"name\": \"coffees\", \"meter\": \"coffee\", \"limit\": \"5\","
    "                   \"window\": \"month\"}]}},"
    " \"meters\": {\"*\": {}, \"unlock\": {\"feature\": \"doors\"}}}";

static int open_with_policies(void **context)
{
    stage_open(context);
    stage_start(*context, policies);
    return 0;
}

static const cJSON *drink(struct stage *stage, const char *id, const char *amount)
{
    char payload[96];
    snprintf(payload, sizeof payload, "{\"id\": \"%s\", \"amount\": \"%s\"}", id, amount);
    return stage_event(stage, "acme/machine/coffee", payload);
}

static const cJSON *rejected(struct stage *stage, const char *who, const char *payload, const char *reason)
{
    const cJSON *reply = stage_command(stage, who, payload);
    expect_reply(reply, reason);
    return reply;
}

/* An instant from now, in quotes. */
static const char *quoted_in(int64_t ms, char text[40])
{
    char bare[32];
    snprintf(text, 40, "\"%s\"", instant_text(wall_ms() + ms, bare));
    return text;
}

static void reply_has_the_documented_form(void **context)
{
    struct stage *stage = *context;
    stage_publish(stage, "command/acme/billing",
                  "{\"id\": \"c-1\", \"op\": \"credit\", \"amount\": \"100\", \"priority\": 3}");
    const struct peer_message *message = stage_take(stage, "reply/acme/billing");
    assert_string_equal(
        message->payload,
        "{\"command\":\"c-1\",\"op\":\"credit\",\"status\":\"ok\",\"reason\":\"ok\",\"seq\":1,\"state\":{"
        "\"verdict\":\"allow\",\"state\":\"good\",\"charged\":\"0\",\"balance\":\"100\",\"grants\":[{"
        "\"id\":\"c-1\",\"amount\":\"100\",\"remaining\":\"100\",\"priority\":3,\"expires_at\":null}]}}");
    assert_int_equal(message->qos, 1);
    assert_false(message->retained);
}

static void repeated_command_gets_the_first_reply(void **context)
{
    struct stage *stage = *context;
    static const char credit[] = "{\"id\": \"c-1\", \"op\": \"credit\", \"amount\": \"100\"}";
    stage_publish(stage, "command/acme/billing", credit);
    const struct peer_message *first = stage_take(stage, "reply/acme/billing");
    drink(stage, "e", "10");
    stage_publish(stage, "command/acme/billing", credit);
    assert_string_equal(stage_take(stage, "reply/acme/billing")->payload, first->payload);
    expect(drink(stage, "e-2", "10"), "governors/billing/balance", "80");
}

static void repeated_rejection_stays_a_rejection(void **context)
{
    struct stage *stage = *context;
    static const char resume[] = "{\"id\": \"r\", \"op\": \"resume\"}";
    drink(stage, "e", "0");
    const cJSON *first = rejected(stage, "acme/billing", resume, "invalid_transition");
    expect(first, "seq", "0");
    stage_do(stage, "acme/billing", "{\"id\": \"s\", \"op\": \"suspend\"}");
    rejected(stage, "acme/billing", resume, "invalid_transition");
    expect_decision(drink(stage, "e-2", "1"), "deny", "suspended");
}

static void other_bytes_under_the_same_id_are_id_reused(void **context)
{
    struct stage *stage = *context;
    stage_do(stage, "acme/billing", "{\"id\": \"c-1\", \"op\": \"credit\", \"amount\": \"100\"}");
    const cJSON *other = rejected(stage, "acme/billing",
                                  "{\"id\": \"c-1\", \"op\": \"credit\", \"amount\": \"10\"}", "id_reused");
    expect(other, "seq", "1");
    stage_do(stage, "acme/billing", "{\"id\": \"c-1\", \"op\": \"credit\", \"amount\": \"100\"}");
    stage_do(stage, "acme/quota", "{\"id\": \"c-1\", \"op\": \"reset\"}");
    stage_do(stage, "other/billing", "{\"id\": \"c-1\", \"op\": \"credit\", \"amount\": \"1\"}");
    expect(drink(stage, "e", "1"), "governors/billing/balance", "99");
}

static void entitlement_goes_through_all_its_states(void **context)
{
    struct stage *stage = *context;
    char later[40];
    char latest[40];
    char past[40];
    quoted_in(3600000, later);
    quoted_in(7200000, latest);
    quoted_in(-1000, past);
    const cJSON *reply = stage_do(stage, "acme/entitlement",
                                  "{\"id\": \"1\", \"op\": \"grant\", \"plan\": \"gold\", \"features\": "
                                  "[\"doors\"], \"starts_at\": %s, \"expires_at\": %s, \"grace_ms\": 5000}",
                                  later, latest);
    expect(reply, "state/state", "pending");
    expect(reply, "state/plan", "gold");
    reply = stage_do(stage, "acme/entitlement", "{\"id\": \"2\", \"op\": \"grant\", \"plan\": \"free\"}");
    expect(reply, "state/state", "active");
    expect(reply, "state/plan", "free");
    reply = stage_do(stage, "acme/entitlement", "{\"id\": \"3\", \"op\": \"extend\", \"expires_at\": %s}",
                     latest);
    expect(reply, "state/state", "active");
    reply = stage_do(stage, "acme/entitlement", "{\"id\": \"4\", \"op\": \"suspend\"}");
    expect(reply, "state/state", "suspended");
    expect(reply, "state/verdict", "deny");
    reply = stage_do(stage, "acme/entitlement", "{\"id\": \"5\", \"op\": \"resume\"}");
    expect(reply, "state/state", "active");
    reply =
        stage_do(stage, "acme/entitlement", "{\"id\": \"6\", \"op\": \"extend\", \"expires_at\": %s}", past);
    expect(reply, "state/state", "expired");
    reply = stage_do(stage, "acme/entitlement",
                     "{\"id\": \"7\", \"op\": \"grant\", \"plan\": \"free\", \"expires_at\": %s, "
                     "\"grace_ms\": 3600000}",
                     past);
    expect(reply, "state/state", "grace");
    reply = stage_do(stage, "acme/entitlement", "{\"id\": \"8\", \"op\": \"suspend\"}");
    reply = stage_do(stage, "acme/entitlement", "{\"id\": \"9\", \"op\": \"resume\"}");
    expect(reply, "state/state", "grace");
    reply = stage_do(stage, "acme/entitlement", "{\"id\": \"10\", \"op\": \"revoke\"}");
    expect(reply, "state/state", "revoked");
    reply = stage_do(stage, "acme/entitlement", "{\"id\": \"11\", \"op\": \"grant\", \"plan\": \"free\"}");
    expect(reply, "state/state", "active");
}

static void entitlement_rejects_what_its_state_does_not_allow(void **context)
{
    struct stage *stage = *context;
    const char *who = "acme/entitlement";
    char later[40];
    quoted_in(3600000, later);
    char payload[96];
    snprintf(payload, sizeof payload, "{\"id\": \"x1\", \"op\": \"extend\", \"expires_at\": %s}", later);
    rejected(stage, who, payload, "invalid_transition");
    rejected(stage, who, "{\"id\": \"1\", \"op\": \"suspend\"}", "invalid_transition");
    rejected(stage, who, "{\"id\": \"2\", \"op\": \"resume\"}", "invalid_transition");
    rejected(stage, who, "{\"id\": \"3\", \"op\": \"revoke\"}", "invalid_transition");
    const cJSON *unknown =
        rejected(stage, who, "{\"id\": \"4\", \"op\": \"grant\", \"plan\": \"platinum\"}", "unknown_plan");
    expect(unknown, "seq", "0");
    expect(unknown, "state/state", "none");
    stage_do(stage, who, "{\"id\": \"5\", \"op\": \"grant\", \"plan\": \"free\"}");
    rejected(stage, who, "{\"id\": \"6\", \"op\": \"resume\"}", "invalid_transition");
    stage_do(stage, who, "{\"id\": \"7\", \"op\": \"suspend\"}");
    rejected(stage, who, "{\"id\": \"8\", \"op\": \"grant\", \"plan\": \"free\"}", "invalid_transition");
    rejected(stage, who, "{\"id\": \"9\", \"op\": \"suspend\"}", "invalid_transition");
    snprintf(payload, sizeof payload, "{\"id\": \"x2\", \"op\": \"extend\", \"expires_at\": %s}", later);
    rejected(stage, who, payload, "invalid_transition");
    stage_do(stage, who, "{\"id\": \"10\", \"op\": \"revoke\"}");
    const cJSON *last = rejected(stage, who, "{\"id\": \"11\", \"op\": \"resume\"}", "invalid_transition");
    expect(last, "seq", "3");
    expect(last, "state/state", "revoked");
}

static void granted_feature_opens_the_door(void **context)
{
    struct stage *stage = *context;
    stage_do(stage, "acme/entitlement", "{\"id\": \"1\", \"op\": \"grant\", \"plan\": \"gold\"}");
    expect_decision(stage_event(stage, "acme/door/unlock", "{}"), "deny", "not_entitled");
    stage_do(stage, "acme/entitlement",
             "{\"id\": \"2\", \"op\": \"grant\", \"plan\": \"gold\", \"features\": [\"*\"]}");
    expect_decision(stage_event(stage, "acme/door/unlock", "{}"), "allow", "ok");
}

static void quota_is_reset_and_refunded(void **context)
{
    struct stage *stage = *context;
    stage_event(stage, "acme/d/tea", "{\"amount\": 80}");
    const cJSON *reply =
        stage_do(stage, "acme/quota", "{\"id\": \"1\", \"op\": \"refund\", \"amount\": \"30.5\"}");
    expect(reply, "state/used", "49.5");
    expect(reply, "state/state", "normal");
    reply = stage_do(stage, "acme/quota",
                     "{\"id\": \"2\", \"op\": \"refund\", \"amount\": 9.5, \"name\": \"monthly\"}");
    expect(reply, "state/used", "40");
    reply = stage_do(stage, "acme/quota", "{\"id\": \"3\", \"op\": \"refund\", \"amount\": 1000}");
    expect(reply, "state/used", "0");
    stage_event(stage, "acme/d/tea", "{\"amount\": 95}");
    reply = stage_do(stage, "acme/quota", "{\"id\": \"4\", \"op\": \"reset\"}");
    expect(reply, "state/used", "0");
    expect(reply, "state/state", "normal");
    expect(reply, "state/remaining", "100");
}

static void limit_is_set_for_the_subject_and_cleared_by_another_plan(void **context)
{
    struct stage *stage = *context;
    stage_event(stage, "acme/d/tea", "{\"amount\": 50}");
    const cJSON *reply = stage_do(
        stage, "acme/quota", "{\"id\": \"1\", \"op\": \"set_limit\", \"name\": \"monthly\", \"limit\": 55}");
    expect(reply, "state/limit", "55");
    expect(reply, "state/state", "throttled");
    expect_decision(stage_event(stage, "acme/d/tea", "{\"amount\": 6}"), "deny", "quota_exceeded");
    expect(stage_event(stage, "other/d/tea", "{\"amount\": 6}"), "governors/quota/limit", "100");
    stage_do(stage, "acme/entitlement", "{\"id\": \"2\", \"op\": \"grant\", \"plan\": \"free\"}");
    expect(stage_event(stage, "acme/d/tea", "{\"amount\": 0}"), "governors/quota/limit", "55");
    stage_do(stage, "acme/entitlement", "{\"id\": \"3\", \"op\": \"grant\", \"plan\": \"gold\"}");
    const cJSON *after = stage_event(stage, "acme/d/tea", "{\"amount\": 1}");
    expect(after, "governors/quota/limit", "1000");
    expect(after, "governors/quota/used", "51");
}

static void unknown_limits_are_rejected(void **context)
{
    struct stage *stage = *context;
    const cJSON *reply = rejected(stage, "acme/quota",
                                  "{\"id\": \"1\", \"op\": \"set_limit\", \"name\": \"daily\", \"limit\": 1}",
                                  "unknown_limit");
    expect(reply, "seq", "0");
    rejected(stage, "acme/quota", "{\"id\": \"2\", \"op\": \"refund\", \"name\": \"daily\", \"amount\": 1}",
             "unknown_limit");
}

static void accepted_commands_take_the_next_seq(void **context)
{
    struct stage *stage = *context;
    expect(stage_do(stage, "acme/billing", "{\"id\": \"1\", \"op\": \"credit\", \"amount\": 10}"), "seq",
           "1");
    expect(drink(stage, "e", "1"), "seq", "2");
    expect(stage_do(stage, "acme/quota", "{\"id\": \"2\", \"op\": \"reset\"}"), "seq", "3");
    expect(rejected(stage, "acme/billing", "{\"id\": \"3\", \"op\": \"resume\"}", "invalid_transition"),
           "seq", "3");
    expect(drink(stage, "f", "1"), "seq", "4");
}

static void misunderstood_commands_are_dead_letters(void **context)
{
    struct stage *stage = *context;
    static const char *const bad[][2] = {
        {"acme/billing", "credit"},
        {"acme/billing", ""},
        {"acme/billing", "[]"},
        {"acme/billing", "{\"op\": \"suspend\"}"},
        {"acme/billing", "{\"id\": 7, \"op\": \"suspend\"}"},
        {"acme/billing", "{\"id\": \"\", \"op\": \"suspend\"}"},
        {"acme/billing", "{\"id\": \"1\"}"},
        {"acme/billing", "{\"id\": \"1\", \"op\": \"grant\", \"plan\": \"free\"}"},
        {"acme/billing", "{\"id\": \"1\", \"op\": \"credit\"}"},
        {"acme/billing", "{\"id\": \"1\", \"op\": \"credit\", \"amount\": 0}"},
        {"acme/billing", "{\"id\": \"1\", \"op\": \"credit\", \"amount\": -1}"},
        {"acme/billing", "{\"id\": \"1\", \"op\": \"credit\", \"amount\": \"ten\"}"},
        {"acme/billing", "{\"id\": \"1\", \"op\": \"credit\", \"amount\": 1, \"expires_at\": null}"},
        {"acme/billing", "{\"id\": \"1\", \"op\": \"credit\", \"amount\": 1, \"expires_at\": \"soon\"}"},
        {"acme/billing", "{\"id\": \"1\", \"op\": \"credit\", \"amount\": 1, \"priority\": \"high\"}"},
        {"acme/billing", "{\"id\": \"1\", \"op\": \"refund\", \"event\": \"e\"}"},
        {"acme/quota", "{\"id\": \"1\", \"op\": \"credit\", \"amount\": 1}"},
        {"acme/quota", "{\"id\": \"1\", \"op\": \"refund\"}"},
        {"acme/quota", "{\"id\": \"1\", \"op\": \"set_limit\", \"limit\": 1}"},
        {"acme/quota", "{\"id\": \"1\", \"op\": \"set_limit\", \"name\": \"monthly\"}"},
        {"acme/entitlement", "{\"id\": \"1\", \"op\": \"grant\"}"},
        {"acme/entitlement", "{\"id\": \"1\", \"op\": \"grant\", \"plan\": 1}"},
        {"acme/entitlement", "{\"id\": \"1\", \"op\": \"grant\", \"plan\": \"free\", \"features\": \"*\"}"},
        {"acme/entitlement", "{\"id\": \"1\", \"op\": \"grant\", \"plan\": \"free\", \"grace_ms\": \"1\"}"},
        {"acme/entitlement", "{\"id\": \"1\", \"op\": \"extend\"}"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char topic[64];
        snprintf(topic, sizeof topic, "command/%s", bad[i][0]);
        stage_publish(stage, topic, bad[i][1]);
        const cJSON *letter = stage_dead_letter(stage, "bad_command");
        char wanted[96];
        snprintf(wanted, sizeof wanted, "flyball/v1/%s", topic);
        expect(letter, "topic", wanted);
    }
    stage_publish(stage, "command/acme/lottery", "{\"id\": \"1\", \"op\": \"suspend\"}");
    stage_dead_letter(stage, "bad_topic");
    stage_publish(stage, "command/acme", "{\"id\": \"1\", \"op\": \"suspend\"}");
    stage_dead_letter(stage, "bad_topic");
    stage_expect_none(stage, "reply/#", 100);
    expect(drink(stage, "e", "1"), "seq", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reply_has_the_documented_form, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(repeated_command_gets_the_first_reply, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(repeated_rejection_stays_a_rejection, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(other_bytes_under_the_same_id_are_id_reused, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(entitlement_goes_through_all_its_states, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(entitlement_rejects_what_its_state_does_not_allow, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(granted_feature_opens_the_door, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(quota_is_reset_and_refunded, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(limit_is_set_for_the_subject_and_cleared_by_another_plan,
                                        open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(unknown_limits_are_rejected, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(accepted_commands_take_the_next_seq, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(misunderstood_commands_are_dead_letters, open_with_policies,
                                        stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
