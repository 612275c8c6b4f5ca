/* An event has one effect and one answer however often it comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

static const char policies[] =
    "{\"plans\": {\"free\": {"
    "   \"quotas\": [{\"name\": \"monthly\", \"meter\": \"*\", \"limit\": \"100\", \"window\": \"month\"}],"
    "   \"prices\": {\"kwh\": \"0.2\"}}},"
    " \"runtime\": {\"dedup_window\": 16}}";

static int open_with_policies(void **context)
{
    stage_open(context);
    stage_start(*context, policies);
    return 0;
}

static void credit(struct stage *stage)
{
    stage_do(stage, "acme/billing", "{\"id\": \"c-1\", \"op\": \"credit\", \"amount\": \"10\"}");
}

/* But for the word, byte for byte. */
static void expect_duplicate(const struct peer_message *first, const struct peer_message *again)
{
    const char *payload = first->payload;
    const char *word = strstr(payload, "\"duplicate\":false");
    assert_non_null(word);
    char *wanted = malloc(first->length + 1);
    sprintf(wanted, "%.*s\"duplicate\":true%s", (int)(word - payload), payload,
            word + strlen("\"duplicate\":false"));
    assert_string_equal(again->payload, wanted);
    free(wanted);
}

static void resend_with_id_gets_the_same_decision(void **context)
{
    struct stage *stage = *context;
    static const char event[] = "{\"id\": \"e-1\", \"amount\": \"2\"}";
    credit(stage);
    const struct peer_message *first = stage_decision(stage, "acme/meter-7/kwh", event);
    stage_event(stage, "acme/meter-7/kwh", "{\"id\": \"e-2\", \"amount\": \"3\"}");
    expect_duplicate(first, stage_decision(stage, "acme/meter-7/kwh", event));
    expect_duplicate(first, stage_decision(stage, "acme/meter-7/kwh", event));
    const cJSON *next = stage_event(stage, "acme/meter-7/kwh", "{\"id\": \"e-3\", \"amount\": \"1\"}");
    expect(next, "seq", "4");
    expect(next, "governors/quota/used", "6");
    expect(next, "governors/billing/balance", "8.8");
}

static void resend_with_device_seq_gets_the_same_decision(void **context)
{
    struct stage *stage = *context;
    static const char event[] = "{\"device_seq\": 7, \"boot\": \"b1\", \"amount\": 2}";
    const struct peer_message *first = stage_decision(stage, "acme/meter-7/unlock", event);
    expect_duplicate(first, stage_decision(stage, "acme/meter-7/unlock", event));
    const cJSON *other_boot =
        stage_event(stage, "acme/meter-7/unlock", "{\"device_seq\": 7, \"boot\": \"b2\", \"amount\": 2}");
    expect(other_boot, "duplicate", "false");
    expect(other_boot, "seq", "2");
    expect(other_boot, "governors/quota/used", "4");
}

static void id_wins_over_device_seq(void **context)
{
    struct stage *stage = *context;
    stage_event(stage, "acme/meter-7/unlock", "{\"id\": \"a\", \"device_seq\": 7}");
    const cJSON *other = stage_event(stage, "acme/meter-7/unlock", "{\"id\": \"b\", \"device_seq\": 7}");
    expect(other, "duplicate", "false");
    expect(other, "dedup", "id");
    const cJSON *same = stage_event(stage, "acme/meter-7/unlock", "{\"id\": \"a\", \"device_seq\": 7}");
    expect(same, "duplicate", "true");
}

static void event_without_key_is_applied_each_time(void **context)
{
    struct stage *stage = *context;
    stage_event(stage, "acme/meter-7/unlock", "{}");
    const cJSON *second = stage_event(stage, "acme/meter-7/unlock", "{}");
    expect(second, "event", "null");
    expect(second, "dedup", "none");
    expect(second, "duplicate", "false");
    expect(second, "seq", "2");
    expect(second, "governors/quota/used", "2");
}

static void other_device_may_use_the_same_id(void **context)
{
    struct stage *stage = *context;
    stage_event(stage, "acme/meter-7/unlock", "{\"id\": \"1\"}");
    const cJSON *other = stage_event(stage, "acme/meter-8/unlock", "{\"id\": \"1\"}");
    expect(other, "duplicate", "false");
    expect(other, "governors/quota/used", "2");
}

static void reused_id_takes_a_seq_and_leaves_the_first_alone(void **context)
{
    struct stage *stage = *context;
    static const char event[] = "{\"id\": \"e-1\", \"amount\": 1}";
    const struct peer_message *first = stage_decision(stage, "acme/meter-7/unlock", event);
    const cJSON *bytes = stage_event(stage, "acme/meter-7/unlock", "{\"id\":\"e-1\",\"amount\":1}");
    expect_decision(bytes, "deny", "id_reused");
    expect(bytes, "seq", "2");
    expect(bytes, "duplicate", "false");
    const cJSON *meter = stage_event(stage, "acme/meter-7/lock", event);
    expect_decision(meter, "deny", "id_reused");
    expect(meter, "seq", "3");
    expect_duplicate(first, stage_decision(stage, "acme/meter-7/unlock", event));
    stage_await_alert(stage, "id_reused");
}

static void denied_event_is_remembered_too(void **context)
{
    struct stage *stage = *context;
    static const char event[] = "{\"id\": \"e-1\", \"amount\": 1}";
    const struct peer_message *first = stage_decision(stage, "acme/meter-7/kwh", event);
    credit(stage);
    expect_duplicate(first, stage_decision(stage, "acme/meter-7/kwh", event));
}

static void key_is_forgotten_when_the_window_has_moved_on(void **context)
{
    struct stage *stage = *context;
    for (int i = 0; i < 17; i++) {
        char payload[32];
        snprintf(payload, sizeof payload, "{\"id\": \"e-%d\"}", i);
        stage_event(stage, "acme/meter-7/unlock", payload);
    }
    expect(stage_event(stage, "acme/meter-7/unlock", "{\"id\": \"e-1\"}"), "duplicate", "true");
    const cJSON *forgotten = stage_event(stage, "acme/meter-7/unlock", "{\"id\": \"e-0\"}");
    expect(forgotten, "duplicate", "false");
    expect(forgotten, "governors/quota/used", "18");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(resend_with_id_gets_the_same_decision, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(resend_with_device_seq_gets_the_same_decision, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(id_wins_over_device_seq, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(event_without_key_is_applied_each_time, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(other_device_may_use_the_same_id, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(reused_id_takes_a_seq_and_leaves_the_first_alone, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(denied_event_is_remembered_too, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(key_is_forgotten_when_the_window_has_moved_on, open_with_policies,
                                        stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
