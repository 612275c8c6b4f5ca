/* Packed images, and the largest there can be. */
#ifndef FLYBALL_TESTS_CODEC_FIXTURE_H
#define FLYBALL_TESTS_CODEC_FIXTURE_H

#include "agent/governors/states_codec.h"

struct image {
    size_t length;
    uint8_t data[STATES_PACKED_MAX];
};

struct image packed(const struct governor_states *states);
struct image packed_charge(const struct charge *charge);

/* Whether the bytes, all of them, unpack. */
bool unpacked(struct bytes bytes, struct governor_states *states);
bool unpacked_charge(struct bytes bytes, struct charge *charge);

/* Packs, unpacks and compares. */
void assert_identity(const struct governor_states *states);

/* Every count, name and number at its most. */
struct governor_states largest(void);
struct charge largest_charge(void);

#endif
