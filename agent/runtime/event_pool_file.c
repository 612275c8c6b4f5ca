#include "agent/runtime/event_pool_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define POOL_MAGIC 0x6c6f6f706c6c6266ULL /* "fbllpool" */
enum { POOL_VERSION = 1, POOL_ALIGN = 4096 };

_Static_assert(sizeof(_Atomic uint64_t) == 8, "the seal is one store");

static uint64_t align_up(uint64_t bytes)
{
    return (bytes + POOL_ALIGN - 1) / POOL_ALIGN * POOL_ALIGN;
}

static uint64_t storage_offset(uint32_t slots)
{
    return align_up(sizeof(struct pool_header) + (uint64_t)slots * sizeof(struct pool_entry));
}

static uint64_t file_bytes(uint32_t slots, uint32_t slot_bytes)
{
    return storage_offset(slots) + align_up((uint64_t)slots * slot_bytes);
}

static uint32_t header_crc(const struct pool_header *header)
{
    return (uint32_t)crc32(0, (const Bytef *)header, offsetof(struct pool_header, crc));
}

static bool header_is_valid(const struct pool_header *header)
{
    return header->magic == POOL_MAGIC && header->crc == header_crc(header) &&
           header->version == POOL_VERSION;
}

uint64_t pool_entry_bytes(const struct pool_entry *entry)
{
    return (uint64_t)entry->topic + entry->payload + entry->response_topic + entry->correlation +
           entry->attributes;
}

uint64_t pool_run_of(uint64_t bytes, uint32_t slot_bytes)
{
    return bytes == 0 ? 1 : (bytes + slot_bytes - 1) / slot_bytes;
}

uint32_t pool_entry_crc(const struct pool_entry *entry, uint64_t sequence, const uint8_t *bytes)
{
    size_t from = offsetof(struct pool_entry, run);
    uLong crc = crc32(0, (const Bytef *)&sequence, sizeof sequence);
    crc = crc32(crc, (const Bytef *)entry + from, (uInt)(sizeof *entry - from));
    return (uint32_t)crc32_z(crc, bytes, (z_size_t)pool_entry_bytes(entry));
}

bool pool_entry_is_whole(const struct event_pool *pool, slot_index slot)
{
    const struct pool_entry *entry = &pool->entries[slot];
    uint64_t sequence = atomic_load_explicit(&entry->sequence, memory_order_acquire);
    uint64_t run = pool_run_of(pool_entry_bytes(entry), pool->slot_bytes);
    if (sequence == 0 || entry->run != run || run > pool->slots - slot || entry->qos > 2 ||
        entry->has_correlation > 1) {
        return false;
    }
    const uint8_t *bytes = pool->storage + (size_t)slot * pool->slot_bytes;
    return entry->crc == pool_entry_crc(entry, sequence, bytes);
}

static enum status status_of_errno(int error)
{
    if (error == ENOSPC || error == EDQUOT) {
        return STATUS_NO_SPACE;
    }
    return error == ENOMEM ? STATUS_NO_MEMORY : STATUS_IO;
}

static enum status failed(struct event_pool_report *report, const char *doing, int error)
{
    snprintf(report->message, sizeof report->message, "cannot %s the pool file: %s", doing, strerror(error));
    return status_of_errno(error);
}

static enum status map(struct event_pool *pool, uint32_t slots, uint32_t slot_bytes,
                       struct event_pool_report *report)
{
    pool->slots = slots;
    pool->slot_bytes = slot_bytes;
    pool->mapping_bytes = (size_t)file_bytes(slots, slot_bytes);
    void *mapping = mmap(NULL, pool->mapping_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, pool->file, 0);
    if (mapping == MAP_FAILED) {
        return failed(report, "map", errno);
    }
    (void)madvise(mapping, pool->mapping_bytes,
                  MADV_NOHUGEPAGE); /* Only an advice: a tmpfs may not know it. */
    pool->mapping = mapping;
    pool->entries = (struct pool_entry *)((uint8_t *)mapping + sizeof(struct pool_header));
    pool->storage = (uint8_t *)mapping + storage_offset(slots);
    return STATUS_OK;
}

void pool_file_close(struct event_pool *pool)
{
    if (pool->mapping != NULL) {
        munmap(pool->mapping, pool->mapping_bytes);
        pool->mapping = NULL;
    }
    if (pool->file >= 0) {
        close(pool->file);
        pool->file = -1;
    }
}

