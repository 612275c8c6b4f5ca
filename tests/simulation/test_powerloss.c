/* Cuts the power at every change a workload makes to the disk; whatever was acknowledged must be there
 * afterwards, and nothing that was never put. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/reader.h"
#include "tests/simulation/virtual_disk.h"

enum { SUBJECTS = 5, BODY_MOST = 3000, SEQS_MAX = 4000, SEGMENT_BYTES = 64 << 10 };

struct world {
    struct virtual_disk disk;
    struct dice dice;
    struct state_log_settings settings;
    struct state_log log;
    struct state_log_reader reader;
    uint64_t acknowledged;     /* The highest seq that was. */
    uint64_t put;              /* The highest seq ever put, in any life. */
    uint64_t kept_from;        /* Seqs before it were dropped. */
    uint64_t images[SUBJECTS]; /* The version acknowledged of each. */
    uint64_t images_put[SUBJECTS];
    uint64_t lives[SEQS_MAX]; /* In which life each seq was put last: part of its body. */
    uint64_t life;
    uint64_t recovered_first;
    uint64_t recovered_last;
};

static size_t make_body(uint64_t seq, uint64_t life, uint8_t body[BODY_MOST])
{
    uint64_t state = seq * 1000003 + life;
    size_t length = 16 + (size_t)(state * 2654435761U % (BODY_MOST - 16));
    for (size_t i = 0; i < length; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        body[i] = (uint8_t)(state >> 60); /* Compresses to about half. */
    }
    memcpy(body, &life, sizeof life);
    return length;
}

static struct name subject_name(size_t subject)
{
    char text[16];
    snprintf(text, sizeof text, "subject-%zu", subject);
    return name_of(text);
}

static void check_decision(struct world *world, const struct record *record)
{
    uint8_t body[BODY_MOST];
    uint64_t life;
    assert_true(record->seq <= world->put);
    assert_true(world->recovered_last == 0 || record->seq == world->recovered_last + 1);
    memcpy(&life, record->body.data, sizeof life);
    size_t length = make_body(record->seq, life, body);
    assert_int_equal(record->body.length, length);
    assert_memory_equal(record->body.data, body, length);
    if (record->seq <= world->acknowledged) {
        assert_int_equal(life, world->lives[record->seq]);
    }
    world->lives[record->seq] = life;
    world->recovered_first = world->recovered_first == 0 ? record->seq : world->recovered_first;
    world->recovered_last = record->seq;
}

static void recover_record(void *self, const struct record *record)
{
    if (record->kind == RECORD_DECISION) {
        check_decision(self, record);
    }
}

static void acknowledge(void *self, const struct record *record)
{
    struct world *world = self;
    if (record->kind == RECORD_DECISION) {
        world->acknowledged = record->seq;
    } else if (record->kind == RECORD_IMAGE) {
        size_t subject = (size_t)(record->subject.text[8] - '0');
        memcpy(&world->images[subject], record->body.data, sizeof world->images[subject]);
    }
}

static void put_image(struct world *world, size_t subject)
{
    uint64_t version = ++world->images_put[subject];
    struct record image = {.kind = RECORD_IMAGE,
                           .subject = subject_name(subject),
                           .edge = INSTANT_NEVER,
                           .body = bytes_of(&version, sizeof version)};
    state_log_put(&world->log, &image, SEQ_NONE);
}

static enum status put_some(struct world *world)
{
    uint8_t body[BODY_MOST];
    enum status status = STATUS_OK;
    for (uint64_t i = dice_roll(&world->dice, 4); i < 5 && status == STATUS_OK; i++) {
        status = state_log_begin(&world->log, BODY_MOST + 3 * STATE_LOG_RECORD_OVERHEAD);
        if (status != STATUS_OK) {
            break;
        }
        uint64_t seq = state_log_next_seq(&world->log);
        struct record decision = {.kind = RECORD_DECISION, .subject = subject_name(seq % SUBJECTS)};
        decision.body = bytes_of(body, make_body(seq, world->life, body));
        state_log_put(&world->log, &decision, SEQ_TAKEN);
        put_image(world, seq % SUBJECTS);
        state_log_end(&world->log);
        assert_true(seq < SEQS_MAX);
        world->lives[seq] = world->life;
        world->put = seq > world->put ? seq : world->put;
    }
    return status;
}

static enum status commit(struct world *world)
{
    struct state_log_listener listener = {.record = acknowledge, .self = world};
    return state_log_commit(&world->log, listener);
}

/* The first decision that stays when all up to that frame go; a drop cut short may or may not have happened.
 */
static void note_first(struct world *world, uint64_t last_frame)
{
    record_ref cursor = record_ref_of(last_frame + 1, 0) - 1;
    struct record record;
    while (state_log_next(&world->reader, &cursor, &record) == STATUS_OK) {
        if (record.kind == RECORD_DECISION) {
            world->kept_from = record.seq;
            return;
        }
    }
}

static enum status compact(struct world *world)
{
    struct segment_range range;
    if (state_log_oldest(&world->log, &range) != STATUS_OK || !range.needed) {
        return STATUS_OK;
    }
    enum status status = state_log_begin_reserved(&world->log, SUBJECTS * 2 * STATE_LOG_RECORD_OVERHEAD);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < SUBJECTS; i++) {
        put_image(world, i);
    }
    state_log_end(&world->log);
    status = commit(world);
    if (status != STATUS_OK) {
        return status;
    }
    state_log_set_outbox_cursor(&world->log, state_log_committed(&world->log));
    note_first(world, range.last_frame);
    return state_log_drop_oldest(&world->log);
}

