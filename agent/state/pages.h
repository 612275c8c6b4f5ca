/* Memory straight from the system, taken once: zeroed, and untouched pages cost nothing. */
#ifndef FLYBALL_STATE_PAGES_H
#define FLYBALL_STATE_PAGES_H

#include <stddef.h>

/* NULL when the system refuses; `size` > 0. */
void *pages_take(size_t size);

/* `pages` may be NULL; `size` is the size it was taken with. */
void pages_give(void *pages, size_t size);

#endif
