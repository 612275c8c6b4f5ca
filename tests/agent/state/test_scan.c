#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/frame.h"
#include "tests/agent/state/fixture.h"

static int set_up(void **context)
{
    struct fixture *fixture = malloc(sizeof *fixture);
    fixture_start(fixture);
    fixture->settings.durability = DURABILITY_FSYNC;
    fixture_open(fixture);
    *context = fixture;
    return 0;
}

static int tear_down(void **context)
{
    struct fixture *fixture = *context;
    fixture_close(fixture);
    fixture_end(fixture);
    free(fixture);
    return 0;
}

static void scan_sees_everything_while_the_log_is_open(void **context)
{
    struct fixture *fixture = *context;
    for (int i = 0; i < 50; i++) {
        fixture_decide(fixture, "x");
    }
    fixture_put(fixture, decision_of("acme", "not committed"), SEQ_TAKEN);
    assert_int_equal(fixture_scan(fixture), STATUS_OK);
    assert_int_equal(fixture->report.frames, 50);
    assert_int_equal(fixture->report.records, 50);
    assert_int_equal(fixture->report.last_seq, 50);
    assert_int_equal(fixture->seen.count, 50);
}

static void any_flipped_byte_before_the_last_frame_is_found(void **context)
{
    struct fixture *fixture = *context;
    fixture_decide(fixture, "first");
    fixture_put(fixture, image_of("acme", "some state", 5), SEQ_NONE);
    fixture_decide(fixture, "second, second, second");
    fixture_decide(fixture, "third");
    struct segment_path path = fixture_segment(fixture, 1);
    for (uint64_t at = 0; at < 2 * FRAME_BLOCK_BYTES; at += at % FRAME_BLOCK_BYTES < 300 ? 1 : 97) {
        uint8_t byte;
        read_file(path.text, at, &byte, 1);
        uint8_t flipped = byte ^ (uint8_t)(1U << at % 8);
        overwrite_file(path.text, at, &flipped, 1);
        assert_int_equal(fixture_scan(fixture), STATUS_CORRUPT);
        assert_non_null(strstr(fixture->report.message, "segment-0000000001.log at offset"));
        overwrite_file(path.text, at, &byte, 1);
    }
    assert_int_equal(fixture_scan(fixture), STATUS_OK);
    assert_int_equal(fixture->report.frames, 3);
}

/* Whole, with the right sequence, but of another history. */
static void frame_of_another_store_does_not_continue_the_chain(void **context)
{
    struct fixture *fixture = *context;
    struct fixture *other = malloc(sizeof *other);
    fixture_start(other);
    fixture_open(other);
    for (int i = 0; i < 4; i++) {
        fixture_decide(fixture, "here");
        fixture_decide(other, "there");
    }
    uint8_t frame[FRAME_BLOCK_BYTES];
    read_file(fixture_segment(other, 1).text, 2 * FRAME_BLOCK_BYTES, frame, sizeof frame);
    overwrite_file(fixture_segment(fixture, 1).text, 2 * FRAME_BLOCK_BYTES, frame, sizeof frame);
    assert_int_equal(fixture_scan(fixture), STATUS_CORRUPT);
    assert_non_null(strstr(fixture->report.message, "frame 3"));
    fixture_close(other);
    fixture_end(other);
    free(other);
}

static void half_written_tail_is_no_error(void **context)
{
    struct fixture *fixture = *context;
    fixture_decide(fixture, "first");
    fixture_decide(fixture, "second");
    overwrite_file(fixture_segment(fixture, 1).text, FRAME_BLOCK_BYTES + 170, "??", 2);
    assert_int_equal(fixture_scan(fixture), STATUS_OK);
    assert_int_equal(fixture->report.frames, 1);
    assert_int_equal(fixture->report.torn_bytes, FRAME_BLOCK_BYTES);
}

static void scan_after_drops_begins_with_the_oldest_segment_left(void **context)
{
    struct fixture *fixture = *context;
    for (int i = 0; i < 40; i++) {
        fixture_decide(fixture, "x");
    }
    state_log_set_outbox_cursor(&fixture->log, record_ref_of(40, 0));
    assert_int_equal(state_log_drop_oldest(&fixture->log), STATUS_OK);
    assert_int_equal(fixture_scan(fixture), STATUS_OK);
    assert_int_equal(fixture->report.frames, 24);
    assert_int_equal(fixture->seen.records[0].record.seq, 17);
}

struct intruder {
    struct fixture *fixture;
    int at; /* The record at which the log is used. */
    int seen;
    uint64_t last_seq;
};

/* Drops a segment that is being scanned, and fills its file anew. */
static void use_the_log(void *self, const struct record *record)
{
    struct intruder *intruder = self;
    assert_true(record->seq > intruder->last_seq);
    intruder->last_seq = record->seq;
    if (++intruder->seen != intruder->at) {
        return;
    }
    state_log_set_outbox_cursor(&intruder->fixture->log, record_ref_of(40, 0));
    assert_int_equal(state_log_drop_oldest(&intruder->fixture->log), STATUS_OK);
    for (int i = 0; i < 40; i++) {
        fixture_decide(intruder->fixture, "while scanning");
    }
}

