#include "agent/state/checkpoint.h"

#include <string.h>

#include "agent/state/checkpoint_file.h"
#include "agent/state/internals.h"

enum { PLACES_AT_A_TIME = 4096 };

/* The image as of the checkpoint's frame of a subject that has newer ones in the batches. */
static record_ref image_before(struct state_log *log, record_ref ref)
{
    struct record image;
    while (record_ref_frame(ref) > log->checkpoint.frame) {
        const struct batch *batch = log_batch_of(log, record_ref_frame(ref));
        if (batch == NULL || batch_read(batch, record_ref_ordinal(ref), &image) != STATUS_OK) {
            return RECORD_REF_NONE;
        }
        ref = image.previous;
    }
    return ref;
}

/* What a batch holds came after. Its edge before is not known: at once is early enough. */
static void note_batch(struct state_log *log, const struct batch *batch)
{
    struct record record;
    for (uint32_t i = 0; batch != NULL && i < batch->entry_count; i++) {
        if (batch_read(batch, i, &record) == STATUS_OK && record.kind == RECORD_IMAGE) {
            int64_t place = log_place_of(log, &record.subject, record.ref);
            if (place != SUBJECT_PLACE_NONE) {
                checkpoint_note(&log->checkpoint, (uint32_t)place, image_before(log, record.ref), 0);
            }
        }
    }
}

/* STATUS_EMPTY: not now. */
static enum status begin(struct state_log *log, enum checkpoint_wish wish)
{
    struct checkpoint *checkpoint = &log->checkpoint;
    uint64_t due_after = 2 * checkpoint->file_bytes;
    due_after = due_after < CHECKPOINT_LOG_BYTES_LEAST ? CHECKPOINT_LOG_BYTES_LEAST : due_after;
    bool is_wanted = wish == CHECKPOINT_NOW ? checkpoint->log_bytes > 0 : checkpoint->log_bytes >= due_after;
    /* Its subject would be back at that image without the mark. */
    bool ends_setback = log->open->ends_setback || (log->writing != NULL && log->writing->ends_setback);
    if (!is_wanted || ends_setback || log->failure != STATUS_OK || log->told_frame != log->committed_frame) {
        return STATUS_EMPTY;
    }
    checkpoint->is_active = true;
    checkpoint->is_missed = false;
    checkpoint->note_count = 0;
    memset(checkpoint->notes, 0, CHECKPOINT_NOTES_MAX * sizeof *checkpoint->notes);
    checkpoint->frame = log->committed_frame;
    checkpoint->log_bytes = 0;
    checkpoint->segment_count = log->segments.count;
    memcpy(checkpoint->segments, log->segments.list, log->segments.count * sizeof *checkpoint->segments);
    if (segments_last(&log->segments)->first_frame > checkpoint->frame) {
        checkpoint->segment_count--; /* Begun, but without a frame yet. */
    }
    checkpoint->frame_crc = log->previous_crc;
    note_batch(log, log->writing);
    note_batch(log, log->open);
    return STATUS_OK;
}

static void put_head(struct state_log *log, struct checkpoint_writer *writer)
{
    struct packer *packer = checkpoint_writer_piece(writer);
    pack_u32(packer, CHECKPOINT_MAGIC);
    pack_u16(packer, CHECKPOINT_FORMAT_VERSION);
    pack_u64(packer, log->checkpoint.frame);
    pack_u32(packer, log->checkpoint.frame_crc);
    pack_u64(packer, log->frame_most);
    pack_u64(packer, log->settings.hash_key.low);
    pack_u64(packer, log->settings.hash_key.high);
}

static void put_losses(struct state_log *log, struct checkpoint_writer *writer)
{
    struct packer *packer = checkpoint_writer_piece(writer);
    pack_u64(packer, log->blind_frames);
    pack_u32(packer, log->subjects_set_back);
    pack_u64(packer, log->damages.frames);
    pack_u32(packer, log->damages.count);
    pack_u32(packer, log->setback_count);
    for (uint32_t i = 0; i < log->damages.count; i++) {
        const struct damage *damage = &log->damages.list[i];
        packer = checkpoint_writer_piece(writer);
        pack_u64(packer, damage->first_frame);
        pack_u64(packer, damage->last_frame);
        pack_u32(packer, damage->segment);
        pack_u64(packer, damage->offset);
    }
    for (uint32_t i = 0; i < log->setback_count; i++) {
        pack_u64(checkpoint_writer_piece(writer), log->setbacks[i]);
    }
}

