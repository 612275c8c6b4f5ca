#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/runtime/run_queue.h"

enum { SUBJECTS = 64 };

struct fixture {
    struct run_queue queue;
    struct index_link links[SUBJECTS];
};

static int setup(void **context)
{
    static struct fixture fixture;
    run_queue_init(&fixture.queue, fixture.links);
    *context = &fixture;
    return 0;
}

static uint32_t take(struct fixture *fixture)
{
    uint32_t subject = INDEX_NONE;
    return run_queue_take(&fixture->queue, &subject) == STATUS_OK ? subject : INDEX_NONE;
}

static void priorities_are_picked_in_order(void **context)
{
    struct fixture *fixture = *context;
    run_queue_put(&fixture->queue, 1, RUN_NORMAL);
    run_queue_put(&fixture->queue, 2, RUN_HIGH);
    run_queue_put(&fixture->queue, 3, RUN_MAX);
    run_queue_put(&fixture->queue, 4, RUN_MAX);
    assert_int_equal(run_queue_length(&fixture->queue), 4);
    assert_int_equal(take(fixture), 3);
    assert_int_equal(take(fixture), 4);
    assert_int_equal(take(fixture), 2);
    assert_int_equal(take(fixture), 1);
    assert_int_equal(take(fixture), INDEX_NONE);
    assert_int_equal(fixture->queue.high_water, 4);
}

static void low_is_picked_once_in_eight_while_normal_waits(void **context)
{
    struct fixture *fixture = *context;
    for (uint32_t subject = 0; subject < 32; subject++) {
        run_queue_put(&fixture->queue, subject, RUN_NORMAL);
    }
    for (uint32_t subject = 32; subject < 36; subject++) {
        run_queue_put(&fixture->queue, subject, RUN_LOW);
    }
    uint32_t low = 0;
    for (uint32_t pick = 1; pick <= 32; pick++) {
        uint32_t subject = take(fixture);
        low += subject >= 32 ? 1 : 0;
        assert_int_equal(low, pick / 8);
    }
}

static void low_runs_at_once_when_nothing_else_waits(void **context)
{
    struct fixture *fixture = *context;
    run_queue_put(&fixture->queue, 7, RUN_LOW);
    run_queue_put(&fixture->queue, 8, RUN_LOW);
    assert_int_equal(take(fixture), 7);
    assert_int_equal(take(fixture), 8);
}

static void high_goes_before_normal_and_low(void **context)
{
    struct fixture *fixture = *context;
    run_queue_put(&fixture->queue, 1, RUN_LOW);
    run_queue_put(&fixture->queue, 2, RUN_NORMAL);
    for (uint32_t subject = 10; subject < 40; subject++) {
        run_queue_put(&fixture->queue, subject, RUN_HIGH);
    }
    for (uint32_t subject = 10; subject < 40; subject++) {
        assert_int_equal(take(fixture), subject);
    }
    assert_int_equal(take(fixture), 2);
    assert_int_equal(take(fixture), 1);
}

static void subject_is_taken_out_to_be_put_higher(void **context)
{
    struct fixture *fixture = *context;
    for (uint32_t subject = 0; subject < 3; subject++) {
        run_queue_put(&fixture->queue, subject, RUN_NORMAL);
    }
    run_queue_remove(&fixture->queue, 1, RUN_NORMAL);
    run_queue_put(&fixture->queue, 1, RUN_HIGH);
    assert_int_equal(take(fixture), 1);
    assert_int_equal(take(fixture), 0);
    assert_int_equal(take(fixture), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(priorities_are_picked_in_order, setup),
        cmocka_unit_test_setup(low_is_picked_once_in_eight_while_normal_waits, setup),
        cmocka_unit_test_setup(low_runs_at_once_when_nothing_else_waits, setup),
        cmocka_unit_test_setup(high_goes_before_normal_and_low, setup),
        cmocka_unit_test_setup(subject_is_taken_out_to_be_put_higher, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
