#include "observe/metrics_json.h"

enum { GOVERNORS_PER_SUBJECT = 3 };

static void put_count(struct text *text, const char *key, const struct metrics *metrics, enum metric metric)
{
    json_put_unsigned(text, key, metrics_get(metrics, metric));
}

static void put_events(struct text *text, const struct metrics *metrics)
{
    put_count(text, "events_total", metrics, METRIC_EVENTS);
    json_key(text, "decisions_total");
    json_open_object(text);
    put_count(text, "allow", metrics, METRIC_DECISIONS_ALLOW);
    put_count(text, "warn", metrics, METRIC_DECISIONS_WARN);
    put_count(text, "throttle", metrics, METRIC_DECISIONS_THROTTLE);
    put_count(text, "deny", metrics, METRIC_DECISIONS_DENY);
    json_close_object(text);
    put_count(text, "duplicates_total", metrics, METRIC_DUPLICATES);
    json_put_unsigned(text, "dead_letters_total",
                      metrics_sum(metrics, METRIC_DEAD_LETTERS_BAD_TOPIC, METRIC_DEAD_LETTERS_BAD_COMMAND));
    json_key(text, "shed_total");
    json_open_object(text);
    put_count(text, "overwritten", metrics, METRIC_SHED_OVERWRITTEN);
    put_count(text, "mailbox", metrics, METRIC_SHED_MAILBOX);
    put_count(text, "device_rate", metrics, METRIC_SHED_DEVICE_RATE);
    json_close_object(text);
}

static void put_pool(struct text *text, const struct event_pool_stats *pool)
{
    json_key(text, "pool");
    json_open_object(text);
    json_put_unsigned(text, "slots", pool->slots);
    json_put_unsigned(text, "used", pool->used);
    json_put_unsigned(text, "high_water", pool->high_water);
    json_put_unsigned(text, "overwritten_total", pool->overwritten);
    json_close_object(text);
}

static void put_subjects(struct text *text, const struct gauges *gauges)
{
    json_key(text, "governors");
    json_open_object(text);
    json_put_unsigned(text, "hot", (uint64_t)gauges->scheduler.subjects.hot * GOVERNORS_PER_SUBJECT);
    json_put_unsigned(text, "total", gauges->store.subjects * GOVERNORS_PER_SUBJECT);
    json_put_unsigned(text, "bytes_each", gauges->governor_bytes);
    json_close_object(text);
    json_key(text, "subjects");
    json_open_object(text);
    json_put_unsigned(text, "hot", gauges->scheduler.subjects.hot);
    json_put_unsigned(text, "total", gauges->store.subjects);
    json_close_object(text);
}

static void put_latency(struct text *text, const struct histogram *latency)
{
    json_key(text, "latency_us");
    json_open_object(text);
    json_put_unsigned(text, "p50", histogram_percentile(latency, 0.50));
    json_put_unsigned(text, "p99", histogram_percentile(latency, 0.99));
    json_put_unsigned(text, "p999", histogram_percentile(latency, 0.999));
    json_put_unsigned(text, "max", histogram_max(latency));
    json_close_object(text);
}

static void put_store(struct text *text, const struct metrics *metrics, const struct store_gauges *store)
{
    double ratio = store->stored_bytes == 0 ? 1.0 : (double)store->raw_bytes / (double)store->stored_bytes;
    json_key(text, "store");
    json_open_object(text);
    json_put_unsigned(text, "bytes", store->bytes);
    json_put_double(text, "ratio", ratio);
    json_put_unsigned(text, "commits_total", store->commits);
    json_put_unsigned(text, "commit_us_p99", histogram_percentile(&metrics->commit, 0.99));
    put_count(text, "fsync_errors_total", metrics, METRIC_FSYNC_ERRORS);
    json_close_object(text);
}

static void put_memory(struct text *text, const struct gauges *gauges)
{
    const struct process_usage *process = &gauges->process;
    double ratio = process->limit_bytes == 0 ? 0 : (double)process->rss_bytes / (double)process->limit_bytes;
    json_key(text, "memory");
    json_open_object(text);
    json_put_unsigned(text, "rss_bytes", process->rss_bytes);
    json_put_unsigned(text, "limit_bytes", process->limit_bytes);
    json_put_unsigned(text, "level", (uint64_t)gauges->memory_level);
    json_put_double(text, "ratio", ratio);
    json_close_object(text);
}

static void put_mqtt(struct text *text, const struct metrics *metrics, const struct gauges *gauges)
{
    json_key(text, "mqtt");
    json_open_object(text);
    json_put_unsigned(text, "connected", gauges->is_connected ? 1 : 0);
    put_count(text, "reconnects_total", metrics, METRIC_RECONNECTS);
    json_put_unsigned(text, "outbox", gauges->outbox);
    json_close_object(text);
}

static void put_ledger(struct text *text, const struct gauges *gauges)
{
    json_key(text, "ledger");
    json_open_object(text);
    json_put_unsigned(text, "seq", gauges->store.last_seq);
    json_put_double(text, "imbalance", (double)gauges->imbalance / 1e6);
    json_close_object(text);
}

static void put_config(struct text *text, const struct metrics *metrics, const struct gauges *gauges)
{
    json_key(text, "config");
    json_open_object(text);
    json_put_unsigned(text, "version", gauges->config_version);
    put_count(text, "rejected_total", metrics, METRIC_CONFIG_REJECTED);
    put_count(text, "shadow_disagreements_total", metrics, METRIC_SHADOW_DISAGREEMENTS);
    json_close_object(text);
}

void metrics_json_put(struct text *text, const struct metrics *metrics, const struct gauges *gauges)
{
    json_open_object(text);
    json_put_double(text, "uptime_s", gauges->uptime_s);
    put_events(text, metrics);
    put_pool(text, &gauges->pool);
    put_subjects(text, gauges);
    put_latency(text, &metrics->latency);
    put_store(text, metrics, &gauges->store);
    put_memory(text, gauges);
    put_mqtt(text, metrics, gauges);
    json_put_double(text, "cpu_seconds_total", gauges->process.cpu_seconds);
    json_put_unsigned(text, "allocations_total", gauges->allocations);
    put_ledger(text, gauges);
    put_config(text, metrics, gauges);
    put_count(text, "response_topics_ignored_total", metrics, METRIC_RESPONSE_TOPICS_IGNORED);
    json_close_object(text);
}
