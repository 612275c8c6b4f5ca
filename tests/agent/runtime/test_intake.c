#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/runtime/intake.h"

struct fixture {
    struct intake intake;
    struct index_link links[8];
};

static int setup(void **context)
{
    static struct fixture fixture;
    intake_init(&fixture.intake);
    *context = &fixture;
    return 0;
}

static void push(struct fixture *fixture, slot_index count)
{
    for (slot_index slot = 0; slot < count; slot++) {
        intake_push(&fixture->intake, fixture->links, slot);
    }
}

static slot_index take(struct fixture *fixture)
{
    slot_index slot = INDEX_NONE;
    return intake_take(&fixture->intake, fixture->links, &slot) == STATUS_OK ? slot : INDEX_NONE;
}

static void one_at_a_time_routes_in_order_of_arrival(void **context)
{
    struct fixture *fixture = *context;
    assert_false(intake_is_ready(&fixture->intake));
    push(fixture, 3);
    assert_true(intake_is_ready(&fixture->intake));
    intake_begin(&fixture->intake);
    assert_false(intake_is_ready(&fixture->intake));
    assert_int_equal(take(fixture), 0);
    assert_int_equal(take(fixture), 1);
    intake_end(&fixture->intake);
    assert_true(intake_is_ready(&fixture->intake));
}

static void message_put_back_blocks_those_behind_it(void **context)
{
    struct fixture *fixture = *context;
    push(fixture, 3);
    intake_begin(&fixture->intake);
    assert_int_equal(take(fixture), 0);
    intake_put_back(&fixture->intake, fixture->links, 0);
    assert_int_equal(take(fixture), INDEX_NONE);
    intake_end(&fixture->intake);
    assert_false(intake_is_ready(&fixture->intake));
    intake_unblock(&fixture->intake);
    intake_begin(&fixture->intake);
    assert_int_equal(take(fixture), 0);
    assert_int_equal(take(fixture), 1);
}

static void nothing_stays_blocked_when_the_blocked_one_is_gone(void **context)
{
    struct fixture *fixture = *context;
    push(fixture, 1);
    intake_begin(&fixture->intake);
    assert_int_equal(take(fixture), 0);
    intake_put_back(&fixture->intake, fixture->links, 0);
    intake_end(&fixture->intake);
    intake_remove(&fixture->intake, fixture->links, 0);
    push(fixture, 1);
    assert_true(intake_is_ready(&fixture->intake));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_at_a_time_routes_in_order_of_arrival, setup),
        cmocka_unit_test_setup(message_put_back_blocks_those_behind_it, setup),
        cmocka_unit_test_setup(nothing_stays_blocked_when_the_blocked_one_is_gone, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
