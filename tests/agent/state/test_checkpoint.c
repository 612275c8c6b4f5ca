/* A start from a checkpoint of the index must find what a start from the whole log finds, having read less.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/agent/state/fixture.h"

enum { SUBJECTS = 40 };

static int set_up(void **context)
{
    struct fixture *fixture = malloc(sizeof *fixture);
    fixture_start(fixture);
    fixture->settings.durability = DURABILITY_FSYNC;
    fixture->settings.hash_key = (struct hash_key){1, 2};
    fixture_open(fixture);
    *context = fixture;
    return 0;
}

static int tear_down(void **context)
{
    struct fixture *fixture = *context;
    fixture_end(fixture);
    free(fixture);
    return 0;
}

static void put_image_of(struct fixture *fixture, int subject, int version, instant_ms edge)
{
    char name[16];
    char body[32];
    snprintf(name, sizeof name, "subject-%d", subject);
    snprintf(body, sizeof body, "version %d", version);
    fixture_put(fixture, image_of(name, body, edge), SEQ_NONE);
}

/* The version of the subject's image; -1 for a stranger. */
static int version_of(struct fixture *fixture, int subject)
{
    char text[16];
    snprintf(text, sizeof text, "subject-%d", subject);
    struct name name = name_of(text);
    struct record image;
    enum status status = state_log_find(&fixture->reader, &name, &image);
    if (status == STATUS_NOT_FOUND) {
        return -1;
    }
    assert_int_equal(status, STATUS_OK);
    char body[32] = {0};
    memcpy(body, image.body.data, image.body.length);
    return (int)strtol(body + strlen("version "), NULL, 10);
}

static void checkpoint_now(struct fixture *fixture)
{
    assert_int_equal(state_log_checkpoint(&fixture->log, CHECKPOINT_NOW), STATUS_OK);
}

static char *index_path(const struct fixture *fixture)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/index", fixture->folder);
    return path;
}

static bool has_index(const struct fixture *fixture)
{
    return access(index_path(fixture), F_OK) == 0;
}

static void start_reads_only_what_came_after_the_checkpoint(void **context)
{
    struct fixture *fixture = *context;
    for (int i = 0; i < 30; i++) {
        put_image_of(fixture, i, 1, INSTANT_NEVER);
        fixture_decide(fixture, "x");
    }
    checkpoint_now(fixture);
    put_image_of(fixture, 3, 2, INSTANT_NEVER);
    put_image_of(fixture, 30, 1, INSTANT_NEVER);
    fixture_decide(fixture, "y");
    fixture_reopen(fixture);
    assert_int_equal(fixture->report.frames, 1);
    assert_int_equal(fixture->report.subjects, 31);
    assert_int_equal(fixture->report.last_seq, 31);
    assert_int_equal(version_of(fixture, 3), 2);
    assert_int_equal(version_of(fixture, 4), 1);
    assert_int_equal(version_of(fixture, 30), 1);
    assert_int_equal(version_of(fixture, 31), -1);
    fixture_close(fixture);
}

static void start_without_anything_after_it_goes_on_too(void **context)
{
    struct fixture *fixture = *context;
    put_image_of(fixture, 1, 1, INSTANT_NEVER);
    fixture_decide(fixture, "x");
    checkpoint_now(fixture);
    fixture_reopen(fixture);
    assert_int_equal(fixture->report.frames, 0);
    assert_int_equal(version_of(fixture, 1), 1);
    assert_int_equal(state_log_checkpoint(&fixture->log, CHECKPOINT_NOW), STATUS_EMPTY);
    put_image_of(fixture, 1, 2, INSTANT_NEVER);
    fixture_decide(fixture, "y");
    fixture_reopen(fixture);
    assert_int_equal(version_of(fixture, 1), 2);
    assert_int_equal(fixture->report.last_seq, 2);
    fixture_close(fixture);
    assert_int_equal(fixture_scan(fixture), STATUS_OK);
}

