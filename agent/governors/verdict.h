/* The words governors answer with, as the contract spells them. */
#ifndef FLYBALL_GOVERNORS_VERDICT_H
#define FLYBALL_GOVERNORS_VERDICT_H

#include "base/bytes.h"
#include "base/status.h"

/* The values of all three are stored: never renumber. */
enum governor_kind { GOVERNOR_ENTITLEMENT, GOVERNOR_QUOTA, GOVERNOR_BILLING };
enum { GOVERNOR_KINDS = 3 };

/* In order of strictness: the strictest of a chain is the decision. */
enum verdict { VERDICT_ALLOW, VERDICT_WARN, VERDICT_THROTTLE, VERDICT_DENY };

enum reason {
    REASON_OK,
    REASON_NOT_ENTITLED,
    REASON_NOT_STARTED,
    REASON_SUSPENDED,
    REASON_EXPIRED,
    REASON_REVOKED,
    REASON_GRACE,
    REASON_QUOTA_WARNING,
    REASON_QUOTA_THROTTLED,
    REASON_QUOTA_EXCEEDED,
    REASON_LOW_BALANCE,
    REASON_OVERDRAFT,
    REASON_INSUFFICIENT_BALANCE,
    REASON_CLOSED,
    REASON_ID_REUSED,
    REASON_UNKNOWN_METER,
    REASON_UNKNOWN_SUBJECT,
};
enum { REASONS = 17 };

const char *governor_name(enum governor_kind kind);
const char *verdict_name(enum verdict verdict);
const char *reason_name(enum reason reason);

/* STATUS_NOT_FOUND unless the bytes are a governor's name. */
MUST_USE enum status governor_of_name(struct bytes name, enum governor_kind *kind);

#endif
