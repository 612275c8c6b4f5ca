/* Prepaid credit as it is held, a grant, and as it was taken, a charge that knows the grants it burned. */
#ifndef FLYBALL_GOVERNORS_CHARGE_H
#define FLYBALL_GOVERNORS_CHARGE_H

#include "base/instant.h"
#include "base/micro_units.h"
#include "base/name.h"

enum {
    CREDITS_MAX = 8, /* Live grants a credit may reach; a refund may exceed it up to GRANTS_MAX. */
    GRANTS_MAX = 16,
    BURNS_MAX = GRANTS_MAX,
};

struct grant {
    struct name id;
    micro_units amount;    /* As credited. */
    micro_units remaining; /* > 0 while live. */
    int32_t priority;
    instant_ms expires_at; /* INSTANT_NEVER: none. */
    uint64_t age;          /* Order of arrival; lower is older. */
};

/* Where one charge came from; kept in the ledger with its event, so that a refund can put it back. */
struct burn {
    uint64_t age; /* The grant's; identifies it while it lives. */
    micro_units amount;
    struct name id;
    micro_units grant_amount;
    int32_t priority;
    instant_ms expires_at;
};

struct charge {
    micro_units amount; /* >= 0 */
    micro_units debt;   /* The part that became debt. */
    uint8_t burn_count;
    struct burn burns[BURNS_MAX]; /* In the order they were burned. */
};

#endif