static void scan_survives_drops_and_commits_meanwhile(void **context)
{
    struct fixture *fixture = *context;
    for (int at = 1; at <= 40; at += 3) {
        for (int i = 0; i < 40; i++) {
            fixture_decide(fixture, "x");
        }
        struct intruder intruder = {.fixture = fixture, .at = at};
        struct state_log_listener listener = {.record = use_the_log, .self = &intruder};
        enum status status =
            state_log_scan(fixture->folder, fixture->settings.io, listener, &fixture->report);
        assert_int_equal(status, STATUS_OK);
        state_log_set_outbox_cursor(&fixture->log, record_ref_of(1000000, 0));
        while (state_log_drop_oldest(&fixture->log) == STATUS_OK) {
        }
        fixture_close(fixture);
        fixture_end(fixture);
        fixture_start(fixture);
        fixture_open(fixture);
    }
}

static void missing_folder_is_told(void **context)
{
    struct fixture *fixture = *context;
    struct state_log_listener nobody = {0};
    assert_int_equal(state_log_scan("/tmp/flyball-no-such-folder", io_posix(), nobody, &fixture->report),
                     STATUS_NOT_FOUND);
    assert_true(strlen(fixture->report.message) > 0);
}

static void empty_log_scans_to_nothing(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(fixture_scan(fixture), STATUS_OK);
    assert_int_equal(fixture->report.frames, 0);
    assert_int_equal(fixture->report.last_seq, 0);
}

/* Each byte in turn has one of its bits flipped; the last frame is known from the checkpoint. */
static void any_flipped_bit_is_found_and_its_place_told(void **context)
{
    struct fixture *fixture = *context;
    fixture_close(fixture);
    fixture->settings.durability = DURABILITY_FSYNC;
    fixture_open(fixture);
    enum { FRAMES = 3 };
    for (int i = 0; i < FRAMES; i++) {
        fixture_put(fixture, image_of("acme", "some state", 5), SEQ_NONE);
        fixture_decide(fixture, "some decision");
    }
    assert_int_equal(state_log_checkpoint(&fixture->log, CHECKPOINT_NOW), STATUS_OK);
    fixture_close(fixture);
    struct segment_path path = fixture_segment(fixture, 1);
    for (uint64_t offset = 0; offset < FRAMES * FRAME_BLOCK_BYTES; offset += offset % 4096 < 400 ? 1 : 61) {
        uint8_t byte;
        char place[64];
        read_file(path.text, offset, &byte, 1);
        uint8_t flipped = byte ^ (uint8_t)(1 << offset % 8);
        overwrite_file(path.text, offset, &flipped, 1);
        snprintf(place, sizeof place, "segment-0000000001.log at offset %llu",
                 (unsigned long long)(offset / FRAME_BLOCK_BYTES * FRAME_BLOCK_BYTES));
        assert_int_equal(fixture_scan(fixture), STATUS_CORRUPT);
        assert_non_null(strstr(fixture->report.message, place));
        overwrite_file(path.text, offset, &byte, 1);
    }
    assert_int_equal(fixture_scan(fixture), STATUS_OK);
    fixture_open(fixture);
}

/* A frame whose checksums are right, but whose entries are not those the chain knows. */
static void entry_changed_with_all_checksums_breaks_the_chain(void **context)
{
    struct fixture *fixture = *context;
    fixture_close(fixture);
    fixture->settings.compression = 0;
    fixture_open(fixture);
    fixture_decide(fixture, "charged 5");
    fixture_decide(fixture, "charged 6");
    struct segment_path path = fixture_segment(fixture, 1);
    uint8_t frame[FRAME_BLOCK_BYTES];
    struct frame_header header;
    read_file(path.text, FRAME_BLOCK_BYTES, frame, sizeof frame);
    assert_int_equal(frame_unpack(bytes_of(frame, sizeof frame), &header), STATUS_OK);
    uint8_t *digit = memchr(frame + FRAME_HEADER_BYTES, '6', 200);
    assert_non_null(digit);
    *digit = '1';
    frame_seal(&header, frame);
    overwrite_file(path.text, FRAME_BLOCK_BYTES, frame, sizeof frame);
    assert_int_equal(fixture_scan(fixture), STATUS_CORRUPT);
    assert_non_null(
        strstr(fixture->report.message, "at offset 4096: its entries are not those of the ledger chain"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(scan_sees_everything_while_the_log_is_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_flipped_byte_before_the_last_frame_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(frame_of_another_store_does_not_continue_the_chain, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(half_written_tail_is_no_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scan_after_drops_begins_with_the_oldest_segment_left, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(scan_survives_drops_and_commits_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_folder_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(empty_log_scans_to_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_flipped_bit_is_found_and_its_place_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(entry_changed_with_all_checksums_breaks_the_chain, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
