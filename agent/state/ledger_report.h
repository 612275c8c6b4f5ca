/* One governor's line in a ledger entry: what it was after the decision and, as a difference, before it. */
#ifndef FLYBALL_STATE_LEDGER_REPORT_H
#define FLYBALL_STATE_LEDGER_REPORT_H

#include "agent/state/ledger.h"

/* `taken` is what the decision took of the limit that is reported. The difference is left out unless
 * `before` is told. */
void pack_report(struct packer *packer, const struct governor_report *report, micro_units taken,
                 const struct governors_before *before);

/* Fills the report and, if before->is_told, what belongs to its governor in *before. On damage the unpacker
 * has failed. */
void unpack_report(struct unpacker *unpacker, struct governor_report *report, micro_units taken,
                   struct governors_before *before);

#endif