/* What is put but not committed when the checkpoint is written may never come to be. */
static void checkpoint_knows_only_what_is_committed(void **context)
{
    struct fixture *fixture = *context;
    put_image_of(fixture, 1, 1, INSTANT_NEVER);
    fixture_decide(fixture, "x");
    put_image_of(fixture, 1, 2, INSTANT_NEVER);
    put_image_of(fixture, 2, 1, INSTANT_NEVER);
    checkpoint_now(fixture);
    fixture_reopen(fixture);
    assert_int_equal(version_of(fixture, 1), 1);
    assert_int_equal(version_of(fixture, 2), -1);
    assert_int_equal(fixture->report.subjects, 1);
    fixture_close(fixture);
}

static size_t due_at(struct fixture *fixture, instant_ms now)
{
    record_ref due[SUBJECTS];
    size_t count;
    state_log_due(&fixture->log, now, due, SUBJECTS, &count);
    return count;
}

static void edges_come_back_those_taken_without_a_new_image_too(void **context)
{
    struct fixture *fixture = *context;
    put_image_of(fixture, 1, 1, 100);
    put_image_of(fixture, 2, 1, 200);
    put_image_of(fixture, 3, 1, INSTANT_NEVER);
    fixture_decide(fixture, "x");
    assert_int_equal(due_at(fixture, 100), 1);
    assert_int_equal(due_at(fixture, 100), 0);
    checkpoint_now(fixture);
    fixture_reopen(fixture);
    assert_int_equal(due_at(fixture, 100), 1);
    assert_int_equal(due_at(fixture, 199), 0);
    assert_int_equal(due_at(fixture, 200), 1);
    assert_int_equal(due_at(fixture, INSTANT_NEVER - 2), 0);
    fixture_close(fixture);
}

static void drop_oldest_segment(struct fixture *fixture)
{
    state_log_set_outbox_cursor(&fixture->log, state_log_committed(&fixture->log));
    assert_int_equal(state_log_drop_oldest(&fixture->log), STATUS_OK);
}

static void segments_dropped_since_are_not_missed(void **context)
{
    struct fixture *fixture = *context;
    for (int i = 0; i < 40; i++) {
        put_image_of(fixture, 1, i, INSTANT_NEVER);
        fixture_decide(fixture, "x");
    }
    checkpoint_now(fixture);
    put_image_of(fixture, 1, 40, INSTANT_NEVER);
    fixture_decide(fixture, "y");
    drop_oldest_segment(fixture);
    fixture_reopen(fixture);
    assert_int_equal(fixture->report.frames, 1);
    assert_int_equal(version_of(fixture, 1), 40);
    drop_oldest_segment(fixture); /* Live images are counted right. */
    fixture_close(fixture);
}

static void damaged_checkpoint_is_no_checkpoint(void **context)
{
    struct fixture *fixture = *context;
    for (int i = 0; i < SUBJECTS; i++) {
        put_image_of(fixture, i, 1, INSTANT_NEVER);
        fixture_decide(fixture, "x");
    }
    checkpoint_now(fixture);
    fixture_close(fixture);
    int64_t length = file_length(index_path(fixture));
    for (int64_t offset = 0; offset < length; offset += 1 + length / 97) {
        uint8_t byte;
        read_file(index_path(fixture), (uint64_t)offset, &byte, 1);
        uint8_t flipped = byte ^ 4;
        overwrite_file(index_path(fixture), (uint64_t)offset, &flipped, 1);
        fixture_open(fixture);
        assert_int_equal(fixture->report.frames, SUBJECTS);
        assert_int_equal(version_of(fixture, 0), 1);
        fixture_close(fixture);
        overwrite_file(index_path(fixture), (uint64_t)offset, &byte, 1);
    }
    for (int64_t kept = 0; kept < length; kept += 1 + length / 97) {
        assert_int_equal(truncate(index_path(fixture), length - 1 - kept), 0);
        fixture_open(fixture);
        assert_int_equal(fixture->report.frames, SUBJECTS);
        fixture_close(fixture);
    }
}

