/* Damage confined to the subjects it hits: each goes back to its latest image that is left. */
#include "agent/state/internals.h"
#include "agent/state/reader.h"
#include "base/mutation.h"

enum { REPAIRED_AT_A_TIME = 256 };

void log_note_damage(struct state_log *log, uint64_t frame)
{
    struct frame_place place;
    if (segments_locate(&log->segments, frame, &place) != STATUS_OK) {
        return; /* Known, or dropped. */
    }
    segments_lose(&log->segments, frame);
    damages_add(&log->damages, (struct damage){.first_frame = frame,
                                               .last_frame = frame,
                                               .segment = place.number,
                                               .offset = place.offset});
    log->needs_repair = true;
    checkpoint_miss(&log->checkpoint);
}

void log_want_repair(struct state_log *log)
{
    pthread_mutex_lock(&log->lock);
    log->needs_repair = true;
    pthread_mutex_unlock(&log->lock);
}

bool log_is_setback(const struct state_log *log, record_ref image)
{
    for (uint32_t i = 0; i < log->setback_count; i++) {
        if (log->setbacks[i] == image) {
            return true;
        }
    }
    return false;
}

bool log_forget_setback(struct state_log *log, record_ref image)
{
    for (uint32_t i = 0; i < log->setback_count; i++) {
        if (log->setbacks[i] == image) {
            log->setbacks[i] = log->setbacks[--log->setback_count];
            checkpoint_miss(&log->checkpoint);
            return true;
        }
    }
    return false;
}

void log_set_back(struct state_log *log, int64_t place, const struct record *image)
{
    record_ref ref = image == NULL ? RECORD_REF_NOWHERE : image->ref;
    const struct subject_place *old = &log->index.places[place];
    checkpoint_note(&log->checkpoint, (uint32_t)place, old->ref, old->edge);
    bool is_known = log_forget_setback(log, old->ref) && old->ref == ref;
    log_count_image(log, record_ref_frame(old->ref), -1);
    log_count_image(log, record_ref_frame(ref), +1);
    subject_index_set(&log->index, place, ref, image == NULL ? INSTANT_NEVER : image->edge);
    if (image != NULL && log->setback_count < STATE_LOG_SETBACKS_MAX &&
        !mutation_is_on(MUTATION_SETBACK_NOT_MARKED)) {
        log->setbacks[log->setback_count++] = ref;
    }
    log->subjects_set_back += is_known ? 0 : 1;
}

/* A subject whose latest image was lost. */
struct victim {
    int64_t place;
    uint64_t hash;
    record_ref lost;
};

struct victims {
    struct victim list[REPAIRED_AT_A_TIME];
    uint32_t count;
    uint64_t before; /* The latest of the lost frames. */
};

static void collect(struct state_log *log, struct victims *victims)
{
    const struct subject_index *index = &log->index;
    victims->count = 0;
    victims->before = 0;
    for (uint32_t i = 0; i < index->place_count && victims->count < REPAIRED_AT_A_TIME; i++) {
        record_ref ref = index->places[i].ref;
        if (ref != RECORD_REF_NONE && segments_lost(&log->segments, record_ref_frame(ref))) {
            victims->list[victims->count++] =
                (struct victim){.place = i, .hash = index->places[i].hash, .lost = ref};
            victims->before =
                record_ref_frame(ref) > victims->before ? record_ref_frame(ref) : victims->before;
        }
    }
}

/* False when there are none. */
static bool take_victims(struct state_log *log, struct victims *victims)
{
    pthread_mutex_lock(&log->lock);
    if (log->needs_repair) {
        collect(log, victims);
        log->needs_repair = victims->count > 0;
    }
    bool are_there = log->needs_repair;
    pthread_mutex_unlock(&log->lock);
    return are_there;
}

/* `image` NULL: there is none. Somebody may have put a new one meanwhile. */
static void set_back(struct state_log *log, const struct victim *victim, const struct record *image)
{
    pthread_mutex_lock(&log->lock);
    if (log->index.places[victim->place].ref == victim->lost) {
        log_set_back(log, victim->place, image);
    }
    pthread_mutex_unlock(&log->lock);
}

/* The image's subject, if it is a victim, has been found. */
static void match(struct state_log *log, struct victims *victims, const struct record *image)
{
    uint64_t hash = log_subject_hash(log, &image->subject);
    for (uint32_t i = 0; i < victims->count; i++) {
        if (victims->list[i].hash == hash && victims->list[i].lost > image->ref) {
            set_back(log, &victims->list[i], image);
            victims->list[i] = victims->list[--victims->count];
            return;
        }
    }
}

static enum status search_frame(struct state_log_reader *reader, uint64_t frame, struct victims *victims)
{
    record_ref cursor = record_ref_of(frame, 0) - 1;
    struct record record;
    enum status status = state_log_next(reader, &cursor, &record);
    while (status == STATUS_OK && record_ref_frame(cursor) == frame && victims->count > 0) {
        if (record.kind == RECORD_IMAGE) {
            match(reader->log, victims, &record);
        }
        status = state_log_next(reader, &cursor, &record);
    }
    return status == STATUS_EMPTY ? STATUS_OK : status;
}

static enum status repair(struct state_log_reader *reader, struct victims *victims)
{
    struct state_log *log = reader->log;
    pthread_mutex_lock(&log->lock);
    uint64_t first = segments_first_frame(&log->segments);
    pthread_mutex_unlock(&log->lock);
    enum status status = STATUS_OK;
    for (uint64_t frame = victims->before; frame >= first && victims->count > 0 && status == STATUS_OK;
         frame--) {
        status = search_frame(reader, frame, victims);
    }
    for (uint32_t i = 0; status == STATUS_OK && i < victims->count; i++) {
        set_back(log, &victims->list[i], NULL);
    }
    return status;
}

enum status state_log_repair(struct state_log_reader *reader)
{
    struct state_log *log = reader->log;
    struct victims victims;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && take_victims(log, &victims)) {
        status = repair(reader, &victims);
    }
    return status;
}

void state_log_losses(struct state_log *log, struct state_log_losses *losses)
{
    pthread_mutex_lock(&log->lock);
    *losses = (struct state_log_losses){
        .damages = log->damages, .subjects = log->subjects_set_back, .blind_frames = log->blind_frames};
    pthread_mutex_unlock(&log->lock);
}

enum status state_log_setback(struct state_log *log, uint32_t at, record_ref *image)
{
    pthread_mutex_lock(&log->lock);
    enum status status = at < log->setback_count ? STATUS_OK : STATUS_EMPTY;
    *image = at < log->setback_count ? log->setbacks[at] : RECORD_REF_NONE;
    pthread_mutex_unlock(&log->lock);
    return status;
}
