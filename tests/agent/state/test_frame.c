#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/frame.h"

static struct frame_header some_header(uint32_t stored_length)
{
    return (struct frame_header){.version = FRAME_FORMAT_VERSION,
                                 .frame = 7,
                                 .durable_frame = 6,
                                 .first_seq = 100,
                                 .seq_count = 3,
                                 .previous_crc = 0xdeadbeef,
                                 .clock_high = -1,
                                 .outbox_cursor = record_ref_of(5, 2),
                                 .pool_sequence_high = 44,
                                 .record_count = 4,
                                 .raw_length = stored_length + 10,
                                 .stored_length = stored_length,
                                 .compression = FRAME_ZLIB};
}

static uint8_t *sealed(struct frame_header *header)
{
    size_t bytes = frame_bytes(header->stored_length);
    uint8_t *frame = malloc(bytes);
    memset(frame, 0xaa, bytes);
    frame_seal(header, frame);
    return frame;
}

static void frames_fill_whole_blocks(void **context)
{
    (void)context;
    assert_int_equal(frame_bytes(0), FRAME_BLOCK_BYTES);
    assert_int_equal(frame_bytes(FRAME_BLOCK_BYTES - FRAME_HEADER_BYTES), FRAME_BLOCK_BYTES);
    assert_int_equal(frame_bytes(FRAME_BLOCK_BYTES - FRAME_HEADER_BYTES + 1), 2 * FRAME_BLOCK_BYTES);
}

static void header_comes_back_as_it_was_sealed(void **context)
{
    (void)context;
    struct frame_header header = some_header(5000);
    uint8_t *frame = sealed(&header);
    struct frame_header got;
    assert_int_equal(frame_unpack(bytes_of(frame, FRAME_BLOCK_BYTES), &got), STATUS_OK);
    assert_memory_equal(&got, &header, sizeof got);
    assert_int_equal(frame_check(bytes_of(frame, 2 * FRAME_BLOCK_BYTES), &got), STATUS_OK);
    assert_int_equal(frame_check(bytes_of(frame, FRAME_BLOCK_BYTES), &got), STATUS_CORRUPT);
    free(frame);
}

static void every_flipped_bit_is_found(void **context)
{
    (void)context;
    struct frame_header header = some_header(100);
    uint8_t *frame = sealed(&header);
    for (size_t bit = 0; bit < 8 * FRAME_BLOCK_BYTES; bit++) {
        frame[bit / 8] ^= (uint8_t)(1U << bit % 8);
        struct frame_header got;
        enum status status = frame_unpack(bytes_of(frame, FRAME_BLOCK_BYTES), &got);
        if (status == STATUS_OK) {
            status = frame_check(bytes_of(frame, FRAME_BLOCK_BYTES), &got);
        }
        assert_int_equal(status, STATUS_CORRUPT);
        frame[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    free(frame);
}

static void headers_cut_short_are_corrupt(void **context)
{
    (void)context;
    struct frame_header header = some_header(100);
    uint8_t *frame = sealed(&header);
    for (size_t length = 0; length < FRAME_HEADER_BYTES; length++) {
        struct frame_header got;
        assert_int_equal(frame_unpack(bytes_of(frame, length), &got), STATUS_CORRUPT);
    }
    free(frame);
}

static void impossible_lengths_are_corrupt_even_with_a_good_checksum(void **context)
{
    (void)context;
    struct frame_header bad[3] = {some_header(100), some_header(100), some_header(100)};
    bad[0].raw_length = FRAME_RAW_MAX + 1;
    bad[1].raw_length = 99;
    bad[2].compression = FRAME_AS_IS;
    for (size_t i = 0; i < 3; i++) {
        uint8_t *frame = sealed(&bad[i]);
        struct frame_header got;
        assert_int_equal(frame_unpack(bytes_of(frame, FRAME_BLOCK_BYTES), &got), STATUS_CORRUPT);
        free(frame);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_fill_whole_blocks),
        cmocka_unit_test(header_comes_back_as_it_was_sealed),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(headers_cut_short_are_corrupt),
        cmocka_unit_test(impossible_lengths_are_corrupt_even_with_a_good_checksum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
