#include "agent/governors/quota_window.h"

#include <assert.h>
#include <stdlib.h>

/* Holds the product of any two 64-bit factors. */
__extension__ typedef __int128 wide_units;

struct window {
    instant_ms start;
    instant_ms end;
};

static instant_ms later(instant_ms left, instant_ms right)
{
    return left > right ? left : right;
}

struct quota_terms quota_terms_of(const struct quota_limit *limit, const struct quota_use *use)
{
    struct quota_terms terms = {.algorithm = limit->algorithm,
                                .window = limit->window,
                                .window_ms = limit->window_ms,
                                .limit = use->has_override ? use->override : limit->limit,
                                .warn = limit->warn,
                                .throttle = limit->throttle};
    bool has_own_burst = limit->algorithm == QUOTA_TOKEN_BUCKET && limit->burst != limit->limit;
    terms.capacity = has_own_burst && terms.limit > 0 ? limit->burst : terms.limit;
    return terms;
}

static struct window window_at(const struct quota_terms *terms, instant_ms instant)
{
    switch (terms->window) {
    case QUOTA_WINDOW_MONTH:
        return (struct window){instant_month_start(instant), instant_next_month(instant)};
    case QUOTA_WINDOW_DURATION: {
        assert(terms->window_ms > 0);
        int64_t into = instant % terms->window_ms;
        instant_ms start = instant - into - (into < 0 ? terms->window_ms : 0);
        return (struct window){start, instant_add(start, terms->window_ms)};
    }
    }
    abort(); /* Corrupt window. */
}

static struct quota_use fixed_at(struct quota_use use, const struct quota_terms *terms, instant_ms now)
{
    if (window_at(terms, use.since).end <= now) {
        use.used = 0;
    }
    use.previous = 0;
    use.regained = 0;
    return use;
}

static struct quota_use sliding_at(struct quota_use use, const struct quota_terms *terms, instant_ms now)
{
    struct window held = window_at(terms, use.since);
    use.regained = 0;
    if (held.end <= now) {
        struct window current = window_at(terms, now);
        use.previous = held.end == current.start ? use.used : 0;
        use.used = 0;
        use.since = current.start;
    }
    return use;
}

/* What a bucket owes, in micro-units times window_ms: in this unit each millisecond regains exactly `limit`.
 */
static wide_units bucket_owes(const struct quota_use *use, const struct quota_terms *terms)
{
    if (use->used == 0) {
        return 0;
    }
    /* A window that has become shorter may leave more than a whole micro-unit behind. */
    int64_t regained = use->regained < terms->window_ms ? use->regained : terms->window_ms - 1;
    return (wide_units)use->used * terms->window_ms - regained;
}

/* GCRA, the generic cell rate algorithm (ITU-T I.371), in its leaky bucket form. */
static struct quota_use bucket_at(struct quota_use use, const struct quota_terms *terms, instant_ms now)
{
    assert(terms->window == QUOTA_WINDOW_DURATION && terms->window_ms > 0);
    wide_units owed = bucket_owes(&use, terms);
    wide_units regained = ((wide_units)now - use.since) * terms->limit;
    owed = owed > regained ? owed - regained : 0;
    use.used = (micro_units)((owed + terms->window_ms - 1) / terms->window_ms);
    use.regained = (int64_t)((wide_units)use.used * terms->window_ms - owed);
    use.previous = 0;
    use.since = now;
    return use;
}

static struct quota_use rolled(struct quota_use use, const struct quota_terms *terms, instant_ms now)
{
    switch (terms->algorithm) {
    case QUOTA_FIXED: return fixed_at(use, terms, now);
    case QUOTA_SLIDING: return sliding_at(use, terms, now);
    case QUOTA_TOKEN_BUCKET: return bucket_at(use, terms, now);
    }
    abort(); /* Corrupt algorithm. */
}

struct quota_use quota_use_at(struct quota_use use, const struct quota_terms *terms, instant_ms now)
{
    if (use.used != 0 || use.previous != 0) {
        use = rolled(use, terms, later(now, use.since));
    }
    if (use.used == 0 && use.previous == 0) { /* One form of nothing, so that equal states are equal bytes. */
        use.regained = 0;
        use.since = 0;
    }
    return use;
}

micro_units quota_used(const struct quota_use *use, const struct quota_terms *terms, instant_ms now)
{
    if (terms->algorithm != QUOTA_SLIDING || use->previous == 0) {
        return use->used;
    }
    now = later(now, use->since);
    struct window window = window_at(terms, now);
    micro_units carried = micro_units_share(use->previous, window.end - now, window.end - window.start);
    micro_units used;
    if (micro_units_add(use->used, carried, &used) != STATUS_OK) {
        return MICRO_UNITS_MOST; /* Only where changed terms bring together what never was one window. */
    }
    return used;
}

