#include "mqtt/agent_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char storage[STATUS_MESSAGE_MAX];

static void a_status_tells_who_runs_since_when(void **context)
{
    (void)context;
    struct text text = text_of(storage, sizeof storage);
    struct status_message message = {.state = AGENT_READY,
                                     .agent = bytes_of_string("edge-1"),
                                     .version = bytes_of_string("0.1.0"),
                                     .boot_id = bytes_of_string("b"),
                                     .session = 7,
                                     .started_at = 1795244400000,
                                     .config_version = 42};
    agent_put_status(&text, &message);
    assert_string_equal(
        text_string(&text),
        "{\"state\":\"ready\",\"agent\":\"edge-1\",\"version\":\"0.1.0\",\"boot_id\":\"b\",\"session\":7,"
        "\"started_at\":\"2026-11-21T07:00:00.000Z\",\"config_version\":42}");
}

static void the_will_differs_in_its_state_alone(void **context)
{
    (void)context;
    struct status_message message = {.state = AGENT_LOST, .agent = bytes_of_string("edge-1")};
    struct text text = text_of(storage, sizeof storage);
    agent_put_status(&text, &message);
    assert_ptr_equal(strstr(text_string(&text), "{\"state\":\"lost\",\"agent\":\"edge-1\","), storage);
    assert_string_equal(agent_state_name(AGENT_STOPPING), "stopping");
}

static void an_alert_says_what_and_since_when(void **context)
{
    (void)context;
    struct text text = text_of(storage, sizeof storage);
    struct alert_message message = {
        .alert = "store_full", .since = 1795244400000, .message = bytes_of_string("no \"room\"")};
    agent_put_alert(&text, &message);
    assert_string_equal(text_string(&text),
                        "{\"alert\":\"store_full\",\"since\":\"2026-11-21T07:00:00.000Z\","
                        "\"message\":\"no \\\"room\\\"\"}");
}

static void a_config_report_lists_its_errors(void **context)
{
    (void)context;
    struct config_report_error errors[2] = {
        {bytes_of_string("/plans/gold/quotas/0/limit"), bytes_of_string("range"),
         bytes_of_string("too large")},
        {bytes_of_string(""), bytes_of_string("type"), bytes_of_string("no object")},
    };
    struct config_report report = {.has_version = true,
                                   .version = 43,
                                   .active_version = 42,
                                   .status = CONFIG_REJECTED,
                                   .sha256 = bytes_of_string("00ff"),
                                   .time = 1795244400000,
                                   .errors = errors,
                                   .error_count = 2};
    struct text text = text_of(storage, sizeof storage);
    agent_put_config_report(&text, &report);
    assert_string_equal(
        text_string(&text),
        "{\"version\":43,\"active_version\":42,\"status\":\"rejected\",\"sha256\":\"00ff\",\"time\":"
        "\"2026-11-21T07:00:00.000Z\",\"errors\":[{\"path\":\"/plans/gold/quotas/0/limit\",\"code\":"
        "\"range\",\"message\":\"too large\"},{\"path\":\"\",\"code\":\"type\",\"message\":\"no object\"}]}");
}

static void a_report_without_errors_or_version_says_so(void **context)
{
    (void)context;
    struct config_report report = {.status = CONFIG_ACCEPTED};
    struct text text = text_of(storage, sizeof storage);
    agent_put_config_report(&text, &report);
    assert_string_equal(text_string(&text),
                        "{\"version\":null,\"active_version\":0,\"status\":\"accepted\",\"sha256\":\"\","
                        "\"time\":\"1970-01-01T00:00:00.000Z\",\"errors\":[]}");
    assert_string_equal(config_status_name(CONFIG_SHADOW), "shadow");
    assert_string_equal(config_status_name(CONFIG_VALID), "valid");
}

static void a_canary_is_told_from_every_other(void **context)
{
    (void)context;
    struct text text = text_of(storage, sizeof storage);
    agent_put_canary(&text, bytes_of_string("b"), 3);
    assert_string_equal(text_string(&text), "{\"boot_id\":\"b\",\"number\":3}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_tells_who_runs_since_when),
        cmocka_unit_test(the_will_differs_in_its_state_alone),
        cmocka_unit_test(an_alert_says_what_and_since_when),
        cmocka_unit_test(a_config_report_lists_its_errors),
        cmocka_unit_test(a_report_without_errors_or_version_says_so),
        cmocka_unit_test(a_canary_is_told_from_every_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
