/* What a subject has used of each limit, counted anew from its decisions: the simplest thing that can be
 * compared with what the quota governor keeps. Fixed and sliding windows only. */
#ifndef FLYBALL_TESTS_SIMULATION_MODEL_USAGE_H
#define FLYBALL_TESTS_SIMULATION_MODEL_USAGE_H

#include "agent/governors/quota.h"

struct usage {
    instant_ms at;        /* When it was last counted. */
    micro_units used;     /* In the window that holds `at`. */
    micro_units previous; /* Sliding: in the window before. */
    bool is_unknown;      /* Until the next image tells. */
};

/* Moves on to `now`: windows that have passed are forgotten. */
void usage_roll(struct usage *usage, const struct quota_limit *rule, instant_ms now);

/* Whether the governor's use is the same, at the later of the two times; a use of nothing has no time and may
 * be of any until `now`. Teaches `usage` if that was unknown. */
bool usage_agrees(struct usage *usage, const struct quota_limit *rule, const struct quota_use *use,
                  instant_ms now);

#endif
