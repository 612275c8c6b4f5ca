/* The line each governor gets in a decision and in a state message. */
#ifndef FLYBALL_GOVERNORS_CHAIN_REPORT_H
#define FLYBALL_GOVERNORS_CHAIN_REPORT_H

#include "agent/governors/chain.h"

/* Each fills the part of its kind; the states are as of now. */
void chain_report_entitlement(struct governor_report *report, const struct entitlement_state *state);
void chain_report_billing(struct governor_report *report, const struct billing_state *state,
                          micro_units charged);

#endif
