/* Configuration by a retained message: judged whole, kept, swapped in, reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

static const char file[] =
    "{\"plans\": {\"free\": {\"quotas\": [{\"name\": \"monthly\", \"meter\": \"*\", \"limit\": \"100\","
    "                                     \"window\": \"month\"}]}}}";

static int open_started(void **context)
{
    stage_open(context);
    stage_start(*context, file);
    return 0;
}

/* A desired configuration whose plan `free` has this monthly limit; the caller's buffer. */
static const char *limited(char payload[512], int version, const char *mode, const char *limit)
{
    snprintf(payload, 512,
             "{\"version\": %d, \"mode\": \"%s\", \"state\": {\"plans\": {\"free\": {\"quotas\": ["
             "{\"name\": \"monthly\", \"meter\": \"*\", \"limit\": \"%s\", \"window\": \"month\"}]}}}}",
             version, mode, limit);
    return payload;
}

static const cJSON *desire_limit(struct stage *stage, int version, const char *mode, const char *limit)
{
    char payload[512];
    return stage_desire(stage, limited(payload, version, mode, limit));
}

static void expect_report(const cJSON *report, const char *status, const char *version, const char *active)
{
    expect(report, "status", status);
    expect(report, "version", version);
    expect(report, "active_version", active);
    json_instant(report, "time");
    if (strcmp(status, "rejected") != 0) {
        expect(report, "errors", "[]");
    }
}

static const cJSON *expect_rejected(const cJSON *report, const char *path, const char *code)
{
    expect(report, "status", "rejected");
    expect(report, "errors/0/path", path);
    expect(report, "errors/0/code", code);
    assert_true(strlen(json_string(report, "errors/0/message")) > 0);
    return report;
}

static void expect_limit(struct stage *stage, const char *limit, const char *version)
{
    const cJSON *decision = stage_event(stage, "acme/d/tea", "{\"amount\": 0}");
    expect(decision, "governors/quota/limit", limit);
    expect(decision, "config_version", version);
}

static void applied_configuration_decides_at_once(void **context)
{
    struct stage *stage = *context;
    stage_event(stage, "acme/d/tea", "{\"amount\": 40}");
    expect_limit(stage, "100", "0");
    expect_report(desire_limit(stage, 7, "apply", "50"), "accepted", "7", "7");
    const cJSON *decision = stage_event(stage, "acme/d/tea", "{\"amount\": 1}");
    expect_decision(decision, "warn", "quota_warning");
    expect(decision, "config_version", "7");
    expect(decision, "governors/quota/used", "41");
    expect_report(desire_limit(stage, 8, "apply", "1000"), "accepted", "8", "8");
    expect_limit(stage, "1000", "8");
    const char *status = stage_retained(stage, "agent/a1/status");
    assert_non_null(strstr(status, "\"config_version\":8"));
    assert_non_null(stage_retained(stage, "agent/a1/config/reported"));
}

static void report_carries_the_payloads_checksum(void **context)
{
    struct stage *stage = *context;
    /* printf '{"version": 1, "mode": "apply", "state": {}}' | sha256sum */
    expect(stage_desire(stage, "{\"version\": 1, \"mode\": \"apply\", \"state\": {}}"), "sha256",
           "a4b50c66d6d460108710d05e07488691ab56e928bd71cc1d98a41c25773abe3f");
}

static void absent_keys_keep_the_files(void **context)
{
    struct stage *stage = *context;
    expect_report(stage_desire(stage, "{\"version\": 1, \"mode\": \"apply\", \"state\": {"
                                      "\"meters\": {\"tea\": {}}}}"),
                  "accepted", "1", "1");
    expect_limit(stage, "100", "1");
    expect_decision(stage_event(stage, "acme/d/coffee", "{}"), "deny", "unknown_meter");
    /* The next one builds on the file again, not on the first. */
    expect_report(stage_desire(stage, "{\"version\": 2, \"mode\": \"apply\", \"state\": {}}"), "accepted",
                  "2", "2");
    expect_decision(stage_event(stage, "acme/d/coffee", "{}"), "allow", "ok");
}

static void validation_changes_nothing(void **context)
{
    struct stage *stage = *context;
    expect_report(desire_limit(stage, 3, "validate", "50"), "valid", "3", "0");
    expect_limit(stage, "100", "0");
    expect_rejected(desire_limit(stage, 3, "validate", "-1"), "/plans/free/quotas/0/limit", "range");
    expect_report(desire_limit(stage, 3, "apply", "60"), "accepted", "3", "3");
    expect_rejected(desire_limit(stage, 2, "validate", "50"), "/version", "stale_version");
}

