#include "agent/governors/quota_hearing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/governors/quota_aging.h"
#include "agent/governors/quota_uses.h"

enum verdict quota_verdict(const struct quota_hearing *hearing)
{
    switch (hearing->phase) {
    case QUOTA_NORMAL: return VERDICT_ALLOW;
    case QUOTA_WARNING: return VERDICT_WARN;
    case QUOTA_THROTTLED: return VERDICT_THROTTLE;
    case QUOTA_EXCEEDED: return VERDICT_DENY;
    }
    abort(); /* Corrupt phase. */
}

enum reason quota_reason(const struct quota_hearing *hearing)
{
    switch (hearing->phase) {
    case QUOTA_NORMAL: return REASON_OK;
    case QUOTA_WARNING: return REASON_QUOTA_WARNING;
    case QUOTA_THROTTLED: return REASON_QUOTA_THROTTLED;
    case QUOTA_EXCEEDED: return REASON_QUOTA_EXCEEDED;
    }
    abort(); /* Corrupt phase. */
}

static struct quota_tally tally_of(const struct quota_use *use)
{
    if (use == NULL || (use->used == 0 && use->previous == 0)) {
        return (struct quota_tally){0};
    }
    return (struct quota_tally){
        .used = use->used, .previous = use->previous, .regained = use->regained, .since = use->since};
}

static void hear_limit(struct quota_standing *standing, const struct quota_state *state,
                       const struct quota_limit *limit, instant_ms now)
{
    uint8_t place = quota_place_of(state, &limit->name);
    bool is_remembered = place < state->use_count;
    const struct quota_use *use = is_remembered ? &state->uses[place] : NULL;
    struct quota_tally tally = tally_of(use);
    standing->place = is_remembered ? place : QUOTA_USES_MAX;
    standing->terms = quota_terms_of(limit, use);
    if (use != NULL) {
        tally = quota_tally_under(tally, &use->aging, &standing->terms, now);
    }
    standing->moment = quota_moment_of(&standing->terms, tally.since, now);
    standing->tally = quota_tally_at(tally, &standing->terms, &standing->moment);
    if (tally.since > now &&
        standing->tally.since == 0) { /* Nothing is left for the clock to be behind of. */
        standing->moment = quota_moment_of(&standing->terms, 0, now);
    }
    standing->is_heard = true;
    standing->used_before = quota_used(&standing->tally, &standing->terms, &standing->moment);
    standing->used_after = standing->used_before;
    standing->phase_before = quota_phase_of(standing->used_before, &standing->terms);
    standing->phase = standing->phase_before;
}

static enum quota_phase stricter(enum quota_phase left, enum quota_phase right)
{
    return left > right ? left : right;
}

void quota_hear(struct quota_hearing *hearing, const struct quota_state *state, const struct plan *plan,
                instant_ms now)
{
    hearing->plan = plan;
    hearing->now = now;
    hearing->amount = 0;
    hearing->phase = QUOTA_NORMAL;
    hearing->count = quota_limit_count(plan);
    for (uint8_t i = 0; i < hearing->count; i++) {
        struct quota_standing *standing = &hearing->standings[i];
        hear_limit(standing, state, &plan->quotas[i], now);
        hearing->phase = stricter(hearing->phase, standing->phase);
    }
}

static void ask_limit(struct quota_standing *standing, micro_units amount)
{
    micro_units most_before = standing->terms.capacity - amount; /* Two amounts >= 0: cannot overflow. */
    if (standing->used_before > most_before) {
        standing->phase = QUOTA_EXCEEDED;
        return;
    }
    standing->used_after = standing->used_before + amount;
    standing->phase = quota_phase_of(standing->used_after, &standing->terms);
}

static bool limit_concerns(const struct quota_limit *limit, const struct name *meter)
{
    return policy_is_any(&limit->meter) || name_equal(&limit->meter, meter);
}

void quota_ask(struct quota_hearing *hearing, const struct name *meter, micro_units amount)
{
    assert(amount > 0 && hearing->amount == 0);
    hearing->amount = amount;
    hearing->phase = QUOTA_NORMAL;
    for (uint8_t i = 0; i < hearing->count; i++) {
        struct quota_standing *standing = &hearing->standings[i];
        standing->is_heard = limit_concerns(standing->terms.rule, meter);
        if (standing->is_heard) {
            ask_limit(standing, amount);
            hearing->phase = stricter(hearing->phase, standing->phase);
        }
    }
}

static void set_tally(struct quota_use *use, const struct quota_tally *tally, const struct quota_terms *terms)
{
    static const struct quota_aging unknown;
    use->used = tally->used;
    use->previous = tally->previous;
    use->regained = tally->regained;
    use->since = tally->since;
    use->aging = quota_tally_is_empty(tally) ? unknown : quota_aging_of(terms);
}

void quota_settle(struct quota_state *state, const struct quota_hearing *hearing)
{
    state->phase = QUOTA_NORMAL;
    for (uint8_t i = 0; i < hearing->count; i++) {
        const struct quota_standing *standing = &hearing->standings[i];
        if (standing->place < QUOTA_USES_MAX) {
            set_tally(&state->uses[standing->place], &standing->tally, &standing->terms);
        }
        state->phase = stricter(state->phase, standing->phase_before);
    }
}

