/* A doubly linked list of small numbers (slots, subjects) whose links lie in an array beside them: no copies,
 * no allocation, any member leaves in constant time. */
#ifndef FLYBALL_RUNTIME_INDEX_CHAIN_H
#define FLYBALL_RUNTIME_INDEX_CHAIN_H

#include <stdint.h>

#define INDEX_NONE UINT32_MAX

/* A slot of the event pool: the first one of a message's run. */
typedef uint32_t slot_index;

/* A member's neighbours; undefined while it is in no chain. */
struct index_link {
    uint32_t next;
    uint32_t previous;
};

/* Several chains may share one array of links as long as a number is in one of them at most. */
struct index_chain {
    uint32_t first;
    uint32_t last;
    uint32_t count;
};

void index_chain_init(struct index_chain *chain);

void index_chain_append(struct index_chain *chain, struct index_link *links, uint32_t index);
void index_chain_prepend(struct index_chain *chain, struct index_link *links, uint32_t index);

/* Takes the first, or INDEX_NONE. */
uint32_t index_chain_take(struct index_chain *chain, struct index_link *links);

/* Removes a member, wherever it is. */
void index_chain_remove(struct index_chain *chain, struct index_link *links, uint32_t index);

#endif
