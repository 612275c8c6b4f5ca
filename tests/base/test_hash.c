#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* From the authors' reference implementation: key 00 01 … 0f, message 00 01 … of the row's length. */
static const uint64_t reference[16] = {
    0x726fdb47dd0e0e31U, 0x74f839c593dc67fdU, 0x0d6c8009d9a94f5aU, 0x85676696d7fb7e2dU,
    0xcf2794e0277187b7U, 0x18765564cd99a68dU, 0xcbc9466e58fee3ceU, 0xab0200f58b01d137U,
    0x93f5f5799a932462U, 0x9e0082df0ba9e4b0U, 0x7a5dbbc594ddb9f3U, 0xf4b32f46226bada7U,
    0x751e8fbc860ee5fbU, 0x14ea5627c0843d90U, 0xf723ca908e7af2eeU, 0xa129ca6149be45e5U,
};

static const struct hash_key reference_key = {.low = 0x0706050403020100U, .high = 0x0f0e0d0c0b0a0908U};

static void hashes_are_those_of_the_reference_vectors(void **context)
{
    (void)context;
    uint8_t message[16];
    for (uint8_t i = 0; i < sizeof message; i++) {
        message[i] = i;
    }
    for (size_t length = 0; length < 16; length++) {
        assert_true(hash_bytes(reference_key, bytes_of(message, length)) == reference[length]);
    }
}

static void no_bytes_may_be_nowhere(void **context)
{
    (void)context;
    assert_true(hash_bytes(reference_key, bytes_of(NULL, 0)) == reference[0]);
}

static void either_half_of_the_key_matters(void **context)
{
    (void)context;
    struct bytes bytes = bytes_of_string("flyball");
    struct hash_key low = {.low = 1}, high = {.high = 1}, zero = {0};
    assert_true(hash_bytes(low, bytes) != hash_bytes(high, bytes));
    assert_true(hash_bytes(low, bytes) != hash_bytes(zero, bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_those_of_the_reference_vectors),
        cmocka_unit_test(no_bytes_may_be_nowhere),
        cmocka_unit_test(either_half_of_the_key_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
