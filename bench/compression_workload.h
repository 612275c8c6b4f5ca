/* Records as the agent makes them: the decisions and images of varied subjects, all drawn from one seed. */
#ifndef FLYBALL_BENCH_COMPRESSION_WORKLOAD_H
#define FLYBALL_BENCH_COMPRESSION_WORKLOAD_H

#include "agent/runtime/subject_state.h"
#include "agent/state/ledger.h"
#include "agent/state/record.h"

enum {
    WORKLOAD_PLANS = 5,
    WORKLOAD_METERS = 4,
    WORKLOAD_DEDUP = 64,     /* runtime.dedup_window */
    WORKLOAD_SEQ = 250000,   /* Taken before, */
    WORKLOAD_FRAME = 100000, /* in so many frames. */
};

/* Takes what the state log would be put; sets record->ref and returns it. */
struct workload_sink {
    record_ref (*put)(void *self, struct record *record, enum seq_use use);
    void *self;
};

struct workload {
    uint64_t random;
    instant_ms now;
    uint64_t seq;
    uint32_t subject_count;
    struct subject_state *subjects; /* Some 35 KB each. */
    struct plan plans[WORKLOAD_PLANS];
    struct meter meters[WORKLOAD_METERS];
    struct policy policy;
    struct decision_entry entry;
    uint8_t body[SUBJECT_IMAGE_BYTES_MAX];
};

/* Subjects with a plan, credit and `keys` keys of earlier events each. `subjects` has room for as many. */
void workload_init(struct workload *workload, struct subject_state *subjects, uint32_t count, uint32_t keys);

/* One event of a subject drawn at random: its decision and the image after. */
void workload_event(struct workload *workload, struct workload_sink sink);

/* A subject's image alone, as compaction puts it. */
void workload_image(struct workload *workload, struct subject_state *subject, struct workload_sink sink);

#endif
