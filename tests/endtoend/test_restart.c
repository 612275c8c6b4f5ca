/* The agent comes and goes, and the broker too: what was decided stays decided. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

static const char policies[] =
    "{\"plans\": {\"free\": {\"prices\": {\"coffee\": \"1\"},"
    " \"quotas\": [{\"name\": \"m\", \"meter\": \"*\", \"limit\": \"100\", \"window\": \"month\"}]}}}";

static int open_with_policies(void **context)
{
    stage_open_with_careful_broker(context);
    stage_start(*context, policies);
    return 0;
}

/* After a restart answers already given may come once more: the one to this event is wanted. */
static const cJSON *drink(struct stage *stage, const char *id)
{
    char payload[64];
    snprintf(payload, sizeof payload, "{\"id\": \"%s\", \"amount\": 2}", id);
    const cJSON *decision = stage_event(stage, "acme/machine/coffee", payload);
    while (strcmp(json_string(decision, "event"), id) != 0) {
        decision = stage_take_json(stage, "decision/acme/machine");
    }
    return decision;
}

static void spend_some(struct stage *stage)
{
    stage_do(stage, "acme/billing", "{\"id\": \"c\", \"op\": \"credit\", \"amount\": 10}");
    expect(drink(stage, "e-1"), "governors/billing/balance", "8");
}

static void expect_going_on(struct stage *stage)
{
    const cJSON *next = drink(stage, "e-2");
    expect(next, "duplicate", "false");
    expect(next, "seq", "3");
    expect(next, "governors/billing/balance", "6");
    expect(next, "governors/quota/used", "4");
    stage_publish(stage, "event/acme/machine/coffee", "{\"id\": \"e-1\", \"amount\": 2}");
    const cJSON *again = stage_take_json(stage, "decision/acme/machine");
    while (strcmp(json_string(again, "event"), "e-1") != 0 || !cJSON_IsTrue(json_at(again, "duplicate"))) {
        again = stage_take_json(stage, "decision/acme/machine");
    }
    expect(again, "seq", "2");
    expect(again, "governors/billing/balance", "8");
}

static const cJSON *await_status(struct stage *stage, const char *state)
{
    for (;;) {
        const cJSON *status = stage_take_json(stage, "agent/a1/status");
        if (strcmp(json_string(status, "state"), state) == 0) {
            return status;
        }
    }
}

static void killed_agent_goes_on_where_it_was(void **context)
{
    struct stage *stage = *context;
    spend_some(stage);
    agent_process_kill(&stage->agent);
    expect(await_status(stage, "lost"), "session", "1");
    const cJSON *ready = stage_run(stage);
    expect(ready, "session", "2");
    expect_going_on(stage);
}

static void stopped_agent_goes_on_where_it_was(void **context)
{
    struct stage *stage = *context;
    spend_some(stage);
    assert_int_equal(agent_process_terminate(&stage->agent), 0);
    expect(await_status(stage, "stopping"), "session", "1");
    assert_non_null(strstr(stage_retained(stage, "agent/a1/status"), "\"stopping\""));
    expect(stage_run(stage), "session", "2");
    expect_going_on(stage);
}

static void interrupt_stops_it_too(void **context)
{
    struct stage *stage = *context;
    assert_int_equal(kill(stage->agent.pid, SIGINT), 0);
    assert_int_equal(agent_process_await_exit(&stage->agent, 5000), 0);
    await_status(stage, "stopping");
}

static void status_has_the_documented_form(void **context)
{
    static const char *const keys[] = {"state",   "agent",      "version",       "boot_id",
                                       "session", "started_at", "config_version"};
    struct stage *stage = *context;
    const char *retained = stage_retained(stage, "agent/a1/status");
    assert_non_null(retained);
    agent_process_kill(&stage->agent);
    const cJSON *lost = await_status(stage, "lost");
    for (int i = 0; i < 7; i++) {
        assert_string_equal(cJSON_GetArrayItem(lost, i)->string, keys[i]);
    }
    assert_int_equal(cJSON_GetArraySize(lost), 7);
    expect(lost, "agent", "a1");
    json_instant(lost, "started_at");
    /* The will differs from what it had said by one word. */
    char *printed = cJSON_PrintUnformatted(lost);
    assert_string_equal(strchr(printed, ','), strchr(retained, ','));
    cJSON_free(printed);
}

static void events_sent_while_it_is_down_are_decided_later(void **context)
{
    struct stage *stage = *context;
    spend_some(stage);
    agent_process_kill(&stage->agent);
    await_status(stage, "lost");
    for (int i = 0; i < 3; i++) {
        char payload[32];
        snprintf(payload, sizeof payload, "{\"id\": \"down-%d\", \"amount\": 1}", i);
        stage_publish(stage, "event/acme/machine/coffee", payload);
    }
    stage_run(stage);
    const cJSON *last = stage_take_json(stage, "decision/acme/machine");
    while (strcmp(json_string(last, "event"), "down-2") != 0) {
        last = stage_take_json(stage, "decision/acme/machine");
    }
    expect(last, "governors/billing/balance", "5");
    expect(last, "seq", "5");
}

