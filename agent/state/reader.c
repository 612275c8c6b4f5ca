#include "agent/state/reader.h"

#include <string.h>

#include "agent/state/internals.h"

enum status state_log_reader_open(struct state_log_reader *reader, struct state_log *log)
{
    reader->log = log;
    enum status status = frame_cache_open(&reader->cache, &log->settings.io, log->frame_most);
    if (status != STATUS_OK) {
        frame_cache_close(&reader->cache);
    }
    return status;
}

void state_log_reader_close(struct state_log_reader *reader)
{
    frame_cache_close(&reader->cache);
}

static bool was_dropped(struct state_log *log, uint64_t frame)
{
    pthread_mutex_lock(&log->lock);
    bool dropped = frame < segments_first_frame(&log->segments);
    pthread_mutex_unlock(&log->lock);
    return dropped;
}

/* The frame may be dropped, and its file filled anew, while it is read: then what was read means nothing. */
static enum status fetch(struct state_log_reader *reader, uint64_t frame, struct frame_place place)
{
    enum status status = frame_cache_fetch(&reader->cache, reader->log->settings.folder, frame, place);
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    if (was_dropped(reader->log, frame)) {
        return STATUS_NOT_FOUND;
    }
    return status == STATUS_IO ? STATUS_IO : STATUS_CORRUPT;
}

/* Holds a committed frame. */
static enum status try_load(struct state_log_reader *reader, uint64_t frame)
{
    struct state_log *log = reader->log;
    struct frame_place place;
    if (reader->cache.header.frame == frame) {
        return STATUS_OK;
    }
    pthread_mutex_lock(&log->lock);
    bool is_loaded = log_load_recent(log, &reader->cache, frame);
    enum status status = is_loaded ? STATUS_OK : segments_locate(&log->segments, frame, &place);
    pthread_mutex_unlock(&log->lock);
    if (is_loaded || status != STATUS_OK) {
        return status;
    }
    return fetch(reader, frame, place);
}

/* The same; what cannot be read any more is noted. */
static enum status load(struct state_log_reader *reader, uint64_t frame)
{
    enum status status = try_load(reader, frame);
    if (status == STATUS_CORRUPT) {
        pthread_mutex_lock(&reader->log->lock);
        log_note_damage(reader->log, frame);
        pthread_mutex_unlock(&reader->log->lock);
    }
    return status;
}

static enum status missing_if_empty(enum status status)
{
    return status == STATUS_EMPTY ? STATUS_NOT_FOUND : status;
}

/* The frame to look into first after the cursor, and the last one there is. */
static uint64_t first_after(struct state_log *log, record_ref cursor, uint64_t *last)
{
    pthread_mutex_lock(&log->lock);
    uint64_t first = segments_first_frame(&log->segments);
    *last = log->committed_frame;
    pthread_mutex_unlock(&log->lock);
    return record_ref_frame(cursor) > first ? record_ref_frame(cursor) : first;
}

enum status state_log_next(struct state_log_reader *reader, record_ref *cursor, struct record *record)
{
    uint64_t last;
    uint64_t frame = first_after(reader->log, *cursor, &last);
    while (frame <= last) {
        bool is_started = frame == record_ref_frame(*cursor);
        enum status status = load(reader, frame);
        if (status == STATUS_NOT_FOUND) {
            frame = first_after(reader->log, record_ref_of(frame + 1, 0), &last);
            continue;
        }
        if (status == STATUS_OK) {
            status =
                frame_cache_seek(&reader->cache, is_started ? record_ref_ordinal(*cursor) + 1 : 0, record);
        }
        if (status != STATUS_EMPTY && status != STATUS_CORRUPT) {
            *cursor = status == STATUS_OK ? record->ref : *cursor;
            return status;
        }
        frame++;
    }
    return STATUS_EMPTY;
}

enum status state_log_check(struct state_log_reader *reader, uint64_t *frame)
{
    uint64_t last;
    uint64_t at = first_after(reader->log, record_ref_of(*frame, 0), &last);
    if (at > last) {
        return STATUS_EMPTY;
    }
    *frame = at + 1;
    enum status status = load(reader, at);
    return status == STATUS_IO ? STATUS_IO : STATUS_OK;
}

