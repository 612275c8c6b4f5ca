/* The agent on its threads, without a broker: everything arrives, and it stops whatever state it is in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/threads.h"
#include "tests/agent/agent_fixture.h"

enum { EVENTS = 3000, SUBJECTS = 12, TEND_MS = 5, PATIENCE_MS = 10000 };

static const char DECISIONS[] = "flyball/v1/decision/";

static struct threads threads;

static void sleep_ms(int milliseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000L}, NULL);
}

/* Opens by hand, then lets the threads loose. */
static struct fixture *started(const char *const *sets, size_t set_count)
{
    struct fixture *fixture = fixture_new(NULL);
    fixture_set(fixture, "runtime.schedulers=3");
    for (size_t i = 0; i < set_count; i++) {
        fixture_set(fixture, sets[i]);
    }
    enum status status = fixture_try_open(fixture);
    if (status != STATUS_OK) {
        fail_msg("%s", fixture->message);
    }
    assert_int_equal(threads_start(&threads, fixture->agent), STATUS_OK);
    return fixture;
}

static void connect_broker(struct fixture *fixture)
{
    fixture->is_connected = true; /* Read by the publisher only after the call below. */
    atomic_store(&fixture->agent->is_connected, true);
    publisher_connected(&fixture->agent->publisher, PAHO_SESSION_NEW);
}

static void tend(struct fixture *fixture)
{
    assert_int_equal(agent_tend(fixture->agent, clock_read(&fixture->agent->clock)), STATUS_OK);
    assert_int_equal(atomic_load(&fixture->agent->failure), STATUS_OK);
}

static void stop(struct fixture *fixture, int patience_ms)
{
    threads_drain(&threads, patience_ms);
    state_log_mark(&fixture->agent->log);
    threads_stop(&threads);
    assert_int_equal(atomic_load(&fixture->agent->failure), STATUS_OK);
}

static void receive_number(struct fixture *fixture, int number)
{
    char topic[64];
    char payload[64];
    snprintf(topic, sizeof topic, "flyball/v1/event/s-%d/d/kwh", number % SUBJECTS);
    snprintf(payload, sizeof payload, "{\"id\": \"e-%d\", \"cid\": %d}", number, number);
    fixture_receive(fixture, topic, payload);
}

/* The receive thread. */
static void *receive_all(void *context)
{
    struct fixture *fixture = context;
    for (int i = 0; i < EVENTS; i++) {
        receive_number(fixture, i);
    }
    return NULL;
}

static void expect_each_decision_once(const struct fixture *fixture)
{
    static uint8_t seen[EVENTS];
    int last[SUBJECTS];
    memset(seen, 0, sizeof seen);
    memset(last, -1, sizeof last);
    for (size_t i = 0; i < fixture->count; i++) {
        const struct published *published = &fixture->published[i];
        if (strncmp(published->topic, DECISIONS, strlen(DECISIONS)) == 0) {
            int number = (int)published_number(published, "cid");
            assert_in_range(number, 0, EVENTS - 1);
            assert_int_equal(seen[number]++, 0);
            assert_true(last[number % SUBJECTS] < number); /* In order, subject by subject. */
            last[number % SUBJECTS] = number;
        }
    }
    for (int i = 0; i < EVENTS; i++) {
        assert_int_equal(seen[i], 1);
    }
}

static void run_all_events(struct fixture *fixture)
{
    pthread_t receiver;
    assert_int_equal(pthread_create(&receiver, NULL, receive_all, fixture), 0);
    for (int waited = 0; metrics_get(&fixture->agent->metrics, METRIC_EVENTS) < EVENTS ||
                         event_pool_stats(&fixture->agent->pool).used > 0;
         waited += TEND_MS) {
        assert_true(waited < PATIENCE_MS);
        tend(fixture);
        sleep_ms(TEND_MS);
    }
    pthread_join(receiver, NULL);
}

static void every_event_is_decided_once_and_in_order(void **context)
{
    (void)context;
    static const char *const sets[] = {"runtime.subjects_hot=6", "pool.slots=64",
                                       "store.segment_bytes=131072", "store.max_bytes=2097152"};
    struct fixture *fixture = started(sets, sizeof sets / sizeof sets[0]);
    connect_broker(fixture);
    run_all_events(fixture);
    stop(fixture, PATIENCE_MS);
    expect_each_decision_once(fixture);
    assert_int_equal(state_log_last_seq(&fixture->agent->log), EVENTS);
    fixture_verify(fixture);
    fixture_free(fixture);
}

static void agent_that_never_reached_its_broker_stops_at_once(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL, 0);
    for (int i = 0; i < 100; i++) {
        receive_number(fixture, i);
    }
    stop(fixture, 0);
    fixture_kill(fixture);
    /* Nothing was lost by it. */
    fixture_start(fixture);
    assert_int_equal(state_log_last_seq(&fixture->agent->log), 100);
    assert_int_equal(fixture_count(fixture, DECISIONS, 0), 100);
    fixture_free(fixture);
}

/* The outbox of a broker that is away fills the store, the store the pool, and the receiver waits. */
static void agent_whose_store_is_full_stops_at_once(void **context)
{
    (void)context;
    static const char *const sets[] = {"runtime.subjects_hot=4", "pool.slots=16",
                                       "store.segment_bytes=131072", "store.max_bytes=524288"};
    struct fixture *fixture = started(sets, sizeof sets / sizeof sets[0]);
    pthread_t receiver;
    assert_int_equal(pthread_create(&receiver, NULL, receive_all, fixture), 0);
    while (event_pool_stats(&fixture->agent->pool).waits == 0 ||
           !alerts_is_active(&fixture->agent->alerts, ALERT_STORE_FULL)) {
        tend(fixture);
        sleep_ms(TEND_MS);
    }
    instant_ms began = (instant_ms)(clock_monotonic_us() / 1000);
    stop(fixture, 0);
    assert_true((instant_ms)(clock_monotonic_us() / 1000) - began < 3000);
    pthread_join(receiver, NULL);
    fixture_verify(fixture);
    uint64_t decided = state_log_last_seq(&fixture->agent->log);
    uint32_t waiting = event_pool_stats(&fixture->agent->pool).used;
    fixture_kill(fixture);
    fixture_set(fixture, "store.max_bytes=8388608");
    fixture_start(fixture);
    assert_int_equal(state_log_last_seq(&fixture->agent->log), decided + waiting);
    fixture_verify(fixture);
    fixture_free(fixture);
}

static void full_store_goes_on_when_the_broker_comes_back(void **context)
{
    (void)context;
    static const char *const sets[] = {"runtime.subjects_hot=4", "pool.slots=4096",
                                       "store.segment_bytes=131072", "store.max_bytes=524288"};
    struct fixture *fixture = started(sets, sizeof sets / sizeof sets[0]);
    receive_all(fixture);
    while (!alerts_is_active(&fixture->agent->alerts, ALERT_STORE_FULL)) {
        tend(fixture);
        sleep_ms(TEND_MS);
    }
    connect_broker(fixture);
    for (int waited = 0; event_pool_stats(&fixture->agent->pool).used > 0; waited += TEND_MS) {
        assert_true(waited < PATIENCE_MS);
        tend(fixture);
        sleep_ms(TEND_MS);
    }
    stop(fixture, PATIENCE_MS);
    expect_each_decision_once(fixture);
    fixture_verify(fixture);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_is_decided_once_and_in_order),
        cmocka_unit_test(agent_that_never_reached_its_broker_stops_at_once),
        cmocka_unit_test(agent_whose_store_is_full_stops_at_once),
        cmocka_unit_test(full_store_goes_on_when_the_broker_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
