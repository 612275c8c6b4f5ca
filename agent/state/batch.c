#include "agent/state/batch.h"

#include <assert.h>
#include <string.h>

static_assert((int)RECORD_HEADER_MAX <= (int)RECORD_CHARGE, "a record never takes more than it is charged");

/* More places than full-sized records need: small ones are let in by bytes and should not run out of places
 * first. */
uint32_t batch_entries_most(uint32_t capacity)
{
    uint32_t entries = capacity / BATCH_ENTRY_SHARE + 1;
    return entries < BATCH_RECORDS_MAX ? entries : BATCH_RECORDS_MAX;
}

static size_t entries_bytes(uint32_t capacity)
{
    return batch_entries_most(capacity) * sizeof(struct batch_entry);
}

size_t batch_memory_bytes(uint32_t capacity)
{
    return entries_bytes(capacity) + capacity;
}

void batch_init(struct batch *batch, void *memory, uint32_t capacity)
{
    *batch = (struct batch){.entries = memory,
                            .data = (uint8_t *)memory + entries_bytes(capacity),
                            .capacity = capacity,
                            .entries_most = batch_entries_most(capacity)};
}

void batch_start(struct batch *batch, uint64_t frame, uint64_t first_seq)
{
    batch->used = 0;
    batch->entry_count = 0;
    batch->frame = frame;
    batch->first_seq = first_seq;
    batch->seq_count = 0;
    batch->live_bytes = 0;
    batch->live_records = 0;
    batch->live_images = 0;
    batch->has_news = false;
    batch->ends_setback = false;
}

size_t batch_most(const struct batch *batch)
{
    size_t by_entries = (size_t)batch->entries_most * RECORD_CHARGE;
    return by_entries < batch->capacity ? by_entries : batch->capacity;
}

bool batch_has_room(const struct batch *batch, size_t bytes_most)
{
    size_t entries = bytes_most / RECORD_CHARGE;
    return bytes_most <= batch->capacity - batch->used && entries <= batch->entries_most - batch->entry_count;
}

static void pack_entry(struct batch *batch, struct batch_entry *entry, const struct record *record,
                       enum seq_use use)
{
    struct packer packer = packer_of(batch->data + batch->used, batch->capacity - batch->used);
    record_pack(&packer, record, use);
    assert(!packer.overflowed);
    *entry = (struct batch_entry){
        .offset = batch->used, .length = (uint32_t)packer.length, .seq = use == SEQ_TAKEN ? record->seq : 0};
    batch->used += entry->length;
    batch->live_bytes += entry->length;
    batch->live_records++;
}

record_ref batch_add(struct batch *batch, struct record *record, enum seq_use use)
{
    assert(batch->entry_count < batch->entries_most);
    record->ref = record_ref_of(batch->frame, batch->entry_count);
    if (use == SEQ_TAKEN) {
        record->seq = batch->first_seq + batch->seq_count++;
    }
    pack_entry(batch, &batch->entries[batch->entry_count++], record, use);
    return record->ref;
}

struct bytes batch_packed(const struct batch *batch, uint32_t ordinal, uint64_t *seq)
{
    if (ordinal >= batch->entry_count) {
        return bytes_of(NULL, 0);
    }
    const struct batch_entry *entry = &batch->entries[ordinal];
    *seq = entry->seq;
    return bytes_of(batch->data + entry->offset, entry->length);
}

enum status batch_read(const struct batch *batch, uint32_t ordinal, struct record *record)
{
    uint64_t seq = 0;
    struct bytes packed = batch_packed(batch, ordinal, &seq);
    if (packed.length == 0) {
        return STATUS_NOT_FOUND;
    }
    struct record_walk walk = record_walk_of(packed, batch->frame, seq);
    return record_walk_next(&walk, record);
}

void batch_replace(struct batch *batch, uint32_t ordinal)
{
    assert(ordinal < batch->entry_count);
    struct batch_entry *entry = &batch->entries[ordinal];
    assert(entry->length > 0 && entry->seq == 0);
    batch->live_bytes -= entry->length;
    batch->live_records--;
    entry->length = 0;
}

bool batch_next_piece(const struct batch *batch, uint32_t *at, struct bytes *piece)
{
    while (*at < batch->entry_count && batch->entries[*at].length == 0) {
        (*at)++;
    }
    if (*at == batch->entry_count) {
        return false;
    }
    uint32_t start = batch->entries[*at].offset;
    uint32_t end = start;
    while (*at < batch->entry_count && batch->entries[*at].length > 0) {
        end += batch->entries[(*at)++].length;
    }
    *piece = bytes_of(batch->data + start, end - start);
    return true;
}

void batch_copy(const struct batch *batch, uint8_t *out)
{
    uint32_t at = 0;
    struct bytes piece;
    while (batch_next_piece(batch, &at, &piece)) {
        memcpy(out, piece.data, piece.length);
        out += piece.length;
    }
}

record_ref batch_last_ref(const struct batch *batch)
{
    for (uint32_t i = batch->entry_count; i > 0; i--) {
        if (batch->entries[i - 1].length > 0) {
            return record_ref_of(batch->frame, i - 1);
        }
    }
    return RECORD_REF_NONE;
}
