#include "agent/runtime/slot_map.h"

#include <assert.h>
#include <stdbool.h>

enum { WORD_BITS = 64 };

static uint64_t bit_of(uint32_t slot)
{
    return (uint64_t)1 << (slot % WORD_BITS);
}

static bool is_taken(const struct slot_map *map, uint32_t slot)
{
    return (map->taken[slot / WORD_BITS] & bit_of(slot)) != 0;
}

size_t slot_map_bytes(uint32_t slots)
{
    return ((size_t)slots + WORD_BITS - 1) / WORD_BITS * sizeof(uint64_t);
}

void slot_map_init(struct slot_map *map, void *memory, uint32_t slots)
{
    *map = (struct slot_map){.taken = memory, .slots = slots};
}

void slot_map_mark(struct slot_map *map, slot_index slot, uint32_t run)
{
    for (uint32_t i = slot; i < slot + run; i++) {
        assert(!is_taken(map, i));
        map->taken[i / WORD_BITS] |= bit_of(i);
    }
    map->used += run;
    if (map->used > map->high_water) {
        map->high_water = map->used;
    }
}

void slot_map_give(struct slot_map *map, slot_index slot, uint32_t run)
{
    for (uint32_t i = slot; i < slot + run; i++) {
        assert(is_taken(map, i));
        map->taken[i / WORD_BITS] &= ~bit_of(i);
    }
    map->used -= run;
}

static uint32_t free_run_at(const struct slot_map *map, uint32_t slot, uint32_t wanted)
{
    uint32_t run = 0;
    while (run < wanted && slot + run < map->slots && !is_taken(map, slot + run)) {
        run++;
    }
    return run;
}

/* The first run of `wanted` free slots that begins in [from, to), or INDEX_NONE. */
static slot_index find_run(const struct slot_map *map, uint32_t from, uint32_t to, uint32_t wanted)
{
    uint32_t slot = from;
    while (slot < to && wanted <= map->slots - slot) {
        if (slot % WORD_BITS == 0 && map->taken[slot / WORD_BITS] == UINT64_MAX) {
            slot += WORD_BITS;
            continue;
        }
        uint32_t run = free_run_at(map, slot, wanted);
        if (run == wanted) {
            return slot;
        }
        slot += run + 1;
    }
    return INDEX_NONE;
}

slot_index slot_map_take(struct slot_map *map, uint32_t run)
{
    assert(run >= 1);
    if (map->used == 0) {
        map->cursor = 0; /* A quiet pool touches only its first pages. */
    }
    slot_index slot = find_run(map, map->cursor, map->slots, run);
    if (slot == INDEX_NONE) {
        slot = find_run(map, 0, map->cursor, run);
    }
    if (slot != INDEX_NONE) {
        slot_map_mark(map, slot, run);
        map->cursor = slot + run == map->slots ? 0 : slot + run;
    }
    return slot;
}
