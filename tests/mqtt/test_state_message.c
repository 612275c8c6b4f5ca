#include "mqtt/state_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

static char storage[STATE_MESSAGE_MAX + 1];

static const char *finish(const struct text *text)
{
    assert_false(text->overflowed);
    storage[text->length] = '\0';
    return storage;
}

static const char *write_state(const struct governor_report *report, const struct governor_states *states)
{
    struct state_message message = {
        .subject = name_of("acme"), .seq = 7, .time = 1795244400000, .report = report, .states = states};
    struct text text = text_of(storage, STATE_MESSAGE_MAX);
    state_message_put(&text, &message);
    return finish(&text);
}

static const char *write_fields(const struct governor_report *report, const struct governor_states *states)
{
    struct text text = text_of(storage, STATE_MESSAGE_MAX);
    state_put_fields(&text, report, states);
    return finish(&text);
}

/* What every state topic of these tests begins with, but for governor and state; the rest is returned. */
static const char *after_head(const char *written, const char *governor, const char *state)
{
    char head[256];
    snprintf(head, sizeof head,
             "{\"subject\":\"acme\",\"governor\":\"%s\",\"state\":\"%s\",\"seq\":7,"
             "\"time\":\"2026-11-21T07:00:00.000Z\",",
             governor, state);
    assert_memory_equal(written, head, strlen(head));
    return written + strlen(head);
}

static void an_entitlement_shows_its_plan_and_term(void **context)
{
    (void)context;
    struct governor_report report = {.kind = GOVERNOR_ENTITLEMENT,
                                     .verdict = VERDICT_WARN,
                                     .entitlement = {ENTITLEMENT_GRACE, name_of("gold")}};
    struct governor_states states = {
        .entitlement = {.phase = ENTITLEMENT_GRACE, .starts_at = 1000, .expires_at = 1795244400000}};
    assert_string_equal(after_head(write_state(&report, &states), "entitlement", "grace"),
                        "\"verdict\":\"warn\",\"plan\":\"gold\",\"starts_at\":"
                        "\"1970-01-01T00:00:01.000Z\",\"expires_at\":\"2026-11-21T07:00:00.000Z\"}");
    states.entitlement.starts_at = 0;
    states.entitlement.expires_at = INSTANT_NEVER;
    assert_string_equal(write_fields(&report, &states),
                        "{\"verdict\":\"warn\",\"state\":\"grace\",\"plan\":\"gold\"}");
}

static void a_stranger_has_no_plan(void **context)
{
    (void)context;
    struct governor_report report = {.kind = GOVERNOR_ENTITLEMENT, .verdict = VERDICT_DENY};
    struct governor_states states = {0};
    assert_string_equal(write_fields(&report, &states),
                        "{\"verdict\":\"deny\",\"state\":\"none\",\"plan\":null}");
}

static void a_quota_shows_the_reported_limit(void **context)
{
    (void)context;
    struct governor_report report = {.kind = GOVERNOR_QUOTA,
                                     .quota = {.has_limit = true,
                                               .name = name_of("daily"),
                                               .limit = 100000000,
                                               .used = 1,
                                               .remaining = 99999999,
                                               .resets_at = INSTANT_NEVER}};
    struct governor_states states = {0};
    assert_string_equal(after_head(write_state(&report, &states), "quota", "normal"),
                        "\"verdict\":\"allow\",\"name\":\"daily\",\"limit\":\"100\",\"used\":"
                        "\"0.000001\",\"remaining\":\"99.999999\",\"resets_at\":null}");
    report.quota = (struct quota_report){0};
    assert_string_equal(write_fields(&report, &states), "{\"verdict\":\"allow\",\"state\":\"normal\"}");
}

static void billing_shows_balance_and_grants(void **context)
{
    (void)context;
    struct governor_report report = {.kind = GOVERNOR_BILLING,
                                     .billing = {.phase = BILLING_PHASE_GOOD, .balance = 3500000}};
    struct governor_states states = {.billing = {.grant_count = 2}};
    states.billing.grants[0] = (struct grant){.id = name_of("c-1"),
                                              .amount = 5000000,
                                              .remaining = 2500000,
                                              .priority = -1,
                                              .expires_at = 1795244400000};
    states.billing.grants[1] = (struct grant){
        .id = name_of("c-2"), .amount = 1000000, .remaining = 1000000, .expires_at = INSTANT_NEVER};
    assert_string_equal(
        after_head(write_state(&report, &states), "billing", "good"),
        "\"verdict\":\"allow\",\"charged\":\"0\",\"balance\":\"3.5\",\"grants\":["
        "{\"id\":\"c-1\",\"amount\":\"5\",\"remaining\":\"2.5\",\"priority\":-1,\"expires_at\":"
        "\"2026-11-21T07:00:00.000Z\"},"
        "{\"id\":\"c-2\",\"amount\":\"1\",\"remaining\":\"1\",\"priority\":0,\"expires_at\":null}]}");
    states.billing.grant_count = 0;
    assert_non_null(strstr(write_fields(&report, &states), "\"grants\":[]}"));
}

static void the_longest_state_fits_and_is_json(void **context)
{
    (void)context;
    struct governor_report report = {.kind = GOVERNOR_BILLING, .billing = {.balance = INT64_MIN}};
    struct governor_states states = {.billing = {.grant_count = GRANTS_MAX}};
    for (int i = 0; i < GRANTS_MAX; i++) {
        struct grant *grant = &states.billing.grants[i];
        grant->id.length = NAME_BYTES_MAX;
        memset(grant->id.text, 1, sizeof grant->id.text);
        grant->amount = grant->remaining = INT64_MAX;
        grant->priority = INT32_MIN;
        grant->expires_at = 1795244400000;
    }
    const char *written = write_state(&report, &states);
    assert_int_equal(json_check(bytes_of_string(written), 4).error, JSON_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entitlement_shows_its_plan_and_term),
        cmocka_unit_test(a_stranger_has_no_plan),
        cmocka_unit_test(a_quota_shows_the_reported_limit),
        cmocka_unit_test(billing_shows_balance_and_grants),
        cmocka_unit_test(the_longest_state_fits_and_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
