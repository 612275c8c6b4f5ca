#include "tests/faults/failing_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int errno_of(enum fault fault)
{
    switch (fault) {
    case FAULT_EIO: return EIO;
    case FAULT_ENOSPC: return ENOSPC;
    case FAULT_EINTR: return EINTR;
    case FAULT_SHORT: break;
    }
    abort(); /* Has no error. */
}

static bool is_transfer(enum file_call call)
{
    return call == CALL_PREAD || call == CALL_PWRITE;
}

static bool is_hit(const struct failing_io *failing, enum file_call call)
{
    bool is_transfer_only =
        failing->fault == FAULT_SHORT || (failing->fault == FAULT_EINTR && failing->persists);
    if (failing->fail_at == 0 || failing->calls < failing->fail_at ||
        (is_transfer_only && !is_transfer(call))) {
        return false;
    }
    uint64_t after = failing->calls - failing->fail_at;
    return after == 0 || (failing->persists && (failing->fault != FAULT_EINTR || after % 2 == 0));
}

static void note(struct failing_io *failing, enum file_call call)
{
    if (failing->failed++ == 0) {
        failing->failed_call = call;
    }
}

/* Whether this call fails as a whole, errno set then. */
static bool fails(struct failing_io *failing, enum file_call call)
{
    failing->calls++;
    failing->calls_of[call]++;
    if (failing->fault == FAULT_SHORT || !is_hit(failing, call)) {
        return false;
    }
    note(failing, call);
    errno = errno_of(failing->fault);
    return true;
}

/* How many of `size` bytes this call transfers. */
static size_t cut(struct failing_io *failing, enum file_call call, size_t size)
{
    if (failing->fault != FAULT_SHORT || !is_hit(failing, call) || size < 2) {
        return size;
    }
    note(failing, call);
    return size / 2;
}

static void note_write(struct failing_io *failing)
{
    failing->writes_after_sync += failing->sync_failed ? 1 : 0;
}

static int failing_open(void *self, const char *path, int flags, mode_t mode)
{
    struct failing_io *failing = self;
    return fails(failing, CALL_OPEN) ? -1 : failing->real.open(failing->real.self, path, flags, mode);
}

static ssize_t failing_pread(void *self, int file, void *buffer, size_t size, off_t offset)
{
    struct failing_io *failing = self;
    if (fails(failing, CALL_PREAD)) {
        return -1;
    }
    return failing->real.pread(failing->real.self, file, buffer, cut(failing, CALL_PREAD, size), offset);
}

static ssize_t failing_pwrite(void *self, int file, const void *buffer, size_t size, off_t offset)
{
    struct failing_io *failing = self;
    note_write(failing);
    if (fails(failing, CALL_PWRITE)) {
        return -1;
    }
    return failing->real.pwrite(failing->real.self, file, buffer, cut(failing, CALL_PWRITE, size), offset);
}

static int failing_fdatasync(void *self, int file)
{
    struct failing_io *failing = self;
    note_write(failing);
    if (fails(failing, CALL_FDATASYNC)) {
        failing->sync_failed = true;
        return -1;
    }
    return failing->real.fdatasync(failing->real.self, file);
}

static int failing_fsync(void *self, int file)
{
    struct failing_io *failing = self;
    return fails(failing, CALL_FSYNC) ? -1 : failing->real.fsync(failing->real.self, file);
}

static int failing_fallocate(void *self, int file, off_t size)
{
    struct failing_io *failing = self;
    return fails(failing, CALL_FALLOCATE) ? -1 : failing->real.fallocate(failing->real.self, file, size);
}

static int failing_ftruncate(void *self, int file, off_t size)
{
    struct failing_io *failing = self;
    return fails(failing, CALL_FTRUNCATE) ? -1 : failing->real.ftruncate(failing->real.self, file, size);
}

static int64_t failing_file_size(void *self, int file)
{
    struct failing_io *failing = self;
    return fails(failing, CALL_FILE_SIZE) ? -1 : failing->real.file_size(failing->real.self, file);
}

