/* The operations of billing: credits, how they burn, refunds, and its states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

static const char policies[] = "{\"plans\": {\"free\": {\"prices\": {\"coffee\": \"1\"}}}}";

static int open_with_policies(void **context)
{
    stage_open(context);
    stage_start(*context, policies);
    return 0;
}

static const cJSON *drink(struct stage *stage, const char *id, const char *amount)
{
    char payload[96];
    snprintf(payload, sizeof payload, "{\"id\": \"%s\", \"amount\": \"%s\"}", id, amount);
    return stage_event(stage, "acme/machine/coffee", payload);
}

static const cJSON *rejected(struct stage *stage, const char *who, const char *payload, const char *reason)
{
    const cJSON *reply = stage_command(stage, who, payload);
    expect_reply(reply, reason);
    return reply;
}

/* An instant from now, in quotes. */
static const char *quoted_in(int64_t ms, char text[40])
{
    char bare[32];
    snprintf(text, 40, "\"%s\"", instant_text(wall_ms() + ms, bare));
    return text;
}

static void credit_can_overflow_only_on_paper(void **context)
{
    struct stage *stage = *context;
    static const char huge[] = "9223372036854.775807";
    stage_do(stage, "acme/billing", "{\"id\": \"1\", \"op\": \"credit\", \"amount\": \"%s\"}", huge);
    const cJSON *reply = rejected(
        stage, "acme/billing", "{\"id\": \"2\", \"op\": \"credit\", \"amount\": \"0.000001\"}", "overflow");
    expect(reply, "state/balance", huge);
}

static void ninth_grant_is_too_many(void **context)
{
    struct stage *stage = *context;
    for (int i = 0; i < 8; i++) {
        stage_do(stage, "acme/billing", "{\"id\": \"c-%d\", \"op\": \"credit\", \"amount\": \"1\"}", i);
    }
    const cJSON *reply = rejected(
        stage, "acme/billing", "{\"id\": \"c-8\", \"op\": \"credit\", \"amount\": \"1\"}", "too_many_grants");
    expect(reply, "seq", "8");
    expect(reply, "state/balance", "8");
    drink(stage, "e", "1");
    stage_do(stage, "acme/billing", "{\"id\": \"c-9\", \"op\": \"credit\", \"amount\": \"1\"}");
}

static void grants_burn_by_priority_then_expiry_then_age(void **context)
{
    struct stage *stage = *context;
    char soon[40];
    char later[40];
    quoted_in(3600000, soon);
    quoted_in(7200000, later);
    const char *who = "acme/billing";
    stage_do(stage, who, "{\"id\": \"last\", \"op\": \"credit\", \"amount\": 1, \"priority\": 1}");
    stage_do(stage, who, "{\"id\": \"never\", \"op\": \"credit\", \"amount\": 1}");
    stage_do(stage, who, "{\"id\": \"later\", \"op\": \"credit\", \"amount\": 1, \"expires_at\": %s}", later);
    stage_do(stage, who, "{\"id\": \"soon\", \"op\": \"credit\", \"amount\": 1, \"expires_at\": %s}", soon);
    static const char *const order[] = {"soon", "later", "never", "last"};
    for (size_t i = 0; i < 4; i++) {
        char id[16];
        char resume[48];
        snprintf(id, sizeof id, "e-%zu", i);
        snprintf(resume, sizeof resume, "{\"id\": \"r-%zu\", \"op\": \"resume\"}", i);
        drink(stage, id, i == 0 ? "0.5" : "1");
        const cJSON *grants = json_at(rejected(stage, who, resume, "invalid_transition"), "state/grants");
        assert_int_equal(cJSON_GetArraySize(grants), 4 - i);
        const cJSON *grant;
        cJSON_ArrayForEach(grant, grants)
        {
            bool is_burning = strcmp(json_string(grant, "id"), order[i]) == 0;
            expect(grant, "remaining", is_burning ? "0.5" : "1");
        }
    }
}

