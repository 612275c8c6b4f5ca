#include "tests/simulation/disk_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/state/frame.h"

void disk_watch_init(struct disk_watch *watch, struct virtual_disk *disk, struct findings *findings)
{
    memset(watch, 0, sizeof *watch);
    watch->virtual_disk = disk;
    watch->disk = virtual_disk_io(disk);
    watch->findings = findings;
}

void disk_watch_restart(struct disk_watch *watch)
{
    watch->is_dead = false;
    watch->dies_in = 0;
    watch->fails_next_log_sync = false;
    watch->has_failed_log_sync = false;
    watch->faults_before = watch->virtual_disk->counts.faults;
    memset(watch->paths, 0, sizeof watch->paths);
}

bool disk_watch_has_failed(const struct disk_watch *watch)
{
    return watch->is_dead || watch->virtual_disk->counts.faults != watch->faults_before;
}

void disk_watch_forget_pending(struct disk_watch *watch)
{
    watch->pending_count = 0;
}

static bool is_segment(const char *path)
{
    return strstr(path, "/segment-") != NULL;
}

static const char *path_of(const struct disk_watch *watch, int file)
{
    return file >= 0 && file < WATCH_FILES_MAX ? watch->paths[file] : "";
}

static int dead(void)
{
    errno = EIO;
    return -1;
}

/* True when the process dies within the coming change. */
static bool is_last_change(struct disk_watch *watch)
{
    return watch->dies_in > 0 && --watch->dies_in == 0;
}

static void die(struct disk_watch *watch, const char *doing, const char *path)
{
    findings_trace(watch->findings, "  the process dies in %s %s", doing, path);
    watch->is_dead = true;
    if (watch->died != NULL) {
        watch->died(watch->self);
    }
}

static void count_durable(struct disk_watch *watch, const struct pending_frame *frame)
{
    if (frame->frame > watch->durable_frame) {
        watch->durable_frame = frame->frame;
        watch->durable_seq = frame->last_seq;
    }
}

static void note_written(struct disk_watch *watch, const char *path, struct bytes bytes, off_t offset)
{
    struct frame_header header;
    if (!is_segment(path) || frame_unpack(bytes, &header) != STATUS_OK) {
        return;
    }
    findings_trace(watch->findings, "  frame %llu goes to %s at %lld", (unsigned long long)header.frame, path,
                   (long long)offset);
    struct pending_frame frame = {.frame = header.frame, .last_seq = header.first_seq + header.seq_count - 1};
    snprintf(frame.path, sizeof frame.path, "%s", path);
    if (watch->is_os_durable) {
        count_durable(watch, &frame);
    } else if (watch->pending_count < WATCH_PENDING_MAX) {
        watch->pending[watch->pending_count++] = frame;
    }
}

/* What waited in the file is on the disk now, or, after a failed sync, never will be. */
static void settle(struct disk_watch *watch, const char *path, bool is_durable)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < watch->pending_count; i++) {
        struct pending_frame *frame = &watch->pending[i];
        if (strcmp(frame->path, path) != 0) {
            watch->pending[kept++] = *frame;
        } else if (is_durable) {
            count_durable(watch, frame);
        }
    }
    watch->pending_count = kept;
}

static int watch_open(void *self, const char *path, int flags, mode_t mode)
{
    struct disk_watch *watch = self;
    if (watch->is_dead) {
        return dead();
    }
    int file = watch->disk.open(watch->disk.self, path, flags, mode);
    if (file >= 0 && file < WATCH_FILES_MAX) {
        snprintf(watch->paths[file], WATCH_PATH_MAX, "%s", path);
    }
    return file;
}

static ssize_t watch_pread(void *self, int file, void *buffer, size_t size, off_t offset)
{
    struct disk_watch *watch = self;
    return watch->is_dead ? dead() : watch->disk.pread(watch->disk.self, file, buffer, size, offset);
}

static ssize_t watch_pwrite(void *self, int file, const void *buffer, size_t size, off_t offset)
{
    struct disk_watch *watch = self;
    if (watch->is_dead) {
        return dead();
    }
    const char *path = path_of(watch, file);
    if (is_last_change(watch)) {
        size_t part = dice_chance(&watch->dice, 500) ? size : dice_roll(&watch->dice, (uint32_t)size);
        ssize_t written = part == 0 ? 0 : watch->disk.pwrite(watch->disk.self, file, buffer, part, offset);
        if (written == (ssize_t)size) {
            note_written(watch, path, bytes_of(buffer, size), offset);
        }
        die(watch, "a write to", path);
        return dead();
    }
    ssize_t written = watch->disk.pwrite(watch->disk.self, file, buffer, size, offset);
    if (written > 0) {
        note_written(watch, path, bytes_of(buffer, size), offset); /* The rest follows before anyone syncs. */
    }
    return written;
}

