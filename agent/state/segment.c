#include "agent/state/segment.h"

#include <assert.h>
#include <string.h>

#include "agent/state/frame.h"

enum { NO_BLOCK = UINT16_MAX };

static size_t list_bytes(struct segments_size size)
{
    return size.segments * sizeof(struct segment);
}

static size_t spares_bytes(struct segments_size size)
{
    return size.segments * sizeof(uint32_t);
}

static uint64_t directory_places(struct segments_size size)
{
    return size.bytes / FRAME_BLOCK_BYTES + 1;
}

size_t segments_memory_bytes(struct segments_size size)
{
    return list_bytes(size) + spares_bytes(size) + directory_places(size) * sizeof(uint16_t);
}

void segments_init(struct segments *segments, void *memory, struct segments_size size)
{
    uint8_t *bytes = memory;
    *segments =
        (struct segments){.list = memory,
                          .capacity = size.segments,
                          .spares = (uint32_t *)(void *)(bytes + list_bytes(size)),
                          .directory = (uint16_t *)(void *)(bytes + list_bytes(size) + spares_bytes(size)),
                          .directory_size = directory_places(size),
                          .next_spare = 1};
}

uint32_t segments_reserve(uint64_t segment_bytes, uint64_t max_bytes)
{
    uint64_t wanted = SEGMENT_RESERVE_BYTES / segment_bytes;
    uint64_t most = max_bytes / segment_bytes / 4;
    uint64_t reserved = wanted < most ? wanted : most;
    return reserved < SEGMENT_SPARES_RESERVED_LEAST ? SEGMENT_SPARES_RESERVED_LEAST : (uint32_t)reserved;
}

struct segment *segments_append(struct segments *segments, uint32_t number, uint64_t bytes,
                                uint64_t first_frame)
{
    assert(segments->count < segments->capacity);
    struct segment *segment = &segments->list[segments->count++];
    uint64_t blocks = bytes / FRAME_BLOCK_BYTES;
    *segment = (struct segment){.number = number,
                                .bytes = (blocks < NO_BLOCK ? blocks : NO_BLOCK) * FRAME_BLOCK_BYTES,
                                .first_frame = first_frame};
    return segment;
}

struct segment *segments_last(struct segments *segments)
{
    assert(segments->count > 0);
    return &segments->list[segments->count - 1];
}

uint64_t segments_room(struct segments *segments)
{
    struct segment *last = segments_last(segments);
    return last->bytes - last->used_bytes;
}

void segments_add_frame(struct segments *segments, struct frame_extent frame)
{
    struct segment *last = segments_last(segments);
    assert(frame.frame == last->first_frame + last->frame_count &&
           frame.bytes <= last->bytes - last->used_bytes);
    segments->directory[frame.frame % segments->directory_size] =
        (uint16_t)(last->used_bytes / FRAME_BLOCK_BYTES);
    last->used_bytes += frame.bytes;
    last->frame_count++;
    last->last_clock = frame.clock;
    last->last_ref = frame.last_ref == RECORD_REF_NONE ? last->last_ref : frame.last_ref;
}

/* The last frame's copy lies in a segment of its own: then it is that segment's first. */
static void hand_over_last(struct segment *from, struct segment *to)
{
    from->frame_count--;
    to->first_frame = from->first_frame + from->frame_count;
    to->frame_count = 1;
    to->last_ref = from->last_ref;
    to->last_clock = from->last_clock;
}

void segments_repeat(struct segments *segments, uint64_t bytes)
{
    struct segment *last = segments_last(segments);
    assert(bytes <= last->bytes - last->used_bytes);
    if (last->frame_count == 0) {
        assert(segments->count > 1);
        hand_over_last(last - 1, last);
    }
    uint64_t frame = last->first_frame + last->frame_count - 1;
    segments->directory[frame % segments->directory_size] = (uint16_t)(last->used_bytes / FRAME_BLOCK_BYTES);
    last->used_bytes += bytes;
}

