/* Why, in a sentence for each reason of the contract. */
#ifndef FLYBALL_AGENT_COMMANDS_EXPLAIN_REASONS_H
#define FLYBALL_AGENT_COMMANDS_EXPLAIN_REASONS_H

#include "agent/state/ledger.h"
#include "base/text.h"

/* "Denied by quota: 76 of 100 of daily are used, 30 more would pass the limit." */
void put_decision_reason(struct text *text, const struct decision_entry *entry);

/* "Rejected: the configuration has no plan gold." */
void put_reply_reason(struct text *text, const struct reply_entry *entry);

/* The governor's line in the decision; NULL when its chain does not have it. */
const struct governor_report *decision_report(const struct decision_entry *entry, enum governor_kind kind);

/* The name of the state. */
const char *report_phase_name(const struct governor_report *report);

#endif
