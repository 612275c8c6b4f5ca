#include "tests/simulation/log_work.h"

#include <inttypes.h>

#include "tests/simulation/log_check.h"

enum { EDGE_MOST_MS = 2000, TURN_MOST_MS = 300 };

static void violate_status(struct log_world *world, const char *doing, enum status status)
{
    findings_violate(&world->findings, "%s: %s", doing, status_name(status));
}

/* The log must say so for ever. */
static void note_failure(struct log_world *world, const char *doing, enum status status)
{
    if (!log_world_is_disturbed(world) || status != STATUS_IO) {
        violate_status(world, doing, status);
    }
    world->has_failed = true;
}

static enum log_promise promise_of(const struct log_world *world)
{
    return world->settings.durability == DURABILITY_FSYNC ? PROMISE_DURABLE : PROMISE_COMMITTED;
}

struct release {
    struct log_world *world;
    int32_t next;
};

/* What the commit released, in order, as it was put. */
static void released(void *self, const struct record *record)
{
    struct release *release = self;
    struct log_model *model = &release->world->model;
    while (release->next < model->taken && model->entries[release->next].is_replaced) {
        release->next++;
    }
    if (release->next >= model->taken) {
        findings_violate(model->findings, "a commit released %" PRIx64 ", which was not in it", record->ref);
        return;
    }
    log_model_agrees(model, release->next++, record, "release");
}

static void end_commit(struct log_world *world, enum status status)
{
    struct log_model *model = &world->model;
    switch ((int)status) {
    case STATUS_OK:
        log_model_commit(model, promise_of(world));
        world->counts->commits++;
        return;
    case STATUS_EMPTY:
        if (model->is_writing && model->taken > model->committed) {
            violate_status(world, "commit with records", status);
        }
        model->is_writing = false; /* A mark found no space. */
        return;
    case STATUS_NO_SPACE: world->counts->no_space++; return;
    default: note_failure(world, "commit", status); return;
    }
}

enum status log_work_commit(struct log_world *world)
{
    struct log_model *model = &world->model;
    bool had_failed = world->has_failed;
    if (!had_failed && !model->is_writing && (model->count > model->taken || model->is_marked)) {
        log_model_take(model);
    }
    struct release release = {.world = world, .next = model->committed};
    struct state_log_listener listener = {.record = released, .self = &release};
    enum status status = state_log_commit(&world->log, listener);
    findings_trace(&world->findings, "commit of %d records: %s", model->taken - model->committed,
                   status_name(status));
    log_world_note(world, status);
    if (had_failed) {
        if (status != STATUS_IO) {
            violate_status(world, "commit after a failure", status);
        }
        return status;
    }
    end_commit(world, status);
    return status;
}

void log_work_put(struct log_world *world, struct record *record, int16_t subject, uint64_t body_seed,
                  uint32_t length)
{
    struct log_model *model = &world->model;
    enum seq_use use = SEQ_NONE;
    if (record->kind == RECORD_DECISION || (record->kind == RECORD_REPLY && body_seed % 4 != 0)) {
        use = SEQ_TAKEN;
    }
    record->body = log_body(body_seed, length, world->body);
    if (subject != LOG_SUBJECT_NONE) {
        record->subject = model->subjects[subject].name;
    }
    state_log_put(&world->log, record, use);
    if (use == SEQ_TAKEN) {
        if (record->seq != model->next_seq) {
            findings_violate(&world->findings, "put gave seq %" PRIu64 ", not %" PRIu64, record->seq,
                             model->next_seq);
        }
        model->next_seq = record->seq + 1;
    }
    log_model_put(model, record, subject, body_seed);
    world->counts->records++;
    log_world_note(world, record->ref);
    if (world->observer.put != NULL) {
        world->observer.put(world->observer.self, record);
    }
}

static enum record_kind draw_kind(struct dice *dice)
{
    static const enum record_kind kinds[] = {
        RECORD_DECISION, RECORD_DECISION, RECORD_DECISION, RECORD_ANSWER, RECORD_REPLY,
        RECORD_IMAGE,    RECORD_IMAGE,    RECORD_IMAGE,    RECORD_IMAGE,  RECORD_DEAD_LETTER};
    return kinds[dice_roll(dice, sizeof kinds / sizeof *kinds)];
}

/* A new subject only while the index takes one. */
static bool may_have_image(struct log_world *world, int16_t subject)
{
    bool can_add = state_log_can_add(&world->log);
    if (can_add != (log_model_known(&world->model) < world->preset.subjects_max)) {
        findings_violate(&world->findings, "the log says %s to one more subject", can_add ? "yes" : "no");
    }
    return can_add || world->model.subjects[subject].latest != LOG_ENTRY_NONE;
}

static uint32_t draw_length(struct log_world *world)
{
    return dice_chance(&world->dice, 800) ? dice_roll(&world->dice, 60)
                                          : dice_roll(&world->dice, world->preset.body_most);
}

static void put_any(struct log_world *world, uint32_t length)
{
    struct dice *dice = &world->dice;
    int16_t subject = (int16_t)dice_roll(dice, (uint32_t)world->preset.subjects);
    struct record record = {.kind = draw_kind(dice), .edge = INSTANT_NEVER};
    if (record.kind == RECORD_IMAGE && !may_have_image(world, subject)) {
        record.kind = RECORD_ANSWER;
    }
    if (dice_chance(dice, 500)) {
        record.pool_sequence = world->model.marks.pool_sequence + dice_roll(dice, 3);
    }
    if (record.kind == RECORD_IMAGE) {
        int32_t latest = world->model.subjects[subject].latest;
        bool tells = latest != LOG_ENTRY_NONE && dice_chance(dice, 500);
        record.previous = tells ? world->model.entries[latest].ref : RECORD_REF_NONE;
        record.changes = (uint8_t)dice_roll(dice, 8);
        record.edge = dice_chance(dice, 300) ? world->now + dice_roll(dice, EDGE_MOST_MS) : INSTANT_NEVER;
    }
    log_work_put(world, &record, record.kind == RECORD_DEAD_LETTER ? LOG_SUBJECT_NONE : subject,
                 dice_bits(dice), length);
}

