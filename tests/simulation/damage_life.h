/* The lives of one state log whose bytes are damaged now and then, as a seed says. */
#ifndef FLYBALL_TESTS_SIMULATION_DAMAGE_LIFE_H
#define FLYBALL_TESTS_SIMULATION_DAMAGE_LIFE_H

#include "tests/simulation/damage_world.h"

/* Runs all lives of the seed. `world` is zeroed, but for `log`, or was used for another seed; log_life_close
 * gives the memory back. Whatever does not hold is in world->log->findings.
 *
 * What the log need not give, by docs/state-format.md and docs/reliability.md:
 * - Frames at the end, when nothing behind them that is intact says that they were on the disk: they count as
 *   torn, and nobody is told; a start is refused if a checkpoint knew of them.
 * - Names of everybody who was hit, when it says that it does not know them all (blind_frames).
 * - A start while something cannot be read.
 * - Anything when no frame is left whole: then what files held in a former life may be taken for the log.
 * - Word of a segment that vanished before the oldest one left: it may have been dropped. Not done here. */
void damage_life_run(struct damage_world *world, uint64_t seed);

#endif
