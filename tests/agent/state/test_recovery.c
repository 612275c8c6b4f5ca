#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "agent/state/frame.h"
#include "tests/agent/state/faulty_io.h"
#include "tests/agent/state/fixture.h"

struct bench {
    struct fixture fixture;
    struct faulty_io faulty;
};

static int set_up(void **context)
{
    struct bench *bench = malloc(sizeof *bench);
    fixture_start(&bench->fixture);
    faulty_io_init(&bench->faulty);
    bench->fixture.settings.io = faulty_io_calls(&bench->faulty);
    bench->fixture.settings.durability = DURABILITY_FSYNC;
    fixture_open(&bench->fixture);
    *context = bench;
    return 0;
}

static int tear_down(void **context)
{
    struct bench *bench = *context;
    fixture_end(&bench->fixture);
    free(bench);
    return 0;
}

enum { SEVERAL = 10 };

/* Frames 1 to SEVERAL, one block each, bodies "frame 1"... */
static void write_several(struct fixture *fixture)
{
    char body[32];
    for (int i = 1; i <= SEVERAL; i++) {
        snprintf(body, sizeof body, "frame %d", i);
        fixture_decide(fixture, body);
    }
}

static void assert_bodies(const struct seen *seen, size_t count)
{
    char body[32];
    assert_int_equal(seen->count, count);
    for (size_t i = 0; i < count; i++) {
        snprintf(body, sizeof body, "frame %zu", i + 1);
        assert_string_equal(seen->records[i].body, body);
        assert_int_equal(seen->records[i].record.seq, i + 1);
    }
}

static void everything_committed_is_recovered_across_segments(void **context)
{
    struct fixture *fixture = &((struct bench *)*context)->fixture;
    uint8_t *noise = malloc(9000);
    uint32_t state = 7;
    for (int i = 0; i < 40; i++) {
        for (size_t j = 0; j < 9000; j++) {
            state = state * 1664525 + 1013904223;
            noise[j] = (uint8_t)(state >> 24);
        }
        struct record record = decision_of("acme", "");
        record.body = bytes_of(noise, 9000);
        fixture_put(fixture, record, SEQ_TAKEN);
        fixture_put(fixture, image_of("acme", "state", i), SEQ_NONE);
        fixture_commit(fixture);
    }
    free(noise);
    fixture_reopen(fixture);
    assert_int_equal(fixture->report.frames, 40);
    assert_int_equal(fixture->report.records, 80);
    assert_int_equal(fixture->report.subjects, 1);
    assert_int_equal(fixture->report.last_seq, 40);
    assert_int_equal(fixture->report.torn_bytes, 0);
    struct state_log_stats stats;
    state_log_stats(&fixture->log, &stats);
    assert_in_range(stats.used_bytes, 8 * (64 << 10), 9 * (64 << 10));
    fixture_decide(fixture, "goes on");
    fixture_close(fixture);
    assert_int_equal(fixture_scan(fixture), STATUS_OK);
    assert_int_equal(fixture->report.frames, 41);
}

static void cut_the_last_frame_and_reopen(struct fixture *fixture, const uint8_t *last, size_t kept,
                                          uint8_t filler)
{
    struct segment_path path = fixture_segment(fixture, 1);
    uint8_t blocks[2 * FRAME_BLOCK_BYTES] = {0}; /* The second: no repetition. */
    memset(blocks, filler, FRAME_BLOCK_BYTES);
    memcpy(blocks, last, kept);
    overwrite_file(path.text, (SEVERAL - 1) * FRAME_BLOCK_BYTES, blocks, sizeof blocks);
    fixture_open(fixture);
}

static void torn_last_frame_is_cut_wherever_it_was_torn(void **context)
{
    struct fixture *fixture = &((struct bench *)*context)->fixture;
    write_several(fixture);
    fixture_close(fixture);
    uint8_t last[FRAME_BLOCK_BYTES];
    struct segment_path path = fixture_segment(fixture, 1);
    read_file(path.text, (SEVERAL - 1) * FRAME_BLOCK_BYTES, last, sizeof last);
    static const uint8_t fillers[] = {0x00, 0xff, 0x5a};
    for (size_t kept = 0; kept <= sizeof last; kept = kept < 160 ? kept + 5 : kept + 656) {
        uint8_t torn[FRAME_BLOCK_BYTES];
        memset(torn, fillers[kept % 3], sizeof torn);
        memcpy(torn, last, kept);
        bool is_whole = memcmp(torn, last, sizeof last) == 0;
        cut_the_last_frame_and_reopen(fixture, last, kept, fillers[kept % 3]);
        assert_bodies(&fixture->seen, is_whole ? SEVERAL : SEVERAL - 1);
        fixture_close(fixture);
    }
}

