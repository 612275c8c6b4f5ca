#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/flipped_bit.h"
#include "agent/state/witness.h"

enum { STORED = 5000 };

/* A frame of two blocks, and a block of something else behind it. */
struct sealed {
    uint8_t bytes[3 * FRAME_BLOCK_BYTES];
    size_t frame_bytes;
};

static struct sealed sealed_frame(void)
{
    struct sealed sealed = {.frame_bytes = frame_bytes(STORED)};
    struct frame_header header = {.version = FRAME_FORMAT_VERSION,
                                  .frame = 7,
                                  .durable_frame = 6,
                                  .first_seq = 100,
                                  .raw_length = STORED + 10,
                                  .stored_length = STORED,
                                  .compression = FRAME_ZLIB};
    memset(sealed.bytes, 0xaa, sizeof sealed.bytes);
    for (size_t i = 0; i < STORED; i++) {
        sealed.bytes[FRAME_HEADER_BYTES + i] = (uint8_t)(i * 37 >> 3);
    }
    frame_seal(&header, sealed.bytes);
    return sealed;
}

static void every_single_bit_is_found_and_put_right(void **context)
{
    (void)context;
    struct sealed whole = sealed_frame();
    struct sealed copy = whole;
    for (size_t bit = 0; bit < 8 * whole.frame_bytes; bit += bit < 8 * (size_t)FRAME_HEADER_BYTES ? 1 : 41) {
        struct frame_header header;
        uint64_t at = UINT64_MAX;
        copy.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_true(flipped_bit_repair(copy.bytes, sizeof copy.bytes, &header, &at));
        assert_int_equal(at, bit / 8);
        assert_int_equal(header.frame, 7);
        assert_memory_equal(copy.bytes, whole.bytes, sizeof copy.bytes);
    }
}

static void assert_not_found(struct sealed *damaged)
{
    struct sealed before = *damaged;
    struct frame_header header;
    uint64_t at;
    assert_false(flipped_bit_repair(damaged->bytes, sizeof damaged->bytes, &header, &at));
    assert_memory_equal(damaged->bytes, before.bytes, sizeof before.bytes);
}

static void whatever_else_is_wrong_is_not(void **context)
{
    (void)context;
    struct sealed damaged = sealed_frame();
    damaged.bytes[20] ^= 3;
    assert_not_found(&damaged);
    damaged = sealed_frame();
    damaged.bytes[20] ^= 1;
    damaged.bytes[900] ^= 1;
    assert_not_found(&damaged);
    damaged = sealed_frame();
    damaged.bytes[900] ^= 1;
    damaged.bytes[4000] ^= 1;
    assert_not_found(&damaged);
    damaged = sealed_frame();
    damaged.bytes[damaged.frame_bytes - 1] = 3;
    assert_not_found(&damaged);
    damaged = sealed_frame();
    damaged.bytes[damaged.frame_bytes - 1] = 1;
    damaged.bytes[damaged.frame_bytes - 2] = 1;
    assert_not_found(&damaged);
    damaged = sealed_frame();
    memset(damaged.bytes + FRAME_BLOCK_BYTES, 0, FRAME_BLOCK_BYTES);
    assert_not_found(&damaged);
    memset(&damaged, 0, sizeof damaged);
    assert_not_found(&damaged);
}

static void frame_that_is_not_all_there_is_not(void **context)
{
    (void)context;
    struct sealed damaged = sealed_frame();
    struct frame_header header;
    uint64_t at;
    damaged.bytes[900] ^= 1;
    assert_false(flipped_bit_repair(damaged.bytes, FRAME_BLOCK_BYTES, &header, &at));
    assert_false(flipped_bit_repair(damaged.bytes, 100, &header, &at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_single_bit_is_found_and_put_right),
        cmocka_unit_test(whatever_else_is_wrong_is_not),
        cmocka_unit_test(frame_that_is_not_all_there_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
