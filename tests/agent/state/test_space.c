#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/state/frame.h"
#include "tests/agent/state/faulty_io.h"
#include "tests/agent/state/fixture.h"

enum { SEGMENT = 64 << 10, FRAMES_PER_SEGMENT = SEGMENT / FRAME_BLOCK_BYTES };

struct bench {
    struct fixture fixture;
    struct faulty_io faulty;
    int decisions; /* Put so far. */
};

static int set_up(void **context)
{
    struct bench *bench = calloc(1, sizeof *bench);
    fixture_start(&bench->fixture);
    faulty_io_init(&bench->faulty);
    bench->fixture.settings.io = faulty_io_calls(&bench->faulty);
    bench->fixture.settings.durability = DURABILITY_FSYNC;
    bench->fixture.settings.max_bytes = 6 * SEGMENT;
    bench->fixture.settings.recent_bytes = 0; /* Or it would remember what was dropped. */
    fixture_open(&bench->fixture);
    *context = bench;
    return 0;
}

static int tear_down(void **context)
{
    struct bench *bench = *context;
    fixture_close(&bench->fixture);
    fixture_end(&bench->fixture);
    free(bench);
    return 0;
}

/* One more decision in a frame of its own. */
static enum status decide(struct bench *bench)
{
    char body[32];
    snprintf(body, sizeof body, "decision %d", bench->decisions + 1);
    enum status status = fixture_try_put(&bench->fixture, decision_of("acme", body), SEQ_TAKEN);
    if (status == STATUS_OK) {
        bench->decisions++;
        fixture_commit(&bench->fixture);
    }
    return status;
}

static void decide_until_full(struct bench *bench)
{
    while (decide(bench) == STATUS_OK) {
        assert_true(bench->decisions < 1000);
    }
}

static void publish_everything(struct bench *bench)
{
    record_ref cursor = state_log_outbox_cursor(&bench->fixture.log);
    struct record record;
    while (state_log_next(&bench->fixture.reader, &cursor, &record) == STATUS_OK) {
    }
    state_log_set_outbox_cursor(&bench->fixture.log, cursor);
}

static void full_store_refuses_ordinary_puts_and_keeps_its_reserve(void **context)
{
    struct bench *bench = *context;
    decide_until_full(bench);
    assert_int_equal(fixture_try_put(&bench->fixture, decision_of("acme", "no"), SEQ_TAKEN), STATUS_NO_SPACE);
    struct state_log_stats stats;
    state_log_stats(&bench->fixture.log, &stats);
    assert_int_equal(stats.spare_segments, 2);
    assert_int_equal(stats.file_bytes, 6 * SEGMENT);
    assert_true(bench->decisions > 3 * FRAMES_PER_SEGMENT);
    assert_int_equal(state_log_begin_reserved(&bench->fixture.log, 1000), STATUS_OK);
    state_log_end(&bench->fixture.log);
    struct segment_range range;
    assert_int_equal(state_log_oldest(&bench->fixture.log, &range), STATUS_OK);
    assert_true(range.needed);
}

static void reserved_puts_end_where_the_reserve_ends(void **context)
{
    struct bench *bench = *context;
    decide_until_full(bench);
    int reserved = 0;
    while (state_log_begin_reserved(&bench->fixture.log, 1000) == STATUS_OK) {
        struct record record = decision_of("acme", "reserved");
        state_log_put(&bench->fixture.log, &record, SEQ_NONE);
        state_log_end(&bench->fixture.log);
        fixture_commit(&bench->fixture);
        reserved++;
    }
    assert_true(reserved >= 2 * FRAMES_PER_SEGMENT);
    assert_int_equal(decide(bench), STATUS_NO_SPACE);
}

static void dropping_the_oldest_makes_ordinary_puts_work_again(void **context)
{
    struct bench *bench = *context;
    decide_until_full(bench);
    assert_int_equal(state_log_drop_oldest(&bench->fixture.log), STATUS_INVALID);
    publish_everything(bench);
    assert_int_equal(state_log_drop_oldest(&bench->fixture.log), STATUS_OK);
    for (int i = 0; i < FRAMES_PER_SEGMENT; i++) {
        assert_int_equal(decide(bench), STATUS_OK);
    }
    fixture_reopen(&bench->fixture);
    assert_int_equal(bench->fixture.seen.count, bench->decisions - FRAMES_PER_SEGMENT);
    assert_string_equal(bench->fixture.seen.records[0].body, "decision 17");
}

static bool is_needed(struct bench *bench)
{
    struct segment_range range;
    return state_log_oldest(&bench->fixture.log, &range) == STATUS_OK && range.needed;
}

