/* What the operator orders before the run: a plan and credit for every customer. Sent again until answered.
 */
#ifndef FLYBALL_DEMO_ORDERS_H
#define FLYBALL_DEMO_ORDERS_H

#include "base/arena.h"
#include "base/instant.h"
#include "demo/depot.h"
#include "demo/session.h"

enum { ORDER_COUNT = 2 * CUSTOMER_COUNT, ORDER_RESEND_MS = 2000 };

struct order {
    const struct customer *customer;
    const char *governor;
    char id[48];
    char payload[256];
    int64_t resend_ms;
    bool answered;
};

struct orders {
    struct order items[ORDER_COUNT];
};

/* `wall` is when the run starts: entitlements that end are counted from there. */
void orders_init(struct orders *orders, const struct session *session, instant_ms wall);

/* Sends what is due. */
void orders_turn(struct orders *orders, struct session *session, int64_t now_ms);

/* Reads the reply that came under `place`, "{subject}/{governor}", and prints it; replies to others are
 * ignored. */
void orders_heed(struct orders *orders, const char *place, struct bytes payload, struct arena *arena);

unsigned orders_waiting(const struct orders *orders);

#endif
