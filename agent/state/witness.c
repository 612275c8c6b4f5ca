#include "agent/state/witness.h"

#include <string.h>

#include "base/hash.h"

uint32_t witnesses_most(uint32_t images_most)
{
    return images_most + WITNESS_OLDER_MOST;
}

size_t witnesses_memory_bytes(uint32_t images_most)
{
    return witnesses_most(images_most) * sizeof(struct witness);
}

void witnesses_init(struct witnesses *witnesses, void *memory, uint32_t images_most, uint64_t complete_from)
{
    *witnesses = (struct witnesses){
        .list = memory, .capacity = witnesses_most(images_most), .complete_from = complete_from};
}

uint32_t witness_hash(const struct name *subject)
{
    const struct hash_key key = {.low = 0x666c7962616c6c00, .high = 0x7769746e65737300};
    return (uint32_t)hash_bytes(key, name_bytes(subject));
}

void witnesses_miss(struct witnesses *witnesses, uint64_t frame)
{
    if (witnesses->complete_from <= frame) {
        witnesses->complete_from = frame + 1;
    }
}

void witnesses_next_frame(struct witnesses *witnesses)
{
    if (witnesses->count <= WITNESS_OLDER_MOST) {
        return;
    }
    uint32_t dropped = witnesses->count - WITNESS_OLDER_MOST;
    witnesses_miss(witnesses, witnesses->list[dropped - 1].frame);
    witnesses->count = WITNESS_OLDER_MOST;
    memmove(witnesses->list, witnesses->list + dropped, WITNESS_OLDER_MOST * sizeof *witnesses->list);
}

void witnesses_add(struct witnesses *witnesses, uint64_t frame, const struct name *subject)
{
    if (witnesses->count == witnesses->capacity) { /* A frame of larger batches than today's. */
        witnesses_miss(witnesses, frame);
        return;
    }
    witnesses->list[witnesses->count++] = (struct witness){.frame = frame, .hash = witness_hash(subject)};
}

uint16_t witnesses_pack(const struct witnesses *witnesses, uint64_t frame, struct packer *packer)
{
    for (uint32_t i = 0; i < witnesses->count; i++) {
        uint64_t distance = frame - witnesses->list[i].frame;
        if (distance <= WITNESS_DISTANCE_MOST) {
            pack_u32(packer, witnesses->list[i].hash);
            pack_u8(packer, (uint8_t)distance);
        }
    }
    uint64_t depth = frame > witnesses->complete_from ? frame - witnesses->complete_from : 0;
    return (uint16_t)(depth < WITNESS_DISTANCE_MOST ? depth : WITNESS_DISTANCE_MOST);
}

struct witness witness_unpack(struct unpacker *unpacker, uint64_t frame)
{
    uint32_t hash = unpack_u32(unpacker);
    return (struct witness){.hash = hash, .frame = frame - unpack_u8(unpacker)};
}
