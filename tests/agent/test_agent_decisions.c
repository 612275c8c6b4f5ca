#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/agent_fixture.h"

/* Ten a day, of a price of two. */
static const char PRICED[] =
    "{\"plans\": {\"gold\": {\"features\": [\"*\"], \"quotas\": [{\"name\": \"daily\", "
    "\"meter\": \"*\", \"algorithm\": \"fixed\", \"limit\": \"10\", \"window\": \"day\"}], "
    "\"prices\": {\"kwh\": \"2\"}}}, \"subjects\": {\"plan\": \"gold\"}}";

static const char DENYING[] = "{\"subjects\": {\"unknown\": \"deny\"}}";

static const char ONE_METER[] = "{\"meters\": {\"kwh\": {\"chain\": [\"quota\"]}}}";

static struct fixture *started(const char *config)
{
    struct fixture *fixture = fixture_new(config);
    fixture_start(fixture);
    return fixture;
}

static const char CREDIT[] = "{\"id\": \"c-1\", \"op\": \"credit\", \"amount\": \"100\"}";

static void event_is_decided_with_everything_said(void **context)
{
    (void)context;
    struct fixture *fixture = started(PRICED);
    fixture_command(fixture, "acme", "billing", CREDIT);
    const struct published *decision = fixture_ask(fixture, "{\"id\": \"e-1\", \"amount\": \"2.5\"}");
    assert_string_equal(decision->topic, "flyball/v1/decision/acme/meter-7");
    assert_int_equal(decision->qos, 1);
    assert_false(decision->retained);
    published_has(decision, "\"event\":\"e-1\"");
    published_has(decision, "\"decision\":\"allow\",\"reason\":\"ok\"");
    published_has(decision, "\"duplicate\":false,\"dedup\":\"id\"");
    published_has(decision, "\"time\":\"2026-11-13T12:00:00.000Z\"");
    published_has(decision, "\"clock\":\"synced\"");
    assert_int_equal(published_number(decision, "seq"), 2);
    assert_int_equal(published_amount(decision, "quota", "used"), 2500000);
    assert_int_equal(published_amount(decision, "billing", "charged"), 5000000);
    assert_int_equal(published_amount(decision, "billing", "balance"), 95000000);
    fixture_free(fixture);
}

static void denied_event_consumes_nothing_and_takes_a_seq(void **context)
{
    (void)context;
    struct fixture *fixture = started(PRICED);
    const struct published *decision = fixture_ask(fixture, "{\"id\": \"e-1\"}");
    published_has(decision, "\"decision\":\"deny\",\"reason\":\"insufficient_balance\"");
    assert_int_equal(published_number(decision, "seq"), 1);
    assert_int_equal(published_amount(decision, "quota", "used"), 0);
    assert_int_equal(published_amount(decision, "billing", "charged"), 0);
    decision = fixture_ask(fixture, "{\"id\": \"e-2\"}");
    assert_int_equal(published_number(decision, "seq"), 2);
    fixture_free(fixture);
}

static void quota_is_used_up_and_tells_when_to_come_back(void **context)
{
    (void)context;
    struct fixture *fixture = started(PRICED);
    fixture_command(fixture, "acme", "billing", CREDIT);
    published_has(fixture_ask(fixture, "{\"id\": \"1\", \"amount\": 8}"), "\"reason\":\"quota_warning\"");
    published_has(fixture_ask(fixture, "{\"id\": \"2\", \"amount\": 2}"), "\"reason\":\"quota_throttled\"");
    const struct published *decision = fixture_ask(fixture, "{\"id\": \"3\"}");
    published_has(decision, "\"reason\":\"quota_exceeded\"");
    assert_int_equal(published_number(decision, "retry_after_ms"), 12 * 3600 * 1000);
    fixture->now += 12 * 3600 * 1000;
    published_has(fixture_ask(fixture, "{\"id\": \"4\"}"), "\"decision\":\"allow\"");
    fixture_free(fixture);
}

