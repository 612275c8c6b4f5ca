#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/clock.h"

#define NOON 1763726400000LL /* 2025-11-21T12:00:00Z */

static void the_clock_follows_a_wall_that_moves_forward(void **context)
{
    (void)context;
    struct clock clock;
    clock_init(&clock, 0);
    assert_int_equal(clock_at(&clock, NOON).now, NOON);
    struct moment later = clock_at(&clock, NOON + 5);
    assert_int_equal(later.now, NOON + 5);
    assert_int_equal(later.quality, CLOCK_SYNCED);
}

static void a_jump_back_freezes_it_and_is_called_holdover(void **context)
{
    (void)context;
    struct clock clock;
    clock_init(&clock, 0);
    clock_at(&clock, NOON);
    struct moment jumped = clock_at(&clock, NOON - 3600000);
    assert_int_equal(jumped.now, NOON);
    assert_int_equal(jumped.quality, CLOCK_HOLDOVER);
    struct moment back = clock_at(&clock, NOON + 1);
    assert_int_equal(back.now, NOON + 1);
    assert_int_equal(back.quality, CLOCK_SYNCED);
}

static void a_slewing_wall_holds_still_without_holdover(void **context)
{
    (void)context;
    struct clock clock;
    clock_init(&clock, 0);
    clock_at(&clock, NOON);
    struct moment slewed = clock_at(&clock, NOON - CLOCK_SLEW_MOST_MS + 1);
    assert_int_equal(slewed.now, NOON);
    assert_int_equal(slewed.quality, CLOCK_SYNCED);
    assert_int_equal(clock_at(&clock, NOON - CLOCK_SLEW_MOST_MS).quality, CLOCK_HOLDOVER);
}

static void a_wall_before_2024_is_unset(void **context)
{
    (void)context;
    struct clock clock;
    clock_init(&clock, 0);
    assert_int_equal(clock_at(&clock, 1000).quality, CLOCK_UNSET);
    assert_int_equal(clock_at(&clock, 1704067199999).quality, CLOCK_UNSET);
    assert_int_equal(clock_at(&clock, 1704067200000).quality, CLOCK_SYNCED);
}

static void an_earlier_runs_high_water_mark_holds(void **context)
{
    (void)context;
    struct clock clock;
    clock_init(&clock, NOON);
    struct moment behind = clock_at(&clock, NOON - 60000);
    assert_int_equal(behind.now, NOON);
    assert_int_equal(behind.quality, CLOCK_HOLDOVER);
}

static void the_systems_clock_and_the_monotonic_one_grow(void **context)
{
    (void)context;
    struct clock clock;
    clock_init(&clock, 0);
    instant_ms first = clock_read(&clock).now;
    uint64_t started = clock_monotonic_us();
    assert_true(clock_read(&clock).now >= first);
    assert_true(clock_monotonic_us() >= started);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_follows_a_wall_that_moves_forward),
        cmocka_unit_test(a_jump_back_freezes_it_and_is_called_holdover),
        cmocka_unit_test(a_slewing_wall_holds_still_without_holdover),
        cmocka_unit_test(a_wall_before_2024_is_unset),
        cmocka_unit_test(an_earlier_runs_high_water_mark_holds),
        cmocka_unit_test(the_systems_clock_and_the_monotonic_one_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
