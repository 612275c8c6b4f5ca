#include "agent/state/state_log.h"

#include <assert.h>
#include <string.h>

#include "agent/runtime/deadline.h"
#include "agent/state/internals.h"
#include "base/mutation.h"

uint64_t log_subject_hash(const struct state_log *log, const struct name *subject)
{
    uint64_t hash = hash_bytes(log->settings.hash_key, name_bytes(subject));
    return log->settings.subject_hash_mask == 0 ? hash : hash & log->settings.subject_hash_mask;
}

struct batch *log_batch_of(struct state_log *log, uint64_t frame)
{
    if (log->open->frame == frame) {
        return log->open;
    }
    return log->writing != NULL && log->writing->frame == frame ? log->writing : NULL;
}

void log_count_image(struct state_log *log, uint64_t frame, int64_t change)
{
    if (frame == record_ref_frame(RECORD_REF_NOWHERE)) {
        return;
    }
    struct batch *batch = log_batch_of(log, frame);
    if (batch != NULL) {
        batch->live_images += change;
        return;
    }
    struct segment *segment = segments_of_frame(&log->segments, frame);
    assert(segment != NULL);
    segment->live_images += change;
}

bool log_load_recent(struct state_log *log, struct frame_cache *cache, uint64_t frame)
{
    if (cache->header.frame == frame) {
        return true;
    }
    const struct recent_frame *found = recent_find(&log->recent, frame);
    if (found == NULL) {
        return false;
    }
    memcpy(cache->raw, log->recent.data + found->offset, found->length);
    frame_cache_hold(cache, frame, found->first_seq, found->length);
    return true;
}

static enum status admission(struct state_log *log, size_t bytes_most, enum space_use use)
{
    if (log->failure != STATUS_OK) {
        return log->failure;
    }
    if (log->is_shut) {
        return STATUS_CLOSED;
    }
    if (bytes_most > batch_most(log->open)) {
        return STATUS_TOO_LARGE;
    }
    return log->is_stuck || !log_has_space(log, bytes_most, use) ? STATUS_NO_SPACE : STATUS_OK;
}

/* On STATUS_OK the lock is held until state_log_end. */
static enum status begin(struct state_log *log, size_t bytes_most, enum space_use use)
{
    pthread_mutex_lock(&log->lock);
    enum status status = admission(log, bytes_most, use);
    while (status == STATUS_OK && !batch_has_room(log->open, bytes_most)) {
        pthread_cond_wait(&log->room, &log->lock);
        status = admission(log, bytes_most, use);
    }
    if (status != STATUS_OK) {
        pthread_mutex_unlock(&log->lock);
    }
    return status;
}

static int64_t place_with(const struct state_log *log, uint64_t hash, record_ref image)
{
    struct subject_probe probe = subject_probe_of(&log->index, hash);
    int64_t place = subject_index_next(&log->index, &probe);
    while (place != SUBJECT_PLACE_NONE && log->index.places[place].ref != image) {
        place = subject_index_next(&log->index, &probe);
    }
    return place;
}

int64_t log_place_of(const struct state_log *log, const struct name *subject, record_ref image)
{
    return place_with(log, log_subject_hash(log, subject), image);
}

enum status state_log_begin(struct state_log *log, size_t bytes_most)
{
    return begin(log, bytes_most, SPACE_ORDINARY);
}

enum status state_log_try_begin(struct state_log *log, size_t bytes_most)
{
    pthread_mutex_lock(&log->lock);
    enum status status = admission(log, bytes_most, SPACE_ORDINARY);
    if (status == STATUS_OK && !batch_has_room(log->open, bytes_most)) {
        status = STATUS_FULL;
    }
    if (status != STATUS_OK) {
        pthread_mutex_unlock(&log->lock);
    }
    return status;
}

enum status state_log_begin_reserved(struct state_log *log, size_t bytes_most)
{
    return begin(log, bytes_most, SPACE_RESERVED);
}

uint64_t state_log_next_seq(struct state_log *log)
{
    return log->open->first_seq + log->open->seq_count;
}

bool state_log_can_add(struct state_log *log)
{
    return atomic_load(&log->subjects) < log->settings.subjects_max;
}

