#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>
#include <zlib.h>

#include "agent/state/frame.h"
#include "agent/state/witness.h"

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
                                 .compression = FRAME_ZLIB,
                                 .witness_count = 2,
                                 .witness_depth = 3,
                                 .chain_before = {{4, 5}},
                                 .chain_after = {{6, 7}}};
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
    assert_int_equal(got.version, FRAME_FORMAT_VERSION);
    assert_int_equal(got.frame, 7);
    assert_int_equal(got.clock_high, -1);
    assert_int_equal(got.payload_crc, header.payload_crc);
    assert_int_equal(got.crc, header.crc);
    uint8_t *again = sealed(&got);
    assert_memory_equal(again, frame, frame_bytes(5000));
    assert_int_equal(frame_check(bytes_of(frame, 2 * FRAME_BLOCK_BYTES), &got), STATUS_OK);
    assert_int_equal(frame_check(bytes_of(frame, FRAME_BLOCK_BYTES), &got), STATUS_CORRUPT);
    free(again);
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

struct header_row {
    uint32_t raw_length;
    uint32_t stored_length;
    uint32_t compression;
    uint16_t witness_count;
    uint64_t frame;
    enum status status;
};

static const struct header_row header_rows[] = {
    {110, 100, FRAME_ZLIB, 2, 7, STATUS_OK},
    {FRAME_RAW_MAX, 100, FRAME_ZLIB, 2, 7, STATUS_OK},
    {FRAME_RAW_MAX + 1, 100, FRAME_ZLIB, 2, 7, STATUS_CORRUPT},
    {100, 100, FRAME_ZLIB, 2, 7, STATUS_OK},
    {99, 100, FRAME_ZLIB, 2, 7, STATUS_CORRUPT},
    {100, 100, FRAME_AS_IS, 2, 7, STATUS_OK},
    {101, 100, FRAME_AS_IS, 2, 7, STATUS_CORRUPT},
    /* All of it witnesses, and more than there is room for. */
    {110, 100, FRAME_ZLIB, 110 / WITNESS_BYTES, 7, STATUS_OK},
    {110, 100, FRAME_ZLIB, 110 / WITNESS_BYTES + 1, 7, STATUS_CORRUPT},
    /* No such compression; no such frame. */
    {100, 100, FRAME_ZLIB + 1, 2, 7, STATUS_CORRUPT},
    {100, 100, FRAME_ZLIB, 2, 0, STATUS_CORRUPT},
    /* The last number a record's reference can hold, and the next. */
    {100, 100, FRAME_ZLIB, 2, (1ULL << 48) - 1, STATUS_OK},
    {100, 100, FRAME_ZLIB, 2, 1ULL << 48, STATUS_CORRUPT},
};

static void impossible_headers_are_corrupt_even_with_a_good_checksum(void **context)
{
    (void)context;
    for (size_t i = 0; i < sizeof header_rows / sizeof *header_rows; i++) {
        const struct header_row *row = &header_rows[i];
        struct frame_header header = some_header(row->stored_length);
        header.raw_length = row->raw_length;
        header.compression = (enum frame_compression)row->compression;
        header.witness_count = row->witness_count;
        header.frame = row->frame;
        uint8_t *frame = sealed(&header);
        struct frame_header got;
        assert_int_equal(frame_unpack(bytes_of(frame, FRAME_BLOCK_BYTES), &got), row->status);
        free(frame);
    }
}

/* The frame's first `length` bytes become a header of that version and length with a good checksum. */
static void restamp(uint8_t *frame, uint16_t version, uint16_t length)
{
    enum { VERSION_OFFSET = 4 };
    struct packer packer = packer_of(frame + VERSION_OFFSET, 4);
    pack_u16(&packer, version);
    pack_u16(&packer, length);
    struct packer end = packer_of(frame + length - 4, 4);
    pack_u32(&end, (uint32_t)crc32_z(0, frame, (size_t)length - 4));
}

static enum status unpack_restamped(uint16_t version, uint16_t length, size_t there, struct frame_header *got)
{
    struct frame_header header = some_header(100);
    uint8_t *frame = sealed(&header);
    restamp(frame, version, length);
    enum status status = frame_unpack(bytes_of(frame, there), got);
    free(frame);
    return status;
}

/* What was read may be shorter than what a misplaced header claims. */
static void frame_cut_short_is_corrupt(void **context)
{
    (void)context;
    struct frame_header header = some_header(3 * FRAME_BLOCK_BYTES);
    uint8_t *whole = sealed(&header);
    /* Nobody may look behind it, checksums of a library neither. */
    uint8_t *cut =
        mmap(NULL, 2 * FRAME_BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(cut, MAP_FAILED);
    assert_int_equal(mprotect(cut + FRAME_BLOCK_BYTES, FRAME_BLOCK_BYTES, PROT_NONE), 0);
    memcpy(cut, whole, FRAME_BLOCK_BYTES);
    assert_int_equal(frame_check(bytes_of(cut, FRAME_BLOCK_BYTES), &header), STATUS_CORRUPT);
    munmap(cut, 2 * FRAME_BLOCK_BYTES);
    free(whole);
}

static void header_of_another_length_is_corrupt_even_with_a_good_checksum(void **context)
{
    (void)context;
    struct frame_header got;
    for (uint16_t length = 4; length <= 600; length++) {
        enum status status = unpack_restamped(FRAME_FORMAT_VERSION, length, FRAME_BLOCK_BYTES, &got);
        assert_int_equal(status, length == FRAME_HEADER_BYTES ? STATUS_OK : STATUS_CORRUPT);
        status = unpack_restamped(FRAME_FORMAT_VERSION, length, length, &got);
        assert_int_equal(status, length == FRAME_HEADER_BYTES ? STATUS_OK : STATUS_CORRUPT);
    }
}

static void header_of_another_version_is_known_by_any_sensible_length(void **context)
{
    (void)context;
    enum { LEAST = 20, MOST = 512 };
    struct frame_header got;
    for (uint16_t length = 4; length <= 600; length++) {
        enum status status = unpack_restamped(FRAME_FORMAT_VERSION + 1, length, length, &got);
        if (length < LEAST || length > MOST) {
            assert_int_equal(status, STATUS_CORRUPT);
            continue;
        }
        assert_int_equal(status, STATUS_UNSUPPORTED);
        assert_int_equal(got.version, FRAME_FORMAT_VERSION + 1);
        assert_int_equal(got.frame, 7);
        assert_int_equal(got.first_seq, 0);
        status = unpack_restamped(FRAME_FORMAT_VERSION + 1, length, length - 1, &got);
        assert_int_equal(status, STATUS_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_fill_whole_blocks),
        cmocka_unit_test(header_comes_back_as_it_was_sealed),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(headers_cut_short_are_corrupt),
        cmocka_unit_test(impossible_headers_are_corrupt_even_with_a_good_checksum),
        cmocka_unit_test(frame_cut_short_is_corrupt),
        cmocka_unit_test(header_of_another_length_is_corrupt_even_with_a_good_checksum),
        cmocka_unit_test(header_of_another_version_is_known_by_any_sensible_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
