/* What the operating system says about this process: memory, its limit, processor time. */
#ifndef FLYBALL_OBSERVE_PROCESS_USAGE_H
#define FLYBALL_OBSERVE_PROCESS_USAGE_H

#include <stdint.h>

struct process_usage {
    uint64_t rss_bytes;
    uint64_t limit_bytes; /* The configured one, else the control group's, else the machine's memory. */
    double cpu_seconds;   /* User and system, of all threads. */
};

/* `limit_bytes` 0 asks the system. What cannot be read is 0. Allocates nothing. */
struct process_usage process_usage_now(uint64_t limit_bytes);

#endif
