#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/runtime/deadline.h"

static enum status wait_for(int64_t timeout_ms)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition;
    pthread_cond_init(&condition, NULL);
    struct deadline deadline = deadline_after(timeout_ms);
    pthread_mutex_lock(&lock);
    enum status status = STATUS_OK;
    for (int i = 0; i < 1000 && status == STATUS_OK; i++) { /* A condition may wake for no reason. */
        status = deadline_wait(&deadline, &condition, &lock);
    }
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&condition);
    return status;
}

static void wait_ends_at_its_deadline(void **context)
{
    (void)context;
    assert_int_equal(wait_for(0), STATUS_TIMED_OUT);
    assert_int_equal(wait_for(1), STATUS_TIMED_OUT);
}

static void deadline_lies_where_it_should(void **context)
{
    (void)context;
    const int64_t timeouts_ms[] = {1, 999, 1000, 1001, 86400999};
    for (size_t i = 0; i < 5; i++) {
        struct timespec before;
        struct timespec after;
        clock_gettime(CLOCK_MONOTONIC, &before);
        struct deadline deadline = deadline_after(timeouts_ms[i]);
        clock_gettime(CLOCK_MONOTONIC, &after);
        int64_t wanted_ns = timeouts_ms[i] * 1000000;
        int64_t at_ns = (int64_t)deadline.at.tv_sec * 1000000000 + deadline.at.tv_nsec;
        assert_true(deadline.at.tv_nsec >= 0 && deadline.at.tv_nsec < 1000000000);
        assert_true(at_ns >= (int64_t)before.tv_sec * 1000000000 + before.tv_nsec + wanted_ns);
        assert_true(at_ns <= (int64_t)after.tv_sec * 1000000000 + after.tv_nsec + wanted_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wait_ends_at_its_deadline),
        cmocka_unit_test(deadline_lies_where_it_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
