#include "mqtt/decision_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

static struct decision contract_decision(void)
{
    struct decision decision = {
        .seq = 981, .time = 1795244400000, .config_version = 42, .dedup = DEDUP_ID, .clock = CLOCK_SYNCED};
    decision.event = (struct event){.subject = name_of("acme"),
                                    .device = name_of("meter-7"),
                                    .meter = name_of("kwh"),
                                    .id = name_of("e-1"),
                                    .amount = 2500000};
    struct governor_report *reports = decision.answer.reports;
    decision.answer.verdict = VERDICT_WARN;
    decision.answer.reason = REASON_QUOTA_WARNING;
    decision.answer.report_count = 3;
    reports[0] = (struct governor_report){
        .kind = GOVERNOR_ENTITLEMENT, .entitlement = {.phase = ENTITLEMENT_ACTIVE, .plan = name_of("gold")}};
    reports[1] = (struct governor_report){.kind = GOVERNOR_QUOTA,
                                          .verdict = VERDICT_WARN,
                                          .quota_phase = QUOTA_WARNING,
                                          .quota = {.has_limit = true,
                                                    .name = name_of("daily"),
                                                    .limit = 100000000,
                                                    .used = 76000000,
                                                    .remaining = 24000000,
                                                    .resets_at = 1795305600000}};
    reports[2] = (struct governor_report){
        .kind = GOVERNOR_BILLING,
        .billing = {.phase = BILLING_PHASE_GOOD, .charged = 500000, .balance = 97400000}};
    return decision;
}

static const char *write_decision(const struct decision *decision, struct decision_echo echo)
{
    static char storage[DECISION_MESSAGE_MAX + 1];
    struct text text = text_of(storage, DECISION_MESSAGE_MAX);
    decision_message_put(&text, decision, echo);
    assert_false(text.overflowed);
    storage[text.length] = '\0';
    return storage;
}

static void the_contracts_decision_is_written_in_its_order(void **context)
{
    (void)context;
    struct decision decision = contract_decision();
    assert_string_equal(
        write_decision(&decision, (struct decision_echo){0}),
        "{\"event\":\"e-1\",\"decision\":\"warn\",\"reason\":\"quota_warning\",\"subject\":\"acme\","
        "\"device\":\"meter-7\","
        "\"meter\":\"kwh\",\"amount\":\"2.5\",\"seq\":981,\"time\":\"2026-11-21T07:00:00.000Z\","
        "\"duplicate\":false,"
        "\"dedup\":\"id\",\"config_version\":42,\"retry_after_ms\":0,\"clock\":\"synced\",\"governors\":{"
        "\"entitlement\":{\"verdict\":\"allow\",\"state\":\"active\",\"plan\":\"gold\"},"
        "\"quota\":{\"verdict\":\"warn\",\"state\":\"warning\",\"name\":\"daily\",\"limit\":\"100\",\"used\":"
        "\"76\","
        "\"remaining\":\"24\",\"resets_at\":\"2026-11-22T00:00:00.000Z\"},"
        "\"billing\":{\"verdict\":\"allow\",\"state\":\"good\",\"charged\":\"0.5\",\"balance\":\"97.4\"}}}");
}

static void without_an_id_the_event_is_null_and_its_other_key_is_echoed(void **context)
{
    (void)context;
    struct decision decision = contract_decision();
    decision.event.id = name_of("");
    decision.event.has_device_seq = true;
    decision.event.device_seq = 9007199254740992;
    decision.dedup = DEDUP_DEVICE_SEQ;
    const char *written = write_decision(&decision, (struct decision_echo){0});
    assert_ptr_equal(
        strstr(written, "{\"event\":null,\"device_seq\":9007199254740992,\"boot\":\"\",\"decision\""),
        written);
    decision.event.boot = name_of("b1");
    written = write_decision(&decision, (struct decision_echo){0});
    assert_non_null(strstr(written, "\"boot\":\"b1\",\"decision\""));
    decision.event.has_device_seq = false;
    decision.dedup = DEDUP_NONE;
    written = write_decision(&decision, (struct decision_echo){0});
    assert_ptr_equal(strstr(written, "{\"event\":null,\"decision\""), written);
}