static void write_two_and_lose_the_second(struct fixture *fixture)
{
    put_image_of(fixture, 1, 1, INSTANT_NEVER);
    fixture_decide(fixture, "x");
    put_image_of(fixture, 1, 2, INSTANT_NEVER);
    fixture_decide(fixture, "y");
    checkpoint_now(fixture);
    fixture_close(fixture);
    static const uint8_t nothing[FRAME_BLOCK_BYTES];
    overwrite_file(fixture_segment(fixture, 1).text, FRAME_BLOCK_BYTES, nothing, sizeof nothing);
}

static void frames_that_were_on_the_disk_and_are_gone_are_not_passed_over(void **context)
{
    struct fixture *fixture = *context;
    write_two_and_lose_the_second(fixture);
    assert_int_equal(fixture_try_open(fixture), STATUS_CORRUPT);
    assert_non_null(strstr(fixture->report.message, "frames 2 to 2 were on the disk and are gone"));
    assert_int_equal(unlink(index_path(fixture)), 0);
    fixture_open(fixture);
    assert_int_equal(version_of(fixture, 1), 1);
    fixture_close(fixture);
}

static void emptied_log_is_refused(void **context)
{
    struct fixture *fixture = *context;
    fixture_decide(fixture, "x");
    fixture_close(fixture);
    assert_int_equal(truncate(fixture_segment(fixture, 1).text, 0), 0);
    assert_int_equal(fixture_try_open(fixture), STATUS_CORRUPT);
    assert_non_null(strstr(fixture->report.message, "segment-0000000001.log at offset 0: shorter"));
    assert_int_equal(fixture_scan(fixture), STATUS_CORRUPT);
}

static void hash_key_stays_that_of_the_checkpoint(void **context)
{
    struct fixture *fixture = *context;
    put_image_of(fixture, 1, 1, INSTANT_NEVER);
    fixture_decide(fixture, "x");
    checkpoint_now(fixture);
    fixture_close(fixture);
    fixture->settings.hash_key = (struct hash_key){77, 78};
    fixture_open(fixture);
    assert_int_equal(version_of(fixture, 1), 1);
    put_image_of(fixture, 1, 2, INSTANT_NEVER);
    fixture_decide(fixture, "y");
    assert_int_equal(version_of(fixture, 1), 2);
    assert_int_equal(fixture->log.index.count, 1);
    fixture_close(fixture);
}

static void setbacks_and_losses_are_remembered(void **context)
{
    struct fixture *fixture = *context;
    for (int i = 1; i <= 3; i++) {
        put_image_of(fixture, 1, i, INSTANT_NEVER);
        fixture_decide(fixture, "x");
    }
    put_image_of(fixture, 2, 1, INSTANT_NEVER);
    fixture_decide(fixture, "x");
    fixture_close(fixture);
    overwrite_file(fixture_segment(fixture, 1).text, 2 * FRAME_BLOCK_BYTES + 170, "xx", 2);
    fixture_open(fixture);
    assert_int_equal(version_of(fixture, 1), 2);
    checkpoint_now(fixture);
    fixture_reopen(fixture);
    assert_int_equal(fixture->report.frames, 0);
    struct state_log_losses losses;
    state_log_losses(&fixture->log, &losses);
    assert_int_equal(losses.damages.frames, 1);
    assert_int_equal(losses.damages.list[0].first_frame, 3);
    assert_int_equal(losses.subjects, 1);
    record_ref ref;
    assert_int_equal(state_log_setback(&fixture->log, 0, &ref), STATUS_OK);
    assert_int_equal(ref, record_ref_of(2, 0));
    fixture_close(fixture);
}

