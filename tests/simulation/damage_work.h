/* What a simulated agent does with a state log that is damaged: it puts images and entries, commits, looks
 * for subjects, checks and repairs, writes checkpoints and compacts. */
#ifndef FLYBALL_TESTS_SIMULATION_DAMAGE_WORK_H
#define FLYBALL_TESTS_SIMULATION_DAMAGE_WORK_H

#include "tests/simulation/damage_world.h"

/* One operation, drawn at random. False when this life can only end now. */
bool damage_work_once(struct damage_world *world);

/* STATUS_OK, STATUS_EMPTY, STATUS_NO_SPACE or STATUS_IO. */
enum status damage_work_commit(struct damage_world *world);

void damage_work_checkpoint(struct damage_world *world);

#endif
