/* What the ledger says about one seq, or one event or command id: copies of its records, found in one pass.
 */
#ifndef FLYBALL_AGENT_COMMANDS_EXPLAIN_MATCHES_H
#define FLYBALL_AGENT_COMMANDS_EXPLAIN_MATCHES_H

#include "agent/state/ledger.h"
#include "agent/state/state_log.h"

enum { EXPLAIN_MATCHES_MAX = 1000 }; /* Of a kind; more are counted. */

/* One decision or reply as the ledger has it. */
struct explained {
    enum record_kind kind;
    record_ref ref;
    uint64_t seq;   /* The one it took; 0: none, as of peeks, rejected commands and what is said again. */
    uint64_t shown; /* The one it says. */
    struct name subject;
    bool is_linked; /* It is a link of the ledger chain. */
    struct sha256 hash;
    struct sha256 previous_hash;
    uint8_t *storage;
    struct bytes body; /* In `storage`: an entry of version LEDGER_FORMAT_VERSION. */
};

struct explained_list {
    struct explained *items;
    size_t count;
    uint64_t left_out; /* Beyond the most. */
};

struct explain_matches {
    struct bytes asked;
    uint64_t asked_seq;           /* 0: not a number. */
    struct explained_list by_seq; /* Both oldest first. */
    struct explained_list by_id;
    uint64_t first_seq;  /* Of what is left of the ledger; 0: nothing. */
    uint64_t unreadable; /* Entries of a format this program does not know, or damaged. */
    uint8_t unreadable_version;
    bool is_out_of_memory;
    struct decision_entry decision; /* Being looked at. */
    struct reply_entry reply;
};

/* Reads the whole log in `folder`, whether an agent runs on it or not. Statuses as state_log_scan: with
 * STATUS_CORRUPT there may be matches beside the damage. STATUS_NO_MEMORY. */
MUST_USE enum status explain_matches_read(struct explain_matches *matches, const char *asked,
                                          const char *folder, struct state_log_report *report);

/* A single record, as the reading does. */
void explain_matches_add(struct explain_matches *matches, const struct record *record);

void explain_matches_close(struct explain_matches *matches);

#endif
