/* limits.device_rate: at most so many events a second from one device, with a burst of the same, by GCRA
 * (ITU-T I.371). A fixed table; one thread at a time. */
#ifndef FLYBALL_RUNTIME_DEVICE_RATE_H
#define FLYBALL_RUNTIME_DEVICE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/name.h"

enum {
    DEVICE_RATE_PLACES = 4096, /* A power of two. */
    DEVICE_RATE_PROBES = 16,   /* Places tried for a device before another must go. */
};

struct device_place {
    uint64_t device;     /* Hash of subject and device; 0: free. */
    uint64_t arrival_ns; /* GCRA's theoretical arrival time; past: as good as free. */
};

/* 64 KB. */
struct device_rate {
    struct hash_key key;
    uint64_t evicted; /* Devices forgotten while they still mattered. */
    struct device_place places[DEVICE_RATE_PLACES];
};

/* `key` is secret, so that no device can pick another's place. */
void device_rate_init(struct device_rate *rate, struct hash_key key);

/* Whether the device may send one more at `now_us` (monotonic) under `per_second` (0: always). What is
 * refused does not count. When the table is full the device closest to its full burst is forgotten: never too
 * strict. */
bool device_rate_allows(struct device_rate *rate, const struct name *subject, const struct name *device,
                        uint32_t per_second, uint64_t now_us);

#endif