/* The decision of `payload` given twice; the second must differ in nothing but `duplicate`. */
static void expect_same_answer(struct fixture *fixture, const char *payload)
{
    const struct published *answer = fixture_ask(fixture, payload);
    char expected[4096];
    char *mark = strstr(answer->payload, "\"duplicate\":false");
    assert_non_null(mark);
    snprintf(expected, sizeof expected, "%.*s\"duplicate\":true%s", (int)(mark - answer->payload),
             answer->payload, mark + strlen("\"duplicate\":false"));
    fixture_pass(fixture, 5000);
    answer = fixture_ask(fixture, payload);
    assert_string_equal(answer->payload, expected);
}

static void duplicate_gets_the_same_bytes_and_changes_nothing(void **context)
{
    (void)context;
    struct fixture *fixture = started(PRICED);
    fixture_command(fixture, "acme", "billing", CREDIT);
    expect_same_answer(fixture, "{\"id\": \"e-1\", \"amount\": \"2.5\", \"cid\": [1, {\"a\": null}]}");
    expect_same_answer(fixture, "{\"device_seq\": 17, \"boot\": \"b1\", \"amount\": \"1\"}");
    expect_same_answer(fixture, "{\"id\": \"too-much\", \"amount\": \"1000\"}");
    const struct published *decision = fixture_ask(fixture, "{\"id\": \"e-2\"}");
    assert_int_equal(published_number(decision, "seq"), 5);
    assert_int_equal(published_amount(decision, "quota", "used"), 4500000);
    assert_int_equal(published_amount(decision, "billing", "balance"), 91000000);
    fixture_free(fixture);
}

static void same_key_with_other_bytes_or_another_meter_is_reused(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    fixture_ask(fixture, "{\"id\": \"e-1\", \"amount\": 1}");
    const struct published *decision = fixture_ask(fixture, "{\"id\": \"e-1\", \"amount\": 2}");
    published_has(decision, "\"decision\":\"deny\",\"reason\":\"id_reused\"");
    published_has(decision, "\"governors\":{}");
    assert_int_equal(published_number(decision, "seq"), 2);
    decision = fixture_ask_as(fixture, "acme", "meter-7", "water", "{\"id\": \"e-1\", \"amount\": 1}");
    published_has(decision, "\"reason\":\"id_reused\"");
    published_has(fixture_last(fixture, "flyball/v1/agent/a1/alert/id_reused", 0), "\"alert\":\"id_reused\"");
    /* The window remembers the first use. */
    published_has(fixture_ask(fixture, "{\"id\": \"e-1\", \"amount\": 1}"), "\"duplicate\":true");
    decision = fixture_ask(fixture, "{\"id\": \"e-2\", \"amount\": 1}");
    assert_int_equal(published_amount(decision, "quota", "used"), 2000000);
    fixture_pass(fixture, 61000);
    assert_string_equal(fixture_last(fixture, "flyball/v1/agent/a1/alert/id_reused", 0)->payload, "");
    fixture_free(fixture);
}

static void same_id_of_another_device_is_another_key(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    fixture_ask(fixture, "{\"id\": \"e-1\"}");
    const struct published *decision = fixture_ask_as(fixture, "acme", "meter-8", "kwh", "{\"id\": \"e-1\"}");
    published_has(decision, "\"duplicate\":false");
    assert_int_equal(published_amount(decision, "quota", "used"), 2000000);
    fixture_free(fixture);
}

static void device_seq_is_a_key_within_its_boot(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    const struct published *decision = fixture_ask(fixture, "{\"device_seq\": 1, \"boot\": \"b1\"}");
    published_has(decision, "\"event\":null");
    published_has(decision, "\"device_seq\":1");
    published_has(decision, "\"boot\":\"b1\"");
    published_has(decision, "\"dedup\":\"device_seq\"");
    published_has(fixture_ask(fixture, "{\"device_seq\": 1, \"boot\": \"b1\"}"), "\"duplicate\":true");
    published_has(fixture_ask(fixture, "{\"device_seq\": 1, \"boot\": \"b2\"}"), "\"duplicate\":false");
    published_has(fixture_ask(fixture, "{\"device_seq\": 1}"), "\"duplicate\":false");
    published_has(fixture_ask(fixture, "{\"device_seq\": 1, \"amount\": 3}"), "\"reason\":\"id_reused\"");
    fixture_free(fixture);
}

