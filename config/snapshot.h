/* One whole configuration, checked and ready to use, in one block of memory. */
#ifndef FLYBALL_CONFIG_SNAPSHOT_H
#define FLYBALL_CONFIG_SNAPSHOT_H

#include "agent/governors/policy.h"
#include "agent/runtime/route.h"
#include "config/settings.h"

enum {
    PLANS_MAX = 256,
    METERS_MAX = 256,
    ROUTES_MAX = 64,
};

/* Immutable; every pointer inside points into its own block or at a constant. */
struct config_snapshot {
    struct settings settings;
    struct policy policy; /* version 0: the file's alone. */
    const struct route *routes;
    uint32_t route_count;
    size_t block_bytes; /* Of the block that begins with this struct. */
};

/* Gives the block back; nobody uses it any more. NULL is nothing. */
void config_snapshot_close(struct config_snapshot *snapshot);

#endif