/* Space is taken now: a full tmpfs would otherwise kill the process at the first touch of a page. */
static enum status fill_new(struct event_pool *pool, const struct event_pool_settings *settings,
                            struct event_pool_report *report)
{
    if (ftruncate(pool->file, 0) != 0) {
        return failed(report, "empty", errno);
    }
    int error = posix_fallocate(pool->file, 0, (off_t)file_bytes(settings->slots, settings->slot_bytes));
    if (error != 0) {
        return failed(report, "reserve room for", error);
    }
    struct pool_header header = {.magic = POOL_MAGIC,
                                 .version = POOL_VERSION,
                                 .slots = settings->slots,
                                 .slot_bytes = settings->slot_bytes};
    header.crc = header_crc(&header);
    errno = ENOSPC; /* What a write that is cut short means. */
    if (pwrite(pool->file, &header, sizeof header, 0) != (ssize_t)sizeof header || fsync(pool->file) != 0) {
        return failed(report, "write", errno);
    }
    return map(pool, settings->slots, settings->slot_bytes, report);
}

static enum status lock(const struct event_pool *pool, struct event_pool_report *report)
{
    if (flock(pool->file, LOCK_EX | LOCK_NB) == 0) {
        return STATUS_OK;
    }
    if (errno != EWOULDBLOCK) {
        return failed(report, "lock", errno);
    }
    snprintf(report->message, sizeof report->message, "another agent uses the pool file; stop it first");
    return STATUS_LOCKED;
}

/* Made under another name and moved into place whole, so that a file of the pool's name is always a pool. */
static enum status create(struct event_pool *pool, const struct event_pool_settings *settings,
                          struct event_pool_report *report)
{
    char path[EVENT_POOL_PATH_MAX];
    int length = snprintf(path, sizeof path, "%s.new", settings->path);
    if (length < 0 || (size_t)length >= sizeof path) {
        return failed(report, "create", ENAMETOOLONG);
    }
    pool->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (pool->file < 0) {
        return failed(report, "create", errno);
    }
    enum status status = lock(pool, report);
    if (status == STATUS_LOCKED) {
        return status; /* Who holds it is making a pool of it. */
    }
    if (status == STATUS_OK) {
        status = fill_new(pool, settings, report);
    }
    if (status == STATUS_OK && rename(path, settings->path) != 0) {
        status = failed(report, "move into place", errno);
    }
    if (status != STATUS_OK) {
        unlink(path);
    }
    return status;
}

static enum status not_a_pool(struct event_pool_report *report)
{
    snprintf(
        report->message, sizeof report->message,
        "the pool file is not one this version can read; move it away to start without what may wait in it");
    return STATUS_CORRUPT;
}

/* Maps the file with the geometry it has. */
static enum status map_existing(struct event_pool *pool, struct event_pool_report *report)
{
    struct pool_header header = {0};
    struct stat info;
    ssize_t count = pread(pool->file, &header, sizeof header, 0);
    if (count < 0 || fstat(pool->file, &info) != 0) {
        return failed(report, "read", errno); /* Says nothing about what waits in it. */
    }
    bool fits = count == (ssize_t)sizeof header && header_is_valid(&header) && header.slots >= 1 &&
                header.slots <= EVENT_POOL_SLOTS_MAX && header.slot_bytes >= EVENT_POOL_SLOT_BYTES_MIN &&
                header.slot_bytes <= EVENT_POOL_SLOT_BYTES_MAX;
    if (!fits || (uint64_t)info.st_size < file_bytes(header.slots, header.slot_bytes)) {
        return not_a_pool(report);
    }
    return map(pool, header.slots, header.slot_bytes, report);
}

static uint32_t count_pending(const struct event_pool *pool)
{
    uint32_t pending = 0;
    for (uint32_t slot = 0; slot < pool->slots; slot++) {
        pending += pool_entry_is_whole(pool, slot) ? 1 : 0;
    }
    return pending;
}

/* Nothing that waits is thrown away because a setting changed. */
static enum status replace(struct event_pool *pool, const struct event_pool_settings *settings,
                           struct event_pool_report *report)
{
    uint32_t pending = count_pending(pool);
    if (pending > 0) {
        report->pending = pending;
        snprintf(report->message, sizeof report->message,
                 "%u messages of an earlier run wait in a pool of %u slots of %u bytes; "
                 "start once with pool.slots=%u and pool.slot_bytes=%u, then change them",
                 pending, pool->slots, pool->slot_bytes, pool->slots, pool->slot_bytes);
        return STATUS_INVALID;
    }
    pool_file_close(pool);
    return create(pool, settings, report);
}

enum status pool_file_open(struct event_pool *pool, const struct event_pool_settings *settings,
                           struct event_pool_report *report)
{
    pool->file = open(settings->path, O_RDWR | O_CLOEXEC);
    if (pool->file < 0 && errno == ENOENT) {
        return create(pool, settings, report);
    }
    if (pool->file < 0) {
        return failed(report, "open", errno);
    }
    enum status status = lock(pool, report);
    if (status == STATUS_OK) {
        status = map_existing(pool, report);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (pool->slots != settings->slots || pool->slot_bytes != settings->slot_bytes) {
        return replace(pool, settings, report);
    }
    return STATUS_OK;
}
