#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/state/fixture.h"

static int set_up(void **context)
{
    struct fixture *fixture = malloc(sizeof *fixture);
    fixture_start(fixture);
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

static void committed_records_come_back_in_order(void **context)
{
    struct fixture *fixture = *context;
    char body[16];
    for (int i = 0; i < 300; i++) {
        snprintf(body, sizeof body, "body %d", i);
        fixture_put(fixture, decision_of("acme", body), SEQ_TAKEN);
        if (i % 7 == 0) {
            fixture_commit(fixture);
        }
    }
    fixture_commit(fixture);
    record_ref cursor = RECORD_REF_NONE;
    struct record record;
    for (int i = 0; i < 300; i++) {
        int length = snprintf(body, sizeof body, "body %d", i);
        assert_int_equal(state_log_next(&fixture->reader, &cursor, &record), STATUS_OK);
        assert_int_equal(record.seq, i + 1);
        assert_int_equal(record.kind, RECORD_DECISION);
        assert_true(bytes_equal_string(record.body, body));
        assert_int_equal(record.body.length, length);
        assert_int_equal(record.ref, cursor);
    }
    assert_int_equal(state_log_next(&fixture->reader, &cursor, &record), STATUS_EMPTY);
    assert_int_equal(state_log_last_seq(&fixture->log), 300);
}

static void every_field_of_a_record_comes_back(void **context)
{
    struct fixture *fixture = *context;
    struct record put = {.kind = RECORD_IMAGE,
                         .pool_sequence = 77,
                         .subject = name_of("acme"),
                         .edge = -5,
                         .changes = 6,
                         .body = bytes_of_string("state")};
    struct record copy = {
        .kind = RECORD_COPY, .seq = 12, .subject = name_of("acme"), .body = bytes_of_string("old")};
    struct record letter = {.kind = RECORD_DEAD_LETTER, .pool_sequence = 78, .body = bytes_of_string("")};
    record_ref refs[] = {fixture_put(fixture, put, SEQ_NONE), fixture_put(fixture, copy, SEQ_NONE),
                         fixture_put(fixture, letter, SEQ_NONE)};
    fixture_commit(fixture);
    struct record got;
    assert_int_equal(state_log_read(&fixture->reader, refs[0], &got), STATUS_OK);
    assert_int_equal(got.pool_sequence, 77);
    assert_int_equal(got.edge, -5);
    assert_int_equal(got.changes, 6);
    assert_int_equal(got.previous, RECORD_REF_NONE);
    assert_true(name_equal(&got.subject, &put.subject));
    assert_int_equal(state_log_read(&fixture->reader, refs[1], &got), STATUS_OK);
    assert_int_equal(got.seq, 12);
    assert_int_equal(got.kind, RECORD_COPY);
    assert_int_equal(state_log_read(&fixture->reader, refs[2], &got), STATUS_OK);
    assert_true(name_is_empty(&got.subject));
    assert_int_equal(got.body.length, 0);
    assert_int_equal(state_log_pool_sequence_high(&fixture->log), 78);
}

static void record_is_read_by_reference_before_and_after_its_commit(void **context)
{
    struct fixture *fixture = *context;
    record_ref ref = fixture_put(fixture, decision_of("acme", "early"), SEQ_TAKEN);
    struct record record;
    assert_int_equal(state_log_read(&fixture->reader, ref, &record), STATUS_OK);
    assert_true(bytes_equal_string(record.body, "early"));
    assert_int_equal(record.seq, 1);
    fixture_commit(fixture);
    assert_int_equal(state_log_read(&fixture->reader, ref, &record), STATUS_OK);
    assert_true(bytes_equal_string(record.body, "early"));
    fixture_reopen(fixture);
    assert_int_equal(state_log_read(&fixture->reader, ref, &record), STATUS_OK);
    assert_true(bytes_equal_string(record.body, "early"));
    assert_int_equal(state_log_read(&fixture->reader, ref + 1, &record), STATUS_NOT_FOUND);
    assert_int_equal(state_log_read(&fixture->reader, record_ref_of(99, 0), &record), STATUS_NOT_FOUND);
}

static void uncommitted_records_are_not_published(void **context)
{
    struct fixture *fixture = *context;
    fixture_put(fixture, decision_of("acme", "early"), SEQ_TAKEN);
    record_ref cursor = RECORD_REF_NONE;
    struct record record;
    assert_int_equal(state_log_next(&fixture->reader, &cursor, &record), STATUS_EMPTY);
    assert_int_equal(state_log_wait_committed(&fixture->log, cursor, 0), STATUS_TIMED_OUT);
    fixture_commit(fixture);
    assert_int_equal(state_log_wait_committed(&fixture->log, cursor, 0), STATUS_OK);
    assert_int_equal(state_log_next(&fixture->reader, &cursor, &record), STATUS_OK);
}

static void later_image_replaces_the_one_in_the_same_batch(void **context)
{
    struct fixture *fixture = *context;
    struct record first = image_of("acme", "one", 100);
    struct record second = image_of("acme", "two", 200);
    first.changes = 1;
    second.changes = 4;
    record_ref old = fixture_put(fixture, first, SEQ_NONE);
    fixture_put(fixture, decision_of("acme", "between"), SEQ_TAKEN);
    record_ref new = fixture_put(fixture, second, SEQ_NONE);
    struct record record;
    assert_int_equal(state_log_read(&fixture->reader, old, &record), STATUS_NOT_FOUND);
    fixture_commit(fixture);
    assert_int_equal(fixture->seen.count, 2);
    assert_int_equal(state_log_read(&fixture->reader, old, &record), STATUS_NOT_FOUND);
    assert_int_equal(state_log_read(&fixture->reader, new, &record), STATUS_OK);
    assert_int_equal(record.changes, 5);
    assert_int_equal(record.previous, RECORD_REF_NONE);
    assert_true(bytes_equal_string(record.body, "two"));
}

static void image_of_an_earlier_frame_is_named_as_previous(void **context)
{
    struct fixture *fixture = *context;
    record_ref first = fixture_put(fixture, image_of("acme", "one", INSTANT_NEVER), SEQ_NONE);
    fixture_commit(fixture);
    fixture_put(fixture, image_of("acme", "two", INSTANT_NEVER), SEQ_NONE);
    fixture_put(fixture, image_of("acme", "three", INSTANT_NEVER), SEQ_NONE);
    fixture_commit(fixture);
    struct record record;
    struct name acme = name_of("acme");
    assert_int_equal(state_log_find(&fixture->reader, &acme, &record), STATUS_OK);
    assert_true(bytes_equal_string(record.body, "three"));
    assert_int_equal(record.previous, first);
    assert_int_equal(state_log_read(&fixture->reader, first, &record), STATUS_OK);
    assert_true(bytes_equal_string(record.body, "one"));
}

static void subject_is_found_in_a_batch_and_on_disk_but_a_stranger_is_not(void **context)
{
    struct fixture *fixture = *context;
    struct name acme = name_of("acme");
    struct name stranger = name_of("stranger");
    struct record record;
    assert_false(state_log_has(&fixture->log, &acme));
    assert_int_equal(state_log_find(&fixture->reader, &acme, &record), STATUS_NOT_FOUND);
    fixture_put(fixture, image_of("acme", "state", INSTANT_NEVER), SEQ_NONE);
    assert_true(state_log_has(&fixture->log, &acme));
    assert_int_equal(state_log_find(&fixture->reader, &acme, &record), STATUS_OK);
    fixture_commit(fixture);
    fixture_reopen(fixture);
    assert_int_equal(state_log_find(&fixture->reader, &acme, &record), STATUS_OK);
    assert_true(bytes_equal_string(record.body, "state"));
    assert_int_equal(state_log_find(&fixture->reader, &stranger, &record), STATUS_NOT_FOUND);
}

static void due_edges_are_told_once(void **context)
{
    struct fixture *fixture = *context;
    record_ref early = fixture_put(fixture, image_of("early", "x", 100), SEQ_NONE);
    fixture_put(fixture, image_of("late", "x", 300), SEQ_NONE);
    fixture_put(fixture, image_of("never", "x", INSTANT_NEVER), SEQ_NONE);
    fixture_commit(fixture);
    record_ref due[4];
    size_t count;
    state_log_due(&fixture->log, 99, due, 4, &count);
    assert_int_equal(count, 0);
    state_log_due(&fixture->log, 100, due, 4, &count);
    assert_int_equal(count, 1);
    assert_int_equal(due[0], early);
    state_log_due(&fixture->log, 299, due, 4, &count);
    assert_int_equal(count, 0);
    fixture_reopen(fixture);
    state_log_due(&fixture->log, 300, due, 4, &count);
    assert_int_equal(count, 2);
}

static void image_that_is_put_again_moves_its_edge(void **context)
{
    struct fixture *fixture = *context;
    fixture_put(fixture, image_of("acme", "x", 100), SEQ_NONE);
    fixture_put(fixture, image_of("acme", "y", 500), SEQ_NONE);
    record_ref due[4];
    size_t count;
    state_log_due(&fixture->log, 499, due, 4, &count);
    assert_int_equal(count, 0);
    state_log_due(&fixture->log, 500, due, 4, &count);
    assert_int_equal(count, 1);
}

static void header_values_are_carried_across_a_restart(void **context)
{
    struct fixture *fixture = *context;
    state_log_set_clock_high(&fixture->log, 1000);
    state_log_set_clock_high(&fixture->log, 900);
    record_ref ref = fixture_decide(fixture, "x");
    state_log_set_outbox_cursor(&fixture->log, ref);
    state_log_set_clock_high(&fixture->log, 2000);
    assert_int_equal(fixture_try_commit(fixture), STATUS_EMPTY);
    state_log_mark(&fixture->log);
    assert_int_equal(state_log_wait(&fixture->log, 0), STATUS_OK);
    fixture_commit(fixture);
    fixture_reopen(fixture);
    assert_int_equal(state_log_clock_high(&fixture->log), 2000);
    assert_int_equal(state_log_outbox_cursor(&fixture->log), ref);
    assert_int_equal(state_log_last_seq(&fixture->log), 1);
    record_ref cursor = ref;
    struct record record;
    assert_int_equal(state_log_next(&fixture->reader, &cursor, &record), STATUS_EMPTY);
    fixture_decide(fixture, "y");
    assert_int_equal(state_log_next(&fixture->reader, &cursor, &record), STATUS_OK);
    assert_int_equal(record.seq, 2);
}

static void transaction_sees_the_seq_it_will_take(void **context)
{
    struct fixture *fixture = *context;
    struct record record = decision_of("acme", "x");
    assert_int_equal(state_log_begin(&fixture->log, 2 * STATE_LOG_RECORD_OVERHEAD + 2), STATUS_OK);
    assert_int_equal(state_log_next_seq(&fixture->log), 1);
    state_log_put(&fixture->log, &record, SEQ_TAKEN);
    assert_int_equal(record.seq, 1);
    assert_int_equal(state_log_next_seq(&fixture->log), 2);
    state_log_end(&fixture->log);
}

static void transaction_larger_than_a_batch_is_refused(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(state_log_begin(&fixture->log, (16 << 10) + 1), STATUS_TOO_LARGE);
    assert_int_equal(state_log_begin(&fixture->log, 16 << 10), STATUS_OK);
    state_log_end(&fixture->log);
}

static void trying_to_begin_does_not_wait_for_room(void **context)
{
    struct fixture *fixture = *context;
    char body[8001];
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    fixture_put(fixture, decision_of("acme", body), SEQ_TAKEN);
    fixture_put(fixture, decision_of("acme", body), SEQ_TAKEN);
    assert_int_equal(state_log_try_begin(&fixture->log, 8000), STATUS_FULL);
    fixture_commit(fixture);
    assert_int_equal(state_log_try_begin(&fixture->log, 8000), STATUS_OK);
    state_log_end(&fixture->log);
}

static void shut_log_takes_nothing_but_commits_what_it_has(void **context)
{
    struct fixture *fixture = *context;
    fixture_put(fixture, decision_of("acme", "x"), SEQ_TAKEN);
    state_log_shut(&fixture->log);
    assert_int_equal(state_log_begin(&fixture->log, 256), STATUS_CLOSED);
    assert_int_equal(state_log_wait(&fixture->log, 0), STATUS_OK);
    assert_int_equal(state_log_wait_committed(&fixture->log, 0, 0), STATUS_TIMED_OUT);
    fixture_commit(fixture);
    assert_int_equal(state_log_wait(&fixture->log, 0), STATUS_CLOSED);
    assert_int_equal(state_log_wait_committed(&fixture->log, 0, 0), STATUS_OK);
    assert_int_equal(state_log_wait_committed(&fixture->log, record_ref_of(1, 0), 0), STATUS_CLOSED);
}

static void full_index_says_that_no_subject_can_be_added(void **context)
{
    struct fixture *fixture = *context;
    fixture_close(fixture);
    fixture->settings.subjects_max = 2;
    fixture_open(fixture);
    assert_true(state_log_can_add(&fixture->log));
    fixture_put(fixture, image_of("a", "x", INSTANT_NEVER), SEQ_NONE);
    fixture_put(fixture, image_of("a", "y", INSTANT_NEVER), SEQ_NONE);
    assert_true(state_log_can_add(&fixture->log));
    fixture_put(fixture, image_of("b", "x", INSTANT_NEVER), SEQ_NONE);
    assert_false(state_log_can_add(&fixture->log));
}

/* All subjects share one hash. */
static void equal_hashes_never_mix_subjects_up(void **context)
{
    struct fixture *fixture = *context;
    fixture_close(fixture);
    fixture->settings.subject_hash_mask = 1ULL << 63;
    fixture->settings.recent_bytes = 4096;
    fixture_open(fixture);
    char name[16];
    char body[1024];
    struct record record;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 40; i++) {
            snprintf(name, sizeof name, "subject-%d", i);
            snprintf(body, sizeof body, "%d of %d %900d", round, i, rand());
            fixture_put(fixture, image_of(name, body, 100 + i), SEQ_NONE);
            if (i % 4 == 3) {
                fixture_commit(fixture);
            }
        }
        if (round == 1) {
            fixture_reopen(fixture);
        }
    }
    for (int pass = 0; pass < 2; pass++) {
        struct state_log_stats stats;
        state_log_stats(&fixture->log, &stats);
        assert_int_equal(stats.subjects, 40);
        for (int i = 0; i < 40; i++) {
            snprintf(name, sizeof name, "subject-%d", i);
            int length = snprintf(body, sizeof body, "2 of %d ", i);
            struct name subject = name_of(name);
            assert_int_equal(state_log_find(&fixture->reader, &subject, &record), STATUS_OK);
            assert_memory_equal(record.body.data, body, (size_t)length);
        }
        struct name stranger = name_of("stranger");
        assert_int_equal(state_log_find(&fixture->reader, &stranger, &record), STATUS_NOT_FOUND);
        fixture_reopen(fixture);
    }
}