/* Works until the power fails, or for `rounds`. */
static void work(struct world *world, int rounds)
{
    enum status status = STATUS_OK;
    for (int i = 0; i < rounds && status == STATUS_OK; i++) {
        status = put_some(world);
        if (status == STATUS_OK || status == STATUS_NO_SPACE) {
            status = commit(world);
        }
        status = status == STATUS_EMPTY ? STATUS_OK : status;
        if (status == STATUS_OK) {
            status = compact(world);
        }
    }
    if (status != STATUS_OK && !world->disk.is_off) {
        print_error("work: %s\n", status_name(status));
    }
    assert_true(status == STATUS_OK || world->disk.is_off);
}

static bool start(struct world *world)
{
    struct state_log_report report;
    struct state_log_listener listener = {.record = recover_record, .self = world};
    world->recovered_first = 0;
    world->recovered_last = 0;
    world->life++;
    enum status status = state_log_open(&world->log, &world->settings, listener, &report);
    if (status != STATUS_OK) {
        if (!world->disk.is_off) {
            print_error("open: %s: %s\n", status_name(status), report.message);
        }
        assert_true(world->disk.is_off);
        return false;
    }
    assert_int_equal(state_log_reader_open(&world->reader, &world->log), STATUS_OK);
    return true;
}

static void stop(struct world *world)
{
    state_log_reader_close(&world->reader);
    state_log_close(&world->log);
}

static void check_images(struct world *world)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        struct name subject = subject_name(i);
        struct record image;
        enum status status = state_log_find(&world->reader, &subject, &image);
        uint64_t version = 0;
        if (status == STATUS_OK) {
            memcpy(&version, image.body.data, sizeof version);
        } else {
            assert_int_equal(status, STATUS_NOT_FOUND);
        }
        assert_true(version >= world->images[i]);
        assert_true(version <= world->images_put[i]);
        world->images[i] = version;
    }
}

/* With what was acknowledged, or some of what was on its way, and never with a gap. */
static void check_recovered(struct world *world)
{
    if (world->settings.durability == DURABILITY_FSYNC) {
        assert_true(world->recovered_last >= world->acknowledged);
        assert_true(world->acknowledged == 0 || world->recovered_first <= world->kept_from);
        check_images(world);
    }
    world->acknowledged = world->recovered_last;
    world->put = world->recovered_last;
    if (world->recovered_first > 0) {
        world->kept_from = world->recovered_first;
    }
}

static void drop_world(struct world *world)
{
    virtual_disk_close(&world->disk);
    free(world);
}

static struct world *make_world(uint64_t seed, enum log_durability durability)
{
    struct world *world = calloc(1, sizeof *world);
    world->dice = (struct dice){.state = seed};
    struct virtual_disk_settings disk = {.seed = seed, .sector_bytes = seed % 2 == 0 ? 512 : 4096};
    virtual_disk_init(&world->disk, &disk);
    world->kept_from = 1;
    world->settings = (struct state_log_settings){.folder = "/disk",
                                                  .io = virtual_disk_io(&world->disk),
                                                  .durability = durability,
                                                  .segment_bytes = SEGMENT_BYTES,
                                                  .max_bytes = 7 * SEGMENT_BYTES,
                                                  .compression = 1,
                                                  .batch_bytes = 20 << 10,
                                                  .subjects_max = 16,
                                                  .recent_bytes = 8 << 10};
    return world;
}

/* One life that ends with a cut, and the start after it. Returns whether the power failed at all. */
static bool live_and_recover(struct world *world, uint64_t cut_after, int rounds)
{
    world->disk.faults.cut_in = cut_after;
    if (start(world)) {
        check_recovered(world);
        work(world, rounds);
        stop(world);
    }
    bool was_cut = world->disk.is_off;
    virtual_disk_restart(&world->disk);
    assert_true(start(world));
    check_recovered(world);
    stop(world);
    return was_cut;
}

static void cut_at_every_change(enum log_durability durability, int rounds)
{
    bool was_cut = true;
    for (uint64_t cut = 1; was_cut; cut++) {
        struct world *world = make_world(cut, durability);
        was_cut = live_and_recover(world, cut, rounds);
        drop_world(world);
    }
}

static void acknowledged_work_survives_a_cut_at_every_change(void **context)
{
    (void)context;
    cut_at_every_change(DURABILITY_FSYNC, 40);
}

static void without_syncs_a_cut_still_leaves_a_log_without_gaps(void **context)
{
    (void)context;
    cut_at_every_change(DURABILITY_OS, 40);
}

static void many_lives_with_cuts_lose_nothing(void **context)
{
    (void)context;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct world *world = make_world(seed * 7919, DURABILITY_FSYNC);
        for (int life = 0; life < 25; life++) {
            uint64_t cut = 1 + dice_roll(&world->dice, 120);
            live_and_recover(world, cut, 100);
        }
        assert_true(world->acknowledged > 200);
        assert_true(world->kept_from > 1);
        drop_world(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_work_survives_a_cut_at_every_change),
        cmocka_unit_test(without_syncs_a_cut_still_leaves_a_log_without_gaps),
        cmocka_unit_test(many_lives_with_cuts_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
