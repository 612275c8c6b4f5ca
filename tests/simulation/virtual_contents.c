#include "tests/simulation/virtual_contents.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BLOCKS = 64 };

struct virtual_block_chunk {
    struct virtual_block_chunk *next;
    struct virtual_block blocks[CHUNK_BLOCKS];
};

void virtual_block_pool_init(struct virtual_block_pool *pool, uint32_t sector_bytes)
{
    assert(sector_bytes == 512 || sector_bytes == VIRTUAL_BLOCK_BYTES);
    *pool = (struct virtual_block_pool){.sector_bytes = sector_bytes};
}

void virtual_block_pool_close(struct virtual_block_pool *pool)
{
    while (pool->chunks != NULL) {
        struct virtual_block_chunk *chunk = pool->chunks;
        pool->chunks = chunk->next;
        free(chunk);
    }
    pool->free = NULL;
}

static void give_block(struct virtual_block_pool *pool, struct virtual_block *block)
{
    block->older = pool->free;
    pool->free = block;
}

static void grow_pool(struct virtual_block_pool *pool)
{
    struct virtual_block_chunk *chunk = malloc(sizeof *chunk);
    assert(chunk != NULL);
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    for (int i = 0; i < CHUNK_BLOCKS; i++) {
        give_block(pool, &chunk->blocks[i]);
    }
}

/* Its bytes are anything. */
static struct virtual_block *take_block(struct virtual_block_pool *pool)
{
    if (pool->free == NULL) {
        grow_pool(pool);
    }
    struct virtual_block *block = pool->free;
    pool->free = block->older;
    block->older = NULL;
    block->written = 0;
    block->versions = 1;
    block->is_stranded = false;
    return block;
}

static void give_chain(struct virtual_block_pool *pool, struct virtual_block *block)
{
    while (block != NULL) {
        struct virtual_block *older = block->older;
        give_block(pool, block);
        block = older;
    }
}

static uint8_t all_sectors(const struct virtual_block_pool *pool)
{
    return (uint8_t)((1U << (VIRTUAL_BLOCK_BYTES / pool->sector_bytes)) - 1);
}

/* Of bytes `from` to `to` - 1 of a block. */
static uint8_t sectors_of(const struct virtual_block_pool *pool, size_t from, size_t to)
{
    size_t first = from / pool->sector_bytes;
    size_t end = (to + pool->sector_bytes - 1) / pool->sector_bytes;
    return (uint8_t)((1U << end) - (1U << first));
}

static bool is_pending(const struct virtual_block *block)
{
    return block != NULL && block->written != 0;
}

void virtual_contents_clear(struct virtual_contents *contents, struct virtual_block_pool *pool)
{
    for (uint32_t i = 0; i < contents->capacity; i++) {
        give_chain(pool, contents->blocks[i]);
        contents->blocks[i] = NULL;
    }
    contents->pending_count = 0;
    contents->size = 0;
    contents->durable_size = 0;
}

void virtual_contents_close(struct virtual_contents *contents)
{
    free(contents->blocks);
    free(contents->pending);
    *contents = (struct virtual_contents){0};
}

static size_t smaller(size_t one, size_t other)
{
    return one < other ? one : other;
}

size_t virtual_contents_read(const struct virtual_contents *contents, void *buffer, size_t size,
                             uint64_t offset)
{
    uint8_t *out = buffer;
    size_t count = offset < contents->size ? smaller(size, contents->size - offset) : 0;
    for (size_t done = 0; done < count;) {
        size_t at = (offset + done) % VIRTUAL_BLOCK_BYTES;
        size_t part = smaller(count - done, VIRTUAL_BLOCK_BYTES - at);
        uint64_t place = (offset + done) / VIRTUAL_BLOCK_BYTES;
        const struct virtual_block *block = place < contents->capacity ? contents->blocks[place] : NULL;
        if (block == NULL) {
            memset(out + done, 0, part);
        } else {
            memcpy(out + done, block->bytes + at, part);
        }
        done += part;
    }
    return count;
}

static void reserve_blocks(struct virtual_contents *contents, uint64_t size)
{
    uint64_t needed = (size + VIRTUAL_BLOCK_BYTES - 1) / VIRTUAL_BLOCK_BYTES;
    if (needed <= contents->capacity) {
        return;
    }
    assert(needed < UINT32_MAX / 2);
    uint32_t capacity = contents->capacity == 0 ? 16 : contents->capacity;
    while (capacity < needed) {
        capacity *= 2;
    }
    contents->blocks = realloc(contents->blocks, capacity * sizeof(struct virtual_block *));
    assert(contents->blocks != NULL);
    memset(contents->blocks + contents->capacity, 0,
           (capacity - contents->capacity) * sizeof(struct virtual_block *));
    contents->capacity = capacity;
}

static void note_pending(struct virtual_contents *contents, uint32_t place)
{
    if (contents->pending_count == contents->pending_capacity) {
        uint32_t capacity = contents->pending_capacity == 0 ? 16 : contents->pending_capacity * 2;
        contents->pending = realloc(contents->pending, capacity * sizeof *contents->pending);
        assert(contents->pending != NULL);
        contents->pending_capacity = capacity;
    }
    contents->pending[contents->pending_count++] = place;
}

/* A version on top of `old` that may be changed; all of it is going to be if `is_whole`. */
static struct virtual_block *next_version(struct virtual_block_pool *pool, struct virtual_block *old,
                                          bool is_whole)
{
    struct virtual_block *block = take_block(pool);
    if (old != NULL) {
        block->older = old;
        block->versions = (uint8_t)(old->versions + 1);
    }
    if (!is_whole && old != NULL) {
        memcpy(block->bytes, old->bytes, sizeof block->bytes);
    } else if (!is_whole) {
        memset(block->bytes, 0, sizeof block->bytes);
    }
    return block;
}

