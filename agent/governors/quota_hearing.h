/* One look at all limits of a plan: where they stand, what they say to an ask, and how a state takes it. In
 * place and in pieces, so that a chain copies nothing: hear, ask, then take if all agree and settle if not.
 */
#ifndef FLYBALL_GOVERNORS_QUOTA_HEARING_H
#define FLYBALL_GOVERNORS_QUOTA_HEARING_H

#include "agent/governors/quota_window.h"

/* One limit in a hearing. */
struct quota_standing {
    struct quota_terms terms;
    struct quota_moment moment;
    struct quota_tally tally; /* As of the moment, nothing taken. */
    uint8_t place;            /* In state->uses; QUOTA_USES_MAX when nothing is remembered. */
    bool is_heard;            /* What was asked concerns it; before an ask, all are. */
    micro_units used_before;
    micro_units used_after; /* What was asked is taken: the same as before when denied or not concerned. */
    enum quota_phase phase_before;
    enum quota_phase phase; /* Of used_after; QUOTA_EXCEEDED when denied. */
};

/* Only standings below `count` are set. */
struct quota_hearing {
    const struct plan *plan; /* Outlives the hearing. */
    instant_ms now;
    micro_units amount;     /* What is asked; 0 before an ask. */
    enum quota_phase phase; /* The strictest of the limits that are heard. */
    uint8_t count;
    struct quota_standing standings[PLAN_QUOTAS_MAX]; /* In the plan's order. */
};

/* Whose values a report shows. */
enum quota_shown {
    QUOTA_SHOWN_AFTER,  /* What was asked is taken, or denied by the limit reported. */
    QUOTA_SHOWN_BEFORE, /* Nothing is taken. */
};

/* Where all limits of the plan (NULL: none) stand at `now`. */
void quota_hear(struct quota_hearing *hearing, const struct quota_state *state, const struct plan *plan,
                instant_ms now);

/* What the limits that name `meter` say to `amount` > 0. Once per hearing. */
void quota_ask(struct quota_hearing *hearing, const struct name *meter, micro_units amount);

/* Moves the state that was heard to hearing->now and takes nothing. */
void quota_settle(struct quota_state *state, const struct quota_hearing *hearing);

/* The same and takes what was asked, which was not denied. */
void quota_take(struct quota_state *state, const struct quota_hearing *hearing);

/* By the hearing's phase. */
enum verdict quota_verdict(const struct quota_hearing *hearing);
enum reason quota_reason(const struct quota_hearing *hearing);

/* Asking again makes sense when none of the limits that said the strictest says it any more; 0 unless
 * throttled or denied, or when that never is. */
int64_t quota_retry_after(const struct quota_hearing *hearing);

/* Of the limits that said the strictest, the one with the highest used/limit of the values shown, else the
 * plan's first. Returns its phase: that of the values, but QUOTA_EXCEEDED when it denies. */
enum quota_phase quota_show(const struct quota_hearing *hearing, enum quota_shown shown,
                            struct quota_report *report);

/* The next instant at which time alone may give a limit another phase, or ends a fixed window of which
 * something was used. What fades is shown at the next event. */
instant_ms quota_hearing_edge(const struct quota_hearing *hearing);

#endif