static void shadow_counts_disagreements_and_decides_nothing(void **context)
{
    struct stage *stage = *context;
    expect_report(desire_limit(stage, 5, "shadow", "2"), "shadow", "5", "0");
    for (int i = 0; i < 4; i++) {
        const cJSON *decision = stage_event(stage, "acme/d/tea", "{\"amount\": 1}");
        expect_decision(decision, "allow", "ok");
        expect(decision, "governors/quota/limit", "100");
        expect(decision, "config_version", "0");
    }
    /* 1 of 2 is normal; 2 of 2 throttled; then twice exceeded. */
    expect(stage_metrics(stage), "config/shadow_disagreements_total", "3");
    expect_report(desire_limit(stage, 5, "validate", "2"), "valid", "5", "0");
    stage_event(stage, "acme/d/tea", "{\"amount\": 1}");
    expect(stage_metrics(stage), "config/shadow_disagreements_total", "3");
    expect_report(desire_limit(stage, 5, "apply", "30"), "accepted", "5", "5");
}

static void versions_only_go_up(void **context)
{
    struct stage *stage = *context;
    expect_report(desire_limit(stage, 5, "apply", "50"), "accepted", "5", "5");
    expect_report(desire_limit(stage, 5, "apply", "50"), "accepted", "5", "5");
    const cJSON *stale = expect_rejected(desire_limit(stage, 4, "apply", "60"), "/version", "stale_version");
    expect(stale, "version", "4");
    expect(stale, "active_version", "5");
    expect_rejected(desire_limit(stage, 5, "apply", "60"), "/version", "version_conflict");
    expect_limit(stage, "50", "5");
    expect_report(desire_limit(stage, 6, "apply", "60"), "accepted", "6", "6");
    expect_limit(stage, "60", "6");
}

static void rejection_raises_an_alert_until_the_next_good_one(void **context)
{
    struct stage *stage = *context;
    stage_take(stage, "agent/a1/alert/config_rejected"); /* Cleared at the start. */
    expect_rejected(desire_limit(stage, 1, "apply", "many"), "/plans/free/quotas/0/limit", "format");
    stage_await_alert(stage, "config_rejected");
    expect_number_between(stage_metrics(stage), "config/rejected_total", 1, 1);
    expect_limit(stage, "100", "0");
    desire_limit(stage, 1, "apply", "50");
    stage_await_alert_cleared(stage, "config_rejected");
    assert_null(stage_retained(stage, "agent/a1/alert/config_rejected"));
}

static void hostile_payloads_are_rejected_with_their_path(void **context)
{
    static const char *const hostile[][2] = {
        {"x", ""},
        {"[]", ""},
        {"{\"version\": 1, \"version\": 2, \"mode\": \"apply\", \"state\": {}}", "/version"},
        {"{\"mode\": \"apply\", \"state\": {}}", "/version"},
        {"{\"version\": \"1\", \"mode\": \"apply\", \"state\": {}}", "/version"},
        {"{\"version\": -1, \"mode\": \"apply\", \"state\": {}}", "/version"},
        {"{\"version\": 1.5, \"mode\": \"apply\", \"state\": {}}", "/version"},
        {"{\"version\": 1, \"mode\": \"destroy\", \"state\": {}}", "/mode"},
        {"{\"version\": 1, \"mode\": \"apply\", \"state\": []}", "/state"},
        {"{\"version\": 1, \"mode\": \"apply\"}", "/state"},
        {"{\"version\": 1, \"mode\": \"apply\", \"state\": {}, \"extra\": 1}", "/extra"},
        {"{\"version\": 1, \"mode\": \"apply\", \"state\": {\"broker\": {\"url\": \"mqtt://evil:1\"}}}",
         "/broker"},
        {"{\"version\": 1, \"mode\": \"apply\", \"state\": {\"store\": {\"dir\": \"/etc\"}}}", "/store"},
        {"{\"version\": 1, \"mode\": \"apply\", \"state\": {\"plans\": {\"free\": {\"limits\": 1}}}}",
         "/plans/free/limits"},
        {"{\"version\": 1, \"mode\": \"apply\", \"state\": {\"subjects\": {\"plan\": \"gone\"}}}",
         "/subjects/plan"},
        {"{\"version\": 1, \"mode\": \"apply\", \"state\": {\"meters\": {\"tea\": {\"chain\": "
         "[\"casino\"]}}}}",
         "/meters/tea/chain/0"},
        {"{\"version\": 1, \"mode\": \"apply\", \"state\": {\"plans\": {\"free\": {\"quotas\": [{\"name\": "
         "\"m\", \"meter\": \"*\", \"limit\": \"1\", \"window\": \"eon\"}]}}}}",
         "/plans/free/quotas/0/window"},
        {"{\"version\": 1, \"mode\": \"apply\", \"state\": {\"routes\": [{\"topic\": "
         "\"flyball/v1/event/#\", \"subject\": \"s\", \"meter\": \"m\"}]}}",
         "/routes/0/topic"},
    };
    struct stage *stage = *context;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        const cJSON *report = stage_desire(stage, hostile[i][0]);
        expect(report, "status", "rejected");
        expect(report, "active_version", "0");
        expect(report, "errors/0/path", hostile[i][1]);
        json_string(report, "errors/0/code");
        json_string(report, "errors/0/message");
    }
    expect_limit(stage, "100", "0");
}