/* The tally once the amount is taken. */
static struct quota_tally tally_after(const struct quota_standing *standing, micro_units amount)
{
    struct quota_tally tally = standing->tally;
    tally.used += amount;
    tally.since = standing->moment.now;
    return tally;
}

static void take_from_limit(struct quota_state *state, const struct quota_hearing *hearing,
                            const struct quota_standing *standing)
{
    struct quota_tally tally = tally_after(standing, hearing->amount);
    if (standing->place < QUOTA_USES_MAX) {
        set_tally(&state->uses[standing->place], &tally, &standing->terms);
        return;
    }
    struct quota_use use = {.name = standing->terms.rule->name};
    set_tally(&use, &tally, &standing->terms);
    quota_remember(state, hearing->plan, &use);
}

void quota_take(struct quota_state *state, const struct quota_hearing *hearing)
{
    assert(hearing->amount > 0 && hearing->phase != QUOTA_EXCEEDED);
    quota_settle(state, hearing);
    state->phase = QUOTA_NORMAL;
    for (uint8_t i = 0; i < hearing->count; i++) {
        const struct quota_standing *standing = &hearing->standings[i];
        if (standing->is_heard) {
            take_from_limit(state, hearing, standing);
        }
        state->phase = stricter(state->phase, standing->phase);
    }
}

/* Throttled: when it no longer is; denied: when the ask fits. */
static instant_ms ends_at(const struct quota_standing *standing, micro_units amount)
{
    const struct quota_terms *terms = &standing->terms;
    if (standing->phase == QUOTA_EXCEEDED) {
        return quota_falls_to(&standing->tally, terms, &standing->moment, terms->capacity - amount);
    }
    struct quota_tally after = tally_after(standing, amount);
    return quota_phase_ends_at(&after, terms, &standing->moment);
}

int64_t quota_retry_after(const struct quota_hearing *hearing)
{
    if (hearing->phase < QUOTA_THROTTLED) {
        return 0;
    }
    instant_ms latest = hearing->now;
    for (uint8_t i = 0; i < hearing->count; i++) {
        const struct quota_standing *standing = &hearing->standings[i];
        if (standing->is_heard && standing->phase == hearing->phase) {
            instant_ms end = ends_at(standing, hearing->amount);
            latest = end > latest ? end : latest;
        }
    }
    return latest == INSTANT_NEVER ? 0 : latest - hearing->now;
}

static micro_units used_shown(const struct quota_standing *standing, enum quota_shown shown)
{
    switch (shown) {
    case QUOTA_SHOWN_AFTER: return standing->used_after;
    case QUOTA_SHOWN_BEFORE: return standing->used_before;
    }
    abort(); /* Corrupt choice. */
}

static const struct quota_standing *strictest(const struct quota_hearing *hearing, enum quota_shown shown)
{
    const struct quota_standing *found = NULL;
    for (uint8_t i = 0; i < hearing->count; i++) {
        const struct quota_standing *standing = &hearing->standings[i];
        if (!standing->is_heard || standing->phase != hearing->phase) {
            continue;
        }
        if (found == NULL || quota_ratio_is_higher(used_shown(standing, shown), standing->terms.capacity,
                                                   used_shown(found, shown), found->terms.capacity)) {
            found = standing;
        }
    }
    return found;
}

/* A bucket is full again later when more is taken. */
static instant_ms resets_at(const struct quota_standing *standing, micro_units taken)
{
    if (taken == 0) {
        return quota_resets_at(&standing->tally, &standing->terms, &standing->moment);
    }
    struct quota_tally after = tally_after(standing, taken);
    return quota_resets_at(&after, &standing->terms, &standing->moment);
}

enum quota_phase quota_show(const struct quota_hearing *hearing, enum quota_shown shown,
                            struct quota_report *report)
{
    const struct quota_standing *standing = strictest(hearing, shown);
    if (standing == NULL) {
        memset(report, 0, sizeof *report);
        return QUOTA_NORMAL;
    }
    micro_units used = used_shown(standing, shown);
    micro_units limit = standing->terms.capacity;
    report->has_limit = true;
    report->name = standing->terms.rule->name;
    report->limit = limit;
    report->used = used;
    report->remaining = used < limit ? limit - used : 0;
    report->resets_at = resets_at(standing, used - standing->used_before);
    bool is_unchanged = shown == QUOTA_SHOWN_BEFORE && standing->phase != QUOTA_EXCEEDED;
    return is_unchanged ? standing->phase_before : standing->phase;
}

static instant_ms window_ends_at(const struct quota_standing *standing)
{
    bool is_used = standing->terms.rule->algorithm == QUOTA_FIXED && standing->tally.used > 0;
    return is_used ? standing->moment.end : INSTANT_NEVER;
}

instant_ms quota_hearing_edge(const struct quota_hearing *hearing)
{
    instant_ms next = INSTANT_NEVER;
    for (uint8_t i = 0; i < hearing->count; i++) {
        const struct quota_standing *standing = &hearing->standings[i];
        instant_ms edge = quota_phase_ends_at(&standing->tally, &standing->terms, &standing->moment);
        instant_ms end = window_ends_at(standing);
        next = edge < next ? edge : next;
        next = end < next ? end : next;
    }
    return next;
}
