/* Publications handed to the broker and not yet acknowledged: how far everything before is done is the outbox
 * cursor. One thread adds and looks; the broker's acknowledgements come from
 * another. */
#ifndef FLYBALL_AGENT_FLIGHTS_H
#define FLYBALL_AGENT_FLIGHTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/state/record.h"
#include "base/status.h"

enum { FLIGHTS_MAX = 256 }; /* A power of two. */

struct flights {
    record_ref refs[FLIGHTS_MAX];
    _Atomic(uint64_t) done[FLIGHTS_MAX]; /* The ticket last acknowledged in this place. */
    uint64_t first;                      /* The oldest ticket not known as acknowledged. */
    uint64_t next;                       /* The next ticket; 1 and up, never reused. */
};

void flights_init(struct flights *flights);

bool flights_are_full(const struct flights *flights);
bool flights_are_none(const struct flights *flights);

/* The ticket for a publication made from the record at `ref` (RECORD_REF_NONE: from none); there is room. */
uint64_t flights_add(struct flights *flights, record_ref ref);

/* The publication was not taken after all: the ticket added last is withdrawn. */
void flights_withdraw(struct flights *flights);

/* Any thread: the broker has acknowledged (or refused for good) that ticket. */
void flights_land(struct flights *flights, uint64_t ticket);

/* The connection is gone: forgets all; late acknowledgements of theirs do no harm. */
void flights_forget(struct flights *flights);

/* Makes room where the oldest are acknowledged. */
void flights_settle(struct flights *flights);

/* The last record of which, and before which, everything is acknowledged, when the log was walked up to
 * `walked`. */
record_ref flights_landed(struct flights *flights, record_ref walked);

#endif