static void decide_at(struct bench *bench, instant_ms clock, int times)
{
    state_log_set_clock_high(&bench->fixture.log, clock);
    for (int i = 0; i < times; i++) {
        assert_int_equal(decide(bench), STATUS_OK);
    }
}

static void segment_may_go_when_its_youngest_entry_is_too_old(void **context)
{
    struct bench *bench = *context;
    fixture_close(&bench->fixture);
    bench->fixture.settings.retention_ms = 60000;
    fixture_open(&bench->fixture);
    decide_at(bench, 1000, FRAMES_PER_SEGMENT - 1);
    decide_at(bench, 5000, 2);
    assert_false(is_needed(bench));
    state_log_set_clock_high(&bench->fixture.log, 65000);
    assert_false(is_needed(bench));
    state_log_set_clock_high(&bench->fixture.log, 65001);
    assert_true(is_needed(bench));
    decide_at(bench, 65001, 1);
    assert_int_equal(state_log_checkpoint(&bench->fixture.log, CHECKPOINT_NOW), STATUS_OK);
    fixture_reopen(&bench->fixture);
    assert_true(is_needed(bench));
    publish_everything(bench);
    assert_int_equal(state_log_drop_oldest(&bench->fixture.log), STATUS_OK);
    assert_false(is_needed(bench));
}

static void segment_may_go_when_the_log_is_larger_than_it_need_be(void **context)
{
    struct bench *bench = *context;
    fixture_close(&bench->fixture);
    bench->fixture.settings.retention_bytes = SEGMENT;
    fixture_open(&bench->fixture);
    decide_at(bench, 0, FRAMES_PER_SEGMENT);
    assert_false(is_needed(bench));
    decide_at(bench, 0, 1);
    assert_true(is_needed(bench));
}

static void ask_whether_needed(void *self, const struct record *record)
{
    (void)record;
    assert_false(is_needed(self));
}

/* Between a segment's end and the making of the next spare there is one less than is kept. */
static void new_segment_alone_makes_no_compaction_needed(void **context)
{
    struct bench *bench = *context;
    fixture_close(&bench->fixture);
    bench->fixture.settings.max_bytes = 16 * SEGMENT;
    fixture_open(&bench->fixture);
    struct state_log_listener listener = {.record = ask_whether_needed, .self = bench};
    for (int i = 0; i < 3 * FRAMES_PER_SEGMENT; i++) {
        fixture_put(&bench->fixture, decision_of("acme", "x"), SEQ_TAKEN);
        assert_int_equal(state_log_commit(&bench->fixture.log, listener), STATUS_OK);
    }
}

/* Compaction that could go on for ever, rewriting what is all alive. */
static void whole_round_without_news_is_the_last(void **context)
{
    struct bench *bench = *context;
    fixture_close(&bench->fixture);
    bench->fixture.settings.retention_bytes = SEGMENT;
    bench->fixture.settings.max_bytes = 16 * SEGMENT;
    fixture_open(&bench->fixture);
    decide_at(bench, 0, 2 * FRAMES_PER_SEGMENT + 1);
    publish_everything(bench);
    int drops = 0;
    while (is_needed(bench)) {
        for (int i = 0; i < FRAMES_PER_SEGMENT; i++) { /* As if all of it were alive. */
            fixture_put(&bench->fixture, image_of("acme", "moved", INSTANT_NEVER), SEQ_NONE);
            fixture_commit(&bench->fixture);
        }
        publish_everything(bench);
        assert_int_equal(state_log_drop_oldest(&bench->fixture.log), STATUS_OK);
        assert_in_range(++drops, 1, 10);
    }
    assert_in_range(drops, 3, 10);
    decide_at(bench, 0, FRAMES_PER_SEGMENT);
    assert_true(is_needed(bench));
}

static void image_that_is_not_committed_yet_lets_no_segment_go(void **context)
{
    struct bench *bench = *context;
    fixture_put(&bench->fixture, image_of("acme", "old", INSTANT_NEVER), SEQ_NONE);
    decide_at(bench, 0, FRAMES_PER_SEGMENT + 1);
    fixture_put(&bench->fixture, image_of("acme", "new", INSTANT_NEVER), SEQ_NONE);
    publish_everything(bench);
    assert_int_equal(state_log_drop_oldest(&bench->fixture.log), STATUS_INVALID);
    fixture_commit(&bench->fixture);
    assert_int_equal(state_log_drop_oldest(&bench->fixture.log), STATUS_OK);
}

