/* Packs governor states as docs/state-format.md lays down: versioned, little-endian, the same bytes
 * everywhere. */
#ifndef FLYBALL_GOVERNORS_STATES_CODEC_H
#define FLYBALL_GOVERNORS_STATES_CODEC_H

#include "agent/governors/chain.h"
#include "base/pack.h"

enum { STATES_FORMAT_VERSION = 1 };

enum {
    STATES_PACKED_MAX = 4096, /* The most bytes pack_states can write. */
    CHARGE_PACKED_MAX = 2048, /* And pack_charge. */
};

/* States are as governors leave them: zero where they hold nothing. */
void pack_states(struct packer *packer, const struct governor_states *states);

/* Fills *states; on damage, or a version this build does not know, the unpacker has failed and *states is
 * zero. What is accepted is safe to step, though not proven sound: billing_imbalance may say otherwise. */
void unpack_states(struct unpacker *unpacker, struct governor_states *states);

/* Also used by the ledger: a refund needs to know where a charge came from. */
void pack_charge(struct packer *packer, const struct charge *charge);

/* Fills *charge; on damage the unpacker has failed and *charge is zero. */
void unpack_charge(struct unpacker *unpacker, struct charge *charge);

#endif
