#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/runtime/deadline.h"
#include "agent/state/internals.h"
#include "agent/state/pages.h"

enum {
    SEGMENT_BYTES_LEAST = 64 << 10,
    SEGMENT_BYTES_MOST = 256 << 20, /* Block numbers are 16 bits in the directory. */
    SEGMENTS_LEAST = 4,
    SUBJECTS_MOST = 1 << 28,
};

static enum status explain(struct state_log_report *report, enum status status, const char *what)
{
    snprintf(report->message, sizeof report->message, "%s", what);
    return status;
}

static enum status check_settings(const struct state_log_settings *settings, struct state_log_report *report)
{
    if (strlen(settings->folder) > SEGMENT_FOLDER_MAX) {
        return explain(report, STATUS_INVALID, "the store's path is too long");
    }
    if (settings->segment_bytes % FRAME_BLOCK_BYTES != 0 || settings->segment_bytes < SEGMENT_BYTES_LEAST ||
        settings->segment_bytes > SEGMENT_BYTES_MOST) {
        return explain(report, STATUS_INVALID,
                       "segment_bytes must be a multiple of 4096 from 64 KiB to 256 MiB");
    }
    if (settings->max_bytes < SEGMENTS_LEAST * settings->segment_bytes) {
        return explain(report, STATUS_INVALID, "the store's budget must hold at least 4 segments");
    }
    if (settings->batch_bytes < FRAME_BLOCK_BYTES ||
        settings->batch_bytes > state_log_batch_most(settings->segment_bytes)) {
        return explain(report, STATUS_INVALID,
                       "batch_bytes must be from 4096 to what two in a segment allow");
    }
    if (settings->compression < 0 || settings->compression > 9 || settings->subjects_max > SUBJECTS_MOST) {
        return explain(report, STATUS_INVALID, "compression must be 0 to 9, subjects_max at most 2^28");
    }
    return STATUS_OK;
}

static uint32_t images_most(uint32_t batch_bytes)
{
    return batch_entries_most(batch_bytes);
}

static size_t witness_bytes_most(uint32_t batch_bytes)
{
    return witnesses_most(images_most(batch_bytes)) * (size_t)WITNESS_BYTES;
}

size_t log_raw_most(const struct state_log_settings *settings)
{
    return settings->batch_bytes + witness_bytes_most(settings->batch_bytes);
}

uint32_t state_log_batch_most(uint64_t segment_bytes)
{
    uint64_t half = segment_bytes / 2 - FRAME_BLOCK_BYTES - FRAME_HEADER_BYTES - witness_bytes_most(0);
    /* Each record may need one more witness. */
    uint64_t most = half / (BATCH_ENTRY_SHARE + WITNESS_BYTES) * BATCH_ENTRY_SHARE;
    return most < STATE_LOG_BATCH_MAX ? (uint32_t)most : STATE_LOG_BATCH_MAX;
}

static enum status make_folder(const struct state_log_settings *settings, struct state_log_report *report)
{
    const struct io *io = &settings->io;
    if (io->mkdir(io->self, settings->folder, 0700) != 0 && errno != EEXIST) {
        snprintf(report->message, sizeof report->message, "%.150s cannot be made: %s", settings->folder,
                 strerror(errno));
        return segment_status_of_errno(errno);
    }
    /* Also when it was there: whoever made it may have died before. One that may not be opened holds it for
     * long.
     */
    struct segment_path parent;
    snprintf(parent.text, sizeof parent.text, "%s/..", settings->folder);
    if (io_sync_folder(io, parent.text) == 0 || errno == EACCES) {
        return STATUS_OK;
    }
    snprintf(report->message, sizeof report->message, "%.150s/.. cannot be synced: %s", settings->folder,
             strerror(errno));
    return STATUS_IO;
}

