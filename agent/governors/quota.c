#include "agent/governors/quota.h"

#include <assert.h>
#include <stdlib.h>

#include "agent/governors/quota_uses.h"
#include "agent/governors/quota_window.h"

/* Where a limit stands, or what it says to an ask. */
struct opinion {
    const struct quota_limit *limit;
    struct quota_terms terms;
    struct quota_use before; /* As of now. */
    struct quota_use
        after; /* What was asked is taken. The same as `before` when denied or nothing is asked. */
    enum quota_phase phase; /* Of `after`; QUOTA_EXCEEDED when denied. */
    instant_ms ends_at;     /* Throttled: when it no longer is; denied: when the ask fits; else unused. */
};

struct hearing {
    uint8_t count;
    struct opinion opinions[PLAN_QUOTAS_MAX]; /* In the plan's order. */
    enum quota_phase phase;                   /* The strictest. */
};

enum shown_use { SHOW_BEFORE, SHOW_AFTER };

const char *quota_phase_name(enum quota_phase phase)
{
    switch (phase) {
    case QUOTA_NORMAL: return "normal";
    case QUOTA_WARNING: return "warning";
    case QUOTA_THROTTLED: return "throttled";
    case QUOTA_EXCEEDED: return "exceeded";
    }
    abort(); /* Corrupt phase. */
}

static enum verdict verdict_of(enum quota_phase phase)
{
    switch (phase) {
    case QUOTA_NORMAL: return VERDICT_ALLOW;
    case QUOTA_WARNING: return VERDICT_WARN;
    case QUOTA_THROTTLED: return VERDICT_THROTTLE;
    case QUOTA_EXCEEDED: return VERDICT_DENY;
    }
    abort(); /* Corrupt phase. */
}

static enum reason reason_of(enum quota_phase phase)
{
    switch (phase) {
    case QUOTA_NORMAL: return REASON_OK;
    case QUOTA_WARNING: return REASON_QUOTA_WARNING;
    case QUOTA_THROTTLED: return REASON_QUOTA_THROTTLED;
    case QUOTA_EXCEEDED: return REASON_QUOTA_EXCEEDED;
    }
    abort(); /* Corrupt phase. */
}

static bool limit_concerns(const struct quota_limit *limit, const struct name *meter)
{
    return bytes_equal_string(name_bytes(&limit->meter), "*") || name_equal(&limit->meter, meter);
}

static struct opinion stand_of(const struct quota_state *state, const struct quota_limit *limit,
                               instant_ms now)
{
    struct opinion opinion = {.limit = limit, .before = quota_use_of(state, &limit->name)};
    opinion.terms = quota_terms_of(limit, &opinion.before);
    opinion.before = quota_use_at(opinion.before, &opinion.terms, now);
    opinion.after = opinion.before;
    opinion.phase = quota_phase_of(quota_used(&opinion.before, &opinion.terms, now), &opinion.terms);
    return opinion;
}

static struct opinion opinion_of(const struct quota_state *state, const struct quota_limit *limit,
                                 micro_units amount, instant_ms now)
{
    struct opinion opinion = stand_of(state, limit, now);
    const struct quota_terms *terms = &opinion.terms;
    micro_units most_before = terms->capacity - amount; /* Two amounts >= 0: cannot overflow. */
    if (quota_used(&opinion.before, terms, now) > most_before) {
        opinion.phase = QUOTA_EXCEEDED;
        opinion.ends_at = quota_falls_to(&opinion.before, terms, most_before, now);
        return opinion;
    }
    opinion.after.used += amount;
    opinion.after.since = now > opinion.after.since ? now : opinion.after.since;
    opinion.phase = quota_phase_of(quota_used(&opinion.after, terms, now), terms);
    opinion.ends_at = quota_phase_ends_at(&opinion.after, terms, now);
    return opinion;
}

static void hear_one(struct hearing *hearing, const struct opinion *opinion)
{
    hearing->opinions[hearing->count++] = *opinion;
    hearing->phase = opinion->phase > hearing->phase ? opinion->phase : hearing->phase;
}

