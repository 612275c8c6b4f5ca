/* Lets every allocation of a start fail in turn. */
#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/faults/failing_memory.h"
#include "tests/faults/fault_world.h"

struct holdings {
    int64_t mapped;
    uint64_t heap;
    unsigned files;
};

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

enum { HEAP_SLACK_BYTES = 64 };

static struct holdings take_stock(void)
{
    return (struct holdings){
        .mapped = failing_memory_mapped(), .heap = failing_memory_heap(), .files = count_files()};
}

static void expect_same(struct holdings before)
{
    struct holdings now = take_stock();
    assert_int_equal(now.mapped, before.mapped);
    /* An allocator may give a block that is a little larger than asked; exact leaks are the sanitizer's. */
    assert_in_range(now.heap, before.heap < HEAP_SLACK_BYTES ? 0 : before.heap - HEAP_SLACK_BYTES,
                    before.heap + HEAP_SLACK_BYTES);
    assert_int_equal(now.files, before.files);
}

/* Opens with the allocation failing and closes again; whether the start got that far. */
static bool try_start(struct fixture *fixture, uint64_t number, bool persists, unsigned *refusals)
{
    struct holdings before = take_stock();
    fixture->message[0] = '\0';
    failing_memory_arm(number, persists);
    enum status status = fixture_try_open(fixture);
    failing_memory_heal();
    bool was_reached = failing_memory_failed() > 0;
    if (status == STATUS_OK) {
        fixture_kill(fixture);
    } else {
        assert_int_equal(status, STATUS_NO_MEMORY);
        assert_non_null(strstr(fixture->message, "memory"));
        assert_non_null(strstr(fixture->message, "; "));
        assert_null(strchr(fixture->message, '\n'));
        *refusals += 1;
    }
    expect_same(before);
    return was_reached;
}

/* The fixture's own allocation is the first. */
enum { FIRST_OF_AGENT = 2 };

static void try_fresh_starts(bool persists)
{
    bool was_reached = true;
    unsigned refusals = 0;
    uint64_t number = FIRST_OF_AGENT;
    for (; was_reached; number++) {
        struct world world;
        world_open(&world);
        was_reached = try_start(world.fixture, number, persists, &refusals);
        assert_int_equal(fixture_try_open(world.fixture), STATUS_OK);
        world_close(&world);
    }
    assert_true(refusals > 10);
    print_message("%" PRIu64 " allocations, %u refusals\n", number - FIRST_OF_AGENT, refusals);
}

static void try_later_starts(bool persists)
{
    struct world world;
    bool was_reached = true;
    unsigned refusals = 0;
    world_open(&world);
    assert_int_equal(world_live_and_crash(&world), ENDING_WENT_ON);
    uint64_t number = FIRST_OF_AGENT;
    for (; was_reached; number++) {
        was_reached = try_start(world.fixture, number, persists, &refusals);
    }
    assert_true(refusals > 10);
    print_message("%" PRIu64 " allocations, %u refusals\n", number - FIRST_OF_AGENT, refusals);
    world.fixture->message[0] = '\0';
    world_check(&world);
    world_close(&world);
}

static void first_start_without_memory_leaves_nothing(void **context)
{
    (void)context;
    try_fresh_starts(false);
    try_fresh_starts(true);
}

static void later_start_without_memory_leaves_nothing_and_loses_nothing(void **context)
{
    (void)context;
    try_later_starts(false);
    try_later_starts(true);
}

static bool try_loading(uint64_t number, bool persists)
{
    struct holdings before = take_stock();
    struct config_source source = {.host_name = "a1"};
    static struct config_errors errors;
    struct config_snapshot *snapshot;
    failing_memory_arm(number, persists);
    enum status status = config_load(&source, &snapshot, &errors);
    failing_memory_heal();
    assert_int_equal(status, failing_memory_failed() > 0 ? STATUS_NO_MEMORY : STATUS_OK);
    config_snapshot_close(snapshot);
    expect_same(before);
    return failing_memory_failed() > 0;
}

static void configuration_without_memory_is_not_loaded(void **context)
{
    (void)context;
    for (int persists = 0; persists <= 1; persists++) {
        uint64_t number = 1;
        while (try_loading(number, persists == 1)) {
            number++;
        }
        assert_true(number > 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configuration_without_memory_is_not_loaded),
        cmocka_unit_test(first_start_without_memory_leaves_nothing),
        cmocka_unit_test(later_start_without_memory_leaves_nothing_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
