#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/agent_fixture.h"

static const char TEN_A_MINUTE[] =
    "{\"plans\": {\"free\": {\"features\": [\"*\"], \"quotas\": [{\"name\": \"m\", \"meter\": \"*\", "
    "\"algorithm\": \"fixed\", \"limit\": \"10\", \"window\": \"minute\"}]}}}";

static const char STATES[] = "flyball/v1/state/";

static struct fixture *started(const char *config)
{
    struct fixture *fixture = fixture_new(config);
    fixture_start(fixture);
    return fixture;
}

static size_t states(const struct fixture *fixture, const char *governor, size_t from)
{
    char topic[64];
    snprintf(topic, sizeof topic, "flyball/v1/state/acme/%s", governor);
    return fixture_count(fixture, topic, from);
}

static void states_of_a_governor_are_a_second_apart(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    size_t from = fixture->count;
    for (int i = 0; i < 30; i++) {
        fixture_ask(fixture, "{}");
        fixture->now += 100;
    }
    assert_in_range(states(fixture, "quota", from), 3, 4);
    fixture_pass(fixture, 1000);
    published_has(fixture_state(fixture, "acme", "quota"), "\"used\":\"30\"");
    from = fixture->count;
    fixture_pass(fixture, 5000);
    assert_int_equal(fixture_count(fixture, STATES, from), 0);
    fixture_free(fixture);
}

static void change_of_phase_is_published_at_once(void **context)
{
    (void)context;
    struct fixture *fixture = started(TEN_A_MINUTE);
    fixture_ask(fixture, "{}");
    fixture->now += 10;
    size_t from = fixture->count;
    fixture_ask(fixture, "{\"amount\": 7}");
    assert_int_equal(states(fixture, "quota", from), 1);
    published_has(fixture_state(fixture, "acme", "quota"), "\"state\":\"warning\"");
    fixture->now += 10;
    fixture_ask(fixture, "{\"amount\": 1}");
    published_has(fixture_state(fixture, "acme", "quota"), "\"state\":\"throttled\"");
    fixture_free(fixture);
}

static void states_can_be_switched_off(void **context)
{
    (void)context;
    struct fixture *fixture = fixture_new(NULL);
    fixture_set(fixture, "topics.state=off");
    fixture_start(fixture);
    fixture_ask(fixture, "{}");
    fixture_pass(fixture, 2000);
    assert_int_equal(fixture_count(fixture, STATES, 0), 0);
    fixture_free(fixture);
}

static void grant_in_grace(struct fixture *fixture, const char *subject)
{
    fixture_command(
        fixture, subject, "entitlement",
        "{\"id\": \"g\", \"op\": \"grant\", \"plan\": \"free\", \"starts_at\": \"2026-11-13T12:01:00Z\", "
        "\"expires_at\": \"2026-11-13T12:02:00Z\", \"grace_ms\": 60000}");
}

/* The state at the end of each minute, and that it was published when the minute began. */
static void expect_states_in_time(struct fixture *fixture, const char *subject)
{
    static const char *const expected[] = {"\"state\":\"active\"", "\"state\":\"grace\"",
                                           "\"state\":\"expired\""};
    char topic[64];
    snprintf(topic, sizeof topic, "flyball/v1/state/%s/entitlement", subject);
    for (int i = 0; i < 3; i++) {
        fixture_pass(fixture, 59999);
        size_t from = fixture->count;
        fixture_pass(fixture, 1);
        assert_int_equal(fixture_count(fixture, topic, from), 1);
        published_has(fixture_last(fixture, topic, from), expected[i]);
    }
}

static void time_edges_are_published_when_they_happen(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    grant_in_grace(fixture, "acme");
    published_has(fixture_state(fixture, "acme", "entitlement"), "\"state\":\"pending\"");
    expect_states_in_time(fixture, "acme");
    fixture_free(fixture);
}

static void sleeping_subjects_wake_at_their_edges(void **context)
{
    (void)context;
    struct fixture *fixture = fixture_new(NULL);
    fixture_set(fixture, "runtime.subjects_hot=4");
    fixture_start(fixture);
    char subject[16];
    for (int i = 0; i < 40; i++) {
        snprintf(subject, sizeof subject, "s-%d", i);
        grant_in_grace(fixture, subject);
    }
    assert_in_range(scheduler_stats(&fixture->agent->scheduler).subjects.hot, 1, 4);
    size_t from = fixture->count;
    fixture_pass(fixture, 60000);
    assert_int_equal(fixture_count(fixture, "flyball/v1/state/s-", from), 40);
    published_has(fixture_state(fixture, "s-0", "entitlement"), "\"state\":\"active\"");
    fixture_free(fixture);
}

static void edges_of_many_subjects_at_once_are_all_met(void **context)
{
    (void)context;
    struct fixture *fixture = fixture_new(NULL);
    fixture_set(fixture, "runtime.subjects_hot=8");
    fixture_start(fixture);
    char subject[16];
    for (int i = 0; i < 600; i++) {
        snprintf(subject, sizeof subject, "s-%d", i);
        grant_in_grace(fixture, subject);
        fixture->now += i % 50 == 49 ? 1200 : 0;
    }
    size_t from = fixture->count;
    fixture->now = FIXTURE_NOON + 60000;
    for (int i = 0; i < 5; i++) {
        fixture_pass(fixture, 10);
    }
    assert_int_equal(fixture_count(fixture, "flyball/v1/state/s-", from), 600);
    fixture_free(fixture);
}

