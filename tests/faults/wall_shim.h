/* What a test and the clock it has put under the agent share. */
#ifndef FLYBALL_TESTS_FAULTS_WALL_SHIM_H
#define FLYBALL_TESTS_FAULTS_WALL_SHIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Names the file that holds a struct wall_offset. */
#define WALL_OFFSET_VARIABLE "FLYBALL_WALL_OFFSET_FILE"

struct wall_offset {
    _Atomic(int64_t) ms; /* To be added to the true time. */
};

#endif
