#include "tests/simulation/virtual_disk.h"

void virtual_disk_init(struct virtual_disk *disk, const struct virtual_disk_settings *settings)
{
    if (disk->pool.sector_bytes == 0) {
        virtual_block_pool_init(&disk->pool, settings->sector_bytes);
    }
    virtual_names_clear(&disk->names);
    disk->pool.sector_bytes = settings->sector_bytes;
    virtual_names_init(&disk->names, &disk->pool);
    disk->settings = *settings;
    disk->faults = (struct virtual_disk_faults){0};
    disk->counts = (struct virtual_disk_counts){0};
    disk->is_off = false;
    disk->unreadable_count = 0;
    disk->dice = (struct dice){.state = settings->seed};
    for (int i = 0; i < VIRTUAL_HANDLES_MAX; i++) {
        disk->handles[i] = (struct virtual_handle){.node = VIRTUAL_NODE_NONE};
    }
}

void virtual_disk_close(struct virtual_disk *disk)
{
    virtual_names_close(&disk->names);
    virtual_block_pool_close(&disk->pool);
    disk->pool.sector_bytes = 0;
}

void virtual_disk_release(struct virtual_disk *disk, int handle)
{
    int node = disk->handles[handle].node;
    if (disk->handles[handle].holds_lock) {
        disk->names.nodes[node].is_locked = false;
    }
    disk->handles[handle] = (struct virtual_handle){.node = VIRTUAL_NODE_NONE};
    virtual_names_close_handle(&disk->names, node);
}

static void close_handles(struct virtual_disk *disk)
{
    for (int i = 0; i < VIRTUAL_HANDLES_MAX; i++) {
        if (disk->handles[i].node != VIRTUAL_NODE_NONE) {
            virtual_disk_release(disk, i);
        }
    }
}

void virtual_disk_kill(struct virtual_disk *disk)
{
    close_handles(disk);
    disk->counts.kills++;
    disk->is_off = false;
}

void virtual_disk_stop(struct virtual_disk *disk)
{
    disk->is_off = true;
}

static void lose_contents(struct virtual_disk *disk)
{
    for (int i = 0; i < disk->names.node_count; i++) {
        struct virtual_node *node = &disk->names.nodes[i];
        if (node->is_used && !node->is_folder) {
            virtual_contents_lose(&node->contents, &disk->pool, &disk->dice);
        }
    }
}

void virtual_disk_restart(struct virtual_disk *disk)
{
    close_handles(disk);
    virtual_names_lose(&disk->names, &disk->dice);
    lose_contents(disk);
    disk->faults = (struct virtual_disk_faults){0};
    disk->counts.cuts++;
    disk->is_off = false;
}

uint64_t virtual_disk_hash(const struct virtual_disk *disk)
{
    struct hash_key key = {.low = disk->dice.state, .high = disk->counts.changes};
    return virtual_names_hash(&disk->names, key);
}
