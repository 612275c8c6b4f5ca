/* A bump allocator over the caller's memory: taken piece by piece, given back all at once. */
#ifndef FLYBALL_BASE_ARENA_H
#define FLYBALL_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
    uint8_t *storage;
    size_t capacity;
    size_t used;
    size_t high_water; /* The most ever used, for metrics. */
    size_t refused;    /* Takes that did not fit. */
};

/* `storage` is aligned for any type and outlives the arena. */
void arena_init(struct arena *arena, void *storage, size_t capacity);

/* Aligned for any type, contents undefined; NULL when it does not fit. */
void *arena_take(struct arena *arena, size_t size);

void arena_reset(struct arena *arena);

#endif