static void window_that_ends_is_published(void **context)
{
    (void)context;
    struct fixture *fixture = started(TEN_A_MINUTE);
    fixture_ask(fixture, "{\"amount\": 8}");
    published_has(fixture_state(fixture, "acme", "quota"), "\"state\":\"warning\"");
    fixture_pass(fixture, 59999);
    size_t from = fixture->count;
    fixture_pass(fixture, 1);
    assert_int_equal(states(fixture, "quota", from), 1);
    published_has(fixture_state(fixture, "acme", "quota"), "\"state\":\"normal\"");
    published_has(fixture_state(fixture, "acme", "quota"), "\"used\":\"0\"");
    fixture_free(fixture);
}

static void credit_expires_in_time(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    fixture_command(
        fixture, "acme", "billing",
        "{\"id\": \"c\", \"op\": \"credit\", \"amount\": 5, \"expires_at\": \"2026-11-13T12:01:00Z\"}");
    size_t from = fixture->count;
    fixture_pass(fixture, 60000);
    assert_int_equal(states(fixture, "billing", from), 1);
    published_has(fixture_state(fixture, "acme", "billing"), "\"state\":\"exhausted\"");
    published_has(fixture_state(fixture, "acme", "billing"), "\"balance\":\"0\"");
    assert_int_equal(atomic_load(&fixture->agent->imbalance), 0);
    fixture_free(fixture);
}

static void edges_passed_while_down_are_published_before_anything_else(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    grant_in_grace(fixture, "acme");
    grant_in_grace(fixture, "other");
    fixture_stop(fixture);
    fixture->now += 90000;
    fixture->announces = true;
    size_t from = fixture->count;
    assert_int_equal(fixture_try_open(fixture), STATUS_OK);
    agent_announce_status(fixture->agent, false);
    fixture_connect(fixture, PAHO_SESSION_NEW);
    assert_int_equal(fixture_count(fixture, "flyball/v1/agent/a1/status", from), 1);
    size_t edges = 0;
    size_t at = from;
    for (; strcmp(fixture->published[at].topic, "flyball/v1/agent/a1/status") != 0; at++) {
        assert_memory_equal(fixture->published[at].topic, STATES, strlen(STATES));
        edges += strstr(fixture->published[at].payload, "\"state\":\"active\"") != NULL ? 1 : 0;
    }
    assert_int_equal(edges, 2);
    published_has(&fixture->published[at], "\"state\":\"ready\"");
    fixture_free(fixture);
}

static void clock_that_jumps_back_stands_still(void **context)
{
    (void)context;
    struct fixture *fixture = started(TEN_A_MINUTE);
    fixture_ask(fixture, "{\"id\": \"1\", \"amount\": 9}");
    fixture->now -= 3600 * 1000;
    const struct published *decision = fixture_ask(fixture, "{\"id\": \"2\", \"amount\": 2}");
    published_has(decision, "\"clock\":\"holdover\"");
    published_has(decision, "\"time\":\"2026-11-13T12:00:00.000Z\"");
    published_has(decision, "\"reason\":\"quota_exceeded\"");
    published_has(fixture_last(fixture, "flyball/v1/agent/a1/alert/clock_holdover", 0), "clock_holdover");
    fixture_restart(fixture);
    published_has(fixture_ask(fixture, "{\"id\": \"3\", \"amount\": 2}"), "\"reason\":\"quota_exceeded\"");
    fixture->now = FIXTURE_NOON + 60000;
    published_has(fixture_ask(fixture, "{\"id\": \"4\", \"amount\": 2}"), "\"clock\":\"synced\"");
    fixture_pass(fixture, 1000);
    assert_string_equal(fixture_last(fixture, "flyball/v1/agent/a1/alert/clock_holdover", 0)->payload, "");
    fixture_free(fixture);
}

static void highest_time_is_remembered_by_an_idle_agent_too(void **context)
{
    (void)context;
    struct fixture *fixture = started(NULL);
    fixture->now -= 3600 * 1000;
    fixture_restart(fixture);
    published_has(fixture_ask(fixture, "{}"), "\"time\":\"2026-11-13T12:00:00.000Z\"");
    fixture->now = FIXTURE_NOON;
    for (int i = 0; i < 70; i++) {
        fixture_pass(fixture, 1000);
    }
    fixture->now = FIXTURE_NOON;
    fixture_restart(fixture);
    published_has(fixture_ask(fixture, "{}"), "\"time\":\"2026-11-13T12:01:");
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_of_a_governor_are_a_second_apart),
        cmocka_unit_test(change_of_phase_is_published_at_once),
        cmocka_unit_test(states_can_be_switched_off),
        cmocka_unit_test(time_edges_are_published_when_they_happen),
        cmocka_unit_test(sleeping_subjects_wake_at_their_edges),
        cmocka_unit_test(edges_of_many_subjects_at_once_are_all_met),
        cmocka_unit_test(window_that_ends_is_published),
        cmocka_unit_test(credit_expires_in_time),
        cmocka_unit_test(edges_passed_while_down_are_published_before_anything_else),
        cmocka_unit_test(highest_time_is_remembered_by_an_idle_agent_too),
        cmocka_unit_test(clock_that_jumps_back_stands_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
