/* Preloaded into the agent: a wall clock that is off by as much as the test says, and may jump at any moment.
 * Only the wall: what measures or waits by the monotonic clock is left alone, as on a machine whose date is
 * set. */
#include "tests/faults/wall_shim.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { MS_NS = 1000000, SECOND_NS = 1000000000 };

static const struct wall_offset *offset;

__attribute__((constructor)) static void map_offset(void)
{
    const char *path = getenv(WALL_OFFSET_VARIABLE);
    int file = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED) {
        abort();
    }
    close(file);
    offset = mapped;
}

static bool is_wall(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    long result = syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && is_wall(clock) && offset != NULL) {
        int64_t ms = atomic_load(&offset->ms);
        int64_t ns = now->tv_nsec + ms % 1000 * MS_NS;
        int64_t carried = ns < 0 ? -1 : ns / SECOND_NS;
        now->tv_sec += ms / 1000 + carried;
        now->tv_nsec = ns - carried * SECOND_NS;
    }
    return (int)result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;
    (void)zone;
    int result = clock_gettime(CLOCK_REALTIME, &precise);
    *now = (struct timeval){.tv_sec = precise.tv_sec, .tv_usec = precise.tv_nsec / 1000};
    return result;
}

time_t time(time_t *seconds)
{
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (seconds != NULL) {
        *seconds = precise.tv_sec;
    }
    return precise.tv_sec;
}
