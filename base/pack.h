/* Little-endian packing into, and checked unpacking from, a caller's buffer. Errors stick: check once at the
 * end. */
#ifndef FLYBALL_BASE_PACK_H
#define FLYBALL_BASE_PACK_H

#include "base/bytes.h"
#include "base/name.h"

struct packer {
    uint8_t *data;
    size_t capacity;
    size_t length;
    bool overflowed; /* Something did not fit; `length` stopped before it. */
};

struct unpacker {
    struct bytes rest;
    bool failed; /* Bytes ran out or a value was out of range; everything read since is 0. */
};

struct packer packer_of(void *data, size_t capacity);
struct bytes packer_bytes(const struct packer *packer);
void pack_u8(struct packer *packer, uint8_t value);
void pack_u16(struct packer *packer, uint16_t value);
void pack_u32(struct packer *packer, uint32_t value);
void pack_u64(struct packer *packer, uint64_t value);
void pack_i64(struct packer *packer, int64_t value);
/* LEB128: 1 byte below 128, 10 at most. */
void pack_varint(struct packer *packer, uint64_t value);
/* Zigzag, then LEB128: small magnitudes of either sign are short. */
void pack_signed(struct packer *packer, int64_t value);
/* Length as varint, then the bytes. */
void pack_bytes(struct packer *packer, struct bytes bytes);
void pack_name(struct packer *packer, const struct name *name);
/* The bytes alone. */
void pack_raw(struct packer *packer, struct bytes bytes);

struct unpacker unpacker_of(struct bytes bytes);
/* True if nothing failed and nothing is left over. */
bool unpacker_is_done(const struct unpacker *unpacker);
uint8_t unpack_u8(struct unpacker *unpacker);
uint16_t unpack_u16(struct unpacker *unpacker);
uint32_t unpack_u32(struct unpacker *unpacker);
uint64_t unpack_u64(struct unpacker *unpacker);
int64_t unpack_i64(struct unpacker *unpacker);
uint64_t unpack_varint(struct unpacker *unpacker);
int64_t unpack_signed(struct unpacker *unpacker);
/* Borrows from the unpacker's input. */
struct bytes unpack_bytes(struct unpacker *unpacker);
void unpack_name(struct unpacker *unpacker, struct name *name);
struct bytes unpack_raw(struct unpacker *unpacker, size_t length);
/* A value that must be at most `most`; else fails and gives 0. */
uint8_t unpack_enum(struct unpacker *unpacker, uint8_t most);

#endif
