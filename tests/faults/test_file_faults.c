/* Lets every file call of a workload fail in turn, in every way, as SQLite's tests of I/O errors do. */
#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/faults/fault_world.h"

/* FLYBALL_FAULT_STRIDE: only every so manieth call fails. FLYBALL_FAULT_TABLE: prints what came of it. */
static uint64_t stride(void)
{
    const char *text = getenv("FLYBALL_FAULT_STRIDE");
    uint64_t number = text == NULL ? 1 : strtoull(text, NULL, 10);
    return number == 0 ? 1 : number;
}

struct tally {
    unsigned trials[FILE_CALLS][ENDINGS];
    unsigned total;
};

static unsigned open_files(void)
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

/* What each call may come to, beyond what world_check demands of all. */
static void expect_ending(const struct failing_io *failing, enum ending ending)
{
    bool is_transfer = failing->failed_call == CALL_PREAD || failing->failed_call == CALL_PWRITE;
    if (failing->fault == FAULT_SHORT || (failing->fault == FAULT_EINTR && is_transfer)) {
        assert_int_equal(ending, ENDING_WENT_ON);
    }
    if (failing->failed_call == CALL_FDATASYNC) {
        assert_true(ending == ENDING_STOPPED || ending == ENDING_REFUSED);
    }
}

static void workload_makes_every_call(void **context)
{
    (void)context;
    struct world world;
    world_open(&world);
    assert_int_equal(world_live(&world), ENDING_WENT_ON);
    for (int call = 0; call < FILE_CALLS; call++) {
        bool is_used = call != CALL_FTRUNCATE; /* Nobody needs it. */
        if ((world.failing.calls_of[call] > 0) != is_used) {
            fail_msg("%" PRIu64 " calls of %s", world.failing.calls_of[call],
                     file_call_name((enum file_call)call));
        }
    }
    char first[FIXTURE_PATH_MAX + 40];
    snprintf(first, sizeof first, "%s/store/segment-0000000001.log", world.fixture->folder);
    assert_int_not_equal(access(first, F_OK), 0); /* It was compacted. */
    world_check(&world);
    world_close(&world);
}

/* False when the workload ends before that call. */
static bool try_one(enum fault fault, enum span span, uint64_t number, struct tally *tally)
{
    struct world world;
    unsigned files_before = open_files();
    world_open(&world);
    world.span = span;
    failing_io_arm(&world.failing, fault, number, span != SPAN_ONCE);
    if (getenv("FLYBALL_FAULT_TRACE") != NULL) {
        print_message("%s %d %" PRIu64 "\n", fault_name(fault), (int)span, number);
    }
    enum ending ending = world_live(&world);
    bool was_reached = world.failing.calls >= number;
    if (world.failing.failed > 0) {
        expect_ending(&world.failing, ending);
        tally->trials[world.failing.failed_call][ending]++;
        tally->total++;
    }
    if (world.failing.failed > 0 || !was_reached) {
        world_check(&world);
    }
    world_close(&world);
    assert_int_equal(open_files(), files_before);
    return was_reached;
}

static void print_tally(const char *name, const struct tally *tally)
{
    print_message("%s: %u trials\n", name, tally->total);
    for (int call = 0; getenv("FLYBALL_FAULT_TABLE") != NULL && call < FILE_CALLS; call++) {
        const unsigned *row = tally->trials[call];
        print_message("  %-10s", file_call_name((enum file_call)call));
        for (int ending = 0; ending < ENDINGS; ending++) {
            print_message(" %s %u", ending_name((enum ending)ending), row[ending]);
        }
        print_message("\n");
    }
}

static void try_all(enum fault fault, enum span span, const char *name)
{
    struct tally tally = {0};
    uint64_t number = 1;
    while (try_one(fault, span, number, &tally)) {
        number += stride();
    }
    assert_true(tally.total > 0);
    print_tally(name, &tally);
}

static void any_call_may_fail_once(void **context)
{
    (void)context;
    try_all(FAULT_EIO, SPAN_ONCE, "EIO once");
}

static void any_call_may_fail_for_good(void **context)
{
    (void)context;
    try_all(FAULT_EIO, SPAN_TO_THE_END, "EIO from then on");
}

static void disk_may_be_full_once(void **context)
{
    (void)context;
    try_all(FAULT_ENOSPC, SPAN_ONCE, "ENOSPC once");
}

static void disk_may_be_full_until_the_next_start(void **context)
{
    (void)context;
    try_all(FAULT_ENOSPC, SPAN_TO_THE_END, "ENOSPC from then on");
}

static void disk_may_be_full_for_a_while(void **context)
{
    (void)context;
    try_all(FAULT_ENOSPC, SPAN_UNTIL_IT_WAITS, "ENOSPC for a while");
}

static void any_call_may_be_interrupted(void **context)
{
    (void)context;
    try_all(FAULT_EINTR, SPAN_ONCE, "EINTR once");
}

static void all_transfers_may_be_interrupted(void **context)
{
    (void)context;
    try_all(FAULT_EINTR, SPAN_TO_THE_END, "EINTR of reads and writes from then on");
}

static void any_transfer_may_be_short(void **context)
{
    (void)context;
    try_all(FAULT_SHORT, SPAN_ONCE, "short once");
}

static void all_transfers_may_be_short(void **context)
{
    (void)context;
    try_all(FAULT_SHORT, SPAN_TO_THE_END, "short from then on");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workload_makes_every_call),
        cmocka_unit_test(any_call_may_fail_once),
        cmocka_unit_test(any_call_may_fail_for_good),
        cmocka_unit_test(disk_may_be_full_once),
        cmocka_unit_test(disk_may_be_full_until_the_next_start),
        cmocka_unit_test(disk_may_be_full_for_a_while),
        cmocka_unit_test(any_call_may_be_interrupted),
        cmocka_unit_test(all_transfers_may_be_interrupted),
        cmocka_unit_test(any_transfer_may_be_short),
        cmocka_unit_test(all_transfers_may_be_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
