/* Compares the state log with the model: after a restart, and by every way of reading. */
#ifndef FLYBALL_TESTS_SIMULATION_LOG_CHECK_H
#define FLYBALL_TESTS_SIMULATION_LOG_CHECK_H

#include "tests/simulation/log_world.h"

/* What state_log_open is given while it recovers. */
struct state_log_listener log_check_listener(struct log_world *world);

/* The log is open after a life that ended that way. False if nothing can be said: the disk has stopped
 * already. */
bool log_check_recovered(struct log_world *world, const struct state_log_report *report, enum log_end end);

/* The subject's image; the names beyond those the model knows are strangers. */
void log_check_subject(struct log_world *world, int32_t subject);

/* The entry by its ref. */
void log_check_entry(struct log_world *world, int32_t entry);

/* Some steps of state_log_next from a ref on. */
void log_check_walk(struct log_world *world, record_ref from, uint32_t steps);

/* The edges until now. */
void log_check_due(struct log_world *world);

/* state_log_scan beside the open log. */
void log_check_scan(struct log_world *world);

#endif
