/* What must hold when the log is open again. */
#include "tests/simulation/log_check.h"

#include <inttypes.h>

static void tell_observer(struct log_world *world, const struct record *record)
{
    if (world->observer.recovered != NULL) {
        world->observer.recovered(world->observer.self, record);
    }
}

static void listen(void *self, const struct record *record)
{
    struct log_world *world = self;
    log_model_find(&world->model, record);
    tell_observer(world, record);
}

/* Behind a checkpoint only the tail is told while the log opens: the rest is there to be read. False if the
 * disk does not let it. */
static bool read_all(struct log_world *world)
{
    struct log_model *model = &world->model;
    int32_t tail_end = model->first_found == LOG_ENTRY_NONE ? LOG_ENTRY_NONE : model->next_found;
    struct record record;
    record_ref cursor = RECORD_REF_NONE;
    enum status status;
    log_model_begin_recovery(model);
    if (world->observer.recovery_begins != NULL) {
        world->observer.recovery_begins(world->observer.self);
    }
    while ((status = state_log_next(&world->reader, &cursor, &record)) == STATUS_OK) {
        listen(world, &record);
    }
    if (status == STATUS_IO && world->disk.is_off) {
        return false;
    }
    if (status != STATUS_EMPTY) {
        findings_violate(&world->findings, "next after a restart: %s", status_name(status));
    }
    if (tail_end != LOG_ENTRY_NONE && tail_end != model->next_found && !world->findings.is_violated) {
        findings_violate(&world->findings, "the log opened with another end than it is read with");
    }
    return true;
}

struct state_log_listener log_check_listener(struct log_world *world)
{
    return (struct state_log_listener){.record = listen, .self = world};
}

static void check_mark(struct log_world *world, const char *what, uint64_t found, uint64_t least,
                       uint64_t most)
{
    if (found < least || found > most) {
        findings_violate(&world->findings,
                         "%s is %" PRIu64 " after the restart, not from %" PRIu64 " to %" PRIu64, what, found,
                         least, most);
    }
}

/* Cursor, clock and pool sequence never go back behind what was promised. */
static void check_marks(struct log_world *world, enum log_end end)
{
    struct log_model *model = &world->model;
    const struct log_marks *least = end == LOG_END_CUT ? &model->durable_marks : &model->committed_marks;
    const struct log_marks *most = &model->marks;
    struct log_marks found = {.cursor = state_log_outbox_cursor(&world->log),
                              .clock = state_log_clock_high(&world->log),
                              .pool_sequence = state_log_pool_sequence_high(&world->log)};
    check_mark(world, "the outbox cursor", found.cursor, least->cursor, most->cursor);
    check_mark(world, "the clock", (uint64_t)found.clock, (uint64_t)least->clock, (uint64_t)most->clock);
    check_mark(world, "the pool sequence", found.pool_sequence, least->pool_sequence, most->pool_sequence);
    model->marks = model->taken_marks = model->committed_marks = found;
    log_model_settle(model);
}

static void check_sequences(struct log_world *world, const struct state_log_report *report)
{
    const struct log_model *model = &world->model;
    if (state_log_last_seq(&world->log) != model->next_seq - 1 || report->last_seq != model->next_seq - 1) {
        findings_violate(&world->findings, "the last seq is %" PRIu64 ", not %" PRIu64,
                         state_log_last_seq(&world->log), model->next_seq - 1);
    }
    if (report->subjects != log_model_known(model)) {
        findings_violate(&world->findings, "reported %" PRIu64 " subjects, but there are %u",
                         report->subjects, log_model_known(model));
    }
    if (report->damages.count > 0) {
        findings_violate(&world->findings, "damage is reported: frames %" PRIu64 " to %" PRIu64,
                         report->damages.list[0].first_frame, report->damages.list[0].last_frame);
    }
    record_ref committed = state_log_committed(&world->log);
    bool has_last = model->count > 0 && log_model_is_readable(model, model->count - 1);
    if (has_last && committed != model->entries[model->count - 1].ref) {
        findings_violate(&world->findings, "the last committed record is said to be %" PRIx64, committed);
    }
}

static void check_some_reads(struct log_world *world)
{
    struct log_model *model = &world->model;
    for (int32_t i = 0; i < model->subject_count && !world->findings.is_violated; i++) {
        log_check_subject(world, i);
    }
    for (int i = 0; i < 2 && model->count > 0 && !world->findings.is_violated; i++) {
        log_check_entry(world, (int32_t)dice_roll(&world->dice, (uint32_t)model->count));
    }
}

/* All records in the model's hands; no read fails meanwhile. */
static bool find_all(struct log_world *world, const struct state_log_report *report)
{
    if (world->model.found != report->records) {
        findings_violate(&world->findings, "reported %" PRIu64 " records, but told %" PRIu64, report->records,
                         world->model.found);
    }
    if (!world->has_checkpoint || log_model_has_found_all(&world->model)) {
        return true;
    }
    uint64_t fail_read_in = world->disk.faults.fail_read_in;
    world->disk.faults.fail_read_in = 0;
    bool has_read = read_all(world);
    world->disk.faults.fail_read_in = fail_read_in;
    return has_read;
}

bool log_check_recovered(struct log_world *world, const struct state_log_report *report, enum log_end end)
{
    struct log_model *model = &world->model;
    if (world->findings.is_violated || !find_all(world, report)) {
        return false;
    }
    log_model_end_recovery(model, end);
    if (world->findings.is_violated) {
        return false;
    }
    world->counts->recovered += model->found;
    check_marks(world, end);
    check_sequences(world, report);
    if (world->observer.recovery_ends != NULL) {
        world->observer.recovery_ends(world->observer.self, model->gone_frame);
    }
    log_world_note(world, report->records);
    log_world_note(world, report->torn_bytes);
    check_some_reads(world);
    if (dice_chance(&world->dice, 100)) {
        log_check_walk(world, RECORD_REF_NONE, UINT32_MAX);
    }
    if (dice_chance(&world->dice, 60)) {
        log_check_scan(world);
    }
    return true;
}
