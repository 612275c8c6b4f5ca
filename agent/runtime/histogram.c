#include "agent/runtime/histogram.h"

/* Below 2 x HISTOGRAM_PARTS each value has a bucket of its own; above, each power of two has HISTOGRAM_PARTS.
 */
enum { PART_BITS = 5 };

_Static_assert(HISTOGRAM_PARTS == 1 << PART_BITS, "parts and bits belong together");

static uint32_t shift_of(uint64_t value)
{
    if (value < 2 * HISTOGRAM_PARTS) {
        return 0;
    }
    return 63U - (uint32_t)__builtin_clzll(value) - PART_BITS;
}

static uint32_t bucket_of(uint64_t value)
{
    if (value > HISTOGRAM_VALUE_MOST) {
        value = HISTOGRAM_VALUE_MOST;
    }
    uint32_t shift = shift_of(value);
    return shift * HISTOGRAM_PARTS + (uint32_t)(value >> shift);
}

static uint32_t bucket_shift(uint32_t bucket)
{
    return bucket < 2 * HISTOGRAM_PARTS ? 0 : bucket / HISTOGRAM_PARTS - 1;
}

static uint64_t bucket_start(uint32_t bucket)
{
    uint32_t shift = bucket_shift(bucket);
    return (uint64_t)(bucket - shift * HISTOGRAM_PARTS) << shift;
}

static uint64_t bucket_width(uint32_t bucket)
{
    return (uint64_t)1 << bucket_shift(bucket);
}

void histogram_init(struct histogram *histogram)
{
    atomic_init(&histogram->count, 0);
    atomic_init(&histogram->sum, 0);
    atomic_init(&histogram->max, 0);
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        atomic_init(&histogram->buckets[i], 0);
    }
}

void histogram_record(struct histogram *histogram, uint64_t value_us)
{
    atomic_fetch_add_explicit(&histogram->buckets[bucket_of(value_us)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum, value_us, memory_order_relaxed);
    uint64_t max = atomic_load_explicit(&histogram->max, memory_order_relaxed);
    while (value_us > max &&
           !atomic_compare_exchange_weak_explicit(&histogram->max, &max, value_us, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
    /* Last, so that whoever reads the count finds at least as many in the buckets. */
    atomic_fetch_add_explicit(&histogram->count, 1, memory_order_release);
}

static uint64_t bucket_count(const struct histogram *histogram, uint32_t bucket)
{
    return atomic_load_explicit(&histogram->buckets[bucket], memory_order_relaxed);
}

/* How many values the percentile leaves at or below it, at least 1. */
static uint64_t rank_of(uint64_t count, double share)
{
    if (share >= 1.0) {
        return count;
    }
    double exact = (share > 0.0 ? share : 0.0) * (double)count;
    uint64_t rank = (uint64_t)exact;
    if ((double)rank < exact) {
        rank++;
    }
    return rank == 0 ? 1 : rank;
}

/* The middle of the bucket, halving the error; the greatest value is known exactly. */
static uint64_t bucket_value(const struct histogram *histogram, uint32_t bucket)
{
    uint64_t max = histogram_max(histogram);
    uint64_t middle = bucket_start(bucket) + bucket_width(bucket) / 2;
    return middle > max ? max : middle;
}

uint64_t histogram_percentile(const struct histogram *histogram, double share)
{
    uint64_t count = histogram_count(histogram);
    if (count == 0) {
        return 0;
    }
    uint64_t rank = rank_of(count, share);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += bucket_count(histogram, i);
        if (seen >= rank) {
            return bucket_value(histogram, i);
        }
    }
    return histogram_max(histogram);
}

uint64_t histogram_count_within(const struct histogram *histogram, uint64_t bound_us)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS && bucket_start(i) + bucket_width(i) - 1 <= bound_us; i++) {
        count += bucket_count(histogram, i);
    }
    return count;
}

uint64_t histogram_count(const struct histogram *histogram)
{
    return atomic_load_explicit(&histogram->count, memory_order_acquire);
}

uint64_t histogram_sum(const struct histogram *histogram)
{
    return atomic_load_explicit(&histogram->sum, memory_order_relaxed);
}

uint64_t histogram_max(const struct histogram *histogram)
{
    return atomic_load_explicit(&histogram->max, memory_order_relaxed);
}
