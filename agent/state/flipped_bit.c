#include "agent/state/flipped_bit.h"

#include <zlib.h>

static bool is_frame(const uint8_t *bytes, size_t length, struct frame_header *header)
{
    struct bytes all = bytes_of(bytes, length);
    return frame_unpack(all, header) == STATUS_OK && frame_check(all, header) == STATUS_OK;
}

/* Few enough to try them all. */
static bool repair_header(uint8_t *bytes, size_t length, struct frame_header *header, uint64_t *at)
{
    for (uint64_t bit = 0; bit < 8 * (uint64_t)FRAME_HEADER_BYTES; bit++) {
        uint8_t mask = (uint8_t)(1U << bit % 8);
        bytes[bit / 8] ^= mask;
        if (is_frame(bytes, length, header)) {
            *at = bit / 8;
            return true;
        }
        bytes[bit / 8] ^= mask;
    }
    return false;
}

/* CRCs are linear: what one flipped bit changes in the sum depends on its distance from the end alone. False
 * if no single bit explains the difference. */
static bool find_bit(size_t length, uint32_t difference, size_t *byte, uint8_t *mask)
{
    const z_crc_t *table = get_crc_table();
    uint32_t changes[8];
    for (unsigned bit = 0; bit < 8; bit++) {
        changes[bit] = (uint32_t)table[1U << bit];
    }
    for (size_t behind = 0; behind < length; behind++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            if (changes[bit] == difference) {
                *byte = length - 1 - behind;
                *mask = (uint8_t)(1U << bit);
                return true;
            }
            changes[bit] = changes[bit] >> 8 ^ (uint32_t)table[changes[bit] & 0xFF];
        }
    }
    return false;
}

static bool repair_payload(uint8_t *bytes, size_t length, struct frame_header *header, uint64_t *at)
{
    uint8_t *payload = bytes + FRAME_HEADER_BYTES;
    uint32_t sum = (uint32_t)crc32_z(0, payload, header->stored_length);
    size_t byte;
    uint8_t mask;
    if (!find_bit(header->stored_length, sum ^ header->payload_crc, &byte, &mask)) {
        return false;
    }
    payload[byte] ^= mask;
    *at = FRAME_HEADER_BYTES + byte;
    if (is_frame(bytes, length, header)) {
        return true;
    }
    payload[byte] ^= mask;
    return false;
}

static bool repair_padding(uint8_t *bytes, size_t length, struct frame_header *header, uint64_t *at)
{
    size_t end = frame_bytes(header->stored_length);
    for (size_t byte = FRAME_HEADER_BYTES + header->stored_length; byte < end; byte++) {
        uint8_t kept = bytes[byte];
        if (kept == 0) {
            continue;
        }
        bytes[byte] = 0;
        *at = byte;
        if ((kept & (kept - 1)) == 0 && is_frame(bytes, length, header)) {
            return true;
        }
        bytes[byte] = kept;
        return false;
    }
    return false;
}

bool flipped_bit_repair(uint8_t *bytes, size_t length, struct frame_header *header, uint64_t *at)
{
    if (length < FRAME_BLOCK_BYTES) {
        return false;
    }
    if (frame_unpack(bytes_of(bytes, length), header) != STATUS_OK) {
        return repair_header(bytes, length, header, at);
    }
    return frame_bytes(header->stored_length) <= length &&
           (repair_payload(bytes, length, header, at) || repair_padding(bytes, length, header, at));
}