/* The block's bytes from `from` to `to` - 1 are about to change. */
static struct virtual_block *change_block(struct virtual_contents *contents, struct virtual_block_pool *pool,
                                          uint32_t place, size_t from, size_t to)
{
    struct virtual_block *block = contents->blocks[place];
    if (!is_pending(block)) {
        note_pending(contents, place);
    }
    if (block != NULL && block->is_stranded) {
        block->is_stranded = false; /* The whole page is dirty again, what was stranded with it. */
        block->written = all_sectors(pool);
    } else if (block == NULL || !is_pending(block) || block->versions < VIRTUAL_VERSIONS_MAX) {
        block = next_version(pool, block, to - from == VIRTUAL_BLOCK_BYTES);
        contents->blocks[place] = block;
    }
    block->written |= sectors_of(pool, from, to);
    return block;
}

void virtual_contents_write(struct virtual_contents *contents, struct virtual_block_pool *pool,
                            const void *buffer, size_t size, uint64_t offset)
{
    const uint8_t *bytes = buffer;
    reserve_blocks(contents, offset + size);
    for (size_t done = 0; done < size;) {
        size_t at = (offset + done) % VIRTUAL_BLOCK_BYTES;
        size_t part = smaller(size - done, VIRTUAL_BLOCK_BYTES - at);
        uint32_t place = (uint32_t)((offset + done) / VIRTUAL_BLOCK_BYTES);
        struct virtual_block *block = change_block(contents, pool, place, at, at + part);
        memcpy(block->bytes + at, bytes + done, part);
        done += part;
    }
    contents->size = contents->size < offset + size ? offset + size : contents->size;
}

/* What is beyond `size` reads as zeros should the file grow again. */
static void clear_beyond(struct virtual_contents *contents, struct virtual_block_pool *pool, uint64_t size)
{
    for (uint64_t place = size / VIRTUAL_BLOCK_BYTES; place < contents->capacity; place++) {
        size_t from = place == size / VIRTUAL_BLOCK_BYTES ? size % VIRTUAL_BLOCK_BYTES : 0;
        if (contents->blocks[place] != NULL) {
            struct virtual_block *block =
                change_block(contents, pool, (uint32_t)place, from, VIRTUAL_BLOCK_BYTES);
            memset(block->bytes + from, 0, VIRTUAL_BLOCK_BYTES - from);
        }
    }
}

void virtual_contents_resize(struct virtual_contents *contents, struct virtual_block_pool *pool,
                             uint64_t size)
{
    if (size < contents->size) {
        clear_beyond(contents, pool, size);
    }
    reserve_blocks(contents, size);
    contents->size = size;
}

/* The newest version is on the medium. */
static void settle_newest(struct virtual_contents *contents, struct virtual_block_pool *pool, uint32_t place)
{
    struct virtual_block *block = contents->blocks[place];
    give_chain(pool, block->older);
    block->older = NULL;
    block->written = 0;
    block->versions = 1;
    block->is_stranded = false;
}

/* Only what is on the medium is left. */
static void settle_oldest(struct virtual_contents *contents, struct virtual_block_pool *pool, uint32_t place)
{
    struct virtual_block *block = contents->blocks[place];
    while (is_pending(block)) {
        struct virtual_block *older = block->older;
        give_block(pool, block);
        block = older;
    }
    contents->blocks[place] = block;
}

/* Later syncs take the newest version for clean. */
static void strand(struct virtual_contents *contents, struct virtual_block_pool *pool, uint32_t place)
{
    struct virtual_block *block = contents->blocks[place];
    while (is_pending(block->older)) {
        struct virtual_block *between = block->older;
        block->older = between->older;
        give_block(pool, between);
    }
    block->versions = block->older == NULL ? 1 : 2;
    block->written = all_sectors(pool);
    block->is_stranded = true;
}

void virtual_contents_sync(struct virtual_contents *contents, struct virtual_block_pool *pool)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < contents->pending_count; i++) {
        uint32_t place = contents->pending[i];
        if (contents->blocks[place]->is_stranded) {
            contents->pending[kept++] = place;
        } else {
            settle_newest(contents, pool, place);
        }
    }
    contents->pending_count = kept;
    contents->durable_size = contents->size;
}

void virtual_contents_fail_sync(struct virtual_contents *contents, struct virtual_block_pool *pool,
                                struct dice *dice)
{
    enum { REACHED, REVERTED, STRANDED, MIXED };
    uint32_t of_all = dice_roll(dice, MIXED + 1);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < contents->pending_count; i++) {
        uint32_t place = contents->pending[i];
        uint32_t fate = of_all == MIXED ? dice_roll(dice, MIXED) : of_all;
        if (contents->blocks[place]->is_stranded || fate == STRANDED) {
            strand(contents, pool, place);
            contents->pending[kept++] = place;
        } else if (fate == REACHED) {
            settle_newest(contents, pool, place);
        } else {
            settle_oldest(contents, pool, place);
        }
    }
    contents->pending_count = kept;
}

uint64_t virtual_contents_hash(const struct virtual_contents *contents, struct hash_key key)
{
    key.low ^= contents->size;
    key.high ^= contents->durable_size;
    for (uint32_t place = 0; place < contents->capacity; place++) {
        for (const struct virtual_block *block = contents->blocks[place]; block != NULL;
             block = block->older) {
            key.low ^= hash_bytes(key, bytes_of(block->bytes, sizeof block->bytes));
            key.high += (uint64_t)place << 8 | block->written;
        }
    }
    return key.low ^ key.high;
}
