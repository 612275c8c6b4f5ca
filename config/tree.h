/* Changes to a cJSON tree that lives in an arena, which cJSON itself must not touch. */
#ifndef FLYBALL_CONFIG_TREE_H
#define FLYBALL_CONFIG_TREE_H

#include "base/arena.h"
#include "base/json.h"

/* The object's member, replaced by the node or added at its end; both nodes live equally long.
 * STATUS_NO_MEMORY when the arena cannot hold the key. */
MUST_USE enum status tree_put(cJSON *object, struct bytes key, cJSON *node, struct arena *arena);

/* The member of that name, or NULL. */
cJSON *tree_member(cJSON *object, struct bytes key);

/* The terminated copy of the bytes, or NULL. */
char *tree_string(struct bytes bytes, struct arena *arena);

/* An empty object, or NULL. */
cJSON *tree_object(struct arena *arena);

#endif