static void damage_before_the_checkpoint_is_confined_when_it_is_met(void **context)
{
    struct fixture *fixture = *context;
    for (int i = 1; i <= 3; i++) {
        put_image_of(fixture, 1, i, INSTANT_NEVER);
        put_image_of(fixture, 2, i, INSTANT_NEVER);
        fixture_decide(fixture, "x");
    }
    put_image_of(fixture, 2, 4, INSTANT_NEVER);
    fixture_decide(fixture, "x");
    checkpoint_now(fixture);
    fixture_close(fixture);
    overwrite_file(fixture_segment(fixture, 1).text, 2 * FRAME_BLOCK_BYTES + 170, "xx", 2);
    fixture_open(fixture);
    assert_int_equal(version_of(fixture, 2), 4);
    assert_int_equal(version_of(fixture, 1), 2);
    struct state_log_losses losses;
    state_log_losses(&fixture->log, &losses);
    assert_int_equal(losses.subjects, 1);
    fixture_close(fixture);
}

static void it_is_due_when_the_log_has_grown_enough(void **context)
{
    struct fixture *fixture = *context;
    fixture_close(fixture);
    fixture->settings.compression = 0;
    fixture->settings.max_bytes = 128 * (64 << 10);
    fixture_open(fixture);
    static uint8_t noise[8000];
    int commits = 0;
    while (state_log_checkpoint(&fixture->log, CHECKPOINT_IF_DUE) == STATUS_EMPTY) {
        struct record record = decision_of("acme", "");
        record.body = bytes_of(noise, sizeof noise);
        fixture_put(fixture, record, SEQ_TAKEN);
        fixture_commit(fixture);
        commits++;
        assert_in_range(commits, 1, 600);
    }
    assert_int_equal(commits, CHECKPOINT_LOG_BYTES_LEAST / (2 * FRAME_BLOCK_BYTES));
    assert_int_equal(state_log_checkpoint(&fixture->log, CHECKPOINT_IF_DUE), STATUS_EMPTY);
    assert_true(has_index(fixture));
    fixture_close(fixture);
}

/* Random work with checkpoints in between: a start with the checkpoint and one without see the same. */
static void with_and_without_it_the_log_is_the_same(void **context)
{
    struct fixture *fixture = *context;
    uint32_t state = 99;
    int versions[SUBJECTS] = {0};
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 20; i++) {
            state = state * 1664525 + 1013904223;
            int subject = (int)(state >> 8) % SUBJECTS;
            put_image_of(fixture, subject, ++versions[subject], (instant_ms)(state >> 20));
            if ((state >> 28) % 4 == 0) {
                fixture_decide(fixture, "x");
            }
            if ((state >> 24) % 16 == 0) {
                enum status status = state_log_checkpoint(&fixture->log, CHECKPOINT_NOW);
                assert_true(status == STATUS_OK || status == STATUS_EMPTY);
            }
        }
        fixture_decide(fixture, "last");
        fixture_reopen(fixture);
        int with[SUBJECTS];
        for (int i = 0; i < SUBJECTS; i++) {
            with[i] = version_of(fixture, i);
            assert_int_equal(with[i], versions[i] == 0 ? -1 : versions[i]);
        }
        fixture_close(fixture);
        unlink(index_path(fixture));
        fixture_open(fixture);
        for (int i = 0; i < SUBJECTS; i++) {
            assert_int_equal(with[i], version_of(fixture, i));
        }
        struct segment_range range;
        while (state_log_oldest(&fixture->log, &range) == STATUS_OK && range.live_images == 0) {
            drop_oldest_segment(fixture);
        }
    }
    fixture_close(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(start_reads_only_what_came_after_the_checkpoint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(start_without_anything_after_it_goes_on_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(checkpoint_knows_only_what_is_committed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(edges_come_back_those_taken_without_a_new_image_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(segments_dropped_since_are_not_missed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_checkpoint_is_no_checkpoint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(frames_that_were_on_the_disk_and_are_gone_are_not_passed_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(emptied_log_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hash_key_stays_that_of_the_checkpoint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(setbacks_and_losses_are_remembered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_before_the_checkpoint_is_confined_when_it_is_met, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(it_is_due_when_the_log_has_grown_enough, set_up, tear_down),
        cmocka_unit_test_setup_teardown(with_and_without_it_the_log_is_the_same, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
