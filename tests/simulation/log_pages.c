/* Takes the place of the state log's own pages in the simulator: small ones from the heap, which a million
 * opened logs reuse. Asking the system each time takes longer than everything else together, and the address
 * sanitizer sees what is written beyond the end of a block only here. Large ones still come from the system:
 * little of them is touched, and clearing them would cost more. */
#include "agent/state/pages.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { LARGE_BYTES = 1 << 20 };

void *pages_take(size_t size)
{
    if (size < LARGE_BYTES) {
        return calloc(1, size);
    }
    void *pages =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

void pages_give(void *pages, size_t size)
{
    if (size < LARGE_BYTES) {
        free(pages);
    } else if (pages != NULL) {
        munmap(pages, size);
    }
}
