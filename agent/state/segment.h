/* Which frame lies where: the segments in use, a directory of their frames, and the spares. Memory only,
 * except where a function says so; the log's lock guards it. */
#ifndef FLYBALL_STATE_SEGMENT_H
#define FLYBALL_STATE_SEGMENT_H

#include "agent/state/record.h"
#include "agent/state/segment_files.h"

enum {
    SEGMENT_SPARES_RESERVED_LEAST = 2,
    SEGMENT_RESERVE_BYTES = 1 << 20, /* With small segments, this much of at most a quarter of the budget. */
};

struct segment {
    uint32_t number;
    uint64_t bytes; /* Its file's size, in whole blocks. */
    uint64_t used_bytes;
    uint64_t first_frame; /* The first it has or will have. */
    uint64_t frame_count;
    record_ref last_ref;   /* Its last record; RECORD_REF_NONE while it has none. */
    instant_ms last_clock; /* The clock of its last frame. */
    int64_t live_images;
};

struct segments {
    struct segment *list; /* Oldest first; the last is being filled. */
    uint32_t count;
    uint32_t capacity;
    uint16_t *directory; /* A frame's first block in its segment, by frame % directory_size. */
    uint64_t directory_size;
    uint32_t *spares; /* Their numbers; as many as `capacity`. */
    uint32_t spare_count;
    uint32_t next_spare; /* The number of the next spare made. */
    uint32_t reserved;   /* Spares that only compaction may use; one more is kept at hand. */
    uint64_t segment_bytes;
    uint64_t max_bytes;
    uint64_t file_bytes; /* All files together. */
};

struct frame_place {
    uint32_t number; /* Of the segment. */
    uint64_t offset;
    uint64_t bytes; /* It has no more; behind a frame that was lost, up to the segment's end. */
};

struct segments_size {
    uint32_t segments;
    uint64_t bytes;
};

/* The memory for the budget, or for what is there already if that is more. */
size_t segments_memory_bytes(struct segments_size size);
void segments_init(struct segments *segments, void *memory, struct segments_size size);

/* How many spares to hold in reserve. */
uint32_t segments_reserve(uint64_t segment_bytes, uint64_t max_bytes);

/* Adds an empty segment behind the last. */
struct segment *segments_append(struct segments *segments, uint32_t number, uint64_t bytes,
                                uint64_t first_frame);

/* The segment being filled. */
struct segment *segments_last(struct segments *segments);
uint64_t segments_room(struct segments *segments);

struct frame_extent {
    uint64_t frame;
    uint64_t bytes;
    instant_ms clock;
    record_ref last_ref; /* Its last record; RECORD_REF_NONE: it has none. */
};

/* The frame that was written at the end of the last segment. */
void segments_add_frame(struct segments *segments, struct frame_extent frame);

/* The last frame was written once more, at the end of the last segment: that is where it is read from now on,
 * because only the copy surely is on the disk. */
void segments_repeat(struct segments *segments, uint64_t bytes);

/* A frame that is damaged or missing: it keeps its number and has no place. */
void segments_add_lost(struct segments *segments, uint64_t frame);

/* The same, of one that had a place. Nothing if no segment has it. */
void segments_lose(struct segments *segments, uint64_t frame);

/* Whether the frame is one of those. */
bool segments_lost(struct segments *segments, uint64_t frame);

/* Whether frames up to that number, and as many more as the budget can hold, keep apart in the table. */
bool segments_have_room_up_to(const struct segments *segments, uint64_t frame);

/* The last record of them all; RECORD_REF_NONE if there is none. */
record_ref segments_last_ref(const struct segments *segments);

/* The first frame that is still there. */
uint64_t segments_first_frame(const struct segments *segments);

/* The segment that has the frame; NULL if none has. */
struct segment *segments_of_frame(struct segments *segments, uint64_t frame);

/* STATUS_NOT_FOUND if it was dropped, STATUS_CORRUPT if it was lost. */
MUST_USE enum status segments_locate(struct segments *segments, uint64_t frame, struct frame_place *place);

/* Takes the oldest out of the table, which has more than one; its file is the caller's. */
struct segment segments_take_oldest(struct segments *segments);

void segments_give_spare(struct segments *segments, uint32_t number);
/* False if there is none. */
bool segments_take_spare(struct segments *segments, uint32_t *number);

/* Whether the budget allows one more file. */
bool segments_may_grow(const struct segments *segments);

uint64_t segments_used_bytes(const struct segments *segments);

#endif
