/* How a use grows old when the configuration changes a limit's terms under the same name: by the old terms
 * until the subject is looked at again, by the new ones from there on. */
#ifndef FLYBALL_GOVERNORS_QUOTA_AGING_H
#define FLYBALL_GOVERNORS_QUOTA_AGING_H

#include "agent/governors/quota_window.h"

/* By what a use grows old under `terms`. */
struct quota_aging quota_aging_of(const struct quota_terms *terms);

bool quota_aging_is_known(const struct quota_aging *aging);

/* `tally` under `terms`: itself when it grew old by them all along, else what of it is used at `now` by the
 * terms it had, as if that had been used now. A use of which nothing is known is taken as it is. */
struct quota_tally quota_tally_under(struct quota_tally tally, const struct quota_aging *aging,
                                     const struct quota_terms *terms, instant_ms now);

#endif
