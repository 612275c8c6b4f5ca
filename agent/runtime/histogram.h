/* A histogram of microseconds in fixed memory: each power of two is cut into equal parts, as HdrHistogram
 * does (Gil Tene, 2012), so that every value is told within 3 %. Recorded and read by any thread at once. */
#ifndef FLYBALL_RUNTIME_HISTOGRAM_H
#define FLYBALL_RUNTIME_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum {
    HISTOGRAM_PARTS = 32,             /* Of each power of two. */
    HISTOGRAM_VALUE_MOST = 100000000, /* 100 s; what is longer counts as that, but for max and sum. */
    HISTOGRAM_BUCKETS = 736,
};

struct histogram {
    _Atomic uint64_t count;
    _Atomic uint64_t sum;
    _Atomic uint64_t max;
    _Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_init(struct histogram *histogram);

void histogram_record(struct histogram *histogram, uint64_t value_us);

/* The value below or at which `share` (0 to 1) of all lie, within 3 %; 0 when nothing was recorded. */
uint64_t histogram_percentile(const struct histogram *histogram, double share);

/* How many are at most `bound_us`, counting whole buckets: what a cumulative bucket of Prometheus wants. */
uint64_t histogram_count_within(const struct histogram *histogram, uint64_t bound_us);

uint64_t histogram_count(const struct histogram *histogram);
uint64_t histogram_sum(const struct histogram *histogram);
uint64_t histogram_max(const struct histogram *histogram);

#endif
