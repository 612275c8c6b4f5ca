/* What one file of the virtual disk holds: what a process reads now, and what a power cut may leave of it.
 * Blocks are shared copies of 4096 bytes; only those written since the last sync have older versions, so that
 * neither a sync nor a power cut costs more than what was written. */
#ifndef FLYBALL_TESTS_SIMULATION_VIRTUAL_CONTENTS_H
#define FLYBALL_TESTS_SIMULATION_VIRTUAL_CONTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "tests/simulation/dice.h"

enum {
    VIRTUAL_BLOCK_BYTES = 4096, /* A page of the cache, too: what a failed sync drops. */
    VIRTUAL_VERSIONS_MAX = 4,   /* Of a block at a time; later writes change the newest. */
};

/* One version of a block. The one on the medium is the last of its chain; a chain that ends otherwise has
 * zeros there. */
struct virtual_block {
    struct virtual_block *older; /* NULL: none; in the pool, the next free one. */
    uint8_t written;             /* A bit for each sector that differs from `older`; 0: on the medium. */
    uint8_t versions;            /* How many there are from here on. */
    bool is_stranded; /* A sync failed: it is read, thought clean, and will never reach the medium. */
    uint8_t bytes[VIRTUAL_BLOCK_BYTES];
};

struct virtual_block_chunk;

/* Where blocks come from; grows on demand, is given back as a whole. */
struct virtual_block_pool {
    struct virtual_block *free;
    struct virtual_block_chunk *chunks;
    uint32_t sector_bytes; /* 512 or 4096. */
};

void virtual_block_pool_init(struct virtual_block_pool *pool, uint32_t sector_bytes);
void virtual_block_pool_close(struct virtual_block_pool *pool);

/* Zeroed, it is an empty file. */
struct virtual_contents {
    struct virtual_block **blocks; /* The newest versions; NULL: zeros, also on the medium. */
    uint32_t capacity;
    uint32_t *pending; /* The places of blocks with older versions, in the order they were written first. */
    uint32_t pending_count;
    uint32_t pending_capacity;
    uint64_t size;
    uint64_t durable_size;
};

/* Gives its blocks back, but keeps its tables for the next file; virtual_contents_close frees them. */
void virtual_contents_clear(struct virtual_contents *contents, struct virtual_block_pool *pool);
void virtual_contents_close(struct virtual_contents *contents);

/* Up to `size` bytes; fewer at the end of the file. */
size_t virtual_contents_read(const struct virtual_contents *contents, void *buffer, size_t size,
                             uint64_t offset);
void virtual_contents_write(struct virtual_contents *contents, struct virtual_block_pool *pool,
                            const void *buffer, size_t size, uint64_t offset);

/* Combines what is there with `noise` by exclusive or, in every version of it; written blocks only. */
void virtual_contents_rot(struct virtual_contents *contents, const uint8_t *noise, size_t size,
                          uint64_t offset);

/* Grows with zeros, or cuts off. */
void virtual_contents_resize(struct virtual_contents *contents, struct virtual_block_pool *pool,
                             uint64_t size);

/* Everything but what is stranded is on the medium now. */
void virtual_contents_sync(struct virtual_contents *contents, struct virtual_block_pool *pool);

/* A sync failed: each block written since the last one has reached the medium all the same, is gone from the
 * cache too, or is stranded. No later sync knows of it. */
void virtual_contents_fail_sync(struct virtual_contents *contents, struct virtual_block_pool *pool,
                                struct dice *dice);

/* The power failed: of what was not synced all, nothing, the first or the last sectors, or any of them
 * survive, some as garbage; the size is the old one, the new one or one between. */
void virtual_contents_lose(struct virtual_contents *contents, struct virtual_block_pool *pool,
                           struct dice *dice);

/* Over sizes and bytes, as read and as on the medium. */
uint64_t virtual_contents_hash(const struct virtual_contents *contents, struct hash_key key);

#endif
