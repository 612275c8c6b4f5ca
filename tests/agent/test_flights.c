#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/flights.h"

static struct flights flights;

static int no_flights(void **context)
{
    (void)context;
    flights_init(&flights);
    return 0;
}

static void with_nothing_on_the_way_all_that_was_walked_has_landed(void **context)
{
    (void)context;
    assert_int_equal(flights_landed(&flights, 77), 77);
}

static void the_oldest_one_on_the_way_holds_the_mark(void **context)
{
    (void)context;
    uint64_t first = flights_add(&flights, 10);
    uint64_t second = flights_add(&flights, 20);
    flights_land(&flights, second);
    assert_int_equal(flights_landed(&flights, 20), 9);
    flights_land(&flights, first);
    assert_int_equal(flights_landed(&flights, 20), 20);
}

static void one_record_with_two_publications_waits_for_both(void **context)
{
    (void)context;
    uint64_t decision = flights_add(&flights, 10);
    uint64_t plain = flights_add(&flights, 10);
    flights_land(&flights, decision);
    assert_int_equal(flights_landed(&flights, 10), 9);
    flights_land(&flights, plain);
    assert_int_equal(flights_landed(&flights, 10), 10);
}

static void what_comes_from_no_record_holds_no_mark(void **context)
{
    (void)context;
    flights_add(&flights, RECORD_REF_NONE);
    flights_add(&flights, 20);
    assert_int_equal(flights_landed(&flights, 30), 19);
}

static void what_flies_late_holds_the_mark_at_its_record(void **context)
{
    (void)context;
    uint64_t younger = flights_add(&flights, 20);
    flights_add(&flights, 10);
    assert_int_equal(flights_landed(&flights, 30), 9);
    flights_land(&flights, younger);
    assert_int_equal(flights_landed(&flights, 30), 9);
}

static void a_late_landing_of_a_forgotten_ticket_covers_nothing_newer(void **context)
{
    (void)context;
    uint64_t lost = flights_add(&flights, 10);
    flights_forget(&flights);
    uint64_t newer = 0;
    for (int i = 0; i < FLIGHTS_MAX; i++) {
        newer = flights_add(&flights, 10);
    }
    assert_int_equal(newer, lost + FLIGHTS_MAX);
    assert_true(flights_are_full(&flights));
    flights_land(&flights, lost);
    assert_int_equal(flights_landed(&flights, 30), 9);
}

static void a_withdrawn_publication_leaves_no_trace(void **context)
{
    (void)context;
    flights_add(&flights, 10);
    flights_withdraw(&flights);
    assert_true(flights_are_none(&flights));
    assert_int_equal(flights_landed(&flights, 12), 12);
}

static void it_is_full_at_its_limit_and_not_before(void **context)
{
    (void)context;
    for (int i = 0; i < FLIGHTS_MAX - 1; i++) {
        flights_add(&flights, 1);
    }
    assert_false(flights_are_full(&flights));
    flights_add(&flights, 1);
    assert_true(flights_are_full(&flights));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(with_nothing_on_the_way_all_that_was_walked_has_landed, no_flights),
        cmocka_unit_test_setup(the_oldest_one_on_the_way_holds_the_mark, no_flights),
        cmocka_unit_test_setup(one_record_with_two_publications_waits_for_both, no_flights),
        cmocka_unit_test_setup(what_comes_from_no_record_holds_no_mark, no_flights),
        cmocka_unit_test_setup(what_flies_late_holds_the_mark_at_its_record, no_flights),
        cmocka_unit_test_setup(a_late_landing_of_a_forgotten_ticket_covers_nothing_newer, no_flights),
        cmocka_unit_test_setup(a_withdrawn_publication_leaves_no_trace, no_flights),
        cmocka_unit_test_setup(it_is_full_at_its_limit_and_not_before, no_flights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