enum status log_scout(struct state_log *log, record_ref ref, struct record *record)
{
    uint64_t frame = record_ref_frame(ref);
    if (ref == RECORD_REF_NOWHERE) {
        return STATUS_NOT_FOUND;
    }
    const struct batch *batch = log_batch_of(log, frame);
    if (batch != NULL) {
        return batch_read(batch, record_ref_ordinal(ref), record);
    }
    enum status status = STATUS_OK;
    if (!log_load_recent(log, &log->scout, frame)) {
        struct frame_place place;
        status = segments_locate(&log->segments, frame, &place);
        if (status == STATUS_OK) {
            status = frame_cache_fetch(&log->scout, log->settings.folder, frame, place);
        }
    }
    return status == STATUS_OK ? frame_cache_seek(&log->scout, record_ref_ordinal(ref), record) : status;
}

/* When the disk cannot tell, equal hashes must do: they are keyed and 64 bits wide. */
static bool is_image_of(struct state_log *log, record_ref ref, const struct name *subject)
{
    struct record image;
    return log_scout(log, ref, &image) != STATUS_OK || name_equal(&image.subject, subject);
}

static int64_t place_of_name(struct state_log *log, uint64_t hash, const struct name *subject)
{
    struct subject_probe probe = subject_probe_of(&log->index, hash);
    int64_t place = subject_index_next(&log->index, &probe);
    while (place != SUBJECT_PLACE_NONE && !is_image_of(log, log->index.places[place].ref, subject)) {
        place = subject_index_next(&log->index, &probe);
    }
    return place;
}

int64_t log_find_place(struct state_log *log, uint64_t hash, const struct record *image)
{
    int64_t place = place_with(log, hash, image->previous);
    bool is_found = place != SUBJECT_PLACE_NONE || mutation_is_on(MUTATION_PREVIOUS_TRUSTED);
    return is_found ? place : place_of_name(log, hash, &image->subject);
}

/* Takes over from an image in the same batch, or names it as the one before. */
static void supersede(struct state_log *log, record_ref old, struct record *record)
{
    struct record image;
    log_count_image(log, record_ref_frame(old), -1);
    log->open->ends_setback = log_forget_setback(log, old) || log->open->ends_setback;
    record->previous = old;
    if (record_ref_frame(old) != log->open->frame) {
        return;
    }
    enum status status = batch_read(log->open, record_ref_ordinal(old), &image);
    assert(status == STATUS_OK);
    record->previous = image.previous;
    record->changes |= image.changes;
    batch_replace(log->open, record_ref_ordinal(old));
}

static record_ref put_image(struct state_log *log, struct record *record)
{
    uint64_t hash = log_subject_hash(log, &record->subject);
    int64_t place = log_find_place(log, hash, record);
    if (place == SUBJECT_PLACE_NONE) {
        record->previous = RECORD_REF_NONE;
    } else {
        const struct subject_place *old = &log->index.places[place];
        checkpoint_note(&log->checkpoint, (uint32_t)place, old->ref, old->edge);
        supersede(log, old->ref, record);
    }
    record_ref ref = batch_add(log->open, record, SEQ_NONE);
    log_count_image(log, record_ref_frame(ref), +1);
    if (place != SUBJECT_PLACE_NONE) {
        subject_index_set(&log->index, place, ref, record->edge);
        return ref;
    }
    enum status status = subject_index_add(&log->index, hash, ref, record->edge);
    assert(status == STATUS_OK);
    if (log->checkpoint.is_active) {
        checkpoint_note(&log->checkpoint, (uint32_t)log_place_of(log, &record->subject, ref), RECORD_REF_NONE,
                        0);
    }
    atomic_fetch_add(&log->subjects, 1);
    return ref;
}

record_ref state_log_put(struct state_log *log, struct record *record, enum seq_use use)
{
    if (record->pool_sequence > log->pool_sequence_high) {
        log->pool_sequence_high = record->pool_sequence;
    }
    if (record->kind == RECORD_IMAGE) {
        assert(use == SEQ_NONE);
        return put_image(log, record);
    }
    log->open->has_news = log->open->has_news || record->kind != RECORD_COPY;
    record_ref ref = batch_add(log->open, record, use);
    if (use == SEQ_TAKEN) {
        atomic_store(&log->last_seq, record->seq);
    }
    return ref;
}

void state_log_end(struct state_log *log)
{
    if (log->open->entry_count > 0) {
        pthread_cond_signal(&log->work);
    }
    pthread_mutex_unlock(&log->lock);
}

void state_log_mark(struct state_log *log)
{
    pthread_mutex_lock(&log->lock);
    log->is_marked = true;
    pthread_cond_signal(&log->work);
    pthread_mutex_unlock(&log->lock);
}

