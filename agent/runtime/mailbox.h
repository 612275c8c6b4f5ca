/* A subject's mailbox: a chain of pool slots in order of arrival, no copy. */
#ifndef FLYBALL_RUNTIME_MAILBOX_H
#define FLYBALL_RUNTIME_MAILBOX_H

#include "agent/runtime/index_chain.h"
#include "base/status.h"

struct mailbox {
    struct index_chain slots;
};

void mailbox_init(struct mailbox *mailbox);

/* Refuses rather than overwrites: STATUS_FULL for QoS 0 when `waiting_max` are waiting; what a refusal means
 * is the caller's policy. QoS 1 and 2 always find room, for they wait in the pool anyhow. `links` has one
 * place per slot. */
MUST_USE enum status mailbox_post(struct mailbox *mailbox, struct index_link *links, slot_index slot,
                                  uint8_t qos, uint32_t waiting_max);

/* The one that has waited longest; STATUS_EMPTY if none waits. */
MUST_USE enum status mailbox_take(struct mailbox *mailbox, struct index_link *links, slot_index *slot);

/* Gives back the one taken last: it is the next one again. */
void mailbox_put_back(struct mailbox *mailbox, struct index_link *links, slot_index slot);

/* Takes a waiting slot out, wherever it stands. */
void mailbox_remove(struct mailbox *mailbox, struct index_link *links, slot_index slot);

uint32_t mailbox_waiting(const struct mailbox *mailbox);

#endif
