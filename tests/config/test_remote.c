#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "config/remote.h"
#include "tests/config/loading.h"

#define PLAN_42 "{\"version\":42,\"state\":{\"plans\":{\"free\":{\"prices\":{\"kwh\":\"2\"}}}}}"

static const char FILE_JSON[] =
    "{\"agent\":{\"id\":\"barn\"},\"log\":{\"level\":\"warn\",\"format\":\"json\"},"
    "\"plans\":{\"free\":{},\"gold\":{}},\"limits\":{\"device_rate\":5},"
    "\"meters\":{\"kwh\":{\"feature\":\"${PLACE}\"}}}";

static struct remote_active active_with(uint64_t version, const char *payload)
{
    return (struct remote_active){.version = version, .sha256 = sha256_of(bytes_of_string(payload))};
}

static struct remote_outcome judged_against(struct remote_active active, const char *payload)
{
    struct remote_outcome outcome;
    struct config_source file = loading_source(FILE_JSON);
    assert_int_equal(remote_judge(&active, &file, bytes_of_string(payload), &outcome), STATUS_OK);
    return outcome;
}

static struct remote_outcome judged(const char *payload)
{
    return judged_against((struct remote_active){0}, payload);
}

static void an_empty_payload_desires_nothing(void **context)
{
    (void)context;
    struct remote_outcome outcome = judged_against(active_with(42, PLAN_42), "");
    assert_int_equal(outcome.action, REMOTE_NOTHING);
    assert_null(outcome.snapshot);
}

static void each_key_of_the_state_replaces_the_files(void **context)
{
    (void)context;
    struct remote_outcome outcome =
        judged("{\"version\":1,\"state\":{\"log\":{\"level\":\"debug\"},\"plans\":{\"free\":{\"prices\":{"
               "\"kwh\":2}}},"
               "\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"kwh\"}],"
               "\"metrics\":{\"interval_ms\":100}}}");
    assert_int_equal(outcome.action, REMOTE_APPLY);
    assert_int_equal(outcome.status, REMOTE_ACCEPTED);
    assert_int_equal(outcome.version, 1);
    const struct config_snapshot *snapshot = outcome.snapshot;
    assert_int_equal(snapshot->policy.version, 1);
    assert_int_equal(snapshot->policy.plan_count, 1);
    assert_int_equal(snapshot->policy.plans[0].prices[0].price, 2000000);
    assert_int_equal(snapshot->route_count, 1);
    assert_int_equal(snapshot->settings.log_level, LOG_DEBUG);
    assert_int_equal(snapshot->settings.log_format, LOG_TEXT);
    assert_int_equal(snapshot->settings.metrics_interval_ms, 100);
    assert_int_equal(snapshot->settings.limits.device_rate, 5);
    assert_true(bytes_equal_string(name_bytes(&snapshot->settings.agent_id), "barn"));
    assert_int_equal(snapshot->policy.meter_count, 1);
    assert_true(bytes_equal_string(name_bytes(&snapshot->policy.meters[0].feature), "shed"));
    config_snapshot_close(outcome.snapshot);
}

static void an_empty_state_is_the_file(void **context)
{
    (void)context;
    struct remote_outcome outcome = judged("{\"version\":9007199254740992,\"mode\":\"apply\",\"state\":{}}");
    assert_int_equal(outcome.action, REMOTE_APPLY);
    assert_int_equal(outcome.snapshot->policy.version, REMOTE_VERSION_MOST);
    assert_int_equal(outcome.snapshot->policy.plan_count, 2);
    config_snapshot_close(outcome.snapshot);
}

static void the_environment_stays_at_home(void **context)
{
    (void)context;
    struct remote_outcome outcome =
        judged("{\"version\":1,\"state\":{\"meters\":{\"*\":{\"feature\":\"${PLACE}\"}}}}");
    assert_true(bytes_equal_string(name_bytes(&outcome.snapshot->policy.meters[0].feature), "${PLACE}"));
    config_snapshot_close(outcome.snapshot);
}

struct rule {
    uint64_t active_version; /* In force with PLAN_42's bytes. */
    const char *payload;
    enum remote_action action;
    enum remote_status status;
    uint64_t version;
    const char *code; /* Of the only error, or NULL. */
};

