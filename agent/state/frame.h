/* The header of a frame and its checks: pure. docs/state-format.md gives the bytes. */
#ifndef FLYBALL_STATE_FRAME_H
#define FLYBALL_STATE_FRAME_H

#include "agent/state/record.h"
#include "base/sha256.h"

enum {
    FRAME_BLOCK_BYTES = 4096, /* Frames start at multiples of it. */
    FRAME_HEADER_BYTES = 156,
    FRAME_FORMAT_VERSION = 2,
    FRAME_RAW_MAX = 16 << 20,
};

enum frame_compression { FRAME_AS_IS = 0, FRAME_ZLIB = 1 };

struct frame_header {
    uint16_t version; /* Set by unpack. */
    uint64_t frame;
    uint64_t durable_frame;
    uint64_t first_seq;
    uint32_t seq_count;
    uint32_t previous_crc;
    instant_ms clock_high;
    record_ref outbox_cursor;
    uint64_t pool_sequence_high;
    uint32_t record_count;
    uint32_t raw_length;
    uint32_t stored_length;
    enum frame_compression compression;
    uint16_t witness_count;     /* Behind the records; part of raw_length. */
    uint16_t witness_depth;     /* How many frames back the witnesses are complete. */
    struct sha256 chain_before; /* The ledger chain's head before the first entry, */
    struct sha256 chain_after;  /* and after the last. */
    uint32_t payload_crc;
    uint32_t crc; /* Of the header: what the next frame names as its predecessor. Set by pack and unpack. */
};

/* What a frame with that much stored payload takes on the disk. */
uint64_t frame_bytes(uint32_t stored_length);

/* What the records alone take of raw_length. */
uint32_t frame_records_length(const struct frame_header *header);

/* Writes the header before a payload already there: `frame` holds header, payload and padding, frame_bytes()
 * long. Sets payload_crc and crc and zeroes the padding. */
void frame_seal(struct frame_header *header, uint8_t *frame);

/* STATUS_OK if `block` (at least FRAME_HEADER_BYTES) starts with an intact header; STATUS_CORRUPT if not;
 * STATUS_UNSUPPORTED for an intact header of another version, of which only `version` and `frame` are set. */
MUST_USE enum status frame_unpack(struct bytes block, struct frame_header *header);

/* Whether payload and padding are as the header says; `frame` is frame_bytes() long. STATUS_CORRUPT if not.
 */
MUST_USE enum status frame_check(struct bytes frame, const struct frame_header *header);

#endif
