#include "agent/governors/quota_window.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/mutation.h"

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

/* Both >= 0. Most products fit 64 bits after all, and a machine divides those itself. */
static wide_units divided(wide_units product, int64_t divisor)
{
    if (product <= INT64_MAX) {
        return (int64_t)product / divisor;
    }
    return product / divisor;
}

struct quota_terms quota_terms_of(const struct quota_limit *limit, const struct quota_use *use)
{
    struct quota_terms terms = {.rule = limit, .limit = limit->limit};
    if (use != NULL && use->has_override) {
        terms.limit = use->override;
    }
    bool has_own_burst = limit->algorithm == QUOTA_TOKEN_BUCKET && limit->burst != limit->limit;
    terms.capacity = has_own_burst && terms.limit > 0 ? limit->burst : terms.limit;
    return terms;
}

static struct window window_at(const struct quota_limit *rule, instant_ms instant)
{
    switch (rule->window) {
    case QUOTA_WINDOW_MONTH: {
        struct window window;
        instant_month_bounds(instant, &window.start, &window.end);
        return window;
    }
    case QUOTA_WINDOW_DURATION: {
        assert(rule->window_ms > 0);
        int64_t into = instant % rule->window_ms;
        instant_ms start = instant - into - (into < 0 ? rule->window_ms : 0);
        return (struct window){start, instant_add(start, rule->window_ms)};
    }
    }
    abort(); /* Corrupt window. */
}

struct quota_moment quota_moment_of(const struct quota_terms *terms, instant_ms since, instant_ms now)
{
    struct quota_moment moment = {.now = later(now, since)};
    if (terms->rule->algorithm != QUOTA_TOKEN_BUCKET) {
        struct window window = window_at(terms->rule, moment.now);
        moment.start = window.start;
        moment.end = window.end;
    }
    return moment;
}

bool quota_tally_is_empty(const struct quota_tally *tally)
{
    return tally->used == 0 && tally->previous == 0;
}

static struct quota_tally fixed_at(struct quota_tally tally, const struct quota_moment *moment)
{
    if (tally.since < moment->start && !mutation_is_on(MUTATION_QUOTA_WINDOW_NOT_RESET)) {
        tally.used = 0;
    }
    tally.previous = 0;
    tally.regained = 0;
    return tally;
}

static struct quota_tally sliding_at(struct quota_tally tally, const struct quota_terms *terms,
                                     const struct quota_moment *moment)
{
    tally.regained = 0;
    if (tally.since < moment->start) {
        bool is_next = window_at(terms->rule, tally.since).end == moment->start;
        tally.previous = is_next ? tally.used : 0;
        tally.used = 0;
        tally.since = moment->start;
    }
    return tally;
}

/* What a bucket owes, in micro-units times window_ms: in this unit each millisecond regains exactly `limit`.
 */
static wide_units bucket_owes(const struct quota_tally *tally, int64_t window_ms)
{
    if (tally->used == 0) {
        return 0;
    }
    /* A window that has become shorter may leave more than a whole micro-unit behind. */
    int64_t regained = tally->regained < window_ms ? tally->regained : window_ms - 1;
    return (wide_units)tally->used * window_ms - regained;
}

/* GCRA, the generic cell rate algorithm (ITU-T I.371), in its leaky bucket form. */
static struct quota_tally bucket_at(struct quota_tally tally, const struct quota_terms *terms, instant_ms now)
{
    int64_t window_ms = terms->rule->window_ms;
    assert(terms->rule->window == QUOTA_WINDOW_DURATION && window_ms > 0);
    wide_units owed = bucket_owes(&tally, window_ms);
    wide_units regained = ((wide_units)now - tally.since) * terms->limit;
    owed = owed > regained ? owed - regained : 0;
    tally.used = (micro_units)divided(owed + window_ms - 1, window_ms);
    tally.regained = (int64_t)((wide_units)tally.used * window_ms - owed);
    tally.previous = 0;
    tally.since = now;
    return tally;
}

static struct quota_tally rolled(struct quota_tally tally, const struct quota_terms *terms,
                                 const struct quota_moment *moment)
{
    switch (terms->rule->algorithm) {
    case QUOTA_FIXED: return fixed_at(tally, moment);
    case QUOTA_SLIDING: return sliding_at(tally, terms, moment);
    case QUOTA_TOKEN_BUCKET: return bucket_at(tally, terms, moment->now);
    }
    abort(); /* Corrupt algorithm. */
}

