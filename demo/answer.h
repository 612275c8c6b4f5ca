/* A decision as a device reads it. */
#ifndef FLYBALL_DEMO_ANSWER_H
#define FLYBALL_DEMO_ANSWER_H

#include <stdint.h>

#include "base/json.h"
#include "base/micro_units.h"

enum answer_kind { ANSWER_ALLOW, ANSWER_WARN, ANSWER_THROTTLE, ANSWER_DENY };
enum { ANSWER_KINDS = 4 };

/* Texts borrow from the arena the answer was read with; absent ones are empty. */
struct answer {
    enum answer_kind kind;
    bool duplicate;
    struct bytes event;
    struct bytes reason;
    struct bytes subject;
    struct bytes device;
    struct bytes meter;
    micro_units amount;
    micro_units charged;
    struct bytes balance;   /* Of billing. */
    struct bytes remaining; /* Of the quota reported. */
    int64_t retry_after_ms;
};

const char *answer_kind_name(enum answer_kind kind);

/* STATUS_INVALID for anything but a decision. */
MUST_USE enum status answer_read(struct answer *answer, struct bytes payload, struct arena *arena);

/* The member's string, or empty bytes. */
struct bytes answer_text(const cJSON *object, const char *key);

#endif
