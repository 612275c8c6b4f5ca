/* zlib without malloc: streams that live in memory taken once and are reset from frame to frame. */
#ifndef FLYBALL_STATE_COMPRESSION_H
#define FLYBALL_STATE_COMPRESSION_H

#include <zlib.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"

enum {
    WINDOW_BITS = 14, /* 16 KiB: frames are small, and so is the memory of the machine. */
    MEMORY_LEVEL = 7,
    DEFLATER_MEMORY_BYTES = 192 << 10, /* zlib's own need at that window and level, and some to spare. */
    INFLATER_MEMORY_BYTES = 64 << 10,
};

struct deflater {
    z_stream stream;
    struct arena arena;
};

struct inflater {
    z_stream stream;
    struct arena arena;
};

/* `memory` has DEFLATER_MEMORY_BYTES, aligned for any type, and outlives the deflater, which does not move
 * (nor does an inflater). `level` is 1-9. STATUS_NO_MEMORY. */
MUST_USE enum status deflater_init(struct deflater *deflater, void *memory, int level);

/* Starts a stream of at most `capacity` bytes into `out`. */
void deflater_begin(struct deflater *deflater, uint8_t *out, size_t capacity);

/* STATUS_FULL once the result does not fit: give it up. */
MUST_USE enum status deflater_add(struct deflater *deflater, struct bytes piece);
MUST_USE enum status deflater_finish(struct deflater *deflater, size_t *length);

/* `memory` has INFLATER_MEMORY_BYTES. */
MUST_USE enum status inflater_init(struct inflater *inflater, void *memory);

/* STATUS_CORRUPT unless `stored` is one whole stream of exactly `length` bytes. */
MUST_USE enum status inflater_run(struct inflater *inflater, struct bytes stored, uint8_t *out,
                                  size_t length);

#endif
