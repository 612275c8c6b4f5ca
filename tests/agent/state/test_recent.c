#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/recent.h"

/* Each frame's bytes tell its number; every frame held must still have them. */
static void ring_holds_the_latest_frames_unharmed(void **context)
{
    (void)context;
    enum { CAPACITY = 1000 };
    struct recent recent;
    void *memory = malloc(recent_memory_bytes(CAPACITY));
    recent_init(&recent, memory, CAPACITY);
    uint32_t state = 99;
    for (uint64_t frame = 1; frame <= 5000; frame++) {
        state = state * 1664525 + 1013904223;
        size_t length = (state >> 16) % 7 == 0 ? 0 : (state >> 20) % 300;
        uint8_t *data = recent_add(&recent, frame, frame * 2, length);
        assert_non_null(data);
        memset(data, (int)(frame % 251), length);
        assert_non_null(recent_find(&recent, frame));
        assert_null(recent_find(&recent, frame + 1));
        for (uint64_t held = recent.oldest; held <= frame; held++) {
            const struct recent_frame *found = recent_find(&recent, held);
            assert_int_equal(found->frame, held);
            assert_int_equal(found->first_seq, held * 2);
            for (size_t i = 0; i < found->length; i++) {
                assert_int_equal(recent.data[found->offset + i], held % 251);
            }
        }
    }
    free(memory);
}

static void frame_larger_than_the_ring_is_not_held(void **context)
{
    (void)context;
    struct recent recent;
    void *memory = malloc(recent_memory_bytes(100));
    recent_init(&recent, memory, 100);
    assert_non_null(recent_add(&recent, 1, 1, 100));
    assert_null(recent_add(&recent, 2, 1, 101));
    assert_null(recent_find(&recent, 1));
    assert_null(recent_find(&recent, 2));
    assert_non_null(recent_add(&recent, 3, 1, 50));
    assert_non_null(recent_find(&recent, 3));
    free(memory);
}

static void ring_of_no_bytes_holds_nothing(void **context)
{
    (void)context;
    struct recent recent;
    void *memory = malloc(recent_memory_bytes(0));
    recent_init(&recent, memory, 0);
    assert_null(recent_add(&recent, 1, 1, 1));
    assert_null(recent_find(&recent, 1));
    assert_null(recent_find(&recent, 0));
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ring_holds_the_latest_frames_unharmed),
        cmocka_unit_test(frame_larger_than_the_ring_is_not_held),
        cmocka_unit_test(ring_of_no_bytes_holds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
