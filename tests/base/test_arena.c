#include "base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static alignas(max_align_t) uint8_t storage[256];

static void blocks_are_aligned_and_apart(void **context)
{
    (void)context;
    struct arena arena;
    arena_init(&arena, storage, sizeof storage);
    uint8_t *last = NULL;
    for (size_t size = 1; size <= 17; size += 4) {
        uint8_t *block = arena_take(&arena, size);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % alignof(max_align_t), 0);
        assert_true(last == NULL || block >= last);
        memset(block, 0xFF, size);
        last = block + size;
    }
}

static void what_does_not_fit_is_refused_and_counted(void **context)
{
    (void)context;
    struct arena arena;
    arena_init(&arena, storage, sizeof storage);
    assert_null(arena_take(&arena, sizeof storage + 1));
    assert_null(arena_take(&arena, SIZE_MAX));
    assert_null(arena_take(&arena, SIZE_MAX - 8));
    assert_int_equal(arena.refused, 3);
    assert_int_equal(arena.used, 0);
    assert_non_null(arena_take(&arena, sizeof storage));
    assert_null(arena_take(&arena, 1));
    assert_int_equal(arena.refused, 4);
}

static void a_reset_gives_all_back_and_keeps_the_high_water(void **context)
{
    (void)context;
    struct arena arena;
    arena_init(&arena, storage, sizeof storage);
    void *first = arena_take(&arena, 100);
    size_t used = arena.used;
    arena_reset(&arena);
    assert_int_equal(arena.used, 0);
    assert_int_equal(arena.high_water, used);
    assert_ptr_equal(arena_take(&arena, 10), first);
    assert_int_equal(arena.high_water, used);
}

static void an_arena_of_nothing_refuses(void **context)
{
    (void)context;
    struct arena arena;
    arena_init(&arena, storage, 0);
    assert_null(arena_take(&arena, 1));
    arena_init(&arena, storage, 15);
    assert_null(arena_take(&arena, 1)); /* Rounded up it does not fit. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_apart),
        cmocka_unit_test(what_does_not_fit_is_refused_and_counted),
        cmocka_unit_test(a_reset_gives_all_back_and_keeps_the_high_water),
        cmocka_unit_test(an_arena_of_nothing_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
