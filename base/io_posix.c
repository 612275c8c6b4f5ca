#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int posix_open(void *self, const char *path, int flags, mode_t mode)
{
    (void)self;
    return open(path, flags | O_CLOEXEC, mode);
}

static ssize_t posix_pread(void *self, int file, void *buffer, size_t size, off_t offset)
{
    (void)self;
    return pread(file, buffer, size, offset);
}

static ssize_t posix_pwrite(void *self, int file, const void *buffer, size_t size, off_t offset)
{
    (void)self;
    return pwrite(file, buffer, size, offset);
}

static int posix_fdatasync(void *self, int file)
{
    (void)self;
    return fdatasync(file);
}

static int posix_fsync(void *self, int file)
{
    (void)self;
    return fsync(file);
}

static int posix_fallocate_file(void *self, int file, off_t size)
{
    (void)self;
    int error = posix_fallocate(file, 0, size);
    if (error != 0) {
        errno = error;
        return -1;
    }
    return 0;
}

static int posix_ftruncate(void *self, int file, off_t size)
{
    (void)self;
    return ftruncate(file, size);
}

static int64_t posix_file_size(void *self, int file)
{
    (void)self;
    struct stat stat;
    return fstat(file, &stat) == 0 ? (int64_t)stat.st_size : -1;
}

static int posix_close(void *self, int file)
{
    (void)self;
    return close(file);
}

static int posix_rename(void *self, const char *from, const char *to)
{
    (void)self;
    return rename(from, to);
}

static int posix_unlink(void *self, const char *path)
{
    (void)self;
    return unlink(path);
}

static int posix_mkdir(void *self, const char *path, mode_t mode)
{
    (void)self;
    return mkdir(path, mode);
}

static int posix_list(void *self, const char *path, void (*entry)(void *context, const char *name),
                      void *context)
{
    (void)self;
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return -1;
    }
    errno = 0; /* Tells the end of the folder, which leaves it, from an error. */
    for (struct dirent *each = readdir(folder); each != NULL; each = readdir(folder)) {
        if (strcmp(each->d_name, ".") != 0 && strcmp(each->d_name, "..") != 0) {
            entry(context, each->d_name);
        }
        errno = 0;
    }
    int error = errno;
    closedir(folder);
    errno = error;
    return error == 0 ? 0 : -1;
}

static int posix_lock(void *self, int file)
{
    (void)self;
    return flock(file, LOCK_EX | LOCK_NB);
}

struct io io_posix(void)
{
    return (struct io){.open = posix_open,
                       .pread = posix_pread,
                       .pwrite = posix_pwrite,
                       .fdatasync = posix_fdatasync,
                       .fsync = posix_fsync,
                       .fallocate = posix_fallocate_file,
                       .ftruncate = posix_ftruncate,
                       .file_size = posix_file_size,
                       .close = posix_close,
                       .rename = posix_rename,
                       .unlink = posix_unlink,
                       .mkdir = posix_mkdir,
                       .list = posix_list,
                       .lock = posix_lock};
}

ssize_t io_read_full(const struct io *io, int file, void *buffer, size_t size, off_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count =
            io->pread(io->self, file, (uint8_t *)buffer + done, size - done, offset + (off_t)done);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return -1;
        }
        if (count == 0) {
            break;
        }
        done += (size_t)count;
    }
    return (ssize_t)done;
}

int io_write_full(const struct io *io, int file, const void *buffer, size_t size, off_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count =
            io->pwrite(io->self, file, (const uint8_t *)buffer + done, size - done, offset + (off_t)done);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count == 0) {
            errno = EIO; /* No progress, and no reason given. */
        }
        if (count <= 0) {
            return -1;
        }
        done += (size_t)count;
    }
    return 0;
}

int io_sync_folder(const struct io *io, const char *path)
{
    int folder = io->open(io->self, path, O_RDONLY | O_DIRECTORY, 0);
    if (folder < 0) {
        return -1;
    }
    int result = io->fsync(io->self, folder);
    int error = errno;
    io->close(io->self, folder);
    errno = error;
    return result;
}

static int write_new_file(const struct io *io, const char *path, const void *data, size_t size)
{
    int file = io->open(io->self, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0) {
        return -1;
    }
    int result = io_write_full(io, file, data, size, 0);
    if (result == 0) {
        result = io->fsync(io->self, file);
    }
    int error = errno;
    if (io->close(io->self, file) != 0) {
        return -1;
    }
    errno = error;
    return result;
}

int io_replace_file(const struct io *io, const char *path, const void *data, size_t size)
{
    char temporary[4096];
    char folder[4096];
    int length = snprintf(temporary, sizeof temporary, "%s.new", path);
    if (length < 0 || (size_t)length >= sizeof temporary) {
        errno = ENAMETOOLONG;
        return -1;
    }
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - path),
             slash == NULL ? "." : path);
    if (write_new_file(io, temporary, data, size) != 0 || io->rename(io->self, temporary, path) != 0) {
        int error = errno;
        io->unlink(io->self, temporary);
        errno = error;
        return -1;
    }
    return io_sync_folder(io, folder[0] == '\0' ? "/" : folder);
}
