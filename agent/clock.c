#include "agent/clock.h"

#include <time.h>

/* 2024-01-01T00:00:00Z: no machine that knows the time shows less. */
#define CLOCK_SET_LEAST 1704067200000LL

void clock_init(struct clock *clock, instant_ms high)
{
    atomic_init(&clock->high, high);
}

static enum clock_quality quality_of(instant_ms wall, instant_ms high)
{
    if (high - wall >= CLOCK_SLEW_MOST_MS) {
        return CLOCK_HOLDOVER;
    }
    return wall < CLOCK_SET_LEAST ? CLOCK_UNSET : CLOCK_SYNCED;
}

struct moment clock_at(struct clock *clock, instant_ms wall)
{
    instant_ms high = atomic_load(&clock->high);
    while (wall > high && !atomic_compare_exchange_weak(&clock->high, &high, wall)) {
    }
    enum clock_quality quality = quality_of(wall, high);
    instant_ms instant = wall > high ? wall : high;
    return (struct moment){.now = instant, .quality = quality, .elapsed_us = (uint64_t)instant * 1000};
}

struct moment clock_read(struct clock *clock)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct moment moment = clock_at(clock, (instant_ms)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    moment.elapsed_us = clock_monotonic_us();
    return moment;
}

uint64_t clock_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
