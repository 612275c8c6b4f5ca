#include "agent/runtime/deadline.h"

enum { MILLISECONDS_PER_SECOND = 1000, NANOSECONDS_PER_MILLISECOND = 1000000 };

struct deadline deadline_after(int64_t timeout_ms)
{
    struct deadline deadline = {.timeout_ms = timeout_ms};
    if (timeout_ms <= 0) {
        return deadline;
    }
    clock_gettime(CLOCK_MONOTONIC, &deadline.at);
    deadline.at.tv_sec += (time_t)(timeout_ms / MILLISECONDS_PER_SECOND);
    deadline.at.tv_nsec += (long)(timeout_ms % MILLISECONDS_PER_SECOND) * NANOSECONDS_PER_MILLISECOND;
    long second = (long)MILLISECONDS_PER_SECOND * NANOSECONDS_PER_MILLISECOND;
    if (deadline.at.tv_nsec >= second) {
        deadline.at.tv_sec++;
        deadline.at.tv_nsec -= second;
    }
    return deadline;
}

enum status deadline_wait(const struct deadline *deadline, pthread_cond_t *condition, pthread_mutex_t *lock)
{
    if (deadline->timeout_ms == 0) {
        return STATUS_TIMED_OUT;
    }
    int error = 0;
    if (deadline->timeout_ms < 0) {
        error = pthread_cond_wait(condition, lock);
    } else { /* The wall clock may jump, and a wait must not. */
        error = pthread_cond_clockwait(condition, lock, CLOCK_MONOTONIC, &deadline->at);
    }
    return error == 0 ? STATUS_OK : STATUS_TIMED_OUT;
}
