#include <openssl/sha.h>

#include "config/remote.h"

struct sha256 sha256_of(struct bytes bytes)
{
    struct sha256 digest;
    SHA256(bytes.data, bytes.length, digest.bytes);
    return digest;
}
