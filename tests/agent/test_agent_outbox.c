#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/agent_fixture.h"

static const char DECISIONS[] = "flyball/v1/decision/";
static const char STATES[] = "flyball/v1/state/";

static const char PLUG[] = "{\"routes\": [{\"topic\": \"tele/{device}/SENSOR\", \"subject\": \"house\", "
                           "\"meter\": \"kwh\", \"decide\": "
                           "{\"topic\": \"cmnd/{device}/POWER\", \"allow\": \"ON\", \"deny\": \"OFF\"}}]}";

static struct fixture *started(const char *config)
{
    struct fixture *fixture = fixture_new(config);
    fixture_start(fixture);
    return fixture;
}

static void ask_number(struct fixture *fixture, int number)
{
    char payload[64];
    snprintf(payload, sizeof payload, "{\"id\": \"e-%d\", \"cid\": %d}", number, number);
    fixture_receive(fixture, "flyball/v1/event/acme/meter-7/kwh", payload);
    fixture_turn(fixture);
}

/* From `from` on there are the same decisions as from `first` on, `count` of them. */
static void expect_decisions_again(const struct fixture *fixture, size_t first, size_t from, size_t count)
{
    assert_true(fixture_count(fixture, DECISIONS, from) >= count);
    for (size_t i = 0; i < count; i++) {
        while (strncmp(fixture->published[first].topic, DECISIONS, strlen(DECISIONS)) != 0) {
            first++;
        }
        while (strncmp(fixture->published[from].topic, DECISIONS, strlen(DECISIONS)) != 0) {
            from++;
        }
        assert_string_equal(fixture->published[from++].payload, fixture->published[first++].payload);
    }
}

static void what_was_not_acknowledged_is_said_again_after_a_lost_session(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    ask_number(fixture, 0);
    fixture->holds_acknowledgements = true;
    size_t first = fixture->count;
    for (int i = 1; i <= 5; i++) {
        ask_number(fixture, i);
    }
    fixture_disconnect(fixture);
    ask_number(fixture, 6);
    size_t from = fixture->count;
    fixture_connect(fixture, PAHO_SESSION_NEW);
    assert_int_equal(fixture_count(fixture, DECISIONS, from), 6);
    published_has(fixture_last(fixture, DECISIONS, 0), "\"event\":\"e-6\"");
    expect_decisions_again(fixture, first, from, 5);
    fixture_free(fixture);
}

static void kept_session_delivers_what_it_took_itself(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    fixture->holds_acknowledgements = true;
    ask_number(fixture, 1);
    fixture_disconnect(fixture);
    size_t from = fixture->count;
    fixture_connect(fixture, PAHO_SESSION_KEPT);
    assert_int_equal(fixture_count(fixture, DECISIONS, from), 0);
    fixture_free(fixture);
}

static void what_was_acknowledged_is_never_said_again(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    for (int i = 0; i < 5; i++) {
        ask_number(fixture, i);
    }
    agent_announce_canary(fixture->agent);
    fixture->announces = true;
    fixture->holds_acknowledgements = true;
    fixture_turn(fixture); /* The canary stays on the way. */
    fixture_disconnect(fixture);
    size_t from = fixture->count;
    fixture_connect(fixture, PAHO_SESSION_NEW);
    assert_int_equal(fixture_count(fixture, DECISIONS, from), 0);
    fixture_free(fixture);
}

static void out_of_order_acknowledgements_lose_nothing(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    fixture->holds_acknowledgements = true;
    for (int i = 1; i <= 4; i++) {
        ask_number(fixture, i);
    }
    const struct published *last = fixture_last(fixture, DECISIONS, 0);
    publisher_landed(&fixture->agent->publisher, last->ticket);
    fixture_restart(fixture);
    size_t from = fixture->count;
    fixture_disconnect(fixture);
    fixture_connect(fixture, PAHO_SESSION_NEW);
    for (int i = 1; i <= 4; i++) {
        char event[16];
        snprintf(event, sizeof event, "e-%d\"", i);
        bool was_said = false;
        for (size_t at = from; at < fixture->count; at++) {
            was_said = was_said || strstr(fixture->published[at].payload, event) != NULL;
        }
        assert_true(was_said);
    }
    fixture_free(fixture);
}

static void restart_says_again_what_was_not_acknowledged(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    ask_number(fixture, 0);
    fixture_pass(fixture, 5000);
    fixture_pass(fixture, 5000);
    fixture->holds_acknowledgements = true;
    size_t first = fixture->count;
    for (int i = 1; i <= 5; i++) {
        ask_number(fixture, i);
    }
    size_t from = fixture->count;
    fixture_restart(fixture);
    assert_int_equal(fixture_count(fixture, DECISIONS, from), 5);
    expect_decisions_again(fixture, first, from, 5);
    fixture_free(fixture);
}

static void orderly_restart_says_nothing_again(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    for (int i = 0; i < 5; i++) {
        ask_number(fixture, i);
    }
    fixture_pass(fixture, 3000);
    fixture_stop(fixture);
    size_t from = fixture->count;
    fixture_start(fixture);
    assert_int_equal(fixture_count(fixture, DECISIONS, from), 0);
    assert_int_equal(fixture_count(fixture, STATES, from), 0);
    fixture_free(fixture);
}

static void state_lost_on_the_way_is_published_again(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    fixture->holds_acknowledgements = true;
    ask_number(fixture, 1);
    assert_int_equal(fixture_count(fixture, STATES, 0), 3);
    fixture_disconnect(fixture);
    size_t from = fixture->count;
    fixture_connect(fixture, PAHO_SESSION_NEW);
    assert_int_equal(fixture_count(fixture, STATES, from), 3);
    fixture_free(fixture);
}

