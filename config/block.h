/* Memory straight from the system, zeroed; pages never touched cost nothing. */
#ifndef FLYBALL_CONFIG_BLOCK_H
#define FLYBALL_CONFIG_BLOCK_H

#include <stddef.h>

/* NULL when there is none. `size` is not 0. */
void *block_take(size_t size);

/* With the size it was taken with; NULL is nothing. */
void block_give(void *block, size_t size);

#endif
