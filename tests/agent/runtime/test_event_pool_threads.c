#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

#include "tests/agent/runtime/pool_fixture.h"

enum { MESSAGES = 4000, TAKERS = 3, RING = 64 };

/* The receive thread's slots on their way to the takers. */
struct hand_over {
    struct pool_fixture *fixture;
    pthread_mutex_t lock;
    struct pool_receipt ring[RING];
    uint64_t put;
    uint64_t taken;
    _Atomic uint64_t wrong;
    _Atomic uint64_t freed;
};

static size_t bytes_for(uint64_t sequence)
{
    return 32 + sequence * 37 % 200;
}

static void *put_all(void *context)
{
    struct hand_over *hand_over = context;
    struct sample sample;
    for (uint64_t i = 1; i <= MESSAGES; i++) {
        sample_fill(&sample, i, bytes_for(i));
        struct pool_receipt receipt;
        enum status status = event_pool_put_wait(&hand_over->fixture->pool, &sample.message, i, -1, &receipt);
        pthread_mutex_lock(&hand_over->lock);
        hand_over->wrong += status != STATUS_OK || receipt.sequence != i ? 1 : 0;
        hand_over->ring[hand_over->put++ % RING] = receipt;
        pthread_mutex_unlock(&hand_over->lock);
    }
    return NULL;
}

static bool take(struct hand_over *hand_over, struct pool_receipt *receipt)
{
    pthread_mutex_lock(&hand_over->lock);
    bool any = hand_over->taken < hand_over->put;
    if (any) {
        *receipt = hand_over->ring[hand_over->taken++ % RING];
    }
    pthread_mutex_unlock(&hand_over->lock);
    return any;
}

static void check_and_free(struct hand_over *hand_over, struct pool_receipt receipt)
{
    struct event_pool *pool = &hand_over->fixture->pool;
    bool whole = slot_holds(pool, receipt.slot, receipt.sequence, bytes_for(receipt.sequence));
    if (!whole || event_pool_free_sequence(pool, receipt.sequence) != STATUS_OK) {
        hand_over->wrong++;
    }
    hand_over->freed++;
}

static void *take_all(void *context)
{
    struct hand_over *hand_over = context;
    struct pool_receipt receipt;
    while (hand_over->freed < MESSAGES) {
        if (take(hand_over, &receipt)) {
            check_and_free(hand_over, receipt);
        } else {
            sched_yield();
        }
    }
    return NULL;
}

static void messages_pass_whole_while_others_put_and_free(void **context)
{
    struct pool_fixture *fixture = *context;
    fixture->settings.slots = 24;
    pool_fixture_open(fixture);
    struct hand_over hand_over = {.fixture = fixture, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t putter;
    pthread_t takers[TAKERS];
    pthread_create(&putter, NULL, put_all, &hand_over);
    for (int i = 0; i < TAKERS; i++) {
        pthread_create(&takers[i], NULL, take_all, &hand_over);
    }
    pthread_join(putter, NULL);
    for (int i = 0; i < TAKERS; i++) {
        pthread_join(takers[i], NULL);
    }
    assert_int_equal(hand_over.wrong, 0);
    assert_int_equal(event_pool_stats(&fixture->pool).used, 0);
}

static void *put_one_waiting(void *context)
{
    struct pool_fixture *fixture = context;
    struct sample sample;
    sample_fill(&sample, 1, 500);
    struct pool_receipt receipt;
    enum status status = event_pool_put_wait(&fixture->pool, &sample.message, 1, -1, &receipt);
    return status == STATUS_CLOSED ? fixture : NULL;
}

static void stopping_the_pool_ends_a_wait(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    put_sample(&fixture->pool, 1, 500);
    pthread_t putter;
    pthread_create(&putter, NULL, put_one_waiting, fixture);
    while (event_pool_stats(&fixture->pool).waits == 0) {
        sched_yield();
    }
    event_pool_stop(&fixture->pool);
    void *closed = NULL;
    pthread_join(putter, &closed);
    assert_ptr_equal(closed, fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_pass_whole_while_others_put_and_free, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(stopping_the_pool_ends_a_wait, pool_fixture_setup,
                                        pool_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
