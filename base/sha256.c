#include "base/sha256.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
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

/* Once the first hash has begun, nothing of this can fail. */
static void must(int result)
{
    if (result != 1) {
        abort();
    }
}

enum status sha256_open(struct sha256_hasher *hasher)
{
    hasher->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    hasher->context = EVP_MD_CTX_new();
    if (hasher->algorithm == NULL || hasher->context == NULL ||
        EVP_DigestInit_ex2(hasher->context, hasher->algorithm, NULL) != 1) {
        sha256_close(hasher);
        return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

void sha256_close(struct sha256_hasher *hasher)
{
    EVP_MD_CTX_free(hasher->context);
    EVP_MD_free(hasher->algorithm);
    *hasher = (struct sha256_hasher){0};
}

void sha256_begin(struct sha256_hasher *hasher)
{
    must(EVP_DigestInit_ex2(hasher->context, NULL, NULL));
}

void sha256_add(struct sha256_hasher *hasher, struct bytes bytes)
{
    must(EVP_DigestUpdate(hasher->context, bytes.data, bytes.length));
}

struct sha256 sha256_end(struct sha256_hasher *hasher)
{
    struct sha256 digest;
    must(EVP_DigestFinal_ex(hasher->context, digest.bytes, NULL));
    return digest;
}