static void versions_compare_with_the_active_one(void **context)
{
    (void)context;
    const struct rule table[] = {
        {0, PLAN_42, REMOTE_APPLY, REMOTE_ACCEPTED, 42, NULL},
        {41, PLAN_42, REMOTE_APPLY, REMOTE_ACCEPTED, 42, NULL},
        {42, PLAN_42, REMOTE_REPORT, REMOTE_ACCEPTED, 42, NULL},
        {43, PLAN_42, REMOTE_REPORT, REMOTE_REJECTED, 42, "stale_version"},
        {42, " " PLAN_42, REMOTE_REPORT, REMOTE_REJECTED, 42, "version_conflict"},
        {42, "{\"version\":42,\"state\":{\"plans\":7}}", REMOTE_REPORT, REMOTE_REJECTED, 42,
         "version_conflict"},
        {42, "{\"version\":41,\"state\":{\"plans\":7}}", REMOTE_REPORT, REMOTE_REJECTED, 41, "stale_version"},
        {42, "{\"version\":1,\"nonsense\":1}", REMOTE_REPORT, REMOTE_REJECTED, 1, "stale_version"},
        {42, "{\"version\":43,\"state\":{}}", REMOTE_APPLY, REMOTE_ACCEPTED, 43, NULL},
        {42, "{\"version\":43,\"mode\":\"shadow\",\"state\":{}}", REMOTE_SHADOW, REMOTE_SHADOWED, 43, NULL},
        {42, "{\"version\":43,\"mode\":\"validate\",\"state\":{}}", REMOTE_REPORT, REMOTE_VALID, 43, NULL},
        {42, "{\"version\":42,\"mode\":\"validate\",\"state\":{}}", REMOTE_REPORT, REMOTE_REJECTED, 42,
         "version_conflict"},
        {42, "{\"version\":41,\"mode\":\"validate\",\"state\":{}}", REMOTE_REPORT, REMOTE_REJECTED, 41,
         "stale_version"},
        {42, "{\"version\":42,\"mode\":\"shadow\",\"state\":{}}", REMOTE_REPORT, REMOTE_REJECTED, 42,
         "version_conflict"},
        {42, "{\"version\":41,\"mode\":\"shadow\",\"state\":{}}", REMOTE_REPORT, REMOTE_REJECTED, 41,
         "stale_version"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct rule *rule = &table[i];
        struct remote_outcome outcome =
            judged_against(active_with(rule->active_version, PLAN_42), rule->payload);
        assert_int_equal(outcome.action, rule->action);
        assert_int_equal(outcome.status, rule->status);
        assert_int_equal(outcome.version, rule->version);
        assert_int_equal(outcome.errors.count, rule->code == NULL ? 0 : 1);
        if (rule->code != NULL) {
            assert_string_equal(config_code_name(outcome.errors.items[0].code), rule->code);
            assert_string_equal(outcome.errors.items[0].path, "/version");
        }
        bool has_snapshot = rule->action == REMOTE_APPLY || rule->action == REMOTE_SHADOW;
        assert_int_equal(outcome.snapshot != NULL, has_snapshot);
        config_snapshot_close(outcome.snapshot);
    }
}

static void what_is_wrong_is_told_relative_to_the_state(void **context)
{
    (void)context;
    const struct wrong table[] = {
        {"oops", "", CONFIG_NOT_JSON},
        {"[]", "", CONFIG_TYPE},
        {"{\"version\":1,\"version\":2,\"state\":{}}", "/version", CONFIG_DUPLICATE},
        {"{\"state\":{}}", "/version", CONFIG_REQUIRED},
        {"{\"version\":0,\"state\":{}}", "/version", CONFIG_RANGE},
        {"{\"version\":-1,\"state\":{}}", "/version", CONFIG_RANGE},
        {"{\"version\":9007199254740993,\"state\":{}}", "/version", CONFIG_RANGE},
        {"{\"version\":1.5,\"state\":{}}", "/version", CONFIG_TYPE},
        {"{\"version\":\"1\",\"state\":{}}", "/version", CONFIG_TYPE},
        {"{\"version\":null,\"state\":{}}", "/version", CONFIG_TYPE},
        {"{\"version\":1}", "/state", CONFIG_REQUIRED},
        {"{\"version\":1,\"state\":[]}", "/state", CONFIG_TYPE},
        {"{\"version\":1,\"state\":null}", "/state", CONFIG_TYPE},
        {"{\"version\":1,\"mode\":\"try\",\"state\":{}}", "/mode", CONFIG_RANGE},
        {"{\"version\":1,\"mode\":null,\"state\":{}}", "/mode", CONFIG_TYPE},
        {"{\"version\":1,\"note\":\"x\",\"state\":{}}", "/note", CONFIG_UNKNOWN_KEY},
        {"{\"version\":1,\"state\":{\"broker\":{}}}", "/broker", CONFIG_UNKNOWN_KEY},
        {"{\"version\":1,\"state\":{\"topics\":{}}}", "/topics", CONFIG_UNKNOWN_KEY},
        {"{\"version\":1,\"state\":{\"log\":{\"level\":\"x\"}}}", "/log/level", CONFIG_RANGE},
        {"{\"version\":1,\"state\":{\"log\":null}}", "/log", CONFIG_TYPE},
        {"{\"version\":1,\"state\":{\"plans\":{\"free\":{\"quotas\":[{\"name\":\"q\",\"limit\":-1,"
         "\"window\":\"day\"}]}}}}",
         "/plans/free/quotas/0/limit", CONFIG_RANGE},
        {"{\"version\":1,\"state\":{\"plans\":{\"gold\":{}}}}", "/subjects/plan", CONFIG_UNKNOWN_REFERENCE},
        {"{\"version\":1,\"state\":{\"routes\":{}}}", "/routes", CONFIG_TYPE},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct remote_outcome outcome = judged(table[i].json);
        assert_int_equal(outcome.action, REMOTE_REPORT);
        assert_int_equal(outcome.status, REMOTE_REJECTED);
        assert_null(outcome.snapshot);
        if (outcome.errors.count != 1 || strcmp(outcome.errors.items[0].path, table[i].path) != 0 ||
            outcome.errors.items[0].code != table[i].code) {
            fail_msg("%s: %u errors, %s: %s", table[i].json, outcome.errors.count,
                     outcome.errors.items[0].path, outcome.errors.items[0].message);
        }
    }
}

static void a_rejected_version_may_be_sent_again_mended(void **context)
{
    (void)context;
    struct remote_active active = active_with(42, PLAN_42);
    struct remote_outcome broken = judged_against(active, "{\"version\":43,\"state\":{\"plans\":7}}");
    assert_int_equal(broken.status, REMOTE_REJECTED);
    assert_int_equal(broken.version, 43);
    struct remote_outcome mended = judged_against(active, "{\"version\":43,\"state\":{}}");
    assert_int_equal(mended.status, REMOTE_ACCEPTED);
    config_snapshot_close(mended.snapshot);
}

static void a_payload_over_a_mebibyte_is_rejected(void **context)
{
    (void)context;
    static char payload[CONFIG_FILE_BYTES_MAX + 1];
    struct remote_active active = {0};
    struct remote_outcome outcome;
    struct config_source file = loading_source(FILE_JSON);
    memset(payload, ' ', sizeof payload);
    assert_int_equal(remote_judge(&active, &file, bytes_of(payload, sizeof payload), &outcome), STATUS_OK);
    assert_int_equal(outcome.status, REMOTE_REJECTED);
    assert_int_equal(outcome.errors.items[0].code, CONFIG_TOO_LONG);
}

static void what_is_reported_is_as_the_contract_says(void **context)
{
    (void)context;
    char storage[1024];
    struct text json = text_of(storage, sizeof storage);
    struct remote_outcome outcome = judged_against(active_with(42, PLAN_42), "abc");
    memset(&outcome.errors, 0, sizeof outcome.errors);
    config_errors_add(&outcome.errors, bytes_of_string("/log"), CONFIG_TYPE, "must be an object");
    outcome.version = 43;
    remote_reported_write(&outcome, 42, 1795244400000, &json);
    assert_string_equal(
        text_string(&json),
        "{\"version\":43,\"active_version\":42,\"status\":\"rejected\",\"sha256\":"
        "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\","
        "\"time\":\"2026-11-21T07:00:00.000Z\",\"errors\":[{\"path\":\"/log\",\"code\":\"type\","
        "\"message\":\"must be an object\"}]}");
}

static void a_version_that_cannot_be_read_is_reported_as_null(void **context)
{
    (void)context;
    char storage[1024];
    struct text json = text_of(storage, sizeof storage);
    struct remote_outcome outcome = judged("oops");
    remote_reported_write(&outcome, 0, 0, &json);
    assert_non_null(
        strstr(text_string(&json), "{\"version\":null,\"active_version\":0,\"status\":\"rejected\""));
}

static void each_outcome_has_its_word(void **context)
{
    (void)context;
    const struct {
        const char *payload;
        const char *word;
    } table[] = {
        {"{\"version\":1,\"state\":{}}", "\"status\":\"accepted\""},
        {"{\"version\":1,\"mode\":\"shadow\",\"state\":{}}", "\"status\":\"shadow\""},
        {"{\"version\":1,\"mode\":\"validate\",\"state\":{}}", "\"status\":\"valid\""},
        {"{\"version\":1,\"mode\":\"validate\",\"state\":1}", "\"status\":\"rejected\""},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char storage[1024];
        struct text json = text_of(storage, sizeof storage);
        struct remote_outcome outcome = judged(table[i].payload);
        remote_reported_write(&outcome, 0, 0, &json);
        assert_non_null(strstr(text_string(&json), table[i].word));
        config_snapshot_close(outcome.snapshot);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_payload_desires_nothing),
        cmocka_unit_test(each_key_of_the_state_replaces_the_files),
        cmocka_unit_test(an_empty_state_is_the_file),
        cmocka_unit_test(the_environment_stays_at_home),
        cmocka_unit_test(versions_compare_with_the_active_one),
        cmocka_unit_test(what_is_wrong_is_told_relative_to_the_state),
        cmocka_unit_test(a_rejected_version_may_be_sent_again_mended),
        cmocka_unit_test(a_payload_over_a_mebibyte_is_rejected),
        cmocka_unit_test(what_is_reported_is_as_the_contract_says),
        cmocka_unit_test(a_version_that_cannot_be_read_is_reported_as_null),
        cmocka_unit_test(each_outcome_has_its_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
