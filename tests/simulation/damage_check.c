#include "tests/simulation/damage_check.h"

#include <inttypes.h>
#include <string.h>

bool damage_check_status(struct damage_world *world, enum status status, const char *doing)
{
    log_world_note(world->log, status);
    if (status == STATUS_OK) {
        return true;
    }
    bool is_unreadable = world->log->disk.unreadable_count > 0;
    if (status == STATUS_IO && (world->log->disk.is_off || is_unreadable)) {
        world->counts.stops += world->log->disk.is_off || world->is_stopped ? 0 : 1;
        world->is_stopped = true;
        return true;
    }
    findings_violate(&world->log->findings, "%s: %s", doing, status_name(status));
    return false;
}

static struct damage_told told_by(struct damage_world *world)
{
    struct state_log_losses losses;
    state_log_losses(&world->log->log, &losses);
    world->was_list_full |= losses.damages.count == DAMAGES_MAX;
    return (struct damage_told){.has_damage = losses.damages.count > 0, .has_blind = losses.blind_frames > 0};
}

struct damage_answer damage_check_subject(struct damage_world *world, int32_t subject, struct record *image)
{
    struct damage_model *model = &world->model;
    struct damage_subject *held = &model->subjects[subject];
    enum status status = state_log_find(&world->log->reader, &held->name, image);
    struct damage_answer answer = {.status = status};
    if (status != STATUS_NOT_FOUND && (!damage_check_status(world, status, "find") || status != STATUS_OK)) {
        return answer;
    }
    answer.is_setback = image->is_setback;
    if (status == STATUS_OK) {
        answer.ref = image->ref;
        damage_model_agrees(model, damage_model_find(model, image->ref), image);
    }
    held->held = answer.ref;
    log_world_note(world->log, answer.ref);
    world->counts.setbacks += answer.is_setback ? 1 : 0;
    world->counts.nowheres += status == STATUS_NOT_FOUND && answer.is_setback ? 1 : 0;
    damage_model_judge(model, subject, &answer, told_by(world));
    if (answer.is_setback) {
        findings_trace(&world->log->findings, "subject %d is set back to %" PRIx64, subject, answer.ref);
    }
    return answer;
}

void damage_check_subjects(struct damage_world *world, struct damage_answer answers[LOG_SUBJECTS_MAX])
{
    struct record image;
    for (int32_t i = 0; i < world->model.subject_count; i++) {
        if (world->is_stopped || world->log->findings.is_violated) {
            return;
        }
        answers[i] = damage_check_subject(world, i, &image);
    }
}

void damage_check_answers(struct damage_world *world, const struct damage_answer before[LOG_SUBJECTS_MAX],
                          const struct damage_answer after[LOG_SUBJECTS_MAX])
{
    for (int32_t i = 0; i < world->model.subject_count; i++) {
        bool is_same = before[i].status == after[i].status && before[i].ref == after[i].ref &&
                       (before[i].status != STATUS_OK || before[i].is_setback == after[i].is_setback);
        if (!is_same && damage_model_is_settled(&world->model, i)) {
            findings_violate(
                &world->log->findings,
                "subject %d: find gave %s %" PRIx64 "%s, and after one more start %s %" PRIx64 "%s", i,
                status_name(before[i].status), before[i].ref, before[i].is_setback ? ", set back" : "",
                status_name(after[i].status), after[i].ref, after[i].is_setback ? ", set back" : "");
            return;
        }
    }
}