struct quota_tally quota_tally_at(struct quota_tally tally, const struct quota_terms *terms,
                                  const struct quota_moment *moment)
{
    if (!quota_tally_is_empty(&tally)) {
        tally = rolled(tally, terms, moment);
    }
    if (quota_tally_is_empty(&tally)) { /* One form of nothing, so that equal states are equal. */
        tally.regained = 0;
        tally.since = 0;
    }
    return tally;
}

micro_units quota_used(const struct quota_tally *tally, const struct quota_terms *terms,
                       const struct quota_moment *moment)
{
    if (terms->rule->algorithm != QUOTA_SLIDING || tally->previous == 0) {
        return tally->used;
    }
    micro_units carried =
        micro_units_share(tally->previous, moment->end - moment->now, moment->end - moment->start);
    micro_units used;
    if (micro_units_add(tally->used, carried, &used) != STATUS_OK) {
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
    if (reaches_share(used, terms->capacity, terms->rule->throttle)) {
        return QUOTA_THROTTLED;
    }
    return reaches_share(used, terms->capacity, terms->rule->warn) ? QUOTA_WARNING : QUOTA_NORMAL;
}

/* The first instant of `window` at which floor(value x rest of the window / window) <= most, for a value
 * above that. Solved for the rest: the floor is <= most when value x rest < (most + 1) x length. */
static instant_ms share_falls_to(micro_units value, micro_units most, struct window window)
{
    assert(value > most);
    int64_t length = window.end - window.start;
    wide_units rest = divided((wide_units)most * length + length - 1, value);
    return window.end - (int64_t)rest;
}

/* In this window the previous one's share falls; from the next on, this one's. */
static instant_ms sliding_falls_to(const struct quota_tally *tally, const struct quota_terms *terms,
                                   const struct quota_moment *moment, micro_units most)
{
    if (tally->used <= most) {
        return share_falls_to(tally->previous, most - tally->used,
                              (struct window){moment->start, moment->end});
    }
    if (moment->end == INSTANT_NEVER) {
        return INSTANT_NEVER;
    }
    return share_falls_to(tally->used, most, window_at(terms->rule, moment->end));
}

static instant_ms bucket_falls_to(const struct quota_tally *tally, const struct quota_terms *terms,
                                  instant_ms now, micro_units most)
{
    if (terms->limit == 0) {
        return INSTANT_NEVER;
    }
    int64_t window_ms = terms->rule->window_ms;
    wide_units excess = bucket_owes(tally, window_ms) - (wide_units)most * window_ms;
    wide_units wait_ms = divided(excess + terms->limit - 1, terms->limit);
    return wait_ms > INSTANT_NEVER ? INSTANT_NEVER : instant_add(now, (int64_t)wait_ms);
}

instant_ms quota_falls_to(const struct quota_tally *tally, const struct quota_terms *terms,
                          const struct quota_moment *moment, micro_units most)
{
    if (most < 0) {
        return INSTANT_NEVER;
    }
    if (quota_used(tally, terms, moment) <= most) {
        return moment->now;
    }
    switch (terms->rule->algorithm) {
    case QUOTA_FIXED: return moment->end;
    case QUOTA_SLIDING: return sliding_falls_to(tally, terms, moment, most);
    case QUOTA_TOKEN_BUCKET: return bucket_falls_to(tally, terms, moment->now, most);
    }
    abort(); /* Corrupt algorithm. */
}

/* The most that is still below the share; -1 when nothing is. */
static micro_units most_below(micro_units capacity, micro_units share)
{
    wide_units reached = (wide_units)capacity * share;
    return reached <= 0 ? -1 : (micro_units)((reached - 1) / MICRO_UNITS_ONE);
}

instant_ms quota_phase_ends_at(const struct quota_tally *tally, const struct quota_terms *terms,
                               const struct quota_moment *moment)
{
    micro_units capacity = terms->capacity;
    switch (quota_phase_of(quota_used(tally, terms, moment), terms)) {
    case QUOTA_NORMAL: return INSTANT_NEVER;
    case QUOTA_WARNING: return quota_falls_to(tally, terms, moment, most_below(capacity, terms->rule->warn));
    case QUOTA_THROTTLED:
        return quota_falls_to(tally, terms, moment, most_below(capacity, terms->rule->throttle));
    case QUOTA_EXCEEDED: break;
    }
    abort(); /* Only an ask exceeds. */
}

instant_ms quota_resets_at(const struct quota_tally *tally, const struct quota_terms *terms,
                           const struct quota_moment *moment)
{
    switch (terms->rule->algorithm) {
    case QUOTA_FIXED:
    case QUOTA_SLIDING: return moment->end;
    case QUOTA_TOKEN_BUCKET: return quota_falls_to(tally, terms, moment, 0);
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
