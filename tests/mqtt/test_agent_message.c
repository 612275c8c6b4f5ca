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
        cmocka_unit_test(a_canary_is_told_from_every_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
