/* What holds for every configuration's errors. */
#ifndef FLYBALL_TESTS_FUZZ_CONFIG_CHECK_H
#define FLYBALL_TESTS_FUZZ_CONFIG_CHECK_H

#include "base/json.h"
#include "config/errors.h"
#include "config/snapshot.h"

/* Each error has words, and a path that leads into the document or to a key it could have. `document` is what
 * the path `above` names, a tree as it was read; NULL: it could not be, only the form of the paths is looked
 * at. */
void check_errors(const struct config_errors *errors, const cJSON *document, const char *above);

/* What was accepted is within the bounds the rest of the agent counts on, written down reads back the same,
 * and events can be decided by it. */
void check_snapshot(const struct config_snapshot *snapshot);

#endif