/* STATUS_FULL is answered with a commit. */
static enum status begin(struct log_world *world, size_t bytes)
{
    bool had_failed = world->has_failed;
    enum status status = state_log_try_begin(&world->log, bytes);
    if (status == STATUS_FULL && log_work_commit(world) == STATUS_OK) {
        status = state_log_try_begin(&world->log, bytes);
    }
    log_world_note(world, status);
    if (had_failed && status != STATUS_IO) {
        violate_status(world, "begin after a failure", status);
    }
    return status;
}

enum { RECORDS_MOST = 8 };

static void transact(struct log_world *world)
{
    uint32_t lengths[RECORDS_MOST];
    uint32_t count = 1 + dice_roll(&world->dice, world->preset.records_most);
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        lengths[i] = draw_length(world);
        bytes += lengths[i] + STATE_LOG_RECORD_OVERHEAD;
    }
    if (bytes > world->preset.batch_bytes || world->model.count + (int32_t)count > LOG_ENTRIES_MAX / 2) {
        return;
    }
    enum status status = begin(world, bytes);
    if (status == STATUS_NO_SPACE) {
        world->counts->no_space++;
        log_work_compact(world, COMPACTION_ANYWAY);
    } else if (status != STATUS_OK && status != STATUS_FULL) {
        note_failure(world, "begin", status);
    }
    if (status != STATUS_OK) {
        return;
    }
    if (state_log_next_seq(&world->log) != world->model.next_seq) {
        findings_violate(&world->findings, "the next seq is said to be %" PRIu64,
                         state_log_next_seq(&world->log));
    }
    for (uint32_t i = 0; i < count; i++) {
        put_any(world, lengths[i]);
    }
    state_log_end(&world->log);
    findings_trace(&world->findings, "put %u records, the last %" PRIx64, count,
                   world->model.entries[world->model.count - 1].ref);
}

static void mark(struct log_world *world)
{
    struct log_model *model = &world->model;
    struct dice *dice = &world->dice;
    if (dice_chance(dice, 500)) {
        state_log_set_clock_high(&world->log, world->now);
        model->marks.clock = model->marks.clock < world->now ? world->now : model->marks.clock;
    }
    if (dice_chance(dice, 500) && model->committed > 0) {
        record_ref cursor = model->entries[dice_roll(dice, (uint32_t)model->committed)].ref;
        state_log_set_outbox_cursor(&world->log, cursor);
        model->marks.cursor = model->marks.cursor < cursor ? cursor : model->marks.cursor;
    }
    if (dice_chance(dice, 700)) {
        state_log_mark(&world->log);
        model->is_marked = true;
    }
}

static void read_something(struct log_world *world)
{
    struct log_model *model = &world->model;
    struct dice *dice = &world->dice;
    int32_t entry = model->count > 0 ? (int32_t)dice_roll(dice, (uint32_t)model->count) : LOG_ENTRY_NONE;
    switch (dice_roll(dice, 3)) {
    case 0: log_check_subject(world, (int32_t)dice_roll(dice, (uint32_t)model->subject_count)); break;
    case 1:
        if (entry != LOG_ENTRY_NONE) {
            log_check_entry(world, entry);
        }
        break;
    default:
        log_check_walk(world, entry == LOG_ENTRY_NONE ? RECORD_REF_NONE : model->entries[entry].ref,
                       dice_roll(dice, 10));
        break;
    }
}

static void pass_time(struct log_world *world)
{
    world->now += dice_roll(&world->dice, TURN_MOST_MS);
    if (!world->has_failed) {
        log_check_due(world);
    }
}

/* Nothing but the next start depends on it. */
static void checkpoint(struct log_world *world)
{
    bool had_failed = world->has_failed;
    enum checkpoint_wish wish = dice_chance(&world->dice, 900) ? CHECKPOINT_NOW : CHECKPOINT_IF_DUE;
    enum status status = state_log_checkpoint(&world->log, wish);
    findings_trace(&world->findings, "checkpoint: %s", status_name(status));
    log_world_note(world, status);
    bool is_excused = status == STATUS_EMPTY || status == STATUS_NO_SPACE ||
                      (status == STATUS_IO && (had_failed || log_world_is_disturbed(world)));
    if (status != STATUS_OK && !is_excused) {
        violate_status(world, "checkpoint", status);
    }
    world->has_checkpoint = true; /* Also of a failed one something may be left. */
    world->counts->checkpoints += status == STATUS_OK ? 1 : 0;
}

bool log_work_once(struct log_world *world)
{
    struct dice *dice = &world->dice;
    world->findings.step++;
    if (dice_chance(dice, world->preset.commits_per_mille)) {
        log_work_commit(world);
    } else if (dice_chance(dice, world->preset.reads_per_mille)) {
        read_something(world);
    } else if (dice_chance(dice, world->preset.compactions_per_mille)) {
        log_work_compact(world, COMPACTION_ANYWAY);
    } else if (dice_chance(dice, world->preset.checkpoints_per_mille)) {
        checkpoint(world);
    } else if (dice_chance(dice, 100)) {
        mark(world);
    } else if (dice_chance(dice, 60)) {
        pass_time(world);
    } else {
        transact(world);
        log_work_compact(world, COMPACTION_IF_NEEDED);
    }
    return !world->disk.is_off && !world->findings.is_violated &&
           !(world->has_failed && dice_chance(dice, 300));
}
