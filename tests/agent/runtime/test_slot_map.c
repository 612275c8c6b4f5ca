#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/runtime/slot_map.h"

enum { SLOTS = 130, WORDS = 3 };

static void search_goes_on_where_the_last_one_ended(void **context)
{
    (void)context;
    uint64_t memory[WORDS] = {0};
    struct slot_map map;
    slot_map_init(&map, memory, SLOTS);
    assert_int_equal(slot_map_bytes(SLOTS), sizeof memory);
    assert_int_equal(slot_map_take(&map, 2), 0);
    assert_int_equal(slot_map_take(&map, 1), 2);
    slot_map_give(&map, 0, 2);
    assert_int_equal(slot_map_take(&map, 1), 3);
    assert_int_equal(slot_map_take(&map, 126), 4);
    assert_int_equal(slot_map_take(&map, 1), 0);
    assert_int_equal(slot_map_take(&map, 2), INDEX_NONE);
    assert_int_equal(slot_map_take(&map, 1), 1);
    assert_int_equal(slot_map_take(&map, 1), INDEX_NONE);
    assert_int_equal(map.used, SLOTS);
    assert_int_equal(map.high_water, SLOTS);
}

static void run_may_straddle_the_cursor(void **context)
{
    (void)context;
    uint64_t memory[WORDS] = {0};
    struct slot_map map;
    slot_map_init(&map, memory, SLOTS);
    slot_map_mark(&map, 0, SLOTS);
    slot_map_give(&map, 50, 1);
    assert_int_equal(slot_map_take(&map, 1), 50); /* The cursor is at 51. */
    slot_map_give(&map, 49, 4);
    assert_int_equal(slot_map_take(&map, 4), 49);
}

static uint32_t longest_free_run(const bool *taken)
{
    uint32_t longest = 0;
    uint32_t run = 0;
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        run = taken[slot] ? 0 : run + 1;
        longest = run > longest ? run : longest;
    }
    return longest;
}

struct lease {
    uint32_t slot;
    uint32_t run;
};

static void take_one(struct slot_map *map, bool *taken, struct lease *lease, uint32_t run)
{
    *lease = (struct lease){.slot = slot_map_take(map, run), .run = run};
    if (lease->slot == INDEX_NONE) {
        assert_true(longest_free_run(taken) < run);
        lease->run = 0;
    }
    for (uint32_t i = lease->slot; i < lease->slot + lease->run; i++) {
        assert_true(i < SLOTS && !taken[i]);
        taken[i] = true;
    }
}

/* A run is found exactly when there is one, and never overlaps another. */
static void runs_are_found_whenever_there_are_any(void **context)
{
    (void)context;
    uint64_t memory[WORDS] = {0};
    bool taken[SLOTS] = {0};
    struct lease leases[64] = {0};
    struct slot_map map;
    slot_map_init(&map, memory, SLOTS);
    uint32_t random = 3;
    for (int i = 0; i < 20000; i++) {
        random = random * 1664525 + 1013904223;
        struct lease *lease = &leases[random >> 8 & 63];
        if (lease->run == 0) {
            take_one(&map, taken, lease, 1 + (random >> 16 & 7));
        } else {
            slot_map_give(&map, lease->slot, lease->run);
            memset(&taken[lease->slot], 0, lease->run);
            lease->run = 0;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(search_goes_on_where_the_last_one_ended),
        cmocka_unit_test(run_may_straddle_the_cursor),
        cmocka_unit_test(runs_are_found_whenever_there_are_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
