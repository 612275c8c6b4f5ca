#include "agent/state/subject_index.h"

#include <assert.h>
#include <string.h>

enum { SPARE_PLACES = 256 };

static uint32_t places_for(uint32_t subjects_max)
{
    uint64_t needed = ((uint64_t)subjects_max + SPARE_PLACES) * 4 / 3;
    uint64_t places = 2 * SUBJECT_BLOCK_PLACES;
    while (places < needed) {
        places *= 2;
    }
    return (uint32_t)places;
}

static uint32_t block_count(const struct subject_index *index)
{
    return index->place_count / SUBJECT_BLOCK_PLACES;
}

size_t subject_index_memory_bytes(uint32_t subjects_max)
{
    size_t places = places_for(subjects_max);
    return places * sizeof(struct subject_place) + places / SUBJECT_BLOCK_PLACES * sizeof(instant_ms);
}

static void forget_edges(struct subject_index *index)
{
    for (uint32_t i = 0; i < block_count(index); i++) {
        index->earliest[i] = INSTANT_NEVER;
    }
}

void subject_index_init(struct subject_index *index, void *memory, uint32_t subjects_max)
{
    *index = (struct subject_index){.places = memory, .place_count = places_for(subjects_max)};
    index->earliest = (instant_ms *)(void *)(index->places + index->place_count);
    forget_edges(index);
}

void subject_index_clear(struct subject_index *index)
{
    if (index->count > 0) {
        memset(index->places, 0, index->place_count * sizeof *index->places);
        index->count = 0;
        forget_edges(index);
    }
}

struct subject_probe subject_probe_of(const struct subject_index *index, uint64_t hash)
{
    return (struct subject_probe){.hash = hash, .place = (uint32_t)hash & (index->place_count - 1)};
}

static void probe_step(const struct subject_index *index, struct subject_probe *probe)
{
    probe->place = (probe->place + 1) & (index->place_count - 1);
    probe->seen++;
}

int64_t subject_index_next(const struct subject_index *index, struct subject_probe *probe)
{
    while (probe->seen < index->place_count && index->places[probe->place].ref != RECORD_REF_NONE) {
        uint32_t place = probe->place;
        probe_step(index, probe);
        if (index->places[place].hash == probe->hash) {
            return place;
        }
    }
    return SUBJECT_PLACE_NONE;
}

static void note_edge(struct subject_index *index, uint32_t place, instant_ms edge)
{
    instant_ms *earliest = &index->earliest[place / SUBJECT_BLOCK_PLACES];
    if (edge < *earliest) {
        *earliest = edge;
    }
}

enum status subject_index_add(struct subject_index *index, uint64_t hash, record_ref ref, instant_ms edge)
{
    assert(ref != RECORD_REF_NONE);
    /* One place stays free, so that probing ends. */
    if (index->count + 1 >= index->place_count) {
        return STATUS_FULL;
    }
    struct subject_probe probe = subject_probe_of(index, hash);
    while (index->places[probe.place].ref != RECORD_REF_NONE) {
        probe_step(index, &probe);
    }
    index->places[probe.place] = (struct subject_place){.hash = hash, .ref = ref, .edge = edge};
    index->count++;
    note_edge(index, probe.place, edge);
    return STATUS_OK;
}

void subject_index_set(struct subject_index *index, int64_t place, record_ref ref, instant_ms edge)
{
    assert(place >= 0 && place < index->place_count);
    index->places[place].ref = ref;
    index->places[place].edge = edge;
    note_edge(index, (uint32_t)place, edge);
}

/* The block's earliest edge may be of an image replaced since: looking puts it right. */
static size_t take_due_in_block(struct subject_index *index, uint32_t block, instant_ms now, record_ref *out,
                                size_t most)
{
    struct subject_place *places = index->places + (size_t)block * SUBJECT_BLOCK_PLACES;
    instant_ms earliest = INSTANT_NEVER;
    size_t taken = 0;
    for (uint32_t i = 0; i < SUBJECT_BLOCK_PLACES; i++) {
        if (places[i].ref == RECORD_REF_NONE || places[i].edge >= SUBJECT_EDGE_TAKEN) {
            continue;
        }
        if (places[i].edge <= now && taken < most) {
            places[i].edge = SUBJECT_EDGE_TAKEN;
            out[taken++] = places[i].ref;
        } else if (places[i].edge < earliest) {
            earliest = places[i].edge;
        }
    }
    index->earliest[block] = earliest;
    return taken;
}

size_t subject_index_take_due(struct subject_index *index, instant_ms now, record_ref *out, size_t most)
{
    size_t taken = 0;
    for (uint32_t block = 0; block < block_count(index) && taken < most; block++) {
        if (index->earliest[block] <= now) {
            taken += take_due_in_block(index, block, now, out + taken, most - taken);
        }
    }
    return taken;
}
