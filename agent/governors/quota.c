#include "agent/governors/quota.h"

#include <stdlib.h>

#include "agent/governors/quota_hearing.h"
#include "agent/governors/quota_uses.h"

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

/* Everything but answer.state. */
static struct quota_answer answer_of(const struct quota_hearing *hearing, enum quota_shown shown)
{
    struct quota_answer answer = {.verdict = quota_verdict(hearing),
                                  .reason = quota_reason(hearing),
                                  .retry_after_ms = quota_retry_after(hearing)};
    answer.phase = quota_show(hearing, shown, &answer.report);
    return answer;
}

struct quota_answer quota_step(struct quota_state state, const struct plan *plan, const struct name *meter,
                               micro_units amount, instant_ms now)
{
    struct quota_hearing hearing;
    quota_hear(&hearing, &state, plan, now);
    quota_ask(&hearing, meter, amount);
    if (hearing.phase != QUOTA_EXCEEDED) {
        quota_take(&state, &hearing);
    }
    struct quota_answer answer = answer_of(&hearing, QUOTA_SHOWN_AFTER);
    answer.state = state;
    return answer;
}

struct quota_answer quota_peek(const struct quota_state *state, const struct plan *plan,
                               const struct name *meter, instant_ms now)
{
    struct quota_hearing hearing;
    quota_hear(&hearing, state, plan, now);
    quota_ask(&hearing, meter, 1);
    struct quota_answer answer = answer_of(&hearing, QUOTA_SHOWN_BEFORE);
    answer.state = *state;
    return answer;
}

void quota_move(struct quota_state *state, const struct plan *plan, instant_ms now)
{
    struct quota_hearing hearing;
    quota_hear(&hearing, state, plan, now);
    quota_settle(state, &hearing);
}

struct quota_state quota_at(struct quota_state state, const struct plan *plan, instant_ms now)
{
    quota_move(&state, plan, now);
    return state;
}

struct quota_report quota_report_at(const struct quota_state *state, const struct plan *plan, instant_ms now,
                                    enum quota_phase *phase)
{
    struct quota_hearing hearing;
    quota_hear(&hearing, state, plan, now);
    struct quota_report report;
    *phase = quota_show(&hearing, QUOTA_SHOWN_BEFORE, &report);
    return report;
}

instant_ms quota_next_edge(const struct quota_state *state, const struct plan *plan, instant_ms now)
{
    struct quota_hearing hearing;
    quota_hear(&hearing, state, plan, now);
    return quota_hearing_edge(&hearing);
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
