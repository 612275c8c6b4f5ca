#include <fcntl.h>

#include "agent/state/internals.h"

#include "base/mutation.h"

enum { NEWS_SHARE = 8 };

/* Each batch is at most one frame, and a segment holds at least two of the largest: with a spare beyond the
 * reserve both batches find room, else the rest of the current segment must do. What may use the reserve is
 * measured as it is: a few images more may be all that keeps a segment from going. */
bool log_has_space(struct state_log *log, size_t bytes_most, enum space_use use)
{
    uint32_t untouchable = use == SPACE_ORDINARY ? log->segments.reserved : 0;
    if (log->segments.spare_count > untouchable) {
        return true;
    }
    size_t raw_most = log_raw_most(&log->settings);
    size_t witnesses = raw_most - log->settings.batch_bytes;
    size_t measured = log->open->used + bytes_most + witnesses;
    size_t open = use == SPACE_ORDINARY ? raw_most : measured;
    uint64_t writing = 0;
    if (log->writing != NULL) {
        writing = frame_bytes((uint32_t)(use == SPACE_ORDINARY ? raw_most : log->writing->used + witnesses));
    }
    /* Without a spare, starts after a crash must find room here to write the last frame again, twice at most.
     */
    uint64_t copies = log->segments.spare_count == 0 ? 2 * frame_bytes((uint32_t)measured) : 0;
    return segments_room(&log->segments) >= frame_bytes((uint32_t)open) + writing + copies;
}

bool state_log_is_short(struct state_log *log)
{
    pthread_mutex_lock(&log->lock);
    bool is_short = log->segments.spare_count <= log->segments.reserved;
    pthread_mutex_unlock(&log->lock);
    return is_short;
}

void log_give_spare(struct state_log *log, uint32_t number)
{
    segments_give_spare(&log->segments, number);
    log->may_retry = true;
    pthread_cond_signal(&log->work);
}

static bool wants_spare(struct state_log *log, uint32_t *number)
{
    pthread_mutex_lock(&log->lock);
    bool wanted = log->segments.spare_count <= log->segments.reserved && segments_may_grow(&log->segments);
    *number = log->segments.next_spare;
    log->segments.next_spare += wanted ? 1 : 0;
    pthread_mutex_unlock(&log->lock);
    return wanted;
}

void log_make_spares(struct state_log *log)
{
    const struct state_log_settings *settings = &log->settings;
    uint32_t number;
    while (wants_spare(log, &number)) {
        enum status status =
            segment_spare_create(&settings->io, settings->folder, number, settings->segment_bytes);
        pthread_mutex_lock(&log->lock);
        log->is_disk_full = status != STATUS_OK;
        if (status == STATUS_OK) {
            log->segments.file_bytes += settings->segment_bytes;
            log_give_spare(log, number);
        }
        pthread_mutex_unlock(&log->lock);
        if (status != STATUS_OK) {
            return; /* The next call tries again. */
        }
    }
}

static bool take_spare(struct state_log *log, uint32_t *number)
{
    pthread_mutex_lock(&log->lock);
    bool taken = segments_take_spare(&log->segments, number);
    pthread_mutex_unlock(&log->lock);
    return taken;
}

/* Makes the spare the next segment, durably, and opens it: the file, or -1 and errno. */
static int open_as_segment(struct state_log *log, uint32_t spare, uint32_t number)
{
    const struct io *io = &log->settings.io;
    struct segment_path from = segment_path_of(log->settings.folder, SPARE_FILE, spare);
    struct segment_path to = segment_path_of(log->settings.folder, SEGMENT_FILE, number);
    bool is_synced = mutation_is_on(MUTATION_NAME_NOT_SYNCED);
    if (io->rename(io->self, from.text, to.text) != 0 ||
        (!is_synced && io_sync_folder(io, log->settings.folder) != 0)) {
        return -1;
    }
    return io->open(io->self, to.text, O_RDWR, 0);
}

/* Without waiting for the disk at each commit, it is waited for at each segment's end. */
static enum status finish_segment(struct state_log *log)
{
    const struct io *io = &log->settings.io;
    if (log->file < 0) {
        return STATUS_OK;
    }
    if (log->settings.durability == DURABILITY_OS && io->fdatasync(io->self, log->file) != 0) {
        return STATUS_IO;
    }
    log->durable_frame = log->committed_frame;
    io->close(io->self, log->file);
    log->file = -1;
    return STATUS_OK;
}

static uint32_t next_number(struct state_log *log)
{
    pthread_mutex_lock(&log->lock);
    uint32_t number = log->segments.count > 0 ? segments_last(&log->segments)->number + 1 : 1;
    pthread_mutex_unlock(&log->lock);
    return number;
}

