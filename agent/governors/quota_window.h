/* One limit over time: what of its use still counts at an instant, and when how much will have gone. */
#ifndef FLYBALL_GOVERNORS_QUOTA_WINDOW_H
#define FLYBALL_GOVERNORS_QUOTA_WINDOW_H

#include "agent/governors/quota.h"

/* A plan's limit with the subject's override worked in. */
struct quota_terms {
    const struct quota_limit *rule; /* The plan's; its own `limit` and `burst` are not read. */
    micro_units limit;              /* Per window; a token bucket regains this much. */
    micro_units capacity; /* The most at once: `limit`, or a token bucket's burst. 0 whenever `limit` is 0. */
};

/* The part of a quota_use that events and time move. */
struct quota_tally {
    micro_units used;
    micro_units previous;
    int64_t regained;
    instant_ms since;
};

/* Whether nothing is used. */
bool quota_tally_is_empty(const struct quota_tally *tally);

/* When a limit is looked at. */
struct quota_moment {
    instant_ms now;   /* Not before the use's `since`, though a clock may say so. */
    instant_ms start; /* Of the window that holds `now`; a token bucket has none. */
    instant_ms end;
};

/* An override replaces the limit; a burst that was left to be the limit follows it, another stays. `use` is
 * NULL when nothing is remembered. */
struct quota_terms quota_terms_of(const struct quota_limit *limit, const struct quota_use *use);

/* The moment of a use that last changed at `since`. Whoever looks computes it once. */
struct quota_moment quota_moment_of(const struct quota_terms *terms, instant_ms since, instant_ms now);

/* The tally as of the moment, which is that of tally.since. A bucket regains without drift: many small steps
 * end exactly where one large step does. */
struct quota_tally quota_tally_at(struct quota_tally tally, const struct quota_terms *terms,
                                  const struct quota_moment *moment);

/* The functions below take a tally that is already as of the moment. */

/* What counts against the capacity. */
micro_units quota_used(const struct quota_tally *tally, const struct quota_terms *terms,
                       const struct quota_moment *moment);

/* By the shares alone, so never QUOTA_EXCEEDED; a limit of 0 is normal. */
enum quota_phase quota_phase_of(micro_units used, const struct quota_terms *terms);

/* The first instant from the moment on at which no more than `most` is used, if nothing is taken in between;
 * INSTANT_NEVER when that does not happen, as for a negative `most`. */
instant_ms quota_falls_to(const struct quota_tally *tally, const struct quota_terms *terms,
                          const struct quota_moment *moment, micro_units most);

/* The first instant at which use is below the share that makes the current phase; INSTANT_NEVER when normal.
 */
instant_ms quota_phase_ends_at(const struct quota_tally *tally, const struct quota_terms *terms,
                               const struct quota_moment *moment);

/* The window's end; of a token bucket, when it is full again (the moment when it is). */
instant_ms quota_resets_at(const struct quota_tally *tally, const struct quota_terms *terms,
                           const struct quota_moment *moment);

/* Whether left_used / left_limit > right_used / right_limit, exactly; a limit of 0 is higher than any other.
 */
bool quota_ratio_is_higher(micro_units left_used, micro_units left_limit, micro_units right_used,
                           micro_units right_limit);

#endif
