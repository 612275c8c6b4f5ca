#include <errno.h>
#include <string.h>

#include "agent/state/internals.h"
#include "base/mutation.h"

/* What the open batch has becomes the batch being written; the other one opens. Its cursor and clock are
 * those of this moment. */
static void turn_over(struct state_log *log)
{
    struct batch *taken = log->open;
    log->writing = taken;
    log->open = taken == &log->batches[0] ? &log->batches[1] : &log->batches[0];
    batch_start(log->open, taken->frame + 1, taken->first_seq + taken->seq_count);
    log->is_marked = false;
    log->is_sealed = false;
    log->header = (struct frame_header){.frame = taken->frame,
                                        .first_seq = taken->first_seq,
                                        .seq_count = taken->seq_count,
                                        .clock_high = atomic_load(&log->clock_high),
                                        .outbox_cursor = atomic_load(&log->outbox_cursor),
                                        .pool_sequence_high = log->pool_sequence_high,
                                        .record_count = taken->live_records};
    pthread_cond_broadcast(&log->room);
}

/* A frame without records is a convenience: of the reserve it leaves the last spare to compaction. */
static bool is_wanted(struct state_log *log)
{
    bool may_mark = log_has_space(log, 0, SPACE_ORDINARY) || log->segments.spare_count > 1;
    return log->open->entry_count > 0 || (log->is_marked && may_mark);
}

static enum status take_batch(struct state_log *log)
{
    pthread_mutex_lock(&log->lock);
    enum status status = log->failure;
    if (status == STATUS_OK && log->writing == NULL) {
        if (is_wanted(log)) {
            turn_over(log);
        } else {
            log->is_marked = false;
            status = STATUS_EMPTY;
        }
    }
    log->may_retry = false;
    pthread_mutex_unlock(&log->lock);
    return status;
}

/* Links the entries to the chain, and tells of the subjects of earlier frames; then of this one's. */
static void link_and_witness(struct state_log *log, const struct batch *batch)
{
    struct packer packer = packer_of(log->witness_bytes, log->witnesses.capacity * (size_t)WITNESS_BYTES);
    log->header.witness_depth = witnesses_pack(&log->witnesses, batch->frame, &packer);
    log->header.witness_count = (uint16_t)(packer.length / WITNESS_BYTES);
    log->header.raw_length = batch->live_bytes + (uint32_t)packer.length;
    log->header.chain_before = log->chain.head;
    witnesses_next_frame(&log->witnesses);
    struct record record;
    for (uint32_t i = 0; i < batch->entry_count; i++) {
        enum status status = batch_read(batch, i, &record);
        if (status == STATUS_OK && record.kind == RECORD_IMAGE) {
            witnesses_add(&log->witnesses, batch->frame, &record.subject);
        } else if (status == STATUS_OK && ledger_chain_has(&record)) {
            ledger_chain_add(&log->chain, &record);
        }
    }
    log->header.chain_after = log->chain.head;
}

static struct bytes witness_bytes(const struct state_log *log)
{
    return bytes_of(log->witness_bytes, log->header.witness_count * (size_t)WITNESS_BYTES);
}

/* The stored length; STATUS_FULL when compressing does not pay. */
static enum status deflate_batch(struct state_log *log, const struct batch *batch, size_t *length)
{
    if (log->settings.compression == 0 || log->header.raw_length == 0) {
        return STATUS_FULL;
    }
    deflater_begin(&log->deflater, log->frame + FRAME_HEADER_BYTES, log->header.raw_length - 1);
    uint32_t at = 0;
    struct bytes piece;
    while (batch_next_piece(batch, &at, &piece)) {
        if (deflater_add(&log->deflater, piece) != STATUS_OK) {
            return STATUS_FULL;
        }
    }
    if (deflater_add(&log->deflater, witness_bytes(log)) != STATUS_OK) {
        return STATUS_FULL;
    }
    return deflater_finish(&log->deflater, length);
}

/* Once only: a frame that found no space is written later as it is. */
static void seal(struct state_log *log)
{
    const struct batch *batch = log->writing;
    size_t length = 0;
    link_and_witness(log, batch);
    log->header.compression = FRAME_ZLIB;
    if (deflate_batch(log, batch, &length) != STATUS_OK) {
        log->header.compression = FRAME_AS_IS;
        length = log->header.raw_length;
        batch_copy(batch, log->frame + FRAME_HEADER_BYTES);
        struct bytes witnesses = witness_bytes(log);
        memcpy(log->frame + FRAME_HEADER_BYTES + batch->live_bytes, witnesses.data, witnesses.length);
    }
    log->header.stored_length = (uint32_t)length;
    log->header.durable_frame = log->durable_frame;
    log->header.previous_crc = log->previous_crc;
    frame_seal(&log->header, log->frame);
    log->is_sealed = true;
}

