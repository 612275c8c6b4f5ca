/* The file calls of the virtual disk, each as its POSIX namesake. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>

#include "tests/simulation/virtual_disk.h"

static int fail(int error)
{
    errno = error;
    return -1;
}

static int fault(struct virtual_disk *disk, int error)
{
    disk->counts.faults++;
    return fail(error);
}

/* Whether what counts down happens now. */
static bool is_due(uint64_t *in)
{
    if (*in == 0) {
        return false;
    }
    (*in)--;
    return *in == 0;
}

/* A change is about to be made: whether the machine stops in the middle of it. */
static bool is_last_change(struct virtual_disk *disk)
{
    disk->counts.changes++;
    disk->is_off = is_due(&disk->faults.cut_in);
    return disk->is_off;
}

/* The end of a change that was made. */
static int outcome(struct virtual_disk *disk, bool is_last)
{
    return is_last ? fault(disk, EIO) : 0;
}

static struct virtual_handle *handle_at(struct virtual_disk *disk, int handle)
{
    assert(handle >= 0 && handle < VIRTUAL_HANDLES_MAX);
    assert(disk->handles[handle].node != VIRTUAL_NODE_NONE);
    return &disk->handles[handle];
}

static struct virtual_node *node_at(struct virtual_disk *disk, int handle)
{
    return &disk->names.nodes[handle_at(disk, handle)->node];
}

static uint64_t blocks_of(uint64_t size)
{
    return (size + VIRTUAL_BLOCK_BYTES - 1) / VIRTUAL_BLOCK_BYTES * VIRTUAL_BLOCK_BYTES;
}

static uint64_t sum_of_sizes(const struct virtual_disk *disk)
{
    uint64_t bytes = 0;
    for (int i = 0; i < disk->names.node_count; i++) {
        const struct virtual_node *node = &disk->names.nodes[i];
        bool is_alive = node->is_used && (node->is_linked || node->handles > 0);
        bytes += is_alive ? blocks_of(node->contents.size) : 0;
    }
    return bytes;
}

/* How far the file may grow: up to `size`, or as far as there is space. */
static uint64_t granted_size(struct virtual_disk *disk, const struct virtual_contents *contents,
                             uint64_t size)
{
    uint64_t held = blocks_of(contents->size);
    if (disk->settings.space_bytes == 0 || size <= held) {
        return size;
    }
    uint64_t used = sum_of_sizes(disk);
    uint64_t free = used < disk->settings.space_bytes ? disk->settings.space_bytes - used : 0;
    uint64_t most = held + free / VIRTUAL_BLOCK_BYTES * VIRTUAL_BLOCK_BYTES;
    return size < most ? size : most;
}

static int take_handle(struct virtual_disk *disk, int node, int flags)
{
    int handle = 0;
    while (disk->handles[handle].node != VIRTUAL_NODE_NONE) {
        handle++;
        assert(handle < VIRTUAL_HANDLES_MAX);
    }
    disk->handles[handle] =
        (struct virtual_handle){.node = node, .is_writable = (flags & O_ACCMODE) != O_RDONLY};
    disk->names.nodes[node].handles++;
    return handle;
}

static int open_new(struct virtual_disk *disk, const struct virtual_place *place, int flags)
{
    if ((flags & O_CREAT) == 0 || place->folder == VIRTUAL_NODE_NONE || (flags & O_DIRECTORY) != 0) {
        return fail(ENOENT);
    }
    bool is_last = is_last_change(disk);
    disk->counts.name_changes++;
    int node = virtual_names_link(&disk->names, place, NODE_FILE);
    return is_last ? fault(disk, EIO) : take_handle(disk, node, flags);
}

static int open_existing(struct virtual_disk *disk, int at, int flags)
{
    struct virtual_node *node = &disk->names.nodes[at];
    bool is_written = (flags & O_ACCMODE) != O_RDONLY;
    if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) {
        return fail(EEXIST);
    }
    if ((flags & O_DIRECTORY) != 0 && !node->is_folder) {
        return fail(ENOTDIR);
    }
    if (node->is_folder && is_written) {
        return fail(EISDIR);
    }
    bool is_last = false;
    if ((flags & O_TRUNC) != 0 && node->contents.size > 0) {
        is_last = is_last_change(disk);
        virtual_contents_resize(&node->contents, &disk->pool, 0);
    }
    return is_last ? fault(disk, EIO) : take_handle(disk, at, flags);
}