static void released_tells_of_each_record_once(void **context)
{
    struct fixture *fixture = *context;
    struct record record = decision_of("acme", "x");
    for (uint64_t i = 1; i <= 5; i++) {
        record.pool_sequence = i;
        fixture_put(fixture, record, SEQ_TAKEN);
    }
    fixture_commit(fixture);
    assert_int_equal(fixture->seen.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(fixture->seen.records[i].record.pool_sequence, i + 1);
        assert_int_equal(fixture->seen.records[i].record.seq, i + 1);
    }
}

static void incompressible_bodies_are_stored_as_they_are(void **context)
{
    struct fixture *fixture = *context;
    uint8_t noise[8000];
    uint32_t state = 12345;
    for (size_t i = 0; i < sizeof noise; i++) {
        state = state * 1664525 + 1013904223;
        noise[i] = (uint8_t)(state >> 24);
    }
    struct record record = decision_of("acme", "");
    record.body = bytes_of(noise, sizeof noise);
    record_ref ref = fixture_put(fixture, record, SEQ_TAKEN);
    fixture_commit(fixture);
    fixture_reopen(fixture);
    struct record got;
    assert_int_equal(state_log_read(&fixture->reader, ref, &got), STATUS_OK);
    assert_int_equal(got.body.length, sizeof noise);
    assert_memory_equal(got.body.data, noise, sizeof noise);
}