static void log_goes_on_after_a_torn_frame_and_never_shows_it(void **context)
{
    struct fixture *fixture = &((struct bench *)*context)->fixture;
    write_several(fixture);
    fixture_close(fixture);
    uint8_t last[FRAME_BLOCK_BYTES];
    read_file(fixture_segment(fixture, 1).text, (SEVERAL - 1) * FRAME_BLOCK_BYTES, last, sizeof last);
    cut_the_last_frame_and_reopen(fixture, last, 170, 0xee);
    assert_int_equal(fixture->report.torn_bytes, FRAME_BLOCK_BYTES);
    assert_int_equal(state_log_last_seq(&fixture->log), SEVERAL - 1);
    fixture_decide(fixture, "instead");
    fixture_reopen(fixture);
    assert_int_equal(fixture->report.torn_bytes, 0);
    assert_int_equal(fixture->seen.count, SEVERAL);
    assert_string_equal(fixture->seen.records[SEVERAL - 1].body, "instead");
    fixture_close(fixture);
}

static void file_cut_short_anywhere_in_its_last_frame_loses_only_that(void **context)
{
    struct fixture *fixture = &((struct bench *)*context)->fixture;
    write_several(fixture);
    fixture_close(fixture);
    struct segment_path path = fixture_segment(fixture, 1);
    static const off_t lengths[] = {4095, 3000, 512, 180, FRAME_HEADER_BYTES, FRAME_HEADER_BYTES - 1, 1, 0};
    uint8_t last[FRAME_BLOCK_BYTES];
    read_file(path.text, (SEVERAL - 1) * FRAME_BLOCK_BYTES, last, sizeof last);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        assert_int_equal(truncate(path.text, (SEVERAL - 1) * FRAME_BLOCK_BYTES + lengths[i]), 0);
        fixture_open(fixture);
        assert_bodies(&fixture->seen, SEVERAL - 1);
        fixture_close(fixture);
        assert_int_equal(file_length(path.text), 64 << 10);
        overwrite_file(path.text, (SEVERAL - 1) * FRAME_BLOCK_BYTES, last, sizeof last);
    }
}

static void frames_never_synced_may_be_lost_together(void **context)
{
    struct fixture *fixture = &((struct bench *)*context)->fixture;
    fixture_close(fixture);
    fixture->settings.durability = DURABILITY_OS;
    fixture_open(fixture);
    write_several(fixture);
    fixture_close(fixture);
    overwrite_file(fixture_segment(fixture, 1).text, 4 * FRAME_BLOCK_BYTES + 170, "x", 1);
    fixture_open(fixture);
    assert_bodies(&fixture->seen, 4);
    assert_int_equal(fixture->report.torn_bytes, 6 * FRAME_BLOCK_BYTES);
    fixture_decide(fixture, "frame 5");
    fixture_reopen(fixture);
    assert_bodies(&fixture->seen, 5);
    assert_int_equal(fixture->report.torn_bytes, 0);
    fixture_close(fixture);
}

static void unknown_format_version_is_refused(void **context)
{
    struct fixture *fixture = &((struct bench *)*context)->fixture;
    write_several(fixture);
    fixture_close(fixture);
    /* As a later version would write it: its version, its checksum. */
    uint8_t header[FRAME_HEADER_BYTES];
    struct segment_path path = fixture_segment(fixture, 1);
    read_file(path.text, (SEVERAL - 1) * FRAME_BLOCK_BYTES, header, sizeof header);
    header[4] = FRAME_FORMAT_VERSION + 1;
    uint32_t crc = (uint32_t)crc32(0, header, FRAME_HEADER_BYTES - 4);
    memcpy(header + FRAME_HEADER_BYTES - 4, &crc, 4);
    overwrite_file(path.text, (SEVERAL - 1) * FRAME_BLOCK_BYTES, header, sizeof header);
    assert_int_equal(fixture_try_open(fixture), STATUS_UNSUPPORTED);
    assert_non_null(strstr(fixture->report.message, "written in format 3, but this version reads format 2"));
}

