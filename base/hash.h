/* Keyed 64-bit hashing: SipHash-2-4 (Aumasson and Bernstein, 2012). */
#ifndef FLYBALL_BASE_HASH_H
#define FLYBALL_BASE_HASH_H

#include <stdint.h>

#include "base/bytes.h"

struct hash_key {
    uint64_t low;
    uint64_t high;
};

/* Equal key and bytes give equal hashes on every machine: stored hashes stay valid. */
uint64_t hash_bytes(struct hash_key key, struct bytes bytes);

#endif
