#include "agent/runtime/dedup_window.h"

#include <assert.h>

#include "base/hash.h"

/* Any constant will do, but never another one: hashes made with it are on disk. */
static const struct hash_key dedup_hash_key = {.low = 0x666c7962616c6c00U, .high = 0x6465647570206b65U};

/* Stored within every hash: never renumber. */
enum key_domain { KEY_ID = 1, KEY_DEVICE_SEQ = 2, KEY_COMMAND = 3 };

static uint32_t place_of(const struct dedup_window *window, uint32_t position)
{
    return position <= window->newest ? window->newest - position : window->newest + window->size - position;
}

void dedup_window_init(struct dedup_window *window, uint32_t size)
{
    assert(size >= 1 && size <= DEDUP_WINDOW_MAX);
    window->size = (uint16_t)size;
    window->count = 0;
    window->newest = 0;
}

static void add_item(struct dedup_window *window, struct dedup_item item)
{
    uint32_t place = window->count == 0 ? 0 : (window->newest + 1U) % window->size;
    window->items[place] = item;
    window->newest = (uint16_t)place;
    if (window->count < window->size) {
        window->count++;
    }
}

void dedup_window_add(struct dedup_window *window, uint64_t key, uint64_t record_ref)
{
    add_item(window, (struct dedup_item){.hash = (uint32_t)key, .record_ref = record_ref});
}

uint32_t dedup_window_find(const struct dedup_window *window, uint64_t key, uint32_t from)
{
    for (uint32_t position = from; position < window->count; position++) {
        if (window->items[place_of(window, position)].hash == (uint32_t)key) {
            return position;
        }
    }
    return window->count;
}

struct dedup_item *dedup_window_at(struct dedup_window *window, uint32_t position)
{
    assert(position < window->count);
    return &window->items[place_of(window, position)];
}

static const struct dedup_item *oldest_first(const struct dedup_window *window, uint32_t ordinal)
{
    return &window->items[place_of(window, window->count - 1U - ordinal)];
}

static bool any_flags(const struct dedup_window *window)
{
    for (uint32_t i = 0; i < window->count; i++) {
        if (oldest_first(window, i)->flags != 0) {
            return true;
        }
    }
    return false;
}

/* Entries that were answered one after the other lie close together: their distances are short. */
void dedup_window_pack(struct packer *packer, const struct dedup_window *window)
{
    bool flagged = any_flags(window);
    pack_varint(packer, window->count);
    pack_u8(packer, flagged ? 1 : 0);
    uint64_t base = 0;
    for (uint32_t i = 0; i < window->count; i++) {
        const struct dedup_item *item = oldest_first(window, i);
        pack_u32(packer, item->hash);
        pack_signed(packer, (int64_t)(item->record_ref - base));
        if (flagged) {
            pack_u8(packer, item->flags);
        }
        base = item->record_ref;
    }
}

void dedup_window_unpack(struct unpacker *unpacker, struct dedup_window *window, uint32_t size)
{
    dedup_window_init(window, size);
    uint64_t count = unpack_varint(unpacker);
    bool flagged = unpack_enum(unpacker, 1) == 1;
    if (count > DEDUP_WINDOW_MAX) {
        unpacker->failed = true;
    }
    uint64_t base = 0;
    for (uint64_t i = 0; i < count && !unpacker->failed; i++) {
        struct dedup_item item = {.hash = unpack_u32(unpacker)};
        item.record_ref = base + (uint64_t)unpack_signed(unpacker);
        item.flags = flagged ? unpack_u8(unpacker) : 0;
        base = item.record_ref;
        add_item(window, item);
    }
    if (unpacker->failed) {
        dedup_window_init(window, size);
    }
}

/* Lengths before the bytes: two different keys are never the same bytes. */
static uint64_t hash_packed(const struct packer *packer)
{
    assert(!packer->overflowed);
    return hash_bytes(dedup_hash_key, packer_bytes(packer));
}

uint64_t dedup_key_of_id(const struct name *device, const struct name *id)
{
    uint8_t buffer[2 * sizeof(struct name) + 8];
    struct packer packer = packer_of(buffer, sizeof buffer);
    pack_u8(&packer, KEY_ID);
    pack_name(&packer, device);
    pack_name(&packer, id);
    return hash_packed(&packer);
}

uint64_t dedup_key_of_device_seq(const struct name *device, const struct name *boot, uint64_t device_seq)
{
    uint8_t buffer[2 * sizeof(struct name) + 16];
    struct packer packer = packer_of(buffer, sizeof buffer);
    pack_u8(&packer, KEY_DEVICE_SEQ);
    pack_name(&packer, device);
    pack_name(&packer, boot);
    pack_u64(&packer, device_seq);
    return hash_packed(&packer);
}

/* Hashes the name, which the contract fixes. */
uint64_t dedup_key_of_command(enum governor_kind governor, const struct name *id)
{
    uint8_t buffer[2 * sizeof(struct name) + 8];
    struct packer packer = packer_of(buffer, sizeof buffer);
    pack_u8(&packer, KEY_COMMAND);
    pack_bytes(&packer, bytes_of_string(governor_name(governor)));
    pack_name(&packer, id);
    return hash_packed(&packer);
}
