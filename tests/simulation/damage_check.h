/* Compares a damaged state log with the model. */
#ifndef FLYBALL_TESTS_SIMULATION_DAMAGE_CHECK_H
#define FLYBALL_TESTS_SIMULATION_DAMAGE_CHECK_H

#include "tests/simulation/damage_world.h"

/* Whether a status may be what it is: it is fine, the machine has stopped, or something cannot be read, as
 * which the agent takes STATUS_IO for a reason to stop. Else that is noted; `doing` says where. */
bool damage_check_status(struct damage_world *world, enum status status, const char *doing);

/* The subject's image, which must be one it may be. */
struct damage_answer damage_check_subject(struct damage_world *world, int32_t subject, struct record *image);

/* All of them. */
void damage_check_subjects(struct damage_world *world, struct damage_answer answers[LOG_SUBJECTS_MAX]);

/* A start gives the same as the one before it. */
void damage_check_answers(struct damage_world *world, const struct damage_answer before[LOG_SUBJECTS_MAX],
                          const struct damage_answer after[LOG_SUBJECTS_MAX]);

/* Checks and repairs the whole log, as the agent does in some minutes; then everything lost is told, every
 * image counts once, and whoever was set back is listed. */
void damage_check_whole_log(struct damage_world *world);

/* Behind a drop: no file of an older segment is left. */
void damage_check_files(struct damage_world *world);

/* The image by its ref. */
void damage_check_version(struct damage_world *world, int32_t version);

/* state_log_scan beside the open log. */
void damage_check_scan(struct damage_world *world);

/* Every sound image is read in order. */
void damage_check_walk(struct damage_world *world);

#endif