static void with_an_id_the_other_key_is_not_echoed(void **context)
{
    (void)context;
    struct decision decision = contract_decision();
    decision.event.has_device_seq = true;
    assert_null(strstr(write_decision(&decision, (struct decision_echo){0}), "device_seq"));
}

static void a_duplicate_differs_in_nothing_else(void **context)
{
    (void)context;
    struct decision decision = contract_decision();
    char first[DECISION_MESSAGE_MAX];
    strcpy(first, write_decision(&decision, (struct decision_echo){0}));
    const char *again = write_decision(&decision, (struct decision_echo){.duplicate = true});
    char *flag = strstr(first, "\"duplicate\":false");
    assert_non_null(flag);
    size_t before = (size_t)(flag - first);
    assert_memory_equal(first, again, before);
    assert_memory_equal(again + before, "\"duplicate\":true", 16);
    assert_string_equal(first + before + 17, again + before + 16);
}

static void a_cid_comes_back_as_it_was(void **context)
{
    (void)context;
    struct decision decision = contract_decision();
    const char *written = write_decision(&decision, (struct decision_echo){.cid = bytes_of_string("1.50")});
    assert_string_equal(written + strlen(written) - 12, ",\"cid\":1.50}");
}

static void without_reports_the_governors_are_an_empty_object(void **context)
{
    (void)context;
    struct decision decision = contract_decision();
    decision.answer = (struct chain_answer){.verdict = VERDICT_DENY, .reason = REASON_UNKNOWN_METER};
    const char *written = write_decision(&decision, (struct decision_echo){0});
    assert_non_null(strstr(written, "\"decision\":\"deny\",\"reason\":\"unknown_meter\""));
    assert_non_null(strstr(written, "\"governors\":{}}"));
}

static void a_quota_without_limits_shows_verdict_and_state_alone(void **context)
{
    (void)context;
    struct decision decision = contract_decision();
    decision.answer.reports[0] = (struct governor_report){.kind = GOVERNOR_QUOTA};
    decision.answer.reports[1] = (struct governor_report){.kind = GOVERNOR_ENTITLEMENT};
    const char *written = write_decision(&decision, (struct decision_echo){0});
    assert_non_null(strstr(written,
                           "\"governors\":{\"quota\":{\"verdict\":\"allow\",\"state\":\"normal\"},"
                           "\"entitlement\":{\"verdict\":\"allow\",\"state\":\"none\",\"plan\":null},"));
}

static struct name worst_name(void)
{
    struct name name = {.length = NAME_BYTES_MAX};
    memset(name.text, 1, sizeof name.text);
    return name;
}

static void the_longest_decision_fits_and_is_json(void **context)
{
    (void)context;
    struct decision decision = contract_decision();
    struct name worst = worst_name();
    decision.event.subject = decision.event.device = decision.event.meter = decision.event.boot = worst;
    decision.event.id = name_of("");
    decision.event.has_device_seq = true;
    decision.event.amount = INT64_MAX;
    decision.seq = decision.config_version = decision.event.device_seq = UINT64_MAX;
    decision.answer.retry_after_ms = INT64_MAX;
    decision.answer.reports[0].entitlement.plan = worst;
    decision.answer.reports[1].quota.name = worst;
    decision.answer.reports[2].billing.balance = INT64_MIN;
    static char cid[256];
    memset(cid, 'x', sizeof cid);
    cid[0] = cid[255] = '"';
    const char *written = write_decision(
        &decision, (struct decision_echo){.duplicate = true, .cid = bytes_of(cid, sizeof cid)});
    assert_int_equal(json_check(bytes_of_string(written), 4).error, JSON_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_contracts_decision_is_written_in_its_order),
        cmocka_unit_test(without_an_id_the_event_is_null_and_its_other_key_is_echoed),
        cmocka_unit_test(with_an_id_the_other_key_is_not_echoed),
        cmocka_unit_test(a_duplicate_differs_in_nothing_else),
        cmocka_unit_test(a_cid_comes_back_as_it_was),
        cmocka_unit_test(without_reports_the_governors_are_an_empty_object),
        cmocka_unit_test(a_quota_without_limits_shows_verdict_and_state_alone),
        cmocka_unit_test(the_longest_decision_fits_and_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
