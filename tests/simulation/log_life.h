/* The lives of one state log: opened, worked with, killed or cut off, opened again, as a seed says. */
#ifndef FLYBALL_TESTS_SIMULATION_LOG_LIFE_H
#define FLYBALL_TESTS_SIMULATION_LOG_LIFE_H

#include "tests/simulation/log_world.h"

/* Runs all lives of the seed. `world` is zeroed or was used for another seed; counts, trace and observer are
 * set. Whatever does not hold is in world->findings; world->hash tells equal runs. */
void log_life_run(struct log_world *world, uint64_t seed);

/* Gives the world's memory back. */
void log_life_close(struct log_world *world);

#endif
