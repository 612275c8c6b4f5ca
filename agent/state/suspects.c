#include "agent/state/suspects.h"

#include "agent/state/internals.h"
#include "agent/state/pages.h"

enum status suspects_open(struct suspects *suspects)
{
    *suspects = (struct suspects){.list = pages_take(SUSPECTS_MAX * sizeof *suspects->list)};
    return suspects->list == NULL ? STATUS_NO_MEMORY : STATUS_OK;
}

void suspects_close(struct suspects *suspects)
{
    pages_give(suspects->list, SUSPECTS_MAX * sizeof *suspects->list);
}

static uint64_t unseen_frames(const struct damage *damage, const struct frame_header *next,
                              struct bytes witnesses)
{
    uint64_t seen_from = witnesses.data == NULL ? damage->last_frame + 1 : next->frame - next->witness_depth;
    return seen_from > damage->first_frame ? seen_from - damage->first_frame : 0;
}

void suspects_add(struct suspects *suspects, const struct damage *damage, const struct frame_header *next,
                  struct bytes witnesses)
{
    suspects->blind_frames += unseen_frames(damage, next, witnesses);
    struct unpacker unpacker = unpacker_of(witnesses);
    while (unpacker.rest.length > 0) {
        struct witness witness = witness_unpack(&unpacker, next->frame);
        if (witness.frame < damage->first_frame || witness.frame > damage->last_frame) {
            continue;
        }
        if (suspects->count == SUSPECTS_MAX) {
            suspects->blind_frames++;
            return;
        }
        suspects->list[suspects->count++] =
            (struct suspect){.hash = witness.hash, .before = damage->first_frame};
    }
}

enum status recover_image(struct state_log *log, const struct record *image)
{
    uint64_t hash = log_subject_hash(log, &image->subject);
    int64_t place = log_find_place(log, hash, image);
    if (place == SUBJECT_PLACE_NONE) {
        return log->index.count < log->settings.subjects_max + SUBJECTS_BEYOND
                   ? subject_index_add(&log->index, hash, image->ref, image->edge)
                   : STATUS_FULL;
    }
    log_forget_setback(log, log->index.places[place].ref);
    log_forget_setback(log, image->previous);
    subject_index_set(&log->index, place, image->ref, image->edge);
    return STATUS_OK;
}

/* `frame` holds the subject's latest image that is left. */
static bool is_suspected(const struct suspects *suspects, const struct name *subject, uint64_t frame)
{
    uint32_t hash = witness_hash(subject);
    for (uint32_t i = 0; i < suspects->count; i++) {
        if (suspects->list[i].hash == hash && frame < suspects->list[i].before) {
            return true;
        }
    }
    return false;
}

enum status log_set_back_suspects(struct state_log *log, const struct suspects *suspects)
{
    log->blind_frames += suspects->blind_frames;
    for (uint32_t i = 0; suspects->count > 0 && i < log->index.place_count; i++) {
        record_ref ref = log->index.places[i].ref;
        struct record image;
        enum status status = ref == RECORD_REF_NONE ? STATUS_NOT_FOUND : log_scout(log, ref, &image);
        if (status == STATUS_IO) {
            return STATUS_IO;
        }
        if (status == STATUS_OK && is_suspected(suspects, &image.subject, record_ref_frame(ref))) {
            log_set_back(log, i, &image);
        }
    }
    return STATUS_OK;
}
