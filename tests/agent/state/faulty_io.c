#include "tests/agent/state/faulty_io.h"

#include <errno.h>
#include <string.h>

static bool fails(struct faulty_io *faulty, enum faulty_call call)
{
    unsigned number = ++faulty->calls[call];
    unsigned fail_at = faulty->fail_at[call];
    if (fail_at == 0 || number < fail_at || (number > fail_at && !faulty->keep_failing)) {
        return false;
    }
    errno = faulty->error;
    return true;
}

static size_t cut(size_t size, size_t most)
{
    return most > 0 && size > most ? most : size;
}

static int faulty_open(void *self, const char *path, int flags, mode_t mode)
{
    struct faulty_io *faulty = self;
    return fails(faulty, FAULTY_OPEN) ? -1 : faulty->real.open(faulty->real.self, path, flags, mode);
}

static ssize_t faulty_pread(void *self, int file, void *buffer, size_t size, off_t offset)
{
    struct faulty_io *faulty = self;
    if (fails(faulty, FAULTY_READ)) {
        return -1;
    }
    return faulty->real.pread(faulty->real.self, file, buffer, cut(size, faulty->read_most), offset);
}

static ssize_t faulty_pwrite(void *self, int file, const void *buffer, size_t size, off_t offset)
{
    struct faulty_io *faulty = self;
    if (fails(faulty, FAULTY_WRITE)) {
        return -1;
    }
    return faulty->real.pwrite(faulty->real.self, file, buffer, cut(size, faulty->write_most), offset);
}

static int faulty_fdatasync(void *self, int file)
{
    struct faulty_io *faulty = self;
    return fails(faulty, FAULTY_SYNC) ? -1 : faulty->real.fdatasync(faulty->real.self, file);
}

static int faulty_fsync(void *self, int file)
{
    struct faulty_io *faulty = self;
    return faulty->real.fsync(faulty->real.self, file);
}

static int faulty_fallocate(void *self, int file, off_t size)
{
    struct faulty_io *faulty = self;
    return fails(faulty, FAULTY_ALLOCATE) ? -1 : faulty->real.fallocate(faulty->real.self, file, size);
}

static int faulty_ftruncate(void *self, int file, off_t size)
{
    struct faulty_io *faulty = self;
    return faulty->real.ftruncate(faulty->real.self, file, size);
}

static int64_t faulty_file_size(void *self, int file)
{
    struct faulty_io *faulty = self;
    return faulty->real.file_size(faulty->real.self, file);
}

static int faulty_close(void *self, int file)
{
    struct faulty_io *faulty = self;
    return faulty->real.close(faulty->real.self, file);
}

static int faulty_rename(void *self, const char *from, const char *to)
{
    struct faulty_io *faulty = self;
    return fails(faulty, FAULTY_RENAME) ? -1 : faulty->real.rename(faulty->real.self, from, to);
}

static int faulty_unlink(void *self, const char *path)
{
    struct faulty_io *faulty = self;
    return faulty->real.unlink(faulty->real.self, path);
}

static int faulty_mkdir(void *self, const char *path, mode_t mode)
{
    struct faulty_io *faulty = self;
    return faulty->real.mkdir(faulty->real.self, path, mode);
}

static int faulty_list(void *self, const char *path, void (*entry)(void *context, const char *name),
                       void *context)
{
    struct faulty_io *faulty = self;
    return faulty->real.list(faulty->real.self, path, entry, context);
}

static int faulty_lock(void *self, int file)
{
    struct faulty_io *faulty = self;
    return faulty->real.lock(faulty->real.self, file);
}

void faulty_io_init(struct faulty_io *faulty)
{
    memset(faulty, 0, sizeof *faulty);
    faulty->real = io_posix();
}

struct io faulty_io_calls(struct faulty_io *faulty)
{
    return (struct io){.open = faulty_open,
                       .pread = faulty_pread,
                       .pwrite = faulty_pwrite,
                       .fdatasync = faulty_fdatasync,
                       .fsync = faulty_fsync,
                       .fallocate = faulty_fallocate,
                       .ftruncate = faulty_ftruncate,
                       .file_size = faulty_file_size,
                       .close = faulty_close,
                       .rename = faulty_rename,
                       .unlink = faulty_unlink,
                       .mkdir = faulty_mkdir,
                       .list = faulty_list,
                       .lock = faulty_lock,
                       .self = faulty};
}

void faulty_io_fail_next(struct faulty_io *faulty, enum faulty_call call, int error)
{
    faulty->fail_at[call] = faulty->calls[call] + 1;
    faulty->error = error;
}

void faulty_io_heal(struct faulty_io *faulty)
{
    memset(faulty->fail_at, 0, sizeof faulty->fail_at);
    faulty->keep_failing = false;
}