enum status log_next_segment(struct state_log *log, uint64_t frame)
{
    uint32_t spare;
    if (!take_spare(log, &spare)) {
        log_make_spares(log);
        if (!take_spare(log, &spare)) {
            return STATUS_NO_SPACE;
        }
    }
    enum status status = finish_segment(log);
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t number = next_number(log);
    log->file = open_as_segment(log, spare, number);
    if (log->file < 0) {
        return STATUS_IO;
    }
    pthread_mutex_lock(&log->lock);
    segments_append(&log->segments, number, log->settings.segment_bytes, frame);
    pthread_mutex_unlock(&log->lock);
    return STATUS_OK;
}

/* Too little is left to let the log run into its reserve. */
static bool is_space_short(const struct state_log *log)
{
    const struct segments *segments = &log->segments;
    uint64_t kept = (segments->reserved + 2) * segments->segment_bytes;
    bool lacks_spares = segments->spare_count <= segments->reserved;
    /* Between two segments spares lack for a moment, until the writer has made the next. */
    bool can_make_some = segments_may_grow(segments) && !log->is_disk_full;
    return (lacks_spares && !can_make_some) || segments_used_bytes(segments) > segments->max_bytes - kept;
}

/* The log is larger than it need be. */
static bool is_retention_passed(const struct state_log *log)
{
    uint64_t most = log->settings.retention_bytes;
    return most > 0 && segments_used_bytes(&log->segments) > most;
}

/* The ledger of the oldest segment has been kept as long as was wished for. */
static bool is_too_old(const struct state_log *log)
{
    const struct segment *oldest = &log->segments.list[0];
    instant_ms age = atomic_load(&log->clock_high) - oldest->last_clock;
    return log->settings.retention_ms > 0 && age > (int64_t)log->settings.retention_ms;
}

/* After a whole round in which nearly nothing new came, all that is left is alive: another would only wear
 * out the flash. */
static bool can_win(struct state_log *log)
{
    if (log->idle_drops < log->segments.count) {
        return true;
    }
    if (log->news_bytes < log->segments.count * log->segments.segment_bytes / NEWS_SHARE) {
        return false;
    }
    log->idle_drops = 0;
    log->news_bytes = 0;
    return true;
}

static bool is_compaction_needed(struct state_log *log)
{
    bool is_wanted = is_space_short(log) || is_retention_passed(log);
    return (is_wanted && can_win(log)) || is_too_old(log);
}

/* The last committed frame stays: it carries the sequences. */
static bool has_oldest(const struct state_log *log)
{
    const struct segment *oldest = &log->segments.list[0];
    return log->segments.count > 1 && oldest->first_frame + oldest->frame_count <= log->committed_frame;
}

enum status state_log_oldest(struct state_log *log, struct segment_range *range)
{
    enum status status = STATUS_EMPTY;
    pthread_mutex_lock(&log->lock);
    if (has_oldest(log)) {
        const struct segment *oldest = &log->segments.list[0];
        *range = (struct segment_range){.first_frame = oldest->first_frame,
                                        .last_frame = oldest->first_frame + oldest->frame_count - 1,
                                        .live_images = (uint64_t)oldest->live_images,
                                        .needed = is_compaction_needed(log)};
        status = STATUS_OK;
    }
    pthread_mutex_unlock(&log->lock);
    return status;
}

/* Whether the batch, which may never be committed, holds an image that takes over from one in the segment. */
static bool replaces_image_in(const struct batch *batch, const struct segment *segment)
{
    struct record image;
    for (uint32_t i = 0; batch != NULL && i < batch->entry_count; i++) {
        if (batch_read(batch, i, &image) == STATUS_OK && image.kind == RECORD_IMAGE &&
            image.previous != RECORD_REF_NONE &&
            record_ref_frame(image.previous) < segment->first_frame + segment->frame_count) {
            return true;
        }
    }
    return false;
}

