#include "agent/governors/billing.h"

#include <stdlib.h>
#include <string.h>

#include "agent/governors/grants.h"

const char *billing_phase_name(enum billing_phase phase)
{
    switch (phase) {
    case BILLING_PHASE_CLOSED: return "closed";
    case BILLING_PHASE_SUSPENDED: return "suspended";
    case BILLING_PHASE_NONE: return "none";
    case BILLING_PHASE_EXHAUSTED: return "exhausted";
    case BILLING_PHASE_OVERDRAFT: return "overdraft";
    case BILLING_PHASE_LOW: return "low";
    case BILLING_PHASE_GOOD: return "good";
    }
    abort(); /* Corrupt phase. */
}

micro_units billing_balance(const struct billing_state *state)
{
    micro_units balance = -state->debt;
    for (uint8_t i = 0; i < state->grant_count; i++) {
        balance += state->grants[i].remaining;
    }
    return balance;
}

/* The phase of an open account that was used at least once. */
static enum billing_phase phase_of_balance(micro_units balance, const struct billing_terms *terms)
{
    if (balance <= -terms->overdraft) {
        return BILLING_PHASE_EXHAUSTED;
    }
    if (balance < 0) {
        return BILLING_PHASE_OVERDRAFT;
    }
    return balance <= terms->low_balance ? BILLING_PHASE_LOW : BILLING_PHASE_GOOD;
}

enum billing_phase billing_phase_of(const struct billing_state *state, const struct billing_terms *terms)
{
    switch (state->hold) {
    case BILLING_CLOSED: return BILLING_PHASE_CLOSED;
    case BILLING_SUSPENDED: return BILLING_PHASE_SUSPENDED;
    case BILLING_OPEN:
        if (state->credits == 0 && state->charges == 0) {
            return BILLING_PHASE_NONE;
        }
        return phase_of_balance(billing_balance(state), terms);
    }
    abort(); /* Corrupt hold. */
}

void billing_move(struct billing_state *state, const struct billing_terms *terms, instant_ms now)
{
    grants_expire(state, now);
    state->phase = billing_phase_of(state, terms);
}

struct billing_state billing_at(struct billing_state state, const struct billing_terms *terms, instant_ms now)
{
    billing_move(&state, terms, now);
    return state;
}

instant_ms billing_next_edge(const struct billing_state *state)
{
    instant_ms edge = INSTANT_NEVER;
    for (uint8_t i = 0; i < state->grant_count; i++) {
        if (state->grants[i].expires_at < edge) {
            edge = state->grants[i].expires_at;
        }
    }
    return edge;
}

static struct billing_quote denied(enum reason reason)
{
    return (struct billing_quote){.verdict = VERDICT_DENY, .reason = reason};
}

static struct billing_quote paid(micro_units charge, enum billing_phase phase)
{
    switch (phase) {
    case BILLING_PHASE_GOOD:
        return (struct billing_quote){.verdict = VERDICT_ALLOW, .reason = REASON_OK, .charge = charge};
    case BILLING_PHASE_LOW:
    case BILLING_PHASE_EXHAUSTED:
        return (struct billing_quote){
            .verdict = VERDICT_WARN, .reason = REASON_LOW_BALANCE, .charge = charge};
    case BILLING_PHASE_OVERDRAFT:
        return (struct billing_quote){.verdict = VERDICT_WARN, .reason = REASON_OVERDRAFT, .charge = charge};
    case BILLING_PHASE_NONE:
    case BILLING_PHASE_SUSPENDED:
    case BILLING_PHASE_CLOSED: break;
    }
    abort(); /* A paid charge leaves none of these. */
}

