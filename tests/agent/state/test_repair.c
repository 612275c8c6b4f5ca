/* Damage in the middle of the log: only the subjects it hits go back, each to its image before. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/agent/state/damage_fixture.h"

/* acme 1, other 1, acme 2, other 2, acme 3, other 3: frames 1 to 6, and four of a third behind. */
static void bring_several(struct fixture *fixture)
{
    for (int version = 1; version <= 3; version++) {
        bring(fixture, "acme", version);
        bring(fixture, "other", version);
    }
    for (int version = 1; version <= 4; version++) {
        bring(fixture, "third", version);
    }
}

static void subject_whose_latest_image_was_lost_goes_back_to_the_one_before(void **context)
{
    struct fixture *fixture = *context;
    bring_several(fixture);
    fixture_close(fixture);
    damage_frame(fixture, 5);
    fixture_open(fixture);
    assert_image(fixture, "acme", "acme 2", true);
    assert_image(fixture, "other", "other 3", false);
    assert_image(fixture, "third", "third 4", false);
    struct state_log_losses losses = losses_of(fixture);
    assert_int_equal(losses.damages.frames, 1);
    assert_int_equal(losses.damages.list[0].first_frame, 5);
    assert_int_equal(losses.damages.list[0].offset, 4 * FRAME_BLOCK_BYTES);
    assert_int_equal(losses.subjects, 1);
    assert_int_equal(losses.blind_frames, 0);
    fixture_close(fixture);
}

static void damage_to_an_older_image_sets_nobody_back(void **context)
{
    struct fixture *fixture = *context;
    bring_several(fixture);
    fixture_close(fixture);
    damage_frame(fixture, 3);
    fixture_open(fixture);
    assert_image(fixture, "acme", "acme 3", false);
    assert_image(fixture, "other", "other 3", false);
    assert_int_equal(losses_of(fixture).damages.frames, 1);
    assert_int_equal(losses_of(fixture).subjects, 0);
    fixture_close(fixture);
}

static void seqs_go_on_behind_a_gap_and_the_rest_is_told(void **context)
{
    struct fixture *fixture = *context;
    bring_several(fixture);
    fixture_close(fixture);
    damage_frame(fixture, 5);
    fixture_open(fixture);
    assert_int_equal(state_log_last_seq(&fixture->log), 10);
    record_ref cursor = RECORD_REF_NONE;
    struct record record;
    uint64_t sum = 0;
    while (state_log_next(&fixture->reader, &cursor, &record) == STATUS_OK) {
        sum += record.seq;
    }
    assert_int_equal(sum, 55 - 5);
    bring(fixture, "acme", 9);
    assert_int_equal(state_log_last_seq(&fixture->log), 11);
    fixture_reopen(fixture);
    assert_image(fixture, "acme", "acme 9", false);
    assert_int_equal(losses_of(fixture).subjects, 0);
    assert_int_equal(losses_of(fixture).damages.frames, 1);
    fixture_close(fixture);
}

static void several_frames_in_a_row_are_known_by_the_next_intact_one(void **context)
{
    struct fixture *fixture = *context;
    bring_several(fixture);
    fixture_close(fixture);
    damage_frame(fixture, 4);
    damage_frame(fixture, 5);
    damage_frame(fixture, 6);
    fixture_open(fixture);
    assert_image(fixture, "acme", "acme 2", true);
    assert_image(fixture, "other", "other 1", true);
    assert_int_equal(losses_of(fixture).subjects, 2);
    assert_int_equal(losses_of(fixture).blind_frames, 0);
    fixture_close(fixture);
}

static void damage_is_confined_also_while_the_log_is_open(void **context)
{
    struct fixture *fixture = *context;
    bring_several(fixture);
    damage_frame(fixture, 5);
    assert_image(fixture, "acme", "acme 2", true);
    assert_image(fixture, "other", "other 3", false);
    assert_int_equal(losses_of(fixture).subjects, 1);
    fixture_close(fixture);
}

