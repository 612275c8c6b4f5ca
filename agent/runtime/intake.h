/* Messages between the receive thread and their subjects' mailboxes, in order of arrival. One thread at a
 * time holds the right to route them, so that the order is kept. Not thread-safe by itself: the scheduler's
 * lock covers it. */
#ifndef FLYBALL_RUNTIME_INTAKE_H
#define FLYBALL_RUNTIME_INTAKE_H

#include <stdbool.h>

#include "agent/runtime/index_chain.h"
#include "base/status.h"

struct intake {
    struct index_chain waiting; /* At most every slot of the pool: it cannot overflow. */
    bool routing;               /* Someone holds the right. */
    bool blocked;               /* The first one waits until a hot subject becomes idle. */
};

void intake_init(struct intake *intake);

void intake_push(struct intake *intake, struct index_link *links, slot_index slot);

/* Whether there is something to route and nobody at it. */
bool intake_is_ready(const struct intake *intake);

/* The right to route, until given back. */
void intake_begin(struct intake *intake);
void intake_end(struct intake *intake);

/* The oldest; STATUS_EMPTY when none waits or the first one is blocked. */
MUST_USE enum status intake_take(struct intake *intake, struct index_link *links, slot_index *slot);

/* Puts the one taken last back to the front: it is taken again once intake_unblock was called. */
void intake_put_back(struct intake *intake, struct index_link *links, slot_index slot);
void intake_unblock(struct intake *intake);

void intake_remove(struct intake *intake, struct index_link *links, slot_index slot);

#endif
