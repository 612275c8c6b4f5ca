/* Ledger entries: the bodies of the state log's records that are answers to someone. docs/state-format.md
 * lays them out. Whatever an answer says is in its entry, so that it can be sent again, the same to the byte.
 */
#ifndef FLYBALL_STATE_LEDGER_H
#define FLYBALL_STATE_LEDGER_H

#include "agent/governors/command.h"
#include "agent/governors/decision.h"
#include "agent/runtime/message.h"
#include "base/pack.h"

enum {
    LEDGER_FORMAT_VERSION = 2,
    /* The most bytes one entry packs to. */
    LEDGER_ENTRY_BYTES_MAX = 16384,
};

/* Stored: never renumber. */
enum entry_kind { ENTRY_DECISION = 1, ENTRY_REPLY = 2, ENTRY_MESSAGE = 3 };

/* What the governors of a chain were when its event came: as of the decision's time, before anything was
 * granted, taken or charged. Only what belongs to a governor the decision reports is kept. */
struct governors_before {
    bool is_told; /* false for peeks and refused events: nothing changed. The rest is zero. */
    struct entitlement_report entitlement;
    enum quota_phase quota_phase; /* Of the limit that is reported, and its use. */
    micro_units used;
    enum billing_phase billing_phase;
    micro_units balance;
};

struct decision_entry {
    struct decision decision;
    bool duplicate; /* The decision of an earlier delivery, said again. */
    struct answer_address address;
    struct governors_before before;
    struct name feature; /* Denied as not_entitled: what the meter needs, if it needs one. */
    micro_units price;   /* Denied for insufficient_balance: of one unit. */
};

struct reply_entry {
    enum governor_kind governor;
    struct name command;
    uint64_t bytes_hash; /* Of the command's payload: what "the same bytes" means. */
    uint64_t seq;        /* As the reply says. */
    instant_ms time;
    uint64_t config_version;
    enum clock_quality clock;
    enum reply_reason reason;
    struct command asked; /* With the id and governor above. */
    bool has_before;
    struct governor_report before; /* Of the governor, as of `time`. Its unset parts may hold anything. */
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