static bool is_lost(const struct segments *segments, uint64_t frame)
{
    return segments->directory[frame % segments->directory_size] == NO_BLOCK;
}

static void mark_lost(struct segments *segments, uint64_t frame)
{
    segments->directory[frame % segments->directory_size] = NO_BLOCK;
}

void segments_add_lost(struct segments *segments, uint64_t frame)
{
    struct segment *last = segments_last(segments);
    assert(frame == last->first_frame + last->frame_count);
    mark_lost(segments, frame);
    last->frame_count++;
}

void segments_lose(struct segments *segments, uint64_t frame)
{
    if (segments_of_frame(segments, frame) != NULL) {
        mark_lost(segments, frame);
    }
}

bool segments_lost(struct segments *segments, uint64_t frame)
{
    return segments_of_frame(segments, frame) != NULL && is_lost(segments, frame);
}

bool segments_have_room_up_to(const struct segments *segments, uint64_t frame)
{
    uint64_t to_come = segments->max_bytes / FRAME_BLOCK_BYTES;
    return segments->count == 0 ||
           frame - segments_first_frame(segments) + 1 + to_come <= segments->directory_size;
}

record_ref segments_last_ref(const struct segments *segments)
{
    record_ref ref = RECORD_REF_NONE;
    for (uint32_t i = segments->count; i > 0 && ref == RECORD_REF_NONE; i--) {
        ref = segments->list[i - 1].last_ref;
    }
    return ref;
}

uint64_t segments_first_frame(const struct segments *segments)
{
    return segments->list[0].first_frame;
}

struct segment *segments_of_frame(struct segments *segments, uint64_t frame)
{
    uint32_t low = 0;
    uint32_t high = segments->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct segment *segment = &segments->list[middle];
        if (frame < segment->first_frame) {
            high = middle;
        } else if (frame - segment->first_frame >= segment->frame_count) {
            low = middle + 1;
        } else {
            return segment;
        }
    }
    return NULL;
}

static uint64_t offset_of(const struct segments *segments, uint64_t frame)
{
    return (uint64_t)segments->directory[frame % segments->directory_size] * FRAME_BLOCK_BYTES;
}

enum status segments_locate(struct segments *segments, uint64_t frame, struct frame_place *place)
{
    const struct segment *segment = segments_of_frame(segments, frame);
    if (segment == NULL) {
        return STATUS_NOT_FOUND;
    }
    if (is_lost(segments, frame)) {
        return STATUS_CORRUPT;
    }
    bool is_last = frame - segment->first_frame == segment->frame_count - 1;
    uint64_t offset = offset_of(segments, frame);
    uint64_t end =
        is_last || is_lost(segments, frame + 1) ? segment->used_bytes : offset_of(segments, frame + 1);
    *place = (struct frame_place){.number = segment->number, .offset = offset, .bytes = end - offset};
    return STATUS_OK;
}

struct segment segments_take_oldest(struct segments *segments)
{
    assert(segments->count > 1);
    struct segment oldest = segments->list[0];
    segments->count--;
    memmove(segments->list, segments->list + 1, segments->count * sizeof *segments->list);
    return oldest;
}

void segments_give_spare(struct segments *segments, uint32_t number)
{
    assert(segments->spare_count < segments->capacity);
    segments->spares[segments->spare_count++] = number;
}

bool segments_take_spare(struct segments *segments, uint32_t *number)
{
    if (segments->spare_count == 0) {
        return false;
    }
    *number = segments->spares[--segments->spare_count];
    return true;
}

bool segments_may_grow(const struct segments *segments)
{
    return segments->file_bytes + segments->segment_bytes <= segments->max_bytes &&
           segments->count + segments->spare_count < segments->capacity;
}

uint64_t segments_used_bytes(const struct segments *segments)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < segments->count; i++) {
        bytes += segments->list[i].bytes;
    }
    return bytes;
}
