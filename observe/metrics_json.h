/* The metrics message: one JSON object of numbers. */
#ifndef FLYBALL_OBSERVE_METRICS_JSON_H
#define FLYBALL_OBSERVE_METRICS_JSON_H

#include "agent/runtime/event_pool.h"
#include "agent/runtime/metrics.h"
#include "agent/runtime/scheduler.h"
#include "base/text.h"
#include "observe/process_usage.h"

/* What the state log says of itself, as plain numbers: this floor does not know the log. */
struct store_gauges {
    uint64_t bytes;
    uint64_t raw_bytes;
    uint64_t stored_bytes;
    uint64_t commits;
    uint64_t subjects;
    uint64_t last_seq;
};

enum memory_level { MEMORY_NORMAL, MEMORY_MODERATE, MEMORY_HIGH, MEMORY_CRITICAL };

/* Everything gathered at one moment. */
struct gauges {
    double uptime_s;
    struct event_pool_stats pool;
    struct scheduler_stats scheduler;
    struct store_gauges store;
    struct process_usage process;
    enum memory_level memory_level;
    bool is_connected;
    uint64_t outbox; /* Publications on the way. */
    uint64_t allocations;
    int64_t imbalance; /* Micro-units. */
    uint64_t config_version;
    uint64_t governor_bytes; /* Memory of one hot governor. */
};

/* Appends the JSON of CONTRACT section 7. */
void metrics_json_put(struct text *text, const struct metrics *metrics, const struct gauges *gauges);

#endif
