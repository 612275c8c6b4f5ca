#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/subject_index.h"

struct bench {
    struct subject_index index;
    void *memory;
};

static int set_up(void **context)
{
    struct bench *bench = malloc(sizeof *bench);
    bench->memory = calloc(1, subject_index_memory_bytes(100));
    subject_index_init(&bench->index, bench->memory, 100);
    *context = bench;
    return 0;
}

static int tear_down(void **context)
{
    struct bench *bench = *context;
    free(bench->memory);
    free(bench);
    return 0;
}

static void add(struct subject_index *index, uint64_t hash, record_ref ref, instant_ms edge)
{
    assert_int_equal(subject_index_add(index, hash, ref, edge), STATUS_OK);
}

static void equal_hashes_are_all_found_and_others_are_not(void **context)
{
    struct subject_index *index = &((struct bench *)*context)->index;
    uint64_t last = index->place_count - 1; /* Probing turns around the end. */
    add(index, last, 11, INSTANT_NEVER);
    add(index, last, 12, INSTANT_NEVER);
    add(index, last + index->place_count, 13, INSTANT_NEVER);
    add(index, last, 14, INSTANT_NEVER);
    struct subject_probe probe = subject_probe_of(index, last);
    static const record_ref refs[] = {11, 12, 14};
    for (size_t i = 0; i < 3; i++) {
        int64_t place = subject_index_next(index, &probe);
        assert_true(place >= 0);
        assert_int_equal(index->places[place].ref, refs[i]);
    }
    assert_int_equal(subject_index_next(index, &probe), SUBJECT_PLACE_NONE);
    probe = subject_probe_of(index, 5);
    assert_int_equal(subject_index_next(index, &probe), SUBJECT_PLACE_NONE);
}

static void later_image_takes_the_place(void **context)
{
    struct subject_index *index = &((struct bench *)*context)->index;
    add(index, 7, 70, 100);
    struct subject_probe probe = subject_probe_of(index, 7);
    int64_t place = subject_index_next(index, &probe);
    subject_index_set(index, place, 71, 500);
    assert_int_equal(index->places[place].ref, 71);
    assert_int_equal(index->count, 1);
    record_ref due[2];
    assert_int_equal(subject_index_take_due(index, 499, due, 2), 0);
    assert_int_equal(subject_index_take_due(index, 500, due, 2), 1);
    assert_int_equal(due[0], 71);
}

static void due_images_are_taken_in_portions_and_once(void **context)
{
    struct subject_index *index = &((struct bench *)*context)->index;
    for (uint64_t i = 1; i <= 50; i++) {
        add(index, i * 37, i, (instant_ms)i);
    }
    record_ref due[50];
    assert_int_equal(subject_index_take_due(index, 0, due, 50), 0);
    assert_int_equal(subject_index_take_due(index, 40, due, 25), 25);
    assert_int_equal(subject_index_take_due(index, 40, due, 25), 15);
    assert_int_equal(subject_index_take_due(index, 40, due, 25), 0);
    assert_int_equal(subject_index_take_due(index, INSTANT_NEVER, due, 50), 10);
    assert_int_equal(subject_index_take_due(index, INSTANT_NEVER, due, 50), 0);
}

static void edges_in_other_blocks_are_not_overlooked(void **context)
{
    struct subject_index *index = &((struct bench *)*context)->index;
    add(index, 3, 1, 10);
    add(index, SUBJECT_BLOCK_PLACES + 3, 2, 5);
    record_ref due[2];
    assert_int_equal(subject_index_take_due(index, 5, due, 2), 1);
    assert_int_equal(due[0], 2);
    assert_int_equal(subject_index_take_due(index, 10, due, 2), 1);
    assert_int_equal(due[0], 1);
}

static void full_index_refuses_and_still_ends_its_probing(void **context)
{
    struct subject_index *index = &((struct bench *)*context)->index;
    uint32_t added = 0;
    while (subject_index_add(index, 1, added + 1, INSTANT_NEVER) == STATUS_OK) {
        added++;
    }
    assert_true(added >= 100 + 256);
    struct subject_probe probe = subject_probe_of(index, 2);
    assert_int_equal(subject_index_next(index, &probe), SUBJECT_PLACE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_hashes_are_all_found_and_others_are_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(later_image_takes_the_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(due_images_are_taken_in_portions_and_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(edges_in_other_blocks_are_not_overlooked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_index_refuses_and_still_ends_its_probing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
