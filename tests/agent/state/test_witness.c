#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/state/witness.h"

enum { IMAGES_MOST = 10, BYTES_MOST = (IMAGES_MOST + WITNESS_OLDER_MOST) * WITNESS_BYTES };

struct bench {
    struct witnesses witnesses;
    uint8_t bytes[BYTES_MOST];
    struct packer packer;
};

static int start(void **context)
{
    struct bench *bench = calloc(1, sizeof *bench);
    witnesses_init(&bench->witnesses, malloc(witnesses_memory_bytes(IMAGES_MOST)), IMAGES_MOST, 1);
    *context = bench;
    return 0;
}

static int end(void **context)
{
    struct bench *bench = *context;
    free(bench->witnesses.list);
    free(bench);
    return 0;
}

static struct name subject(uint64_t frame, int image)
{
    char text[32];
    snprintf(text, sizeof text, "subject-%llu-%d", (unsigned long long)frame, image);
    return name_of(text);
}

static void bring(struct bench *bench, uint64_t frame, int images)
{
    witnesses_next_frame(&bench->witnesses);
    for (int i = 0; i < images; i++) {
        struct name name = subject(frame, i);
        witnesses_add(&bench->witnesses, frame, &name);
    }
}

static uint16_t pack(struct bench *bench, uint64_t frame)
{
    bench->packer = packer_of(bench->bytes, sizeof bench->bytes);
    uint16_t depth = witnesses_pack(&bench->witnesses, frame, &bench->packer);
    assert_false(bench->packer.overflowed);
    return depth;
}

static bool names(struct bench *bench, uint64_t frame, uint64_t of_frame, int image)
{
    struct name name = subject(of_frame, image);
    struct unpacker unpacker = unpacker_of(packer_bytes(&bench->packer));
    while (unpacker.rest.length > 0) {
        struct witness witness = witness_unpack(&unpacker, frame);
        if (witness.frame == of_frame && witness.hash == witness_hash(&name)) {
            return true;
        }
    }
    return false;
}

static void a_frame_names_all_subjects_of_the_last(void **context)
{
    struct bench *bench = *context;
    bring(bench, 1, IMAGES_MOST);
    assert_int_equal(pack(bench, 2), 1);
    assert_int_equal(bench->packer.length, IMAGES_MOST * WITNESS_BYTES);
    for (int i = 0; i < IMAGES_MOST; i++) {
        assert_true(names(bench, 2, 1, i));
    }
}

static void small_frames_are_named_many_frames_back(void **context)
{
    struct bench *bench = *context;
    for (uint64_t frame = 1; frame <= 100; frame++) {
        bring(bench, frame, 1);
    }
    /* The last frame, and as many before it as there is room for. */
    assert_int_equal(pack(bench, 101), WITNESS_OLDER_MOST + 1);
    assert_true(names(bench, 101, 100, 0));
    assert_true(names(bench, 101, 100 - WITNESS_OLDER_MOST, 0));
    assert_false(names(bench, 101, 100 - WITNESS_OLDER_MOST - 1, 0));
}

static void what_is_no_longer_complete_is_not_called_complete(void **context)
{
    struct bench *bench = *context;
    for (uint64_t frame = 1; frame <= 8; frame++) {
        bring(bench, frame, IMAGES_MOST);
    }
    /* Frame 8 whole, and 32 of the 70 images before: 7, 6 and 5, and two of 4. */
    assert_int_equal(pack(bench, 9), 4);
    assert_true(names(bench, 9, 5, 0));
    assert_true(names(bench, 9, 4, IMAGES_MOST - 1));
    assert_false(names(bench, 9, 4, 0));
}

static void frames_too_far_back_are_left_out(void **context)
{
    struct bench *bench = *context;
    bring(bench, 1, 1);
    assert_int_equal(pack(bench, WITNESS_DISTANCE_MOST + 1), WITNESS_DISTANCE_MOST);
    assert_true(names(bench, WITNESS_DISTANCE_MOST + 1, 1, 0));
    assert_int_equal(pack(bench, WITNESS_DISTANCE_MOST + 2), WITNESS_DISTANCE_MOST);
    assert_int_equal(bench->packer.length, 0);
}

static void more_images_than_there_is_room_for_make_the_list_incomplete(void **context)
{
    struct bench *bench = *context;
    bring(bench, 1, IMAGES_MOST + WITNESS_OLDER_MOST + 5);
    assert_int_equal(pack(bench, 2), 0);
    bring(bench, 2, 1);
    assert_int_equal(pack(bench, 3), 1);
}

/* Stored in every frame: a change would make old frames accuse the wrong subjects. */
static void hash_of_a_witness_never_changes(void **context)
{
    (void)context;
    struct name acme = name_of("acme");
    assert_int_equal(witness_hash(&acme), 1960633513U);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_frame_names_all_subjects_of_the_last, start, end),
        cmocka_unit_test_setup_teardown(small_frames_are_named_many_frames_back, start, end),
        cmocka_unit_test_setup_teardown(what_is_no_longer_complete_is_not_called_complete, start, end),
        cmocka_unit_test_setup_teardown(frames_too_far_back_are_left_out, start, end),
        cmocka_unit_test_setup_teardown(more_images_than_there_is_room_for_make_the_list_incomplete, start,
                                        end),
        cmocka_unit_test(hash_of_a_witness_never_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