/* A record not yet committed, copied out under the lock. False if the frame is committed. */
static bool copy_uncommitted(struct state_log_reader *reader, record_ref ref, struct bytes *packed,
                             uint64_t *seq)
{
    const struct batch *batch = log_batch_of(reader->log, record_ref_frame(ref));
    if (batch == NULL) {
        return false;
    }
    struct bytes found = batch_packed(batch, record_ref_ordinal(ref), seq);
    if (found.length > 0) {
        memcpy(reader->cache.stored, found.data, found.length);
    }
    *packed = bytes_of(reader->cache.stored, found.length);
    return true;
}

enum status state_log_read(struct state_log_reader *reader, record_ref ref, struct record *record)
{
    struct bytes packed;
    uint64_t seq = 0;
    if (ref == RECORD_REF_NONE || ref == RECORD_REF_NOWHERE) {
        return STATUS_NOT_FOUND;
    }
    pthread_mutex_lock(&reader->log->lock);
    bool is_uncommitted = copy_uncommitted(reader, ref, &packed, &seq);
    pthread_mutex_unlock(&reader->log->lock);
    if (is_uncommitted) {
        struct record_walk walk = record_walk_of(packed, record_ref_frame(ref), seq);
        return missing_if_empty(record_walk_next(&walk, record));
    }
    enum status status = load(reader, record_ref_frame(ref));
    if (status == STATUS_OK) {
        status = missing_if_empty(frame_cache_seek(&reader->cache, record_ref_ordinal(ref), record));
    }
    return status == STATUS_OK && record->ref != ref ? STATUS_NOT_FOUND : status;
}

/* The latest image at or behind the probe; RECORD_REF_NONE when there is none. */
static record_ref next_candidate(struct state_log *log, struct subject_probe *probe, bool *is_setback)
{
    pthread_mutex_lock(&log->lock);
    int64_t place = subject_index_next(&log->index, probe);
    record_ref ref = place == SUBJECT_PLACE_NONE ? RECORD_REF_NONE : log->index.places[place].ref;
    *is_setback = ref == RECORD_REF_NOWHERE || log_is_setback(log, ref);
    pthread_mutex_unlock(&log->lock);
    return ref;
}

/* A look through the index for one subject. */
struct search {
    const struct name *subject;
    uint64_t hash;
    struct subject_probe probe;
    record_ref missing; /* Was not where the index said. */
    bool has_repaired;
};

static void begin_again(struct state_log *log, struct search *search)
{
    search->probe = subject_probe_of(&log->index, search->hash);
}

/* STATUS_OK with the subject's image, STATUS_EMPTY if it is another's or to be looked for again. */
static enum status try_candidate(struct state_log_reader *reader, struct search *search, record_ref ref,
                                 struct record *image)
{
    enum status status = state_log_read(reader, ref, image);
    if (status == STATUS_OK) {
        return name_equal(&image->subject, search->subject) ? STATUS_OK : STATUS_EMPTY;
    }
    if (status == STATUS_NOT_FOUND && ref != search->missing) {
        /* Replaced, or moved by compaction, between the index and the read: the index knows better by now. */
        search->missing = ref;
        begin_again(reader->log, search);
        return STATUS_EMPTY;
    }
    if (status == STATUS_CORRUPT && !search->has_repaired) {
        search->has_repaired = true;
        begin_again(reader->log, search);
        log_want_repair(reader->log);
        status = state_log_repair(reader);
        return status == STATUS_OK ? STATUS_EMPTY : status;
    }
    return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
}

enum status state_log_find(struct state_log_reader *reader, const struct name *subject, struct record *image)
{
    struct state_log *log = reader->log;
    struct search search = {.subject = subject, .hash = log_subject_hash(log, subject)};
    bool is_setback = false;
    bool is_lost = false;
    *image = (struct record){0};
    begin_again(log, &search);
    record_ref ref;
    while ((ref = next_candidate(log, &search.probe, &is_setback)) != RECORD_REF_NONE) {
        if (ref == RECORD_REF_NOWHERE) {
            is_lost = true;
            continue;
        }
        enum status status = try_candidate(reader, &search, ref, image);
        if (status == STATUS_OK) {
            image->is_setback = is_setback;
        }
        if (status != STATUS_EMPTY) {
            return status;
        }
    }
    *image = (struct record){.is_setback = is_lost};
    return STATUS_NOT_FOUND;
}
