#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/sha256.h"

#include <string.h>

struct sha256 sha256_of(struct bytes bytes)
{
    struct sha256 digest;
    SHA256(bytes.data, bytes.length, digest.bytes);
    return digest;
}

bool sha256_equal(const struct sha256 *left, const struct sha256 *right)
{
    return memcmp(left->bytes, right->bytes, SHA256_BYTES) == 0;
}

void sha256_hex(const struct sha256 *sha256, char text[2 * SHA256_BYTES + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        text[2 * i] = digits[sha256->bytes[i] >> 4];
        text[2 * i + 1] = digits[sha256->bytes[i] & 15];
    }
    text[2 * SHA256_BYTES] = '\0';
}

/* These fail only for a NULL context. The newer EVP calls allocate for every hash. */
void sha256_begin(struct sha256_hasher *hasher)
{
    SHA256_Init(&hasher->context);
}

void sha256_add(struct sha256_hasher *hasher, struct bytes bytes)
{
    SHA256_Update(&hasher->context, bytes.data, bytes.length);
}

struct sha256 sha256_end(struct sha256_hasher *hasher)
{
    struct sha256 digest;
    SHA256_Final(digest.bytes, &hasher->context);
    return digest;
}
