#include "agent/runtime/subject_table.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE_BLOCKS = 8, PAGE_BYTES = PAGE_BLOCKS * SUBJECT_BLOCK_BYTES };

struct hot_subject {
    struct name name;
    uint32_t chained; /* The next of its bucket, + 1; or the next given back. */
    uint32_t first_block;
    uint32_t image_bytes;
    bool has_image;
    bool is_idle;
};

static uint32_t bucket_count_for(uint32_t subjects)
{
    uint32_t count = 1;
    while (count < subjects) {
        count *= 2;
    }
    return count;
}

static size_t aligned(size_t bytes)
{
    return (bytes + 15) / 16 * 16;
}

/* Hands out the next `bytes` of the table's memory. */
static void *carve(uint8_t **at, size_t bytes)
{
    void *piece = *at;
    *at += aligned(bytes);
    return piece;
}

enum status subject_table_init(struct subject_table *table, const struct subject_table_settings *settings)
{
    assert(settings->subjects >= 1 && settings->subjects < INDEX_NONE / 2);
    memset(table, 0, sizeof *table);
    table->settings = *settings;
    uint32_t buckets = bucket_count_for(settings->subjects);
    size_t pages = ((size_t)settings->blocks + PAGE_BLOCKS - 1) / PAGE_BLOCKS;
    size_t subject_bytes = settings->subjects * sizeof(struct hot_subject);
    size_t link_bytes = settings->subjects * sizeof(struct index_link);
    size_t next_bytes = settings->blocks * sizeof(uint32_t);
    table->memory_bytes = pages * PAGE_BYTES + aligned(subject_bytes) + aligned(link_bytes) +
                          aligned(next_bytes) + aligned(buckets * sizeof(uint32_t)) + aligned(pages);
    table->memory = mmap(NULL, table->memory_bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (table->memory == MAP_FAILED) {
        return STATUS_NO_MEMORY;
    }
    uint8_t *at = table->memory;
    table->blocks = carve(&at, pages * PAGE_BYTES); /* First, so that pages of blocks are pages of memory. */
    table->subjects = carve(&at, subject_bytes);
    table->idle_links = carve(&at, link_bytes);
    table->block_next = carve(&at, next_bytes);
    table->buckets = carve(&at, buckets * sizeof(uint32_t));
    table->page_used = carve(&at, pages);
    table->bucket_mask = buckets - 1;
    index_chain_init(&table->idle);
    table->free_subject = INDEX_NONE;
    table->free_block = INDEX_NONE;
    return STATUS_OK;
}

void subject_table_close(struct subject_table *table)
{
    munmap(table->memory, table->memory_bytes);
}

/* Where the number + 1 of the subject of that name is kept; that is 0 when there is none. */
static uint32_t *place_of(const struct subject_table *table, const struct name *name)
{
    uint64_t hash = hash_bytes(table->settings.key, name_bytes(name));
    uint32_t *place = &table->buckets[hash & table->bucket_mask];
    while (*place != 0 && !name_equal(&table->subjects[*place - 1].name, name)) {
        place = &table->subjects[*place - 1].chained;
    }
    return place;
}

enum status subject_table_find(const struct subject_table *table, const struct name *name, uint32_t *subject)
{
    uint32_t place = *place_of(table, name);
    if (place == 0) {
        return STATUS_NOT_FOUND;
    }
    *subject = place - 1;
    return STATUS_OK;
}

static uint32_t take_block(struct subject_table *table)
{
    uint32_t block = table->free_block;
    if (block == INDEX_NONE) {
        assert(table->fresh_block < table->settings.blocks);
        block = table->fresh_block++;
    } else {
        table->free_block = table->block_next[block];
    }
    table->page_used[block / PAGE_BLOCKS]++;
    table->stats.blocks_used++;
    return block;
}

static void give_block(struct subject_table *table, uint32_t block)
{
    table->block_next[block] = table->free_block;
    table->free_block = block;
    table->page_used[block / PAGE_BLOCKS]--;
    table->stats.blocks_used--;
}

static uint32_t blocks_for(size_t bytes)
{
    return (uint32_t)((bytes + SUBJECT_BLOCK_BYTES - 1) / SUBJECT_BLOCK_BYTES);
}

void subject_table_forget(struct subject_table *table, uint32_t subject)
{
    struct hot_subject *hot = &table->subjects[subject];
    uint32_t block = hot->first_block;
    for (uint32_t left = hot->has_image ? blocks_for(hot->image_bytes) : 0; left > 0; left--) {
        uint32_t next = table->block_next[block];
        give_block(table, block);
        block = next;
    }
    hot->has_image = false;
}

/* Puts the longest idle subject to sleep; false if none is idle. */
static bool evict_one(struct subject_table *table)
{
    uint32_t subject = index_chain_take(&table->idle, table->idle_links);
    if (subject == INDEX_NONE) {
        return false;
    }
    subject_table_forget(table, subject);
    uint32_t *place = place_of(table, &table->subjects[subject].name);
    assert(*place == subject + 1);
    *place = table->subjects[subject].chained;
    table->subjects[subject].chained = table->free_subject;
    table->free_subject = subject;
    table->stats.hot--;
    table->stats.evicted++;
    return true;
}

static uint32_t take_subject(struct subject_table *table)
{
    bool never_used_left = table->fresh_subject < table->settings.subjects;
    if (table->free_subject == INDEX_NONE && !never_used_left && !evict_one(table)) {
        return INDEX_NONE;
    }
    uint32_t subject = table->free_subject;
    if (subject == INDEX_NONE) {
        return table->fresh_subject++;
    }
    table->free_subject = table->subjects[subject].chained;
    return subject;
}

enum status subject_table_add(struct subject_table *table, const struct name *name, uint32_t *subject)
{
    uint32_t taken = take_subject(table);
    if (taken == INDEX_NONE) {
        return STATUS_FULL;
    }
    uint32_t *place = place_of(table, name); /* Only now: an eviction may have changed the chain. */
    assert(*place == 0);
    *place = taken + 1;
    table->subjects[taken] = (struct hot_subject){.name = *name};
    table->stats.hot++;
    if (table->stats.hot > table->stats.hot_high_water) {
        table->stats.hot_high_water = table->stats.hot;
    }
    *subject = taken;
    return STATUS_OK;
}

void subject_table_set_busy(struct subject_table *table, uint32_t subject)
{
    if (table->subjects[subject].is_idle) {
        index_chain_remove(&table->idle, table->idle_links, subject);
        table->subjects[subject].is_idle = false;
    }
}

void subject_table_set_idle(struct subject_table *table, uint32_t subject)
{
    if (!table->subjects[subject].is_idle) {
        index_chain_append(&table->idle, table->idle_links, subject);
        table->subjects[subject].is_idle = true;
    }
}

bool subject_table_is_full(const struct subject_table *table)
{
    return table->stats.hot == table->settings.subjects && table->idle.count == 0;
}

const struct name *subject_table_name(const struct subject_table *table, uint32_t subject)
{
    return &table->subjects[subject].name;
}

static bool make_room(struct subject_table *table, uint32_t wanted)
{
    if (wanted > table->settings.blocks) {
        return false;
    }
    while (table->settings.blocks - table->stats.blocks_used < wanted) {
        if (!evict_one(table)) {
            return false;
        }
    }
    return true;
}

static void write_blocks(struct subject_table *table, struct hot_subject *hot, struct bytes image)
{
    uint32_t *link = &hot->first_block;
    while (image.length > 0) {
        size_t part = image.length < SUBJECT_BLOCK_BYTES ? image.length : SUBJECT_BLOCK_BYTES;
        uint32_t block = take_block(table);
        memcpy(table->blocks + (size_t)block * SUBJECT_BLOCK_BYTES, image.data, part);
        *link = block;
        link = &table->block_next[block];
        image = bytes_after(image, part);
    }
}

void subject_table_store(struct subject_table *table, uint32_t subject, struct bytes image)
{
    struct hot_subject *hot = &table->subjects[subject];
    assert(!hot->is_idle); /* Else it might be evicted to make room for itself. */
    subject_table_forget(table, subject);
    if (!make_room(table, blocks_for(image.length))) {
        table->stats.not_kept++;
        return;
    }
    hot->image_bytes = (uint32_t)image.length;
    hot->has_image = true;
    write_blocks(table, hot, image);
    if (table->stats.blocks_used > table->stats.blocks_high_water) {
        table->stats.blocks_high_water = table->stats.blocks_used;
    }
}

enum status subject_table_load(const struct subject_table *table, uint32_t subject, void *buffer,
                               size_t capacity, size_t *length)
{
    const struct hot_subject *hot = &table->subjects[subject];
    if (!hot->has_image) {
        return STATUS_NOT_FOUND;
    }
    if (hot->image_bytes > capacity) {
        return STATUS_TOO_LARGE;
    }
    uint8_t *to = buffer;
    uint32_t block = hot->first_block;
    for (size_t left = hot->image_bytes; left > 0;) {
        size_t part = left < SUBJECT_BLOCK_BYTES ? left : SUBJECT_BLOCK_BYTES;
        memcpy(to, table->blocks + (size_t)block * SUBJECT_BLOCK_BYTES, part);
        to += part;
        left -= part;
        block = left > 0 ? table->block_next[block] : block;
    }
    *length = hot->image_bytes;
    return STATUS_OK;
}

/* Pages without a block in use go back to the system; free blocks are linked elsewhere, so nothing is lost.
 */
static void release_pages(struct subject_table *table)
{
    uint32_t pages = (table->fresh_block + PAGE_BLOCKS - 1) / PAGE_BLOCKS;
    uint32_t first = 0;
    for (uint32_t page = 0; page <= pages; page++) {
        if (page < pages && table->page_used[page] == 0) {
            continue;
        }
        if (page > first) {
            (void)madvise(table->blocks + (size_t)first * PAGE_BYTES, (size_t)(page - first) * PAGE_BYTES,
                          MADV_DONTNEED); /* Refused where pages are larger than 4 KiB: then they stay. */
        }
        first = page + 1;
    }
}

uint32_t subject_table_trim(struct subject_table *table, uint32_t count)
{
    uint32_t evicted = 0;
    while (evicted < count && evict_one(table)) {
        evicted++;
    }
    if (evicted > 0) {
        release_pages(table);
    }
    return evicted;
}

struct subject_table_stats subject_table_stats(const struct subject_table *table)
{
    return table->stats;
}