static void agent_may_start_before_the_broker(void **context)
{
    struct stage *stage = *context;
    stage_prepare(stage, policies);
    broker_stop(&stage->broker);
    agent_process_start(&stage->agent);
    while (agent_process_log_count(&stage->agent, "store.opened") == 0) {
    }
    broker_start(&stage->broker);
    peer_reconnect(&stage->peer);
    stage_await_ready(stage);
    spend_some(stage);
}

static void expect_answers_after_the_brokers_return(struct stage *stage)
{
    broker_start(&stage->broker);
    peer_reconnect(&stage->peer);
    expect_going_on(stage);
    stage_await_metric(stage, "mqtt/reconnects_total", 1);
    assert_non_null(strstr(stage_retained(stage, "agent/a1/status"), "\"ready\""));
}

static void restarted_broker_is_answered_again(void **context)
{
    struct stage *stage = *context;
    spend_some(stage);
    broker_stop(&stage->broker);
    expect_answers_after_the_brokers_return(stage);
}

static void broker_that_forgot_everything_is_subscribed_again(void **context)
{
    struct stage *stage = *context;
    spend_some(stage);
    broker_kill(&stage->broker);
    broker_forget(&stage->broker);
    broker_start(&stage->broker);
    peer_reconnect(&stage->peer);
    peer_subscribe(&stage->peer, "flyball/v1/decision/#", 1);
    peer_subscribe(&stage->peer, "flyball/v1/agent/#", 1);
    /* What is published before the agent has subscribed again goes nowhere: sent until answered, as devices
     * do. */
    for (int i = 0; i < 100; i++) {
        stage_publish(stage, "event/acme/machine/coffee", "{\"id\": \"e-2\", \"amount\": 2}");
        const struct peer_message *message = peer_take(&stage->peer, "flyball/v1/decision/acme/machine", 100);
        if (message != NULL && strstr(message->payload, "\"e-2\"") != NULL) {
            expect(stage_parse(stage, message), "seq", "3");
            return;
        }
    }
    stage_fail(stage, "no answer after the broker came back");
}

static void decision_made_while_the_broker_is_gone_is_not_lost(void **context)
{
    struct stage *stage = *context;
    spend_some(stage);
    /* The event has reached the agent's socket or will stay in the broker: answered in both cases. */
    stage_publish(stage, "event/acme/machine/coffee", "{\"id\": \"gone\", \"amount\": 2}");
    broker_kill(&stage->broker);
    broker_start(&stage->broker);
    peer_reconnect(&stage->peer);
    const cJSON *decision = stage_take_json(stage, "decision/acme/machine");
    while (strcmp(json_string(decision, "event"), "gone") != 0) {
        decision = stage_take_json(stage, "decision/acme/machine");
    }
    expect(decision, "governors/billing/balance", "6");
}

static void agent_stops_in_time_without_a_broker(void **context)
{
    struct stage *stage = *context;
    spend_some(stage);
    broker_freeze(&stage->broker);
    assert_int_equal(agent_process_terminate(&stage->agent), 0);
    broker_thaw(&stage->broker);
    broker_stop(&stage->broker);
    agent_process_start(&stage->agent);
    while (agent_process_log_count(&stage->agent, "store.opened") < 2) {
    }
    assert_int_equal(agent_process_terminate(&stage->agent), 0);
}

int main(void)
{
    static char protocol_3_1_1[] = "3.1.1";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_agent_goes_on_where_it_was, open_with_policies, stage_close),
        cmocka_unit_test_prestate_setup_teardown(killed_agent_goes_on_where_it_was, open_with_policies,
                                                 stage_close, protocol_3_1_1),
        cmocka_unit_test_setup_teardown(stopped_agent_goes_on_where_it_was, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(interrupt_stops_it_too, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(status_has_the_documented_form, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(events_sent_while_it_is_down_are_decided_later, open_with_policies,
                                        stage_close),
        cmocka_unit_test_prestate_setup_teardown(events_sent_while_it_is_down_are_decided_later,
                                                 open_with_policies, stage_close, protocol_3_1_1),
        cmocka_unit_test_setup_teardown(agent_may_start_before_the_broker, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(restarted_broker_is_answered_again, open_with_policies, stage_close),
        cmocka_unit_test_prestate_setup_teardown(restarted_broker_is_answered_again, open_with_policies,
                                                 stage_close, protocol_3_1_1),
        cmocka_unit_test_setup_teardown(broker_that_forgot_everything_is_subscribed_again, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(decision_made_while_the_broker_is_gone_is_not_lost,
                                        open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(agent_stops_in_time_without_a_broker, open_with_policies,
                                        stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
