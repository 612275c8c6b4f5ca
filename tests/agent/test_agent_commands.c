#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/agent_fixture.h"

static const char PRICED[] =
    "{\"plans\": {\"gold\": {\"features\": [\"*\"], \"quotas\": [{\"name\": \"daily\", "
    "\"meter\": \"*\", \"algorithm\": \"fixed\", \"limit\": \"100\", \"window\": \"day\"}], "
    "\"prices\": {\"kwh\": \"2\"}}}, \"subjects\": {\"plan\": \"gold\"}}";

static const char CREDIT[] = "{\"id\": \"c-1\", \"op\": \"credit\", \"amount\": \"100\"}";
static const char REFUND[] =
    "{\"id\": \"r-1\", \"op\": \"refund\", \"event\": \"e-1\", \"device\": \"meter-7\"}";

static struct fixture *started(const char *config)
{
    struct fixture *fixture = fixture_new(config);
    fixture_start(fixture);
    return fixture;
}

static void command_is_answered_with_the_state_it_led_to(void **context)
{
    (void)context;
    struct fixture *fixture = started(PRICED);
    const struct published *reply = fixture_command(fixture, "acme", "billing", CREDIT);
    published_has(reply,
                  "\"command\":\"c-1\",\"op\":\"credit\",\"status\":\"ok\",\"reason\":\"ok\",\"seq\":1");
    published_has(reply, "\"balance\":\"100\"");
    assert_int_equal(reply->qos, 1);
    reply = fixture_command(fixture, "acme", "entitlement", "{\"id\": \"s\", \"op\": \"resume\"}");
    published_has(reply, "\"status\":\"rejected\",\"reason\":\"invalid_transition\",\"seq\":1");
    fixture_free(fixture);
}

static void repeated_command_gets_the_first_reply(void **context)
{
    (void)context;
    struct fixture *fixture = started(PRICED);
    char first[2048];
    snprintf(first, sizeof first, "%s", fixture_command(fixture, "acme", "billing", CREDIT)->payload);
    fixture_ask(fixture, "{\"id\": \"e-1\", \"amount\": 10}");
    fixture_pass(fixture, 10000);
    assert_string_equal(fixture_command(fixture, "acme", "billing", CREDIT)->payload, first);
    fixture_restart(fixture);
    assert_string_equal(fixture_command(fixture, "acme", "billing", CREDIT)->payload, first);
    const struct published *decision = fixture_ask(fixture, "{\"id\": \"e-2\", \"amount\": 0}");
    assert_int_equal(published_amount(decision, "billing", "balance"), 80000000);
    fixture_free(fixture);
}

static void rejection_is_remembered_too(void **context)
{
    (void)context;
    struct fixture *fixture = started(PRICED);
    static const char grant[] = "{\"id\": \"g\", \"op\": \"grant\", \"plan\": \"none-such\"}";
    char first[2048];
    const struct published *reply = fixture_command(fixture, "acme", "entitlement", grant);
    published_has(reply, "\"reason\":\"unknown_plan\"");
    snprintf(first, sizeof first, "%s", reply->payload);
    fixture_ask(fixture, "{\"id\": \"e-1\"}");
    assert_string_equal(fixture_command(fixture, "acme", "entitlement", grant)->payload, first);
    fixture_free(fixture);
}

static void command_id_with_other_bytes_is_reused(void **context)
{
    (void)context;
    struct fixture *fixture = started(PRICED);
    fixture_command(fixture, "acme", "billing", CREDIT);
    static const char other[] = "{\"id\": \"c-1\", \"op\": \"credit\", \"amount\": \"7\"}";
    const struct published *reply = fixture_command(fixture, "acme", "billing", other);
    published_has(reply, "\"status\":\"rejected\",\"reason\":\"id_reused\",\"seq\":1");
    published_has(reply, "\"balance\":\"100\"");
    published_has(fixture_command(fixture, "acme", "billing", CREDIT), "\"status\":\"ok\"");
    /* The key is of one governor. */
    reply = fixture_command(fixture, "acme", "quota", "{\"id\": \"c-1\", \"op\": \"reset\"}");
    published_has(reply, "\"status\":\"ok\"");
    fixture_free(fixture);
}

