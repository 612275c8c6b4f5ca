/* Which image is each subject's latest, and when its time edge comes: open addressing over 64-bit hashes.
 * Names are not kept: the caller compares those of the images when hashes are equal. Not thread-safe. */
#ifndef FLYBALL_STATE_SUBJECT_INDEX_H
#define FLYBALL_STATE_SUBJECT_INDEX_H

#include "agent/state/record.h"

enum { SUBJECT_BLOCK_PLACES = 256 }; /* Each block of places keeps its earliest edge. */

struct subject_place {
    uint64_t hash;
    record_ref ref; /* RECORD_REF_NONE: free. */
    instant_ms edge;
};

struct subject_index {
    struct subject_place *places;
    instant_ms *earliest; /* Per block, at or before the truth. */
    uint32_t place_count; /* A power of two. */
    uint32_t count;
};

/* A walk over the places that share a hash. */
struct subject_probe {
    uint64_t hash;
    uint32_t place;
    uint32_t seen; /* Places looked at. */
};

enum { SUBJECT_PLACE_NONE = -1 };

/* An edge that was taken: not due again, but not done before there is a new image. */
#define SUBJECT_EDGE_TAKEN (INSTANT_NEVER - 1)

/* The memory for `subjects_max` subjects and a few hundred to spare; at most 2^28. */
size_t subject_index_memory_bytes(uint32_t subjects_max);

/* `memory` is zeroed, aligned for any type and outlives the index. */
void subject_index_init(struct subject_index *index, void *memory, uint32_t subjects_max);

/* Forgets all subjects. */
void subject_index_clear(struct subject_index *index);

struct subject_probe subject_probe_of(const struct subject_index *index, uint64_t hash);

/* The next place whose hash is equal; SUBJECT_PLACE_NONE when there is no more. */
int64_t subject_index_next(const struct subject_index *index, struct subject_probe *probe);

/* A new place, not looking for an old one. STATUS_FULL. */
MUST_USE enum status subject_index_add(struct subject_index *index, uint64_t hash, record_ref ref,
                                       instant_ms edge);

/* The subject at `place` has a later image. */
void subject_index_set(struct subject_index *index, int64_t place, record_ref ref, instant_ms edge);

/* Up to `most` images whose edge is at or before `now`, which is then SUBJECT_EDGE_TAKEN; returns how many.
 */
size_t subject_index_take_due(struct subject_index *index, instant_ms now, record_ref *out, size_t most);

#endif
