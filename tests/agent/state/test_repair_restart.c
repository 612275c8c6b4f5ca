/* Damage, then further work, then a start: what was put after the damage stays, whatever the start reads
 * from.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/state/damage.h"
#include "tests/agent/state/damage_fixture.h"

static void checkpoint_now(struct fixture *fixture)
{
    assert_int_equal(state_log_checkpoint(&fixture->log, CHECKPOINT_NOW), STATUS_OK);
}

static uint64_t subjects_of(struct fixture *fixture)
{
    struct state_log_stats stats;
    state_log_stats(&fixture->log, &stats);
    return stats.subjects;
}

static void assert_lost(struct fixture *fixture, const char *subject)
{
    struct name name = name_of(subject);
    struct record image;
    assert_int_equal(state_log_find(&fixture->reader, &name, &image), STATUS_NOT_FOUND);
    assert_true(image.is_setback);
}

/* The checkpoint names the damaged image, the new one names the image before that. */
static void image_put_after_a_setback_outlives_a_start_from_an_older_checkpoint(void **context)
{
    struct fixture *fixture = *context;
    bring(fixture, "acme", 1);
    bring(fixture, "acme", 2);
    checkpoint_now(fixture);
    damage_frame(fixture, 2);
    assert_image(fixture, "acme", "acme 1", true);
    bring(fixture, "acme", 3);
    fixture_reopen(fixture);
    assert_image(fixture, "acme", "acme 3", false);
    assert_int_equal(subjects_of(fixture), 1);
    fixture_close(fixture);
}

static void image_put_after_a_setback_outlives_the_damage_itself(void **context)
{
    struct fixture *fixture = *context;
    bring(fixture, "acme", 1);
    bring(fixture, "acme", 2);
    damage_frame(fixture, 2);
    assert_image(fixture, "acme", "acme 1", true);
    bring(fixture, "acme", 3);
    damage_frame(fixture, 2);
    fixture_reopen(fixture);
    assert_image(fixture, "acme", "acme 3", false);
    assert_int_equal(subjects_of(fixture), 1);
    fixture_close(fixture);
}

static void setback_in_a_checkpoint_ends_with_the_image_that_came_after(void **context)
{
    struct fixture *fixture = *context;
    record_ref setback;
    bring(fixture, "acme", 1);
    bring(fixture, "acme", 2);
    damage_frame(fixture, 2);
    assert_image(fixture, "acme", "acme 1", true);
    checkpoint_now(fixture);
    bring(fixture, "acme", 3);
    fixture_reopen(fixture);
    assert_image(fixture, "acme", "acme 3", false);
    assert_int_equal(state_log_setback(&fixture->log, 0, &setback), STATUS_EMPTY);
    fixture_close(fixture);
}

/* A checkpoint would have to name the earlier image, which is no longer marked. */
static void no_checkpoint_is_written_while_a_setback_ends(void **context)
{
    struct fixture *fixture = *context;
    bring(fixture, "acme", 1);
    bring(fixture, "acme", 2);
    bring(fixture, "other", 1);
    damage_frame(fixture, 2);
    assert_image(fixture, "acme", "acme 1", true);
    fixture_put(fixture, image_of("acme", "acme 3", INSTANT_NEVER), SEQ_NONE);
    assert_int_equal(state_log_checkpoint(&fixture->log, CHECKPOINT_NOW), STATUS_EMPTY);
    fixture_reopen(fixture);
    assert_image(fixture, "acme", "acme 1", true);
    fixture_put(fixture, image_of("acme", "acme 3", INSTANT_NEVER), SEQ_NONE);
    fixture_commit(fixture);
    checkpoint_now(fixture);
    fixture_reopen(fixture);
    assert_image(fixture, "acme", "acme 3", false);
    fixture_close(fixture);
}

static void setback_to_an_image_that_is_lost_as_well_goes_further_back(void **context)
{
    struct fixture *fixture = *context;
    record_ref setback;
    bring(fixture, "acme", 1);
    bring(fixture, "acme", 2);
    bring(fixture, "acme", 3);
    bring(fixture, "other", 1);
    damage_frame(fixture, 3);
    assert_image(fixture, "acme", "acme 2", true);
    bring(fixture, "other", 2);
    damage_frame(fixture, 2);
    bring(fixture, "other", 3);
    assert_image(fixture, "other", "other 3", false);
    assert_image(fixture, "acme", "acme 1", true);
    assert_int_equal(state_log_setback(&fixture->log, 0, &setback), STATUS_OK);
    assert_int_equal(setback, record_ref_of(1, 1));
    assert_int_equal(state_log_setback(&fixture->log, 1, &setback), STATUS_EMPTY);
    fixture_close(fixture);
}