static void second_agent_is_refused(void **context)
{
    struct fixture *fixture = &((struct bench *)*context)->fixture;
    struct state_log *second = malloc(sizeof *second);
    struct state_log_report report;
    struct state_log_listener nobody = {0};
    assert_int_equal(state_log_open(second, &fixture->settings, nobody, &report), STATUS_LOCKED);
    assert_non_null(strstr(report.message, "in use by another agent"));
    fixture_close(fixture);
    assert_int_equal(state_log_open(second, &fixture->settings, nobody, &report), STATUS_OK);
    state_log_close(second);
    free(second);
}

static void failed_sync_is_final_and_recovered_from_disk(void **context)
{
    struct bench *bench = *context;
    struct fixture *fixture = &bench->fixture;
    fixture_decide(fixture, "frame 1");
    fixture_put(fixture, decision_of("acme", "frame 2"), SEQ_TAKEN);
    faulty_io_fail_next(&bench->faulty, FAULTY_SYNC, EIO);
    assert_int_equal(fixture_try_commit(fixture), STATUS_IO);
    assert_int_equal(fixture->seen.count, 0);
    assert_int_equal(fixture_try_commit(fixture), STATUS_IO);
    assert_int_equal(fixture_try_put(fixture, decision_of("acme", "no"), SEQ_TAKEN), STATUS_IO);
    assert_int_equal(state_log_wait(&fixture->log, 0), STATUS_IO);
    record_ref cursor = record_ref_of(1, 0);
    struct record record;
    assert_int_equal(state_log_next(&fixture->reader, &cursor, &record), STATUS_EMPTY);
    fixture_reopen(fixture);
    assert_bodies(&fixture->seen, 2);
    fixture_close(fixture);
}

/* The sync failed and the kernel forgot the frame: what a start still found in memory is gone from the disk
 * at the next power cut, but its copy is there. */
static void frame_is_read_from_its_copy_when_the_first_was_lost_later(void **context)
{
    struct fixture *fixture = &((struct bench *)*context)->fixture;
    fixture_put(fixture, image_of("acme", "state", INSTANT_NEVER), SEQ_NONE);
    fixture_decide(fixture, "frame 1");
    fixture_reopen(fixture);
    static const uint8_t nothing[FRAME_BLOCK_BYTES];
    overwrite_file(fixture_segment(fixture, 1).text, 0, nothing, sizeof nothing);
    struct name acme = name_of("acme");
    struct record image;
    assert_int_equal(state_log_find(&fixture->reader, &acme, &image), STATUS_OK);
    assert_false(image.is_setback);
    assert_int_equal(state_log_checkpoint(&fixture->log, CHECKPOINT_NOW), STATUS_OK);
    fixture_reopen(fixture);
    assert_int_equal(state_log_find(&fixture->reader, &acme, &image), STATUS_OK);
    assert_false(image.is_setback);
    fixture_close(fixture);
}

/* How often the first frame is there in a row. */
static int copies_of_first(const struct fixture *fixture)
{
    uint8_t frames[5 * FRAME_BLOCK_BYTES];
    read_file(fixture_segment(fixture, 1).text, 0, frames, sizeof frames);
    int copies = 1;
    while (copies < 5 && memcmp(frames, frames + copies * FRAME_BLOCK_BYTES, FRAME_BLOCK_BYTES) == 0) {
        copies++;
    }
    assert_int_equal(frames[copies * FRAME_BLOCK_BYTES], 0);
    return copies;
}

/* One sync may have failed, then another: three in a row are believed. */
static void recovered_last_frame_is_repeated_twice_and_no_more(void **context)
{
    struct bench *bench = *context;
    struct fixture *fixture = &bench->fixture;
    fixture_decide(fixture, "frame 1");
    static const int copies[] = {2, 3, 3, 3};
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
        unsigned syncs = bench->faulty.calls[FAULTY_SYNC];
        fixture_reopen(fixture);
        assert_true(bench->faulty.calls[FAULTY_SYNC] > syncs);
        assert_int_equal(copies_of_first(fixture), copies[i]);
    }
    fixture_close(fixture);
    assert_int_equal(fixture_scan(fixture), STATUS_OK);
    assert_bodies(&fixture->seen, 1);
}

