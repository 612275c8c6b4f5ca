/* Counts what this program's own code allocates: the linker turns its calls of malloc, calloc and realloc
 * into these
 * (--wrap). Libraries' own allocations are theirs and not in it. */
#ifndef FLYBALL_AGENT_ALLOCATIONS_H
#define FLYBALL_AGENT_ALLOCATIONS_H

#include <stdint.h>

/* Since the start of the process, by any thread. */
uint64_t allocations_count(void);

#endif
