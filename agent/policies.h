/* The configuration in force, and the one tried in its shadow: read by every scheduler, swapped whole. */
#ifndef FLYBALL_AGENT_POLICIES_H
#define FLYBALL_AGENT_POLICIES_H

#include <pthread.h>

#include "config/snapshot.h"

enum {
    /* Configurations alive at once: in force, in the shadow, and those last turns still read. */
    POLICIES_MAX = 16,
};

struct policy_place {
    struct config_snapshot *snapshot; /* NULL: free. */
    uint32_t users;                   /* Views taken, plus one while it is active or shadow. */
};

struct policies {
    pthread_mutex_t lock;
    struct policy_place places[POLICIES_MAX];
    struct config_snapshot *active;
    struct config_snapshot *shadow; /* NULL: none. */
};

/* What a turn decides by; both stay valid until given back. */
struct policy_view {
    const struct config_snapshot *active;
    const struct config_snapshot *shadow;
};

/* The policies own `active` from now on, and close every snapshot nobody uses any more. */
void policies_init(struct policies *policies, struct config_snapshot *active);
void policies_close(struct policies *policies);

struct policy_view policies_take(struct policies *policies);
void policies_give(struct policies *policies, struct policy_view view);

/* Each takes ownership and replaces what was there at once; turns under way end with what they took.
 * STATUS_FULL, the snapshot still the caller's, while too many old ones are still read. NULL as a shadow ends
 * it. */
MUST_USE enum status policies_activate(struct policies *policies, struct config_snapshot *snapshot);
MUST_USE enum status policies_set_shadow(struct policies *policies, struct config_snapshot *snapshot);

#endif
