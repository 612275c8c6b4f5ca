#include "config/block.h"

#include <sys/mman.h>

void *block_take(size_t size)
{
    void *block =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block == MAP_FAILED) {
        return NULL;
    }
    return block;
}

void block_give(void *block, size_t size)
{
    if (block != NULL) {
        munmap(block, size);
    }
}