/* A copy: others may drop segments meanwhile. */
static struct segment last_segment(struct state_log *log)
{
    pthread_mutex_lock(&log->lock);
    struct segment last = *segments_last(&log->segments);
    pthread_mutex_unlock(&log->lock);
    return last;
}

static enum status write_frame(struct state_log *log)
{
    const struct io *io = &log->settings.io;
    uint64_t bytes = frame_bytes(log->header.stored_length);
    struct segment last = last_segment(log);
    if (bytes > last.bytes - last.used_bytes) {
        enum status status = log_next_segment(log, log->header.frame);
        if (status != STATUS_OK) {
            return status;
        }
        last = last_segment(log);
    }
    off_t offset = (off_t)last.used_bytes;
    errno = 0;
    if (io_write_full(io, log->file, log->frame, bytes, offset) != 0) {
        return segment_status_of_errno(errno);
    }
    if (mutation_is_on(MUTATION_PUBLISH_BEFORE_SYNC)) {
        return STATUS_OK;
    }
    if (log->settings.durability == DURABILITY_FSYNC && io->fdatasync(io->self, log->file) != 0) {
        if (mutation_is_on(MUTATION_SYNC_FAILURE_IGNORED) ||
            (mutation_is_on(MUTATION_SYNC_RETRIED) && io->fdatasync(io->self, log->file) == 0)) {
            return STATUS_OK;
        }
        return STATUS_IO; /* Never again: the kernel has dropped the pages and would report success. */
    }
    return STATUS_OK;
}

static enum status give_up(struct state_log *log, enum status status)
{
    pthread_mutex_lock(&log->lock);
    if (status == STATUS_NO_SPACE) {
        log->is_stuck = true;
    } else {
        log->failure = STATUS_IO;
        status = STATUS_IO;
    }
    pthread_cond_broadcast(&log->room);
    pthread_cond_broadcast(&log->work);
    pthread_cond_broadcast(&log->committed);
    pthread_mutex_unlock(&log->lock);
    return status;
}

static void count_commit(struct state_log_stats *stats, const struct frame_header *header)
{
    stats->commits++;
    stats->raw_bytes += frame_records_length(header);
    stats->stored_bytes += frame_bytes(header->stored_length);
}

/* From here on readers see the frame. */
static void publish(struct state_log *log)
{
    const struct frame_header *header = &log->header;
    pthread_mutex_lock(&log->lock);
    struct batch *batch = log->writing;
    record_ref last_ref = batch_last_ref(batch);
    segments_add_frame(&log->segments, (struct frame_extent){.frame = header->frame,
                                                             .bytes = frame_bytes(header->stored_length),
                                                             .clock = header->clock_high,
                                                             .last_ref = last_ref});
    segments_last(&log->segments)->live_images += batch->live_images;
    uint8_t *recent = recent_add(&log->recent, header->frame, header->first_seq, batch->live_bytes);
    if (recent != NULL) {
        batch_copy(batch, recent);
    }
    log->writing = NULL;
    log->is_stuck = false;
    log->committed_frame = header->frame;
    log->committed_ref = last_ref == RECORD_REF_NONE ? log->committed_ref : last_ref;
    count_commit(&log->stats, header);
    log->checkpoint.log_bytes += frame_bytes(header->stored_length);
    log->news_bytes += batch->has_news ? frame_bytes(header->stored_length) : 0;
    pthread_cond_broadcast(&log->room);
    pthread_cond_broadcast(&log->committed);
    pthread_mutex_unlock(&log->lock);
    log->previous_crc = header->crc;
    if (log->settings.durability == DURABILITY_FSYNC) {
        log->durable_frame = header->frame;
    }
}

/* The batch is nobody else's until this thread commits again. */
static void tell(const struct batch *batch, struct state_log_listener released)
{
    struct record record;
    for (uint32_t i = 0; released.record != NULL && i < batch->entry_count; i++) {
        if (batch_read(batch, i, &record) == STATUS_OK) {
            released.record(released.self, &record);
        }
    }
}

static void note_told(struct state_log *log)
{
    pthread_mutex_lock(&log->lock);
    log->told_frame = log->committed_frame;
    pthread_mutex_unlock(&log->lock);
}

enum status state_log_commit(struct state_log *log, struct state_log_listener released)
{
    enum status status = take_batch(log);
    if (status == STATUS_EMPTY) {
        log_make_spares(log);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!log->is_sealed) {
        seal(log);
    }
    const struct batch *batch = log->writing;
    uint32_t segment = last_segment(log).number;
    status = write_frame(log);
    if (status != STATUS_OK) {
        return give_up(log, status);
    }
    publish(log);
    tell(batch, released);
    note_told(log);
    if (last_segment(log).number != segment) {
        log_make_spares(log);
    }
    return STATUS_OK;
}
