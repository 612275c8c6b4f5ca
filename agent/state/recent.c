#include "agent/state/recent.h"

enum { FRAME_SHARE = 512, FRAMES_LEAST = 16 };

static uint64_t frames_for(size_t capacity)
{
    return capacity / FRAME_SHARE + FRAMES_LEAST;
}

size_t recent_memory_bytes(size_t capacity)
{
    return frames_for(capacity) * sizeof(struct recent_frame) + capacity;
}

void recent_init(struct recent *recent, void *memory, size_t capacity)
{
    uint64_t frames = frames_for(capacity);
    *recent = (struct recent){.frames = memory,
                              .data = (uint8_t *)memory + frames * sizeof(struct recent_frame),
                              .frames_most = frames,
                              .capacity = capacity};
}

static struct recent_frame *slot_of(const struct recent *recent, uint64_t frame)
{
    return &recent->frames[frame % recent->frames_most];
}

static void start_over(struct recent *recent, uint64_t next)
{
    recent->oldest = next;
    recent->next = next;
    recent->end = 0;
}

/* Frames lie in the ring in order, so those in the way of [offset, offset + length) are the oldest ones. */
static void forget_overlapping(struct recent *recent, size_t offset, size_t length)
{
    while (recent->oldest < recent->next) {
        const struct recent_frame *oldest = slot_of(recent, recent->oldest);
        /* An empty frame tells nothing of where the next one lies. */
        bool is_clear = oldest->length > 0 &&
                        (oldest->offset >= offset + length || oldest->offset + oldest->length <= offset);
        if (is_clear && recent->next - recent->oldest < recent->frames_most) {
            return;
        }
        recent->oldest++;
    }
}

/* What lies behind the end is older than what lies at the start: it goes before the ring turns. */
static void forget_behind(struct recent *recent, size_t offset)
{
    while (recent->oldest < recent->next && slot_of(recent, recent->oldest)->offset >= offset) {
        recent->oldest++;
    }
}

uint8_t *recent_add(struct recent *recent, uint64_t frame, uint64_t first_seq, size_t length)
{
    if (frame != recent->next || length > recent->capacity) {
        start_over(recent, frame);
    }
    if (length > recent->capacity) {
        recent->oldest = frame + 1;
        recent->next = frame + 1;
        return NULL;
    }
    if (recent->end + length > recent->capacity) {
        forget_behind(recent, recent->end);
        recent->end = 0;
    }
    forget_overlapping(recent, recent->end, length);
    *slot_of(recent, frame) = (struct recent_frame){
        .frame = frame, .first_seq = first_seq, .offset = recent->end, .length = length};
    recent->next = frame + 1;
    recent->end += length;
    return recent->data + slot_of(recent, frame)->offset;
}

const struct recent_frame *recent_find(const struct recent *recent, uint64_t frame)
{
    return frame >= recent->oldest && frame < recent->next ? slot_of(recent, frame) : NULL;
}
