#include "agent/runtime/arrival_times.h"

void arrival_times_init(struct arrival_times *times, struct arrival_time *places, uint64_t place_count)
{
    *times = (struct arrival_times){.places = places, .place_count = place_count};
}

void arrival_times_note(struct arrival_times *times, uint64_t sequence, uint64_t received_us)
{
    struct arrival_time *place = &times->places[sequence % times->place_count];
    atomic_store(&place->sequence, 0);
    atomic_store(&place->received_us, received_us);
    atomic_store(&place->sequence, sequence);
}

uint64_t arrival_times_find(const struct arrival_times *times, uint64_t sequence)
{
    const struct arrival_time *place = &times->places[sequence % times->place_count];
    uint64_t before = atomic_load(&place->sequence);
    uint64_t received_us = atomic_load(&place->received_us);
    uint64_t after = atomic_load(&place->sequence); /* Equal: the time was not replaced in between. */
    return sequence != 0 && before == sequence && after == sequence ? received_us : 0;
}