/* Frames hit before this life, and read in it from nowhere but the disk. */
static void check_told(struct damage_world *world, const struct damages *damages)
{
    const struct damage_model *model = &world->model;
    /* Those beyond the list's end are only counted, and so they stay when there is room again. */
    world->was_list_full |= damages->count == DAMAGES_MAX;
    uint64_t oldest = segments_first_frame(&world->log->log.segments);
    for (uint64_t frame = model->gone_frame + 1; frame <= model->committed_frame; frame++) {
        const struct damage_frame *held = &model->frames[frame];
        bool is_lost = (held->fate & FATE_LOST) != 0 && held->life < model->life && frame >= oldest;
        if (is_lost && (world->was_list_full ? damages->frames == 0 : !damages_have(damages, frame))) {
            findings_violate(&world->log->findings, "nobody is told that frame %" PRIu64 " is damaged",
                             frame);
            return;
        }
    }
    for (uint32_t i = 0; i < damages->count; i++) {
        const struct damage *damage = &damages->list[i];
        for (uint64_t frame = damage->first_frame; frame <= damage->last_frame; frame++) {
            if (frame > model->committed_frame || damage_model_is_sound(model, frame)) {
                findings_violate(&world->log->findings, "frame %" PRIu64 " is said to be damaged", frame);
                return;
            }
        }
    }
}

/* The log's own counts are looked at: nothing public tells what a segment behind the oldest is kept for. */
static void check_counts(struct damage_world *world, const struct damage_answer answers[LOG_SUBJECTS_MAX])
{
    const struct state_log *log = &world->log->log;
    int64_t found = 0;
    int64_t known = 0;
    for (int32_t i = 0; i < world->model.subject_count; i++) {
        found += answers[i].status == STATUS_OK;
        known += answers[i].status == STATUS_OK || answers[i].is_setback;
    }
    int64_t live = log->open->live_images + (log->writing != NULL ? log->writing->live_images : 0);
    for (uint32_t i = 0; i < log->segments.count; i++) {
        live += log->segments.list[i].live_images;
    }
    if (live != found) {
        findings_violate(&world->log->findings,
                         "%" PRId64 " images are counted as latest, but %" PRId64 " are", live, found);
    }
    if (log->index.count != known) {
        findings_violate(&world->log->findings, "the index has %u subjects, not %" PRId64, log->index.count,
                         known);
    }
}

/* Each is what a find gives, and each subject that was set back is one of them. */
static void check_setbacks(struct damage_world *world, const struct damage_answer answers[LOG_SUBJECTS_MAX])
{
    uint32_t expected = 0;
    uint32_t listed = 0;
    record_ref ref;
    for (int32_t i = 0; i < world->model.subject_count; i++) {
        expected += answers[i].status == STATUS_OK && answers[i].is_setback;
    }
    while (state_log_setback(&world->log->log, listed, &ref) == STATUS_OK) {
        bool is_there = false;
        for (int32_t i = 0; i < world->model.subject_count; i++) {
            is_there |= answers[i].status == STATUS_OK && answers[i].is_setback && answers[i].ref == ref;
        }
        if (!is_there) {
            findings_violate(&world->log->findings, "nobody is set back to %" PRIx64 ", which is listed",
                             ref);
            return;
        }
        listed++;
    }
    if (listed != expected) {
        findings_violate(&world->log->findings, "%u set back subjects are listed, but there are %u", listed,
                         expected);
    }
}

void damage_check_whole_log(struct damage_world *world)
{
    struct log_world *log = world->log;
    struct damage_answer answers[LOG_SUBJECTS_MAX];
    struct state_log_losses losses;
    uint64_t frame = 0;
    enum status status;
    do {
        status = state_log_check(&log->reader, &frame);
    } while (status == STATUS_OK);
    status = status == STATUS_EMPTY ? state_log_repair(&log->reader) : status;
    if (!damage_check_status(world, status, "check and repair") || world->is_stopped) {
        return;
    }
    world->counts.tended++;
    damage_check_subjects(world, answers);
    if (world->is_stopped || log->findings.is_violated) {
        return;
    }
    state_log_losses(&log->log, &losses);
    if (losses.damages.count > world->counts.most_places) {
        world->counts.most_places = losses.damages.count;
    }
    check_told(world, &losses.damages);
    check_counts(world, answers);
    check_setbacks(world, answers);
}

