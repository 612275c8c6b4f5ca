/* Stands in for agent/state/pages.c: what is given back is kept, and zeroed where it was touched. Mapping and
 * unmapping would be half of the time it takes to open a log. */
#include "agent/state/pages.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { BLOCKS_MAX = 64, PAGE_BYTES = 4096, BLOCK_BYTES_MAX = 64 << 20 };

struct block {
    void *pages;
    size_t size;
    bool is_taken;
};

struct pool {
    struct block blocks[BLOCKS_MAX];
    size_t count;
};

static struct pool *a_pool(void)
{
    static struct pool pool;
    return &pool;
}

static struct block *add_block(struct pool *pool, size_t size)
{
    assert(pool->count < BLOCKS_MAX);
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        return NULL;
    }
    struct block *block = &pool->blocks[pool->count++];
    *block = (struct block){.pages = pages, .size = size};
    return block;
}

void *pages_take(size_t size)
{
    struct pool *pool = a_pool();
    struct block *block = NULL;
    for (size_t i = 0; i < pool->count && block == NULL; i++) {
        bool fits = !pool->blocks[i].is_taken && pool->blocks[i].size == size;
        block = fits ? &pool->blocks[i] : NULL;
    }
    block = block == NULL ? add_block(pool, size) : block;
    if (block == NULL) {
        return NULL;
    }
    block->is_taken = true;
    return block->pages;
}

/* Only pages that were touched are there. */
static void zero(uint8_t *pages, size_t size)
{
    static unsigned char is_there[BLOCK_BYTES_MAX / PAGE_BYTES];
    size_t count = (size + PAGE_BYTES - 1) / PAGE_BYTES;
    assert(size <= BLOCK_BYTES_MAX);
    int status = mincore(pages, size, is_there);
    for (size_t i = 0; i < count; i++) {
        if (status != 0 || (is_there[i] & 1) != 0) {
            memset(pages + i * PAGE_BYTES, 0, PAGE_BYTES);
        }
    }
}

void pages_give(void *pages, size_t size)
{
    struct pool *pool = a_pool();
    if (pages == NULL) {
        return;
    }
    for (size_t i = 0; i < pool->count; i++) {
        if (pool->blocks[i].pages == pages) {
            zero(pages, size);
            pool->blocks[i].is_taken = false;
            return;
        }
    }
    abort(); /* Not taken from here. */
}
