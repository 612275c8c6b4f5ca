#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/agent/runtime/pool_fixture.h"

enum { ROUNDS = 60 };

/* What the child has surely done, written when it is done. */
struct progress {
    _Atomic uint64_t put;     /* Sequences up to this one were put. */
    _Atomic uint64_t freeing; /* Up to this one they were freed, or were about to be. */
};

static size_t bytes_for(uint64_t sequence)
{
    return 32 + sequence * 37 % 200;
}

/* Puts for ever, holding the last few: each message follows from its sequence. */
static void put_until_killed(struct pool_fixture *fixture, struct progress *progress)
{
    struct sample sample;
    struct pool_receipt receipt;
    for (uint64_t sequence = fixture->pool.next_sequence;; sequence++) {
        sample_fill(&sample, sequence, bytes_for(sequence));
        while (event_pool_put(&fixture->pool, &sample.message, 0, &receipt) != STATUS_OK) {
            uint64_t oldest = atomic_load(&progress->freeing) + 1;
            atomic_store(&progress->freeing, oldest);
            if (event_pool_free_sequence(&fixture->pool, oldest) != STATUS_OK) {
                _exit(1);
            }
        }
        atomic_store(&progress->put, sequence);
    }
}

static void let_child_work(struct pool_fixture *fixture, struct progress *progress, uint64_t puts)
{
    uint64_t enough = fixture->pool.next_sequence + puts;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        put_until_killed(fixture, progress);
    }
    while (atomic_load(&progress->put) < enough) {
        int state = 0;
        assert_int_equal(waitpid(child, &state, WNOHANG), 0);
    }
    kill(child, SIGKILL);
    int state = 0;
    assert_int_equal(waitpid(child, &state, 0), child);
    assert_true(WIFSIGNALED(state));
}

/* Everything put and not freed is there, whole and in order; one more may have been sealed, one may be gone.
 */
static void check_survivors(struct pool_fixture *fixture, const struct progress *progress)
{
    assert_int_equal(fixture->report.damaged, 0);
    uint64_t put = atomic_load(&progress->put);
    uint64_t freeing = atomic_load(&progress->freeing);
    uint64_t expected = freeing;
    struct pool_receipt receipt;
    while (event_pool_next_pending(&fixture->pool, &receipt) == STATUS_OK) {
        assert_true(receipt.sequence == expected ||
                    (expected == freeing && receipt.sequence == expected + 1));
        assert_true(slot_holds(&fixture->pool, receipt.slot, receipt.sequence, bytes_for(receipt.sequence)));
        expected = receipt.sequence + 1;
    }
    assert_true(expected == put + 1 || expected == put + 2);
}

static void killed_process_leaves_every_message_whole_or_absent(void **context)
{
    struct pool_fixture *fixture = *context;
    fixture->settings.slots = 16;
    struct progress *progress =
        mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(progress != MAP_FAILED);
    uint64_t random = 7;
    for (int round = 0; round < ROUNDS; round++) {
        pool_fixture_open(fixture);
        if (round > 0) {
            check_survivors(fixture, progress);
        }
        /* The one whose freeing was interrupted. */
        assert_in_range(event_pool_free_sequence(&fixture->pool, atomic_load(&progress->freeing)), STATUS_OK,
                        STATUS_NOT_FOUND);
        atomic_store(&progress->put, fixture->pool.next_sequence - 1);
        let_child_work(fixture, progress, next_random(&random) % 500);
        event_pool_close(&fixture->pool);
    }
    pool_fixture_open(fixture);
    check_survivors(fixture, progress);
    munmap(progress, sizeof *progress);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_process_leaves_every_message_whole_or_absent,
                                        pool_fixture_setup, pool_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
