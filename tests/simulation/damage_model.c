#include "tests/simulation/damage_model.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

enum { FRAMES_TO_SPARE = 2048, VERSIONS_TO_SPARE = 4096 };

void damage_model_init(struct damage_model *model, struct findings *findings, int32_t subjects)
{
    assert(subjects <= LOG_SUBJECTS_MAX);
    model->findings = findings;
    model->count = 0;
    memset(model->frames, 0, sizeof model->frames);
    model->committed_frame = model->durable_frame = model->gone_frame = 0;
    model->next_seq = 1;
    model->life = 0;
    model->subject_count = subjects;
    for (int32_t i = 0; i < subjects; i++) {
        model->subjects[i] = (struct damage_subject){.latest = DAMAGE_VERSION_NONE};
    }
}

bool damage_model_is_full(const struct damage_model *model)
{
    return model->count > DAMAGE_VERSIONS_MAX - VERSIONS_TO_SPARE ||
           model->committed_frame > DAMAGE_FRAMES_MAX - FRAMES_TO_SPARE;
}

void damage_model_put(struct damage_model *model, const struct record *record, int16_t subject,
                      uint64_t body_seed)
{
    assert(model->count < DAMAGE_VERSIONS_MAX);
    struct damage_subject *held = &model->subjects[subject];
    uint64_t frame = record_ref_frame(record->ref);
    record_ref last = model->count > 0 ? model->versions[model->count - 1].ref : 0;
    if (record->ref <= last || frame <= model->committed_frame) {
        findings_violate(model->findings, "put gave ref %" PRIx64 " after %" PRIx64 " in frame %" PRIu64,
                         record->ref, last, model->committed_frame);
        return;
    }
    struct damage_version *version = &model->versions[model->count];
    *version = (struct damage_version){.ref = record->ref,
                                       .body_seed = body_seed,
                                       .edge = record->edge,
                                       .body_length = (uint32_t)record->body.length,
                                       .before = held->latest,
                                       .subject = subject,
                                       .changes = record->changes};
    if (held->latest != DAMAGE_VERSION_NONE && record_ref_frame(model->versions[held->latest].ref) == frame) {
        model->versions[held->latest].is_replaced = true;
        version->changes |= model->versions[held->latest].changes;
    }
    held->latest = model->count++;
    held->held = record->ref;
}

void damage_model_commit(struct damage_model *model, bool is_durable)
{
    uint64_t frame = ++model->committed_frame;
    assert(frame < DAMAGE_FRAMES_MAX);
    model->durable_frame = is_durable ? frame : model->durable_frame;
    for (int32_t i = model->count; i > 0 && record_ref_frame(model->versions[i - 1].ref) >= frame; i--) {
        struct damage_version *version = &model->versions[i - 1];
        version->is_acknowledged |= record_ref_frame(version->ref) == frame;
    }
}

void damage_model_note(struct damage_model *model, uint64_t frame, enum frame_fate fate)
{
    assert(frame < DAMAGE_FRAMES_MAX);
    model->frames[frame].fate |= (uint8_t)fate;
    model->frames[frame].life = model->life;
}

bool damage_model_is_sound(const struct damage_model *model, uint64_t frame)
{
    return frame > model->gone_frame && model->frames[frame].fate == 0;
}

static void forget_after(struct damage_model *model, uint64_t last_frame)
{
    while (model->count > 0 && record_ref_frame(model->versions[model->count - 1].ref) > last_frame) {
        const struct damage_version *version = &model->versions[--model->count];
        model->subjects[version->subject].latest = version->before;
    }
    for (uint64_t frame = last_frame + 1; frame < DAMAGE_FRAMES_MAX; frame++) {
        model->frames[frame] = (struct damage_frame){0};
    }
}

void damage_model_end_recovery(struct damage_model *model, uint64_t last_frame)
{
    forget_after(model, last_frame);
    model->committed_frame = model->durable_frame = last_frame;
    model->gone_frame = model->gone_frame < last_frame ? model->gone_frame : last_frame;
    model->next_seq = 1;
    for (uint64_t frame = 1; frame <= last_frame; frame++) {
        uint64_t last_seq = model->frames[frame].last_seq;
        model->next_seq = last_seq >= model->next_seq ? last_seq + 1 : model->next_seq;
    }
    for (int32_t i = 0; i < model->subject_count; i++) {
        model->subjects[i].held = RECORD_REF_NONE;
    }
}

int32_t damage_model_find(const struct damage_model *model, record_ref ref)
{
    int32_t low = 0;
    int32_t high = model->count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (model->versions[middle].ref < ref) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < model->count && model->versions[low].ref == ref ? low : DAMAGE_VERSION_NONE;
}

