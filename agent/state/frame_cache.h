/* One frame read from disk or copied from memory, uncompressed, and the place reached in it. */
#ifndef FLYBALL_STATE_FRAME_CACHE_H
#define FLYBALL_STATE_FRAME_CACHE_H

#include "agent/state/compression.h"
#include "agent/state/frame.h"
#include "agent/state/segment.h"

struct frame_cache {
    uint8_t *memory;
    size_t memory_bytes;
    uint8_t *raw;    /* raw_most bytes: the frame's records. */
    uint8_t *stored; /* stored_most bytes: the frame as read; also a place for single records. */
    size_t raw_most;
    size_t stored_most;
    struct inflater inflater;
    struct frame_header header; /* Of the frame held, as far as the source knew; header.frame 0: none. */
    struct record_walk walk;
    int64_t last_ordinal; /* Of the record the walk gave last; -1: none yet. */
    const struct io *io;
    int file; /* Of the segment fetched from last; -1: none. */
    uint32_t number;
};

/* Takes the memory for frames of up to `raw_most` bytes: STATUS_NO_MEMORY. It must not move afterwards; `io`
 * outlives it. Close it in either case. */
MUST_USE enum status frame_cache_open(struct frame_cache *cache, const struct io *io, size_t raw_most);
void frame_cache_close(struct frame_cache *cache);

/* Reads the frame of at most `bytes` at `offset`, checks and inflates it. STATUS_CORRUPT (also for a file
 * that is too short), STATUS_IO, STATUS_TOO_LARGE beyond raw_most; then nothing is held. */
MUST_USE enum status frame_cache_read(struct frame_cache *cache, int file, uint64_t offset, uint64_t bytes);

/* Reads the frame from its segment, unless it is held already. STATUS_NOT_FOUND if there is no such file,
 * STATUS_CORRUPT if another frame lies there; both may mean that the segment was dropped meanwhile. */
MUST_USE enum status frame_cache_fetch(struct frame_cache *cache, const char *folder, uint64_t frame,
                                       struct frame_place place);

/* Holds a frame whose records the caller has put into `raw`. */
void frame_cache_hold(struct frame_cache *cache, uint64_t frame, uint64_t first_seq, size_t length);

void frame_cache_forget(struct frame_cache *cache);

/* The first record with at least that ordinal, borrowed; asking for rising ordinals walks only once.
 * STATUS_EMPTY if there is none, STATUS_CORRUPT. */
MUST_USE enum status frame_cache_seek(struct frame_cache *cache, uint32_t ordinal, struct record *record);

#endif
