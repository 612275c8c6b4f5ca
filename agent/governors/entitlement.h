/* Entitlement: may this subject do this at all? A grant of a plan that starts, lapses through a grace period
 * and ends. */
#ifndef FLYBALL_GOVERNORS_ENTITLEMENT_H
#define FLYBALL_GOVERNORS_ENTITLEMENT_H

#include "agent/governors/command.h"
#include "agent/governors/policy.h"

/* The values are stored: never renumber. */
enum entitlement_phase {
    ENTITLEMENT_NONE = 0,
    ENTITLEMENT_PENDING = 1,
    ENTITLEMENT_ACTIVE = 2,
    ENTITLEMENT_GRACE = 3,
    ENTITLEMENT_EXPIRED = 4,
    ENTITLEMENT_SUSPENDED = 5,
    ENTITLEMENT_REVOKED = 6,
};

/* All zero is `none`. `phase` holds as of the last step; entitlement_at moves it to another time. */
struct entitlement_state {
    enum entitlement_phase phase;
    struct name plan;
    uint8_t feature_count;
    struct name features[GRANT_FEATURES_MAX]; /* The grant's own, beside the plan's. */
    instant_ms starts_at;                     /* 0: at once. */
    instant_ms expires_at;                    /* INSTANT_NEVER when it does not. */
    int64_t grace_ms;
};

struct entitlement_answer {
    enum verdict verdict;
    enum reason reason;
};

struct entitlement_outcome {
    struct entitlement_state state;
    enum reply_reason reason; /* REPLY_OK: applied; else `state` is unchanged. */
};

const char *entitlement_phase_name(enum entitlement_phase phase);

/* The state as of `now`: activation, grace and expiry that time has brought; suspended and revoked stay. */
struct entitlement_state entitlement_at(struct entitlement_state state, instant_ms now);

/* The next instant after which entitlement_at gives another phase; INSTANT_NEVER if none. */
instant_ms entitlement_next_edge(const struct entitlement_state *state);

/* What a meter that needs `feature` (empty: none) is told. `plan` is the granted plan's terms, or NULL when
 * the configuration no longer has it: then the grant's own features are all it has, and a meter that needs
 * none of them is not_entitled. */
struct entitlement_answer entitlement_check(const struct entitlement_state *state, const struct plan *plan,
                                            const struct name *feature);

/* Grants `plan` without an end, as the first event of a stranger does. */
struct entitlement_state entitlement_bootstrap(struct name plan);

/* One of grant, extend, suspend, resume, revoke at `now`. The caller has checked that the plan exists. */
struct entitlement_outcome entitlement_command(struct entitlement_state state, const struct command *command,
                                               instant_ms now);

#endif