static void segment_with_a_latest_image_is_not_dropped(void **context)
{
    struct bench *bench = *context;
    fixture_put(&bench->fixture, image_of("acme", "old", INSTANT_NEVER), SEQ_NONE);
    fixture_put(&bench->fixture, image_of("other", "old", INSTANT_NEVER), SEQ_NONE);
    decide_until_full(bench);
    publish_everything(bench);
    struct segment_range range;
    assert_int_equal(state_log_oldest(&bench->fixture.log, &range), STATUS_OK);
    assert_int_equal(range.live_images, 2);
    assert_int_equal(range.first_frame, 1);
    assert_int_equal(range.last_frame, FRAMES_PER_SEGMENT);
    fixture_reopen(&bench->fixture);
    assert_int_equal(state_log_oldest(&bench->fixture.log, &range), STATUS_OK);
    assert_int_equal(range.live_images, 2);
    publish_everything(bench);
    assert_int_equal(state_log_drop_oldest(&bench->fixture.log), STATUS_INVALID);
    for (int i = 0; i < 2; i++) {
        struct record fresh = image_of(i == 0 ? "acme" : "other", "new", INSTANT_NEVER);
        assert_int_equal(state_log_begin_reserved(&bench->fixture.log, 1000), STATUS_OK);
        state_log_put(&bench->fixture.log, &fresh, SEQ_NONE);
        state_log_end(&bench->fixture.log);
    }
    assert_int_equal(state_log_oldest(&bench->fixture.log, &range), STATUS_OK);
    assert_int_equal(range.live_images, 0);
    fixture_commit(&bench->fixture);
    assert_int_equal(state_log_drop_oldest(&bench->fixture.log), STATUS_OK);
    struct name acme = name_of("acme");
    struct record image;
    fixture_reopen(&bench->fixture);
    assert_int_equal(state_log_find(&bench->fixture.reader, &acme, &image), STATUS_OK);
    assert_true(bytes_equal_string(image.body, "new"));
}

static void records_of_a_dropped_segment_are_not_found(void **context)
{
    struct bench *bench = *context;
    decide_until_full(bench);
    publish_everything(bench);
    struct record record;
    struct state_log_reader *reader = &bench->fixture.reader;
    assert_int_equal(state_log_read(reader, record_ref_of(1, 0), &record), STATUS_OK);
    assert_int_equal(state_log_read(reader, record_ref_of(2, 0), &record), STATUS_OK);
    assert_int_equal(state_log_drop_oldest(&bench->fixture.log), STATUS_OK);
    assert_int_equal(state_log_read(reader, record_ref_of(1, 0), &record), STATUS_NOT_FOUND);
    record_ref cursor = RECORD_REF_NONE;
    assert_int_equal(state_log_next(reader, &cursor, &record), STATUS_OK);
    assert_int_equal(record_ref_frame(cursor), FRAMES_PER_SEGMENT + 1);
}

static void the_segment_being_filled_is_never_the_oldest(void **context)
{
    struct bench *bench = *context;
    struct segment_range range;
    assert_int_equal(state_log_oldest(&bench->fixture.log, &range), STATUS_EMPTY);
    decide(bench);
    publish_everything(bench);
    assert_int_equal(state_log_oldest(&bench->fixture.log, &range), STATUS_EMPTY);
    assert_int_equal(state_log_drop_oldest(&bench->fixture.log), STATUS_EMPTY);
}

/* Many rounds through the same files: at each restart exactly what was not dropped is there. */
static void recycled_segments_never_bring_stale_frames_back(void **context)
{
    struct bench *bench = *context;
    int dropped = 0;
    for (int round = 0; round < 150; round++) {
        enum status status = decide(bench);
        if (status == STATUS_NO_SPACE || round % 40 == 39) {
            struct segment_range range;
            publish_everything(bench);
            if (state_log_oldest(&bench->fixture.log, &range) == STATUS_OK) {
                assert_int_equal(state_log_drop_oldest(&bench->fixture.log), STATUS_OK);
                dropped += (int)(range.last_frame - range.first_frame) + 1;
            }
        }
        fixture_reopen(&bench->fixture);
        assert_int_equal(bench->fixture.seen.count, bench->decisions - dropped);
        assert_int_equal(bench->fixture.report.torn_bytes, 0);
        assert_int_equal(state_log_last_seq(&bench->fixture.log), bench->decisions);
    }
    assert_true(dropped > 0);
}

