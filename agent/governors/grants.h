/* A billing state's live grants: kept in burning order, burned, returned to and expired in place. */
#ifndef FLYBALL_GOVERNORS_GRANTS_H
#define FLYBALL_GOVERNORS_GRANTS_H

#include "agent/governors/billing.h"

/* Whether `left` burns before `right`: lower priority, then earlier expiry, then age. */
bool grants_are_ordered(const struct grant *left, const struct grant *right);

/* Whether `amount` more in grants keeps their sum, with all that expired, within 64 bits. Every other sum of
 * a billing state follows from this one and from its checked totals. */
bool grants_can_hold(const struct billing_state *state, micro_units amount);

/* Adds a grant; STATUS_FULL when there are GRANTS_MAX. */
MUST_USE enum status grants_add(struct billing_state *state, const struct grant *grant);

/* Moves the rest of every grant expired at `now` to the expired total. */
void grants_expire(struct billing_state *state, instant_ms now);

/* Burns up to `amount` in order and writes each burn down; what no grant covered is returned. */
micro_units grants_burn(struct billing_state *state, micro_units amount, struct charge *charge);

/* Gives back up to `amount` to the grants it was burned from, last first, reviving those that are gone; what
 * belongs to an expired one counts as expired. *rest is what is left over. STATUS_FULL, the state half
 * changed, when a grant to revive finds no place. */
MUST_USE enum status grants_return(struct billing_state *state, const struct charge *charge,
                                   micro_units amount, instant_ms now, micro_units *rest);

#endif