static void charge_is_refunded_once(void **context)
{
    struct stage *stage = *context;
    stage_do(stage, "acme/billing", "{\"id\": \"c\", \"op\": \"credit\", \"amount\": 10}");
    drink(stage, "e-1", "4");
    const cJSON *reply =
        stage_do(stage, "acme/billing",
                 "{\"id\": \"r\", \"op\": \"refund\", \"event\": \"e-1\", \"device\": \"machine\"}");
    expect(reply, "state/balance", "10");
    expect(reply, "state/grants/0/remaining", "10");
    const cJSON *again =
        rejected(stage, "acme/billing",
                 "{\"id\": \"r-2\", \"op\": \"refund\", \"event\": \"e-1\", \"device\": \"machine\"}",
                 "already_refunded");
    expect(again, "state/balance", "10");
    expect(drink(stage, "e-1", "4"), "duplicate", "true");
}

static void refund_of_what_was_not_charged_is_unknown(void **context)
{
    struct stage *stage = *context;
    stage_do(stage, "acme/billing", "{\"id\": \"c\", \"op\": \"credit\", \"amount\": 10}");
    stage_event(stage, "acme/machine/tea", "{\"id\": \"free\"}");
    drink(stage, "denied", "11");
    drink(stage, "e-1", "1");
    static const char *const events[][2] = {
        {"never", "machine"}, {"e-1", "other"}, {"free", "machine"}, {"denied", "machine"}};
    for (size_t i = 0; i < 4; i++) {
        char payload[128];
        snprintf(payload, sizeof payload,
                 "{\"id\": \"r-%zu\", \"op\": \"refund\", \"event\": \"%s\", \"device\": \"%s\"}", i,
                 events[i][0], events[i][1]);
        rejected(stage, "acme/billing", payload, "unknown_event");
    }
}

static void billing_is_suspended_resumed_and_closed(void **context)
{
    struct stage *stage = *context;
    const char *who = "acme/billing";
    stage_do(stage, who, "{\"id\": \"1\", \"op\": \"credit\", \"amount\": 10}");
    expect(stage_do(stage, who, "{\"id\": \"2\", \"op\": \"suspend\"}"), "state/state", "suspended");
    rejected(stage, who, "{\"id\": \"3\", \"op\": \"suspend\"}", "invalid_transition");
    expect(stage_do(stage, who, "{\"id\": \"4\", \"op\": \"credit\", \"amount\": 5}"), "state/balance", "15");
    expect(stage_do(stage, who, "{\"id\": \"5\", \"op\": \"resume\"}"), "state/state", "good");
    rejected(stage, who, "{\"id\": \"6\", \"op\": \"resume\"}", "invalid_transition");
    drink(stage, "e", "1");
    expect(stage_do(stage, who, "{\"id\": \"7\", \"op\": \"close\"}"), "state/state", "closed");
    static const char *const refused[] = {
        "{\"id\": \"8\", \"op\": \"credit\", \"amount\": 5}",
        "{\"id\": \"9\", \"op\": \"refund\", \"event\": \"e\", \"device\": \"machine\"}",
        "{\"id\": \"10\", \"op\": \"resume\"}", "{\"id\": \"11\", \"op\": \"suspend\"}",
        "{\"id\": \"12\", \"op\": \"close\"}"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        expect(rejected(stage, who, refused[i], "invalid_transition"), "state/state", "closed");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(credit_can_overflow_only_on_paper, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(ninth_grant_is_too_many, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(grants_burn_by_priority_then_expiry_then_age, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(charge_is_refunded_once, open_with_policies, stage_close),
        cmocka_unit_test_setup_teardown(refund_of_what_was_not_charged_is_unknown, open_with_policies,
                                        stage_close),
        cmocka_unit_test_setup_teardown(billing_is_suspended_resumed_and_closed, open_with_policies,
                                        stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