static bool reaches_share(micro_units used, micro_units capacity, micro_units share)
{
    return (wide_units)used * MICRO_UNITS_ONE >= (wide_units)capacity * share;
}

enum quota_phase quota_phase_of(micro_units used, const struct quota_terms *terms)
{
    if (terms->capacity == 0) {
        return QUOTA_NORMAL;
    }
    if (reaches_share(used, terms->capacity, terms->throttle)) {
        return QUOTA_THROTTLED;
    }
    return reaches_share(used, terms->capacity, terms->warn) ? QUOTA_WARNING : QUOTA_NORMAL;
}

/* The first instant of `window` at which floor(value x rest of the window / window) <= most, for a value
 * above that. Solved for the rest: the floor is <= most when value x rest < (most + 1) x length. */
static instant_ms share_falls_to(micro_units value, micro_units most, struct window window)
{
    assert(value > most);
    int64_t length = window.end - window.start;
    wide_units rest = ((wide_units)most * length + length - 1) / value;
    return window.end - (int64_t)rest;
}

/* In this window the previous one's share falls; from the next on, this one's. */
static instant_ms sliding_falls_to(const struct quota_use *use, const struct quota_terms *terms,
                                   micro_units most, instant_ms now)
{
    struct window current = window_at(terms, now);
    if (use->used <= most) {
        return share_falls_to(use->previous, most - use->used, current);
    }
    if (current.end == INSTANT_NEVER) {
        return INSTANT_NEVER;
    }
    return share_falls_to(use->used, most, window_at(terms, current.end));
}

static instant_ms bucket_falls_to(const struct quota_use *use, const struct quota_terms *terms,
                                  micro_units most, instant_ms now)
{
    if (terms->limit == 0) {
        return INSTANT_NEVER;
    }
    wide_units excess = bucket_owes(use, terms) - (wide_units)most * terms->window_ms;
    wide_units wait_ms = (excess + terms->limit - 1) / terms->limit;
    return wait_ms > INSTANT_NEVER ? INSTANT_NEVER : instant_add(now, (int64_t)wait_ms);
}

instant_ms quota_falls_to(const struct quota_use *use, const struct quota_terms *terms, micro_units most,
                          instant_ms now)
{
    if (most < 0) {
        return INSTANT_NEVER;
    }
    now = later(now, use->since);
    if (quota_used(use, terms, now) <= most) {
        return now;
    }
    switch (terms->algorithm) {
    case QUOTA_FIXED: return window_at(terms, now).end;
    case QUOTA_SLIDING: return sliding_falls_to(use, terms, most, now);
    case QUOTA_TOKEN_BUCKET: return bucket_falls_to(use, terms, most, now);
    }
    abort(); /* Corrupt algorithm. */
}

/* The most that is still below the share; -1 when nothing is. */
static micro_units most_below(micro_units capacity, micro_units share)
{
    wide_units reached = (wide_units)capacity * share;
    return reached <= 0 ? -1 : (micro_units)((reached - 1) / MICRO_UNITS_ONE);
}

instant_ms quota_phase_ends_at(const struct quota_use *use, const struct quota_terms *terms, instant_ms now)
{
    switch (quota_phase_of(quota_used(use, terms, now), terms)) {
    case QUOTA_NORMAL: return INSTANT_NEVER;
    case QUOTA_WARNING: return quota_falls_to(use, terms, most_below(terms->capacity, terms->warn), now);
    case QUOTA_THROTTLED:
        return quota_falls_to(use, terms, most_below(terms->capacity, terms->throttle), now);
    case QUOTA_EXCEEDED: break;
    }
    abort(); /* Only an ask exceeds. */
}

instant_ms quota_resets_at(const struct quota_use *use, const struct quota_terms *terms, instant_ms now)
{
    now = later(now, use->since);
    switch (terms->algorithm) {
    case QUOTA_FIXED:
    case QUOTA_SLIDING: return window_at(terms, now).end;
    case QUOTA_TOKEN_BUCKET: return quota_falls_to(use, terms, 0, now);
    }
    abort(); /* Corrupt algorithm. */
}

bool quota_ratio_is_higher(micro_units left_used, micro_units left_limit, micro_units right_used,
                           micro_units right_limit)
{
    if (left_limit == 0 || right_limit == 0) {
        return right_limit != 0;
    }
    return (wide_units)left_used * right_limit > (wide_units)right_used * left_limit;
}
