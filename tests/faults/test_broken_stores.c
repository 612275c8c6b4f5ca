/* Stores and folders that are not what the agent left, or not its own, under the program itself. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

enum {
    EXIT_CANNOT_START = 3,
    EXIT_FAILED = 4,
    VERSION_OFFSET = 4,
    HEADER_LENGTH_OFFSET = 6,
    HEADER_MOST = 512,
    BLOCK_BYTES = 4096,
};

static const char *in_folder(const struct stage *stage, const char *name)
{
    static char paths[4][AGENT_PROCESS_PATH_MAX + 64];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", stage->agent.folder, name);
    return path;
}

static const char *set_to(const struct stage *stage, const char *key, const char *name)
{
    static char sets[4][AGENT_PROCESS_PATH_MAX + 128];
    static int next;
    char *set = sets[next++ % 4];
    snprintf(set, sizeof sets[0], "%s=%s", key, in_folder(stage, name));
    return set;
}

/* One line that says it all. `first` and `second` are sets. */
static void expect_refusal(struct stage *stage, const char *first, const char *second, const char *reason)
{
    const char *const arguments[] = {"run",  "--config", stage->agent.config_file, "--set", first, "--set",
                                     second, NULL};
    struct agent_outcome outcome = agent_process_run(&stage->agent, arguments);
    const char *line = strstr(outcome.errors, "cannot start: ");
    if (outcome.exit_code != EXIT_CANNOT_START || line == NULL || strstr(line, reason) == NULL ||
        strstr(line, stage->agent.folder) == NULL || strchr(line, '\n') != line + strlen(line) - 1) {
        stage_fail(stage, "exit %d: %s", outcome.exit_code, outcome.errors);
    }
    agent_outcome_free(&outcome);
}

static void expect_own_refusal(struct stage *stage, const char *reason)
{
    expect_refusal(stage, "agent.id=a1", "agent.id=a1", reason);
}

static void second_agent_is_refused_and_the_first_goes_on(void **context)
{
    struct stage *stage = *context;
    stage_start(stage, NULL);
    stage_event(stage, "acme/d/tea", "{}");
    expect_refusal(stage, "agent.id=a2", set_to(stage, "runtime.dir", "other"),
                   "in use by another agent; stop");
    expect_refusal(stage, "agent.id=a2", set_to(stage, "store.dir", "other"), "another agent uses the pool");
    expect_own_refusal(stage, "another agent");
    expect(stage_event(stage, "acme/d/tea", "{}"), "seq", "2");
    assert_int_equal(agent_process_terminate(&stage->agent), 0);
    stage_run(stage);
    expect(stage_event(stage, "acme/d/tea", "{}"), "seq", "3");
}

static void folder_that_is_a_file_is_refused(void **context)
{
    struct stage *stage = *context;
    stage_prepare(stage, NULL);
    expect_refusal(stage, "agent.id=a1", set_to(stage, "store.dir", "flyball.json"), "flyball.json");
    expect_refusal(stage, "agent.id=a1", set_to(stage, "runtime.dir", "flyball.json"), "flyball.json");
    expect_refusal(stage, "agent.id=a1", set_to(stage, "store.dir", "flyball.json/store"),
                   "flyball.json/store");
}

static void lock_that_cannot_be_opened_is_refused(void **context)
{
    struct stage *stage = *context;
    stage_prepare(stage, NULL);
    assert_int_equal(mkdir(in_folder(stage, "store/lock"), 0700), 0);
    expect_own_refusal(stage, "lock cannot be opened: Is a directory; ");
}

static void stop_with_some_events(struct stage *stage)
{
    stage_start(stage, NULL);
    for (int i = 0; i < 5; i++) {
        char payload[32];
        snprintf(payload, sizeof payload, "{\"id\": \"e-%d\"}", i);
        stage_event(stage, "acme/d/tea", payload);
    }
    assert_int_equal(agent_process_terminate(&stage->agent), 0);
}

static void expect_verify(struct stage *stage, int exit_code, const char *says)
{
    struct agent_outcome outcome = stage_run_command(stage, "verify", "--store", stage->agent.store, NULL);
    bool is_said = strstr(outcome.errors, says) != NULL || strstr(outcome.output, says) != NULL;
    if (outcome.exit_code != exit_code || !is_said) {
        stage_fail(stage, "exit %d: %s%s", outcome.exit_code, outcome.output, outcome.errors);
    }
    agent_outcome_free(&outcome);
}

/* False where no frame begins. */
static bool raise_version(uint8_t *header)
{
    static const uint8_t magic[4] = {'F', 'L', 'Y', 'B'};
    if (memcmp(header, magic, sizeof magic) != 0) {
        return false;
    }
    size_t length = (size_t)header[HEADER_LENGTH_OFFSET] | (size_t)header[HEADER_LENGTH_OFFSET + 1] << 8;
    assert_in_range(length, 20, HEADER_MOST);
    header[VERSION_OFFSET] = 99;
    uint32_t crc = (uint32_t)crc32(0, header, (uInt)(length - sizeof crc));
    memcpy(header + length - sizeof crc, &crc, sizeof crc);
    return true;
}

/* Every frame's; the headers stay whole. */
static void raise_versions(const char *path)
{
    uint8_t header[HEADER_MOST];
    int raised = 0;
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    for (off_t at = 0; pread(file, header, sizeof header, at) == sizeof header; at += BLOCK_BYTES) {
        if (raise_version(header)) {
            assert_int_equal(pwrite(file, header, sizeof header, at), sizeof header);
            raised++;
        }
    }
    close(file);
    assert_true(raised > 0);
}

static void newer_format_is_refused(void **context)
{
    struct stage *stage = *context;
    stop_with_some_events(stage);
    raise_versions(in_folder(stage, "store/segment-0000000001.log"));
    expect_own_refusal(stage, "format 99");
    expect_own_refusal(stage, "segment-0000000001.log at offset");
    expect_verify(stage, 1, "format 99");
}

static void emptied_log_is_refused(void **context)
{
    struct stage *stage = *context;
    stop_with_some_events(stage);
    assert_int_equal(truncate(in_folder(stage, "store/segment-0000000001.log"), 0), 0);
    expect_own_refusal(stage, "segment-0000000001.log");
}

static void store_removed_under_the_agent_stops_it(void **context)
{
    struct stage *stage = *context;
    stage_start(stage, NULL);
    stage_event(stage, "acme/d/tea", "{}");
    assert_int_equal(rename(stage->agent.store, in_folder(stage, "moved")), 0);
    stage_await_alert(stage, "store_failed");
    assert_int_equal(agent_process_await_exit(&stage->agent, 5000), EXIT_FAILED);
    assert_int_equal(agent_process_log_count(&stage->agent, "store.vanished"), 1);
    assert_int_equal(rename(in_folder(stage, "moved"), stage->agent.store), 0);
    stage_run(stage);
    expect(stage_event(stage, "acme/d/tea", "{}"), "seq", "2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(second_agent_is_refused_and_the_first_goes_on, stage_open,
                                        stage_close),
        cmocka_unit_test_setup_teardown(folder_that_is_a_file_is_refused, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(lock_that_cannot_be_opened_is_refused, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(newer_format_is_refused, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(emptied_log_is_refused, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(store_removed_under_the_agent_stops_it, stage_open, stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