static enum status lock_folder(struct state_log *log, struct state_log_report *report)
{
    const struct io *io = &log->settings.io;
    struct segment_path path;
    snprintf(path.text, sizeof path.text, "%s/lock", log->settings.folder);
    log->lock_file = io->open(io->self, path.text, O_RDWR | O_CREAT, 0600);
    if (log->lock_file < 0) {
        snprintf(report->message, sizeof report->message, "%.150s/lock cannot be opened: %s",
                 log->settings.folder, strerror(errno));
        return segment_status_of_errno(errno);
    }
    if (io->lock(io->self, log->lock_file) != 0) {
        if (errno != EWOULDBLOCK) {
            snprintf(report->message, sizeof report->message, "%.150s/lock cannot be locked: %s",
                     log->settings.folder, strerror(errno));
            return STATUS_IO;
        }
        snprintf(report->message, sizeof report->message,
                 "%.150s is in use by another agent; stop that one or choose another store",
                 log->settings.folder);
        return STATUS_LOCKED;
    }
    return STATUS_OK;
}

/* The table must hold what is there, even if the budget was larger once. */
static enum status measure(const struct state_log_settings *settings, struct segments_size *size)
{
    struct segment_numbers numbers;
    enum status status = segment_numbers_list(&settings->io, settings->folder, SEGMENT_FILE, &numbers);
    uint64_t bytes = 0;
    for (size_t i = 0; status == STATUS_OK && i < numbers.count; i++) {
        struct segment_path path = segment_path_of(settings->folder, SEGMENT_FILE, numbers.numbers[i]);
        int64_t file_bytes = segment_file_size(&settings->io, path.text);
        bytes += file_bytes > 0 ? (uint64_t)file_bytes : 0;
        status = file_bytes < 0 ? STATUS_IO : STATUS_OK;
    }
    uint64_t budget = settings->max_bytes / settings->segment_bytes;
    size->segments = (uint32_t)(budget + numbers.count) +
                     segments_reserve(settings->segment_bytes, settings->max_bytes) + 1;
    /* And as many frames more as the budget can hold: those of lost files keep their numbers. */
    size->bytes = 2 * settings->max_bytes + bytes;
    segment_numbers_free(&numbers);
    return status;
}

/* Where in the log's memory its parts lie. */
struct layout {
    size_t batches[2];
    size_t index;
    size_t segments;
    size_t recent;
    size_t frame;
    size_t deflater;
    size_t witnesses;
    size_t witness_bytes;
    size_t setbacks;
    size_t checkpoint;
    size_t bytes; /* Of it all. */
};

static size_t add_part(struct layout *layout, size_t bytes)
{
    size_t offset = layout->bytes;
    layout->bytes += (bytes + 63) / 64 * 64;
    return offset;
}

static struct layout layout_of(const struct state_log_settings *settings, struct segments_size size)
{
    struct layout layout = {0};
    layout.batches[0] = add_part(&layout, batch_memory_bytes(settings->batch_bytes));
    layout.batches[1] = add_part(&layout, batch_memory_bytes(settings->batch_bytes));
    layout.index = add_part(&layout, subject_index_memory_bytes(settings->subjects_max));
    layout.segments = add_part(&layout, segments_memory_bytes(size));
    layout.recent = add_part(&layout, recent_memory_bytes(settings->recent_bytes));
    layout.frame = add_part(&layout, frame_bytes((uint32_t)log_raw_most(settings)));
    layout.deflater = add_part(&layout, DEFLATER_MEMORY_BYTES);
    layout.witnesses = add_part(&layout, witnesses_memory_bytes(images_most(settings->batch_bytes)));
    layout.witness_bytes = add_part(&layout, witness_bytes_most(settings->batch_bytes));
    layout.setbacks = add_part(&layout, STATE_LOG_SETBACKS_MAX * sizeof(record_ref));
    layout.checkpoint = add_part(&layout, checkpoint_memory_bytes(size));
    return layout;
}

