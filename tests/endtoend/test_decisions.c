/* What a decision looks like, and what goes into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

static const char policies[] =
    "{\"plans\": {"
    "   \"free\": {"
    "     \"quotas\": [{\"name\": \"monthly\", \"meter\": \"*\", \"algorithm\": \"fixed\","
    "                   \"limit\": \"100\", \"window\": \"month\"}],"
    "     \"prices\": {\"kwh\": \"0.2\", \"half\": \"0.5\"}, \"billing\": {\"low_balance\": \"2\"}},"
    "   \"two\": {"
    "     \"quotas\": [{\"name\": \"a\", \"meter\": \"kwh\", \"limit\": \"100\", \"window\": \"month\"},"
    "                  {\"name\": \"b\", \"meter\": \"*\", \"limit\": \"20\", \"window\": \"month\"}]}},"
    " \"meters\": {\"*\": {}, \"backwards\": {\"chain\": [\"quota\", \"entitlement\"]}},"
    " \"runtime\": {\"dedup_window\": 16}}";

static int open_with_policies(void **context)
{
    stage_open(context);
    stage_start(*context, policies);
    return 0;
}

static void credit(struct stage *stage)
{
    stage_do(stage, "acme/billing", "{\"id\": \"c-1\", \"op\": \"credit\", \"amount\": \"10\"}");
}

/* Once the times are masked, to the byte. */
static void expect_text(const struct peer_message *message, const char *text)
{
    char *masked = without_times(message->payload);
    assert_string_equal(masked, text);
    free(masked);
}

static void decision_has_the_documented_form(void **context)
{
    struct stage *stage = *context;
    credit(stage);
    const struct peer_message *message =
        stage_decision(stage, "acme/meter-7/kwh", "{\"id\": \"e-1\", \"amount\": \"2.5\"}");
    expect_text(
        message,
        "{\"event\":\"e-1\",\"decision\":\"allow\",\"reason\":\"ok\",\"subject\":\"acme\",\"device\":"
        "\"meter-7\",\"meter\":\"kwh\",\"amount\":\"2.5\",\"seq\":2,\"time\":\"<time>\",\"duplicate\":"
        "false,\"dedup\":\"id\",\"config_version\":0,\"retry_after_ms\":0,\"clock\":\"synced\","
        "\"governors\":{\"entitlement\":{\"verdict\":\"allow\",\"state\":\"active\",\"plan\":\"free\"},"
        "\"quota\":{\"verdict\":\"allow\",\"state\":\"normal\",\"name\":\"monthly\",\"limit\":\"100\","
        "\"used\":\"2.5\",\"remaining\":\"97.5\",\"resets_at\":\"<time>\"},"
        "\"billing\":{\"verdict\":\"allow\",\"state\":\"good\",\"charged\":\"0.5\",\"balance\":\"9.5\"}}}");
    assert_int_equal(message->qos, 1);
    assert_false(message->retained);
    const cJSON *decision = stage_parse(stage, message);
    int64_t now = wall_ms();
    assert_in_range(json_instant(decision, "time"), now - 5000, now + 1000);
}

static void decision_without_id_echoes_the_other_key(void **context)
{
    struct stage *stage = *context;
    const cJSON *decision =
        stage_event(stage, "acme/meter-7/kwh", "{\"device_seq\": 17, \"boot\": \"b1\", \"amount\": 0.0e3}");
    expect(decision, "event", "null");
    expect(decision, "dedup", "none");
    const cJSON *second = stage_event(stage, "acme/meter-7/kwh", "{\"device_seq\": 18, \"amount\": 0.01e2}");
    expect(second, "event", "null");
    expect(second, "device_seq", "18");
    expect(second, "boot", "");
    expect(second, "dedup", "device_seq");
    expect(second, "amount", "1");
}

static void denied_decision_lists_all_governors_unchanged(void **context)
{
    struct stage *stage = *context;
    const cJSON *decision = stage_event(stage, "acme/meter-7/kwh", "{\"id\": \"e-1\", \"amount\": 1}");
    expect_decision(decision, "deny", "insufficient_balance");
    expect_governor(decision, "entitlement", "allow", "active");
    expect_governor(decision, "quota", "allow", "normal");
    expect_governor(decision, "billing", "deny", "none");
    expect(decision, "governors/quota/used", "0");
    expect(decision, "governors/quota/remaining", "100");
    expect(decision, "governors/billing/charged", "0");
    expect(decision, "amount", "1");
}

