/* The latest committed frames, uncompressed, for a publisher that keeps up: a ring in fixed memory that
 * forgets the oldest. The log's lock guards it. */
#ifndef FLYBALL_STATE_RECENT_H
#define FLYBALL_STATE_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recent_frame {
    uint64_t frame;
    uint64_t first_seq;
    size_t offset;
    size_t length;
};

struct recent {
    uint8_t *data;
    size_t capacity;
    struct recent_frame *frames; /* By frame % frames_most. */
    uint64_t frames_most;
    uint64_t oldest; /* The frames held are oldest to next - 1. */
    uint64_t next;
    size_t end; /* Where the latest ends. */
};

/* The memory for `capacity` bytes of frames; 0 for none. */
size_t recent_memory_bytes(size_t capacity);
void recent_init(struct recent *recent, void *memory, size_t capacity);

/* Makes room for the next frame, forgetting older ones; consecutive frames only. NULL: it is too large, and
 * now nothing is held. */
uint8_t *recent_add(struct recent *recent, uint64_t frame, uint64_t first_seq, size_t length);

/* NULL if it is not held. */
const struct recent_frame *recent_find(const struct recent *recent, uint64_t frame);

#endif