/* Whether the oldest segment may go. */
static enum status judge_oldest(const struct state_log *log)
{
    if (log->failure != STATUS_OK) {
        return log->failure;
    }
    if (!has_oldest(log)) {
        return STATUS_EMPTY;
    }
    const struct segment *first = &log->segments.list[0];
    bool is_live = first->live_images > 0 && !mutation_is_on(MUTATION_LIVE_IMAGE_DROPPED);
    if (is_live || first->last_ref > atomic_load(&log->outbox_cursor) ||
        replaces_image_in(log->open, first) || replaces_image_in(log->writing, first)) {
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* A file of another size than the settings ask for, or beyond the budget, is not worth keeping. */
static bool is_reusable(const struct state_log *log, const struct segment *segment)
{
    return segment->bytes == log->segments.segment_bytes &&
           log->segments.file_bytes <= log->segments.max_bytes;
}

/* Turns the file into a spare, or removes it: durably, so that segments never vanish out of order. The lock
 * is not held. */
static enum status retire_file(struct state_log *log, const struct segment *segment, bool reuse,
                               uint32_t spare)
{
    const struct io *io = &log->settings.io;
    struct segment_path from = segment_path_of(log->settings.folder, SEGMENT_FILE, segment->number);
    struct segment_path to = segment_path_of(log->settings.folder, SPARE_FILE, spare);
    int result = reuse ? io->rename(io->self, from.text, to.text) : io->unlink(io->self, from.text);
    if (result != 0 || io_sync_folder(io, log->settings.folder) != 0) {
        return STATUS_IO;
    }
    return reuse ? segment_blank(io, &to, FRAME_BLOCK_BYTES) : STATUS_OK;
}

/* Asks again: an image may have come to lie there meanwhile. */
static enum status take_oldest(struct state_log *log, struct segment *oldest)
{
    enum status status = judge_oldest(log);
    if (status == STATUS_OK) {
        *oldest = segments_take_oldest(&log->segments);
        log->idle_drops++;
        damages_forget(&log->damages, segments_first_frame(&log->segments));
    }
    return status;
}

enum status log_sync_head(struct state_log *log)
{
    const struct io *io = &log->settings.io;
    if (log->settings.durability == DURABILITY_FSYNC) {
        return STATUS_OK;
    }
    pthread_mutex_lock(&log->lock);
    uint32_t number = segments_last(&log->segments)->number;
    pthread_mutex_unlock(&log->lock);
    struct segment_path path = segment_path_of(log->settings.folder, SEGMENT_FILE, number);
    int file = io->open(io->self, path.text, O_RDWR, 0);
    if (file < 0) {
        return STATUS_IO;
    }
    int result = io->fdatasync(io->self, file);
    io->close(io->self, file);
    if (result == 0) {
        return STATUS_OK;
    }
    pthread_mutex_lock(&log->lock);
    log->failure = STATUS_IO;
    pthread_mutex_unlock(&log->lock);
    return STATUS_IO;
}

/* Files without one whole frame are in no table: they go with what came after them. */
static enum status remove_ruins(struct state_log *log)
{
    const struct io *io = &log->settings.io;
    struct segment_numbers numbers;
    enum status status = segment_numbers_list(io, log->settings.folder, SEGMENT_FILE, &numbers);
    pthread_mutex_lock(&log->lock);
    uint32_t first = log->segments.list[0].number;
    pthread_mutex_unlock(&log->lock);
    for (size_t i = 0; status == STATUS_OK && i < numbers.count && numbers.numbers[i] < first; i++) {
        struct segment_path path = segment_path_of(log->settings.folder, SEGMENT_FILE, numbers.numbers[i]);
        status = io->unlink(io->self, path.text) == 0 ? STATUS_OK : STATUS_IO;
    }
    segment_numbers_free(&numbers);
    return status == STATUS_OK && io_sync_folder(io, log->settings.folder) != 0 ? STATUS_IO : status;
}

enum status state_log_drop_oldest(struct state_log *log)
{
    struct segment oldest = {0};
    pthread_mutex_lock(&log->lock);
    enum status status = judge_oldest(log);
    pthread_mutex_unlock(&log->lock);
    if (status == STATUS_OK) {
        status = log_sync_head(log); /* What was moved out of it must be on the disk before it goes. */
    }
    if (status != STATUS_OK) {
        return status;
    }
    pthread_mutex_lock(&log->lock);
    status = take_oldest(log, &oldest);
    bool reuse = is_reusable(log, &oldest);
    uint32_t spare = log->segments.next_spare++;
    pthread_mutex_unlock(&log->lock);
    if (status != STATUS_OK) {
        return status;
    }
    status = retire_file(log, &oldest, reuse, spare);
    if (status != STATUS_OK) {
        return status; /* The file stays; the next start finds it as the oldest segment again. */
    }
    status = log->has_ruins ? remove_ruins(log) : STATUS_OK;
    if (status != STATUS_OK) {
        return status;
    }
    pthread_mutex_lock(&log->lock);
    if (reuse) {
        log_give_spare(log, spare);
    } else {
        log->segments.file_bytes -= oldest.bytes;
        log->may_retry = true;
        pthread_cond_signal(&log->work);
    }
    pthread_mutex_unlock(&log->lock);
    return STATUS_OK;
}
