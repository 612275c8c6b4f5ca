/* The whole agent with a log that was damaged in the middle: everybody else goes on, whoever is hit goes on
 * from before and is marked, and nobody is charged twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/frame.h"
#include "tests/agent/agent_fixture.h"

static const char PRICED[] =
    "{\"plans\":{\"free\":{\"features\":[\"*\"],\"quotas\":[],\"prices\":{\"kwh\":\"1\"},"
    "\"billing\":{\"low_balance\":\"0\",\"overdraft\":\"0\"}}}}";

static int set_up(void **context)
{
    struct fixture *fixture = fixture_new(PRICED);
    fixture_set(fixture, "store.durability=fsync");
    fixture_start(fixture);
    *context = fixture;
    return 0;
}

static int tear_down(void **context)
{
    fixture_free(*context);
    return 0;
}

/* A bit of the frame, in the first segment, flips. */
static void damage_frame(struct fixture *fixture, uint64_t frame)
{
    char path[FIXTURE_PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/store/segment-0000000001.log", fixture->folder);
    FILE *file = fopen(path, "r+be");
    assert_non_null(file);
    uint8_t block[FRAME_BLOCK_BYTES];
    struct frame_header header;
    for (long at = 0; fseek(file, at, SEEK_SET) == 0 && fread(block, sizeof block, 1, file) == 1;
         at += FRAME_BLOCK_BYTES) {
        if (frame_unpack(bytes_of(block, sizeof block), &header) == STATUS_OK && header.frame == frame) {
            block[FRAME_HEADER_BYTES + 9] ^= 1;
            assert_int_equal(fseek(file, at, SEEK_SET), 0);
            assert_int_equal(fwrite(block, sizeof block, 1, file), 1);
        }
    }
    assert_int_equal(fclose(file), 0);
}

static uint64_t last_frame(struct fixture *fixture)
{
    return record_ref_frame(state_log_committed(&fixture->agent->log));
}

static void credit(struct fixture *fixture, const char *subject, const char *id, const char *amount)
{
    char command[128];
    snprintf(command, sizeof command, "{\"id\":\"%s\",\"op\":\"credit\",\"amount\":\"%s\"}", id, amount);
    published_has(fixture_command(fixture, subject, "billing", command), "\"status\":\"ok\"");
}

/* acme and other have 100 and used 1 twice; the frame of acme's second event comes back. */
static uint64_t live_a_little(struct fixture *fixture)
{
    credit(fixture, "acme", "c1", "100");
    credit(fixture, "other", "c1", "100");
    fixture_ask(fixture, "{\"id\":\"e-1\",\"amount\":\"1\"}");
    fixture_ask_as(fixture, "other", "meter-7", "kwh", "{\"id\":\"e-1\",\"amount\":\"1\"}");
    published_has(fixture_ask(fixture, "{\"id\":\"e-2\",\"amount\":\"1\"}"), "\"balance\":\"98\"");
    uint64_t frame = last_frame(fixture);
    fixture_ask_as(fixture, "other", "meter-7", "kwh", "{\"id\":\"e-2\",\"amount\":\"1\"}");
    fixture_ask_as(fixture, "third", "meter-7", "kwh", "{\"id\":\"e-3\",\"amount\":\"1\"}");
    return frame;
}

static void agent_starts_with_a_damaged_log_and_marks_whom_it_hit(void **context)
{
    struct fixture *fixture = *context;
    uint64_t frame = live_a_little(fixture);
    fixture_kill(fixture);
    damage_frame(fixture, frame);
    fixture_start(fixture);
    fixture_pass(fixture, 1500);
    published_has(fixture_state(fixture, "acme", "billing"), "\"set_back\":true");
    published_has(fixture_state(fixture, "acme", "billing"), "\"balance\":\"99\"");
    published_has_not(fixture_state(fixture, "other", "billing"), "set_back");
    published_has(fixture_state(fixture, "other", "billing"), "\"balance\":\"98\"");
    const struct published *alert = fixture_last(fixture, "flyball/v1/agent/a1/alert/store_failed", 0);
    published_has(alert, "segment-0000000001.log at offset");
    published_has(alert, "1 subjects set back");
}

static void everybody_goes_on_and_seqs_leave_no_gap_behind_the_damage(void **context)
{
    struct fixture *fixture = *context;
    uint64_t frame = live_a_little(fixture);
    uint64_t seq = state_log_last_seq(&fixture->agent->log);
    fixture_kill(fixture);
    damage_frame(fixture, frame);
    fixture_start(fixture);
    const struct published *answer = fixture_ask(fixture, "{\"id\":\"e-9\",\"amount\":\"1\"}");
    published_has(answer, "\"decision\":\"allow\"");
    assert_int_equal(published_number(answer, "seq"), seq + 1);
    published_has(fixture_ask_as(fixture, "other", "meter-7", "kwh", "{\"id\":\"e-2\",\"amount\":\"1\"}"),
                  "\"duplicate\":true");
}

static void mark_stays_over_a_restart_and_goes_with_the_next_command(void **context)
{
    struct fixture *fixture = *context;
    uint64_t frame = live_a_little(fixture);
    fixture_kill(fixture);
    damage_frame(fixture, frame);
    fixture_start(fixture);
    fixture_restart(fixture);
    fixture_ask(fixture, "{\"id\":\"e-9\",\"amount\":\"1\"}");
    fixture_pass(fixture, 1500);
    published_has(fixture_state(fixture, "acme", "billing"), "\"set_back\":true");
    credit(fixture, "acme", "c2", "1");
    fixture_pass(fixture, 1500);
    published_has_not(fixture_state(fixture, "acme", "billing"), "set_back");
}

/* The subject's state is still in memory: it is written again, and nothing is lost at all. */
static void damage_found_while_the_subject_is_hot_costs_it_nothing(void **context)
{
    struct fixture *fixture = *context;
    uint64_t frame = live_a_little(fixture);
    damage_frame(fixture, frame);
    struct name acme = name_of("acme");
    struct record image;
    struct state_log_reader *reader = &fixture->agent->tend_reader;
    fixture->agent->log.recent.oldest = fixture->agent->log.recent.next; /* Forgotten: read from the disk. */
    assert_int_equal(state_log_find(reader, &acme, &image), STATUS_OK);
    assert_true(image.is_setback);
    fixture_pass(fixture, 1500);
    published_has(fixture_ask(fixture, "{\"id\":\"e-9\",\"amount\":\"1\"}"), "\"balance\":\"97\"");
    assert_int_equal(state_log_find(reader, &acme, &image), STATUS_OK);
    assert_false(image.is_setback);
}

/* A start from a checkpoint reads none of it: the look through the log does. */
static void damage_before_the_checkpoint_is_found_without_being_asked(void **context)
{
    struct fixture *fixture = *context;
    uint64_t frame = live_a_little(fixture);
    agent_checkpoint(fixture->agent, CHECKPOINT_NOW);
    fixture_kill(fixture);
    damage_frame(fixture, frame);
    fixture_start(fixture);
    for (int i = 0; i < 100; i++) {
        fixture_pass(fixture, 50);
    }
    published_has(fixture_state(fixture, "acme", "billing"), "\"set_back\":true");
    published_has(fixture_last(fixture, "flyball/v1/agent/a1/alert/store_failed", 0), "1 subjects set back");
}

/* The event's decision lay in the damaged frame, its key in the newer image. */
static void duplicate_whose_decision_was_lost_is_not_charged_again(void **context)
{
    struct fixture *fixture = *context;
    uint64_t frame = live_a_little(fixture);
    fixture_ask(fixture, "{\"id\":\"e-4\",\"amount\":\"1\"}");
    fixture_kill(fixture);
    damage_frame(fixture, frame);
    fixture_start(fixture);
    const struct published *answer = fixture_ask(fixture, "{\"id\":\"e-2\",\"amount\":\"1\"}");
    published_has(answer, "\"reason\":\"id_reused\"");
    published_has(fixture_ask(fixture, "{\"id\":\"e-5\",\"amount\":\"1\"}"), "\"balance\":\"96\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(agent_starts_with_a_damaged_log_and_marks_whom_it_hit, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(everybody_goes_on_and_seqs_leave_no_gap_behind_the_damage, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(mark_stays_over_a_restart_and_goes_with_the_next_command, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(damage_found_while_the_subject_is_hot_costs_it_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(damage_before_the_checkpoint_is_found_without_being_asked, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(duplicate_whose_decision_was_lost_is_not_charged_again, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