static int disk_open(void *self, const char *path, int flags, mode_t mode)
{
    (void)mode;
    struct virtual_disk *disk = self;
    disk->counts.opens++;
    if (disk->is_off) {
        return fail(EIO);
    }
    struct virtual_place place = virtual_names_find(&disk->names, path);
    return place.node == VIRTUAL_NODE_NONE ? open_new(disk, &place, flags)
                                           : open_existing(disk, place.node, flags);
}

/* How much of a transfer is made: all, or a part; 0: it is interrupted. */
static size_t transferred(struct virtual_disk *disk, size_t size)
{
    if (disk->settings.interrupted_per_mille == 0 || size == 0 ||
        !dice_chance(&disk->dice, disk->settings.interrupted_per_mille)) {
        return size;
    }
    disk->counts.faults++;
    return dice_chance(&disk->dice, 500) ? 0 : 1 + (size_t)dice_roll(&disk->dice, (uint32_t)size);
}

static ssize_t disk_pread(void *self, int handle, void *buffer, size_t size, off_t offset)
{
    struct virtual_disk *disk = self;
    disk->counts.reads++;
    if (disk->is_off) {
        return fail(EIO);
    }
    if (is_due(&disk->faults.fail_read_in)) {
        return fault(disk, EIO);
    }
    if (virtual_disk_is_unreadable(disk, handle_at(disk, handle)->node, (uint64_t)offset, size)) {
        return fail(EIO);
    }
    size_t wanted = transferred(disk, size);
    if (wanted == 0 && size > 0) {
        return fail(EINTR);
    }
    size_t count = virtual_contents_read(&node_at(disk, handle)->contents, buffer, wanted, (uint64_t)offset);
    disk->counts.bytes_read += count;
    return (ssize_t)count;
}

/* The last change of a process may be half made in the cache, too. */
static size_t written_when_stopped(struct virtual_disk *disk, size_t size)
{
    return dice_chance(&disk->dice, 500) ? size : (size_t)dice_roll(&disk->dice, (uint32_t)size);
}

static ssize_t disk_pwrite(void *self, int handle, const void *buffer, size_t size, off_t offset)
{
    struct virtual_disk *disk = self;
    disk->counts.writes++;
    if (disk->is_off) {
        return fail(EIO);
    }
    assert(handle_at(disk, handle)->is_writable);
    struct virtual_contents *contents = &node_at(disk, handle)->contents;
    uint64_t end = granted_size(disk, contents, (uint64_t)offset + size);
    if (end <= (uint64_t)offset && size > 0) {
        return fault(disk, ENOSPC);
    }
    size_t count = transferred(disk, (size_t)(end - (uint64_t)offset));
    if (count == 0 && size > 0) {
        return fail(EINTR);
    }
    bool is_last = is_last_change(disk);
    count = is_last ? written_when_stopped(disk, count) : count;
    virtual_contents_write(contents, &disk->pool, buffer, count, (uint64_t)offset);
    virtual_disk_renew(disk, handle_at(disk, handle)->node, (uint64_t)offset, count);
    disk->counts.bytes_written += count;
    return is_last ? fault(disk, EIO) : (ssize_t)count;
}

static int sync_folder(struct virtual_disk *disk, int folder)
{
    disk->counts.folder_syncs++;
    if (is_last_change(disk) || is_due(&disk->faults.fail_folder_sync_in)) {
        return fault(disk, EIO);
    }
    virtual_names_sync(&disk->names, folder);
    return 0;
}

static int disk_fsync(void *self, int handle)
{
    struct virtual_disk *disk = self;
    if (disk->is_off) {
        return fail(EIO);
    }
    struct virtual_node *node = node_at(disk, handle);
    if (node->is_folder) {
        return sync_folder(disk, handle_at(disk, handle)->node);
    }
    disk->counts.syncs++;
    if (is_last_change(disk)) {
        return fault(disk, EIO);
    }
    if (is_due(&disk->faults.fail_sync_in)) {
        virtual_contents_fail_sync(&node->contents, &disk->pool, &disk->dice);
        return fault(disk, EIO);
    }
    virtual_contents_sync(&node->contents, &disk->pool);
    return 0;
}

