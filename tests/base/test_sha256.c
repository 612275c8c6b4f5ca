#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/sha256.h"

static void assert_digest(struct sha256 digest, const char *expected)
{
    char hex[2 * SHA256_BYTES + 1];
    sha256_hex(&digest, hex);
    assert_string_equal(hex, expected);
}

/* The examples of FIPS 180-4's companion document. */
static const char *const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char *const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void known_texts_have_their_published_hash(void **context)
{
    (void)context;
    assert_digest(sha256_of(bytes_of_string("")), EMPTY);
    assert_digest(sha256_of(bytes_of_string("abc")), ABC);
}

static void a_hasher_gives_the_same_for_pieces_time_after_time(void **context)
{
    (void)context;
    struct sha256_hasher hasher;
    for (int i = 0; i < 3; i++) {
        sha256_begin(&hasher);
        assert_digest(sha256_end(&hasher), EMPTY);
        sha256_begin(&hasher);
        sha256_add(&hasher, bytes_of_string("a"));
        sha256_add(&hasher, bytes_of_string("bc"));
        assert_digest(sha256_end(&hasher), ABC);
    }
}

static void hashes_are_equal_when_all_bytes_are(void **context)
{
    (void)context;
    struct sha256 left = sha256_of(bytes_of_string("abc"));
    struct sha256 right = left;
    assert_true(sha256_equal(&left, &right));
    right.bytes[SHA256_BYTES - 1] ^= 1;
    assert_false(sha256_equal(&left, &right));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_have_their_published_hash),
        cmocka_unit_test(a_hasher_gives_the_same_for_pieces_time_after_time),
        cmocka_unit_test(hashes_are_equal_when_all_bytes_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
