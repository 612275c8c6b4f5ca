#include "agent/state/frame_cache.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "agent/state/pages.h"

static size_t rounded(size_t bytes)
{
    return (bytes + FRAME_BLOCK_BYTES - 1) / FRAME_BLOCK_BYTES * FRAME_BLOCK_BYTES;
}

enum status frame_cache_open(struct frame_cache *cache, const struct io *io, size_t raw_most)
{
    *cache = (struct frame_cache){
        .raw_most = raw_most, .stored_most = frame_bytes((uint32_t)raw_most), .io = io, .file = -1};
    size_t raw_bytes = rounded(raw_most + 1);
    cache->memory_bytes = raw_bytes + cache->stored_most + INFLATER_MEMORY_BYTES;
    cache->memory = pages_take(cache->memory_bytes);
    if (cache->memory == NULL) {
        return STATUS_NO_MEMORY;
    }
    cache->raw = cache->memory;
    cache->stored = cache->memory + raw_bytes;
    return inflater_init(&cache->inflater, cache->stored + cache->stored_most);
}

static void close_file(struct frame_cache *cache)
{
    if (cache->file >= 0) {
        cache->io->close(cache->io->self, cache->file);
    }
    cache->file = -1;
}

void frame_cache_close(struct frame_cache *cache)
{
    close_file(cache);
    pages_give(cache->memory, cache->memory_bytes);
    *cache = (struct frame_cache){.file = -1};
}

static void rewind_walk(struct frame_cache *cache)
{
    struct bytes payload = bytes_of(cache->raw, frame_records_length(&cache->header));
    cache->walk = record_walk_of(payload, cache->header.frame, cache->header.first_seq);
    cache->last_ordinal = -1;
}

void frame_cache_forget(struct frame_cache *cache)
{
    cache->header = (struct frame_header){0};
    rewind_walk(cache);
}

static enum status unfold(struct frame_cache *cache, const struct frame_header *header)
{
    struct bytes payload = bytes_of(cache->stored + FRAME_HEADER_BYTES, header->stored_length);
    switch (header->compression) {
    case FRAME_AS_IS: memcpy(cache->raw, payload.data, payload.length); return STATUS_OK;
    case FRAME_ZLIB: return inflater_run(&cache->inflater, payload, cache->raw, header->raw_length);
    }
    return STATUS_CORRUPT;
}

enum status frame_cache_read(struct frame_cache *cache, int file, uint64_t offset, uint64_t bytes)
{
    frame_cache_forget(cache);
    size_t most = bytes < cache->stored_most ? bytes : cache->stored_most;
    ssize_t count = io_read_full(cache->io, file, cache->stored, most, (off_t)offset);
    if (count < 0) {
        return STATUS_IO;
    }
    struct frame_header header;
    struct bytes frame = bytes_of(cache->stored, (size_t)count);
    if (frame_unpack(frame, &header) != STATUS_OK || frame_check(frame, &header) != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    if (header.raw_length > cache->raw_most) {
        return STATUS_TOO_LARGE;
    }
    enum status status = unfold(cache, &header);
    if (status == STATUS_OK) {
        cache->header = header;
        rewind_walk(cache);
    }
    return status;
}

static enum status open_file(struct frame_cache *cache, const char *folder, uint32_t number)
{
    if (cache->file >= 0 && cache->number == number) {
        return STATUS_OK;
    }
    close_file(cache);
    struct segment_path path = segment_path_of(folder, SEGMENT_FILE, number);
    cache->file = cache->io->open(cache->io->self, path.text, O_RDONLY, 0);
    cache->number = number;
    if (cache->file < 0) {
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
    }
    return STATUS_OK;
}

enum status frame_cache_fetch(struct frame_cache *cache, const char *folder, uint64_t frame,
                              struct frame_place place)
{
    if (cache->header.frame == frame) {
        return STATUS_OK;
    }
    enum status status = open_file(cache, folder, place.number);
    if (status == STATUS_OK) {
        status = frame_cache_read(cache, cache->file, place.offset, place.bytes);
    }
    if (status == STATUS_OK && cache->header.frame != frame) {
        status = STATUS_CORRUPT;
    }
    if (status != STATUS_OK) {
        frame_cache_forget(cache);
        close_file(cache);
    }
    return status;
}

void frame_cache_hold(struct frame_cache *cache, uint64_t frame, uint64_t first_seq, size_t length)
{
    assert(length <= cache->raw_most);
    cache->header =
        (struct frame_header){.frame = frame, .first_seq = first_seq, .raw_length = (uint32_t)length};
    rewind_walk(cache);
}

enum status frame_cache_seek(struct frame_cache *cache, uint32_t ordinal, struct record *record)
{
    if (cache->last_ordinal >= (int64_t)ordinal) {
        rewind_walk(cache);
    }
    enum status status;
    do {
        status = record_walk_next(&cache->walk, record);
        if (status == STATUS_OK) {
            cache->last_ordinal = record_ref_ordinal(record->ref);
        }
    } while (status == STATUS_OK && record_ref_ordinal(record->ref) < ordinal);
    return status;
}
