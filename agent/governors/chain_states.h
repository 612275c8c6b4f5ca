/* A subject's three states together: whose terms hold, what time brings. What the chain shares with its
 * commands. */
#ifndef FLYBALL_GOVERNORS_CHAIN_STATES_H
#define FLYBALL_GOVERNORS_CHAIN_STATES_H

#include "agent/governors/chain.h"

/* The plan, or for NULL one without features, limits and prices: what is left when the configuration lost it.
 */
const struct plan *chain_plan_or_lost(const struct plan *plan);

/* As chain_terms, but never NULL. */
const struct plan *chain_terms_or_lost(const struct governor_states *states, const struct policy *policy);

/* entitlement_at, in place. */
void chain_move_entitlement(struct entitlement_state *state, instant_ms now);

#endif
