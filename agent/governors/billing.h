/* Billing: who pays? Prepaid credit in grants, burned in order, with an overdraft and exact conservation. */
#ifndef FLYBALL_GOVERNORS_BILLING_H
#define FLYBALL_GOVERNORS_BILLING_H

#include "agent/governors/charge.h"
#include "agent/governors/command.h"
#include "agent/governors/policy.h"

/* The values are stored: never renumber. */
enum billing_hold { BILLING_OPEN = 0, BILLING_SUSPENDED = 1, BILLING_CLOSED = 2 };

/* The state the contract names; derived from hold, balance and terms, never stored as truth. */
enum billing_phase {
    BILLING_PHASE_CLOSED = 0,
    BILLING_PHASE_SUSPENDED = 1,
    BILLING_PHASE_NONE = 2,
    BILLING_PHASE_EXHAUSTED = 3,
    BILLING_PHASE_OVERDRAFT = 4,
    BILLING_PHASE_LOW = 5,
    BILLING_PHASE_GOOD = 6,
};

/* All zero is an account never credited and never charged. Conservation, always:
 * credits = charges - refunds + expired + (sum of remaining - debt). */
struct billing_state {
    enum billing_hold hold;
    enum billing_phase phase; /* As of the last step, to notice a change. */
    micro_units debt;         /* >= 0; live grants and debt never coexist with both above 0. */
    micro_units credits;      /* Totals since the account began. */
    micro_units charges;
    micro_units refunds;
    micro_units expired;
    uint64_t grants_made; /* The next grant's age. */
    uint8_t grant_count;
    struct grant grants[GRANTS_MAX]; /* In burning order; zero beyond the count. */
};

struct billing_answer {
    struct billing_state state; /* Unchanged when denied. */
    enum verdict verdict;
    enum reason reason;
    enum billing_phase phase;
    micro_units balance;
    struct charge charge; /* Zero when denied or free. */
};

struct billing_quote {
    enum verdict verdict;
    enum reason reason;
    micro_units charge; /* For billing_pay to take; 0 when denied or free. */
};

struct billing_outcome {
    struct billing_state state; /* On anything but REPLY_OK unchanged but for time. */
    enum reply_reason reason;
};

const char *billing_phase_name(enum billing_phase phase);

/* Sum of the live grants minus the debt. */
micro_units billing_balance(const struct billing_state *state);

enum billing_phase billing_phase_of(const struct billing_state *state, const struct billing_terms *terms);

/* The state as of `now`: the rest of expired grants has left the balance; `phase` is up to date. */
struct billing_state billing_at(struct billing_state state, const struct billing_terms *terms,
                                instant_ms now);

/* When the next grant expires; INSTANT_NEVER if none does. */
instant_ms billing_next_edge(const struct billing_state *state);

/* Charges amount x price, both >= 0, rounded half up, at `now`. */
struct billing_answer billing_step(struct billing_state state, const struct billing_terms *terms,
                                   micro_units amount, micro_units price, instant_ms now);

/* The same in place and in pieces, so that a chain copies nothing: move to `now`, ask, pay if all agree.
 * billing_pay writes down where the charge came from into *charge, zero before. */
void billing_move(struct billing_state *state, const struct billing_terms *terms, instant_ms now);
struct billing_quote billing_ask(const struct billing_state *state, const struct billing_terms *terms,
                                 micro_units amount, micro_units price);
void billing_pay(struct billing_state *state, const struct billing_terms *terms, micro_units amount,
                 struct charge *charge);

/* One of credit, suspend, resume, close at `now`. */
struct billing_outcome billing_command(struct billing_state state, const struct billing_terms *terms,
                                       const struct command *command, instant_ms now);

/* Takes a charge back: settles debt first, then returns to the grants it was burned from, last first; a grant
 * that is gone comes back, an expired one counts as expired at once; what had been debt and is settled since
 * becomes a grant named `id`. REPLY_TOO_MANY_GRANTS beyond GRANTS_MAX, REPLY_UNKNOWN_EVENT for a charge of 0,
 * REPLY_OVERFLOW for more than was charged and not yet refunded. */
struct billing_outcome billing_refund(struct billing_state state, const struct billing_terms *terms,
                                      const struct charge *charge, struct name id, instant_ms now);

/* credits - (charges - refunds + expired + balance): 0 unless something is wrong. */
micro_units billing_imbalance(const struct billing_state *state);

#endif
