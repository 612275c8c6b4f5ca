#include "tests/faults/failing_memory.h"

#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <sys/mman.h>

#include "agent/allocations.h"

/* The names are the linker's. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset);
int __real_munmap(void *address, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset);
int __wrap_munmap(void *address, size_t size);

static struct {
    uint64_t fail_at; /* 0: none. */
    bool persists;
    uint64_t calls;
    uint64_t failed;
    int64_t mapped;
} memory;

static bool fails(void)
{
    memory.calls++;
    bool is_hit = memory.fail_at != 0 &&
                  (memory.calls == memory.fail_at || (memory.persists && memory.calls > memory.fail_at));
    if (is_hit) {
        memory.failed++;
        errno = ENOMEM;
    }
    return is_hit;
}

/* In place of the agent's own count. */
uint64_t allocations_count(void)
{
    return memory.calls;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

void *__wrap_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset)
{
    if (fails()) {
        return MAP_FAILED;
    }
    void *mapping = __real_mmap(address, size, protection, flags, file, offset);
    memory.mapped += mapping == MAP_FAILED ? 0 : (int64_t)size;
    return mapping;
}

int __wrap_munmap(void *address, size_t size)
{
    memory.mapped -= (int64_t)size;
    return __real_munmap(address, size);
}

void failing_memory_arm(uint64_t fail_at, bool persists)
{
    memory.fail_at = fail_at;
    memory.persists = persists;
    memory.calls = 0;
    memory.failed = 0;
}

void failing_memory_heal(void)
{
    memory.fail_at = 0;
}

uint64_t failing_memory_calls(void)
{
    return memory.calls;
}

uint64_t failing_memory_failed(void)
{
    return memory.failed;
}

int64_t failing_memory_mapped(void)
{
    return memory.mapped;
}

uint64_t failing_memory_heap(void)
{
    return mallinfo2().uordblks;
}