void damage_check_files(struct damage_world *world)
{
    const struct log_world *log = world->log;
    struct segment_path oldest = segment_path_of("", SEGMENT_FILE, log->log.segments.list[0].number);
    for (int i = 0; i < log->disk.names.node_count; i++) {
        const struct virtual_node *node = &log->disk.names.nodes[i];
        bool is_segment = node->is_used && node->is_linked && strncmp(node->name, "segment-", 8) == 0;
        if (is_segment && strcmp(node->name, oldest.text + 1) < 0) {
            findings_violate(&world->log->findings, "%s is never given back", node->name);
        }
    }
}

void damage_check_version(struct damage_world *world, int32_t version)
{
    struct record record;
    const struct damage_version *held = &world->model.versions[version];
    bool is_sound = damage_model_is_sound(&world->model, record_ref_frame(held->ref));
    enum status status = state_log_read(&world->log->reader, held->ref, &record);
    bool is_missing = status == STATUS_NOT_FOUND || status == STATUS_CORRUPT;
    if (is_missing && (!is_sound || (held->is_replaced && status == STATUS_NOT_FOUND))) {
        return;
    }
    if (damage_check_status(world, status, "read") && status == STATUS_OK) {
        damage_model_agrees(&world->model, version, &record);
    }
}

static void scan_record(void *self, const struct record *record)
{
    struct damage_world *world = self;
    /* The last frame that was dropped may be there once more. */
    bool is_kept = record_ref_frame(record->ref) > world->model.gone_frame;
    if (record->kind == RECORD_IMAGE && is_kept) {
        damage_model_agrees(&world->model, damage_model_find(&world->model, record->ref), record);
    }
}

void damage_check_scan(struct damage_world *world)
{
    const struct damage_model *model = &world->model;
    struct state_log_listener listener = {.record = scan_record, .self = world};
    struct state_log_report report;
    bool is_hit = false;
    for (uint64_t frame = model->gone_frame; frame <= model->committed_frame; frame++) {
        is_hit |= model->frames[frame].fate != 0;
    }
    enum status status =
        state_log_scan(world->log->settings.folder, world->log->settings.io, listener, &report);
    world->log->counts->scans++;
    if (status != STATUS_CORRUPT || !is_hit) {
        damage_check_status(world, status, report.message[0] == '\0' ? "scan" : report.message);
    }
}

/* The first sound image behind it. */
static int32_t next_sound(const struct damage_model *model, int32_t version)
{
    for (version++; version < model->count; version++) {
        const struct damage_version *held = &model->versions[version];
        uint64_t frame = record_ref_frame(held->ref);
        if (!held->is_replaced && frame <= model->committed_frame && damage_model_is_sound(model, frame)) {
            return version;
        }
    }
    return DAMAGE_VERSION_NONE;
}

void damage_check_walk(struct damage_world *world)
{
    struct damage_model *model = &world->model;
    record_ref cursor = RECORD_REF_NONE;
    record_ref last = RECORD_REF_NONE;
    struct record record;
    int32_t expected = next_sound(model, -1);
    enum status status;
    while ((status = state_log_next(&world->log->reader, &cursor, &record)) == STATUS_OK) {
        if (record.ref <= last) {
            findings_violate(&world->log->findings, "%" PRIx64 " comes after %" PRIx64, record.ref, last);
        }
        last = record.ref;
        int32_t version = record.kind == RECORD_IMAGE ? damage_model_find(model, record.ref) : -1;
        if (record.kind == RECORD_IMAGE && !damage_model_agrees(model, version, &record)) {
            return;
        }
        if (expected != DAMAGE_VERSION_NONE && record.ref > model->versions[expected].ref) {
            break;
        }
        expected = version == expected && version >= 0 ? next_sound(model, version) : expected;
    }
    if (status == STATUS_IO) {
        damage_check_status(world, status, "next");
    } else if (expected != DAMAGE_VERSION_NONE) {
        findings_violate(&world->log->findings, "the image %" PRIx64 " is passed over",
                         model->versions[expected].ref);
    }
}
