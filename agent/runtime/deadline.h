/* Waiting on a condition until a point in monotonic time. */
#ifndef FLYBALL_RUNTIME_DEADLINE_H
#define FLYBALL_RUNTIME_DEADLINE_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "base/status.h"

struct deadline {
    int64_t timeout_ms; /* 0: has passed; < 0: never does. */
    struct timespec at;
};

struct deadline deadline_after(int64_t timeout_ms);

/* STATUS_OK when woken, for a reason or for none; STATUS_TIMED_OUT once the deadline has passed. */
MUST_USE enum status deadline_wait(const struct deadline *deadline, pthread_cond_t *condition,
                                   pthread_mutex_t *lock);

#endif
