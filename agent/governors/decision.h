/* The answer to one event, complete: what is stored in the ledger and from which the message is written. */
#ifndef FLYBALL_GOVERNORS_DECISION_H
#define FLYBALL_GOVERNORS_DECISION_H

#include "agent/governors/chain.h"

/* The values are stored: never renumber. */
enum dedup_kind { DEDUP_NONE, DEDUP_ID, DEDUP_DEVICE_SEQ };
enum clock_quality { CLOCK_SYNCED, CLOCK_HOLDOVER, CLOCK_UNSET };

const char *dedup_kind_name(enum dedup_kind kind);
const char *clock_quality_name(enum clock_quality quality);

/* An event, decoded and checked. */
struct event {
    struct name subject;
    struct name device;
    struct name meter;
    struct name id; /* Empty: none. */
    bool has_device_seq;
    uint64_t device_seq; /* 0 to 2^53. */
    struct name boot;
    micro_units amount;  /* 0 is a peek. */
    uint64_t bytes_hash; /* Of payload and meter: what "the same bytes" means. */
};

/* `id` wins; a peek is never deduplicated. */
enum dedup_kind event_dedup(const struct event *event);

struct decision {
    struct event event;
    uint64_t seq;
    instant_ms time;
    uint64_t config_version;
    enum dedup_kind dedup;
    enum clock_quality clock;
    struct chain_answer answer;
};

#endif