static void chain_is_what_the_meter_says(void **context)
{
    struct stage *stage = *context;
    const cJSON *backwards = stage_event(stage, "acme/meter-7/backwards", "{\"id\": \"1\"}");
    const cJSON *governors = json_at(backwards, "governors");
    assert_int_equal(cJSON_GetArraySize(governors), 2);
    assert_string_equal(governors->child->string, "quota");
    assert_string_equal(governors->child->next->string, "entitlement");
}

static void reason_is_that_of_the_first_governor_with_the_strictest_verdict(void **context)
{
    struct stage *stage = *context;
    char end[32];
    instant_text(wall_ms() - 1000, end);
    stage_do(stage, "acme/entitlement",
             "{\"id\": \"g\", \"op\": \"grant\", \"plan\": \"free\", \"expires_at\": \"%s\", "
             "\"grace_ms\": 3600000}",
             end);
    const cJSON *both = stage_event(stage, "acme/meter-7/unlock", "{\"id\": \"1\", \"amount\": 75}");
    expect_decision(both, "warn", "grace");
    expect_governor(both, "quota", "warn", "warning");
    expect_decision(stage_event(stage, "acme/meter-7/backwards", "{\"id\": \"2\"}"), "warn", "quota_warning");
    const cJSON *stricter = stage_event(stage, "acme/meter-7/unlock", "{\"id\": \"3\", \"amount\": 14}");
    expect_decision(stricter, "throttle", "quota_throttled");
    expect_governor(stricter, "entitlement", "warn", "grace");
}

static void all_limits_hold_and_the_strictest_is_shown(void **context)
{
    struct stage *stage = *context;
    stage_do(stage, "acme/entitlement", "{\"id\": \"g\", \"op\": \"grant\", \"plan\": \"two\"}");
    const cJSON *decision = stage_event(stage, "acme/meter-7/kwh", "{\"id\": \"1\", \"amount\": 16}");
    expect_decision(decision, "warn", "quota_warning");
    expect(decision, "governors/quota/name", "b");
    const cJSON *denied = stage_event(stage, "acme/meter-7/kwh", "{\"id\": \"2\", \"amount\": 5}");
    expect_decision(denied, "deny", "quota_exceeded");
    expect(denied, "governors/quota/used", "16");
    stage_do(stage, "acme/quota", "{\"id\": \"l\", \"op\": \"set_limit\", \"name\": \"b\", \"limit\": 1000}");
    const cJSON *other = stage_event(stage, "acme/meter-7/kwh", "{\"id\": \"3\", \"amount\": 4}");
    expect_decision(other, "allow", "ok");
    expect(other, "governors/quota/name", "a");
    expect(other, "governors/quota/used", "20");
}

static void charge_is_rounded_half_up(void **context)
{
    struct stage *stage = *context;
    credit(stage);
    const cJSON *up = stage_event(stage, "acme/meter-7/half", "{\"id\": \"1\", \"amount\": \"0.000001\"}");
    expect(up, "governors/billing/charged", "0.000001");
    const cJSON *down = stage_event(stage, "acme/meter-7/kwh", "{\"id\": \"2\", \"amount\": \"0.000002\"}");
    expect(down, "governors/billing/charged", "0");
    expect(down, "governors/billing/balance", "9.999999");
}

static void peek_answers_and_changes_nothing(void **context)
{
    struct stage *stage = *context;
    credit(stage);
    stage_event(stage, "acme/meter-7/kwh", "{\"id\": \"e-1\", \"amount\": 2}");
    for (int i = 0; i < 2; i++) {
        const cJSON *peek = stage_event(stage, "acme/meter-7/kwh", "{\"id\": \"p-1\", \"amount\": 0}");
        expect_decision(peek, "allow", "ok");
        expect(peek, "event", "p-1");
        expect(peek, "seq", "2");
        expect(peek, "dedup", "none");
        expect(peek, "duplicate", "false");
        expect(peek, "amount", "0");
        expect(peek, "governors/quota/used", "2");
        expect(peek, "governors/billing/charged", "0");
        expect(peek, "governors/billing/balance", "9.6");
    }
    const cJSON *next = stage_event(stage, "acme/meter-7/kwh", "{\"id\": \"p-1\", \"amount\": 1}");
    expect(next, "duplicate", "false");
    expect(next, "seq", "3");
}

