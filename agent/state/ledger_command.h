/* What an operator asked, as the ledger keeps it. */
#ifndef FLYBALL_STATE_LEDGER_COMMAND_H
#define FLYBALL_STATE_LEDGER_COMMAND_H

#include "agent/governors/command.h"
#include "base/pack.h"

/* The op and its fields; id and governor are the caller's. */
void pack_asked(struct packer *packer, const struct command *command);

/* `command` is zero but for id and governor. On damage the unpacker has failed. */
void unpack_asked(struct unpacker *unpacker, struct command *command);

#endif