static void new_image_ends_the_setback(void **context)
{
    struct fixture *fixture = *context;
    bring_several(fixture);
    damage_frame(fixture, 5);
    assert_image(fixture, "acme", "acme 2", true);
    record_ref setback;
    assert_int_equal(state_log_setback(&fixture->log, 0, &setback), STATUS_OK);
    assert_int_equal(setback, record_ref_of(3, 1));
    bring(fixture, "acme", 4);
    assert_image(fixture, "acme", "acme 4", false);
    assert_int_equal(state_log_setback(&fixture->log, 0, &setback), STATUS_EMPTY);
    fixture_close(fixture);
}

static void subject_without_any_image_left_is_a_stranger_who_was_set_back(void **context)
{
    struct fixture *fixture = *context;
    bring(fixture, "acme", 1);
    bring(fixture, "other", 1);
    damage_frame(fixture, 1);
    struct name name = name_of("acme");
    struct record image;
    assert_int_equal(state_log_find(&fixture->reader, &name, &image), STATUS_NOT_FOUND);
    assert_true(image.is_setback);
    bring(fixture, "acme", 2);
    assert_image(fixture, "acme", "acme 2", false);
    fixture_reopen(fixture);
    assert_image(fixture, "acme", "acme 2", false);
    fixture_close(fixture);
}

static void damaged_record_is_told_as_such(void **context)
{
    struct fixture *fixture = *context;
    bring_several(fixture);
    damage_frame(fixture, 5);
    struct record record;
    assert_int_equal(state_log_read(&fixture->reader, record_ref_of(5, 0), &record), STATUS_CORRUPT);
    assert_int_equal(state_log_read(&fixture->reader, record_ref_of(6, 0), &record), STATUS_OK);
    fixture_close(fixture);
}

static void scan_passes_over_damage_and_tells_all_of_it(void **context)
{
    struct fixture *fixture = *context;
    bring_several(fixture);
    fixture_close(fixture);
    damage_frame(fixture, 2);
    damage_frame(fixture, 7);
    damage_frame(fixture, 8);
    assert_int_equal(fixture_scan(fixture), STATUS_CORRUPT);
    assert_int_equal(fixture->report.damages.count, 2);
    assert_int_equal(fixture->report.damages.frames, 3);
    assert_int_equal(fixture->seen.count, 2 * 7);
    assert_string_equal(fixture->report.message,
                        "segment-0000000001.log at offset 4096: frame 2 is damaged or missing");
}

static void tail_that_is_no_frame_is_told_to_tools(void **context)
{
    struct fixture *fixture = *context;
    bring_several(fixture);
    fixture_close(fixture);
    assert_int_equal(fixture_scan(fixture), STATUS_OK);
    assert_false(fixture->report.has_tail);
    static const uint8_t torn[512] = {1, 2, 3};
    overwrite_file(fixture_segment(fixture, 1).text, 9 * FRAME_BLOCK_BYTES + 512, torn, sizeof torn);
    assert_int_equal(fixture_scan(fixture), STATUS_OK);
    assert_true(fixture->report.has_tail);
    assert_int_equal(fixture->report.end_segment, 1);
    assert_int_equal(fixture->report.end_offset, 9 * FRAME_BLOCK_BYTES);
    fixture_open(fixture);
    fixture_close(fixture);
    assert_int_equal(fixture_scan(fixture), STATUS_OK);
    assert_false(fixture->report.has_tail);
}

/* No write that was cut short leaves one bit wrong. */
static void flipped_bit_of_the_last_frame_is_damage_to_tools(void **context)
{
    struct fixture *fixture = *context;
    bring_several(fixture);
    fixture_close(fixture);
    damage_frame(fixture, 10);
    assert_int_equal(fixture_scan(fixture), STATUS_CORRUPT);
    assert_string_equal(fixture->report.message,
                        "segment-0000000001.log at offset 36864: frame 10 is damaged or missing");
    damage_frame(fixture, 10);
    damage_header(fixture, 10);
    assert_int_equal(fixture_scan(fixture), STATUS_CORRUPT);
    assert_int_equal(fixture->report.damages.list[0].first_frame, 10);
}