/* The lock is held but for writing. */
static struct packer *next_piece(struct state_log *log, struct checkpoint_writer *writer)
{
    if (!checkpoint_writer_has_room(writer)) {
        pthread_mutex_unlock(&log->lock);
        checkpoint_writer_flush(writer);
        pthread_mutex_lock(&log->lock);
    }
    return checkpoint_writer_piece(writer);
}

/* Frames of a segment dropped meanwhile may have lost their places: the segment's file is gone then. */
static void put_segments(struct state_log *log, struct checkpoint_writer *writer)
{
    const struct checkpoint *checkpoint = &log->checkpoint;
    const struct segments *segments = &log->segments;
    pack_u32(next_piece(log, writer), checkpoint->segment_count);
    for (uint32_t i = 0; i < checkpoint->segment_count; i++) {
        const struct segment *segment = &checkpoint->segments[i];
        struct packer *packer = next_piece(log, writer);
        pack_u32(packer, segment->number);
        pack_u64(packer, segment->first_frame);
        pack_u64(packer, segment->frame_count);
        pack_u64(packer, segment->used_bytes);
        pack_u64(packer, segment->last_ref);
        pack_i64(packer, segment->last_clock);
        for (uint64_t frame = 0; frame < segment->frame_count; frame++) {
            uint64_t at = (segment->first_frame + frame) % segments->directory_size;
            pack_u16(next_piece(log, writer), segments->directory[at]);
        }
    }
}

static void put_place(struct state_log *log, struct checkpoint_writer *writer, uint32_t at)
{
    struct subject_place place = log->index.places[at];
    const struct checkpoint_note *note = checkpoint_find(&log->checkpoint, at);
    if (note != NULL) {
        place.ref = note->ref;
        place.edge = note->edge;
    }
    if (place.ref == RECORD_REF_NONE) {
        return;
    }
    struct packer *packer = next_piece(log, writer);
    pack_u64(packer, place.hash);
    pack_u64(packer, place.ref);
    pack_i64(packer, place.edge == SUBJECT_EDGE_TAKEN ? 0 : place.edge);
}

static enum status write_checkpoint(struct state_log *log, struct checkpoint_writer *writer)
{
    pthread_mutex_lock(&log->lock);
    put_head(log, writer);
    put_losses(log, writer);
    put_segments(log, writer);
    for (uint32_t at = 0; at < log->index.place_count && !log->checkpoint.is_missed; at++) {
        put_place(log, writer, at);
        if (at % PLACES_AT_A_TIME == 0) {
            pthread_mutex_unlock(&log->lock); /* Others have their turn. */
            pthread_mutex_lock(&log->lock);
        }
    }
    enum status status = log->checkpoint.is_missed ? STATUS_FULL : STATUS_OK;
    log->checkpoint.is_active = false;
    pthread_mutex_unlock(&log->lock);
    return status;
}

enum status state_log_checkpoint(struct state_log *log, enum checkpoint_wish wish)
{
    struct checkpoint_writer writer;
    pthread_mutex_lock(&log->lock);
    enum status status = begin(log, wish);
    pthread_mutex_unlock(&log->lock);
    if (status != STATUS_OK) {
        return status;
    }
    checkpoint_writer_open(&writer, &log->settings.io, log->settings.folder, log->checkpoint.buffer);
    status = write_checkpoint(log, &writer);
    if (status == STATUS_OK) {
        status = log_sync_head(log); /* Or the checkpoint would speak of frames that a power cut takes. */
    }
    if (status != STATUS_OK && writer.status == STATUS_OK) {
        writer.status = status;
    }
    uint64_t bytes = 0;
    status = checkpoint_writer_close(&writer, &bytes);
    pthread_mutex_lock(&log->lock);
    log->checkpoint.file_bytes = bytes;
    pthread_mutex_unlock(&log->lock);
    return status;
}
