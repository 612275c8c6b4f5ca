/* More than the agent has room for: QoS 1 and 2 wait, QoS 0 is shed and counted, and nothing is decided
 * twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

static const char small[] = "{\"pool\": {\"slots\": 16}, \"runtime\": {\"mailbox\": 2},"
                            " \"plans\": {\"free\": {\"quotas\": [{\"name\": \"m\", \"meter\": \"*\","
                            "   \"limit\": \"1000000\", \"window\": \"month\"}]}}}";

static void send_many(struct stage *stage, int count, int subjects, int qos)
{
    for (int i = 0; i < count; i++) {
        char topic[64];
        char payload[64];
        snprintf(topic, sizeof topic, "flyball/v1/event/s%d/d/tea", i % subjects);
        int length = snprintf(payload, sizeof payload, "{\"id\": \"q%d-%d\"}", qos, i);
        struct peer_message message = {
            .topic = topic, .payload = payload, .length = (size_t)length, .qos = qos};
        peer_send(&stage->peer, &message);
    }
    peer_flush(&stage->peer, STAGE_WAIT_MS);
}

static void acknowledged_events_wait_for_room(void **context)
{
    struct stage *stage = *context;
    stage_start(stage, small);
    send_many(stage, 1000, 5, 1);
    assert_true(peer_await_count(&stage->peer, "flyball/v1/decision/#", 1000, STAGE_WAIT_MS));
    send_many(stage, 500, 5, 2);
    assert_true(peer_await_count(&stage->peer, "flyball/v1/decision/#", 1500, STAGE_WAIT_MS));
    const cJSON *metrics = stage_metrics(stage);
    expect(metrics, "ledger/seq", "1500");
    expect(metrics, "duplicates_total", "0");
    expect(metrics, "shed_total", "{\"overwritten\":0,\"mailbox\":0,\"device_rate\":0}");
    expect_number_between(metrics, "pool/high_water", 1, 16);
    expect(metrics, "pool/used", "0");
    expect(stage_event(stage, "s0/other/tea", "{\"amount\": 0}"), "governors/quota/used", "300");
}

/* Whatever was not answered is counted as shed. */
static void expect_answered_or_shed(struct stage *stage, double sent)
{
    int64_t deadline_ms = wall_ms() + STAGE_WAIT_MS;
    double decided = 0;
    double shed = 0;
    while (decided + shed < sent && wall_ms() < deadline_ms) {
        const cJSON *metrics = stage_metrics(stage);
        decided = json_number(metrics, "decisions_total/allow");
        shed = json_number(metrics, "shed_total/mailbox") + json_number(metrics, "shed_total/overwritten");
    }
    print_message("%g sent, %g decided, %g shed\n", sent, decided, shed);
    assert_true(decided + shed == sent);
    assert_true(decided > 0);
    assert_true(peer_await_count(&stage->peer, "flyball/v1/decision/#", (size_t)decided, STAGE_WAIT_MS));
    assert_int_equal(peer_count(&stage->peer, "flyball/v1/decision/#"), (size_t)decided);
}

static void unacknowledged_events_are_answered_or_shed(void **context)
{
    struct stage *stage = *context;
    stage_start(stage, small);
    send_many(stage, 2000, 2, 0);
    expect_answered_or_shed(stage, 2000);
}

static void full_pool_overwrites_only_when_asked_to(void **context)
{
    struct stage *stage = *context;
    stage_prepare(stage, small);
    agent_process_configure(&stage->agent, "{\"pool\": {\"on_full\": \"overwrite\"}}");
    stage_run(stage);
    send_many(stage, 2000, 40, 0);
    expect_answered_or_shed(stage, 2000);
    size_t before = peer_count(&stage->peer, "flyball/v1/decision/#");
    send_many(stage, 200, 40, 1);
    assert_true(peer_await_count(&stage->peer, "flyball/v1/decision/#", before + 200, STAGE_WAIT_MS));
}

static void broken_store_folder_does_not_answer(void **context)
{
    struct stage *stage = *context;
    stage_prepare(stage, small);
    agent_process_configure(&stage->agent, "{\"store\": {\"dir\": \"/proc/flyball\"}}");
    agent_process_start(&stage->agent);
    assert_int_equal(agent_process_await_exit(&stage->agent, 5000), 3);
    assert_int_equal(peer_count(&stage->peer, "flyball/v1/agent/a1/status"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(acknowledged_events_wait_for_room, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(unacknowledged_events_are_answered_or_shed, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(full_pool_overwrites_only_when_asked_to, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(broken_store_folder_does_not_answer, stage_open, stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