static void a_whole_segment_may_be_missing(void **context)
{
    struct fixture *fixture = *context;
    for (int i = 0; i < 40; i++) {
        bring(fixture, i % 2 == 0 ? "acme" : "other", i);
    }
    bring(fixture, "acme", 40);
    fixture_close(fixture);
    assert_int_equal(unlink(fixture_segment(fixture, 2).text), 0);
    fixture_open(fixture);
    assert_image(fixture, "acme", "acme 40", false);
    assert_image(fixture, "other", "other 39", false);
    assert_int_equal(losses_of(fixture).damages.frames, 16);
    assert_int_equal(losses_of(fixture).damages.list[0].first_frame, 17);
    fixture_close(fixture);
}

static void lost_beginning_leaves_the_rest(void **context)
{
    struct fixture *fixture = *context;
    bring_several(fixture);
    fixture_close(fixture);
    damage_frame(fixture, 1);
    fixture_open(fixture);
    assert_image(fixture, "acme", "acme 3", false);
    assert_int_equal(state_log_last_seq(&fixture->log), 10);
    fixture_close(fixture);
}

/* The copy that a start made is there, the first never reached the disk, and the file was blank: no damage.
 */
static void blank_beginning_is_no_damage(void **context)
{
    struct fixture *fixture = *context;
    bring(fixture, "acme", 1);
    fixture_reopen(fixture);
    bring(fixture, "acme", 2);
    fixture_close(fixture);
    static const uint8_t nothing[FRAME_BLOCK_BYTES];
    overwrite_file(fixture_segment(fixture, 1).text, 0, nothing, sizeof nothing);
    fixture_open(fixture);
    assert_image(fixture, "acme", "acme 2", false);
    assert_int_equal(losses_of(fixture).damages.count, 0);
    assert_int_equal(state_log_last_seq(&fixture->log), 2);
    fixture_close(fixture);
}

/* A torn first frame of a later segment, its copy behind it: blank from then on, and no damage when all
 * before it has gone. */
static void torn_beginning_is_made_blank(void **context)
{
    struct fixture *fixture = *context;
    for (int i = 1; i <= 17; i++) {
        bring(fixture, "acme", i);
    }
    fixture_reopen(fixture);
    bring(fixture, "acme", 18);
    fixture_close(fixture);
    overwrite_file(fixture_segment(fixture, 2).text, 200, "torn", 4);
    fixture_open(fixture);
    assert_int_equal(losses_of(fixture).damages.count, 0);
    state_log_set_outbox_cursor(&fixture->log, state_log_committed(&fixture->log));
    bring(fixture, "acme", 19);
    assert_int_equal(state_log_drop_oldest(&fixture->log), STATUS_OK);
    fixture_reopen(fixture);
    assert_image(fixture, "acme", "acme 19", false);
    assert_int_equal(losses_of(fixture).damages.count, 0);
    fixture_close(fixture);
}

static void store_cut_short_in_its_only_frame_is_refused(void **context)
{
    struct fixture *fixture = *context;
    bring(fixture, "acme", 1);
    bring(fixture, "acme", 2);
    fixture_close(fixture);
    damage_frame(fixture, 1);
    damage_frame(fixture, 2);
    assert_int_equal(fixture_try_open(fixture), STATUS_CORRUPT);
    assert_non_null(strstr(fixture->report.message, "not one frame of the store is whole"));
}

