/* From a configuration's tree to a snapshot. */
#ifndef FLYBALL_CONFIG_BUILD_H
#define FLYBALL_CONFIG_BUILD_H

#include "base/json.h"
#include "config/errors.h"
#include "config/snapshot.h"

/* Reads and checks everything; the root is an object and holds plans, meters and subjects. On STATUS_OK the
 * caller owns *snapshot. STATUS_INVALID: `errors`, empty before, says why; STATUS_NO_MEMORY. */
MUST_USE enum status config_build(const cJSON *root, const char *host_name, struct config_snapshot **snapshot,
                                  struct config_errors *errors);

#endif
