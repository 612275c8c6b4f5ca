/* What a program under count_allocations.so has allocated so far, by thread, by who called and by which
 * function: the layout of a file both sides map, so that a test reads it while the program runs. Numbers only
 * grow. The first ALLOCATION_THREADS_MAX threads that allocate have a row each; later ones share the last. */
#ifndef FLYBALL_TESTS_ALLOCATION_ALLOCATION_COUNTS_H
#define FLYBALL_TESTS_ALLOCATION_ALLOCATION_COUNTS_H

#include <stdatomic.h>
#include <stdint.h>

enum { ALLOCATION_THREADS_MAX = 64, ALLOCATION_SITES_MAX = 16 };

/* The environment variable that names the file; without it nothing is counted. */
#define ALLOCATION_COUNTS_VARIABLE "FLYBALL_ALLOCATION_COUNTS"

/* Who called, by the object the call returns to. */
enum allocation_caller {
    CALLER_OURS, /* The program itself, libcjson, libz. */
    CALLER_PAHO, /* libpaho, libssl, libcrypto. */
    CALLER_LIBC, /* On its own account: streams, folders, threads. */
    CALLER_OTHER,
    ALLOCATION_CALLERS
};

enum allocation_call {
    CALL_MALLOC,
    CALL_CALLOC,
    CALL_REALLOC,
    CALL_ALIGNED, /* posix_memalign, aligned_alloc, memalign. */
    CALL_MAP,
    CALL_FREE, /* Of something. */
    CALL_UNMAP,
    ALLOCATION_CALLS
};

struct allocation_tally {
    _Atomic(uint64_t) calls[ALLOCATION_CALLS];
    _Atomic(uint64_t) bytes; /* Asked for. */
};

struct allocation_thread {
    _Atomic(int32_t) thread; /* As in /proc/PID/task. */
    struct allocation_tally tallies[ALLOCATION_CALLERS];
};

/* Where CALLER_OURS called from, for addr2line: an offset into the object. */
struct allocation_site {
    _Atomic(uint64_t) offset;
    _Atomic(int32_t) thread;
    _Atomic(uint32_t) call;
};

struct allocation_counts {
    _Atomic(uint32_t) thread_count;
    struct allocation_thread threads[ALLOCATION_THREADS_MAX];
    _Atomic(uint64_t)
        site_count; /* Of which the last ALLOCATION_SITES_MAX are kept: number n is at n % MAX. */
    struct allocation_site sites[ALLOCATION_SITES_MAX];
};

#endif
