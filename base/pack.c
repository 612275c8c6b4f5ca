#include "base/pack.h"

#include <string.h>

struct packer packer_of(void *data, size_t capacity)
{
    return (struct packer){.data = data, .capacity = capacity};
}

struct bytes packer_bytes(const struct packer *packer)
{
    return bytes_of(packer->data, packer->length);
}

void pack_raw(struct packer *packer, struct bytes bytes)
{
    if (packer->overflowed || bytes.length > packer->capacity - packer->length) {
        packer->overflowed = true;
        return;
    }
    if (bytes.length > 0) {
        memcpy(packer->data + packer->length, bytes.data, bytes.length);
        packer->length += bytes.length;
    }
}

static void pack_little_endian(struct packer *packer, uint64_t value, size_t width)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    pack_raw(packer, bytes_of(bytes, width));
}

void pack_u8(struct packer *packer, uint8_t value)
{
    pack_little_endian(packer, value, sizeof value);
}

void pack_u16(struct packer *packer, uint16_t value)
{
    pack_little_endian(packer, value, sizeof value);
}

void pack_u32(struct packer *packer, uint32_t value)
{
    pack_little_endian(packer, value, sizeof value);
}

void pack_u64(struct packer *packer, uint64_t value)
{
    pack_little_endian(packer, value, sizeof value);
}

void pack_i64(struct packer *packer, int64_t value)
{
    pack_u64(packer, (uint64_t)value);
}

void pack_varint(struct packer *packer, uint64_t value)
{
    uint8_t bytes[10];
    size_t length = 0;
    for (; value >= 0x80; value >>= 7) {
        bytes[length++] = (uint8_t)(value | 0x80);
    }
    bytes[length++] = (uint8_t)value;
    pack_raw(packer, bytes_of(bytes, length));
}

void pack_signed(struct packer *packer, int64_t value)
{
    uint64_t sign = value < 0 ? UINT64_MAX : 0;
    pack_varint(packer, ((uint64_t)value << 1) ^ sign);
}

void pack_bytes(struct packer *packer, struct bytes bytes)
{
    pack_varint(packer, bytes.length);
    pack_raw(packer, bytes);
}

void pack_name(struct packer *packer, const struct name *name)
{
    pack_bytes(packer, name_bytes(name));
}

struct unpacker unpacker_of(struct bytes bytes)
{
    return (struct unpacker){.rest = bytes};
}

bool unpacker_is_done(const struct unpacker *unpacker)
{
    return !unpacker->failed && unpacker->rest.length == 0;
}

struct bytes unpack_raw(struct unpacker *unpacker, size_t length)
{
    if (unpacker->failed || length > unpacker->rest.length) {
        unpacker->failed = true;
        return bytes_of(NULL, 0);
    }
    struct bytes taken = bytes_of(unpacker->rest.data, length);
    unpacker->rest = bytes_after(unpacker->rest, length);
    return taken;
}

static uint64_t unpack_little_endian(struct unpacker *unpacker, size_t width)
{
    struct bytes taken = unpack_raw(unpacker, width);
    uint64_t value = 0;
    for (size_t i = 0; i < taken.length; i++) {
        value |= (uint64_t)taken.data[i] << (8 * i);
    }
    return value;
}

uint8_t unpack_u8(struct unpacker *unpacker)
{
    return (uint8_t)unpack_little_endian(unpacker, 1);
}

uint16_t unpack_u16(struct unpacker *unpacker)
{
    return (uint16_t)unpack_little_endian(unpacker, 2);
}

uint32_t unpack_u32(struct unpacker *unpacker)
{
    return (uint32_t)unpack_little_endian(unpacker, 4);
}

uint64_t unpack_u64(struct unpacker *unpacker)
{
    return unpack_little_endian(unpacker, 8);
}

int64_t unpack_i64(struct unpacker *unpacker)
{
    return (int64_t)unpack_u64(unpacker);
}

uint64_t unpack_varint(struct unpacker *unpacker)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = unpack_u8(unpacker);
        if (shift == 63 && byte > 1) {
            break;
        }
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            return unpacker->failed ? 0 : value;
        }
    }
    unpacker->failed = true;
    return 0;
}

int64_t unpack_signed(struct unpacker *unpacker)
{
    uint64_t value = unpack_varint(unpacker);
    uint64_t sign = (value & 1) != 0 ? UINT64_MAX : 0;
    return (int64_t)((value >> 1) ^ sign);
}

struct bytes unpack_bytes(struct unpacker *unpacker)
{
    uint64_t length = unpack_varint(unpacker);
    return unpack_raw(unpacker, length > SIZE_MAX ? SIZE_MAX : (size_t)length);
}

void unpack_name(struct unpacker *unpacker, struct name *name)
{
    if (name_set(name, unpack_bytes(unpacker)) != STATUS_OK) {
        unpacker->failed = true;
    }
}

uint8_t unpack_enum(struct unpacker *unpacker, uint8_t most)
{
    uint8_t value = unpack_u8(unpacker);
    if (value > most) {
        unpacker->failed = true;
        return 0;
    }
    return value;
}
