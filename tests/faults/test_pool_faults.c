/* Lets every call with which the event pool's file is opened fail in turn. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/agent/runtime/pool_fixture.h"
#include "tests/faults/failing_calls.h"

enum { PENDING = 3 };

static unsigned count_files(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

static void new_path(const struct pool_fixture *fixture, char path[128])
{
    snprintf(path, 128, "%s.new", fixture->path);
}

static void expect_explanation(const struct pool_fixture *fixture, enum status status)
{
    char path[128];
    new_path(fixture, path);
    assert_true(status == STATUS_IO || status == STATUS_NO_SPACE || status == STATUS_NO_MEMORY);
    assert_true(strlen(fixture->report.message) > 0);
    assert_null(strstr(fixture->report.message, "Success"));
    assert_int_not_equal(access(path, F_OK), 0);
}

/* Opens with a call failing and closes again; false when there are not so many calls. */
static bool try_open(struct pool_fixture *fixture, uint64_t number, bool persists, int error)
{
    unsigned files_before = count_files();
    failing_calls_arm(number, persists, error);
    enum status status = event_pool_open(&fixture->pool, &fixture->settings, &fixture->report);
    bool was_reached = failing_calls_heal() > 0;
    if (status == STATUS_OK) {
        event_pool_close(&fixture->pool);
    } else {
        expect_explanation(fixture, status);
    }
    assert_true(was_reached || status == STATUS_OK);
    assert_int_equal(count_files(), files_before);
    return was_reached;
}

/* Tries each call with each error; `prepare` makes the file anew for each. */
static void try_all(struct pool_fixture *fixture, void (*prepare)(struct pool_fixture *fixture),
                    uint32_t pending)
{
    static const int errors[] = {EIO, ENOSPC, EINTR, ENOMEM};
    for (size_t i = 0; i < 2 * sizeof errors / sizeof errors[0]; i++) {
        bool was_reached = true;
        uint64_t number = 1;
        for (; was_reached; number++) {
            prepare(fixture);
            was_reached = try_open(fixture, number, i % 2 == 1, errors[i / 2]);
            pool_fixture_open(fixture);
            assert_int_equal(fixture->report.pending, pending);
            event_pool_close(&fixture->pool);
        }
        assert_true(number > 4);
    }
}

static void prepare_nothing(struct pool_fixture *fixture)
{
    (void)unlink(fixture->path);
}

static void prepare_pending(struct pool_fixture *fixture)
{
    prepare_nothing(fixture);
    pool_fixture_open(fixture);
    for (uint64_t seed = 1; seed <= PENDING; seed++) {
        put_sample(&fixture->pool, seed, 100);
    }
    event_pool_close(&fixture->pool);
}

static void prepare_smaller(struct pool_fixture *fixture)
{
    uint32_t slots = fixture->settings.slots;
    prepare_nothing(fixture);
    fixture->settings.slots = slots / 2;
    pool_fixture_open(fixture);
    event_pool_close(&fixture->pool);
    fixture->settings.slots = slots;
}

static void new_pool_is_made_whole_or_not_at_all(void **context)
{
    try_all(*context, prepare_nothing, 0);
}

static void pending_messages_survive_failed_openings(void **context)
{
    try_all(*context, prepare_pending, PENDING);
}

static void pool_of_another_size_is_replaced_or_kept(void **context)
{
    try_all(*context, prepare_smaller, 0);
}

static void pool_another_agent_is_making_is_left_alone(void **context)
{
    struct pool_fixture *fixture = *context;
    char path[128];
    new_path(fixture, path);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(flock(file, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(event_pool_open(&fixture->pool, &fixture->settings, &fixture->report), STATUS_LOCKED);
    assert_int_equal(access(path, F_OK), 0);
    close(file);
    pool_fixture_open(fixture);
    event_pool_close(&fixture->pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(new_pool_is_made_whole_or_not_at_all, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(pending_messages_survive_failed_openings, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(pool_of_another_size_is_replaced_or_kept, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(pool_another_agent_is_making_is_left_alone, pool_fixture_setup,
                                        pool_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