static void event_without_a_key_is_applied_each_time(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    fixture_ask(fixture, "{}");
    const struct published *decision = fixture_ask(fixture, "{}");
    published_has(decision, "\"dedup\":\"none\"");
    published_has(decision, "\"duplicate\":false");
    assert_int_equal(published_amount(decision, "quota", "used"), 2000000);
    fixture_free(fixture);
}

static void peek_changes_nothing_at_all(void **context)
{
    (void)context;
    struct fixture *fixture = started(PRICED);
    fixture_command(fixture, "acme", "billing", CREDIT);
    fixture_ask(fixture, "{\"id\": \"e-1\", \"amount\": 9}");
    fixture_pass(fixture, 3000);
    size_t from = fixture->count;
    for (int i = 0; i < 2; i++) {
        const struct published *decision = fixture_ask(fixture, "{\"id\": \"p-1\", \"amount\": 0}");
        published_has(decision, "\"decision\":\"throttle\",\"reason\":\"quota_throttled\"");
        published_has(decision, "\"duplicate\":false,\"dedup\":\"none\"");
        published_has(decision, "\"amount\":\"0\"");
        assert_int_equal(published_number(decision, "seq"), 2);
        assert_int_equal(published_amount(decision, "quota", "used"), 9000000);
        assert_int_equal(published_amount(decision, "billing", "charged"), 0);
    }
    fixture_pass(fixture, 3000);
    assert_int_equal(fixture_count(fixture, "flyball/v1/state/", from), 0);
    /* A peek's id is free for an event. */
    published_has(fixture_ask(fixture, "{\"id\": \"p-1\", \"amount\": 1}"), "\"duplicate\":false");
    fixture_free(fixture);
}

static void peek_of_a_stranger_leaves_no_trace(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    const struct published *decision = fixture_ask(fixture, "{\"amount\": 0}");
    published_has(decision, "\"decision\":\"allow\"");
    published_has(decision, "\"state\":\"active\",\"plan\":\"free\"");
    assert_int_equal(published_number(decision, "seq"), 0);
    fixture_pass(fixture, 3000);
    assert_int_equal(fixture_count(fixture, "flyball/v1/state/", 0), 0);
    struct state_log_stats stats;
    state_log_stats(&fixture->agent->log, &stats);
    assert_int_equal(stats.subjects, 0);
    fixture_free(fixture);
}

static void stranger_is_denied_until_a_command_creates_it(void **context)
{
    (void)context;
    struct fixture *fixture = started(DENYING);
    const struct published *decision = fixture_ask(fixture, "{\"id\": \"e-1\"}");
    published_has(decision, "\"decision\":\"deny\",\"reason\":\"unknown_subject\"");
    published_has(decision, "\"governors\":{}");
    published_has(fixture_ask(fixture, "{\"amount\": 0}"), "\"reason\":\"unknown_subject\"");
    published_has(fixture_ask(fixture, "{\"id\": \"e-1\"}"), "\"duplicate\":true");
    assert_int_equal(fixture_count(fixture, "flyball/v1/state/", 0), 0);
    fixture_command(fixture, "acme", "entitlement", "{\"id\": \"g\", \"op\": \"grant\", \"plan\": \"free\"}");
    published_has(fixture_ask(fixture, "{\"id\": \"e-2\"}"), "\"decision\":\"allow\"");
    fixture_restart(fixture);
    published_has(fixture_ask(fixture, "{\"id\": \"e-3\"}"), "\"decision\":\"allow\"");
    fixture_free(fixture);
}

