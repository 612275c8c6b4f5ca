#include "agent/state/record.h"

enum {
    KIND_MASK = 0x0f,
    FLAG_TAKES_SEQ = 0x10,
    FLAG_POOL_SEQUENCE = 0x20,
    FLAG_SUBJECT = 0x40,
    FLAG_STORED_SEQ = 0x80,
};

uint64_t record_ref_frame(record_ref ref)
{
    return ref >> 16;
}

uint32_t record_ref_ordinal(record_ref ref)
{
    return (uint32_t)(ref & 0xffff);
}

record_ref record_ref_of(uint64_t frame, uint32_t ordinal)
{
    return frame << 16 | ordinal;
}

static uint8_t flags_of(const struct record *record, enum seq_use use)
{
    unsigned flags = (unsigned)record->kind;
    flags |= use == SEQ_TAKEN ? FLAG_TAKES_SEQ : 0U;
    flags |= use == SEQ_NONE && record->seq != 0 ? FLAG_STORED_SEQ : 0U;
    flags |= record->pool_sequence != 0 ? FLAG_POOL_SEQUENCE : 0U;
    flags |= name_is_empty(&record->subject) ? 0U : FLAG_SUBJECT;
    return (uint8_t)flags;
}

static void pack_image_header(struct packer *packer, const struct record *record)
{
    bool has_edge = record->edge != INSTANT_NEVER;
    pack_u8(packer, record->changes);
    pack_u8(packer, has_edge ? 1 : 0);
    if (has_edge) {
        pack_signed(packer, record->edge);
    }
    pack_varint(packer, record->previous);
}

void record_pack(struct packer *packer, const struct record *record, enum seq_use use)
{
    uint8_t flags = flags_of(record, use);
    pack_u8(packer, flags);
    pack_u16(packer, (uint16_t)record_ref_ordinal(record->ref));
    if ((flags & FLAG_POOL_SEQUENCE) != 0) {
        pack_varint(packer, record->pool_sequence);
    }
    if ((flags & FLAG_STORED_SEQ) != 0) {
        pack_varint(packer, record->seq);
    }
    if ((flags & FLAG_SUBJECT) != 0) {
        pack_name(packer, &record->subject);
    }
    if (record->kind == RECORD_IMAGE) {
        pack_image_header(packer, record);
    }
    pack_bytes(packer, record->body);
}

static void unpack_image_header(struct unpacker *unpacker, struct record *record)
{
    record->changes = unpack_u8(unpacker);
    record->edge = unpack_enum(unpacker, 1) == 1 ? unpack_signed(unpacker) : INSTANT_NEVER;
    record->previous = unpack_varint(unpacker);
}

static void unpack_seq(struct record_walk *walk, uint8_t flags, struct record *record)
{
    if ((flags & FLAG_TAKES_SEQ) != 0) {
        record->seq = walk->next_seq++;
    } else if ((flags & FLAG_STORED_SEQ) != 0) {
        record->seq = unpack_varint(&walk->rest);
    }
}

struct record_walk record_walk_of(struct bytes payload, uint64_t frame, uint64_t first_seq)
{
    return (struct record_walk){.rest = unpacker_of(payload), .frame = frame, .next_seq = first_seq};
}

enum status record_walk_next(struct record_walk *walk, struct record *record)
{
    struct unpacker *unpacker = &walk->rest;
    if (unpacker->rest.length == 0 && !unpacker->failed) {
        return STATUS_EMPTY;
    }
    *record = (struct record){.edge = INSTANT_NEVER};
    uint8_t flags = unpack_u8(unpacker);
    unsigned kind = flags & KIND_MASK;
    record->ref = record_ref_of(walk->frame, unpack_u16(unpacker));
    if ((flags & FLAG_POOL_SEQUENCE) != 0) {
        record->pool_sequence = unpack_varint(unpacker);
    }
    unpack_seq(walk, flags, record);
    if ((flags & FLAG_SUBJECT) != 0) {
        unpack_name(unpacker, &record->subject);
    }
    if (kind == RECORD_IMAGE) {
        unpack_image_header(unpacker, record);
    }
    record->body = unpack_bytes(unpacker);
    if (unpacker->failed || kind < RECORD_DECISION || kind > RECORD_COPY) {
        unpacker->failed = true;
        return STATUS_CORRUPT;
    }
    record->kind = (enum record_kind)kind;
    return STATUS_OK;
}
