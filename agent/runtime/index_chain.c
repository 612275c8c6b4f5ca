#include "agent/runtime/index_chain.h"

#include <assert.h>

void index_chain_init(struct index_chain *chain)
{
    *chain = (struct index_chain){.first = INDEX_NONE, .last = INDEX_NONE};
}

void index_chain_append(struct index_chain *chain, struct index_link *links, uint32_t index)
{
    links[index] = (struct index_link){.next = INDEX_NONE, .previous = chain->last};
    if (chain->last == INDEX_NONE) {
        chain->first = index;
    } else {
        links[chain->last].next = index;
    }
    chain->last = index;
    chain->count++;
}

void index_chain_prepend(struct index_chain *chain, struct index_link *links, uint32_t index)
{
    links[index] = (struct index_link){.next = chain->first, .previous = INDEX_NONE};
    if (chain->first == INDEX_NONE) {
        chain->last = index;
    } else {
        links[chain->first].previous = index;
    }
    chain->first = index;
    chain->count++;
}

uint32_t index_chain_take(struct index_chain *chain, struct index_link *links)
{
    uint32_t index = chain->first;
    if (index != INDEX_NONE) {
        index_chain_remove(chain, links, index);
    }
    return index;
}

void index_chain_remove(struct index_chain *chain, struct index_link *links, uint32_t index)
{
    assert(chain->count > 0);
    struct index_link link = links[index];
    if (link.previous == INDEX_NONE) {
        assert(chain->first == index);
        chain->first = link.next;
    } else {
        links[link.previous].next = link.next;
    }
    if (link.next == INDEX_NONE) {
        assert(chain->last == index);
        chain->last = link.previous;
    } else {
        links[link.next].previous = link.previous;
    }
    chain->count--;
}