static void peek_is_denied_where_the_smallest_amount_would_be(void **context)
{
    struct stage *stage = *context;
    expect_decision(stage_event(stage, "acme/meter-7/kwh", "{\"amount\": 0}"), "deny",
                    "insufficient_balance");
    stage_event(stage, "acme/meter-7/unlock", "{\"amount\": 100}");
    const cJSON *full = stage_event(stage, "acme/meter-7/unlock", "{\"amount\": 0}");
    expect_decision(full, "deny", "quota_exceeded");
    expect(full, "governors/quota/used", "100");
}

static void peek_of_a_stranger_leaves_no_trace(void **context)
{
    struct stage *stage = *context;
    const cJSON *peek = stage_event(stage, "new/meter-7/unlock", "{\"amount\": 0}");
    expect_decision(peek, "allow", "ok");
    expect(peek, "seq", "0");
    expect(peek, "governors/entitlement/plan", "free");
    stage_expect_none(stage, "state/new/#", 300);
    assert_null(stage_retained(stage, "state/new/entitlement"));
}

static void publish_with(struct stage *stage, const char *payload, int qos)
{
    peer_publish_text(&stage->peer, "flyball/v1/event/acme/meter-7/unlock", payload, qos);
}

static void quality_of_the_answer_follows_the_events(void **context)
{
    struct stage *stage = *context;
    static const int answered[] = {0, 1, 1};
    for (int qos = 0; qos <= 2; qos++) {
        char payload[32];
        snprintf(payload, sizeof payload, "{\"id\": \"q-%d\"}", qos);
        publish_with(stage, payload, qos);
        const struct peer_message *message = stage_take(stage, "decision/acme/meter-7");
        assert_int_equal(message->qos, answered[qos]);
        expect(stage_parse(stage, message), "decision", "allow");
    }
}

static void amounts_come_in_many_spellings(void **context)
{
    struct stage *stage = *context;
    static const char *const spellings[][2] = {
        {"\"0.1\"", "0.1"},          {"0.1", "0.1"},   {"1e-6", "0.000001"},
        {"\"007.500000\"", "7.5"},   {"2.5E0", "2.5"}, {"\"0.000001\"", "0.000001"},
        {"9007199254", "9007199254"}};
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        char payload[64];
        snprintf(payload, sizeof payload, "{\"id\": \"%zu\", \"amount\": %s}", i, spellings[i][0]);
        expect(stage_event(stage, "acme/meter-7/unlock", payload), "amount", spellings[i][1]);
    }
}

static void events_time_is_informative_only(void **context)
{
    struct stage *stage = *context;
    const cJSON *decision =
        stage_event(stage, "acme/meter-7/unlock", "{\"id\": \"1\", \"time\": \"2001-01-01T00:00:00Z\"}");
    int64_t now = wall_ms();
    assert_in_range(json_instant(decision, "time"), now - 5000, now + 1000);
}

static void events_of_a_subject_are_decided_in_order(void **context)
{
    enum { EVENTS = 200 };
    struct stage *stage = *context;
    for (int i = 0; i < EVENTS; i++) {
        char payload[64];
        int length = snprintf(payload, sizeof payload, "{\"id\": \"e-%d\", \"amount\": \"0.1\"}", i);
        struct peer_message message = {.topic = "flyball/v1/event/acme/meter-7/unlock",
                                       .payload = payload,
                                       .length = (size_t)length,
                                       .qos = 1};
        peer_send(&stage->peer, &message);
    }
    peer_flush(&stage->peer, STAGE_WAIT_MS);
    for (int i = 0; i < EVENTS; i++) {
        const cJSON *decision = stage_take_json(stage, "decision/acme/meter-7");
        char wanted[16];
        snprintf(wanted, sizeof wanted, "e-%d", i);
        expect(decision, "event", wanted);
        expect_number_between(decision, "seq", i + 1, i + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(decision_has_the_documented_form, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(decision_without_id_echoes_the_other_key, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(denied_decision_lists_all_governors_unchanged, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(chain_is_what_the_meter_says, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(reason_is_that_of_the_first_governor_with_the_strictest_verdict,
                                        open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(all_limits_hold_and_the_strictest_is_shown, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(charge_is_rounded_half_up, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(peek_answers_and_changes_nothing, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(peek_is_denied_where_the_smallest_amount_would_be, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(peek_of_a_stranger_leaves_no_trace, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(quality_of_the_answer_follows_the_events, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(amounts_come_in_many_spellings, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(events_time_is_informative_only, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(events_of_a_subject_are_decided_in_order, open_with_policies,
                                        stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
