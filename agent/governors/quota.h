/* Quota: how much of it? Fixed and sliding windows and a token bucket (GCRA), up to four limits at once. */
#ifndef FLYBALL_GOVERNORS_QUOTA_H
#define FLYBALL_GOVERNORS_QUOTA_H

#include "agent/governors/command.h"
#include "agent/governors/policy.h"

enum {
    /* Use and overrides belong to the limit's name and survive a change of plan: the subject remembers this
     * many names, those of its plan and the latest of earlier ones. */
    QUOTA_USES_MAX = 8,
};

/* The values are stored: never renumber. */
enum quota_phase { QUOTA_NORMAL = 0, QUOTA_WARNING = 1, QUOTA_THROTTLED = 2, QUOTA_EXCEEDED = 3 };

/* What decides how a use grows old. All zero: nothing is known of it. */
struct quota_aging {
    enum quota_algorithm algorithm;
    enum quota_window window;
    int64_t window_ms;
    micro_units regains; /* Token bucket: per window; else 0. */
};

/* One limit's use as of `since`, when it last changed. Without any use, `since` and `aging` are 0 too. */
struct quota_use {
    struct name name; /* Empty: this place is free. */
    bool has_override;
    micro_units override; /* set_limit's value. */
    micro_units used;     /* In the window that holds `since`; token bucket: what was not yet regained. */
    micro_units previous; /* Sliding: in the window before. */
    int64_t regained;     /* Token bucket: of `used`, in window_ms-ths of a micro-unit; under one. */
    instant_ms since;
    struct quota_aging aging; /* By the terms of the last change: they may be others by now. */
};

/* All zero is a subject that has used nothing. `phase` holds as of the last step. */
struct quota_state {
    enum quota_phase phase;
    uint8_t use_count; /* The places beyond are zero. */
    struct quota_use uses[QUOTA_USES_MAX];
};

/* The one limit that is reported: see CONTRACT section 5. */
struct quota_report {
    bool has_limit; /* false: no limit names the meter; the rest is zero. */
    struct name name;
    micro_units limit; /* With a token bucket: the burst. */
    micro_units used;
    micro_units remaining; /* limit - used, at least 0. */
    instant_ms resets_at;  /* When use next falls: the window's end, or when a bucket is full again. */
};

struct quota_answer {
    struct quota_state state; /* Unchanged when denied. */
    enum verdict verdict;
    enum reason reason;
    enum quota_phase phase; /* The reported limit's; QUOTA_EXCEEDED appears here only. */
    int64_t retry_after_ms; /* 0 unless throttled or denied, or when it never will fit. */
    struct quota_report report;
};

struct quota_outcome {
    struct quota_state state;
    enum reply_reason reason;
};

const char *quota_phase_name(enum quota_phase phase);

/* Asks for `amount` > 0 of `meter` at `now` from every limit of `plan` that names it. */
struct quota_answer quota_step(struct quota_state state, const struct plan *plan, const struct name *meter,
                               micro_units amount, instant_ms now);

/* Answers as if the smallest amount were asked, but shows unchanged values and takes nothing: answer.state is
 * `state`. */
struct quota_answer quota_peek(const struct quota_state *state, const struct plan *plan,
                               const struct name *meter, instant_ms now);

/* The state as of `now`, windows rolled, `phase` the strictest over all limits of the plan. */
struct quota_state quota_at(struct quota_state state, const struct plan *plan, instant_ms now);

/* The same in place. Asking in place is quota_hearing.h. */
void quota_move(struct quota_state *state, const struct plan *plan, instant_ms now);

/* What would be reported at `now` without an event, over all limits of the plan. */
struct quota_report quota_report_at(const struct quota_state *state, const struct plan *plan, instant_ms now,
                                    enum quota_phase *phase);

/* The next instant at which quota_at may give another phase; INSTANT_NEVER while normal. */
instant_ms quota_next_edge(const struct quota_state *state, const struct plan *plan, instant_ms now);

/* One of reset, refund, set_limit at `now`. */
struct quota_outcome quota_command(struct quota_state state, const struct plan *plan,
                                   const struct command *command, instant_ms now);

/* A grant of another plan clears the overrides. */
struct quota_state quota_clear_overrides(struct quota_state state);

#endif
