/* Every reason a decision can give, reached through the broker, with both protocols. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

static const char policies[] =
    "{\"plans\": {"
    "   \"free\": {\"features\": [\"base\"],"
    "     \"quotas\": [{\"name\": \"monthly\", \"meter\": \"kwh\", \"algorithm\": \"fixed\","
    "                   \"limit\": \"10\", \"window\": \"month\"}],"
    "     \"prices\": {\"coffee\": \"1\"}, \"billing\": {\"low_balance\": \"2\", \"overdraft\": \"1\"}}},"
    " \"meters\": {\"kwh\": {}, \"coffee\": {}, \"unlock\": {\"feature\": \"premium\"}},"
    " \"subjects\": {\"plan\": \"free\"}}";

static int open_with_policies(void **context)
{
    stage_open(context);
    stage_start(*context, policies);
    return 0;
}

static const cJSON *drink(struct stage *stage, const char *amount)
{
    char payload[64];
    snprintf(payload, sizeof payload, "{\"amount\": \"%s\"}", amount);
    return stage_event(stage, "acme/machine/coffee", payload);
}

static const cJSON *use(struct stage *stage, const char *amount)
{
    char payload[64];
    snprintf(payload, sizeof payload, "{\"amount\": \"%s\"}", amount);
    return stage_event(stage, "acme/meter-7/kwh", payload);
}

static void entitled_use_is_ok(void **context)
{
    const cJSON *decision = use(*context, "1");
    expect_decision(decision, "allow", "ok");
    expect_governor(decision, "entitlement", "allow", "active");
    expect_governor(decision, "quota", "allow", "normal");
    expect_governor(decision, "billing", "allow", "none");
}

static void missing_feature_is_not_entitled(void **context)
{
    struct stage *stage = *context;
    const cJSON *decision = stage_event(stage, "acme/door/unlock", "{\"id\": \"1\"}");
    expect_decision(decision, "deny", "not_entitled");
    expect_governor(decision, "entitlement", "deny", "active");
    stage_do(stage, "acme/entitlement",
             "{\"id\": \"g\", \"op\": \"grant\", \"plan\": \"free\", \"features\": [\"premium\"]}");
    expect_decision(stage_event(stage, "acme/door/unlock", "{\"id\": \"2\"}"), "allow", "ok");
}

static void grant_of_tomorrow_is_not_started(void **context)
{
    struct stage *stage = *context;
    char start[32];
    instant_text(wall_ms() + 86400000, start);
    stage_do(stage, "acme/entitlement",
             "{\"id\": \"g\", \"op\": \"grant\", \"plan\": \"free\", \"starts_at\": \"%s\"}", start);
    const cJSON *decision = use(stage, "1");
    expect_decision(decision, "deny", "not_started");
    expect_governor(decision, "entitlement", "deny", "pending");
}

static void suspended_entitlement_denies_until_resumed(void **context)
{
    struct stage *stage = *context;
    use(stage, "1");
    stage_do(stage, "acme/entitlement", "{\"id\": \"s\", \"op\": \"suspend\"}");
    const cJSON *decision = use(stage, "1");
    expect_decision(decision, "deny", "suspended");
    expect_governor(decision, "entitlement", "deny", "suspended");
    expect(decision, "governors/quota/used", "1");
    stage_do(stage, "acme/entitlement", "{\"id\": \"r\", \"op\": \"resume\"}");
    expect_decision(use(stage, "1"), "allow", "ok");
}

static void grant_of_yesterday_is_expired(void **context)
{
    struct stage *stage = *context;
    char end[32];
    instant_text(wall_ms() - 1000, end);
    stage_do(stage, "acme/entitlement",
             "{\"id\": \"g\", \"op\": \"grant\", \"plan\": \"free\", \"expires_at\": \"%s\"}", end);
    const cJSON *decision = use(stage, "1");
    expect_decision(decision, "deny", "expired");
    expect_governor(decision, "entitlement", "deny", "expired");
}

static void expired_grant_with_grace_warns(void **context)
{
    struct stage *stage = *context;
    char end[32];
    instant_text(wall_ms() - 1000, end);
    stage_do(stage, "acme/entitlement",
             "{\"id\": \"g\", \"op\": \"grant\", \"plan\": \"free\", \"expires_at\": \"%s\", "
             "\"grace_ms\": 3600000}",
             end);
    const cJSON *decision = use(stage, "1");
    expect_decision(decision, "warn", "grace");
    expect_governor(decision, "entitlement", "warn", "grace");
    expect(decision, "governors/quota/used", "1");
}

static void revoked_entitlement_denies(void **context)
{
    struct stage *stage = *context;
    use(stage, "1");
    stage_do(stage, "acme/entitlement", "{\"id\": \"r\", \"op\": \"revoke\"}");
    const cJSON *decision = use(stage, "1");
    expect_decision(decision, "deny", "revoked");
    expect_governor(decision, "entitlement", "deny", "revoked");
}

static void quota_warns_throttles_and_denies_as_it_fills(void **context)
{
    struct stage *stage = *context;
    expect_decision(use(stage, "7.4"), "allow", "ok");
    const cJSON *warned = use(stage, "0.1");
    expect_decision(warned, "warn", "quota_warning");
    expect_governor(warned, "quota", "warn", "warning");
    expect(warned, "retry_after_ms", "0");
    const cJSON *throttled = use(stage, "1.5");
    expect_decision(throttled, "throttle", "quota_throttled");
    expect_governor(throttled, "quota", "throttle", "throttled");
    expect_number_between(throttled, "retry_after_ms", 1, 31 * 86400000.0);
    const cJSON *denied = use(stage, "1.000001");
    expect_decision(denied, "deny", "quota_exceeded");
    expect_governor(denied, "quota", "deny", "exceeded");
    expect(denied, "governors/quota/used", "9");
    expect(denied, "governors/quota/remaining", "1");
    expect_number_between(denied, "retry_after_ms", 1, 31 * 86400000.0);
    const cJSON *last = use(stage, "1");
    expect_decision(last, "throttle", "quota_throttled");
    expect(last, "governors/quota/remaining", "0");
}

static void denial_waits_for_the_windows_end(void **context)
{
    struct stage *stage = *context;
    use(stage, "10");
    const cJSON *denied = use(stage, "1");
    double left = (double)(json_instant(denied, "governors/quota/resets_at") - json_instant(denied, "time"));
    expect_number_between(denied, "retry_after_ms", left, left);
    const cJSON *never = use(stage, "11");
    expect_decision(never, "deny", "quota_exceeded");
    expect(never, "retry_after_ms", "0");
}

static void balance_goes_from_good_to_insufficient(void **context)
{
    struct stage *stage = *context;
    const cJSON *poor = drink(stage, "1.1");
    expect_decision(poor, "deny", "insufficient_balance");
    expect_governor(poor, "billing", "deny", "none");
    stage_do(stage, "acme/billing", "{\"id\": \"c\", \"op\": \"credit\", \"amount\": \"5\"}");
    const cJSON *good = drink(stage, "2");
    expect_decision(good, "allow", "ok");
    expect_governor(good, "billing", "allow", "good");
    expect(good, "governors/billing/charged", "2");
    expect(good, "governors/billing/balance", "3");
    const cJSON *low = drink(stage, "1");
    expect_decision(low, "warn", "low_balance");
    expect_governor(low, "billing", "warn", "low");
    const cJSON *overdraft = drink(stage, "2.5");
    expect_decision(overdraft, "warn", "overdraft");
    expect_governor(overdraft, "billing", "warn", "overdraft");
    expect(overdraft, "governors/billing/balance", "-0.5");
    const cJSON *exhausted = drink(stage, "0.5");
    expect_decision(exhausted, "warn", "low_balance");
    expect_governor(exhausted, "billing", "warn", "exhausted");
    const cJSON *denied = drink(stage, "0.000001");
    expect_decision(denied, "deny", "insufficient_balance");
    expect_governor(denied, "billing", "deny", "exhausted");
    expect(denied, "governors/billing/charged", "0");
    expect(denied, "governors/billing/balance", "-1");
    expect(denied, "retry_after_ms", "0");
}

static void suspended_billing_denies_until_resumed(void **context)
{
    struct stage *stage = *context;
    stage_do(stage, "acme/billing", "{\"id\": \"c\", \"op\": \"credit\", \"amount\": \"5\"}");
    stage_do(stage, "acme/billing", "{\"id\": \"s\", \"op\": \"suspend\"}");
    const cJSON *decision = use(stage, "1");
    expect_decision(decision, "deny", "suspended");
    expect_governor(decision, "entitlement", "allow", "active");
    expect_governor(decision, "billing", "deny", "suspended");
    stage_do(stage, "acme/billing", "{\"id\": \"r\", \"op\": \"resume\"}");
    expect_decision(drink(stage, "1"), "allow", "ok");
}

static void closed_billing_denies_for_good(void **context)
{
    struct stage *stage = *context;
    stage_do(stage, "acme/billing", "{\"id\": \"c\", \"op\": \"close\"}");
    const cJSON *decision = use(stage, "1");
    expect_decision(decision, "deny", "closed");
    expect_governor(decision, "billing", "deny", "closed");
    expect(decision, "governors/quota/used", "0");
}

static void reused_id_is_denied(void **context)
{
    struct stage *stage = *context;
    stage_event(stage, "acme/meter-7/kwh", "{\"id\": \"e-1\"}");
    const cJSON *decision = stage_event(stage, "acme/meter-7/kwh", "{\"id\": \"e-1\", \"amount\": 2}");
    expect_decision(decision, "deny", "id_reused");
    expect(decision, "governors", "{}");
    expect(decision, "seq", "2");
}

static void meter_without_entry_is_unknown(void **context)
{
    const cJSON *decision = stage_event(*context, "acme/meter-7/tea", "{\"id\": \"e-1\"}");
    expect_decision(decision, "deny", "unknown_meter");
    expect(decision, "governors", "{}");
    expect(decision, "seq", "1");
}

static int open_for_known_subjects(void **context)
{
    stage_open(context);
    struct stage *stage = *context;
    stage_prepare(stage, policies);
    agent_process_configure(&stage->agent, "{\"subjects\": {\"unknown\": \"deny\"}}");
    stage_run(stage);
    return 0;
}

static void stranger_is_unknown_until_a_command_creates_it(void **context)
{
    struct stage *stage = *context;
    const cJSON *decision = use(stage, "1");
    expect_decision(decision, "deny", "unknown_subject");
    expect(decision, "governors", "{}");
    expect(decision, "seq", "1");
    stage_do(stage, "acme/billing", "{\"id\": \"c\", \"op\": \"credit\", \"amount\": \"5\"}");
    const cJSON *known = use(stage, "1");
    expect_decision(known, "deny", "not_entitled");
    expect_governor(known, "entitlement", "deny", "none");
    stage_do(stage, "acme/entitlement", "{\"id\": \"g\", \"op\": \"grant\", \"plan\": \"free\"}");
    expect_decision(use(stage, "1"), "allow", "ok");
}

struct reason_test {
    const char *name;
    CMUnitTestFunction test;
    CMFixtureFunction open;
};

static const struct reason_test reason_tests[] = {
    {"entitled_use_is_ok", entitled_use_is_ok, open_with_policies},
    {"missing_feature_is_not_entitled", missing_feature_is_not_entitled, open_with_policies},
    {"grant_of_tomorrow_is_not_started", grant_of_tomorrow_is_not_started, open_with_policies},
    {"suspended_entitlement_denies_until_resumed", suspended_entitlement_denies_until_resumed,
     open_with_policies},
    {"grant_of_yesterday_is_expired", grant_of_yesterday_is_expired, open_with_policies},
    {"expired_grant_with_grace_warns", expired_grant_with_grace_warns, open_with_policies},
    {"revoked_entitlement_denies", revoked_entitlement_denies, open_with_policies},
    {"quota_warns_throttles_and_denies_as_it_fills", quota_warns_throttles_and_denies_as_it_fills,
     open_with_policies},
    {"denial_waits_for_the_windows_end", denial_waits_for_the_windows_end, open_with_policies},
    {"balance_goes_from_good_to_insufficient", balance_goes_from_good_to_insufficient, open_with_policies},
    {"suspended_billing_denies_until_resumed", suspended_billing_denies_until_resumed, open_with_policies},
    {"closed_billing_denies_for_good", closed_billing_denies_for_good, open_with_policies},
    {"reused_id_is_denied", reused_id_is_denied, open_with_policies},
    {"meter_without_entry_is_unknown", meter_without_entry_is_unknown, open_with_policies},
    {"stranger_is_unknown_until_a_command_creates_it", stranger_is_unknown_until_a_command_creates_it,
     open_for_known_subjects},
};

int main(void)
{
    static const char *const protocols[] = {"5", "3.1.1"};
    enum { REASONS = sizeof reason_tests / sizeof reason_tests[0], TESTS = 2 * REASONS };
    struct CMUnitTest tests[TESTS];
    char names[TESTS][96];
    for (size_t i = 0; i < TESTS; i++) {
        const struct reason_test *test = &reason_tests[i % REASONS];
        const char *protocol = protocols[i / REASONS];
        snprintf(names[i], sizeof names[i], "%s (MQTT %s)", test->name, protocol);
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = test->test,
                                       .setup_func = test->open,
                                       .teardown_func = stage_close,
                                       .initial_state = (void *)protocol};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