/* What the limits that concern the meter say to `amount`. */
static struct hearing hear_ask(const struct quota_state *state, const struct plan *plan,
                               const struct name *meter, micro_units amount, instant_ms now)
{
    struct hearing hearing = {.phase = QUOTA_NORMAL};
    for (uint8_t i = 0; i < quota_limit_count(plan); i++) {
        if (limit_concerns(&plan->quotas[i], meter)) {
            struct opinion opinion = opinion_of(state, &plan->quotas[i], amount, now);
            hear_one(&hearing, &opinion);
        }
    }
    return hearing;
}

/* Where all limits stand. */
static struct hearing hear_all(const struct quota_state *state, const struct plan *plan, instant_ms now)
{
    struct hearing hearing = {.phase = QUOTA_NORMAL};
    for (uint8_t i = 0; i < quota_limit_count(plan); i++) {
        struct opinion opinion = stand_of(state, &plan->quotas[i], now);
        hear_one(&hearing, &opinion);
    }
    return hearing;
}

static struct quota_report report_of(const struct opinion *opinion, enum shown_use shown, instant_ms now)
{
    const struct quota_use *use = shown == SHOW_AFTER ? &opinion->after : &opinion->before;
    micro_units used = quota_used(use, &opinion->terms, now);
    micro_units limit = opinion->terms.capacity;
    return (struct quota_report){.has_limit = true,
                                 .name = opinion->limit->name,
                                 .limit = limit,
                                 .used = used,
                                 .remaining = used < limit ? limit - used : 0,
                                 .resets_at = quota_resets_at(use, &opinion->terms, now)};
}

/* Of the strictest limits, the one with the highest used/limit of the values shown, else the plan's first. */
static struct quota_report strictest_report(const struct hearing *hearing, enum shown_use shown,
                                            instant_ms now)
{
    struct quota_report strictest = {.has_limit = false};
    for (uint8_t i = 0; i < hearing->count; i++) {
        if (hearing->opinions[i].phase != hearing->phase) {
            continue;
        }
        struct quota_report report = report_of(&hearing->opinions[i], shown, now);
        if (!strictest.has_limit ||
            quota_ratio_is_higher(report.used, report.limit, strictest.used, strictest.limit)) {
            strictest = report;
        }
    }
    return strictest;
}

/* Asking again makes sense when none of the limits that said the strictest says it any more. */
static int64_t retry_after(const struct hearing *hearing, instant_ms now)
{
    if (hearing->phase < QUOTA_THROTTLED) {
        return 0;
    }
    instant_ms ends_at = now;
    for (uint8_t i = 0; i < hearing->count; i++) {
        const struct opinion *opinion = &hearing->opinions[i];
        if (opinion->phase == hearing->phase && opinion->ends_at > ends_at) {
            ends_at = opinion->ends_at;
        }
    }
    return ends_at == INSTANT_NEVER ? 0 : ends_at - now;
}

static struct quota_answer answer_of(const struct hearing *hearing, enum shown_use shown, instant_ms now)
{
    return (struct quota_answer){.verdict = verdict_of(hearing->phase),
                                 .reason = reason_of(hearing->phase),
                                 .phase = hearing->phase,
                                 .retry_after_ms = retry_after(hearing, now),
                                 .report = strictest_report(hearing, shown, now)};
}

struct quota_answer quota_step(struct quota_state state, const struct plan *plan, const struct name *meter,
                               micro_units amount, instant_ms now)
{
    assert(amount > 0);
    struct hearing hearing = hear_ask(&state, plan, meter, amount, now);
    struct quota_answer answer = answer_of(&hearing, SHOW_AFTER, now);
    if (hearing.phase == QUOTA_EXCEEDED) { /* The limits that deny have the same use after as before. */
        answer.state = state;
        return answer;
    }
    for (uint8_t i = 0; i < hearing.count; i++) {
        quota_remember(&state, plan, &hearing.opinions[i].after);
    }
    answer.state = quota_at(state, plan, now);
    return answer;
}

struct quota_answer quota_peek(const struct quota_state *state, const struct plan *plan,
                               const struct name *meter, instant_ms now)
{
    struct hearing hearing = hear_ask(state, plan, meter, 1, now);
    struct quota_answer answer = answer_of(&hearing, SHOW_BEFORE, now);
    answer.state = *state;
    return answer;
}

