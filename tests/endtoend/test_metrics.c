/* The metrics message: all its numbers are there, and move with what happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

static const char *const names[] = {
    "uptime_s",
    "events_total",
    "decisions_total/allow",
    "decisions_total/warn",
    "decisions_total/throttle",
    "decisions_total/deny",
    "duplicates_total",
    "dead_letters_total",
    "shed_total/overwritten",
    "shed_total/mailbox",
    "shed_total/device_rate",
    "pool/slots",
    "pool/used",
    "pool/high_water",
    "pool/overwritten_total",
    "governors/hot",
    "governors/total",
    "governors/bytes_each",
    "subjects/hot",
    "subjects/total",
    "latency_us/p50",
    "latency_us/p99",
    "latency_us/p999",
    "latency_us/max",
    "store/bytes",
    "store/ratio",
    "store/commits_total",
    "store/commit_us_p99",
    "store/fsync_errors_total",
    "memory/rss_bytes",
    "memory/limit_bytes",
    "memory/level",
    "memory/ratio",
    "mqtt/connected",
    "mqtt/reconnects_total",
    "mqtt/outbox",
    "cpu_seconds_total",
    "allocations_total",
    "ledger/seq",
    "ledger/imbalance",
    "config/version",
    "config/rejected_total",
    "config/shadow_disagreements_total",
    "response_topics_ignored_total",
};

static const char policies[] =
    "{\"plans\": {\"free\": {\"quotas\": [{\"name\": \"monthly\", \"meter\": \"*\", \"limit\": \"10\","
    "                                     \"window\": \"month\"}]}}}";

static int open_started(void **context)
{
    stage_open(context);
    stage_start(*context, policies);
    return 0;
}

static void every_number_is_there(void **context)
{
    const cJSON *metrics = stage_metrics(*context);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        expect_number_between(metrics, names[i], 0, 1e18);
    }
}

static void metrics_are_retained_at_qos_0(void **context)
{
    struct stage *stage = *context;
    assert_int_equal(stage_take(stage, "agent/a1/metrics")->qos, 0);
    assert_non_null(stage_retained(stage, "agent/a1/metrics"));
}

static void counters_follow_what_happens(void **context)
{
    struct stage *stage = *context;
    static const char *const events[] = {
        "{\"id\": \"1\", \"amount\": 7}",   "{\"id\": \"1\", \"amount\": 7}",
        "{\"id\": \"2\", \"amount\": 1}",   "{\"id\": \"3\", \"amount\": 1.5}",
        "{\"id\": \"4\", \"amount\": 1}",   "{\"id\": \"5\", \"amount\": 1}",
        "{\"id\": \"1\", \"amount\": 7.0}", "{\"amount\": 0}"};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        stage_event(stage, "acme/d/tea", events[i]);
    }
    stage_event(stage, "other/d/tea", "{}");
    stage_publish(stage, "event/acme/d/tea", "oh no");
    stage_dead_letter(stage, "not_json");
    const cJSON *metrics = stage_metrics(stage);
    expect(metrics, "duplicates_total", "1");
    expect(metrics, "dead_letters_total", "1");
    expect(metrics, "decisions_total/allow", "2");
    expect(metrics, "decisions_total/warn", "1");
    expect(metrics, "decisions_total/throttle", "2"); /* The peek's is one of them. */
    expect(metrics, "decisions_total/deny", "3");
    expect(metrics, "subjects/total", "2");
    expect(metrics, "subjects/hot", "2");
    expect(metrics, "governors/total", "6");
    expect(metrics, "ledger/seq", "7");
    expect(metrics, "ledger/imbalance", "0");
    expect(metrics, "pool/slots", "1024");
    expect(metrics, "pool/used", "0");
    expect(metrics, "mqtt/connected", "1");
    expect(metrics, "mqtt/reconnects_total", "0");
    expect(metrics, "config/version", "0");
    expect_number_between(metrics, "latency_us/p50", 1, 1e6);
    expect_number_between(metrics, "store/commits_total", 1, 100);
    expect_number_between(metrics, "pool/high_water", 1, 1024);
    expect_number_between(metrics, "memory/rss_bytes", 1e5, 1e9);
    expect_number_between(metrics, "memory/limit_bytes", 1e7, 1e15);
    expect_number_between(metrics, "cpu_seconds_total", 1e-6, 100);
}

static void pass_events(struct stage *stage, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        char topic[64];
        char payload[64];
        snprintf(topic, sizeof topic, "flyball/v1/event/subject-%d/device-%d/tea", i % 50, i % 3);
        int length = snprintf(payload, sizeof payload, "{\"id\": \"e-%d\", \"amount\": 0.001}", i);
        struct peer_message message = {
            .topic = topic, .payload = payload, .length = (size_t)length, .qos = 1};
        peer_send(&stage->peer, &message);
    }
    peer_flush(&stage->peer, STAGE_WAIT_MS);
    assert_true(
        peer_await_count(&stage->peer, "flyball/v1/decision/#", (size_t)(first + count), STAGE_WAIT_MS));
}

static void nothing_is_allocated_while_events_pass(void **context)
{
    struct stage *stage = *context;
    double before = json_number(stage_metrics(stage), "allocations_total");
    pass_events(stage, 0, 500);
    stage_do(stage, "acme/billing", "{\"id\": \"c\", \"op\": \"credit\", \"amount\": 1}");
    expect_number_between(stage_metrics(stage), "allocations_total", before, before);
}

static void resident_memory_stays_while_events_pass(void **context)
{
    struct stage *stage = *context;
    pass_events(stage, 0, 1000);
    double before = json_number(stage_metrics(stage), "memory/rss_bytes");
    pass_events(stage, 1000, 2000);
    /* The dedup windows and the log's index are in place by now; a sanitizer keeps what was freed. */
    expect_number_between(stage_metrics(stage), "memory/rss_bytes", 0, before + 40e6);
}

static void devices_over_their_rate_are_shed_and_counted(void **context)
{
    struct stage *stage = *context;
    stage_prepare(stage, "{\"limits\": {\"device_rate\": 5}}");
    stage_run(stage);
    for (int i = 0; i < 30; i++) {
        stage_publish(stage, "event/acme/d/tea", "{}");
    }
    const cJSON *metrics = stage_await_metric(stage, "shed_total/device_rate", 15);
    double shed = json_number(metrics, "shed_total/device_rate");
    assert_true(peer_await_count(&stage->peer, "flyball/v1/decision/acme/d", 30 - (size_t)shed, 2000));
    expect(stage_event(stage, "acme/other/tea", "{}"), "decision", "allow");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_number_is_there, open_started, stage_close),
        cmocka_unit_test_setup_teardown(metrics_are_retained_at_qos_0, open_started, stage_close),
        cmocka_unit_test_setup_teardown(counters_follow_what_happens, open_started, stage_close),
        cmocka_unit_test_setup_teardown(nothing_is_allocated_while_events_pass, open_started, stage_close),
        cmocka_unit_test_setup_teardown(resident_memory_stays_while_events_pass, open_started, stage_close),
        cmocka_unit_test_setup_teardown(devices_over_their_rate_are_shed_and_counted, stage_open,
                                        stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
