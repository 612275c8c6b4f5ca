/* The program's commands: what they print, and their exit codes. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

enum { EXIT_OK, EXIT_WRONG, EXIT_USAGE, EXIT_CANNOT_START };

/* Runs the command; expects the code and, in either output, the text. */
static void expect_outcome(struct stage *stage, const char *const arguments[], int exit_code,
                           const char *text)
{
    struct agent_outcome outcome = agent_process_run(&stage->agent, arguments);
    bool holds = strstr(outcome.output, text) != NULL || strstr(outcome.errors, text) != NULL;
    if (outcome.exit_code != exit_code || !holds) {
        stage_fail(stage, "%s: exit code %d instead of %d, or no \"%s\":\n%s%s", arguments[0],
                   outcome.exit_code, exit_code, text, outcome.output, outcome.errors);
    }
    agent_outcome_free(&outcome);
}

static int open_prepared(void **context)
{
    stage_open(context);
    stage_prepare(*context, NULL);
    return 0;
}

static int open_started(void **context)
{
    open_prepared(context);
    stage_run(*context);
    return 0;
}

static const char *write_config(struct stage *stage, const char *text)
{
    FILE *file = fopen(stage->agent.config_file, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return stage->agent.config_file;
}

static void version_is_printed(void **context)
{
    expect_outcome(*context, (const char *const[]){"version", NULL}, EXIT_OK, "flyball 0.");
}

static void wrong_usage_is_said(void **context)
{
    static const char *const wrong[][4] = {{"dance"},          {"check"},           {"check", "a", "b"},
                                           {"run", "--bogus"}, {"run", "--config"}, {"state", "a", "b"},
                                           {"verify", "x"},    {"version", "x"},    {"run", "x"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        expect_outcome(*context, wrong[i], EXIT_USAGE, "usage");
    }
}

static void good_file_is_ok(void **context)
{
    struct stage *stage = *context;
    expect_outcome(stage, (const char *const[]){"check", stage->agent.config_file, NULL}, EXIT_OK, "");
}

static void check_names_each_error_with_its_path(void **context)
{
    struct stage *stage = *context;
    const char *file = write_config(stage, "{\"borker\": {}, \"plans\": {\"free\": {\"quotas\": [{\"name\": "
                                           "\"m\", \"meter\": \"*\", \"limit\": \"-1\"}]}}}");
    char wanted[512];
    snprintf(wanted, sizeof wanted, "%s: /borker: ", file);
    const char *const arguments[] = {"check", file, NULL};
    expect_outcome(stage, arguments, EXIT_WRONG, wanted);
    snprintf(wanted, sizeof wanted, "%s: /plans/free/quotas/0/limit: ", file);
    expect_outcome(stage, arguments, EXIT_WRONG, wanted);
    write_config(stage, "{\"plans\": ");
    snprintf(wanted, sizeof wanted, "%s: ", file);
    expect_outcome(stage, arguments, EXIT_WRONG, wanted);
    expect_outcome(stage, (const char *const[]){"check", "/nonexistent.json", NULL}, EXIT_WRONG,
                   "/nonexistent.json: ");
}

static void run_refuses_a_bad_configuration(void **context)
{
    struct stage *stage = *context;
    const char *const arguments[] = {"run", "--config", stage->agent.config_file, NULL};
    write_config(stage, "{\"borker\": {}}");
    expect_outcome(stage, arguments, EXIT_CANNOT_START, "/borker");
    write_config(stage, "not json");
    expect_outcome(stage, arguments, EXIT_CANNOT_START, "cannot start");
    expect_outcome(stage, (const char *const[]){"run", "--config", "/nonexistent.json", NULL},
                   EXIT_CANNOT_START, "/nonexistent.json");
}

static void second_agent_is_refused_the_store(void **context)
{
    struct stage *stage = *context;
    char other_runtime[256];
    snprintf(other_runtime, sizeof other_runtime, "runtime.dir=%s/other", stage->agent.folder);
    expect_outcome(stage, (const char *const[]){"run", "--config", stage->agent.config_file, NULL},
                   EXIT_CANNOT_START, "another agent");
    expect_outcome(
        stage,
        (const char *const[]){"run", "--config", stage->agent.config_file, "--set", other_runtime, NULL},
        EXIT_CANNOT_START, stage->agent.store);
    expect(stage_event(stage, "acme/d/tea", "{}"), "decision", "allow");
}

static void settings_can_be_set_on_the_command_line(void **context)
{
    struct stage *stage = *context;
    const char *const wrong[] = {"run", "--config", stage->agent.config_file, "--set", "runtime.mailbox=none",
                                 NULL};
    expect_outcome(stage, wrong, EXIT_CANNOT_START, "/runtime/mailbox");
}

static void password_is_never_printed(void **context)
{
    struct stage *stage = *context;
    write_config(stage, "{\"broker\": {\"password\": \"hunter2\"}}");
    struct agent_outcome outcome =
        stage_run_command(stage, "run", "--config", stage->agent.config_file, NULL);
    assert_int_equal(outcome.exit_code, EXIT_CANNOT_START);
    assert_null(strstr(outcome.errors, "hunter2"));
    agent_outcome_free(&outcome);
}

static void commands_need_a_store(void **context)
{
    struct stage *stage = *context;
    expect_outcome(stage, (const char *const[]){"state", "--store", "/nonexistent", NULL}, EXIT_WRONG,
                   "/nonexistent");
    expect_outcome(stage, (const char *const[]){"verify", "--store", "/nonexistent", NULL}, EXIT_WRONG,
                   "/nonexistent");
}

static void fill(struct stage *stage)
{
    stage_do(stage, "acme/billing", "{\"id\": \"c\", \"op\": \"credit\", \"amount\": 10}");
    stage_event(stage, "acme/meter-7/kwh", "{\"id\": \"1\", \"amount\": 3}");
    stage_event(stage,
                "r\xc3\xb6"
                "d/meter-7/kwh",
                "{\"id\": \"1\", \"amount\": 5}");
}

/* All but seq and time: those of the command tell of the whole subject. */
static void expect_same_state(struct stage *stage, const char *output, const char *governor)
{
    char topic[128];
    snprintf(topic, sizeof topic, "state/acme/%s", governor);
    const char *retained = stage_retained(stage, topic);
    assert_non_null(retained);
    cJSON *published = cJSON_Parse(retained);
    cJSON *printed = cJSON_Parse(output);
    const cJSON *member;
    cJSON_ArrayForEach(member, published)
    {
        char path[128];
        char text[EXPECT_TEXT_MAX];
        bool is_moment = strcmp(member->string, "seq") == 0 || strcmp(member->string, "time") == 0;
        snprintf(path, sizeof path, "%s/%s", governor, member->string);
        if (is_moment) {
            assert_non_null(json_at(printed, path));
        } else {
            expect(printed, path, json_text(published, member->string, text));
        }
    }
    assert_int_equal(cJSON_GetArraySize(json_at(printed, governor)), cJSON_GetArraySize(published));
    cJSON_Delete(printed);
    cJSON_Delete(published);
}

static void state_is_that_of_the_topics(void **context)
{
    struct stage *stage = *context;
    fill(stage);
    /* The same, but at most once a second: wait for the last of them. */
    while (strstr(stage_retained(stage, "state/acme/quota"), "\"used\":\"3\"") == NULL) {
    }
    for (int i = 0; i < 2; i++) {
        struct agent_outcome one = stage_run_command(stage, "state", "--store", stage->agent.store, "acme");
        assert_int_equal(one.exit_code, EXIT_OK);
        expect_same_state(stage, one.output, "entitlement");
        expect_same_state(stage, one.output, "quota");
        expect_same_state(stage, one.output, "billing");
        cJSON *json = cJSON_Parse(one.output);
        expect(json, "quota/used", "3");
        cJSON_Delete(json);
        struct agent_outcome all = stage_run_command(stage, "state", "--store", stage->agent.store, NULL);
        json = cJSON_Parse(all.output);
        expect(json, "acme/billing/balance", "10");
        expect(json,
               "r\xc3\xb6"
               "d/quota/used",
               "5");
        assert_int_equal(cJSON_GetArraySize(json), 2);
        cJSON_Delete(json);
        agent_outcome_free(&one);
        agent_outcome_free(&all);
        if (i == 0) {
            agent_process_terminate(&stage->agent);
        }
    }
}

static void unknown_subject_is_said(void **context)
{
    struct stage *stage = *context;
    fill(stage);
    expect_outcome(stage, (const char *const[]){"state", "--store", stage->agent.store, "nobody", NULL},
                   EXIT_WRONG, "nobody");
}

static void whole_store_is_verified(void **context)
{
    struct stage *stage = *context;
    fill(stage);
    const char *const arguments[] = {"verify", "--store", stage->agent.store, NULL};
    expect_outcome(stage, arguments, EXIT_OK, "");
    agent_process_kill(&stage->agent);
    expect_outcome(stage, arguments, EXIT_OK, "");
}

/* One bit in the first frame's payload. */
static void damaged_store_is_found_out(void **context)
{
    struct stage *stage = *context;
    fill(stage);
    stage_event(stage, "acme/meter-7/kwh", "{\"id\": \"2\", \"amount\": 3}");
    agent_process_terminate(&stage->agent);
    char path[256];
    snprintf(path, sizeof path, "%s/segment-0000000001.log", stage->agent.store);
    FILE *file = fopen(path, "r+e");
    assert_non_null(file);
    assert_int_equal(fseek(file, 4096 + 100, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, 4096 + 100, SEEK_SET), 0);
    fputc(byte ^ 1, file);
    fclose(file);
    expect_outcome(stage, (const char *const[]){"verify", "--store", stage->agent.store, NULL}, EXIT_WRONG,
                   "segment-0000000001.log");
}

static void reload_follows_the_file(void **context)
{
    struct stage *stage = *context;
    agent_process_configure(&stage->agent, "{\"meters\": {\"tea\": {}}}");
    assert_int_equal(kill(stage->agent.pid, SIGHUP), 0);
    while (agent_process_log_count(&stage->agent, "config.reloaded") == 0) {
    }
    expect_decision(stage_event(stage, "acme/d/coffee", "{}"), "deny", "unknown_meter");
    agent_process_configure(&stage->agent, "{\"meters\": {\"tea\": 7}}");
    assert_int_equal(kill(stage->agent.pid, SIGHUP), 0);
    while (agent_process_log_count(&stage->agent, "config.unreloaded") == 0) {
    }
    expect_decision(stage_event(stage, "acme/d/tea", "{}"), "allow", "ok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(version_is_printed, open_prepared, stage_close),
        cmocka_unit_test_setup_teardown(wrong_usage_is_said, open_prepared, stage_close),
        cmocka_unit_test_setup_teardown(good_file_is_ok, open_prepared, stage_close),
        cmocka_unit_test_setup_teardown(check_names_each_error_with_its_path, open_prepared, stage_close),
        cmocka_unit_test_setup_teardown(run_refuses_a_bad_configuration, open_prepared, stage_close),
        cmocka_unit_test_setup_teardown(second_agent_is_refused_the_store, open_started, stage_close),
        cmocka_unit_test_setup_teardown(settings_can_be_set_on_the_command_line, open_prepared, stage_close),
        cmocka_unit_test_setup_teardown(password_is_never_printed, open_prepared, stage_close),
        cmocka_unit_test_setup_teardown(commands_need_a_store, open_prepared, stage_close),
        cmocka_unit_test_setup_teardown(state_is_that_of_the_topics, open_started, stage_close),
        cmocka_unit_test_setup_teardown(unknown_subject_is_said, open_started, stage_close),
        cmocka_unit_test_setup_teardown(whole_store_is_verified, open_started, stage_close),
        cmocka_unit_test_setup_teardown(damaged_store_is_found_out, open_started, stage_close),
        cmocka_unit_test_setup_teardown(reload_follows_the_file, open_started, stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