void state_log_shut(struct state_log *log)
{
    pthread_mutex_lock(&log->lock);
    log->is_shut = true;
    pthread_cond_broadcast(&log->room);
    pthread_cond_broadcast(&log->work);
    pthread_cond_broadcast(&log->committed);
    pthread_mutex_unlock(&log->lock);
}

uint64_t state_log_last_seq(struct state_log *log)
{
    return atomic_load(&log->last_seq);
}

uint64_t state_log_pool_sequence_high(struct state_log *log)
{
    pthread_mutex_lock(&log->lock);
    uint64_t high = log->pool_sequence_high;
    pthread_mutex_unlock(&log->lock);
    return high;
}

record_ref state_log_committed(struct state_log *log)
{
    pthread_mutex_lock(&log->lock);
    record_ref committed = log->committed_ref;
    pthread_mutex_unlock(&log->lock);
    return committed;
}

instant_ms state_log_clock_high(struct state_log *log)
{
    return atomic_load(&log->clock_high);
}

record_ref state_log_outbox_cursor(struct state_log *log)
{
    return atomic_load(&log->outbox_cursor);
}

void state_log_set_clock_high(struct state_log *log, instant_ms instant)
{
    instant_ms held = atomic_load(&log->clock_high);
    while (held < instant && !atomic_compare_exchange_weak(&log->clock_high, &held, instant)) {
    }
}

void state_log_set_outbox_cursor(struct state_log *log, record_ref cursor)
{
    record_ref held = atomic_load(&log->outbox_cursor);
    while (held < cursor && !atomic_compare_exchange_weak(&log->outbox_cursor, &held, cursor)) {
    }
}

bool state_log_has(struct state_log *log, const struct name *subject)
{
    uint64_t hash = log_subject_hash(log, subject);
    pthread_mutex_lock(&log->lock);
    struct subject_probe probe = subject_probe_of(&log->index, hash);
    bool has = subject_index_next(&log->index, &probe) != SUBJECT_PLACE_NONE;
    pthread_mutex_unlock(&log->lock);
    return has;
}

void state_log_due(struct state_log *log, instant_ms now, record_ref *out, size_t most, size_t *count)
{
    pthread_mutex_lock(&log->lock);
    *count = subject_index_take_due(&log->index, now, out, most);
    pthread_mutex_unlock(&log->lock);
}

void state_log_stats(struct state_log *log, struct state_log_stats *stats)
{
    pthread_mutex_lock(&log->lock);
    *stats = log->stats;
    stats->used_bytes = segments_used_bytes(&log->segments);
    stats->file_bytes = log->segments.file_bytes;
    stats->subjects = log->index.count;
    stats->spare_segments = log->segments.spare_count;
    pthread_mutex_unlock(&log->lock);
}

/* STATUS_TIMED_OUT while nothing can be said yet. */
static enum status work_status(const struct state_log *log)
{
    if (log->failure != STATUS_OK) {
        return log->failure;
    }
    if (log->writing != NULL) {
        return !log->is_stuck || log->may_retry ? STATUS_OK : STATUS_TIMED_OUT;
    }
    if (log->open->entry_count > 0 || log->is_marked) {
        return STATUS_OK;
    }
    return log->is_shut ? STATUS_CLOSED : STATUS_TIMED_OUT;
}

enum status state_log_wait(struct state_log *log, int timeout_ms)
{
    struct deadline deadline = deadline_after(timeout_ms);
    pthread_mutex_lock(&log->lock);
    enum status status = work_status(log);
    while (status == STATUS_TIMED_OUT && deadline_wait(&deadline, &log->work, &log->lock) == STATUS_OK) {
        status = work_status(log);
    }
    pthread_mutex_unlock(&log->lock);
    return status;
}

static enum status committed_status(const struct state_log *log, record_ref after)
{
    if (log->committed_ref > after) {
        return STATUS_OK;
    }
    if (log->failure != STATUS_OK) {
        return log->failure;
    }
    bool is_over = log->is_shut && log->writing == NULL && log->open->entry_count == 0;
    return is_over ? STATUS_CLOSED : STATUS_TIMED_OUT;
}

enum status state_log_wait_committed(struct state_log *log, record_ref after, int timeout_ms)
{
    struct deadline deadline = deadline_after(timeout_ms);
    pthread_mutex_lock(&log->lock);
    enum status status = committed_status(log, after);
    while (status == STATUS_TIMED_OUT && deadline_wait(&deadline, &log->committed, &log->lock) == STATUS_OK) {
        status = committed_status(log, after);
    }
    pthread_mutex_unlock(&log->lock);
    return status;
}
