/* Notes for the ledger what an event's governors are before it, and what denied it. */
#ifndef FLYBALL_AGENT_DECIDE_BEFORE_H
#define FLYBALL_AGENT_DECIDE_BEFORE_H

#include "agent/governors/quota_hearing.h"
#include "agent/state/ledger.h"

/* Between the two calls. */
struct event_terms {
    const struct meter *meter;
    const struct plan *terms; /* NULL when the configuration has lost the plan. */
    struct quota_hearing quota;
};

/* Before the chain is asked: where the states stand at `now`, by the time alone. The meter and the policy's
 * plans outlive *terms. */
void decide_note_before(struct decision_entry *entry, struct event_terms *terms,
                        const struct governor_states *states, const struct policy *policy,
                        const struct meter *meter);

/* After it: completes the entry by what the answer shows. */
void decide_note_after(struct decision_entry *entry, const struct event_terms *terms);

#endif
