/* The agent's wall clock in the test's hand: it goes as the true one does, ahead or behind by a changing
 * amount. Needs FLYBALL_WALL_SHIM, the path of the library to preload, in the environment. */
#ifndef FLYBALL_TESTS_FAULTS_WALL_H
#define FLYBALL_TESTS_FAULTS_WALL_H

#include "tests/faults/wall_shim.h"

enum { WALL_PATH_MAX = 192 };

#define WALL_SECOND_MS INT64_C(1000)
#define WALL_HOUR_MS (3600 * WALL_SECOND_MS)
#define WALL_DAY_MS (24 * WALL_HOUR_MS)
#define WALL_YEAR_MS (365 * WALL_DAY_MS)

struct wall {
    struct wall_offset *offset; /* Shared with the agent. */
    char path[WALL_PATH_MAX];
};

/* The true time. Fails the running cmocka test if the file cannot be made. */
void wall_open(struct wall *wall);
void wall_close(struct wall *wall);

/* It jumps: now it is that much ahead of the true time; behind if negative. */
void wall_set_offset(struct wall *wall, int64_t ms);
/* The same by what it shows, in milliseconds since 1970. */
void wall_set(struct wall *wall, int64_t instant_ms);
int64_t wall_now(const struct wall *wall);

/* What is started between these two has it. */
void wall_lend(const struct wall *wall);
void wall_take_back(void);

#endif
