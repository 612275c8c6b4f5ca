/* The chain: the ordered governors a meter's events pass through. All of them, or nothing changes. */
#ifndef FLYBALL_GOVERNORS_CHAIN_H
#define FLYBALL_GOVERNORS_CHAIN_H

#include "agent/governors/billing.h"
#include "agent/governors/entitlement.h"
#include "agent/governors/quota.h"

/* Everything governed about one subject. All zero is a stranger. */
struct governor_states {
    struct entitlement_state entitlement;
    struct quota_state quota;
    struct billing_state billing;
};

struct entitlement_report {
    enum entitlement_phase phase;
    struct name plan; /* Empty: none. */
};

struct billing_report {
    enum billing_phase phase;
    micro_units charged;
    micro_units balance;
};

/* One governor's line in a decision; only the part of its kind is set, the rest may hold anything. */
struct governor_report {
    enum governor_kind kind;
    enum verdict verdict;
    struct entitlement_report entitlement;
    enum quota_phase quota_phase;
    struct quota_report quota;
    struct billing_report billing;
};

/* Beyond report_count and charge.burn_count there may be anything. */
struct chain_answer {
    enum verdict verdict; /* The strictest of the chain. */
    enum reason reason;   /* Of the first governor with that verdict. */
    int64_t retry_after_ms;
    uint8_t report_count;
    struct governor_report reports[CHAIN_LENGTH_MAX]; /* In chain order. */
    struct charge charge;                             /* What billing took; zero when denied. */
};

struct chain_ask {
    const struct name *meter;
    micro_units amount; /* 0 is a peek. */
    instant_ms now;
};

/* A bit per governor, 1 << kind. */
typedef uint8_t governor_set;

/* The terms that hold for the subject: its granted plan, or policy->default_plan while entitlement is none;
 * NULL when the configuration has no such plan. */
const struct plan *chain_terms(const struct governor_states *states, const struct policy *policy);

/* The states the contract names, by which state topics are due. */
struct chain_phases {
    enum entitlement_phase entitlement;
    enum quota_phase quota;
    enum billing_phase billing;
};

struct chain_phases chain_phases_of(const struct governor_states *states);

/* The governors whose phase differs. */
governor_set chain_phases_changed(struct chain_phases before, struct chain_phases after);

/* Passes one event through meter->chain. *states becomes the new state unless denied or a peek: then only
 * what time alone brought (expired grants, phases) changes; a peek changes nothing at all. `meter` is never
 * NULL; a subject that would be bootstrapped (none, and the policy says so) is granted the default plan
 * first, and keeps it even if the event is then denied. Writes only the parts of *answer that are read;
 * returns the governors whose phase changed. */
governor_set chain_decide(struct governor_states *states, const struct policy *policy,
                          const struct meter *meter, struct chain_ask ask, struct chain_answer *answer);

/* The same by value, zero where nothing is set. */
struct chain_answer chain_step(struct governor_states *states, const struct policy *policy,
                               const struct meter *meter, struct chain_ask ask);

/* Applies a command other than a billing refund, then moves all three to `now` by the terms that hold after
 * it; on anything but REPLY_OK, *states is unchanged but for time. */
enum reply_reason chain_command(struct governor_states *states, const struct policy *policy,
                                const struct command *command, instant_ms now);

/* Gives a charge back under the command's id. */
enum reply_reason chain_refund(struct governor_states *states, const struct policy *policy,
                               const struct charge *charge, const struct command *command, instant_ms now);

/* Moves all three to `now`; the governors whose contract state changed by it, and quota when a window of
 * which something was used has ended. */
governor_set chain_tick(struct governor_states *states, const struct policy *policy, instant_ms now);

/* The governors whose contract state (phase) differs between the two. */
governor_set chain_changes(const struct governor_states *before, const struct governor_states *after);

/* The first instant at which chain_tick may change something; INSTANT_NEVER if none. */
instant_ms chain_next_edge(const struct governor_states *states, const struct policy *policy, instant_ms now);

/* What a state topic shows for `kind` at `now`. */
struct governor_report chain_report(const struct governor_states *states, const struct policy *policy,
                                    enum governor_kind kind, instant_ms now);

#endif
