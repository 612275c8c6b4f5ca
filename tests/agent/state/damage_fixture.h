/* A state log of one-block frames, 16 to a segment, that is damaged frame by frame. */
#ifndef FLYBALL_TESTS_STATE_DAMAGE_FIXTURE_H
#define FLYBALL_TESTS_STATE_DAMAGE_FIXTURE_H

#include "tests/agent/state/fixture.h"

/* For cmocka: *context becomes a fixture that is open, durable and keeps no frame in memory. */
int damage_set_up(void **context);
int damage_tear_down(void **context);

/* One frame: a decision and the subject's image, "name version". */
void bring(struct fixture *fixture, const char *subject, int version);

/* Flips a bit of the frame; a second time undoes it. */
void damage_frame(struct fixture *fixture, uint64_t frame);

/* The same, of its header: not even its number is known then. */
void damage_header(struct fixture *fixture, uint64_t frame);

void assert_image(struct fixture *fixture, const char *subject, const char *body, bool is_setback);
struct state_log_losses losses_of(struct fixture *fixture);

#endif
