/* A charger: unlocks, then publishes the energy it hands out, and keeps each event until its decision comes.
 */
#ifndef FLYBALL_DEMO_CHARGER_H
#define FLYBALL_DEMO_CHARGER_H

#include "demo/answer.h"
#include "demo/depot.h"
#include "demo/session.h"

enum {
    CHARGER_EVENTS_MAX = 8, /* Kept at a time; when full, the charger waits for decisions. */
    CHARGER_RESEND_MS = 2000,
};

struct charger_event {
    char id[48]; /* Empty: the place is free. */
    const char *meter;
    char payload[160];
    int64_t first_sent_ms;
    int64_t resend_ms;
};

struct charger {
    const struct customer *customer;
    char name[16];
    struct charger_event events[CHARGER_EVENTS_MAX];
    uint64_t created;
    uint64_t resent;
    int64_t next_ms;
    bool throttled; /* Half power from now on. */
};

/* `number` counts from 0; chargers start one after the other within a period. */
void charger_init(struct charger *charger, unsigned number, const struct customer *customer, int64_t now_ms);

/* Sends what is due: kept events again and, if `may_create`, the next one. */
void charger_turn(struct charger *charger, struct session *session, int64_t now_ms, bool may_create);

/* Forgets the decided event and adapts. STATUS_NOT_FOUND when it is not waiting for that decision any more,
 * as with the second answer to an event sent twice. */
MUST_USE enum status charger_heed(struct charger *charger, const struct answer *answer, int64_t now_ms,
                                  int64_t *waited_ms);

/* Events still without a decision. */
unsigned charger_waiting(const struct charger *charger);

#endif
