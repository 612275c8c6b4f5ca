/* Disks that are full or cannot be written, under the program itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"
#include "tests/faults/mounts.h"

enum { EXIT_CANNOT_START = 3, SKIPPED = 77, SUBJECTS = 40, EVENTS_MAX = 4000, STEP = 100, ANSWER_MS = 1000 };

static const char *runtime_of(const struct stage *stage)
{
    static char path[AGENT_PROCESS_PATH_MAX + 8];
    snprintf(path, sizeof path, "%s/run", stage->agent.folder);
    return path;
}

/* What it says in one line, and that it names the folder and what to do. */
static void expect_refusal(struct stage *stage, const char *folder, const char *reason)
{
    struct agent_outcome outcome =
        stage_run_command(stage, "run", "--config", stage->agent.config_file, NULL);
    const char *line = strstr(outcome.errors, "cannot start: ");
    if (outcome.exit_code != EXIT_CANNOT_START || line == NULL || strstr(line, folder) == NULL ||
        strstr(line, reason) == NULL || strstr(line, "; ") == NULL) {
        stage_fail(stage, "exit %d: %s", outcome.exit_code, outcome.errors);
    }
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    agent_outcome_free(&outcome);
}

static void send_event(struct stage *stage, int number)
{
    char topic[64];
    char payload[320];
    snprintf(topic, sizeof topic, "flyball/v1/event/s-%d/d/tea", number % SUBJECTS);
    int length = snprintf(payload, sizeof payload, "{\"id\": \"e-%d\", \"cid\": \"%0200d\"}", number, number);
    struct peer_message message = {.topic = topic, .payload = payload, .length = (size_t)length, .qos = 1};
    peer_send(&stage->peer, &message);
}

/* Sends until the answers stay away; how many. */
static int fill(struct stage *stage)
{
    int sent = 0;
    do {
        assert_in_range(sent, 0, EVENTS_MAX);
        for (int i = 0; i < STEP; i++) {
            send_event(stage, sent++);
        }
    } while (peer_await_count(&stage->peer, "flyball/v1/decision/#", (size_t)sent, ANSWER_MS));
    return sent;
}

static void full_store_waits_for_space_and_goes_on(void **context)
{
    struct stage *stage = *context;
    stage_prepare(stage,
                  "{\"store\": {\"segment_bytes\": 131072, \"max_bytes\": 16777216, \"compression\": 0,"
                  " \"subjects_max\": 256}}");
    mounts_put(stage->agent.store, "size=1m");
    stage_run(stage);
    int sent = fill(stage);
    expect(stage_await_alert(stage, "store_full"), "alert", "store_full");
    size_t before = peer_count(&stage->peer, "flyball/v1/decision/#");
    assert_in_range(before, 1, (size_t)sent - 1);
    assert_false(agent_process_has_ended(&stage->agent));
    int64_t full_ms = wall_ms();
    mounts_change(stage->agent.store, "size=32m");
    assert_true(peer_await_count(&stage->peer, "flyball/v1/decision/#", (size_t)sent, STAGE_WAIT_MS));
    print_message("%d sent, %zu answered before the disk was full, all %lld ms after it grew\n", sent, before,
                  (long long)(wall_ms() - full_ms));
    stage_await_alert_cleared(stage, "store_full");
    /* One each: the seqs leave no gap. */
    assert_int_equal(peer_count(&stage->peer, "flyball/v1/decision/#"), sent);
    expect_number_between(stage_metrics(stage), "ledger/seq", sent, sent);
    assert_int_equal(agent_process_terminate(&stage->agent), 0);
    struct agent_outcome outcome = stage_run_command(stage, "verify", "--store", stage->agent.store, NULL);
    assert_int_equal(outcome.exit_code, 0);
    agent_outcome_free(&outcome);
    mounts_remove(stage->agent.store);
}

static void store_without_room_for_a_segment_refuses_to_start(void **context)
{
    struct stage *stage = *context;
    stage_prepare(stage, NULL);
    mounts_put(stage->agent.store, "size=64k");
    expect_refusal(stage, stage->agent.store, "space");
    mounts_change(stage->agent.store, "size=64m");
    stage_run(stage);
    mounts_remove(stage->agent.store);
}

static void pool_without_room_refuses_to_start(void **context)
{
    struct stage *stage = *context;
    stage_prepare(stage, NULL);
    mounts_put(runtime_of(stage), "size=64k");
    expect_refusal(stage, runtime_of(stage), "No space left on device");
    mounts_change(runtime_of(stage), "size=8m");
    stage_run(stage);
    mounts_remove(runtime_of(stage));
}

static void fill_rest(const char *folder)
{
    char command[256];
    snprintf(command, sizeof command, "dd if=/dev/zero of=%s/rest bs=64k 2>/dev/null", folder);
    assert_int_not_equal(system(command), 0); /* NOLINT: the test's own words. It ends where the disk does. */
}

static void pool_has_its_room_reserved(void **context)
{
    struct stage *stage = *context;
    stage_prepare(stage, NULL);
    mounts_put(runtime_of(stage), "size=2m");
    stage_run(stage);
    fill_rest(runtime_of(stage));
    for (int i = 0; i < 3000; i++) {
        send_event(stage, i);
    }
    assert_true(peer_await_count(&stage->peer, "flyball/v1/decision/#", 3000, STAGE_WAIT_MS));
    agent_process_kill(&stage->agent);
    stage_run(stage);
    mounts_remove(runtime_of(stage));
}

static void store_that_cannot_be_written_is_refused_but_read(void **context)
{
    struct stage *stage = *context;
    stage_prepare(stage, NULL);
    mounts_put(stage->agent.store, "size=64m");
    mounts_make_read_only(stage->agent.store);
    expect_refusal(stage, stage->agent.store, "Read-only file system");
    mounts_change(stage->agent.store, "size=64m");
    stage_run(stage);
    stage_event(stage, "acme/d/tea", "{}");
    assert_int_equal(agent_process_terminate(&stage->agent), 0);
    mounts_make_read_only(stage->agent.store);
    expect_refusal(stage, stage->agent.store, "Read-only file system");
    struct agent_outcome outcome = stage_run_command(stage, "verify", "--store", stage->agent.store, NULL);
    assert_int_equal(outcome.exit_code, 0);
    agent_outcome_free(&outcome);
    outcome = stage_run_command(stage, "state", "--store", stage->agent.store, "acme");
    assert_int_equal(outcome.exit_code, 0);
    agent_outcome_free(&outcome);
    mounts_remove(stage->agent.store);
}

static void runtime_folder_that_cannot_be_written_is_refused(void **context)
{
    struct stage *stage = *context;
    stage_prepare(stage, NULL);
    mounts_put(runtime_of(stage), "size=8m");
    mounts_make_read_only(runtime_of(stage));
    expect_refusal(stage, runtime_of(stage), "Read-only file system");
    mounts_remove(runtime_of(stage));
}

int main(void)
{
    if (!mounts_enter()) {
        return SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(full_store_waits_for_space_and_goes_on, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(store_without_room_for_a_segment_refuses_to_start, stage_open,
                                        stage_close),
        cmocka_unit_test_setup_teardown(pool_without_room_refuses_to_start, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(pool_has_its_room_reserved, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(store_that_cannot_be_written_is_refused_but_read, stage_open,
                                        stage_close),
        cmocka_unit_test_setup_teardown(runtime_folder_that_cannot_be_written_is_refused, stage_open,
                                        stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
