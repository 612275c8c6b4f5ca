/* What a simulated agent does with its state log: transactions, commits, marks, reads and compaction. */
#ifndef FLYBALL_TESTS_SIMULATION_LOG_WORK_H
#define FLYBALL_TESTS_SIMULATION_LOG_WORK_H

#include "tests/simulation/log_world.h"

/* One operation, drawn at random. False when this life can only end now. */
bool log_work_once(struct log_world *world);

/* Commits what was put; STATUS_OK, STATUS_EMPTY, STATUS_NO_SPACE or STATUS_IO. */
enum status log_work_commit(struct log_world *world);

/* Puts one record of that kind; within a transaction. Its body is `length` bytes of `body_seed`. */
void log_work_put(struct log_world *world, struct record *record, int16_t subject, uint64_t body_seed,
                  uint32_t length);

/* Moves what is latest out of the oldest segment and drops it, as the agent does: a step each, with commits
 * in between. `forced`: also when space is not short. */
enum compaction_need { COMPACTION_IF_NEEDED, COMPACTION_ANYWAY };
void log_work_compact(struct log_world *world, enum compaction_need need);

#endif