static const char *difference(struct damage_model *model, const struct damage_version *version,
                              const struct record *record)
{
    if (version->is_replaced || record->kind != RECORD_IMAGE) {
        return "was replaced";
    }
    if (!name_equal(&record->subject, &model->subjects[version->subject].name)) {
        return "is of another subject";
    }
    if (record->edge != version->edge || record->changes != version->changes) {
        return "has another edge or other changes";
    }
    struct bytes body = log_body(version->body_seed, version->body_length, model->body);
    return bytes_equal(body, record->body) ? NULL : "has another body";
}

bool damage_model_agrees(struct damage_model *model, int32_t at, const struct record *record)
{
    const char *what =
        at == DAMAGE_VERSION_NONE ? "was never put" : difference(model, &model->versions[at], record);
    if (what != NULL) {
        findings_violate(model->findings, "image %" PRIx64 " %s", record->ref, what);
    }
    return what == NULL;
}

/* Whether the log must still have it. */
static bool must_be_there(const struct damage_model *model, const struct damage_version *version)
{
    return !version->is_replaced && damage_model_is_sound(model, record_ref_frame(version->ref));
}

struct missed {
    int32_t sound; /* The newest one that must be there and was not found. */
    int32_t acknowledged;
    int32_t any;
};

/* The images newer than `until`. */
static struct missed look_behind(const struct damage_model *model, int32_t subject, int32_t until)
{
    struct missed missed = {DAMAGE_VERSION_NONE, DAMAGE_VERSION_NONE, DAMAGE_VERSION_NONE};
    int32_t at = model->subjects[subject].latest;
    for (; at != until && at != DAMAGE_VERSION_NONE; at = model->versions[at].before) {
        const struct damage_version *version = &model->versions[at];
        if (version->is_replaced) {
            continue;
        }
        missed.any = missed.any == DAMAGE_VERSION_NONE ? at : missed.any;
        /* What is lost is told as long as its frame would be there. */
        bool is_kept = record_ref_frame(version->ref) > model->gone_frame;
        if (version->is_acknowledged && is_kept && missed.acknowledged == DAMAGE_VERSION_NONE) {
            missed.acknowledged = at;
        }
        if (must_be_there(model, version) && missed.sound == DAMAGE_VERSION_NONE) {
            missed.sound = at;
        }
    }
    return missed;
}

static record_ref ref_of(const struct damage_model *model, int32_t version)
{
    return version == DAMAGE_VERSION_NONE ? RECORD_REF_NONE : model->versions[version].ref;
}

void damage_model_judge(struct damage_model *model, int32_t subject, const struct damage_answer *answer,
                        struct damage_told told)
{
    bool is_found = answer->status == STATUS_OK;
    int32_t found = is_found ? damage_model_find(model, answer->ref) : DAMAGE_VERSION_NONE;
    struct missed missed = look_behind(model, subject, found);
    bool is_told = told.has_blind || (!is_found && told.has_damage);
    if (missed.sound != DAMAGE_VERSION_NONE) {
        findings_violate(model->findings,
                         "subject %d: find gives %s %" PRIx64 ", but %" PRIx64
                         " is newer and was not damaged",
                         subject, status_name(answer->status), answer->ref, ref_of(model, missed.sound));
    } else if (missed.acknowledged != DAMAGE_VERSION_NONE && !answer->is_setback && !is_told) {
        findings_violate(
            model->findings,
            "subject %d: find gives %s %" PRIx64 ", and nobody is told that %" PRIx64 " was lost", subject,
            status_name(answer->status), answer->ref, ref_of(model, missed.acknowledged));
    } else if (missed.any == DAMAGE_VERSION_NONE && answer->is_setback) {
        findings_violate(model->findings,
                         "subject %d: find gives %s %" PRIx64
                         ", the latest there was, and says it was set back",
                         subject, status_name(answer->status), answer->ref);
    }
    uint64_t frame = record_ref_frame(answer->ref);
    if (found != DAMAGE_VERSION_NONE && frame <= model->committed_frame) {
        model->versions[found].is_acknowledged = true; /* Somebody knows it now. */
        model->frames[frame].fate &= (uint8_t)~FATE_UNCERTAIN;
    }
}

bool damage_model_is_settled(const struct damage_model *model, int32_t subject)
{
    int32_t at = model->subjects[subject].latest;
    for (; at != DAMAGE_VERSION_NONE; at = model->versions[at].before) {
        uint8_t fate = model->frames[record_ref_frame(model->versions[at].ref)].fate;
        if (fate != 0 && (fate & FATE_LOST) == 0) {
            return false;
        }
    }
    return true;
}