static void every_compression_level_reads_back(void **context)
{
    struct fixture *fixture = *context;
    for (int level = 0; level <= 9; level++) {
        fixture_close(fixture);
        fixture->settings.compression = level;
        fixture_open(fixture);
        fixture_decide(fixture, "the same words, the same words, the same words");
    }
    fixture_reopen(fixture);
    assert_int_equal(fixture->seen.count, 10);
    assert_int_equal(fixture->report.last_seq, 10);
}

static void stats_count_commits_and_bytes(void **context)
{
    struct fixture *fixture = *context;
    fixture_decide(fixture, "x");
    fixture_decide(fixture, "y");
    struct state_log_stats stats;
    state_log_stats(&fixture->log, &stats);
    assert_int_equal(stats.commits, 2);
    assert_int_equal(stats.stored_bytes, 2 * 4096);
    assert_true(stats.raw_bytes > 2);
    assert_int_equal(stats.used_bytes, 64 << 10);
    assert_int_equal(stats.file_bytes, 6 * (64 << 10));
    assert_int_equal(stats.spare_segments, 5);
}

/* Says little under a sanitizer, whose malloc counts elsewhere. */
static void nothing_is_allocated_after_opening(void **context)
{
    struct fixture *fixture = *context;
    char body[64];
    struct record record;
    record_ref cursor = RECORD_REF_NONE;
    struct name subject = name_of("acme");
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 200; i++) {
        snprintf(body, sizeof body, "body %d", i);
        fixture_put(fixture, image_of("acme", body, i), SEQ_NONE);
        fixture_decide(fixture, body);
        assert_int_equal(state_log_find(&fixture->reader, &subject, &record), STATUS_OK);
        assert_int_equal(state_log_next(&fixture->reader, &cursor, &record), STATUS_OK);
        state_log_set_outbox_cursor(&fixture->log, cursor);
        assert_true(state_log_drop_oldest(&fixture->log) != STATUS_IO);
    }
    assert_int_equal(mallinfo2().uordblks, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(committed_records_come_back_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_field_of_a_record_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(record_is_read_by_reference_before_and_after_its_commit, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(uncommitted_records_are_not_published, set_up, tear_down),
        cmocka_unit_test_setup_teardown(later_image_replaces_the_one_in_the_same_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(image_of_an_earlier_frame_is_named_as_previous, set_up, tear_down),
        cmocka_unit_test_setup_teardown(subject_is_found_in_a_batch_and_on_disk_but_a_stranger_is_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(due_edges_are_told_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(image_that_is_put_again_moves_its_edge, set_up, tear_down),
        cmocka_unit_test_setup_teardown(header_values_are_carried_across_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(transaction_sees_the_seq_it_will_take, set_up, tear_down),
        cmocka_unit_test_setup_teardown(transaction_larger_than_a_batch_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trying_to_begin_does_not_wait_for_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shut_log_takes_nothing_but_commits_what_it_has, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_index_says_that_no_subject_can_be_added, set_up, tear_down),
        cmocka_unit_test_setup_teardown(equal_hashes_never_mix_subjects_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(released_tells_of_each_record_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(incompressible_bodies_are_stored_as_they_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_compression_level_reads_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stats_count_commits_and_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_allocated_after_opening, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
