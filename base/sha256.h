/* SHA-256 (FIPS 180-4), by OpenSSL's libcrypto. */
#ifndef FLYBALL_BASE_SHA256_H
#define FLYBALL_BASE_SHA256_H

#include <openssl/sha.h>
#include <stdint.h>

#include "base/bytes.h"

enum { SHA256_BYTES = 32 };

struct sha256 {
    uint8_t bytes[SHA256_BYTES];
};

/* Of one piece; libcrypto may allocate. */
struct sha256 sha256_of(struct bytes bytes);

bool sha256_equal(const struct sha256 *left, const struct sha256 *right);

/* 64 digits and a terminator. */
void sha256_hex(const struct sha256 *sha256, char text[2 * SHA256_BYTES + 1]);

/* Hashes in pieces, without allocating. One computation at a time; not thread-safe. */
struct sha256_hasher {
    SHA256_CTX context;
};

/* The hash of everything added between begin and end. */
void sha256_begin(struct sha256_hasher *hasher);
void sha256_add(struct sha256_hasher *hasher, struct bytes bytes);
struct sha256 sha256_end(struct sha256_hasher *hasher);

#endif
