#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "agent/runtime/arrival_times.h"

enum { PLACES = 4 };

static void latest_sequences_are_known_and_older_ones_are_not(void **context)
{
    (void)context;
    static struct arrival_time places[PLACES];
    struct arrival_times times;
    arrival_times_init(&times, places, PLACES);
    assert_int_equal(arrival_times_find(&times, 0), 0);
    assert_int_equal(arrival_times_find(&times, 1), 0);
    for (uint64_t sequence = 1; sequence <= 10; sequence++) {
        arrival_times_note(&times, sequence, sequence * 100);
    }
    for (uint64_t sequence = 1; sequence <= 6; sequence++) {
        assert_int_equal(arrival_times_find(&times, sequence), 0);
    }
    for (uint64_t sequence = 7; sequence <= 10; sequence++) {
        assert_int_equal(arrival_times_find(&times, sequence), sequence * 100);
    }
    assert_int_equal(arrival_times_find(&times, 11), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latest_sequences_are_known_and_older_ones_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
