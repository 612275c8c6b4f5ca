/* The ledger's hash chain: each entry that takes a seq is hashed together with the hash of the one before, so
 * that nobody changes, drops or inserts one unnoticed (Haber and Stornetta, 1991). Frames carry the chain's
 * head before and after their entries. */
#ifndef FLYBALL_STATE_LEDGER_CHAIN_H
#define FLYBALL_STATE_LEDGER_CHAIN_H

#include "agent/state/record.h"
#include "base/sha256.h"

struct ledger_chain {
    struct sha256_hasher hasher;
    struct sha256 head; /* Of the latest entry; all zero before the first of a store. */
};

/* Whether the record is a link: it took a seq of its own. */
bool ledger_chain_has(const struct record *record);

/* The head becomes the hash of the old head, seq, kind, subject and body. */
void ledger_chain_add(struct ledger_chain *chain, const struct record *record);

#endif
