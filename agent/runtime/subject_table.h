/* The hot subjects: found by name, each with its packed image kept in small blocks. Only a cache of the state
 * log: whatever is dropped here is read again from there. Not thread-safe by itself. */
#ifndef FLYBALL_RUNTIME_SUBJECT_TABLE_H
#define FLYBALL_RUNTIME_SUBJECT_TABLE_H

#include "agent/runtime/index_chain.h"
#include "base/hash.h"
#include "base/name.h"
#include "base/status.h"

enum { SUBJECT_BLOCK_BYTES = 512 };

struct subject_table_settings {
    uint32_t subjects;   /* Hot at most; >= 1. */
    uint32_t blocks;     /* For images, SUBJECT_BLOCK_BYTES each. */
    struct hash_key key; /* Secret, so that nobody can choose names that collide. */
};

struct subject_table_stats {
    uint32_t hot;
    uint32_t hot_high_water;
    uint32_t blocks_used;
    uint32_t blocks_high_water;
    uint64_t evicted;  /* Idle subjects that made room. */
    uint64_t not_kept; /* Images that found none. */
};

struct hot_subject;

/* Untouched memory costs nothing: it is mapped, not written, at init. The fields are private. */
struct subject_table {
    struct subject_table_settings settings;
    struct subject_table_stats stats;
    void *memory;
    size_t memory_bytes;
    struct hot_subject *subjects;
    struct index_link *idle_links;
    uint32_t *buckets; /* 0 is none, else subject + 1. */
    uint32_t bucket_mask;
    uint32_t *block_next;
    uint8_t *blocks;
    uint8_t *page_used;      /* Blocks in use of each page. */
    struct index_chain idle; /* Least recently used first. */
    uint32_t free_subject;   /* Given back, chained; INDEX_NONE at the end. */
    uint32_t free_block;
    uint32_t fresh_subject; /* Never used from here on. */
    uint32_t fresh_block;
};

/* STATUS_NO_MEMORY when the memory cannot be mapped. */
MUST_USE enum status subject_table_init(struct subject_table *table,
                                        const struct subject_table_settings *settings);
void subject_table_close(struct subject_table *table);

/* STATUS_NOT_FOUND when it is not hot. */
MUST_USE enum status subject_table_find(const struct subject_table *table, const struct name *name,
                                        uint32_t *subject);

/* Adds a name that is not there, busy and without an image, in place of the longest idle one if need be.
 * STATUS_FULL when all are busy. */
MUST_USE enum status subject_table_add(struct subject_table *table, const struct name *name,
                                       uint32_t *subject);

/* A busy subject is never evicted. Neither call minds being repeated. */
void subject_table_set_busy(struct subject_table *table, uint32_t subject);
void subject_table_set_idle(struct subject_table *table, uint32_t subject);

/* Whether an add would find no room now. */
bool subject_table_is_full(const struct subject_table *table);

/* Borrowed until the subject is evicted. */
const struct name *subject_table_name(const struct subject_table *table, uint32_t subject);

/* Replaces the subject's image; idle subjects are evicted for blocks. Without room it has none afterwards. */
void subject_table_store(struct subject_table *table, uint32_t subject, struct bytes image);

/* Copies the image; STATUS_NOT_FOUND if none is kept, STATUS_TOO_LARGE beyond `capacity`. */
MUST_USE enum status subject_table_load(const struct subject_table *table, uint32_t subject, void *buffer,
                                        size_t capacity, size_t *length);

void subject_table_forget(struct subject_table *table, uint32_t subject);

/* Evicts up to `count` of the longest idle and returns the memory that sets free to the system; returns how
 * many. */
uint32_t subject_table_trim(struct subject_table *table, uint32_t count);

struct subject_table_stats subject_table_stats(const struct subject_table *table);

#endif
