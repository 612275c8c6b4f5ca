#include "agent/governors/command.h"

#include <stdlib.h>

const char *command_op_name(enum command_op op)
{
    switch (op) {
    case OP_GRANT: return "grant";
    case OP_EXTEND: return "extend";
    case OP_SUSPEND: return "suspend";
    case OP_RESUME: return "resume";
    case OP_REVOKE: return "revoke";
    case OP_RESET: return "reset";
    case OP_REFUND: return "refund";
    case OP_SET_LIMIT: return "set_limit";
    case OP_CREDIT: return "credit";
    case OP_CLOSE: return "close";
    }
    abort(); /* Corrupt op. */
}

const char *reply_reason_name(enum reply_reason reason)
{
    switch (reason) {
    case REPLY_OK: return "ok";
    case REPLY_INVALID_TRANSITION: return "invalid_transition";
    case REPLY_UNKNOWN_PLAN: return "unknown_plan";
    case REPLY_UNKNOWN_LIMIT: return "unknown_limit";
    case REPLY_UNKNOWN_EVENT: return "unknown_event";
    case REPLY_ALREADY_REFUNDED: return "already_refunded";
    case REPLY_TOO_MANY_GRANTS: return "too_many_grants";
    case REPLY_OVERFLOW: return "overflow";
    case REPLY_ID_REUSED: return "id_reused";
    }
    abort(); /* Corrupt reason. */
}

static bool governor_knows(enum governor_kind governor, enum command_op op)
{
    switch (governor) {
    case GOVERNOR_ENTITLEMENT: return op <= OP_REVOKE;
    case GOVERNOR_QUOTA: return op == OP_RESET || op == OP_REFUND || op == OP_SET_LIMIT;
    case GOVERNOR_BILLING:
        return op == OP_CREDIT || op == OP_REFUND || op == OP_SUSPEND || op == OP_RESUME || op == OP_CLOSE;
    }
    abort(); /* Corrupt kind. */
}

enum status command_op_of_name(enum governor_kind governor, struct bytes name, enum command_op *op)
{
    for (enum command_op each = OP_GRANT; each <= OP_CLOSE; each++) {
        if (governor_knows(governor, each) && bytes_equal_string(name, command_op_name(each))) {
            *op = each;
            return STATUS_OK;
        }
    }
    return STATUS_NOT_FOUND;
}
