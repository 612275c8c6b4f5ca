#include "agent/state/ledger_command.h"

#include <stdlib.h>

static void pack_grant(struct packer *packer, const struct command *command)
{
    pack_name(packer, &command->plan);
    pack_u8(packer, command->feature_count);
    for (uint8_t i = 0; i < command->feature_count; i++) {
        pack_name(packer, &command->features[i]);
    }
    pack_signed(packer, command->starts_at);
    pack_signed(packer, command->expires_at);
    pack_signed(packer, command->grace_ms);
}

static void unpack_grant(struct unpacker *unpacker, struct command *command)
{
    unpack_name(unpacker, &command->plan);
    command->feature_count = unpack_enum(unpacker, GRANT_FEATURES_MAX);
    for (uint8_t i = 0; i < command->feature_count; i++) {
        unpack_name(unpacker, &command->features[i]);
    }
    command->starts_at = unpack_signed(unpacker);
    command->expires_at = unpack_signed(unpacker);
    command->grace_ms = unpack_signed(unpacker);
}

static void pack_refund(struct packer *packer, const struct command *command)
{
    if (command->governor == GOVERNOR_BILLING) {
        pack_name(packer, &command->event);
        pack_name(packer, &command->device);
        return;
    }
    pack_name(packer, &command->name);
    pack_signed(packer, command->amount);
}

static void unpack_refund(struct unpacker *unpacker, struct command *command)
{
    if (command->governor == GOVERNOR_BILLING) {
        unpack_name(unpacker, &command->event);
        unpack_name(unpacker, &command->device);
        return;
    }
    unpack_name(unpacker, &command->name);
    command->amount = unpack_signed(unpacker);
}

void pack_asked(struct packer *packer, const struct command *command)
{
    pack_u8(packer, (uint8_t)command->op);
    switch (command->op) {
    case OP_GRANT: pack_grant(packer, command); return;
    case OP_EXTEND: pack_signed(packer, command->expires_at); return;
    case OP_REFUND: pack_refund(packer, command); return;
    case OP_SET_LIMIT:
        pack_name(packer, &command->name);
        pack_signed(packer, command->limit);
        return;
    case OP_CREDIT:
        pack_signed(packer, command->amount);
        pack_signed(packer, command->priority);
        pack_signed(packer, command->expires_at);
        return;
    case OP_SUSPEND:
    case OP_RESUME:
    case OP_REVOKE:
    case OP_RESET:
    case OP_CLOSE: return;
    }
    abort(); /* Corrupt op. */
}

static int32_t unpack_priority(struct unpacker *unpacker)
{
    int64_t value = unpack_signed(unpacker);
    if (value < INT32_MIN || value > INT32_MAX) {
        unpacker->failed = true;
        return 0;
    }
    return (int32_t)value;
}

void unpack_asked(struct unpacker *unpacker, struct command *command)
{
    command->op = unpack_enum(unpacker, OP_CLOSE);
    switch (command->op) {
    case OP_GRANT: unpack_grant(unpacker, command); return;
    case OP_EXTEND: command->expires_at = unpack_signed(unpacker); return;
    case OP_REFUND: unpack_refund(unpacker, command); return;
    case OP_SET_LIMIT:
        unpack_name(unpacker, &command->name);
        command->limit = unpack_signed(unpacker);
        return;
    case OP_CREDIT:
        command->amount = unpack_signed(unpacker);
        command->priority = unpack_priority(unpacker);
        command->expires_at = unpack_signed(unpacker);
        return;
    case OP_SUSPEND:
    case OP_RESUME:
    case OP_REVOKE:
    case OP_RESET:
    case OP_CLOSE: return;
    }
    abort(); /* Corrupt op. */
}