/* The last frame's header says that the one before was on the disk: its number and seqs are taken. */
static void damage_up_to_the_end_gives_no_seq_again(void **context)
{
    struct fixture *fixture = *context;
    bring_several(fixture);
    fixture_close(fixture);
    damage_frame(fixture, 9);
    damage_frame(fixture, 10);
    fixture_open(fixture);
    assert_int_equal(losses_of(fixture).damages.frames, 2);
    assert_int_equal(losses_of(fixture).blind_frames, 2);
    assert_int_equal(state_log_last_seq(&fixture->log), 10);
    bring(fixture, "acme", 9);
    assert_int_equal(state_log_last_seq(&fixture->log), 11);
    fixture_reopen(fixture);
    assert_image(fixture, "acme", "acme 9", false);
    assert_int_equal(losses_of(fixture).damages.frames, 2);
    fixture_close(fixture);
}

static void dropping_the_segment_ends_the_damage(void **context)
{
    struct fixture *fixture = *context;
    bring_several(fixture);
    damage_frame(fixture, 5);
    assert_image(fixture, "acme", "acme 2", true);
    for (int i = 0; i < 10; i++) {
        bring(fixture, "acme", 10 + i);
        bring(fixture, "other", 10 + i);
        bring(fixture, "third", 10 + i);
    }
    assert_int_equal(losses_of(fixture).damages.count, 1);
    state_log_set_outbox_cursor(&fixture->log, state_log_committed(&fixture->log));
    assert_int_equal(state_log_drop_oldest(&fixture->log), STATUS_OK);
    assert_int_equal(losses_of(fixture).damages.count, 0);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(subject_whose_latest_image_was_lost_goes_back_to_the_one_before,
                                        damage_set_up, damage_tear_down),
        cmocka_unit_test_setup_teardown(damage_to_an_older_image_sets_nobody_back, damage_set_up,
                                        damage_tear_down),
        cmocka_unit_test_setup_teardown(seqs_go_on_behind_a_gap_and_the_rest_is_told, damage_set_up,
                                        damage_tear_down),
        cmocka_unit_test_setup_teardown(several_frames_in_a_row_are_known_by_the_next_intact_one,
                                        damage_set_up, damage_tear_down),
        cmocka_unit_test_setup_teardown(damage_is_confined_also_while_the_log_is_open, damage_set_up,
                                        damage_tear_down),
        cmocka_unit_test_setup_teardown(new_image_ends_the_setback, damage_set_up, damage_tear_down),
        cmocka_unit_test_setup_teardown(subject_without_any_image_left_is_a_stranger_who_was_set_back,
                                        damage_set_up, damage_tear_down),
        cmocka_unit_test_setup_teardown(damaged_record_is_told_as_such, damage_set_up, damage_tear_down),
        cmocka_unit_test_setup_teardown(scan_passes_over_damage_and_tells_all_of_it, damage_set_up,
                                        damage_tear_down),
        cmocka_unit_test_setup_teardown(tail_that_is_no_frame_is_told_to_tools, damage_set_up,
                                        damage_tear_down),
        cmocka_unit_test_setup_teardown(flipped_bit_of_the_last_frame_is_damage_to_tools, damage_set_up,
                                        damage_tear_down),
        cmocka_unit_test_setup_teardown(a_whole_segment_may_be_missing, damage_set_up, damage_tear_down),
        cmocka_unit_test_setup_teardown(lost_beginning_leaves_the_rest, damage_set_up, damage_tear_down),
        cmocka_unit_test_setup_teardown(blank_beginning_is_no_damage, damage_set_up, damage_tear_down),
        cmocka_unit_test_setup_teardown(torn_beginning_is_made_blank, damage_set_up, damage_tear_down),
        cmocka_unit_test_setup_teardown(store_cut_short_in_its_only_frame_is_refused, damage_set_up,
                                        damage_tear_down),
        cmocka_unit_test_setup_teardown(damage_up_to_the_end_gives_no_seq_again, damage_set_up,
                                        damage_tear_down),
        cmocka_unit_test_setup_teardown(dropping_the_segment_ends_the_damage, damage_set_up,
                                        damage_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
