/* The file calls the state log and the configuration store make, as a struct of functions: the simulator and
 * the fault tests pass their own. */
#ifndef FLYBALL_BASE_IO_H
#define FLYBALL_BASE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Every call behaves as its POSIX namesake: -1 and errno on failure, short reads and writes allowed, EINTR
 * too. */
struct io {
    int (*open)(void *self, const char *path, int flags, mode_t mode);
    ssize_t (*pread)(void *self, int file, void *buffer, size_t size, off_t offset);
    ssize_t (*pwrite)(void *self, int file, const void *buffer, size_t size, off_t offset);
    int (*fdatasync)(void *self, int file);
    int (*fsync)(void *self, int file);
    int (*fallocate)(void *self, int file, off_t size);
    int (*ftruncate)(void *self, int file, off_t size);
    int64_t (*file_size)(void *self, int file);
    int (*close)(void *self, int file);
    int (*rename)(void *self, const char *from, const char *to);
    int (*unlink)(void *self, const char *path);
    int (*mkdir)(void *self, const char *path, mode_t mode);
    /* Calls `entry` with each name in the folder but . and .., in any order. */
    int (*list)(void *self, const char *path, void (*entry)(void *context, const char *name), void *context);
    /* An exclusive advisory lock on an open file, not waiting: -1 and EWOULDBLOCK if another process holds
     * it. */
    int (*lock)(void *self, int file);
    void *self;
};

/* The operating system's. */
struct io io_posix(void);

/* All of it or -1: repeats after EINTR and short transfers. io_read_full returns the bytes read, fewer only
 * at the end of the file. */
ssize_t io_read_full(const struct io *io, int file, void *buffer, size_t size, off_t offset);
int io_write_full(const struct io *io, int file, const void *buffer, size_t size, off_t offset);

/* Replaces the file at `path` with `data`, durably: temporary file, fsync, rename, fsync of the folder. */
int io_replace_file(const struct io *io, const char *path, const void *data, size_t size);

/* Makes a folder's entries durable. */
int io_sync_folder(const struct io *io, const char *path);

#endif
