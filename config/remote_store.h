/* What remote configuration leaves in the store folder: the last good desired payload and the policies in
 * force. */
#ifndef FLYBALL_CONFIG_REMOTE_STORE_H
#define FLYBALL_CONFIG_REMOTE_STORE_H

#include "agent/governors/policy.h"
#include "config/load.h"

#define DESIRED_FILE "desired.json"
#define POLICY_FILE "policy.json"

/* Durably replaces the payload kept in `folder`: STATUS_IO, STATUS_TOO_LARGE. */
MUST_USE enum status remote_store_save(const struct io *io, const char *folder, struct bytes payload);

/* STATUS_NOT_FOUND when none was ever kept; else as config_text_read. */
MUST_USE enum status remote_store_load(const struct io *io, const char *folder, struct config_text *payload);

/* Durably replaces policy.json by what config_policy_write gives. STATUS_IO, STATUS_NO_MEMORY. */
MUST_USE enum status policy_store_save(const struct io *io, const char *folder, const struct policy *policy);

/* The policies policy_store_save left, with default settings. STATUS_NOT_FOUND, STATUS_CORRUPT (the file is
 * no configuration), STATUS_IO, STATUS_NO_MEMORY. */
MUST_USE enum status policy_store_load(const struct io *io, const char *folder,
                                       struct config_snapshot **snapshot);

#endif
