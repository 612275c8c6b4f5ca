#include "observe/process_usage.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The start of a small text file, terminated; empty when it cannot be read. */
static void read_start(const char *path, char *buffer, size_t size)
{
    buffer[0] = '\0';
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return;
    }
    ssize_t length = read(file, buffer, size - 1);
    buffer[length > 0 ? length : 0] = '\0';
    close(file);
}

static uint64_t read_number(const char *path)
{
    char text[64];
    read_start(path, text, sizeof text);
    return strtoull(text, NULL, 10);
}

static uint64_t resident_bytes(void)
{
    char text[128];
    read_start("/proc/self/statm", text, sizeof text);
    const char *resident = strchr(text, ' ');
    return resident == NULL ? 0 : strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t machine_bytes(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The limit of the control group as seen from inside it, version 2 or 1; no limit reads as 0 or as a huge
 * number. */
static uint64_t system_limit(void)
{
    uint64_t machine = machine_bytes();
    uint64_t limit = read_number("/sys/fs/cgroup/memory.max");
    if (limit == 0) {
        limit = read_number("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    }
    return limit == 0 || limit > machine ? machine : limit;
}

struct process_usage process_usage_now(uint64_t limit_bytes)
{
    struct rusage usage;
    memset(&usage, 0, sizeof usage);
    getrusage(RUSAGE_SELF, &usage);
    double seconds = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec;
    double micros = (double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec;
    return (struct process_usage){.rss_bytes = resident_bytes(),
                                  .limit_bytes = limit_bytes != 0 ? limit_bytes : system_limit(),
                                  .cpu_seconds = seconds + micros / 1e6};
}
