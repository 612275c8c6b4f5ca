/* The terms governors decide by: plans, meters and what strangers get. Filled in by the configuration, read
 * only. */
#ifndef FLYBALL_GOVERNORS_POLICY_H
#define FLYBALL_GOVERNORS_POLICY_H

#include <stdint.h>

#include "agent/governors/verdict.h"
#include "base/instant.h"
#include "base/micro_units.h"
#include "base/name.h"

enum {
    PLAN_FEATURES_MAX = 16,
    PLAN_QUOTAS_MAX = 4,
    PLAN_PRICES_MAX = 32,
    CHAIN_LENGTH_MAX = GOVERNOR_KINDS,
};

/* Ten years: longer windows are typing errors. */
#define QUOTA_WINDOW_MS_MOST (3660LL * 86400000)

enum quota_algorithm { QUOTA_FIXED, QUOTA_SLIDING, QUOTA_TOKEN_BUCKET };

/* A calendar month is the one window whose length varies. */
enum quota_window { QUOTA_WINDOW_DURATION, QUOTA_WINDOW_MONTH };

struct quota_limit {
    struct name name;
    struct name meter; /* "*": all meters together. */
    enum quota_algorithm algorithm;
    enum quota_window window;
    int64_t
        window_ms; /* Aligned to the epoch; for a month, which only fixed and sliding windows follow, 0. */
    micro_units limit; /* >= 0; 0 denies every event. */
    micro_units burst; /* Token bucket: the most at once, > 0; the configuration resolves null to `limit`. */
    micro_units warn;  /* Shares of the limit in millionths: 750000 is 0.75. */
    micro_units throttle;
};

struct price {
    struct name meter;
    micro_units price; /* Per whole unit of the meter, >= 0. */
};

struct billing_terms {
    micro_units low_balance; /* >= 0 */
    micro_units overdraft;   /* >= 0: how far below zero the balance may go. */
};

struct plan {
    struct name name;
    uint8_t feature_count;
    uint8_t quota_count;
    uint8_t price_count;
    struct name features[PLAN_FEATURES_MAX]; /* "*" grants every feature. */
    struct quota_limit quotas[PLAN_QUOTAS_MAX];
    struct price prices[PLAN_PRICES_MAX];
    struct billing_terms billing;
};

enum meter_priority { PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_LOW };

struct meter {
    struct name name; /* "*": every meter without an entry of its own. */
    uint8_t chain_length;
    enum governor_kind chain[CHAIN_LENGTH_MAX]; /* Each kind at most once. */
    struct name feature;                        /* Empty: none needed. */
    enum meter_priority priority;
};

enum unknown_subject { UNKNOWN_BOOTSTRAP, UNKNOWN_DENY };

/* Immutable while shared; `plans` and `meters` outlive it. */
struct policy {
    uint64_t version; /* config_version of the decisions made by it; 0: from the file alone. */
    const struct plan *plans;
    uint32_t plan_count;
    const struct meter *meters;
    uint32_t meter_count;
    enum unknown_subject unknown;
    struct name default_plan; /* subjects.plan: of strangers, and the terms while no plan is granted. */
};

/* Whether the name is "*", which stands for any. */
bool policy_is_any(const struct name *name);

/* The plan of that name, or NULL. */
const struct plan *policy_plan(const struct policy *policy, const struct name *name);

/* The meter's own entry, else that of "*", else NULL. */
const struct meter *policy_meter(const struct policy *policy, const struct name *name);

/* The plan's price for the meter (its own, else that of "*"), 0 when there is none. */
micro_units plan_price(const struct plan *plan, const struct name *meter);

bool plan_has_feature(const struct plan *plan, const struct name *feature);

#endif
