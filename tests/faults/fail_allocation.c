/* Preloaded into the program under test: an allocation of its own code finds no memory. It calls nothing that
 * allocates. */
#include "tests/faults/fail_allocation.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own entries, so that nothing has to be looked up before the first call. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

static _Atomic(uint64_t) calls;

/* The dynamic linker knows the program itself by no name. */
static bool is_own(const void *caller)
{
    struct dl_find_object found;
    return _dl_find_object((void *)(uintptr_t)caller, &found) == 0 && found.dlfo_link_map->l_name[0] == '\0';
}

static void leave_mark(void)
{
    const char *path = getenv(FAILED_ALLOCATION_VARIABLE);
    int file = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0) {
        close(file);
    }
}

static bool fails(const void *caller)
{
    const char *wanted = getenv(FAIL_ALLOCATION_VARIABLE);
    if (wanted == NULL || !is_own(caller)) {
        return false;
    }
    char *end;
    uint64_t number = strtoull(wanted, &end, 10);
    uint64_t call = ++calls;
    bool is_hit = call == number || (*end == '+' && call > number);
    if (is_hit) {
        leave_mark();
        errno = ENOMEM;
    }
    return is_hit;
}

void *malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(block, size);
}

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset)
{
    return fails(__builtin_return_address(0)) ? MAP_FAILED
                                              : mmap64(address, size, protection, flags, file, offset);
}