static struct billing_quote ask_open(const struct billing_state *state, const struct billing_terms *terms,
                                     micro_units amount, micro_units price)
{
    micro_units charge = 0;
    micro_units balance = 0;
    micro_units charges = 0;
    if (micro_units_multiply(amount, price, &charge) != STATUS_OK) {
        return denied(REASON_INSUFFICIENT_BALANCE);
    }
    if (charge == 0) {
        return (struct billing_quote){.verdict = VERDICT_ALLOW, .reason = REASON_OK};
    }
    if (micro_units_subtract(billing_balance(state), charge, &balance) != STATUS_OK ||
        micro_units_add(state->charges, charge, &charges) != STATUS_OK || balance < -terms->overdraft) {
        return denied(REASON_INSUFFICIENT_BALANCE);
    }
    return paid(charge, phase_of_balance(balance, terms));
}

struct billing_quote billing_ask(const struct billing_state *state, const struct billing_terms *terms,
                                 micro_units amount, micro_units price)
{
    switch (state->hold) {
    case BILLING_CLOSED: return denied(REASON_CLOSED);
    case BILLING_SUSPENDED: return denied(REASON_SUSPENDED);
    case BILLING_OPEN: return ask_open(state, terms, amount, price);
    }
    abort(); /* Corrupt hold. */
}

void billing_pay(struct billing_state *state, const struct billing_terms *terms, micro_units amount,
                 struct charge *charge)
{
    charge->amount = amount;
    charge->debt = grants_burn(state, amount, charge);
    state->debt += charge->debt;
    state->charges += amount;
    state->phase = billing_phase_of(state, terms);
}

struct billing_answer billing_step(struct billing_state state, const struct billing_terms *terms,
                                   micro_units amount, micro_units price, instant_ms now)
{
    struct billing_answer answer;
    memset(&answer, 0, sizeof answer);
    answer.state = state;
    billing_move(&answer.state, terms, now);
    struct billing_quote quote = billing_ask(&answer.state, terms, amount, price);
    if (quote.charge > 0) {
        billing_pay(&answer.state, terms, quote.charge, &answer.charge);
    }
    answer.verdict = quote.verdict;
    answer.reason = quote.reason;
    answer.phase = answer.state.phase;
    answer.balance = billing_balance(&answer.state);
    return answer;
}

static micro_units settle_debt(struct billing_state *state, micro_units amount)
{
    micro_units settled = state->debt < amount ? state->debt : amount;
    state->debt -= settled;
    return amount - settled;
}

/* A new grant, the youngest. */
static enum reply_reason grant_new(struct billing_state *state, const struct command *command,
                                   micro_units remaining)
{
    struct grant grant;
    memset(&grant, 0, sizeof grant);
    grant.id = command->id;
    grant.amount = command->amount;
    grant.remaining = remaining;
    grant.priority = command->priority;
    grant.expires_at = command->expires_at;
    grant.age = state->grants_made;
    if (grants_add(state, &grant) != STATUS_OK) {
        return REPLY_TOO_MANY_GRANTS;
    }
    state->grants_made++;
    return REPLY_OK;
}

/* Debt is settled first, even by credit that is past its own expiry; only what is left can expire or live. */
static enum reply_reason credit(struct billing_state *state, const struct command *command, instant_ms now)
{
    micro_units credits = 0;
    if (micro_units_add(state->credits, command->amount, &credits) != STATUS_OK ||
        !grants_can_hold(state, command->amount)) {
        return REPLY_OVERFLOW;
    }
    bool leaves_grant = command->amount > state->debt && command->expires_at > now;
    if (leaves_grant && state->grant_count >= CREDITS_MAX) {
        return REPLY_TOO_MANY_GRANTS;
    }
    state->credits = credits;
    micro_units rest = settle_debt(state, command->amount);
    if (!leaves_grant) {
        state->expired += rest;
        return REPLY_OK;
    }
    return grant_new(state, command, rest);
}

static enum reply_reason move_hold(struct billing_state *state, enum billing_hold from, enum billing_hold to)
{
    if (state->hold != from) {
        return REPLY_INVALID_TRANSITION;
    }
    state->hold = to;
    return REPLY_OK;
}

