/* One entry of the state log, as it is put and as it is read back. */
#ifndef FLYBALL_STATE_RECORD_H
#define FLYBALL_STATE_RECORD_H

#include "base/bytes.h"
#include "base/instant.h"
#include "base/pack.h"
#include "base/sha256.h"
#include "base/status.h"

/* Where a record lies: frame sequence << 16 | ordinal of the record within the frame. Known as soon as the
 * record is put, before its frame is written. Orders records by age; never reused. */
typedef uint64_t record_ref;
#define RECORD_REF_NONE 0
/* Of what was lost to damage: frames begin with 1. Stored. */
#define RECORD_REF_NOWHERE 1

/* Stored: never renumber. */
enum record_kind {
    RECORD_DECISION = 1, /* A ledger entry of an event; takes a seq. */
    RECORD_ANSWER = 2,   /* Answers without an effect of their own: peeks and duplicates. */
    RECORD_REPLY = 3,    /* A command's reply; takes a seq if it was applied. */
    RECORD_DEAD_LETTER = 4,
    RECORD_IMAGE = 5, /* A subject after the batch's last change to it. */
    RECORD_COPY =
        6, /* A decision or reply carried forward by compaction: read by reference, never published. */
};

struct record {
    enum record_kind kind;
    record_ref ref; /* Set by the log. */
    uint64_t seq;   /* The ledger sequence it took; 0: none. Set by the log when it takes one; of a copy, the
                     * original's, set by the caller. */
    uint64_t pool_sequence; /* The event pool's sequence of what caused it; 0: none. */
    struct name subject;    /* Empty for dead letters of no subject. */
    record_ref
        previous;    /* Images: the subject's image before this one. Optional when put: a caller that knows it
                      * (`ref` of what state_log_find or the last put gave) spares the log a look at the disk
                      * to tell the subject from another with the same hash. RECORD_REF_NONE: unknown. */
    instant_ms edge; /* Images: the subject's next time edge; INSTANT_NEVER for none. */
    uint8_t changes; /* Images: governors whose state changed since the subject's previous image. */
    bool is_setback; /* Images found: a later one was lost. */
    struct bytes body;         /* Opaque to the log. */
    const struct sha256 *hash; /* Scans by tools: of a record that took a seq, as a link of the ledger */
    const struct sha256
        *previous_hash; /* chain, and of the link before; NULL otherwise. For the call only. */
};

/* Receives records one by one; they and their bodies are borrowed for the call. `record` may be NULL: nobody
 * cares. */
struct state_log_listener {
    void (*record)(void *self, const struct record *record);
    void *self;
};

enum seq_use { SEQ_NONE, SEQ_TAKEN };

/* The records of one frame, oldest first. */
struct record_walk {
    struct unpacker rest;
    uint64_t frame;
    uint64_t next_seq; /* What the next record that takes a seq has. */
};

enum { RECORD_HEADER_MAX = 116 }; /* What a packed record needs beside its body, at most. */

uint64_t record_ref_frame(record_ref ref);
uint32_t record_ref_ordinal(record_ref ref);
record_ref record_ref_of(uint64_t frame, uint32_t ordinal);

/* The ordinal is that of record->ref; a seq taken is not written, it follows from the order. */
void record_pack(struct packer *packer, const struct record *record, enum seq_use use);

/* `payload` outlives the walk and what it gives. */
struct record_walk record_walk_of(struct bytes payload, uint64_t frame, uint64_t first_seq);

/* The next record, its body borrowed from the payload. STATUS_EMPTY at the end; STATUS_CORRUPT, from then on,
 * when the bytes are no record. */
MUST_USE enum status record_walk_next(struct record_walk *walk, struct record *record);

#endif