static void repetition_stands_in_for_a_lost_frame(void **context)
{
    struct fixture *fixture = &((struct bench *)*context)->fixture;
    write_several(fixture);
    fixture_reopen(fixture);
    fixture_decide(fixture, "frame 11");
    fixture_close(fixture);
    overwrite_file(fixture_segment(fixture, 1).text, (SEVERAL - 1) * FRAME_BLOCK_BYTES, "lost", 4);
    fixture_open(fixture);
    assert_bodies(&fixture->seen, SEVERAL + 1);
    struct record record;
    assert_int_equal(state_log_read(&fixture->reader, record_ref_of(SEVERAL, 0), &record), STATUS_OK);
    assert_true(bytes_equal_string(record.body, "frame 10"));
    fixture_close(fixture);
}

/* The last frame ends its segment: its repetition begins the next one. */
static void repetition_may_begin_a_segment(void **context)
{
    struct fixture *fixture = &((struct bench *)*context)->fixture;
    for (int i = 1; i <= 16; i++) {
        char body[32];
        snprintf(body, sizeof body, "frame %d", i);
        fixture_decide(fixture, body);
    }
    for (int i = 0; i < 3; i++) {
        fixture_reopen(fixture);
        assert_bodies(&fixture->seen, 16);
    }
    struct state_log_stats stats;
    state_log_stats(&fixture->log, &stats);
    assert_int_equal(stats.used_bytes, 2 * fixture->settings.segment_bytes);
    fixture_decide(fixture, "frame 17");
    fixture_close(fixture);
    overwrite_file(fixture_segment(fixture, 1).text, 15 * FRAME_BLOCK_BYTES, "lost", 4);
    fixture_open(fixture);
    assert_bodies(&fixture->seen, 17);
    fixture_close(fixture);
}

static void repetition_whose_sync_fails_is_no_proof(void **context)
{
    struct bench *bench = *context;
    struct fixture *fixture = &bench->fixture;
    write_several(fixture);
    fixture_close(fixture);
    faulty_io_fail_next(&bench->faulty, FAULTY_SYNC, EIO);
    assert_int_equal(fixture_try_open(fixture), STATUS_IO);
    uint8_t block[FRAME_BLOCK_BYTES];
    read_file(fixture_segment(fixture, 1).text, SEVERAL * FRAME_BLOCK_BYTES, block, sizeof block);
    assert_int_equal(block[0], 0);
    fixture_open(fixture);
    assert_bodies(&fixture->seen, SEVERAL);
    fixture_close(fixture);
}

static void failed_write_is_final(void **context)
{
    struct bench *bench = *context;
    struct fixture *fixture = &bench->fixture;
    fixture_put(fixture, decision_of("acme", "x"), SEQ_TAKEN);
    faulty_io_fail_next(&bench->faulty, FAULTY_WRITE, EIO);
    assert_int_equal(fixture_try_commit(fixture), STATUS_IO);
    assert_int_equal(fixture_try_commit(fixture), STATUS_IO);
    fixture_close(fixture);
}

static void write_without_space_is_tried_again(void **context)
{
    struct bench *bench = *context;
    struct fixture *fixture = &bench->fixture;
    fixture_put(fixture, decision_of("acme", "frame 1"), SEQ_TAKEN);
    faulty_io_fail_next(&bench->faulty, FAULTY_WRITE, ENOSPC);
    assert_int_equal(fixture_try_commit(fixture), STATUS_NO_SPACE);
    assert_int_equal(fixture_try_put(fixture, decision_of("acme", "no"), SEQ_TAKEN), STATUS_NO_SPACE);
    fixture_commit(fixture);
    assert_bodies(&fixture->seen, 1);
    fixture_decide(fixture, "frame 2");
    fixture_reopen(fixture);
    assert_bodies(&fixture->seen, 2);
    fixture_close(fixture);
}

static void short_transfers_are_completed(void **context)
{
    struct bench *bench = *context;
    struct fixture *fixture = &bench->fixture;
    bench->faulty.write_most = 1000;
    bench->faulty.read_most = 700;
    write_several(fixture);
    fixture_reopen(fixture);
    assert_bodies(&fixture->seen, SEVERAL);
    fixture_close(fixture);
}