/* Frames 14 and 15 are lost up to the last header; what is written afterwards knows nothing of them. */
static void frames_behind_a_blind_end_claim_no_knowledge_of_it(void **context)
{
    struct fixture *fixture = *context;
    for (int i = 1; i <= 13; i++) {
        bring(fixture, "acme", i);
    }
    bring(fixture, "other", 1);
    bring(fixture, "other", 2);
    fixture_close(fixture);
    damage_frame(fixture, 14);
    damage_frame(fixture, 15);
    fixture_open(fixture);
    assert_int_equal(losses_of(fixture).blind_frames, 2);
    bring(fixture, "acme", 14);
    bring(fixture, "acme", 15);
    fixture_reopen(fixture);
    assert_int_equal(losses_of(fixture).blind_frames, 2);
    fixture_close(fixture);
}

static void subject_that_lost_all_comes_back_to_one_place(void **context)
{
    struct fixture *fixture = *context;
    bring(fixture, "acme", 1);
    bring(fixture, "other", 1);
    damage_frame(fixture, 1);
    assert_lost(fixture, "acme");
    checkpoint_now(fixture);
    bring(fixture, "acme", 2);
    fixture_reopen(fixture);
    bring(fixture, "acme", 3);
    fixture_reopen(fixture);
    assert_image(fixture, "acme", "acme 3", false);
    assert_int_equal(subjects_of(fixture), 2);
    fixture_close(fixture);
}

static void damage_noticed_before_a_checkpoint_is_repaired_after_the_start(void **context)
{
    struct fixture *fixture = *context;
    struct record record;
    bring(fixture, "acme", 1);
    bring(fixture, "acme", 2);
    bring(fixture, "other", 1);
    damage_frame(fixture, 2);
    assert_int_equal(state_log_read(&fixture->reader, record_ref_of(2, 0), &record), STATUS_CORRUPT);
    checkpoint_now(fixture);
    fixture_reopen(fixture);
    assert_image(fixture, "acme", "acme 1", true);
    assert_image(fixture, "other", "other 1", false);
    fixture_close(fixture);
}

/* Frames 1, 3, 5 ... of one subject are damaged, more than are listed. */
static void damage_many(struct fixture *fixture)
{
    for (uint64_t i = 0; i <= DAMAGES_MAX; i++) {
        damage_frame(fixture, 2 * i + 1);
    }
}

static void bring_many(struct fixture *fixture)
{
    bring(fixture, "acme", 1);
    for (int i = 1; i <= 2 * DAMAGES_MAX; i++) {
        bring(fixture, "other", i);
    }
}

static void more_damage_than_is_listed_hides_no_intact_image(void **context)
{
    struct fixture *fixture = *context;
    bring_many(fixture);
    bring(fixture, "acme", 2);
    bring(fixture, "acme", 3);
    bring(fixture, "acme", 4);
    fixture_close(fixture);
    damage_many(fixture);
    damage_frame(fixture, 2 * DAMAGES_MAX + 3);
    fixture_open(fixture);
    assert_int_equal(losses_of(fixture).damages.frames, DAMAGES_MAX + 2);
    assert_image(fixture, "acme", "acme 4", false);
    fixture_close(fixture);
}

static void more_damage_than_is_listed_is_confined_while_the_log_is_open(void **context)
{
    struct fixture *fixture = *context;
    bring_many(fixture);
    bring(fixture, "third", 1);
    bring(fixture, "third", 2);
    bring(fixture, "acme", 2);
    fixture_close(fixture);
    damage_many(fixture);
    fixture_open(fixture);
    damage_frame(fixture, 2 * DAMAGES_MAX + 3);
    assert_image(fixture, "third", "third 1", true);
    uint64_t told = losses_of(fixture).damages.frames;
    struct record record;
    assert_int_equal(state_log_read(&fixture->reader, record_ref_of(2 * DAMAGES_MAX + 3, 0), &record),
                     STATUS_CORRUPT);
    assert_int_equal(losses_of(fixture).damages.frames, told);
    fixture_close(fixture);
}

static void what_lies_nowhere_is_never_found(void **context)
{
    struct fixture *fixture = *context;
    struct record record;
    bring(fixture, "acme", 1);
    bring(fixture, "other", 1);
    assert_int_equal(state_log_read(&fixture->reader, record_ref_of(1, 1), &record), STATUS_OK);
    damage_frame(fixture, 2);
    assert_int_equal(state_log_read(&fixture->reader, record_ref_of(2, 1), &record), STATUS_CORRUPT);
    assert_int_equal(state_log_read(&fixture->reader, RECORD_REF_NOWHERE, &record), STATUS_NOT_FOUND);
    fixture_close(fixture);
}

/* Ten of twelve segments, 16 frames each, are gone; the log then grows to all it may have. */
static void many_frames_lost_at_once_leave_room_for_new_ones(void **context)
{
    struct fixture *fixture = *context;
    for (int i = 1; i <= 185; i++) {
        bring(fixture, i == 5 ? "still" : "acme", i);
    }
    fixture_close(fixture);
    for (uint32_t number = 2; number <= 11; number++) {
        assert_int_equal(unlink(fixture_segment(fixture, number).text), 0);
    }
    fixture_open(fixture);
    assert_int_equal(losses_of(fixture).damages.frames, 160);
    for (int i = 1; i <= 150; i++) {
        bring(fixture, "acme", 1000 + i);
    }
    assert_image(fixture, "still", "still 5", false);
    fixture_reopen(fixture);
    assert_image(fixture, "acme", "acme 1150", false);
    assert_image(fixture, "still", "still 5", false);
    fixture_close(fixture);
}