static enum status init_parts(struct state_log *log, const struct layout *layout, struct segments_size size)
{
    const struct state_log_settings *settings = &log->settings;
    uint8_t *memory = log->memory;
    batch_init(&log->batches[0], memory + layout->batches[0], settings->batch_bytes);
    batch_init(&log->batches[1], memory + layout->batches[1], settings->batch_bytes);
    subject_index_init(&log->index, memory + layout->index, settings->subjects_max);
    segments_init(&log->segments, memory + layout->segments, size);
    log->segments.segment_bytes = settings->segment_bytes;
    log->segments.max_bytes = settings->max_bytes;
    log->segments.reserved = segments_reserve(settings->segment_bytes, settings->max_bytes);
    recent_init(&log->recent, memory + layout->recent, settings->recent_bytes);
    log->frame = memory + layout->frame;
    witnesses_init(&log->witnesses, memory + layout->witnesses, images_most(settings->batch_bytes), 1);
    log->witness_bytes = memory + layout->witness_bytes;
    checkpoint_init(&log->checkpoint, memory + layout->checkpoint);
    log->setbacks = (record_ref *)(void *)(memory + layout->setbacks);
    if (settings->compression == 0) {
        return STATUS_OK;
    }
    return deflater_init(&log->deflater, memory + layout->deflater, settings->compression);
}

static enum status take_memory(struct state_log *log, struct state_log_report *report)
{
    struct segments_size size;
    enum status status = measure(&log->settings, &size);
    if (status != STATUS_OK) {
        return explain(report, status, "the store's files cannot be listed");
    }
    struct layout layout = layout_of(&log->settings, size);
    log->memory_bytes = layout.bytes;
    log->memory = pages_take(log->memory_bytes);
    if (log->memory == NULL) {
        return explain(report, STATUS_NO_MEMORY, "not enough memory for the store's buffers and index");
    }
    status = init_parts(log, &layout, size);
    return status == STATUS_OK ? STATUS_OK : explain(report, status, "not enough memory to compress");
}

static void init_sync(struct state_log *log)
{
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->room, NULL);
    pthread_cond_init(&log->work, NULL);
    pthread_cond_init(&log->committed, NULL);
}

static enum status open_parts(struct state_log *log, struct state_log_listener listener,
                              struct state_log_report *report)
{
    enum status status = make_folder(&log->settings, report);
    if (status == STATUS_OK) {
        status = lock_folder(log, report);
    }
    if (status == STATUS_OK) {
        status = take_memory(log, report);
    }
    if (status == STATUS_OK) {
        status = log_recover(log, listener, report);
    }
    return status;
}

enum status state_log_open(struct state_log *log, const struct state_log_settings *settings,
                           struct state_log_listener recovery, struct state_log_report *report)
{
    memset(report, 0, sizeof *report);
    enum status status = check_settings(settings, report);
    if (status != STATUS_OK) {
        return status;
    }
    memset(log, 0, sizeof *log);
    log->settings = *settings;
    log->lock_file = -1;
    log->file = -1;
    log->scout.file = -1;
    log->frame_most = log_raw_most(settings);
    log->open = &log->batches[0];
    init_sync(log);
    status = open_parts(log, recovery, report);
    if (status != STATUS_OK) {
        state_log_close(log);
        return status;
    }
    log_make_spares(log);
    return STATUS_OK;
}

void state_log_close(struct state_log *log)
{
    const struct io *io = &log->settings.io;
    frame_cache_close(&log->scout);
    if (log->file >= 0) {
        io->close(io->self, log->file);
    }
    if (log->lock_file >= 0) {
        io->close(io->self, log->lock_file);
    }
    pages_give(log->memory, log->memory_bytes);
    pthread_cond_destroy(&log->committed);
    pthread_cond_destroy(&log->work);
    pthread_cond_destroy(&log->room);
    pthread_mutex_destroy(&log->lock);
}
