#include "tests/fuzz/memory_files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { HANDLE_CLOSED = 0, HANDLE_FOLDER = -1 };

static void note_change(struct memory_file *file, uint32_t offset, uint32_t size)
{
    for (uint32_t block = offset / MEMORY_BLOCK_BYTES; size > 0 && block * MEMORY_BLOCK_BYTES < offset + size;
         block++) {
        file->changed |= 1U << block;
    }
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

struct memory_file *memory_files_find(struct memory_files *files, const char *name)
{
    for (int i = 0; i < MEMORY_FILES_MAX; i++) {
        if (strcmp(files->files[i].name, name) == 0) {
            return &files->files[i];
        }
    }
    return NULL;
}

void memory_file_write(struct memory_file *file, uint32_t offset, const void *bytes, uint32_t size)
{
    uint32_t start = offset < file->size ? offset : file->size;
    uint32_t count = size < file->size - start ? size : file->size - start;
    memmove(file->data + start, bytes, count);
    note_change(file, start, count);
}

void memory_file_truncate(struct memory_file *file, uint32_t size)
{
    if (size < file->size) {
        memset(file->data + size, 0, file->size - size);
        note_change(file, size, file->size - size);
        file->size = size;
    }
}

void memory_file_remove(struct memory_file *file)
{
    file->name[0] = '\0';
}

void memory_file_rename(struct memory_files *files, struct memory_file *file, const char *name)
{
    struct memory_file *replaced = memory_files_find(files, name);
    if (replaced != NULL && replaced != file) {
        memory_file_remove(replaced);
    }
    snprintf(file->name, sizeof file->name, "%s", name);
}

void memory_files_restore(struct memory_files *files, const struct memory_files *earlier)
{
    for (int i = 0; i < MEMORY_FILES_MAX; i++) {
        struct memory_file *file = &files->files[i];
        const struct memory_file *before = &earlier->files[i];
        for (uint32_t block = 0; file->changed >> block != 0; block++) {
            if ((file->changed >> block & 1) != 0) {
                uint32_t offset = block * MEMORY_BLOCK_BYTES;
                memcpy(file->data + offset, before->data + offset, MEMORY_BLOCK_BYTES);
            }
        }
        memcpy(file->name, before->name, sizeof file->name);
        file->size = before->size;
        file->changed = 0;
    }
    memset(files->handles, 0, sizeof files->handles);
}

static struct memory_file *create(struct memory_files *files, const char *name)
{
    struct memory_file *file = memory_files_find(files, "");
    if (file != NULL) {
        file->size = sizeof file->data;
        memory_file_truncate(file, 0);
        snprintf(file->name, sizeof file->name, "%s", name);
    }
    return file;
}

static int take_handle(struct memory_files *files, int value)
{
    int handle = 0;
    while (files->handles[handle] != HANDLE_CLOSED) {
        handle++;
        assert(handle < MEMORY_HANDLES_MAX);
    }
    files->handles[handle] = value;
    return handle;
}

static int files_open(void *self, const char *path, int flags, mode_t mode)
{
    struct memory_files *files = self;
    (void)mode;
    if ((flags & O_DIRECTORY) != 0) {
        return take_handle(files, HANDLE_FOLDER);
    }
    const char *name = base_name(path);
    struct memory_file *file = memory_files_find(files, name);
    if (file == NULL && (flags & O_CREAT) == 0) {
        errno = ENOENT;
        return -1;
    }
    if (file == NULL && (file = create(files, name)) == NULL) {
        errno = ENOSPC;
        return -1;
    }
    if ((flags & O_TRUNC) != 0) {
        memory_file_truncate(file, 0);
    }
    return take_handle(files, (int)(file - files->files) + 1);
}

static struct memory_file *file_of(struct memory_files *files, int handle)
{
    assert(handle >= 0 && handle < MEMORY_HANDLES_MAX && files->handles[handle] > 0);
    return &files->files[files->handles[handle] - 1];
}

static ssize_t files_pread(void *self, int handle, void *buffer, size_t size, off_t offset)
{
    const struct memory_file *file = file_of(self, handle);
    assert(offset >= 0);
    size_t start = (size_t)offset < file->size ? (size_t)offset : file->size;
    size_t count = size < file->size - start ? size : file->size - start;
    memcpy(buffer, file->data + start, count);
    return (ssize_t)count;
}

static int grow(struct memory_file *file, off_t size)
{
    if (size < 0 || size > MEMORY_FILE_BYTES_MAX) {
        errno = ENOSPC;
        return -1;
    }
    file->size = (uint32_t)size > file->size ? (uint32_t)size : file->size;
    return 0;
}

static ssize_t files_pwrite(void *self, int handle, const void *buffer, size_t size, off_t offset)
{
    struct memory_file *file = file_of(self, handle);
    if (size > MEMORY_FILE_BYTES_MAX || grow(file, offset + (off_t)size) != 0) {
        errno = ENOSPC;
        return -1;
    }
    memory_file_write(file, (uint32_t)offset, buffer, (uint32_t)size);
    return (ssize_t)size;
}

static int files_sync(void *self, int handle)
{
    (void)self;
    (void)handle;
    return 0;
}

static int files_fallocate(void *self, int handle, off_t size)
{
    return grow(file_of(self, handle), size);
}

static int files_ftruncate(void *self, int handle, off_t size)
{
    struct memory_file *file = file_of(self, handle);
    if (grow(file, size) != 0) {
        return -1;
    }
    memory_file_truncate(file, (uint32_t)size);
    return 0;
}

static int64_t files_size(void *self, int handle)
{
    return file_of(self, handle)->size;
}

static int files_close(void *self, int handle)
{
    struct memory_files *files = self;
    assert(files->handles[handle] != HANDLE_CLOSED);
    files->handles[handle] = HANDLE_CLOSED;
    return 0;
}

static int files_rename(void *self, const char *from, const char *to)
{
    struct memory_file *file = memory_files_find(self, base_name(from));
    if (file == NULL) {
        errno = ENOENT;
        return -1;
    }
    memory_file_rename(self, file, base_name(to));
    return 0;
}

static int files_unlink(void *self, const char *path)
{
    struct memory_file *file = memory_files_find(self, base_name(path));
    if (file == NULL) {
        errno = ENOENT;
        return -1;
    }
    memory_file_remove(file);
    return 0;
}

static int files_mkdir(void *self, const char *path, mode_t mode)
{
    (void)self;
    (void)path;
    (void)mode;
    errno = EEXIST;
    return -1;
}

static int files_list(void *self, const char *path, void (*entry)(void *context, const char *name),
                      void *context)
{
    struct memory_files *files = self;
    (void)path;
    for (int i = 0; i < MEMORY_FILES_MAX; i++) {
        if (files->files[i].name[0] != '\0') {
            entry(context, files->files[i].name);
        }
    }
    return 0;
}

static int files_lock(void *self, int handle)
{
    (void)self;
    (void)handle;
    return 0;
}

struct io memory_files_io(struct memory_files *files)
{
    return (struct io){.open = files_open,
                       .pread = files_pread,
                       .pwrite = files_pwrite,
                       .fdatasync = files_sync,
                       .fsync = files_sync,
                       .fallocate = files_fallocate,
                       .ftruncate = files_ftruncate,
                       .file_size = files_size,
                       .close = files_close,
                       .rename = files_rename,
                       .unlink = files_unlink,
                       .mkdir = files_mkdir,
                       .list = files_list,
                       .lock = files_lock,
                       .self = files};
}
