/* The index as it was behind one frame, in a file of its own, so that a start reads only what came after. It
 * is a cache: without it, or with one that does not fit, the whole log is read. Written beside the work: what
 * changes meanwhile is noted, so that the file shows one moment. */
#ifndef FLYBALL_STATE_CHECKPOINT_H
#define FLYBALL_STATE_CHECKPOINT_H

#include "agent/state/record.h"
#include "agent/state/segment.h"
#include "base/hash.h"

enum {
    CHECKPOINT_MAGIC = 0x49594c46, /* "FLYI" */
    CHECKPOINT_FORMAT_VERSION = 1,
    CHECKPOINT_NOTES_MAX = 8192,          /* A power of two. */
    CHECKPOINT_LOG_BYTES_LEAST = 4 << 20, /* Of new frames, before there is a new one. */
};

/* A place of the index that has changed since, as it was. */
struct checkpoint_note {
    uint32_t place; /* One more than; 0: free. */
    record_ref ref; /* RECORD_REF_NONE: it was free. */
    instant_ms edge;
};

struct checkpoint {
    bool is_active;     /* One is being written. */
    bool is_missed;     /* Too much changed meanwhile, or something it cannot take along. */
    uint64_t frame;     /* It shows the index behind this one, */
    uint32_t frame_crc; /* whose header CRC this is. */
    struct checkpoint_note *notes;
    uint32_t note_count;
    struct segment *segments; /* Those of that moment. */
    uint32_t segment_count;
    uint8_t *buffer;
    uint64_t file_bytes; /* Of the last one. */
    uint64_t log_bytes;  /* Written to the log since. */
};

/* How the file begins. */
struct checkpoint_head {
    uint64_t frame;
    uint32_t frame_crc;
    uint64_t frame_most; /* Uncompressed length of the longest frame there is. */
    struct hash_key hash_key;
};

enum { CHECKPOINT_HEAD_BYTES = 42 };

struct checkpoint_reader;

/* The first piece of the file. STATUS_UNSUPPORTED: another format; STATUS_CORRUPT. */
MUST_USE enum status checkpoint_head_read(struct checkpoint_reader *reader, struct checkpoint_head *head);

/* Room for the segments of that size. */
size_t checkpoint_memory_bytes(struct segments_size size);
void checkpoint_init(struct checkpoint *checkpoint, void *memory);

/* Notes how a place was before its first change since; the log's lock is held. */
void checkpoint_note(struct checkpoint *checkpoint, uint32_t place, record_ref ref, instant_ms edge);

/* The checkpoint being written, if any, is given up. */
void checkpoint_miss(struct checkpoint *checkpoint);

/* The note of that place; NULL if it has not changed. */
const struct checkpoint_note *checkpoint_find(const struct checkpoint *checkpoint, uint32_t place);

#endif
