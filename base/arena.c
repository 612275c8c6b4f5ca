#include "base/arena.h"

#include <stdalign.h>

void arena_init(struct arena *arena, void *storage, size_t capacity)
{
    *arena = (struct arena){.storage = storage, .capacity = capacity};
}

void *arena_take(struct arena *arena, size_t size)
{
    size_t align = alignof(max_align_t);
    size_t rounded = (size + align - 1) & ~(align - 1);
    if (rounded < size || rounded > arena->capacity - arena->used) {
        arena->refused++;
        return NULL;
    }
    void *taken = arena->storage + arena->used;
    arena->used += rounded;
    if (arena->used > arena->high_water) {
        arena->high_water = arena->used;
    }
    return taken;
}

void arena_reset(struct arena *arena)
{
    arena->used = 0;
}