static void charge_is_refunded_once(void **context)
{
    (void)context;
    struct fixture *fixture = started(PRICED);
    fixture_command(fixture, "acme", "billing", CREDIT);
    fixture_ask(fixture, "{\"id\": \"e-1\", \"amount\": 10}");
    const struct published *reply = fixture_command(fixture, "acme", "billing", REFUND);
    published_has(reply, "\"status\":\"ok\"");
    published_has(reply, "\"balance\":\"100\"");
    static const char again[] =
        "{\"id\": \"r-2\", \"op\": \"refund\", \"event\": \"e-1\", \"device\": \"meter-7\"}";
    reply = fixture_command(fixture, "acme", "billing", again);
    published_has(reply, "\"status\":\"rejected\",\"reason\":\"already_refunded\"");
    fixture_restart(fixture);
    static const char later[] =
        "{\"id\": \"r-3\", \"op\": \"refund\", \"event\": \"e-1\", \"device\": \"meter-7\"}";
    reply = fixture_command(fixture, "acme", "billing", later);
    published_has(reply, "\"reason\":\"already_refunded\"");
    published_has(reply, "\"balance\":\"100\"");
    assert_int_equal(atomic_load(&fixture->agent->imbalance), 0);
    fixture_free(fixture);
}

static void what_was_not_charged_cannot_be_refunded(void **context)
{
    (void)context;
    struct fixture *fixture = started(PRICED);
    published_has(fixture_command(fixture, "acme", "billing", REFUND), "\"reason\":\"unknown_event\"");
    fixture_ask(fixture, "{\"id\": \"e-2\", \"amount\": 10}");
    static const char denied[] =
        "{\"id\": \"r-2\", \"op\": \"refund\", \"event\": \"e-2\", \"device\": \"meter-7\"}";
    published_has(fixture_command(fixture, "acme", "billing", denied), "\"reason\":\"unknown_event\"");
    static const char elsewhere[] =
        "{\"id\": \"r-3\", \"op\": \"refund\", \"event\": \"e-2\", \"device\": \"meter-8\"}";
    published_has(fixture_command(fixture, "acme", "billing", elsewhere), "\"reason\":\"unknown_event\"");
    fixture_free(fixture);
}

static void refund_goes_back_to_the_grants_it_came_from(void **context)
{
    (void)context;
    struct fixture *fixture = started(PRICED);
    fixture_command(fixture, "acme", "billing", "{\"id\": \"a\", \"op\": \"credit\", \"amount\": \"5\"}");
    fixture_command(fixture, "acme", "billing", "{\"id\": \"b\", \"op\": \"credit\", \"amount\": \"50\"}");
    fixture_ask(fixture, "{\"id\": \"e-1\", \"amount\": 10}");
    fixture_restart(fixture);
    const struct published *reply = fixture_command(fixture, "acme", "billing", REFUND);
    published_has(reply, "\"id\":\"a\",\"amount\":\"5\",\"remaining\":\"5\"");
    published_has(reply, "\"id\":\"b\",\"amount\":\"50\",\"remaining\":\"50\"");
    assert_int_equal(atomic_load(&fixture->agent->imbalance), 0);
    fixture_free(fixture);
}

static void grants_are_given_until_there_are_too_many(void **context)
{
    (void)context;
    struct fixture *fixture = started(PRICED);
    char command[128];
    for (int i = 0; i < 9; i++) {
        snprintf(command, sizeof command, "{\"id\": \"c-%d\", \"op\": \"credit\", \"amount\": \"1\"}", i);
        const struct published *reply = fixture_command(fixture, "acme", "billing", command);
        published_has(reply, i < 8 ? "\"reason\":\"ok\"" : "\"reason\":\"too_many_grants\"");
    }
    fixture_free(fixture);
}

static void suspended_subject_is_denied_until_resumed(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    fixture_ask(fixture, "{\"id\": \"e-1\"}");
    fixture_command(fixture, "acme", "entitlement", "{\"id\": \"s\", \"op\": \"suspend\"}");
    published_has(fixture_state(fixture, "acme", "entitlement"), "\"state\":\"suspended\"");
    published_has(fixture_ask(fixture, "{\"id\": \"e-2\"}"), "\"reason\":\"suspended\"");
    fixture_command(fixture, "acme", "entitlement", "{\"id\": \"r\", \"op\": \"resume\"}");
    published_has(fixture_ask(fixture, "{\"id\": \"e-3\"}"), "\"decision\":\"allow\"");
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_is_answered_with_the_state_it_led_to),
        cmocka_unit_test(repeated_command_gets_the_first_reply),
        cmocka_unit_test(rejection_is_remembered_too),
        cmocka_unit_test(command_id_with_other_bytes_is_reused),
        cmocka_unit_test(charge_is_refunded_once),
        cmocka_unit_test(what_was_not_charged_cannot_be_refunded),
        cmocka_unit_test(refund_goes_back_to_the_grants_it_came_from),
        cmocka_unit_test(grants_are_given_until_there_are_too_many),
        cmocka_unit_test(suspended_subject_is_denied_until_resumed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
