#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/agent_fixture.h"

static const char DECISIONS[] = "flyball/v1/decision/";

static void receive(struct fixture *fixture, const char *device, int number, uint8_t qos)
{
    char topic[64];
    char payload[64];
    snprintf(topic, sizeof topic, "flyball/v1/event/acme/%s/kwh", device);
    snprintf(payload, sizeof payload, "{\"id\": \"e-%d\", \"cid\": %d}", number, number);
    struct message message = {.topic = bytes_of_string(topic),
                              .payload = bytes_of_string(payload),
                              .payload_length = strlen(payload),
                              .qos = qos};
    fixture_receive_message(fixture, &message);
}

static uint64_t shed(const struct fixture *fixture, enum metric metric)
{
    return metrics_get(&fixture->agent->metrics, metric);
}

static void oldest_qos_0_events_are_overwritten(void **context)
{
    (void)context;
    struct fixture *fixture = fixture_new(NULL);
    fixture_set(fixture, "pool.slots=8");
    fixture_set(fixture, "pool.on_full=overwrite");
    fixture_start(fixture);
    receive(fixture, "sure", 100, 1);
    for (int i = 0; i < 20; i++) {
        receive(fixture, "d", i, 0);
    }
    receive(fixture, "sure", 101, 1);
    size_t from = fixture->count;
    fixture_turn(fixture);
    assert_int_equal(shed(fixture, METRIC_SHED_OVERWRITTEN), 14);
    assert_int_equal(fixture_count(fixture, DECISIONS, from), 8);
    assert_int_equal(fixture_count(fixture, "flyball/v1/decision/acme/sure", from), 2);
    for (size_t i = from, number = 14; i < fixture->count; i++) {
        if (strcmp(fixture->published[i].topic, "flyball/v1/decision/acme/d") == 0) {
            assert_int_equal(published_number(&fixture->published[i], "cid"), number++);
            assert_int_equal(fixture->published[i].qos, 0);
        }
    }
    fixture_free(fixture);
}

static void new_qos_0_event_is_shed_when_only_sure_ones_wait(void **context)
{
    (void)context;
    struct fixture *fixture = fixture_new(NULL);
    fixture_set(fixture, "pool.slots=4");
    fixture_set(fixture, "pool.on_full=overwrite");
    fixture_start(fixture);
    for (int i = 0; i < 4; i++) {
        receive(fixture, "d", i, 1);
    }
    receive(fixture, "d", 4, 0);
    fixture_turn(fixture);
    assert_int_equal(shed(fixture, METRIC_SHED_OVERWRITTEN), 1);
    assert_int_equal(fixture_count(fixture, DECISIONS, 0), 4);
    fixture_free(fixture);
}

static void mailbox_sheds_qos_0_only(void **context)
{
    (void)context;
    struct fixture *fixture = fixture_new(NULL);
    fixture_set(fixture, "runtime.mailbox=3");
    fixture_start(fixture);
    for (int i = 0; i < 10; i++) {
        receive(fixture, "d", i, 0);
    }
    for (int i = 10; i < 20; i++) {
        receive(fixture, "d", i, 1);
    }
    fixture_turn(fixture);
    assert_int_equal(shed(fixture, METRIC_SHED_MAILBOX), 7);
    assert_int_equal(fixture_count(fixture, DECISIONS, 0), 13);
    assert_int_equal(event_pool_stats(&fixture->agent->pool).used, 0);
    fixture_free(fixture);
}

static void device_beyond_its_rate_is_shed(void **context)
{
    (void)context;
    struct fixture *fixture = fixture_new(NULL);
    fixture_set(fixture, "limits.device_rate=5");
    fixture_start(fixture);
    for (int i = 0; i < 20; i++) {
        receive(fixture, "loud", i, 1);
    }
    receive(fixture, "quiet", 1, 1);
    fixture_receive(fixture, "flyball/v1/command/acme/quota", "{\"id\": \"c\", \"op\": \"reset\"}");
    fixture_turn(fixture);
    assert_int_equal(shed(fixture, METRIC_SHED_DEVICE_RATE), 15);
    assert_int_equal(fixture_count(fixture, "flyball/v1/decision/acme/loud", 0), 5);
    assert_int_equal(fixture_count(fixture, "flyball/v1/decision/acme/quiet", 0), 1);
    assert_int_equal(fixture_count(fixture, "flyball/v1/reply/acme/quota", 0), 1);
    fixture->now += 1000;
    receive(fixture, "loud", 20, 1);
    fixture_turn(fixture);
    assert_int_equal(fixture_count(fixture, "flyball/v1/decision/acme/loud", 0), 6);
    fixture_free(fixture);
}

/* Time elapsed is the system's, as it is on the agent's own threads. */
static void turn_as_threads_do(struct fixture *fixture)
{
    struct moment moment = clock_at(&fixture->agent->clock, fixture->now);
    moment.elapsed_us = clock_monotonic_us();
    (void)!agent_turn(fixture->agent, moment);
}

static void device_found_in_the_pool_at_a_start_keeps_its_rate(void **context)
{
    (void)context;
    struct fixture *fixture = fixture_new(NULL);
    fixture_set(fixture, "limits.device_rate=5");
    assert_int_equal(fixture_try_open(fixture), STATUS_OK);
    receive(fixture, "d", 1, 1);
    fixture_kill(fixture);
    assert_int_equal(fixture_try_open(fixture), STATUS_OK);
    receive(fixture, "d", 2, 1);
    turn_as_threads_do(fixture);
    assert_int_equal(shed(fixture, METRIC_SHED_DEVICE_RATE), 0);
    assert_int_equal(state_log_last_seq(&fixture->agent->log), 2);
    fixture_free(fixture);
}

static void stopping_agent_is_never_ready_again(void **context)
{
    (void)context;
    struct fixture *fixture = fixture_new(NULL);
    fixture_start(fixture);
    fixture->announces = true;
    agent_announce_status(fixture->agent, true);
    agent_announce_status(fixture->agent, false);
    fixture_turn(fixture);
    published_has(fixture_last(fixture, "flyball/v1/agent/a1/status", 0), "\"state\":\"stopping\"");
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oldest_qos_0_events_are_overwritten),
        cmocka_unit_test(new_qos_0_event_is_shed_when_only_sure_ones_wait),
        cmocka_unit_test(mailbox_sheds_qos_0_only),
        cmocka_unit_test(device_beyond_its_rate_is_shed),
        cmocka_unit_test(device_found_in_the_pool_at_a_start_keeps_its_rate),
        cmocka_unit_test(stopping_agent_is_never_ready_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
