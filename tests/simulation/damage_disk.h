/* Damages what lies on the virtual disk, and tells the model which frames that hit. */
#ifndef FLYBALL_TESTS_SIMULATION_DAMAGE_DISK_H
#define FLYBALL_TESTS_SIMULATION_DAMAGE_DISK_H

#include "tests/simulation/damage_world.h"

enum damage_moment { DAMAGE_AT_REST, DAMAGE_AT_WORK };

/* Some damage, drawn at random, to frames that are committed. At rest segments may vanish, too. */
void damage_disk_strike(struct damage_world *world, enum damage_moment moment);

/* What could not be read, or not as it was written, can be again. */
void damage_disk_heal(struct damage_world *world);

/* The log ends with that frame now: its numbers may be given again. */
void damage_disk_forget(struct damage_world *world, uint64_t last_frame);

/* The last frame that a start surely finds, damage and crash considered: of the frames behind it nothing on
 * the disk proves that they were there, so that they count as torn. */
uint64_t damage_disk_last_proven(struct damage_world *world);

/* Whether one committed frame is sound. */
bool damage_disk_has_sound_frame(const struct damage_world *world);

#endif