static void stranger_is_granted_the_default_plan_on_its_first_event(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    published_has(fixture_ask(fixture, "{\"id\": \"e-1\"}"), "\"state\":\"active\",\"plan\":\"free\"");
    published_has(fixture_state(fixture, "acme", "entitlement"), "\"state\":\"active\"");
    fixture_free(fixture);
}

static void unknown_meter_is_denied(void **context)
{
    (void)context;
    struct fixture *fixture = started(ONE_METER);
    const struct published *decision = fixture_ask_as(fixture, "acme", "meter-7", "gas", "{\"id\": \"e\"}");
    published_has(decision, "\"decision\":\"deny\",\"reason\":\"unknown_meter\"");
    published_has(decision, "\"governors\":{}");
    assert_int_equal(published_number(decision, "seq"), 1);
    published_has(fixture_ask(fixture, "{\"id\": \"f\"}"), "\"decision\":\"allow\"");
    fixture_free(fixture);
}

static void window_remembers_the_last_keys_only(void **context)
{
    (void)context;
    struct fixture *fixture = fixture_new(NULL);
    fixture_set(fixture, "runtime.dedup_window=16");
    fixture_start(fixture);
    char payload[64];
    for (int i = 0; i < 17; i++) {
        snprintf(payload, sizeof payload, "{\"id\": \"e-%d\"}", i);
        fixture_ask(fixture, payload);
    }
    published_has(fixture_ask(fixture, "{\"id\": \"e-1\"}"), "\"duplicate\":true");
    published_has(fixture_ask(fixture, "{\"id\": \"e-0\"}"), "\"duplicate\":false");
    fixture_free(fixture);
}

static void answer_goes_where_it_was_asked_to(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    struct message message = {.topic = bytes_of_string("flyball/v1/event/acme/meter-7/kwh"),
                              .payload = bytes_of_string("{\"id\": \"e-1\"}"),
                              .payload_length = 13,
                              .response_topic = bytes_of_string("flyball/v1/decision/elsewhere"),
                              .has_correlation = true,
                              .correlation = bytes_of_string("c42")};
    fixture_receive_message(fixture, &message);
    fixture_turn(fixture);
    const struct published *decision = fixture_last(fixture, "flyball/v1/decision/", 0);
    assert_string_equal(decision->topic, "flyball/v1/decision/elsewhere");
    assert_string_equal(decision->correlation, "c42");
    assert_int_equal(decision->qos, 0);

    message.response_topic = bytes_of_string("flyball/v1/event/acme/meter-7/kwh");
    fixture_receive_message(fixture, &message);
    fixture_turn(fixture);
    decision = fixture_last(fixture, "flyball/v1/decision/", 0);
    assert_string_equal(decision->topic, "flyball/v1/decision/acme/meter-7");
    assert_int_equal(metrics_get(&fixture->agent->metrics, METRIC_RESPONSE_TOPICS_IGNORED), 1);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_is_decided_with_everything_said),
        cmocka_unit_test(denied_event_consumes_nothing_and_takes_a_seq),
        cmocka_unit_test(quota_is_used_up_and_tells_when_to_come_back),
        cmocka_unit_test(duplicate_gets_the_same_bytes_and_changes_nothing),
        cmocka_unit_test(same_key_with_other_bytes_or_another_meter_is_reused),
        cmocka_unit_test(same_id_of_another_device_is_another_key),
        cmocka_unit_test(device_seq_is_a_key_within_its_boot),
        cmocka_unit_test(event_without_a_key_is_applied_each_time),
        cmocka_unit_test(peek_changes_nothing_at_all),
        cmocka_unit_test(peek_of_a_stranger_leaves_no_trace),
        cmocka_unit_test(stranger_is_denied_until_a_command_creates_it),
        cmocka_unit_test(stranger_is_granted_the_default_plan_on_its_first_event),
        cmocka_unit_test(unknown_meter_is_denied),
        cmocka_unit_test(window_remembers_the_last_keys_only),
        cmocka_unit_test(answer_goes_where_it_was_asked_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
