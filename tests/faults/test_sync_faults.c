/* An fdatasync of the running agent fails: what it would have made durable must not leave the agent, and the
 * agent must not go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"
#include "tests/faults/fail_sync.h"

enum { EXIT_FAILED = 4, EVENTS = 20 };

static void trigger_path(const struct stage *stage, const char *end, char path[256])
{
    snprintf(path, 256, "%s/fail-sync%s", stage->agent.folder, end);
}

static void start_with_fault(struct stage *stage)
{
    char trigger[256];
    stage_prepare(stage, NULL);
    trigger_path(stage, "", trigger);
    setenv(FAIL_SYNC_VARIABLE, trigger, 1);
    setenv("LD_PRELOAD", getenv("FLYBALL_FAIL_SYNC_MODULE"), 1);
    stage_run(stage);
    unsetenv("LD_PRELOAD");
    unsetenv(FAIL_SYNC_VARIABLE);
}

static void pull_trigger(const struct stage *stage)
{
    char trigger[256];
    trigger_path(stage, "", trigger);
    FILE *file = fopen(trigger, "we");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

/* Sends e-`first` and those after it. */
static void send_events(struct stage *stage, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        char payload[32];
        int length = snprintf(payload, sizeof payload, "{\"id\": \"e-%d\"}", i);
        struct peer_message message = {
            .topic = "flyball/v1/event/acme/d/tea", .payload = payload, .length = (size_t)length, .qos = 1};
        peer_send(&stage->peer, &message);
    }
    peer_flush(&stage->peer, STAGE_WAIT_MS);
}

/* Takes decisions until the one of e-`last`; e-0 has the seq 1, and so on. Those the broker had not
 * acknowledged come again after a start. Returns how many there were. */
static int take_decisions(struct stage *stage, int last, const char *duplicate)
{
    int number = -1;
    int count = 0;
    for (; number != last; count++) {
        const cJSON *decision = stage_take_json(stage, "decision/acme/d");
        char seq[16];
        number = atoi(json_string(decision, "event") + strlen("e-"));
        snprintf(seq, sizeof seq, "%d", number + 1);
        expect(decision, "seq", seq);
        expect(decision, "duplicate", duplicate);
    }
    return count;
}

static void expect_one_sync_to_have_failed(const struct stage *stage)
{
    char done[256];
    struct stat info;
    trigger_path(stage, ".done", done);
    assert_int_equal(stat(done, &info), 0);
    assert_int_equal(info.st_size, 0); /* None was tried after it. */
}

static void stop_by_failed_sync(struct stage *stage)
{
    start_with_fault(stage);
    send_events(stage, 0, EVENTS);
    assert_int_equal(take_decisions(stage, EVENTS - 1, "false"), EVENTS);
    pull_trigger(stage);
    send_events(stage, EVENTS, EVENTS);
    stage_await_alert(stage, "store_failed");
    assert_int_equal(agent_process_await_exit(&stage->agent, 5000), EXIT_FAILED);
    expect_one_sync_to_have_failed(stage);
    stage_expect_none(stage, "decision/#", 100);
    assert_int_equal(agent_process_log_count(&stage->agent, "stopped because a part failed"), 1);
}

static void failed_sync_stops_the_agent_before_it_answers(void **context)
{
    stop_by_failed_sync(*context);
}

static void events_of_a_failed_sync_are_decided_once_at_the_next_start(void **context)
{
    struct stage *stage = *context;
    stop_by_failed_sync(stage);
    stage_run(stage);
    stage_await_alert_cleared(stage, "store_failed");
    assert_in_range(take_decisions(stage, 2 * EVENTS - 1, "false"), EVENTS, 2 * EVENTS);
    send_events(stage, 0, 2 * EVENTS);
    assert_int_equal(take_decisions(stage, 2 * EVENTS - 1, "true"), 2 * EVENTS);
    expect(stage_event(stage, "acme/d/tea", "{\"amount\": 0}"), "governors/quota/used", "40");
    assert_int_equal(agent_process_terminate(&stage->agent), 0);
    struct agent_outcome outcome = stage_run_command(stage, "verify", "--store", stage->agent.store, NULL);
    assert_int_equal(outcome.exit_code, 0);
    agent_outcome_free(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(failed_sync_stops_the_agent_before_it_answers, stage_open,
                                        stage_close),
        cmocka_unit_test_setup_teardown(events_of_a_failed_sync_are_decided_once_at_the_next_start,
                                        stage_open, stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
