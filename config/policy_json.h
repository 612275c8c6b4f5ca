/* The policies as the JSON they would be configured by. */
#ifndef FLYBALL_CONFIG_POLICY_JSON_H
#define FLYBALL_CONFIG_POLICY_JSON_H

#include "agent/governors/policy.h"
#include "base/text.h"

/* Room enough for the policy. */
size_t config_policy_bytes(const struct policy *policy);

/* One object with plans, meters and subjects; config_load makes an equal policy of it, read as literal, but
 * for the version.
 */
void config_policy_write(const struct policy *policy, struct text *json);

#endif