/* Segment 1 is dropped and used again as segment 3, of which nothing but the file is there when the first
 * frame of segment 2 is damaged: its former frames must not be taken for the log. */
static void no_former_life_comes_back_over_a_damaged_beginning(void **context)
{
    struct fixture *fixture = *context;
    for (int i = 1; i <= 20; i++) {
        bring(fixture, "acme", i);
    }
    state_log_set_outbox_cursor(&fixture->log, state_log_committed(&fixture->log));
    bring(fixture, "acme", 21);
    static uint8_t former[16 * FRAME_BLOCK_BYTES];
    read_file(fixture_segment(fixture, 1).text, 0, former, sizeof former);
    assert_int_equal(state_log_drop_oldest(&fixture->log), STATUS_OK);
    fixture_close(fixture);
    memmove(former + FRAME_BLOCK_BYTES, former, sizeof former - FRAME_BLOCK_BYTES);
    memset(former, 0, FRAME_BLOCK_BYTES);
    close(open(fixture_segment(fixture, 3).text, O_WRONLY | O_CREAT, 0600));
    overwrite_file(fixture_segment(fixture, 3).text, 0, former, sizeof former);
    damage_frame(fixture, 17);
    fixture_open(fixture);
    assert_image(fixture, "acme", "acme 21", false);
    assert_int_equal(losses_of(fixture).damages.frames, 1);
    assert_int_equal(state_log_last_seq(&fixture->log), 21);
    fixture_close(fixture);
}

/* All frames of the oldest segment are damaged: its file goes with the next that is dropped. */
static void destroyed_segment_goes_in_its_turn(void **context)
{
    struct fixture *fixture = *context;
    for (int i = 1; i <= 40; i++) {
        bring(fixture, "acme", i);
    }
    fixture_close(fixture);
    for (uint64_t frame = 1; frame <= 16; frame++) {
        damage_header(fixture, frame);
    }
    fixture_open(fixture);
    assert_image(fixture, "acme", "acme 40", false);
    state_log_set_outbox_cursor(&fixture->log, state_log_committed(&fixture->log));
    bring(fixture, "acme", 41);
    assert_int_equal(access(fixture_segment(fixture, 1).text, F_OK), 0);
    assert_int_equal(state_log_drop_oldest(&fixture->log), STATUS_OK);
    assert_int_not_equal(access(fixture_segment(fixture, 1).text, F_OK), 0);
    fixture_reopen(fixture);
    assert_int_equal(losses_of(fixture).damages.count, 0);
    assert_image(fixture, "acme", "acme 41", false);
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(image_put_after_a_setback_outlives_a_start_from_an_older_checkpoint,
                                        damage_set_up, damage_tear_down),
        cmocka_unit_test_setup_teardown(image_put_after_a_setback_outlives_the_damage_itself, damage_set_up,
                                        damage_tear_down),
        cmocka_unit_test_setup_teardown(setback_in_a_checkpoint_ends_with_the_image_that_came_after,
                                        damage_set_up, damage_tear_down),
        cmocka_unit_test_setup_teardown(no_checkpoint_is_written_while_a_setback_ends, damage_set_up,
                                        damage_tear_down),
        cmocka_unit_test_setup_teardown(setback_to_an_image_that_is_lost_as_well_goes_further_back,
                                        damage_set_up, damage_tear_down),
        cmocka_unit_test_setup_teardown(frames_behind_a_blind_end_claim_no_knowledge_of_it, damage_set_up,
                                        damage_tear_down),
        cmocka_unit_test_setup_teardown(subject_that_lost_all_comes_back_to_one_place, damage_set_up,
                                        damage_tear_down),
        cmocka_unit_test_setup_teardown(damage_noticed_before_a_checkpoint_is_repaired_after_the_start,
                                        damage_set_up, damage_tear_down),
        cmocka_unit_test_setup_teardown(more_damage_than_is_listed_hides_no_intact_image, damage_set_up,
                                        damage_tear_down),
        cmocka_unit_test_setup_teardown(more_damage_than_is_listed_is_confined_while_the_log_is_open,
                                        damage_set_up, damage_tear_down),
        cmocka_unit_test_setup_teardown(what_lies_nowhere_is_never_found, damage_set_up, damage_tear_down),
        cmocka_unit_test_setup_teardown(many_frames_lost_at_once_leave_room_for_new_ones, damage_set_up,
                                        damage_tear_down),
        cmocka_unit_test_setup_teardown(no_former_life_comes_back_over_a_damaged_beginning, damage_set_up,
                                        damage_tear_down),
        cmocka_unit_test_setup_teardown(destroyed_segment_goes_in_its_turn, damage_set_up, damage_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
