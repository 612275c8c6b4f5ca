#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "observe/metrics_json.h"

static struct metrics metrics;
static char buffer[8192];
static _Alignas(max_align_t) uint8_t arena_storage[1 << 20];

static const cJSON *written(const struct gauges *gauges)
{
    struct text text = text_of(buffer, sizeof buffer);
    metrics_json_put(&text, &metrics, gauges);
    assert_false(text.overflowed);
    struct arena arena;
    arena_init(&arena, arena_storage, sizeof arena_storage);
    struct json_result result = json_parse(text_bytes(&text), 8, &arena);
    assert_int_equal(result.error, JSON_OK);
    return result.root;
}

static double number(const cJSON *root, const char *group, const char *key)
{
    const cJSON *place = group == NULL ? root : json_member(root, group);
    assert_non_null(place);
    const cJSON *item = json_member(place, key);
    assert_non_null(item);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static void every_key_of_the_contract_is_a_number(void **context)
{
    (void)context;
    static const struct {
        const char *group;
        const char *keys[8];
    } groups[] = {
        {NULL,
         {"uptime_s", "events_total", "duplicates_total", "dead_letters_total", "cpu_seconds_total",
          "allocations_total", "response_topics_ignored_total"}},
        {"decisions_total", {"allow", "warn", "throttle", "deny"}},
        {"shed_total", {"overwritten", "mailbox", "device_rate"}},
        {"pool", {"slots", "used", "high_water", "overwritten_total"}},
        {"governors", {"hot", "total", "bytes_each"}},
        {"subjects", {"hot", "total"}},
        {"latency_us", {"p50", "p99", "p999", "max"}},
        {"store", {"bytes", "ratio", "commits_total", "commit_us_p99", "fsync_errors_total"}},
        {"memory", {"rss_bytes", "limit_bytes", "level", "ratio"}},
        {"mqtt", {"connected", "reconnects_total", "outbox"}},
        {"ledger", {"seq", "imbalance"}},
        {"config", {"version", "rejected_total", "shadow_disagreements_total"}},
    };
    struct gauges gauges = {0};
    metrics_init(&metrics);
    const cJSON *root = written(&gauges);
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        for (size_t j = 0; j < 8 && groups[i].keys[j] != NULL; j++) {
            number(root, groups[i].group, groups[i].keys[j]);
        }
    }
}

static void counters_land_under_their_names(void **context)
{
    (void)context;
    metrics_init(&metrics);
    metrics_add(&metrics, METRIC_DECISIONS_ALLOW, 1);
    metrics_add(&metrics, METRIC_DECISIONS_WARN, 2);
    metrics_add(&metrics, METRIC_DECISIONS_THROTTLE, 3);
    metrics_add(&metrics, METRIC_DECISIONS_DENY, 4);
    metrics_add(&metrics, METRIC_DEAD_LETTERS_BAD_TOPIC, 5);
    metrics_add(&metrics, METRIC_DEAD_LETTERS_BAD_COMMAND, 6);
    metrics_add(&metrics, METRIC_SHED_DEVICE_RATE, 7);
    struct gauges gauges = {.is_connected = true, .imbalance = -1500000};
    const cJSON *root = written(&gauges);
    assert_float_equal(number(root, "decisions_total", "allow"), 1, 0);
    assert_float_equal(number(root, "decisions_total", "warn"), 2, 0);
    assert_float_equal(number(root, "decisions_total", "throttle"), 3, 0);
    assert_float_equal(number(root, "decisions_total", "deny"), 4, 0);
    assert_float_equal(number(root, NULL, "dead_letters_total"), 11, 0);
    assert_float_equal(number(root, "shed_total", "device_rate"), 7, 0);
    assert_float_equal(number(root, "mqtt", "connected"), 1, 0);
    assert_float_equal(number(root, "ledger", "imbalance"), -1.5, 0);
}

static void ratios_have_a_value_before_anything_was_stored(void **context)
{
    (void)context;
    metrics_init(&metrics);
    struct gauges gauges = {0};
    const cJSON *root = written(&gauges);
    assert_float_equal(number(root, "store", "ratio"), 1, 0);
    assert_float_equal(number(root, "memory", "ratio"), 0, 0);
    gauges.store.raw_bytes = 3000;
    gauges.store.stored_bytes = 1000;
    assert_float_equal(number(written(&gauges), "store", "ratio"), 3, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_of_the_contract_is_a_number),
        cmocka_unit_test(counters_land_under_their_names),
        cmocka_unit_test(ratios_have_a_value_before_anything_was_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