static void unreadable_store_is_told_and_leaves_nothing_open(void **context)
{
    struct bench *bench = *context;
    struct fixture *fixture = &bench->fixture;
    write_several(fixture);
    fixture_close(fixture);
    for (unsigned call = 1; call < 12; call++) {
        faulty_io_fail_next(&bench->faulty, FAULTY_READ, EIO);
        bench->faulty.fail_at[FAULTY_READ] += call;
        assert_int_equal(fixture_try_open(fixture), STATUS_IO);
        assert_true(strlen(fixture->report.message) > 0);
        faulty_io_heal(&bench->faulty);
    }
    fixture_open(fixture);
    assert_bodies(&fixture->seen, SEVERAL);
    fixture_close(fixture);
}

static void settings_beyond_their_limits_are_refused(void **context)
{
    struct fixture *fixture = &((struct bench *)*context)->fixture;
    fixture_close(fixture);
    const struct state_log_settings good = fixture->settings;
    struct state_log_settings bad[5] = {good, good, good, good, good};
    bad[0].segment_bytes = 60 << 10;
    bad[1].segment_bytes = (64 << 10) + 1;
    bad[2].max_bytes = 4 * good.segment_bytes - 1;
    bad[3].batch_bytes = state_log_batch_most(good.segment_bytes) + 1;
    bad[4].compression = 10;
    for (size_t i = 0; i < 5; i++) {
        fixture->settings = bad[i];
        assert_int_equal(fixture_try_open(fixture), STATUS_INVALID);
        assert_true(strlen(fixture->report.message) > 0);
    }
    fixture->settings = good;
    fixture->settings.batch_bytes = state_log_batch_most(good.segment_bytes);
    fixture->settings.max_bytes = 4 * good.segment_bytes;
    fixture_open(fixture);
    fixture_close(fixture);
}

static void more_subjects_than_the_index_holds_are_refused(void **context)
{
    struct fixture *fixture = &((struct bench *)*context)->fixture;
    char name[16];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "s%d", i);
        fixture_put(fixture, image_of(name, "x", INSTANT_NEVER), SEQ_NONE);
    }
    fixture_commit(fixture);
    fixture_close(fixture);
    fixture->settings.subjects_max = 10;
    assert_int_equal(fixture_try_open(fixture), STATUS_FULL);
    assert_non_null(strstr(fixture->report.message, "subjects_max"));
}

static void other_segment_and_batch_sizes_are_taken_up(void **context)
{
    struct fixture *fixture = &((struct bench *)*context)->fixture;
    write_several(fixture);
    char *body = malloc(12001);
    memset(body, 'x', 12000);
    body[12000] = '\0';
    record_ref ref = fixture_put(fixture, decision_of("acme", body), SEQ_TAKEN);
    free(body);
    fixture_commit(fixture);
    fixture_close(fixture);
    fixture->settings.segment_bytes = 128 << 10;
    fixture->settings.batch_bytes = 4096;
    fixture_open(fixture);
    struct record record;
    assert_int_equal(state_log_read(&fixture->reader, ref, &record), STATUS_OK);
    assert_int_equal(record.body.length, 12000);
    for (int i = 0; i < 100; i++) {
        fixture_decide(fixture, "x");
    }
    fixture_close(fixture);
    fixture->settings.segment_bytes = 64 << 10;
    fixture_open(fixture);
    assert_int_equal(fixture->seen.count, SEVERAL + 101);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_committed_is_recovered_across_segments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(torn_last_frame_is_cut_wherever_it_was_torn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(log_goes_on_after_a_torn_frame_and_never_shows_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(file_cut_short_anywhere_in_its_last_frame_loses_only_that, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(frames_never_synced_may_be_lost_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_format_version_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(second_agent_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failed_sync_is_final_and_recovered_from_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(frame_is_read_from_its_copy_when_the_first_was_lost_later, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(recovered_last_frame_is_repeated_twice_and_no_more, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(repetition_stands_in_for_a_lost_frame, set_up, tear_down),
        cmocka_unit_test_setup_teardown(repetition_may_begin_a_segment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(repetition_whose_sync_fails_is_no_proof, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failed_write_is_final, set_up, tear_down),
        cmocka_unit_test_setup_teardown(write_without_space_is_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(short_transfers_are_completed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unreadable_store_is_told_and_leaves_nothing_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(settings_beyond_their_limits_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_subjects_than_the_index_holds_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_segment_and_batch_sizes_are_taken_up, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