static void oversized_payload_is_survived(void **context)
{
    enum { LENGTH = 2000000 };
    struct stage *stage = *context;
    char *payload = malloc(LENGTH + 1);
    memset(payload, '[', LENGTH);
    payload[LENGTH] = '\0';
    expect(stage_desire(stage, payload), "status", "rejected");
    free(payload);
    expect_limit(stage, "100", "0");
}

static void empty_payload_desires_nothing(void **context)
{
    struct stage *stage = *context;
    desire_limit(stage, 5, "apply", "50");
    stage_desire(stage, "");
    stage_expect_none(stage, "agent/a1/config/reported", 300);
    expect_limit(stage, "50", "5");
}

static void last_good_configuration_survives_a_restart(void **context)
{
    struct stage *stage = *context;
    desire_limit(stage, 5, "apply", "50");
    stage_desire(stage, "");
    agent_process_kill(&stage->agent);
    expect(stage_run(stage), "config_version", "5");
    expect_limit(stage, "50", "5");
    const cJSON *report = desire_limit(stage, 4, "apply", "60");
    while (json_number(report, "version") > 4) { /* What it said about 5 is said again. */
        report = stage_take_json(stage, "agent/a1/config/reported");
    }
    expect_rejected(report, "/version", "stale_version");
}

static void last_good_configuration_survives_without_a_broker(void **context)
{
    struct stage *stage = *context;
    desire_limit(stage, 5, "apply", "50");
    agent_process_kill(&stage->agent);
    broker_stop(&stage->broker);
    broker_forget(&stage->broker);
    agent_process_start(&stage->agent);
    while (agent_process_log_count(&stage->agent, "store.opened") < 2) {
    }
    broker_start(&stage->broker);
    peer_reconnect(&stage->peer);
    static const char *const heard[] = {"flyball/v1/decision/#", "flyball/v1/agent/#"};
    for (size_t i = 0; i < 2; i++) {
        peer_subscribe(&stage->peer, heard[i], 1);
    }
    expect(stage_await_ready(stage), "config_version", "5");
    expect_limit(stage, "50", "5");
}

static void retained_message_is_not_applied_twice(void **context)
{
    struct stage *stage = *context;
    desire_limit(stage, 5, "apply", "50");
    stage_event(stage, "acme/d/tea", "{\"amount\": 40}");
    agent_process_kill(&stage->agent);
    stage_run(stage);
    const cJSON *report = stage_take_json(stage, "agent/a1/config/reported");
    expect_report(report, "accepted", "5", "5");
    const cJSON *decision = stage_event(stage, "acme/d/tea", "{\"id\": \"after\", \"amount\": 1}");
    while (strcmp(json_at(decision, "event")->valuestring != NULL ? json_string(decision, "event") : "",
                  "after") != 0) {
        decision = stage_take_json(stage, "decision/acme/d");
    }
    expect(decision, "governors/quota/used", "41");
}

static void changed_file_is_below_what_is_desired(void **context)
{
    struct stage *stage = *context;
    desire_limit(stage, 5, "apply", "50");
    agent_process_terminate(&stage->agent);
    agent_process_configure(&stage->agent, "{\"meters\": {\"tea\": {}}, \"plans\": {\"other\": {}}}");
    stage_run(stage);
    expect_limit(stage, "50", "5");
    expect_decision(stage_event(stage, "acme/d/coffee", "{}"), "deny", "unknown_meter");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(applied_configuration_decides_at_once, open_started, stage_close),
        cmocka_unit_test_setup_teardown(report_carries_the_payloads_checksum, open_started, stage_close),
        cmocka_unit_test_setup_teardown(absent_keys_keep_the_files, open_started, stage_close),
        cmocka_unit_test_setup_teardown(validation_changes_nothing, open_started, stage_close),
        cmocka_unit_test_setup_teardown(shadow_counts_disagreements_and_decides_nothing, open_started,
                                        stage_close),
        cmocka_unit_test_setup_teardown(versions_only_go_up, open_started, stage_close),
        cmocka_unit_test_setup_teardown(rejection_raises_an_alert_until_the_next_good_one, open_started,
                                        stage_close),
        cmocka_unit_test_setup_teardown(hostile_payloads_are_rejected_with_their_path, open_started,
                                        stage_close),
        cmocka_unit_test_setup_teardown(oversized_payload_is_survived, open_started, stage_close),
        cmocka_unit_test_setup_teardown(empty_payload_desires_nothing, open_started, stage_close),
        cmocka_unit_test_setup_teardown(last_good_configuration_survives_a_restart, open_started,
                                        stage_close),
        cmocka_unit_test_setup_teardown(last_good_configuration_survives_without_a_broker, open_started,
                                        stage_close),
        cmocka_unit_test_setup_teardown(retained_message_is_not_applied_twice, open_started, stage_close),
        cmocka_unit_test_setup_teardown(changed_file_is_below_what_is_desired, open_started, stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
