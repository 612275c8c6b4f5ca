/* What a power cut leaves of a file. */
#include "tests/simulation/virtual_contents.h"

#include <string.h>

enum loss {
    LOSS_NONE,
    LOSS_ALL,
    LOSS_SUFFIX, /* What was written first survives, */
    LOSS_PREFIX, /* or what was written last. */
    LOSS_ANY,    /* Each sector has its own fate: written in any order. */
};

enum fate { FATE_NEW, FATE_OLD, FATE_BETWEEN, FATE_GARBAGE };

struct losing {
    enum loss loss;
    uint32_t border; /* Of the sectors written, in order; that one is torn. */
    uint32_t seen;
    uint32_t sector_bytes;
    struct dice *dice;
};

static uint32_t sectors_in(uint8_t written)
{
    return (uint32_t)__builtin_popcount(written);
}

static uint8_t written_in(const struct virtual_block *block)
{
    uint8_t written = 0;
    for (; block != NULL; block = block->older) {
        written |= block->written;
    }
    return written;
}

static uint32_t pending_sectors(const struct virtual_contents *contents)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < contents->pending_count; i++) {
        count += sectors_in(written_in(contents->blocks[contents->pending[i]]));
    }
    return count;
}

static struct losing begin(const struct virtual_contents *contents, uint32_t sector_bytes, struct dice *dice)
{
    static const enum loss losses[] = {LOSS_NONE,   LOSS_ALL,    LOSS_SUFFIX, LOSS_SUFFIX,
                                       LOSS_PREFIX, LOSS_PREFIX, LOSS_ANY,    LOSS_ANY};
    return (struct losing){.loss = losses[dice_roll(dice, sizeof losses / sizeof *losses)],
                           .border = dice_roll(dice, pending_sectors(contents) + 1),
                           .sector_bytes = sector_bytes,
                           .dice = dice};
}

static enum fate fate_at_border(struct losing *losing)
{
    static const enum fate fates[] = {FATE_NEW, FATE_OLD, FATE_GARBAGE, FATE_GARBAGE};
    return fates[dice_roll(losing->dice, 4)];
}

static enum fate fate_of_any(struct losing *losing)
{
    static const enum fate fates[] = {FATE_NEW, FATE_NEW, FATE_NEW,     FATE_NEW,
                                      FATE_OLD, FATE_OLD, FATE_BETWEEN, FATE_GARBAGE};
    return fates[dice_roll(losing->dice, 8)];
}

/* Of the next sector written. */
static enum fate next_fate(struct losing *losing)
{
    uint32_t at = losing->seen++;
    switch (losing->loss) {
    case LOSS_NONE: return FATE_NEW;
    case LOSS_ALL: return FATE_OLD;
    case LOSS_SUFFIX:
        return at == losing->border ? fate_at_border(losing) : at < losing->border ? FATE_NEW : FATE_OLD;
    case LOSS_PREFIX:
        return at == losing->border ? fate_at_border(losing) : at < losing->border ? FATE_OLD : FATE_NEW;
    case LOSS_ANY: return fate_of_any(losing);
    }
    return FATE_OLD;
}

/* Noise, or the new bytes up to somewhere and noise after. */
static void scramble(struct losing *losing, uint8_t *sector)
{
    uint32_t words = losing->sector_bytes / 8;
    uint32_t first = dice_chance(losing->dice, 500) ? 0 : dice_roll(losing->dice, words);
    for (uint32_t i = first; i < words; i++) {
        uint64_t noise = dice_bits(losing->dice);
        memcpy(sector + i * sizeof noise, &noise, sizeof noise);
    }
}

/* From a version of the block; NULL: zeros. */
static void restore(const struct losing *losing, struct virtual_block *block,
                    const struct virtual_block *version, uint32_t offset)
{
    if (version == NULL) {
        memset(block->bytes + offset, 0, losing->sector_bytes);
    } else if (version != block) {
        memcpy(block->bytes + offset, version->bytes + offset, losing->sector_bytes);
    }
}

static const struct virtual_block *on_medium(const struct virtual_block *block)
{
    while (block != NULL && block->written != 0) {
        block = block->older;
    }
    return block;
}

static void lose_sector(struct losing *losing, struct virtual_block *block, enum fate fate, uint32_t offset)
{
    const struct virtual_block *version = block;
    switch (fate) {
    case FATE_NEW: return;
    case FATE_OLD: restore(losing, block, on_medium(block), offset); return;
    case FATE_BETWEEN:
        for (uint32_t i = dice_roll(losing->dice, block->versions); i > 0; i--) {
            version = version->older;
        }
        restore(losing, block, version, offset);
        return;
    case FATE_GARBAGE: scramble(losing, block->bytes + offset); return;
    }
}

static void lose_block(struct losing *losing, struct virtual_block *block)
{
    uint8_t written = written_in(block);
    for (uint32_t sector = 0; sector * losing->sector_bytes < VIRTUAL_BLOCK_BYTES; sector++) {
        if ((written >> sector & 1) != 0) {
            enum fate fate = next_fate(losing);
            lose_sector(losing, block, block->is_stranded ? FATE_OLD : fate, sector * losing->sector_bytes);
        }
    }
    block->is_stranded = false;
}

static uint64_t size_after(const struct virtual_contents *contents, uint32_t sector_bytes, struct dice *dice)
{
    uint64_t low = contents->size < contents->durable_size ? contents->size : contents->durable_size;
    uint64_t high = contents->size < contents->durable_size ? contents->durable_size : contents->size;
    uint64_t sectors = (high - low) / sector_bytes;
    switch (dice_roll(dice, 4)) {
    case 0: return contents->durable_size;
    case 1: return low + dice_roll(dice, (uint32_t)sectors + 1) * (uint64_t)sector_bytes;
    default: return contents->size;
    }
}

void virtual_contents_lose(struct virtual_contents *contents, struct virtual_block_pool *pool,
                           struct dice *dice)
{
    if (contents->pending_count > 0) {
        struct losing losing = begin(contents, pool->sector_bytes, dice);
        for (uint32_t i = 0; i < contents->pending_count; i++) {
            lose_block(&losing, contents->blocks[contents->pending[i]]);
        }
    }
    if (contents->size != contents->durable_size) {
        virtual_contents_resize(contents, pool, size_after(contents, pool->sector_bytes, dice));
    }
    virtual_contents_sync(contents, pool);
}
