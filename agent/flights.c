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

static bool is_done(const struct flights *flights, uint64_t ticket)
{
    return atomic_load(&flights->done[place_of(ticket)]) == ticket;
}

void flights_settle(struct flights *flights)
{
    while (flights->first < flights->next && is_done(flights, flights->first)) {
        flights->first++;
    }
}

/* All of them: a state that was deferred flies later than younger records. */
record_ref flights_landed(struct flights *flights, record_ref walked)
{
    flights_settle(flights);
    record_ref landed = walked;
    for (uint64_t ticket = flights->first; ticket < flights->next; ticket++) {
        record_ref ref = flights->refs[place_of(ticket)];
        if (ref != RECORD_REF_NONE && ref <= landed && !is_done(flights, ticket)) {
            landed = ref - 1;
        }
    }
    return landed;
}
