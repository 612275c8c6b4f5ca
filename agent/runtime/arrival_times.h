/* When the last so many sequences were received, in memory only: for measuring, also after their slots were
 * freed. */
#ifndef FLYBALL_RUNTIME_ARRIVAL_TIMES_H
#define FLYBALL_RUNTIME_ARRIVAL_TIMES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct arrival_time {
    _Atomic uint64_t sequence; /* 0: none, or being written. */
    _Atomic uint64_t received_us;
};

/* A ring indexed by sequence. */
struct arrival_times {
    struct arrival_time *places;
    uint64_t place_count;
};

/* `places` are zero and outlive the ring. */
void arrival_times_init(struct arrival_times *times, struct arrival_time *places, uint64_t place_count);

/* One thread writes. */
void arrival_times_note(struct arrival_times *times, uint64_t sequence, uint64_t received_us);

/* 0 when it is not known, or no longer. Any thread. */
uint64_t arrival_times_find(const struct arrival_times *times, uint64_t sequence);

#endif