/* The first frame of a segment made from an old one is torn: what follows in the file is older than it. */
static void torn_frame_in_a_recycled_segment_brings_nothing_back(void **context)
{
    struct bench *bench = *context;
    struct state_log_stats stats;
    decide_until_full(bench);
    publish_everything(bench);
    assert_int_equal(state_log_drop_oldest(&bench->fixture.log), STATUS_OK);
    do {
        assert_int_equal(decide(bench), STATUS_OK);
        state_log_stats(&bench->fixture.log, &stats);
    } while (stats.spare_segments == 3);
    fixture_close(&bench->fixture);
    struct segment_path path = fixture_segment(&bench->fixture, 5);
    assert_int_equal(file_length(path.text), SEGMENT);
    overwrite_file(path.text, 90, "torn", 4);
    fixture_open(&bench->fixture);
    assert_int_equal(bench->fixture.seen.count, bench->decisions - 1 - FRAMES_PER_SEGMENT);
    assert_int_equal(decide(bench), STATUS_OK);
    fixture_reopen(&bench->fixture);
    assert_int_equal(bench->fixture.seen.count, bench->decisions - 1 - FRAMES_PER_SEGMENT);
    assert_int_equal(state_log_last_seq(&bench->fixture.log), bench->decisions - 1);
}

static void full_disk_counts_like_a_full_budget_until_there_is_room(void **context)
{
    struct bench *bench = *context;
    bench->faulty.keep_failing = true;
    faulty_io_fail_next(&bench->faulty, FAULTY_ALLOCATE, ENOSPC);
    decide_until_full(bench);
    assert_true(bench->decisions < 2 * FRAMES_PER_SEGMENT);
    assert_int_equal(fixture_try_commit(&bench->fixture), STATUS_EMPTY);
    assert_int_equal(decide(bench), STATUS_NO_SPACE);
    faulty_io_heal(&bench->faulty);
    assert_int_equal(fixture_try_commit(&bench->fixture), STATUS_EMPTY);
    assert_int_equal(decide(bench), STATUS_OK);
}

static void store_opens_on_a_full_disk(void **context)
{
    struct bench *bench = *context;
    decide(bench);
    fixture_close(&bench->fixture);
    for (uint32_t number = 1; number < 10; number++) {
        unlink(segment_path_of(bench->fixture.folder, SPARE_FILE, number).text);
    }
    bench->faulty.keep_failing = true;
    faulty_io_fail_next(&bench->faulty, FAULTY_ALLOCATE, ENOSPC);
    fixture_open(&bench->fixture);
    assert_int_equal(bench->fixture.seen.count, 1);
    assert_int_equal(decide(bench), STATUS_OK);
    decide_until_full(bench);
}

static void smaller_budget_still_opens_and_shrinks_by_dropping(void **context)
{
    struct bench *bench = *context;
    decide_until_full(bench);
    fixture_close(&bench->fixture);
    bench->fixture.settings.max_bytes = 4 * SEGMENT;
    fixture_open(&bench->fixture);
    assert_int_equal(bench->fixture.seen.count, bench->decisions);
    assert_int_equal(decide(bench), STATUS_NO_SPACE);
    publish_everything(bench);
    struct segment_range range;
    while (state_log_oldest(&bench->fixture.log, &range) == STATUS_OK) {
        assert_int_equal(state_log_drop_oldest(&bench->fixture.log), STATUS_OK);
    }
    assert_int_equal(fixture_try_commit(&bench->fixture), STATUS_EMPTY);
    assert_int_equal(decide(bench), STATUS_OK);
    struct state_log_stats stats;
    state_log_stats(&bench->fixture.log, &stats);
    assert_true(stats.file_bytes <= 4 * SEGMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(full_store_refuses_ordinary_puts_and_keeps_its_reserve, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(reserved_puts_end_where_the_reserve_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dropping_the_oldest_makes_ordinary_puts_work_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(segment_may_go_when_its_youngest_entry_is_too_old, set_up, tear_down),
        cmocka_unit_test_setup_teardown(segment_may_go_when_the_log_is_larger_than_it_need_be, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(new_segment_alone_makes_no_compaction_needed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whole_round_without_news_is_the_last, set_up, tear_down),
        cmocka_unit_test_setup_teardown(image_that_is_not_committed_yet_lets_no_segment_go, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(segment_with_a_latest_image_is_not_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_of_a_dropped_segment_are_not_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_segment_being_filled_is_never_the_oldest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(recycled_segments_never_bring_stale_frames_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(torn_frame_in_a_recycled_segment_brings_nothing_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(full_disk_counts_like_a_full_budget_until_there_is_room, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(store_opens_on_a_full_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(smaller_budget_still_opens_and_shrinks_by_dropping, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
