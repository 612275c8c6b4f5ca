/* Lets every allocation of the program's start fail in turn, as a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/endtoend/agent_process.h"
#include "tests/faults/fail_allocation.h"

enum { EXIT_WRONG = 1, EXIT_CANNOT_START = 3, TRIALS_MAX = 500, START_MS = 5000, POLL_US = 2000 };

static void prepare(struct agent_process *agent)
{
    agent_process_prepare(agent, "mqtt://127.0.0.1:1", NULL); /* Nobody is there. */
}

static const char *mark_of(const struct agent_process *agent)
{
    static char path[AGENT_PROCESS_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/failed", agent->folder);
    return path;
}

static void arm(const struct agent_process *agent, int number, const char *after)
{
    char text[32];
    snprintf(text, sizeof text, "%d%s", number, after);
    unlink(mark_of(agent));
    setenv(FAIL_ALLOCATION_VARIABLE, text, 1);
    setenv(FAILED_ALLOCATION_VARIABLE, mark_of(agent), 1);
    setenv("LD_PRELOAD", getenv("FLYBALL_FAIL_ALLOCATION_MODULE"), 1);
}

static void disarm(void)
{
    unsetenv("LD_PRELOAD");
    unsetenv(FAIL_ALLOCATION_VARIABLE);
    unsetenv(FAILED_ALLOCATION_VARIABLE);
}

static bool has_failed(const struct agent_process *agent)
{
    return access(mark_of(agent), F_OK) == 0;
}

/* One line on standard error, about memory. */
static void expect_refusal(const struct agent_outcome *outcome, int number)
{
    const char *end = strchr(outcome->errors, '\n');
    if (outcome->exit_code != EXIT_CANNOT_START || strstr(outcome->errors, "memory") == NULL || end == NULL ||
        end[1] != '\0') {
        fail_msg("allocation %d: exit %d: %s", number, outcome->exit_code, outcome->errors);
    }
}

static void check_file(const char *after)
{
    struct agent_process agent;
    prepare(&agent);
    bool was_reached = true;
    int number = 1;
    for (; was_reached; number++) {
        assert_in_range(number, 1, TRIALS_MAX);
        arm(&agent, number, after);
        struct agent_outcome outcome =
            agent_process_run(&agent, (const char *const[]){"check", agent.config_file, NULL});
        disarm();
        was_reached = has_failed(&agent);
        if (was_reached) {
            expect_refusal(&outcome, number);
        } else {
            assert_int_equal(outcome.exit_code, 0);
        }
        agent_outcome_free(&outcome);
    }
    assert_true(number > 3);
    agent_process_close(&agent);
}

static void check_without_memory_says_so(void **context)
{
    (void)context;
    check_file("");
    check_file("+");
}

/* Until it has ended, or tried to connect. */
static bool ends_at_start(const struct agent_process *agent)
{
    for (int waited_ms = 0; waited_ms < START_MS; waited_ms += POLL_US / 1000) {
        if (agent_process_has_ended(agent)) {
            return true;
        }
        if (agent_process_log_count(agent, "connect.failed") > 0) {
            return false;
        }
        usleep(POLL_US);
    }
    fail_msg("it neither ends nor connects");
    return false;
}

/* Whether the allocation was one of the start. */
static bool start_once(struct agent_process *agent, int number, const char *after, unsigned *refusals)
{
    unlink(agent->log_file);
    arm(agent, number, after);
    agent_process_start(agent);
    disarm();
    if (!ends_at_start(agent)) {
        bool was_reached = has_failed(agent);
        assert_int_equal(agent_process_terminate(agent), 0);
        return was_reached;
    }
    int exit_code = agent_process_await_exit(agent, START_MS);
    if (exit_code != EXIT_CANNOT_START || agent_process_log_count(agent, "cannot start: ") != 1 ||
        agent_process_log_count(agent, "memory") == 0) {
        agent_process_print_log(agent);
        fail_msg("allocation %d%s: exit %d", number, after, exit_code);
    }
    *refusals += 1;
    return true;
}

static void run(const char *after)
{
    struct agent_process agent;
    unsigned refusals = 0;
    int number = 1;
    prepare(&agent);
    while (start_once(&agent, number, after, &refusals)) {
        number++;
        assert_in_range(number, 1, TRIALS_MAX);
    }
    print_message("%d allocations, %u refusals\n", number - 1, refusals);
    assert_true(refusals > 20);
    agent_process_start(&agent); /* No lock, and nothing half made, is in the way. */
    assert_false(ends_at_start(&agent));
    agent_process_close(&agent);
}

static void run_without_memory_refuses_to_start(void **context)
{
    (void)context;
    run("");
}

static void run_whose_memory_ends_refuses_to_start(void **context)
{
    (void)context;
    run("+");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_without_memory_says_so),
        cmocka_unit_test(run_without_memory_refuses_to_start),
        cmocka_unit_test(run_whose_memory_ends_refuses_to_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
