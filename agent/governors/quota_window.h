/* One limit over time: what of its use still counts at an instant, and when how much will have gone. */
#ifndef FLYBALL_GOVERNORS_QUOTA_WINDOW_H
#define FLYBALL_GOVERNORS_QUOTA_WINDOW_H

#include "agent/governors/quota.h"

/* A plan's limit with the subject's override worked in. */
struct quota_terms {
    enum quota_algorithm algorithm;
    enum quota_window window;
    int64_t window_ms;
    micro_units limit;    /* Per window; a token bucket regains this much. */
    micro_units capacity; /* The most at once: `limit`, or a token bucket's burst. 0 whenever `limit` is 0. */
    micro_units warn;
    micro_units throttle;
};

/* An override replaces the limit; a burst that was left to be the limit follows it, another stays. */
struct quota_terms quota_terms_of(const struct quota_limit *limit, const struct quota_use *use);

/* The use as of `now`, or of use.since when that is later. A bucket regains without drift: many small steps
 * end exactly where one large step does. */
struct quota_use quota_use_at(struct quota_use use, const struct quota_terms *terms, instant_ms now);

/* The functions below take a use that is already as of `now`. */

/* What counts against the capacity. */
micro_units quota_used(const struct quota_use *use, const struct quota_terms *terms, instant_ms now);

/* By the shares alone, so never QUOTA_EXCEEDED; a limit of 0 is normal. */
enum quota_phase quota_phase_of(micro_units used, const struct quota_terms *terms);

/* The first instant from `now` on at which no more than `most` is used, if nothing is taken in between;
 * INSTANT_NEVER when that does not happen, as for a negative `most`. */
instant_ms quota_falls_to(const struct quota_use *use, const struct quota_terms *terms, micro_units most,
                          instant_ms now);

/* The first instant at which use is below the share that makes the current phase; INSTANT_NEVER when normal.
 */
instant_ms quota_phase_ends_at(const struct quota_use *use, const struct quota_terms *terms, instant_ms now);

/* The window's end; of a token bucket, when it is full again (`now` when it is). */
instant_ms quota_resets_at(const struct quota_use *use, const struct quota_terms *terms, instant_ms now);

/* Whether left_used / left_limit > right_used / right_limit, exactly; a limit of 0 is higher than any other.
 */
bool quota_ratio_is_higher(micro_units left_used, micro_units left_limit, micro_units right_used,
                           micro_units right_limit);

#endif
