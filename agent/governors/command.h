/* Commands operators give a governor, already understood. */
#ifndef FLYBALL_GOVERNORS_COMMAND_H
#define FLYBALL_GOVERNORS_COMMAND_H

#include "agent/governors/verdict.h"
#include "base/instant.h"
#include "base/micro_units.h"
#include "base/name.h"

enum { GRANT_FEATURES_MAX = 8 };

/* The values are stored: never renumber. */
enum command_op {
    OP_GRANT = 0,
    OP_EXTEND = 1,
    OP_SUSPEND = 2,
    OP_RESUME = 3,
    OP_REVOKE = 4,
    OP_RESET = 5,
    OP_REFUND = 6,
    OP_SET_LIMIT = 7,
    OP_CREDIT = 8,
    OP_CLOSE = 9,
};

enum reply_reason {
    REPLY_OK = 0,
    REPLY_INVALID_TRANSITION = 1,
    REPLY_UNKNOWN_PLAN = 2,
    REPLY_UNKNOWN_LIMIT = 3,
    REPLY_UNKNOWN_EVENT = 4,
    REPLY_ALREADY_REFUNDED = 5,
    REPLY_TOO_MANY_GRANTS = 6,
    REPLY_OVERFLOW = 7,
    REPLY_ID_REUSED = 8,
};

/* Only the fields of its op are set, the others are zero; optional ones as noted. */
struct command {
    struct name id;
    enum governor_kind governor;
    enum command_op op;
    /* grant */
    struct name plan;
    uint8_t feature_count;
    struct name features[GRANT_FEATURES_MAX];
    instant_ms starts_at;  /* 0: at once. */
    instant_ms expires_at; /* grant, extend, credit; INSTANT_NEVER when absent. */
    int64_t grace_ms;      /* 0 when absent. */
    /* quota refund and set_limit, credit */
    struct name name;   /* The limit; empty in a refund: all limits. */
    micro_units amount; /* quota refund >= 0, credit > 0. */
    micro_units limit;  /* set_limit, >= 0. */
    int32_t priority;   /* credit; 0 when absent. */
    /* billing refund */
    struct name event;
    struct name device;
};

const char *command_op_name(enum command_op op);
const char *reply_reason_name(enum reply_reason reason);

/* STATUS_NOT_FOUND unless `governor` knows an op of that name. */
MUST_USE enum status command_op_of_name(enum governor_kind governor, struct bytes name, enum command_op *op);

#endif
