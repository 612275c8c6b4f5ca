#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/frame.h"
#include "agent/state/segment.h"

enum { SEGMENT_BYTES = 64 << 10 };

struct bench {
    struct segments segments;
    void *memory;
};

static int set_up(void **context)
{
    struct bench *bench = malloc(sizeof *bench);
    struct segments_size size = {.segments = 4, .bytes = 4 * SEGMENT_BYTES};
    bench->memory = malloc(segments_memory_bytes(size));
    segments_init(&bench->segments, bench->memory, size);
    bench->segments.segment_bytes = SEGMENT_BYTES;
    bench->segments.max_bytes = 4 * SEGMENT_BYTES;
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

/* Rolls over often enough for the directory to be used again and again. */
static void frames_are_located_while_segments_come_and_go(void **context)
{
    struct segments *segments = &((struct bench *)*context)->segments;
    struct frame_place place;
    uint32_t number = 1;
    uint64_t first = 1;
    segments_append(segments, number, SEGMENT_BYTES, 1);
    for (uint64_t frame = 1; frame <= 500; frame++) {
        uint64_t bytes = (1 + frame % 3) * FRAME_BLOCK_BYTES;
        if (bytes > segments_room(segments)) {
            if (segments->count == 3) {
                segments_take_oldest(segments);
                first = segments_first_frame(segments);
            }
            segments_append(segments, ++number, SEGMENT_BYTES, frame);
        }
        segments_add_frame(
            segments,
            (struct frame_extent){.frame = frame, .bytes = bytes, .last_ref = record_ref_of(frame, 0)});
        for (uint64_t held = first; held <= frame; held++) {
            assert_int_equal(segments_locate(segments, held, &place), STATUS_OK);
            assert_int_equal(place.bytes, (1 + held % 3) * FRAME_BLOCK_BYTES);
            assert_true(place.offset + place.bytes <= SEGMENT_BYTES);
        }
        assert_int_equal(segments_locate(segments, frame + 1, &place), STATUS_NOT_FOUND);
        assert_int_equal(segments_locate(segments, first - 1, &place), STATUS_NOT_FOUND);
    }
    assert_true(number > 20);
}

static void spares_are_taken_last_given_first(void **context)
{
    struct segments *segments = &((struct bench *)*context)->segments;
    uint32_t number;
    assert_false(segments_take_spare(segments, &number));
    segments_give_spare(segments, 8);
    segments_give_spare(segments, 9);
    assert_true(segments_take_spare(segments, &number));
    assert_int_equal(number, 9);
}

static void files_grow_up_to_the_budget(void **context)
{
    struct segments *segments = &((struct bench *)*context)->segments;
    segments->file_bytes = 3 * SEGMENT_BYTES;
    assert_true(segments_may_grow(segments));
    segments->file_bytes++;
    assert_false(segments_may_grow(segments));
}

static void files_are_named_by_kind_and_number(void **context)
{
    (void)context;
    struct segment_path path = segment_path_of("/store", SEGMENT_FILE, 4294967295U);
    assert_string_equal(path.text, "/store/segment-4294967295.log");
    path = segment_path_of("/store", SPARE_FILE, 7);
    assert_string_equal(path.text, "/store/spare-0000000007.log");
}

static int list_some(void *self, const char *path, void (*entry)(void *context, const char *name),
                     void *context)
{
    (void)self;
    (void)path;
    static const char *const names[] = {
        "segment-0000000003.log",     "segment-0000000001.log", "lock",
        "segment-0000000002.log.old", "segment-2.log",          "segment-9999999999.log",
        "spare-0000000004.log",       "segment-0000000002.log"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        entry(context, names[i]);
    }
    return 0;
}

static void folder_is_listed_in_order_and_strange_names_are_ignored(void **context)
{
    (void)context;
    struct io io = {.list = list_some};
    struct segment_numbers numbers;
    assert_int_equal(segment_numbers_list(&io, "/store", SEGMENT_FILE, &numbers), STATUS_OK);
    assert_int_equal(numbers.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(numbers.numbers[i], i + 1);
    }
    segment_numbers_free(&numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frames_are_located_while_segments_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(spares_are_taken_last_given_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_grow_up_to_the_budget, set_up, tear_down),
        cmocka_unit_test(files_are_named_by_kind_and_number),
        cmocka_unit_test(folder_is_listed_in_order_and_strange_names_are_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
