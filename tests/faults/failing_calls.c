#include "tests/faults/failing_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The names are the linker's. */
int __real_open(const char *path, int flags, mode_t mode);
ssize_t __real_pread(int file, void *buffer, size_t size, off_t offset);
ssize_t __real_pwrite(int file, const void *buffer, size_t size, off_t offset);
int __real_fsync(int file);
int __real_ftruncate(int file, off_t size);
int __real_posix_fallocate(int file, off_t offset, off_t size);
int __real_rename(const char *from, const char *to);
int __real_flock(int file, int operation);
int __real_fstat(int file, struct stat *info);
void *__real_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset);
int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_pread(int file, void *buffer, size_t size, off_t offset);
ssize_t __wrap_pwrite(int file, const void *buffer, size_t size, off_t offset);
int __wrap_fsync(int file);
int __wrap_ftruncate(int file, off_t size);
int __wrap_posix_fallocate(int file, off_t offset, off_t size);
int __wrap_rename(const char *from, const char *to);
int __wrap_flock(int file, int operation);
int __wrap_fstat(int file, struct stat *info);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset);

static struct {
    uint64_t fail_at; /* 0: none. */
    bool persists;
    int error;
    uint64_t calls;
    uint64_t failed;
} state;

static bool fails(void)
{
    state.calls++;
    bool is_hit = state.fail_at != 0 &&
                  (state.calls == state.fail_at || (state.persists && state.calls > state.fail_at));
    if (is_hit) {
        state.failed++;
        errno = state.error;
    }
    return is_hit;
}

void failing_calls_arm(uint64_t fail_at, bool persists, int error)
{
    state.fail_at = fail_at;
    state.persists = persists;
    state.error = error;
    state.calls = 0;
    state.failed = 0;
}

uint64_t failing_calls_heal(void)
{
    state.fail_at = 0;
    return state.failed;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return fails() ? -1 : __real_open(path, flags, mode);
}

ssize_t __wrap_pread(int file, void *buffer, size_t size, off_t offset)
{
    return fails() ? -1 : __real_pread(file, buffer, size, offset);
}

ssize_t __wrap_pwrite(int file, const void *buffer, size_t size, off_t offset)
{
    return fails() ? -1 : __real_pwrite(file, buffer, size, offset);
}

int __wrap_fsync(int file)
{
    return fails() ? -1 : __real_fsync(file);
}

int __wrap_ftruncate(int file, off_t size)
{
    return fails() ? -1 : __real_ftruncate(file, size);
}

int __wrap_posix_fallocate(int file, off_t offset, off_t size)
{
    return fails() ? errno : __real_posix_fallocate(file, offset, size);
}

int __wrap_rename(const char *from, const char *to)
{
    return fails() ? -1 : __real_rename(from, to);
}

int __wrap_flock(int file, int operation)
{
    return fails() ? -1 : __real_flock(file, operation);
}

int __wrap_fstat(int file, struct stat *info)
{
    return fails() ? -1 : __real_fstat(file, info);
}

void *__wrap_mmap(void *address, size_t size, int protection, int flags, int file, off_t offset)
{
    return fails() ? MAP_FAILED : __real_mmap(address, size, protection, flags, file, offset);
}
