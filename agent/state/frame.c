#include "agent/state/frame.h"

#include <string.h>
#include <zlib.h>

#include "agent/state/witness.h"
#include "base/mutation.h"

/* A record's reference has 48 bits for its frame. */
#define FRAME_MOST ((1ULL << 48) - 1)

enum {
    MAGIC = 0x42594c46, /* "FLYB" */
    HEADER_CRC_OFFSET = FRAME_HEADER_BYTES - 4,
    HEADER_BYTES_MAX = 512,
    HEADER_BYTES_LEAST = 20, /* Up to the frame sequence, and the CRC: the part every version shares. */
};

static uint32_t crc_of(const uint8_t *data, size_t length)
{
    return (uint32_t)crc32_z(0, data, length);
}

uint64_t frame_bytes(uint32_t stored_length)
{
    uint64_t bytes = (uint64_t)FRAME_HEADER_BYTES + stored_length;
    uint64_t block = mutation_is_on(MUTATION_UNALIGNED_FRAME) ? 64 : FRAME_BLOCK_BYTES;
    return (bytes + block - 1) / block * block;
}

uint32_t frame_records_length(const struct frame_header *header)
{
    return header->raw_length - (uint32_t)header->witness_count * WITNESS_BYTES;
}

void frame_seal(struct frame_header *header, uint8_t *frame)
{
    size_t end = FRAME_HEADER_BYTES + (size_t)header->stored_length;
    header->payload_crc = crc_of(frame + FRAME_HEADER_BYTES, header->stored_length);
    memset(frame + end, 0, frame_bytes(header->stored_length) - end);
    struct packer packer = packer_of(frame, FRAME_HEADER_BYTES);
    pack_u32(&packer, MAGIC);
    pack_u16(&packer, FRAME_FORMAT_VERSION);
    pack_u16(&packer, FRAME_HEADER_BYTES);
    pack_u64(&packer, header->frame);
    pack_u64(&packer, header->durable_frame);
    pack_u64(&packer, header->first_seq);
    pack_u32(&packer, header->seq_count);
    pack_u32(&packer, header->previous_crc);
    pack_i64(&packer, header->clock_high);
    pack_u64(&packer, header->outbox_cursor);
    pack_u64(&packer, header->pool_sequence_high);
    pack_u32(&packer, header->record_count);
    pack_u32(&packer, header->raw_length);
    pack_u32(&packer, header->stored_length);
    pack_u32(&packer, (uint32_t)header->compression);
    pack_u16(&packer, header->witness_count);
    pack_u16(&packer, header->witness_depth);
    pack_raw(&packer, bytes_of(header->chain_before.bytes, SHA256_BYTES));
    pack_raw(&packer, bytes_of(header->chain_after.bytes, SHA256_BYTES));
    pack_u32(&packer, header->payload_crc);
    header->crc = crc_of(frame, HEADER_CRC_OFFSET);
    pack_u32(&packer, header->crc);
}

static struct sha256 unpack_hash(struct unpacker *unpacker)
{
    struct sha256 hash = {0};
    struct bytes bytes = unpack_raw(unpacker, SHA256_BYTES);
    if (bytes.length == SHA256_BYTES) {
        memcpy(hash.bytes, bytes.data, SHA256_BYTES);
    }
    return hash;
}

static void unpack_fields(struct unpacker *unpacker, struct frame_header *header)
{
    header->durable_frame = unpack_u64(unpacker);
    header->first_seq = unpack_u64(unpacker);
    header->seq_count = unpack_u32(unpacker);
    header->previous_crc = unpack_u32(unpacker);
    header->clock_high = unpack_i64(unpacker);
    header->outbox_cursor = unpack_u64(unpacker);
    header->pool_sequence_high = unpack_u64(unpacker);
    header->record_count = unpack_u32(unpacker);
    header->raw_length = unpack_u32(unpacker);
    header->stored_length = unpack_u32(unpacker);
    header->compression = (enum frame_compression)unpack_enum(unpacker, FRAME_ZLIB);
    unpack_raw(unpacker, 3);
    header->witness_count = unpack_u16(unpacker);
    header->witness_depth = unpack_u16(unpacker);
    header->chain_before = unpack_hash(unpacker);
    header->chain_after = unpack_hash(unpacker);
    header->payload_crc = unpack_u32(unpacker);
    header->crc = unpack_u32(unpacker);
}

static uint32_t stored_crc(struct bytes block, uint16_t header_length)
{
    struct unpacker unpacker = unpacker_of(bytes_after(block, (size_t)header_length - 4));
    return unpack_u32(&unpacker);
}

static bool lengths_are_possible(const struct frame_header *header)
{
    return header->raw_length <= FRAME_RAW_MAX && header->stored_length <= header->raw_length &&
           header->witness_count * (uint64_t)WITNESS_BYTES <= header->raw_length &&
           (header->compression == FRAME_ZLIB || header->stored_length == header->raw_length);
}

enum status frame_unpack(struct bytes block, struct frame_header *header)
{
    *header = (struct frame_header){0};
    struct unpacker unpacker = unpacker_of(block);
    uint32_t magic = unpack_u32(&unpacker);
    header->version = unpack_u16(&unpacker);
    uint16_t length = unpack_u16(&unpacker);
    if (magic != MAGIC || length < HEADER_BYTES_LEAST || length > HEADER_BYTES_MAX || length > block.length ||
        stored_crc(block, length) != crc_of(block.data, (size_t)length - 4)) {
        return STATUS_CORRUPT;
    }
    header->frame = unpack_u64(&unpacker);
    if (header->version != FRAME_FORMAT_VERSION) {
        return STATUS_UNSUPPORTED;
    }
    unpack_fields(&unpacker, header);
    bool is_whole =
        length == FRAME_HEADER_BYTES && !unpacker.failed && header->frame != 0 && header->frame <= FRAME_MOST;
    return is_whole && lengths_are_possible(header) ? STATUS_OK : STATUS_CORRUPT;
}

enum status frame_check(struct bytes frame, const struct frame_header *header)
{
    size_t end = frame_bytes(header->stored_length);
    if (frame.length < end) {
        return STATUS_CORRUPT;
    }
    const uint8_t *payload = frame.data + FRAME_HEADER_BYTES;
    bool is_whole =
        mutation_is_on(MUTATION_NO_CHECKSUM) || crc_of(payload, header->stored_length) == header->payload_crc;
    if (!is_whole) {
        return STATUS_CORRUPT;
    }
    static const uint8_t zeros[FRAME_BLOCK_BYTES];
    size_t padding = end - FRAME_HEADER_BYTES - header->stored_length;
    return memcmp(frame.data + end - padding, zeros, padding) == 0 ? STATUS_OK : STATUS_CORRUPT;
}
