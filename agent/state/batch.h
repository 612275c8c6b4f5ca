/* Records on their way into one frame: packed as they come, an image replaced by its subject's next one. */
#ifndef FLYBALL_STATE_BATCH_H
#define FLYBALL_STATE_BATCH_H

#include "agent/state/record.h"

enum {
    BATCH_RECORDS_MAX = 65535,
    BATCH_ENTRY_SHARE = 48, /* There is a place for a record in so many bytes. */
    RECORD_CHARGE = 128,    /* What each counts for beside its body. */
};

struct batch_entry {
    uint32_t offset;
    uint32_t length; /* 0: an image that was replaced. */
    uint64_t seq;    /* 0: takes none. */
};

struct batch {
    uint8_t *data;
    struct batch_entry *entries;
    uint32_t capacity;
    uint32_t entries_most;
    uint32_t used;
    uint32_t entry_count;
    uint64_t frame;     /* The sequence of the frame this becomes. */
    uint64_t first_seq; /* What its first record that takes a seq has. */
    uint32_t seq_count;
    uint32_t live_bytes; /* Without what was replaced. */
    uint32_t live_records;
    bool has_news;       /* Not only images and copies. */
    bool ends_setback;   /* An image in it takes over from one its subject was set back to. */
    int64_t live_images; /* Images in it that are still the latest of their subjects. */
};

/* The most records a batch of that capacity takes. */
uint32_t batch_entries_most(uint32_t capacity);

/* The memory batch_init needs for `capacity` bytes of records. */
size_t batch_memory_bytes(uint32_t capacity);

/* `memory` is aligned for any type and outlives the batch. */
void batch_init(struct batch *batch, void *memory, uint32_t capacity);

/* Empties it for its next use. */
void batch_start(struct batch *batch, uint64_t frame, uint64_t first_seq);

/* Whether records of `bytes_most` (bodies and 128 for each) surely fit; an empty batch takes up to
 * batch_most. */
bool batch_has_room(const struct batch *batch, size_t bytes_most);
size_t batch_most(const struct batch *batch);

/* Appends, setting record->ref and, with SEQ_TAKEN, record->seq. The caller has made sure of room. */
record_ref batch_add(struct batch *batch, struct record *record, enum seq_use use);

/* The record of that ordinal, its body borrowed from the batch. STATUS_NOT_FOUND if there is none or it was
 * replaced. */
MUST_USE enum status batch_read(const struct batch *batch, uint32_t ordinal, struct record *record);

/* Its packed bytes, and its seq for reading them; empty if there is none or it was replaced. */
struct bytes batch_packed(const struct batch *batch, uint32_t ordinal, uint64_t *seq);

/* Takes out an image. */
void batch_replace(struct batch *batch, uint32_t ordinal);

/* The records that are left, as few contiguous pieces: the next one from entry *at on. False at the end. */
bool batch_next_piece(const struct batch *batch, uint32_t *at, struct bytes *piece);

/* Copies what is left, live_bytes long. */
void batch_copy(const struct batch *batch, uint8_t *out);

/* The ref of the last record that is left; RECORD_REF_NONE if none is. */
record_ref batch_last_ref(const struct batch *batch);

#endif
