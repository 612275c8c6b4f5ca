/* The agent as a process of its own whose allocations are counted from outside. Fails the running cmocka test
 * when it cannot do what it says. Needs FLYBALL_AGENT (the program) and FLYBALL_COUNTER (the shared object)
 * in the environment. */
#ifndef FLYBALL_TESTS_ALLOCATION_AGENT_UNDER_COUNT_H
#define FLYBALL_TESTS_ALLOCATION_AGENT_UNDER_COUNT_H

#include <stdbool.h>
#include <sys/types.h>

#include "tests/allocation/allocation_counts.h"
#include "tests/broker/broker.h"

enum { THREAD_NAME_MAX = 16 };

struct agent_under_count {
    pid_t pid; /* 0: not running. */
    const struct allocation_counts *counts;
    char log[BROKER_PATH_MAX + 16]; /* What it says. */
};

/* One row, read at one moment. */
struct thread_count {
    char name[THREAD_NAME_MAX]; /* "flyball" is the main thread; "(gone)" one that has ended. */
    uint64_t calls[ALLOCATION_CALLERS][ALLOCATION_CALLS];
    uint64_t bytes[ALLOCATION_CALLERS];
};

struct count_snapshot {
    uint32_t thread_count;
    struct thread_count threads[ALLOCATION_THREADS_MAX];
    uint64_t site_count;
};

/* Starts it with the configuration and everything it writes in `folder`. */
void agent_start(struct agent_under_count *agent, const char *folder, const char *config_file);

/* SIGTERM; it must end with 0 within 10 s. */
void agent_stop(struct agent_under_count *agent);

/* Kills it if it runs. Safe to call twice, and on a zeroed struct. */
void agent_close(struct agent_under_count *agent);

void agent_count(const struct agent_under_count *agent, struct count_snapshot *snapshot);

/* later - earlier, row by row. */
void count_difference(struct count_snapshot *difference, const struct count_snapshot *later,
                      const struct count_snapshot *earlier);

/* Over all threads; calls that take memory, or all calls. */
uint64_t count_taken(const struct count_snapshot *snapshot, enum allocation_caller caller);
uint64_t count_calls(const struct count_snapshot *snapshot, enum allocation_caller caller);

/* All calls on one thread, by one caller or by all. */
uint64_t count_of_caller(const struct thread_count *thread, enum allocation_caller caller);
uint64_t count_of_thread(const struct thread_count *thread);

/* Prints every row that is not all zero. */
void count_print(const struct count_snapshot *snapshot);

/* Prints the last places our own code called from, as offsets for addr2line, unless `since` is still the
 * count of them. */
void agent_print_sites(const struct agent_under_count *agent, uint64_t since);

#endif