static int disk_fallocate(void *self, int handle, off_t size)
{
    struct virtual_disk *disk = self;
    if (disk->is_off) {
        return fail(EIO);
    }
    struct virtual_contents *contents = &node_at(disk, handle)->contents;
    if (granted_size(disk, contents, (uint64_t)size) < (uint64_t)size) {
        return fault(disk, ENOSPC);
    }
    bool is_last = is_last_change(disk);
    if (contents->size < (uint64_t)size) {
        virtual_contents_resize(contents, &disk->pool, (uint64_t)size);
    }
    return outcome(disk, is_last);
}

static int disk_ftruncate(void *self, int handle, off_t size)
{
    struct virtual_disk *disk = self;
    if (disk->is_off) {
        return fail(EIO);
    }
    bool is_last = is_last_change(disk);
    virtual_contents_resize(&node_at(disk, handle)->contents, &disk->pool, (uint64_t)size);
    return outcome(disk, is_last);
}

static int64_t disk_file_size(void *self, int handle)
{
    struct virtual_disk *disk = self;
    return disk->is_off ? fail(EIO) : (int64_t)node_at(disk, handle)->contents.size;
}

static int disk_close(void *self, int handle)
{
    struct virtual_disk *disk = self;
    assert(handle_at(disk, handle) != NULL);
    virtual_disk_release(disk, handle);
    return 0;
}

static int disk_rename(void *self, const char *from, const char *to)
{
    struct virtual_disk *disk = self;
    if (disk->is_off) {
        return fail(EIO);
    }
    struct virtual_place old = virtual_names_find(&disk->names, from);
    struct virtual_place new = virtual_names_find(&disk->names, to);
    if (old.node == VIRTUAL_NODE_NONE || new.folder == VIRTUAL_NODE_NONE) {
        return fail(ENOENT);
    }
    bool is_last = is_last_change(disk);
    disk->counts.name_changes++;
    virtual_names_rename(&disk->names, old.node, &new);
    return outcome(disk, is_last);
}

static int disk_unlink(void *self, const char *path)
{
    struct virtual_disk *disk = self;
    if (disk->is_off) {
        return fail(EIO);
    }
    struct virtual_place place = virtual_names_find(&disk->names, path);
    if (place.node == VIRTUAL_NODE_NONE || disk->names.nodes[place.node].is_folder) {
        return fail(place.node == VIRTUAL_NODE_NONE ? ENOENT : EISDIR);
    }
    bool is_last = is_last_change(disk);
    disk->counts.name_changes++;
    virtual_names_unlink(&disk->names, place.node);
    return outcome(disk, is_last);
}

static int disk_mkdir(void *self, const char *path, mode_t mode)
{
    (void)mode;
    struct virtual_disk *disk = self;
    if (disk->is_off) {
        return fail(EIO);
    }
    struct virtual_place place = virtual_names_find(&disk->names, path);
    if (place.node != VIRTUAL_NODE_NONE || place.folder == VIRTUAL_NODE_NONE) {
        return fail(place.node != VIRTUAL_NODE_NONE ? EEXIST : ENOENT);
    }
    bool is_last = is_last_change(disk);
    disk->counts.name_changes++;
    virtual_names_link(&disk->names, &place, NODE_FOLDER);
    return outcome(disk, is_last);
}

static int disk_list(void *self, const char *path, void (*entry)(void *context, const char *name),
                     void *context)
{
    struct virtual_disk *disk = self;
    if (disk->is_off) {
        return fail(EIO);
    }
    struct virtual_place place = virtual_names_find(&disk->names, path);
    if (place.node == VIRTUAL_NODE_NONE || !disk->names.nodes[place.node].is_folder) {
        return fail(place.node == VIRTUAL_NODE_NONE ? ENOENT : ENOTDIR);
    }
    for (int i = 0; i < disk->names.node_count; i++) {
        const struct virtual_node *node = &disk->names.nodes[i];
        if (node->is_used && node->is_linked && node->parent == place.node) {
            entry(context, node->name);
        }
    }
    return 0;
}

static int disk_lock(void *self, int handle)
{
    struct virtual_disk *disk = self;
    if (disk->is_off) {
        return fail(EIO);
    }
    struct virtual_handle *open = handle_at(disk, handle);
    struct virtual_node *node = &disk->names.nodes[open->node];
    if (node->is_locked && !open->holds_lock) {
        return fail(EWOULDBLOCK);
    }
    open->holds_lock = true;
    node->is_locked = true;
    return 0;
}

struct io virtual_disk_io(struct virtual_disk *disk)
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