static void deferred_state_on_the_way_at_a_crash_is_published_again(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    ask_number(fixture, 1);
    fixture_pass(fixture, 5000);
    ask_number(fixture, 2);
    ask_number(fixture, 3); /* Its quota state is deferred. */
    published_has(fixture_state(fixture, "acme", "quota"), "\"used\":\"2\"");
    fixture_pass(fixture, 5000);
    ask_number(fixture, 4);
    ask_number(fixture, 5);
    fixture->holds_acknowledgements = true;
    fixture_pass(fixture, 1500);
    published_has(fixture_state(fixture, "acme", "quota"), "\"used\":\"5\"");
    /* Others move the log on, acknowledged. */
    fixture->holds_acknowledgements = false;
    for (int i = 0; i < 5; i++) {
        fixture->now += 2000;
        fixture_ask_as(fixture, "other", "d", "kwh", "{}");
    }
    size_t from = fixture->count;
    fixture_restart(fixture);
    assert_int_equal(fixture_count(fixture, "flyball/v1/state/acme/quota", from), 1);
    published_has(fixture_state(fixture, "acme", "quota"), "\"used\":\"5\"");
    fixture_free(fixture);
}

static void decision_is_said_once_when_its_plain_answer_must_wait(void **context)
{
    (void)context;
    struct fixture *fixture = started(PLUG);
    fixture_receive(fixture, "tele/plug/SENSOR", "{}");
    fixture->refuses_after = 1;
    fixture_turn(fixture);
    assert_int_equal(fixture_count(fixture, DECISIONS, 0), 1);
    assert_int_equal(fixture_count(fixture, "cmnd/", 0), 0);
    fixture_turn(fixture);
    fixture->refuses_after = UINT32_MAX;
    fixture_turn(fixture);
    assert_int_equal(fixture_count(fixture, DECISIONS, 0), 1);
    assert_int_equal(fixture_count(fixture, "cmnd/plug/POWER", 0), 1);
    assert_string_equal(fixture_last(fixture, "cmnd/plug/POWER", 0)->payload, "ON");
    fixture_free(fixture);
}

static void alert_lost_on_the_way_is_published_again(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    fixture->holds_acknowledgements = true;
    ask_number(fixture, 1);
    fixture_receive(fixture, "flyball/v1/event/acme/meter-7/kwh", "{\"id\": \"e-1\"}");
    fixture_turn(fixture);
    published_has(fixture_last(fixture, "flyball/v1/agent/a1/alert/id_reused", 0), "id_reused");
    fixture_disconnect(fixture);
    size_t from = fixture->count;
    fixture_connect(fixture, PAHO_SESSION_NEW);
    published_has(fixture_last(fixture, "flyball/v1/agent/a1/alert/id_reused", from), "id_reused");
    fixture_free(fixture);
}

static void long_outbox_is_read_from_the_log_in_order(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    fixture_disconnect(fixture);
    for (int i = 0; i < 1000; i++) {
        ask_number(fixture, i);
    }
    size_t from = fixture->count;
    fixture->holds_acknowledgements = true;
    fixture_connect(fixture, PAHO_SESSION_NEW);
    while (fixture_count(fixture, DECISIONS, from) < 1000) {
        size_t before = fixture->count;
        fixture_land_all(fixture);
        fixture_turn(fixture);
        assert_true(fixture->count > before);
    }
    int number = 0;
    for (size_t i = from; i < fixture->count; i++) {
        if (strncmp(fixture->published[i].topic, DECISIONS, strlen(DECISIONS)) == 0) {
            assert_int_equal(published_number(&fixture->published[i], "cid"), number++);
        }
    }
    assert_int_equal(number, 1000);
    fixture_free(fixture);
}

/* Or a busy agent would never be ready. */
static void ready_waits_only_for_what_was_owed_before(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    fixture_disconnect(fixture);
    for (int i = 0; i < 10; i++) {
        ask_number(fixture, i);
    }
    fixture->refuses_after = 0;
    fixture_connect(fixture, PAHO_SESSION_NEW);
    for (int i = 10; i < 400; i++) {
        ask_number(fixture, i);
    }
    size_t from = fixture->count;
    fixture->refuses_after = UINT32_MAX;
    fixture->announces = true;
    agent_announce_status(fixture->agent, false);
    fixture_turn(fixture);
    assert_int_equal(fixture_count(fixture, DECISIONS, from), 400);
    const struct published *ready = fixture_last(fixture, "flyball/v1/agent/a1/status", from);
    published_has(ready, "\"state\":\"ready\"");
    size_t before = 0;
    for (const struct published *at = &fixture->published[from]; at < ready; at++) {
        before += strncmp(at->topic, DECISIONS, strlen(DECISIONS)) == 0 ? 1 : 0;
    }
    assert_in_range(before, 10, 100);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_not_acknowledged_is_said_again_after_a_lost_session),
        cmocka_unit_test(kept_session_delivers_what_it_took_itself),
        cmocka_unit_test(what_was_acknowledged_is_never_said_again),
        cmocka_unit_test(out_of_order_acknowledgements_lose_nothing),
        cmocka_unit_test(restart_says_again_what_was_not_acknowledged),
        cmocka_unit_test(orderly_restart_says_nothing_again),
        cmocka_unit_test(state_lost_on_the_way_is_published_again),
        cmocka_unit_test(deferred_state_on_the_way_at_a_crash_is_published_again),
        cmocka_unit_test(decision_is_said_once_when_its_plain_answer_must_wait),
        cmocka_unit_test(alert_lost_on_the_way_is_published_again),
        cmocka_unit_test(ready_waits_only_for_what_was_owed_before),
        cmocka_unit_test(long_outbox_is_read_from_the_log_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
