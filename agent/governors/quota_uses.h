/* The names whose use and overrides a subject remembers, and which limits of its plan they belong to. */
#ifndef FLYBALL_GOVERNORS_QUOTA_USES_H
#define FLYBALL_GOVERNORS_QUOTA_USES_H

#include "agent/governors/quota.h"

/* How many limits the plan has: none when it is NULL. */
uint8_t quota_limit_count(const struct plan *plan);

/* The plan's limit of that name, or NULL. */
const struct quota_limit *quota_limit_named(const struct plan *plan, const struct name *name);

/* The place in state->uses of that name, or state->use_count. */
uint8_t quota_place_of(const struct quota_state *state, const struct name *name);

/* What is remembered under the name: nothing used and no override if it is not. */
struct quota_use quota_use_of(const struct quota_state *state, const struct name *name);

/* Keeps `use` under its name, which is one of the plan's. In a full state the plan's other names stay; of the
 * rest an idle one is forgotten first, then the least recently used. */
void quota_remember(struct quota_state *state, const struct plan *plan, const struct quota_use *use);

#endif
