#include "tests/powerloss/memory_disk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HANDLE_CLOSED = -1, HANDLE_FOLDER = -2 };

/* splitmix64 (Steele, Lea and Flood, 2014). */
uint64_t memory_disk_random(struct memory_disk *disk)
{
    disk->random += 0x9e3779b97f4a7c15U;
    uint64_t value = disk->random;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31);
}

static struct disk_names *names_now(struct memory_disk *disk)
{
    return &disk->moments[disk->moment_count - 1];
}

void memory_disk_init(struct memory_disk *disk, uint64_t seed)
{
    memset(disk, 0, sizeof *disk);
    disk->random = seed;
    disk->moment_count = 1;
    for (int i = 0; i < DISK_HANDLES_MAX; i++) {
        disk->handles[i] = HANDLE_CLOSED;
    }
}

/* False, with errno, once the power is off; the change at which it fails still reaches the disk's cache. */
static bool may_change(struct memory_disk *disk, bool *is_last)
{
    if (disk->is_off) {
        errno = EIO;
        return false;
    }
    disk->changes++;
    *is_last = disk->changes == disk->cut_after;
    disk->is_off = *is_last;
    return true;
}

static int outcome(bool is_last)
{
    errno = EIO;
    return is_last ? -1 : 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static int place_of(const struct disk_names *names, const char *name)
{
    for (int i = 0; i < DISK_FILES_MAX; i++) {
        if (strcmp(names->name[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

/* A file no name of any moment leads to is free. */
static void free_files(struct memory_disk *disk)
{
    for (int file = 0; file < DISK_FILES_MAX; file++) {
        disk->files[file].is_used = false;
    }
    for (int moment = 0; moment < disk->moment_count; moment++) {
        for (int i = 0; i < DISK_FILES_MAX; i++) {
            if (disk->moments[moment].name[i][0] != '\0') {
                disk->files[disk->moments[moment].file[i]].is_used = true;
            }
        }
    }
}

static struct disk_names *next_moment(struct memory_disk *disk)
{
    if (disk->moment_count == DISK_MOMENTS_MAX) {
        memmove(disk->moments, disk->moments + 1, (DISK_MOMENTS_MAX - 1) * sizeof *disk->moments);
        disk->moment_count--;
    }
    disk->moments[disk->moment_count] = disk->moments[disk->moment_count - 1];
    disk->moment_count++;
    return names_now(disk);
}

static int create_file(struct memory_disk *disk, const char *name)
{
    free_files(disk);
    int file = 0;
    while (file < DISK_FILES_MAX && disk->files[file].is_used) {
        file++;
    }
    assert(file < DISK_FILES_MAX);
    memset(&disk->files[file], 0, sizeof disk->files[file]);
    struct disk_names *names = next_moment(disk);
    int place = place_of(names, "");
    assert(place >= 0);
    snprintf(names->name[place], DISK_NAME_MAX, "%s", name);
    names->file[place] = file;
    return file;
}

static int disk_open(void *self, const char *path, int flags, mode_t mode)
{
    (void)mode;
    struct memory_disk *disk = self;
    bool is_last = false;
    int handle = 0;
    while (disk->handles[handle] != HANDLE_CLOSED) {
        handle++;
        assert(handle < DISK_HANDLES_MAX);
    }
    if (disk->is_off) {
        errno = EIO;
        return -1;
    }
    if ((flags & O_DIRECTORY) != 0) {
        disk->handles[handle] = HANDLE_FOLDER;
        return handle;
    }
    int place = place_of(names_now(disk), base_name(path));
    if (place < 0 && (flags & O_CREAT) == 0) {
        errno = ENOENT;
        return -1;
    }
    if (place < 0 && !may_change(disk, &is_last)) {
        return -1;
    }
    disk->handles[handle] = place < 0 ? create_file(disk, base_name(path)) : names_now(disk)->file[place];
    return is_last ? -1 : handle;
}

static struct disk_file *file_of(struct memory_disk *disk, int handle)
{
    assert(handle >= 0 && disk->handles[handle] >= 0);
    return &disk->files[disk->handles[handle]];
}

static ssize_t disk_pread(void *self, int handle, void *buffer, size_t size, off_t offset)
{
    struct memory_disk *disk = self;
    if (disk->is_off) {
        errno = EIO;
        return -1;
    }
    const struct disk_file *file = file_of(disk, handle);
    size_t start = (size_t)offset < file->size ? (size_t)offset : file->size;
    size_t count = size < file->size - start ? size : file->size - start;
    memcpy(buffer, file->data + start, count);
    return (ssize_t)count;
}

static ssize_t disk_pwrite(void *self, int handle, const void *buffer, size_t size, off_t offset)
{
    struct memory_disk *disk = self;
    bool is_last;
    if (!may_change(disk, &is_last)) {
        return -1;
    }
    struct disk_file *file = file_of(disk, handle);
    size_t end = (size_t)offset + size;
    assert(end <= DISK_FILE_BYTES_MAX && size > 0);
    memcpy(file->data + offset, buffer, size);
    for (size_t sector = (size_t)offset / DISK_SECTOR_BYTES; sector * DISK_SECTOR_BYTES < end; sector++) {
        file->is_dirty[sector] = true;
    }
    file->size = file->size < end ? end : file->size;
    return is_last ? -1 : (ssize_t)size;
}

static void sync_file(struct disk_file *file)
{
    memcpy(file->durable, file->data, sizeof file->durable);
    memset(file->is_dirty, 0, sizeof file->is_dirty);
    file->durable_size = file->size;
}

static int disk_fsync(void *self, int handle)
{
    struct memory_disk *disk = self;
    bool is_last;
    if (!may_change(disk, &is_last)) {
        return -1;
    }
    if (is_last) {
        return outcome(is_last);
    }
    if (disk->handles[handle] == HANDLE_FOLDER) {
        disk->moments[0] = *names_now(disk);
        disk->moment_count = 1;
    } else {
        sync_file(file_of(disk, handle));
    }
    return 0;
}

static int disk_fallocate(void *self, int handle, off_t size)
{
    struct memory_disk *disk = self;
    bool is_last;
    if (!may_change(disk, &is_last)) {
        return -1;
    }
    struct disk_file *file = file_of(disk, handle);
    assert(size <= DISK_FILE_BYTES_MAX);
    file->size = file->size < (size_t)size ? (size_t)size : file->size;
    return outcome(is_last);
}

static int disk_ftruncate(void *self, int handle, off_t size)
{
    struct memory_disk *disk = self;
    file_of(disk, handle)->size = (size_t)size;
    return 0;
}

static int64_t disk_file_size(void *self, int handle)
{
    struct memory_disk *disk = self;
    return disk->is_off ? -1 : (int64_t)file_of(disk, handle)->size;
}

static int disk_close(void *self, int handle)
{
    struct memory_disk *disk = self;
    disk->handles[handle] = HANDLE_CLOSED;
    return 0;
}

static int disk_rename(void *self, const char *from, const char *to)
{
    struct memory_disk *disk = self;
    bool is_last;
    if (!may_change(disk, &is_last)) {
        return -1;
    }
    struct disk_names *names = next_moment(disk);
    int place = place_of(names, base_name(from));
    int replaced = place_of(names, base_name(to));
    assert(place >= 0);
    if (replaced >= 0) {
        names->name[replaced][0] = '\0';
    }
    snprintf(names->name[place], DISK_NAME_MAX, "%s", base_name(to));
    return outcome(is_last);
}

static int disk_unlink(void *self, const char *path)
{
    struct memory_disk *disk = self;
    bool is_last;
    if (!may_change(disk, &is_last)) {
        return -1;
    }
    struct disk_names *names = next_moment(disk);
    int place = place_of(names, base_name(path));
    assert(place >= 0);
    names->name[place][0] = '\0';
    return outcome(is_last);
}

static int disk_mkdir(void *self, const char *path, mode_t mode)
{
    (void)self;
    (void)path;
    (void)mode;
    errno = EEXIST;
    return -1;
}

static int disk_list(void *self, const char *path, void (*entry)(void *context, const char *name),
                     void *context)
{
    (void)path;
    struct memory_disk *disk = self;
    struct disk_names *names = names_now(disk);
    for (int i = 0; i < DISK_FILES_MAX && !disk->is_off; i++) {
        if (names->name[i][0] != '\0') {
            entry(context, names->name[i]);
        }
    }
    errno = EIO;
    return disk->is_off ? -1 : 0;
}

static int disk_lock(void *self, int handle)
{
    (void)self;
    (void)handle;
    return 0;
}

struct io memory_disk_io(struct memory_disk *disk)
{
    return (struct io){.open = disk_open,
                       .pread = disk_pread,
                       .pwrite = disk_pwrite,
                       .fdatasync = disk_fsync,
                       .fsync = disk_fsync,
                       .fallocate = disk_fallocate,
                       .ftruncate = disk_ftruncate,
                       .file_size = disk_file_size,
                       .close = disk_close,
                       .rename = disk_rename,
                       .unlink = disk_unlink,
                       .mkdir = disk_mkdir,
                       .list = disk_list,
                       .lock = disk_lock,
                       .self = disk};
}

static void lose_sector(struct memory_disk *disk, struct disk_file *file, size_t sector)
{
    size_t offset = sector * DISK_SECTOR_BYTES;
    uint64_t choice = memory_disk_random(disk) % 8;
    if (choice < 4) {
        return; /* It made it. */
    }
    memcpy(file->data + offset, file->durable + offset, DISK_SECTOR_BYTES);
    for (size_t i = 0; choice == 7 && i < DISK_SECTOR_BYTES; i++) {
        file->data[offset + i] = (uint8_t)memory_disk_random(disk);
    }
}

void memory_disk_restart(struct memory_disk *disk)
{
    int moment = (int)(memory_disk_random(disk) % (uint64_t)disk->moment_count);
    disk->moments[0] = disk->moments[moment];
    disk->moment_count = 1;
    for (int i = 0; i < DISK_FILES_MAX; i++) {
        struct disk_file *file = &disk->files[i];
        for (size_t sector = 0; sector < DISK_SECTORS_MAX; sector++) {
            if (file->is_dirty[sector]) {
                lose_sector(disk, file, sector);
            }
        }
        file->size = memory_disk_random(disk) % 2 == 0 ? file->size : file->durable_size;
        sync_file(file);
    }
    disk->is_off = false;
    disk->cut_after = 0;
    disk->changes = 0;
}
