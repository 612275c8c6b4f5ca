#include "agent/governors/verdict.h"

#include <stdlib.h>

const char *governor_name(enum governor_kind kind)
{
    switch (kind) {
    case GOVERNOR_ENTITLEMENT: return "entitlement";
    case GOVERNOR_QUOTA: return "quota";
    case GOVERNOR_BILLING: return "billing";
    }
    abort(); /* Corrupt kind. */
}

const char *verdict_name(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_ALLOW: return "allow";
    case VERDICT_WARN: return "warn";
    case VERDICT_THROTTLE: return "throttle";
    case VERDICT_DENY: return "deny";
    }
    abort(); /* Corrupt verdict. */
}

const char *reason_name(enum reason reason)
{
    switch (reason) {
    case REASON_OK: return "ok";
    case REASON_NOT_ENTITLED: return "not_entitled";
    case REASON_NOT_STARTED: return "not_started";
    case REASON_SUSPENDED: return "suspended";
    case REASON_EXPIRED: return "expired";
    case REASON_REVOKED: return "revoked";
    case REASON_GRACE: return "grace";
    case REASON_QUOTA_WARNING: return "quota_warning";
    case REASON_QUOTA_THROTTLED: return "quota_throttled";
    case REASON_QUOTA_EXCEEDED: return "quota_exceeded";
    case REASON_LOW_BALANCE: return "low_balance";
    case REASON_OVERDRAFT: return "overdraft";
    case REASON_INSUFFICIENT_BALANCE: return "insufficient_balance";
    case REASON_CLOSED: return "closed";
    case REASON_ID_REUSED: return "id_reused";
    case REASON_UNKNOWN_METER: return "unknown_meter";
    case REASON_UNKNOWN_SUBJECT: return "unknown_subject";
    }
    abort(); /* Corrupt reason. */
}

enum status governor_of_name(struct bytes name, enum governor_kind *kind)
{
    for (enum governor_kind each = GOVERNOR_ENTITLEMENT; each <= GOVERNOR_BILLING; each++) {
        if (bytes_equal_string(name, governor_name(each))) {
            *kind = each;
            return STATUS_OK;
        }
    }
    return STATUS_NOT_FOUND;
}
