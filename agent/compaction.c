#include "agent/compaction.h"

#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/mutation.h"

enum { SEEN_PROBES = 8, SEEN_BYTES = COMPACTION_SEEN_PLACES * 8 };

enum status compaction_init(struct compaction *compaction, struct state_log *log, struct scheduler *scheduler,
                            struct hash_key key)
{
    memset(compaction, 0, sizeof *compaction);
    compaction->log = log;
    compaction->scheduler = scheduler;
    compaction->key = key;
    void *seen = mmap(NULL, SEEN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (seen == MAP_FAILED) {
        return STATUS_NO_MEMORY;
    }
    compaction->seen = seen;
    enum status status = state_log_reader_open(&compaction->reader, log);
    if (status != STATUS_OK) {
        munmap(seen, SEEN_BYTES);
    }
    return status;
}

void compaction_close(struct compaction *compaction)
{
    state_log_reader_close(&compaction->reader);
    munmap(compaction->seen, SEEN_BYTES);
}

void compaction_note_moved(struct compaction *compaction, record_ref image)
{
    uint64_t youngest = atomic_load(&compaction->moved_to);
    while (youngest < image && !atomic_compare_exchange_weak(&compaction->moved_to, &youngest, image)) {
    }
    atomic_fetch_add(&compaction->moved, 1);
}

bool compaction_is_moving(struct compaction *compaction)
{
    return atomic_load(&compaction->is_moving);
}

static uint64_t hash_of(const struct compaction *compaction, const struct name *subject)
{
    return hash_bytes(compaction->key, name_bytes(subject)) | 1;
}

/* Where the subject is noted, or where it can be; NULL when its places are taken by others. */
static uint64_t *place_of(struct compaction *compaction, uint64_t hash)
{
    for (uint64_t i = 0; i < SEEN_PROBES; i++) {
        uint64_t *place = &compaction->seen[(hash + i) % COMPACTION_SEEN_PLACES];
        if (*place == hash || *place == 0) {
            return place;
        }
    }
    return NULL;
}

static bool have_all_moved(struct compaction *compaction)
{
    return atomic_load(&compaction->moved) == compaction->asked;
}

static void begin_walk(struct compaction *compaction, const struct segment_range *range)
{
    memset(compaction->seen, 0, SEEN_BYTES);
    compaction->asked = 0;
    atomic_store(&compaction->moved, 0);
    atomic_store(&compaction->moved_to, RECORD_REF_NONE);
    atomic_store(&compaction->through_frame, range->last_frame);
    compaction->cursor = record_ref_of(range->first_frame, 0) - 1;
    compaction->step = COMPACTION_WALKING;
    atomic_store(&compaction->is_moving, true);
    log_debug("compaction.started", "first_frame=%llu last_frame=%llu",
              (unsigned long long)range->first_frame, (unsigned long long)range->last_frame);
}

/* Whether the record may be needed beyond its segment: an image, or an entry a window may refer to. */
static bool may_live(const struct record *record)
{
    switch (record->kind) {
    case RECORD_IMAGE:
    case RECORD_DECISION:
    case RECORD_REPLY:
    case RECORD_ANSWER:
    case RECORD_COPY: return !name_is_empty(&record->subject);
    case RECORD_DEAD_LETTER: return false;
    }
    return true;
}

/* STATUS_FULL, STATUS_NO_MEMORY: not now, the record must be looked at again. A subject is never asked twice
 * at a time: it would move once and be waited for twice. */
static enum status ask_to_move(struct compaction *compaction, const struct record *record)
{
    if (!may_live(record) || mutation_is_on(MUTATION_LIVE_IMAGE_DROPPED)) {
        return STATUS_OK;
    }
    uint64_t hash = hash_of(compaction, &record->subject);
    uint64_t *place = place_of(compaction, hash);
    if (place == NULL) {
        if (!have_all_moved(compaction)) {
            return STATUS_FULL;
        }
        memset(compaction->seen, 0, SEEN_BYTES); /* Those who moved may be asked again. */
        place = place_of(compaction, hash);
    }
    if (*place == hash) {
        return STATUS_OK;
    }
    enum status status = scheduler_poke(compaction->scheduler, &record->subject, POKE_RELOCATE);
    if (status == STATUS_OK) {
        *place = hash;
        compaction->asked++;
    }
    return status;
}

static enum status walk(struct compaction *compaction)
{
    uint64_t through = atomic_load(&compaction->through_frame);
    for (int i = 0; i < COMPACTION_RECORDS_PER_TURN; i++) {
        record_ref at = compaction->cursor;
        struct record record;
        enum status status = state_log_next(&compaction->reader, &at, &record);
        if (status == STATUS_EMPTY || (status == STATUS_OK && record_ref_frame(at) > through)) {
            compaction->step = COMPACTION_SETTLING;
            return STATUS_EMPTY;
        }
        if (status != STATUS_OK) {
            return status;
        }
        if (ask_to_move(compaction, &record) != STATUS_OK) {
            return STATUS_EMPTY; /* Goes on here next time. */
        }
        compaction->cursor = at;
    }
    return STATUS_EMPTY;
}

/* Everyone asked has moved and that is durable: only then may the segment go. */
static enum status settle(struct compaction *compaction)
{
    if (!have_all_moved(compaction)) {
        return STATUS_EMPTY;
    }
    atomic_store(&compaction->is_moving, false);
    record_ref youngest = atomic_load(&compaction->moved_to);
    if (youngest != RECORD_REF_NONE &&
        state_log_wait_committed(compaction->log, youngest - 1, 0) != STATUS_OK) {
        return STATUS_EMPTY;
    }
    enum status status = state_log_drop_oldest(compaction->log);
    if (status == STATUS_OK) {
        compaction->step = COMPACTION_IDLE;
        return STATUS_OK;
    }
    struct segment_range range;
    if (status == STATUS_INVALID && state_log_oldest(compaction->log, &range) == STATUS_OK) {
        if (range.live_images > 0) {
            begin_walk(compaction, &range); /* A subject was overlooked, or woke meanwhile: ask once more. */
        }
    }
    return status == STATUS_INVALID || status == STATUS_EMPTY ? STATUS_EMPTY : status;
}

enum status compaction_turn(struct compaction *compaction)
{
    struct segment_range range;
    switch (compaction->step) {
    case COMPACTION_IDLE:
        if (state_log_oldest(compaction->log, &range) != STATUS_OK || !range.needed) {
            return STATUS_EMPTY;
        }
        begin_walk(compaction, &range);
        return walk(compaction);
    case COMPACTION_WALKING: return walk(compaction);
    case COMPACTION_SETTLING: return settle(compaction);
    }
    return STATUS_EMPTY;
}