struct quota_state quota_at(struct quota_state state, const struct plan *plan, instant_ms now)
{
    struct hearing hearing = hear_all(&state, plan, now);
    for (uint8_t i = 0; i < hearing.count; i++) {
        uint8_t place = quota_place_of(&state, &hearing.opinions[i].limit->name);
        if (place < state.use_count) {
            state.uses[place] = hearing.opinions[i].before;
        }
    }
    state.phase = hearing.phase;
    return state;
}

struct quota_report quota_report_at(const struct quota_state *state, const struct plan *plan, instant_ms now,
                                    enum quota_phase *phase)
{
    struct hearing hearing = hear_all(state, plan, now);
    *phase = hearing.phase;
    return strictest_report(&hearing, SHOW_BEFORE, now);
}

instant_ms quota_next_edge(const struct quota_state *state, const struct plan *plan, instant_ms now)
{
    struct hearing hearing = hear_all(state, plan, now);
    instant_ms next = INSTANT_NEVER;
    for (uint8_t i = 0; i < hearing.count; i++) {
        const struct opinion *opinion = &hearing.opinions[i];
        instant_ms edge = quota_phase_ends_at(&opinion->before, &opinion->terms, now);
        next = edge < next ? edge : next;
    }
    return next;
}

static struct quota_outcome refunded(struct quota_state state, const struct plan *plan,
                                     const struct command *command)
{
    bool is_of_all = name_is_empty(&command->name);
    if (plan == NULL || (!is_of_all && quota_limit_named(plan, &command->name) == NULL)) {
        return (struct quota_outcome){.state = state, .reason = REPLY_UNKNOWN_LIMIT};
    }
    for (uint8_t place = 0; place < state.use_count; place++) {
        struct quota_use *use = &state.uses[place];
        bool is_meant =
            is_of_all ? quota_limit_named(plan, &use->name) != NULL : name_equal(&use->name, &command->name);
        if (is_meant) { /* In a sliding window too, what was used in the one before stays used. */
            use->used = command->amount < use->used ? use->used - command->amount : 0;
        }
    }
    return (struct quota_outcome){.state = state, .reason = REPLY_OK};
}

static struct quota_outcome limit_replaced(struct quota_state state, const struct plan *plan,
                                           const struct command *command)
{
    if (quota_limit_named(plan, &command->name) == NULL) {
        return (struct quota_outcome){.state = state, .reason = REPLY_UNKNOWN_LIMIT};
    }
    struct quota_use use = quota_use_of(&state, &command->name);
    use.has_override = true;
    use.override = command->limit;
    quota_remember(&state, plan, &use);
    return (struct quota_outcome){.state = state, .reason = REPLY_OK};
}

static struct quota_outcome use_cleared(struct quota_state state, const struct plan *plan)
{
    for (uint8_t place = 0; place < state.use_count; place++) {
        struct quota_use *use = &state.uses[place];
        if (quota_limit_named(plan, &use->name) != NULL) {
            *use = (struct quota_use){
                .name = use->name, .has_override = use->has_override, .override = use->override};
        }
    }
    return (struct quota_outcome){.state = state, .reason = REPLY_OK};
}

/* One of this governor's operations on a state as of now. */
static struct quota_outcome applied(const struct quota_state *state, const struct plan *plan,
                                    const struct command *command)
{
    switch (command->op) {
    case OP_RESET: return use_cleared(*state, plan);
    case OP_REFUND: return refunded(*state, plan, command);
    case OP_SET_LIMIT: return limit_replaced(*state, plan, command);
    case OP_GRANT:
    case OP_EXTEND:
    case OP_SUSPEND:
    case OP_RESUME:
    case OP_REVOKE:
    case OP_CREDIT:
    case OP_CLOSE: break;
    }
    abort(); /* Another governor's command. */
}

struct quota_outcome quota_command(struct quota_state state, const struct plan *plan,
                                   const struct command *command, instant_ms now)
{
    struct quota_state current = quota_at(state, plan, now);
    struct quota_outcome outcome = applied(&current, plan, command);
    if (outcome.reason != REPLY_OK) {
        outcome.state = state;
        return outcome;
    }
    outcome.state = quota_at(outcome.state, plan, now);
    return outcome;
}

struct quota_state quota_clear_overrides(struct quota_state state)
{
    for (uint8_t place = 0; place < state.use_count; place++) {
        state.uses[place].has_override = false;
        state.uses[place].override = 0;
    }
    return state;
}