/* The descriptor is gone in either case, as with Linux. */
static int failing_close(void *self, int file)
{
    struct failing_io *failing = self;
    int result = failing->real.close(failing->real.self, file);
    return fails(failing, CALL_CLOSE) ? -1 : result;
}

static int failing_rename(void *self, const char *from, const char *to)
{
    struct failing_io *failing = self;
    return fails(failing, CALL_RENAME) ? -1 : failing->real.rename(failing->real.self, from, to);
}

static int failing_unlink(void *self, const char *path)
{
    struct failing_io *failing = self;
    return fails(failing, CALL_UNLINK) ? -1 : failing->real.unlink(failing->real.self, path);
}

static int failing_mkdir(void *self, const char *path, mode_t mode)
{
    struct failing_io *failing = self;
    return fails(failing, CALL_MKDIR) ? -1 : failing->real.mkdir(failing->real.self, path, mode);
}

struct partial_list {
    void (*entry)(void *context, const char *name);
    void *context;
    unsigned seen;
};

static void give_every_other(void *context, const char *name)
{
    struct partial_list *partial = context;
    if (partial->seen++ % 2 == 0) {
        partial->entry(partial->context, name);
    }
}

/* Fails after it has given a part. */
static int failing_list(void *self, const char *path, void (*entry)(void *context, const char *name),
                        void *context)
{
    struct failing_io *failing = self;
    if (!fails(failing, CALL_LIST)) {
        return failing->real.list(failing->real.self, path, entry, context);
    }
    struct partial_list partial = {.entry = entry, .context = context};
    (void)!failing->real.list(failing->real.self, path, give_every_other, &partial);
    errno = errno_of(failing->fault);
    return -1;
}

static int failing_lock(void *self, int file)
{
    struct failing_io *failing = self;
    return fails(failing, CALL_LOCK) ? -1 : failing->real.lock(failing->real.self, file);
}

void failing_io_init(struct failing_io *failing)
{
    memset(failing, 0, sizeof *failing);
    failing->real = io_posix();
}

void failing_io_arm(struct failing_io *failing, enum fault fault, uint64_t fail_at, bool persists)
{
    failing_io_init(failing);
    failing->fault = fault;
    failing->fail_at = fail_at;
    failing->persists = persists;
}

void failing_io_heal(struct failing_io *failing)
{
    failing->fail_at = 0;
}

struct io failing_io_calls(struct failing_io *failing)
{
    return (struct io){.open = failing_open,
                       .pread = failing_pread,
                       .pwrite = failing_pwrite,
                       .fdatasync = failing_fdatasync,
                       .fsync = failing_fsync,
                       .fallocate = failing_fallocate,
                       .ftruncate = failing_ftruncate,
                       .file_size = failing_file_size,
                       .close = failing_close,
                       .rename = failing_rename,
                       .unlink = failing_unlink,
                       .mkdir = failing_mkdir,
                       .list = failing_list,
                       .lock = failing_lock,
                       .self = failing};
}

const char *file_call_name(enum file_call call)
{
    switch (call) {
    case CALL_OPEN: return "open";
    case CALL_PREAD: return "pread";
    case CALL_PWRITE: return "pwrite";
    case CALL_FDATASYNC: return "fdatasync";
    case CALL_FSYNC: return "fsync";
    case CALL_FALLOCATE: return "fallocate";
    case CALL_FTRUNCATE: return "ftruncate";
    case CALL_FILE_SIZE: return "file_size";
    case CALL_CLOSE: return "close";
    case CALL_RENAME: return "rename";
    case CALL_UNLINK: return "unlink";
    case CALL_MKDIR: return "mkdir";
    case CALL_LIST: return "list";
    case CALL_LOCK: return "lock";
    }
    abort(); /* No such call. */
}

const char *fault_name(enum fault fault)
{
    switch (fault) {
    case FAULT_EIO: return "EIO";
    case FAULT_ENOSPC: return "ENOSPC";
    case FAULT_EINTR: return "EINTR";
    case FAULT_SHORT: return "short";
    }
    abort(); /* No such fault. */
}