static int sync_with(struct disk_watch *watch, int file, int (*sync)(void *self, int file))
{
    if (watch->is_dead) {
        return dead();
    }
    const char *path = path_of(watch, file);
    bool is_last = is_last_change(watch);
    if (is_last && dice_chance(&watch->dice, 500)) {
        die(watch, "the beginning of a sync of", path);
        return dead();
    }
    bool fails = watch->fails_next_log_sync && is_segment(path);
    if (fails) {
        watch->fails_next_log_sync = false;
        watch->has_failed_log_sync = true;
        watch->virtual_disk->faults.fail_sync_in = 1;
        findings_trace(watch->findings, "  a sync of %s fails", path);
    }
    int result = sync(watch->disk.self, file);
    findings_trace(watch->findings, "  sync of %s: %d", path, result);
    settle(watch, path, result == 0);
    if (is_last) {
        die(watch, "the end of a sync of", path);
        return dead();
    }
    return result;
}

static int watch_fdatasync(void *self, int file)
{
    struct disk_watch *watch = self;
    return sync_with(watch, file, watch->disk.fdatasync);
}

static int watch_fsync(void *self, int file)
{
    struct disk_watch *watch = self;
    return sync_with(watch, file, watch->disk.fsync);
}

/* The changes of names and sizes: done or not when the process dies within. */
static bool may_change(struct disk_watch *watch, const char *doing, const char *path)
{
    if (watch->is_dead) {
        return false;
    }
    if (!is_last_change(watch)) {
        return true;
    }
    bool is_done = dice_chance(&watch->dice, 500);
    die(watch, doing, path);
    return is_done;
}

static int after_change(const struct disk_watch *watch, int result)
{
    return watch->is_dead ? dead() : result;
}

static int watch_fallocate(void *self, int file, off_t size)
{
    struct disk_watch *watch = self;
    if (!may_change(watch, "an allocation of", path_of(watch, file))) {
        return dead();
    }
    return after_change(watch, watch->disk.fallocate(watch->disk.self, file, size));
}

static int watch_ftruncate(void *self, int file, off_t size)
{
    struct disk_watch *watch = self;
    if (!may_change(watch, "a truncation of", path_of(watch, file))) {
        return dead();
    }
    return after_change(watch, watch->disk.ftruncate(watch->disk.self, file, size));
}

static int64_t watch_file_size(void *self, int file)
{
    struct disk_watch *watch = self;
    return watch->is_dead ? dead() : watch->disk.file_size(watch->disk.self, file);
}

/* Also after death: the system closes what a process leaves open. */
static int watch_close(void *self, int file)
{
    struct disk_watch *watch = self;
    if (file >= 0 && file < WATCH_FILES_MAX) {
        watch->paths[file][0] = '\0';
    }
    return watch->disk.close(watch->disk.self, file);
}

static int watch_rename(void *self, const char *from, const char *to)
{
    struct disk_watch *watch = self;
    if (!may_change(watch, "a renaming to", to)) {
        return dead();
    }
    findings_trace(watch->findings, "  %s becomes %s", from, to);
    return after_change(watch, watch->disk.rename(watch->disk.self, from, to));
}

static int watch_unlink(void *self, const char *path)
{
    struct disk_watch *watch = self;
    if (!may_change(watch, "a removal of", path)) {
        return dead();
    }
    return after_change(watch, watch->disk.unlink(watch->disk.self, path));
}

static int watch_mkdir(void *self, const char *path, mode_t mode)
{
    struct disk_watch *watch = self;
    return watch->is_dead ? dead() : watch->disk.mkdir(watch->disk.self, path, mode);
}

static int watch_list(void *self, const char *path, void (*entry)(void *context, const char *name),
                      void *context)
{
    struct disk_watch *watch = self;
    return watch->is_dead ? dead() : watch->disk.list(watch->disk.self, path, entry, context);
}

static int watch_lock(void *self, int file)
{
    struct disk_watch *watch = self;
    return watch->is_dead ? dead() : watch->disk.lock(watch->disk.self, file);
}

struct io disk_watch_io(struct disk_watch *watch)
{
    return (struct io){.open = watch_open,
                       .pread = watch_pread,
                       .pwrite = watch_pwrite,
                       .fdatasync = watch_fdatasync,
                       .fsync = watch_fsync,
                       .fallocate = watch_fallocate,
                       .ftruncate = watch_ftruncate,
                       .file_size = watch_file_size,
                       .close = watch_close,
                       .rename = watch_rename,
                       .unlink = watch_unlink,
                       .mkdir = watch_mkdir,
                       .list = watch_list,
                       .lock = watch_lock,
                       .self = watch};
}