static enum reply_reason apply(struct billing_state *state, const struct command *command, instant_ms now)
{
    if (state->hold == BILLING_CLOSED) {
        return REPLY_INVALID_TRANSITION;
    }
    switch (command->op) {
    case OP_CREDIT: return credit(state, command, now);
    case OP_SUSPEND: return move_hold(state, BILLING_OPEN, BILLING_SUSPENDED);
    case OP_RESUME: return move_hold(state, BILLING_SUSPENDED, BILLING_OPEN);
    case OP_CLOSE: return move_hold(state, state->hold, BILLING_CLOSED);
    case OP_REFUND:
    case OP_GRANT:
    case OP_EXTEND:
    case OP_REVOKE:
    case OP_RESET:
    case OP_SET_LIMIT: break;
    }
    abort(); /* Another governor's, or a refund, which needs its charge. */
}

struct billing_outcome billing_command(struct billing_state state, const struct billing_terms *terms,
                                       const struct command *command, instant_ms now)
{
    struct billing_outcome outcome;
    memset(&outcome, 0, sizeof outcome);
    outcome.state = state;
    billing_move(&outcome.state, terms, now);
    outcome.reason = apply(&outcome.state, command, now);
    outcome.state.phase = billing_phase_of(&outcome.state, terms);
    return outcome;
}

/* Why the charge cannot be taken back at all. The guard on the totals holds for every charge that this
 * account once paid and that is refunded once; it keeps a charge that is neither from breaking the
 * arithmetic. */
static enum reply_reason refusal(const struct billing_state *state, const struct charge *charge)
{
    if (state->hold == BILLING_CLOSED) {
        return REPLY_INVALID_TRANSITION;
    }
    if (charge->amount == 0) {
        return REPLY_UNKNOWN_EVENT;
    }
    return charge->amount > state->charges - state->refunds ? REPLY_OVERFLOW : REPLY_OK;
}

/* The charge's whole amount enters and leaves by three doors, in this order: the debt there is now; the
 * grants that were burned; and a new grant for what is left over, which is exactly the part that had been
 * debt and that some credit has settled since. So credits = charges - refunds + expired + balance keeps
 * holding to the micro-unit, and because debt comes first, grants only come back when none is left. */
static enum reply_reason refund(struct billing_state *state, const struct charge *charge, struct name id,
                                instant_ms now)
{
    state->refunds += charge->amount;
    micro_units rest = settle_debt(state, charge->amount);
    if (!grants_can_hold(state, rest)) {
        return REPLY_OVERFLOW;
    }
    if (grants_return(state, charge, rest, now, &rest) != STATUS_OK) {
        return REPLY_TOO_MANY_GRANTS;
    }
    if (rest == 0) {
        return REPLY_OK;
    }
    struct command credited = {.id = id, .amount = rest, .expires_at = INSTANT_NEVER};
    return grant_new(state, &credited, rest);
}

struct billing_outcome billing_refund(struct billing_state state, const struct billing_terms *terms,
                                      const struct charge *charge, struct name id, instant_ms now)
{
    struct billing_outcome outcome;
    memset(&outcome, 0, sizeof outcome);
    billing_move(&state, terms, now);
    outcome.state = state;
    outcome.reason = refusal(&state, charge);
    if (outcome.reason != REPLY_OK) {
        return outcome;
    }
    outcome.reason = refund(&outcome.state, charge, id, now);
    if (outcome.reason != REPLY_OK) {
        outcome.state = state; /* Some grants may have come back before the one that found no place. */
    }
    outcome.state.phase = billing_phase_of(&outcome.state, terms);
    return outcome;
}

/* Unsigned, so that a damaged state gives a wrong sum instead of undefined behaviour. */
micro_units billing_imbalance(const struct billing_state *state)
{
    uint64_t spent = (uint64_t)state->charges - (uint64_t)state->refunds + (uint64_t)state->expired;
    return (micro_units)((uint64_t)state->credits - spent - (uint64_t)billing_balance(state));
}
