/* Preloaded into the program under test: takes the place of malloc and its kin, counts each call by thread
 * and by the object that called, and passes it on to glibc. It allocates nothing itself and calls nothing
 * that does. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/allocation/allocation_counts.h"

/* glibc's own entries, so that nothing has to be looked up before the first call. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

/* One call to be counted. */
struct counted_call {
    enum allocation_call kind;
    size_t bytes;
    const void *caller; /* The return address. */
};

static struct allocation_counts *counts;

/* Its row, or NULL before the first call. The model keeps the access itself from allocating. */
static _Thread_local struct allocation_thread *own_row __attribute__((tls_model("initial-exec")));

__attribute__((constructor)) static void open_counts(void)
{
    const char *path = getenv(ALLOCATION_COUNTS_VARIABLE);
    int file = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (file < 0) {
        return;
    }
    if (ftruncate(file, sizeof(*counts)) == 0) {
        void *mapping = mmap64(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        counts = mapping != MAP_FAILED ? mapping : NULL;
    }
    close(file);
}

static struct allocation_thread *row(void)
{
    if (own_row == NULL) {
        uint32_t taken = atomic_fetch_add(&counts->thread_count, 1);
        own_row = &counts->threads[taken < ALLOCATION_THREADS_MAX ? taken : ALLOCATION_THREADS_MAX - 1];
        atomic_store(&own_row->thread, (int32_t)syscall(SYS_gettid));
    }
    return own_row;
}

static enum allocation_caller caller_of(const char *path)
{
    static const struct {
        const char *text;
        enum allocation_caller caller;
    } names[] = {
        {"libcjson.", CALLER_OURS}, {"libz.", CALLER_OURS},       {"libpaho", CALLER_PAHO},
        {"libssl.", CALLER_PAHO},   {"libcrypto.", CALLER_PAHO},  {"libc.", CALLER_LIBC},
        {"ld-linux", CALLER_LIBC},  {"libpthread.", CALLER_LIBC},
    };
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    if (name[0] == '\0') {
        return CALLER_OURS; /* The dynamic linker knows the program itself by no name. */
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(name, names[i].text, strlen(names[i].text)) == 0) {
            return names[i].caller;
        }
    }
    return CALLER_OTHER;
}

static void note_site(const struct counted_call *call, const struct link_map *object)
{
    uint64_t number = atomic_fetch_add(&counts->site_count, 1);
    struct allocation_site *site = &counts->sites[number % ALLOCATION_SITES_MAX];
    atomic_store(&site->offset, (uint64_t)((uintptr_t)call->caller - (uintptr_t)object->l_addr));
    atomic_store(&site->thread, atomic_load(&row()->thread));
    atomic_store(&site->call, (uint32_t)call->kind);
}

/* _dl_find_object takes no lock, unlike dladdr, and searches no symbols. */
static void count(struct counted_call call)
{
    struct dl_find_object found;
    enum allocation_caller caller = CALLER_OTHER;
    if (counts == NULL) {
        return;
    }
    if (_dl_find_object((void *)(uintptr_t)call.caller, &found) == 0) {
        caller = caller_of(found.dlfo_link_map->l_name);
    }
    if (caller == CALLER_OURS) {
        note_site(&call, found.dlfo_link_map);
    }
    struct allocation_tally *tally = &row()->tallies[caller];
    atomic_fetch_add_explicit(&tally->calls[call.kind], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&tally->bytes, call.bytes, memory_order_relaxed);
}

void *malloc(size_t size)
{
    count((struct counted_call){CALL_MALLOC, size, __builtin_return_address(0)});
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    count((struct counted_call){CALL_CALLOC, number * size, __builtin_return_address(0)});
    return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size)
{
    count((struct counted_call){CALL_REALLOC, size, __builtin_return_address(0)});
    return __libc_realloc(block, size);
}

void free(void *block)
{
    if (block != NULL) {
        count((struct counted_call){CALL_FREE, 0, __builtin_return_address(0)});
    }
    __libc_free(block);
}

void *memalign(size_t alignment, size_t size)
{
    count((struct counted_call){CALL_ALIGNED, size, __builtin_return_address(0)});
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count((struct counted_call){CALL_ALIGNED, size, __builtin_return_address(0)});
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    count((struct counted_call){CALL_ALIGNED, size, __builtin_return_address(0)});
    void *taken = __libc_memalign(alignment, size);
    if (taken == NULL) {
        return ENOMEM;
    }
    *block = taken;
    return 0;
}

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset)
{
    count((struct counted_call){CALL_MAP, size, __builtin_return_address(0)});
    return mmap64(address, size, protection, flags, file, offset);
}

int munmap(void *address, size_t size)
{
    count((struct counted_call){CALL_UNMAP, 0, __builtin_return_address(0)});
    return (int)syscall(SYS_munmap, address, size);
}
