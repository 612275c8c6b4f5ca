/* Everything the agent counts, as atomics that any thread adds to and any thread reads. */
#ifndef FLYBALL_RUNTIME_METRICS_H
#define FLYBALL_RUNTIME_METRICS_H

#include "agent/runtime/histogram.h"

/* Groups are in the order of the enum they follow, so that METRIC_DECISIONS_ALLOW + verdict is right. */
enum metric {
    METRIC_EVENTS,
    METRIC_DECISIONS_ALLOW, /* enum verdict */
    METRIC_DECISIONS_WARN,
    METRIC_DECISIONS_THROTTLE,
    METRIC_DECISIONS_DENY,
    METRIC_DUPLICATES,
    METRIC_DEAD_LETTERS_BAD_TOPIC, /* The contract's order of reasons. */
    METRIC_DEAD_LETTERS_TOO_LARGE,
    METRIC_DEAD_LETTERS_NOT_UTF8,
    METRIC_DEAD_LETTERS_NOT_JSON,
    METRIC_DEAD_LETTERS_TOO_DEEP,
    METRIC_DEAD_LETTERS_DUPLICATE_KEY,
    METRIC_DEAD_LETTERS_IDENTITY_MISMATCH,
    METRIC_DEAD_LETTERS_BAD_ID,
    METRIC_DEAD_LETTERS_BAD_AMOUNT,
    METRIC_DEAD_LETTERS_BAD_COMMAND,
    METRIC_SHED_OVERWRITTEN,
    METRIC_SHED_MAILBOX,
    METRIC_SHED_DEVICE_RATE,
    METRIC_COMMANDS_APPLIED,
    METRIC_COMMANDS_REJECTED,
    METRIC_COMMITS,
    METRIC_FSYNC_ERRORS,
    METRIC_CONNECTS,
    METRIC_RECONNECTS,
    METRIC_PUBLISHED,
    METRIC_CONFIG_REJECTED,
    METRIC_SHADOW_DISAGREEMENTS,
    METRIC_RESPONSE_TOPICS_IGNORED,
    METRIC_SUBJECT_FAULTS, /* Turns that failed and fell back to the last image. */
    METRIC_SUBJECTS_WOKEN, /* Images read from the state log. */
};
enum { METRICS = 31 };

struct metrics {
    _Atomic uint64_t counters[METRICS];
    struct histogram latency; /* Receipt to decision handed to MQTT. */
    struct histogram commit;  /* One commit, write and fdatasync. */
};

void metrics_init(struct metrics *metrics);

void metrics_count(struct metrics *metrics, enum metric metric);
void metrics_add(struct metrics *metrics, enum metric metric, uint64_t count);
uint64_t metrics_get(const struct metrics *metrics, enum metric metric);

/* The sum from `first` to `last`, both counting: a whole group. */
uint64_t metrics_sum(const struct metrics *metrics, enum metric first, enum metric last);

/* The contract's name of what is counted, with the label after a dot: "decisions_total.allow". */
const char *metric_name(enum metric metric);

#endif
