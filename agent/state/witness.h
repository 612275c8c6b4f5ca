/* Witnesses: each frame names, by hash, the subjects whose images the frames before it brought. When a frame
 * is damaged, the next intact one tells whom that hit. */
#ifndef FLYBALL_STATE_WITNESS_H
#define FLYBALL_STATE_WITNESS_H

#include "agent/state/record.h"

enum {
    WITNESS_BYTES = 5,       /* Packed: u32 hash, u8 distance. */
    WITNESS_OLDER_MOST = 32, /* Of frames before the last, at most. */
    WITNESS_DISTANCE_MOST = 255,
};

struct witness {
    uint64_t frame; /* That brought the image. */
    uint32_t hash;
};

/* What the next frame will say. */
struct witnesses {
    struct witness *list; /* Oldest first. */
    uint32_t count;
    uint32_t capacity;
    uint64_t complete_from; /* All images of this frame and later ones are in the list. */
};

/* Room for the images of one frame and some before. */
uint32_t witnesses_most(uint32_t images_most);
size_t witnesses_memory_bytes(uint32_t images_most);
/* `memory` is aligned for any type; nothing is known of frames before `complete_from`. */
void witnesses_init(struct witnesses *witnesses, void *memory, uint32_t images_most, uint64_t complete_from);

/* The stored hash of a subject: never change it. */
uint32_t witness_hash(const struct name *subject);

/* Forgets the oldest to make room for the next frame's images; then they are added, as many as there is room
 * for. */
void witnesses_next_frame(struct witnesses *witnesses);
void witnesses_add(struct witnesses *witnesses, uint64_t frame, const struct name *subject);

/* The frame's images, and those of the ones before, are not known. */
void witnesses_miss(struct witnesses *witnesses, uint64_t frame);

/* Writes what `frame` says of those before it; how many frames back that is complete. */
uint16_t witnesses_pack(const struct witnesses *witnesses, uint64_t frame, struct packer *packer);

/* Reads one. */
struct witness witness_unpack(struct unpacker *unpacker, uint64_t frame);

#endif
