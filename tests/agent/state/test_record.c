#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/record.h"

static struct record largest_record(void)
{
    struct record record = {.kind = RECORD_IMAGE,
                            .ref = record_ref_of(UINT64_MAX >> 16, 65534),
                            .seq = UINT64_MAX,
                            .pool_sequence = UINT64_MAX,
                            .previous = UINT64_MAX,
                            .edge = INT64_MIN,
                            .changes = 255};
    record.subject.length = NAME_BYTES_MAX;
    memset(record.subject.text, 'x', NAME_BYTES_MAX);
    return record;
}

static struct bytes pack(uint8_t *buffer, size_t capacity, const struct record *record, enum seq_use use)
{
    struct packer packer = packer_of(buffer, capacity);
    record_pack(&packer, record, use);
    assert_false(packer.overflowed);
    return packer_bytes(&packer);
}

static void reference_holds_frame_and_ordinal(void **context)
{
    (void)context;
    record_ref ref = record_ref_of(1234567890123, 65534);
    assert_int_equal(record_ref_frame(ref), 1234567890123);
    assert_int_equal(record_ref_ordinal(ref), 65534);
    assert_true(record_ref_of(2, 0) > record_ref_of(1, 65534));
    assert_true(record_ref_of(1, 0) != RECORD_REF_NONE);
}

static void largest_header_fits_its_limit_and_comes_back(void **context)
{
    (void)context;
    uint8_t buffer[RECORD_HEADER_MAX];
    struct record record = largest_record();
    struct bytes packed = pack(buffer, sizeof buffer, &record, SEQ_NONE);
    struct record_walk walk = record_walk_of(packed, UINT64_MAX >> 16, 1);
    struct record got;
    assert_int_equal(record_walk_next(&walk, &got), STATUS_OK);
    assert_int_equal(got.ref, record.ref);
    assert_int_equal(got.seq, record.seq);
    assert_int_equal(got.pool_sequence, record.pool_sequence);
    assert_int_equal(got.previous, record.previous);
    assert_int_equal(got.edge, record.edge);
    assert_int_equal(got.changes, 255);
    assert_true(name_equal(&got.subject, &record.subject));
    assert_int_equal(record_walk_next(&walk, &got), STATUS_EMPTY);
}

static void taken_seqs_follow_from_the_order(void **context)
{
    (void)context;
    uint8_t buffer[1024];
    struct packer packer = packer_of(buffer, sizeof buffer);
    for (uint32_t i = 0; i < 4; i++) {
        struct record record = {.kind = RECORD_DECISION, .ref = record_ref_of(9, i), .edge = INSTANT_NEVER};
        record_pack(&packer, &record, i == 1 ? SEQ_NONE : SEQ_TAKEN);
    }
    static const uint64_t seqs[] = {50, 0, 51, 52};
    struct record_walk walk = record_walk_of(packer_bytes(&packer), 9, 50);
    struct record got;
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(record_walk_next(&walk, &got), STATUS_OK);
        assert_int_equal(got.seq, seqs[i]);
        assert_int_equal(got.ref, record_ref_of(9, i));
    }
    assert_int_equal(walk.next_seq, 53);
}

static void bytes_cut_short_are_corrupt_and_stay_so(void **context)
{
    (void)context;
    uint8_t buffer[RECORD_HEADER_MAX + 16];
    struct record record = largest_record();
    record.body = bytes_of_string("body");
    struct bytes packed = pack(buffer, sizeof buffer, &record, SEQ_NONE);
    for (size_t length = 1; length < packed.length; length++) {
        struct record_walk walk = record_walk_of(bytes_of(packed.data, length), 1, 1);
        struct record got;
        assert_int_equal(record_walk_next(&walk, &got), STATUS_CORRUPT);
        assert_int_equal(record_walk_next(&walk, &got), STATUS_CORRUPT);
    }
}

static void unknown_kinds_are_corrupt(void **context)
{
    (void)context;
    for (unsigned kind = 0; kind < 16; kind++) {
        uint8_t bytes[16] = {(uint8_t)kind};
        struct record_walk walk = record_walk_of(bytes_of(bytes, kind == RECORD_IMAGE ? 7 : 4), 1, 1);
        struct record got;
        bool is_known = kind >= RECORD_DECISION && kind <= RECORD_COPY;
        assert_int_equal(record_walk_next(&walk, &got), is_known ? STATUS_OK : STATUS_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_holds_frame_and_ordinal),
        cmocka_unit_test(largest_header_fits_its_limit_and_comes_back),
        cmocka_unit_test(taken_seqs_follow_from_the_order),
        cmocka_unit_test(bytes_cut_short_are_corrupt_and_stay_so),
        cmocka_unit_test(unknown_kinds_are_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
