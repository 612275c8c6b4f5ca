#include "agent/runtime/metrics.h"

#include <stdlib.h>

_Static_assert(METRICS == METRIC_SUBJECTS_WOKEN + 1, "METRICS counts enum metric");

void metrics_init(struct metrics *metrics)
{
    for (int i = 0; i < METRICS; i++) {
        atomic_init(&metrics->counters[i], 0);
    }
    histogram_init(&metrics->latency);
    histogram_init(&metrics->commit);
}

void metrics_count(struct metrics *metrics, enum metric metric)
{
    metrics_add(metrics, metric, 1);
}

void metrics_add(struct metrics *metrics, enum metric metric, uint64_t count)
{
    atomic_fetch_add_explicit(&metrics->counters[metric], count, memory_order_relaxed);
}

uint64_t metrics_get(const struct metrics *metrics, enum metric metric)
{
    return atomic_load_explicit(&metrics->counters[metric], memory_order_relaxed);
}

uint64_t metrics_sum(const struct metrics *metrics, enum metric first, enum metric last)
{
    uint64_t sum = 0;
    for (uint32_t i = first; i <= (uint32_t)last; i++) {
        sum += metrics_get(metrics, (enum metric)i);
    }
    return sum;
}

const char *metric_name(enum metric metric)
{
    switch (metric) {
    case METRIC_EVENTS: return "events_total";
    case METRIC_DECISIONS_ALLOW: return "decisions_total.allow";
    case METRIC_DECISIONS_WARN: return "decisions_total.warn";
    case METRIC_DECISIONS_THROTTLE: return "decisions_total.throttle";
    case METRIC_DECISIONS_DENY: return "decisions_total.deny";
    case METRIC_DUPLICATES: return "duplicates_total";
    case METRIC_DEAD_LETTERS_BAD_TOPIC: return "dead_letters_total.bad_topic";
    case METRIC_DEAD_LETTERS_TOO_LARGE: return "dead_letters_total.too_large";
    case METRIC_DEAD_LETTERS_NOT_UTF8: return "dead_letters_total.not_utf8";
    case METRIC_DEAD_LETTERS_NOT_JSON: return "dead_letters_total.not_json";
    case METRIC_DEAD_LETTERS_TOO_DEEP: return "dead_letters_total.too_deep";
    case METRIC_DEAD_LETTERS_DUPLICATE_KEY: return "dead_letters_total.duplicate_key";
    case METRIC_DEAD_LETTERS_IDENTITY_MISMATCH: return "dead_letters_total.identity_mismatch";
    case METRIC_DEAD_LETTERS_BAD_ID: return "dead_letters_total.bad_id";
    case METRIC_DEAD_LETTERS_BAD_AMOUNT: return "dead_letters_total.bad_amount";
    case METRIC_DEAD_LETTERS_BAD_COMMAND: return "dead_letters_total.bad_command";
    case METRIC_SHED_OVERWRITTEN: return "shed_total.overwritten";
    case METRIC_SHED_MAILBOX: return "shed_total.mailbox";
    case METRIC_SHED_DEVICE_RATE: return "shed_total.device_rate";
    case METRIC_COMMANDS_APPLIED: return "commands_total.applied";
    case METRIC_COMMANDS_REJECTED: return "commands_total.rejected";
    case METRIC_COMMITS: return "store.commits_total";
    case METRIC_FSYNC_ERRORS: return "store.fsync_errors_total";
    case METRIC_CONNECTS: return "mqtt.connects_total";
    case METRIC_RECONNECTS: return "mqtt.reconnects_total";
    case METRIC_PUBLISHED: return "mqtt.published_total";
    case METRIC_CONFIG_REJECTED: return "config.rejected_total";
    case METRIC_SHADOW_DISAGREEMENTS: return "config.shadow_disagreements_total";
    case METRIC_RESPONSE_TOPICS_IGNORED: return "response_topics_ignored_total";
    case METRIC_SUBJECT_FAULTS: return "subject_faults_total";
    case METRIC_SUBJECTS_WOKEN: return "subjects.woken_total";
    }
    abort(); /* Corrupt metric. */
}
