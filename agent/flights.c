#include "agent/flights.h"

#include <assert.h>
#include <string.h>

void flights_init(struct flights *flights)
{
    memset(flights, 0, sizeof *flights);
    flights->first = 1;
    flights->next = 1;
}

static uint64_t place_of(uint64_t ticket)
{
    return ticket % FLIGHTS_MAX;
}

bool flights_are_full(const struct flights *flights)
{
    return flights->next - flights->first == FLIGHTS_MAX;
}

bool flights_are_none(const struct flights *flights)
{
    return flights->next == flights->first;
}

uint64_t flights_add(struct flights *flights, record_ref ref)
{
    assert(!flights_are_full(flights));
    flights->refs[place_of(flights->next)] = ref;
    return flights->next++;
}

void flights_withdraw(struct flights *flights)
{
    assert(!flights_are_none(flights));
    flights->next--;
}

void flights_land(struct flights *flights, uint64_t ticket)
{
    _Atomic(uint64_t) *done = &flights->done[place_of(ticket)];
    uint64_t latest = atomic_load(done);
    /* A late acknowledgement of a forgotten ticket must not cover a newer one. */
    while (latest < ticket && !atomic_compare_exchange_weak(done, &latest, ticket)) {
    }
}

void flights_forget(struct flights *flights)
{
    flights->first = flights->next;
}

record_ref flights_landed(struct flights *flights, record_ref walked)
{
    while (flights->first < flights->next &&
           atomic_load(&flights->done[place_of(flights->first)]) == flights->first) {
        flights->first++;
    }
    if (flights_are_none(flights)) {
        return walked;
    }
    record_ref oldest = flights->refs[place_of(flights->first)];
    return oldest == RECORD_REF_NONE ? RECORD_REF_NONE : oldest - 1;
}
