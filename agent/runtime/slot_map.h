/* Which slots of a pool are taken: a bit each, found by next fit in runs of neighbours. */
#ifndef FLYBALL_RUNTIME_SLOT_MAP_H
#define FLYBALL_RUNTIME_SLOT_MAP_H

#include <stddef.h>

#include "agent/runtime/index_chain.h"

struct slot_map {
    uint64_t *taken; /* The caller's. */
    uint32_t slots;
    uint32_t cursor; /* Where the next search begins. */
    uint32_t used;
    uint32_t high_water;
};

/* Bytes of the memory a map of so many slots needs. */
size_t slot_map_bytes(uint32_t slots);

/* `memory` is zero, aligned for uint64_t and outlives the map. All slots are free. */
void slot_map_init(struct slot_map *map, void *memory, uint32_t slots);

/* The first of `run` neighbours, now taken; INDEX_NONE when no such run is free. */
slot_index slot_map_take(struct slot_map *map, uint32_t run);

/* Takes just these, which are free. */
void slot_map_mark(struct slot_map *map, slot_index slot, uint32_t run);

void slot_map_give(struct slot_map *map, slot_index slot, uint32_t run);

#endif
