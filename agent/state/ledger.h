/* Ledger entries: the bodies of the state log's records that are answers to someone. docs/state-format.md
 * lays them out. Whatever an answer says is in its entry, so that it can be sent again, the same to the byte.
 */
#ifndef FLYBALL_STATE_LEDGER_H
#define FLYBALL_STATE_LEDGER_H

#include "agent/governors/decision.h"
#include "agent/runtime/message.h"
#include "base/pack.h"

enum {
    LEDGER_FORMAT_VERSION = 1,
    /* The most bytes one entry packs to. */
    LEDGER_ENTRY_BYTES_MAX = 16384,
};

/* Stored: never renumber. */
enum entry_kind { ENTRY_DECISION = 1, ENTRY_REPLY = 2, ENTRY_MESSAGE = 3 };

struct decision_entry {
    struct decision decision;
    bool duplicate; /* The decision of an earlier delivery, said again. */
    struct answer_address address;
};

struct reply_entry {
    enum governor_kind governor;
    struct name command;
    uint64_t bytes_hash; /* Of the command's payload: what "the same bytes" means. */
    struct answer_address address;
    struct bytes payload; /* The reply as sent. */
};

/* Anything else that is published as it stands: dead letters. */
struct message_entry {
    struct bytes topic;
    struct bytes payload;
};

void pack_decision_entry(struct packer *packer, const struct decision_entry *entry);
void pack_reply_entry(struct packer *packer, const struct reply_entry *entry);
void pack_message_entry(struct packer *packer, const struct message_entry *entry);

/* STATUS_CORRUPT for an empty or unknown body, STATUS_UNSUPPORTED for another format version. */
MUST_USE enum status entry_kind_of(struct bytes body, enum entry_kind *kind);

/* The entries borrow from `body`. STATUS_CORRUPT when it is not an entry of that kind. */
MUST_USE enum status unpack_decision_entry(struct bytes body, struct decision_entry *entry);
MUST_USE enum status unpack_reply_entry(struct bytes body, struct reply_entry *entry);
MUST_USE enum status unpack_message_entry(struct bytes body, struct message_entry *entry);

#endif
