/* The event pool's file: its layout, and what is found in one that an earlier run left. */
#ifndef FLYBALL_RUNTIME_EVENT_POOL_FILE_H
#define FLYBALL_RUNTIME_EVENT_POOL_FILE_H

#include "agent/runtime/event_pool.h"

/* The file is of this machine and this boot, so it is laid out as the machine likes it: a header, one entry
 * per slot, then the slots. The entries lie apart from the messages, so that no message can pretend to be
 * one. */
struct pool_header {
    uint64_t magic;
    uint32_t version;
    uint32_t slots;
    uint32_t slot_bytes;
    uint32_t crc; /* Of the fields before it. */
};

/* Describes the message whose bytes begin in the slot of the same number. All but `sequence` is written
 * first; the store of `sequence` seals it, the store of 0 frees it. */
struct pool_entry {
    _Atomic uint64_t sequence;
    uint32_t crc; /* Of the sequence, the fields below and the message's bytes. */
    uint32_t run; /* Slots used. */
    uint32_t topic;
    uint32_t payload;
    uint64_t payload_length;
    uint32_t response_topic;
    uint32_t correlation;
    uint32_t attributes;
    uint8_t qos;
    uint8_t has_correlation;
    uint8_t unused[2];
};

/* Maps settings->path into pool->file, mapping, entries and storage; see event_pool_open. */
MUST_USE enum status pool_file_open(struct event_pool *pool, const struct event_pool_settings *settings,
                                    struct event_pool_report *report);
void pool_file_close(struct event_pool *pool);

/* Bytes of the message the entry describes, and the slots they take. */
uint64_t pool_entry_bytes(const struct pool_entry *entry);
uint64_t pool_run_of(uint64_t bytes, uint32_t slot_bytes);

uint32_t pool_entry_crc(const struct pool_entry *entry, uint64_t sequence, const uint8_t *bytes);

/* Whether the entry is sealed, inside the pool and whole. */
bool pool_entry_is_whole(const struct event_pool *pool, slot_index slot);

#endif
