/* What happens to bytes that lie on the disk, when it is asked for. */
#include <assert.h>

#include "tests/simulation/virtual_disk.h"

static void rot_block(struct virtual_block *block, const uint8_t *noise, size_t from, size_t count)
{
    for (; block != NULL; block = block->older) {
        for (size_t i = 0; i < count; i++) {
            block->bytes[from + i] ^= noise[i];
        }
    }
}

void virtual_contents_rot(struct virtual_contents *contents, const uint8_t *noise, size_t size,
                          uint64_t offset)
{
    for (size_t done = 0; done < size;) {
        uint64_t place = (offset + done) / VIRTUAL_BLOCK_BYTES;
        size_t from = (offset + done) % VIRTUAL_BLOCK_BYTES;
        size_t part = VIRTUAL_BLOCK_BYTES - from < size - done ? VIRTUAL_BLOCK_BYTES - from : size - done;
        if (place < contents->capacity) {
            rot_block(contents->blocks[place], noise + done, from, part);
        }
        done += part;
    }
}

static int node_of(const struct virtual_disk *disk, const char *path)
{
    struct virtual_place place = virtual_names_find(&disk->names, path);
    assert(place.node != VIRTUAL_NODE_NONE && !disk->names.nodes[place.node].is_folder);
    return place.node;
}

void virtual_disk_rot(struct virtual_disk *disk, const char *path, uint64_t offset, struct bytes noise)
{
    struct virtual_contents *contents = &disk->names.nodes[node_of(disk, path)].contents;
    virtual_contents_rot(contents, noise.data, noise.length, offset);
}

bool virtual_disk_make_unreadable(struct virtual_disk *disk, const char *path, uint64_t offset,
                                  uint64_t bytes)
{
    if (disk->unreadable_count == VIRTUAL_UNREADABLE_MAX) {
        return false;
    }
    disk->unreadable[disk->unreadable_count++] =
        (struct virtual_unreadable){.node = node_of(disk, path), .offset = offset, .end = offset + bytes};
    return true;
}

void virtual_disk_make_readable(struct virtual_disk *disk)
{
    disk->unreadable_count = 0;
}

static bool touches(const struct virtual_unreadable *part, int node, uint64_t offset, uint64_t bytes)
{
    return part->node == node && offset < part->end && offset + bytes > part->offset;
}

bool virtual_disk_is_unreadable(const struct virtual_disk *disk, int node, uint64_t offset, uint64_t bytes)
{
    for (uint32_t i = 0; i < disk->unreadable_count; i++) {
        if (touches(&disk->unreadable[i], node, offset, bytes)) {
            return true;
        }
    }
    return false;
}

void virtual_disk_renew(struct virtual_disk *disk, int node, uint64_t offset, uint64_t bytes)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < disk->unreadable_count; i++) {
        if (!touches(&disk->unreadable[i], node, offset, bytes)) {
            disk->unreadable[kept++] = disk->unreadable[i];
        }
    }
    disk->unreadable_count = kept;
}
