#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/agent_fixture.h"

static const char DESIRED[] = "flyball/v1/agent/a1/config/desired";
static const char REPORTED[] = "flyball/v1/agent/a1/config/reported";
static const char REJECTED[] = "flyball/v1/agent/a1/alert/config_rejected";

static struct fixture *started(void)
{
    struct fixture *fixture = fixture_new(NULL);
    fixture_start(fixture);
    return fixture;
}

/* A plan called free of `limit` a day. */
static const char *desired(int version, const char *mode, const char *limit)
{
    static char payload[512];
    snprintf(
        payload, sizeof payload,
        "{\"version\": %d, \"mode\": \"%s\", \"state\": {\"plans\": {\"free\": {\"features\": [\"*\"], "
        "\"quotas\": "
        "[{\"name\": \"daily\", \"meter\": \"*\", \"algorithm\": \"fixed\", \"limit\": \"%s\", \"window\": "
        "\"day\"}]}}}}",
        version, mode, limit);
    return payload;
}

/* What is reported for a desired payload; NULL if nothing. */
static const struct published *desire(struct fixture *fixture, const char *payload)
{
    size_t from = fixture->count;
    bool routes_changed;
    struct message message = {.topic = bytes_of_string(DESIRED),
                              .payload = bytes_of_string(payload),
                              .payload_length = strlen(payload),
                              .qos = 1};
    struct paho_arrival arrival = {.retained = true};
    agent_receive(fixture->agent, &message, &arrival);
    assert_int_equal(agent_take_desired(fixture->agent, fixture->now, &routes_changed), STATUS_OK);
    fixture_turn(fixture);
    const struct published *reported = fixture_last(fixture, REPORTED, from);
    if (reported != NULL) {
        assert_true(reported->retained);
    }
    return reported;
}

static void limit_is(struct fixture *fixture, micro_units limit)
{
    const struct published *decision = fixture_ask(fixture, "{}");
    assert_int_equal(published_amount(decision, "quota", "limit"), limit * MICRO_UNITS_ONE);
}

static void desired_configuration_is_applied_and_reported(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    limit_is(fixture, 10000);
    const struct published *reported = desire(fixture, desired(7, "apply", "50"));
    published_has(reported, "\"version\":7,\"active_version\":7,\"status\":\"accepted\"");
    published_has(reported, "\"errors\":[]");
    limit_is(fixture, 50);
    published_has(fixture_ask(fixture, "{}"), "\"config_version\":7");
    published_has(fixture_ask(fixture, "{}"), "\"used\":\"4\""); /* What was used stays used. */
    fixture_free(fixture);
}

static void same_desired_again_is_reported_without_effect(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    desire(fixture, desired(7, "apply", "50"));
    const struct config_snapshot *active = fixture->agent->policies.active;
    published_has(desire(fixture, desired(7, "apply", "50")), "\"status\":\"accepted\"");
    assert_ptr_equal(fixture->agent->policies.active, active);
    fixture_free(fixture);
}

static void stale_and_conflicting_versions_are_rejected(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    desire(fixture, desired(7, "apply", "50"));
    const struct published *reported = desire(fixture, desired(6, "apply", "40"));
    published_has(reported, "\"version\":6,\"active_version\":7,\"status\":\"rejected\"");
    published_has(reported, "\"code\":\"stale_version\"");
    published_has(fixture_last(fixture, REJECTED, 0), "config_rejected");
    published_has(desire(fixture, desired(7, "apply", "40")), "\"code\":\"version_conflict\"");
    limit_is(fixture, 50);
    desire(fixture, desired(8, "apply", "60"));
    limit_is(fixture, 60);
    assert_string_equal(fixture_last(fixture, REJECTED, 0)->payload, "");
    fixture_free(fixture);
}

static void wrong_configuration_is_rejected_with_its_paths(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    const struct published *reported = desire(fixture, desired(7, "apply", "-1"));
    published_has(reported, "\"version\":7,\"active_version\":0,\"status\":\"rejected\"");
    published_has(reported, "\"path\":\"/plans/free/quotas/0/limit\"");
    reported = desire(fixture, "{\"version\": 7, \"mode\": \"apply\", \"state\": {\"store\": {}}}");
    published_has(reported, "\"status\":\"rejected\"");
    reported = desire(fixture, "nonsense");
    published_has(reported, "\"version\":null");
    limit_is(fixture, 10000);
    fixture_free(fixture);
}

static void validation_changes_nothing(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    const struct published *reported = desire(fixture, desired(7, "validate", "50"));
    published_has(reported, "\"version\":7,\"active_version\":0,\"status\":\"valid\"");
    limit_is(fixture, 10000);
    published_has(desire(fixture, desired(7, "apply", "40")), "\"status\":\"accepted\"");
    limit_is(fixture, 40);
    fixture_free(fixture);
}

static void shadow_is_counted_and_never_obeyed(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    published_has(desire(fixture, desired(7, "shadow", "2")), "\"active_version\":0,\"status\":\"shadow\"");
    for (int i = 0; i < 4; i++) {
        published_has(fixture_ask(fixture, "{}"), "\"decision\":\"allow\"");
    }
    uint64_t disagreements = metrics_get(&fixture->agent->metrics, METRIC_SHADOW_DISAGREEMENTS);
    assert_int_equal(disagreements, 3); /* The second one would have been throttled. */
    published_has(desire(fixture, desired(8, "validate", "1")), "\"status\":\"valid\"");
    fixture_ask(fixture, "{}");
    assert_int_equal(metrics_get(&fixture->agent->metrics, METRIC_SHADOW_DISAGREEMENTS), disagreements);
    fixture_free(fixture);
}

static void shadow_disagrees_about_strangers_and_meters_too(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    desire(fixture, "{\"version\": 1, \"mode\": \"shadow\", \"state\": {\"meters\": {\"gas\": {\"chain\": "
                    "[\"quota\"]}}}}");
    fixture_ask(fixture, "{}");
    assert_int_equal(metrics_get(&fixture->agent->metrics, METRIC_SHADOW_DISAGREEMENTS), 1);
    desire(fixture,
           "{\"version\": 1, \"mode\": \"shadow\", \"state\": {\"subjects\": {\"unknown\": \"deny\"}}}");
    fixture_ask(fixture, "{}");
    assert_int_equal(metrics_get(&fixture->agent->metrics, METRIC_SHADOW_DISAGREEMENTS), 1);
    fixture_ask_as(fixture, "new", "d", "kwh", "{}");
    assert_int_equal(metrics_get(&fixture->agent->metrics, METRIC_SHADOW_DISAGREEMENTS), 2);
    fixture_free(fixture);
}

static uint64_t disagreements_over(const char *config, const char *shadow, const char *reason)
{
    char payload[256];
    struct fixture *fixture = fixture_new(config);
    fixture_start(fixture);
    snprintf(payload, sizeof payload, "{\"version\": 1, \"mode\": \"shadow\", \"state\": %s}", shadow);
    desire(fixture, payload);
    published_has(fixture_ask(fixture, "{}"), reason);
    uint64_t count = metrics_get(&fixture->agent->metrics, METRIC_SHADOW_DISAGREEMENTS);
    fixture_free(fixture);
    return count;
}

static void shadow_is_asked_whoever_refuses(void **context)
{
    (void)context;
    assert_int_equal(
        disagreements_over("{\"meters\": {\"gas\": {}}}", "{\"meters\": {\"*\": {}}}", "unknown_meter"), 1);
    assert_int_equal(disagreements_over("{\"subjects\": {\"unknown\": \"deny\"}}",
                                        "{\"subjects\": {\"unknown\": \"bootstrap\"}}", "unknown_subject"),
                     1);
    assert_int_equal(disagreements_over("{\"meters\": {\"*\": {\"chain\": [\"quota\"]}}}",
                                        "{\"subjects\": {\"unknown\": \"deny\"}}", "allow"),
                     1);
    assert_int_equal(disagreements_over("{\"subjects\": {\"unknown\": \"deny\"}}",
                                        "{\"subjects\": {\"unknown\": \"deny\"}}", "unknown_subject"),
                     0);
}

static void empty_desired_means_nothing(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    desire(fixture, desired(7, "apply", "50"));
    assert_null(desire(fixture, ""));
    limit_is(fixture, 50);
    fixture_free(fixture);
}

static void last_good_survives_a_restart(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    desire(fixture, desired(7, "apply", "50"));
    desire(fixture, desired(8, "apply", "-1"));
    size_t from = fixture->count;
    fixture_restart(fixture);
    limit_is(fixture, 50);
    published_has(fixture_last(fixture, REPORTED, from), "\"version\":7,\"active_version\":7");
    published_has(desire(fixture, desired(6, "apply", "1")), "\"code\":\"stale_version\"");
    fixture_free(fixture);
}

static void last_good_that_no_longer_fits_the_file_is_left_out(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    desire(fixture, "{\"version\": 3, \"mode\": \"apply\", \"state\": {\"subjects\": {\"plan\": \"free\"}}}");
    fixture_kill(fixture);
    snprintf(fixture->config, sizeof fixture->config,
             "{\"plans\": {\"gold\": {\"features\": [\"*\"]}}, \"subjects\": {\"plan\": \"gold\"}}");
    fixture_start(fixture);
    published_has(fixture_ask(fixture, "{}"), "\"plan\":\"gold\"");
    published_has(fixture_ask(fixture, "{}"), "\"config_version\":0");
    published_has(fixture_last(fixture, REJECTED, 0), "config_rejected");
    fixture_free(fixture);
}

static void newest_desired_wins_while_two_wait(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    fixture_receive(fixture, DESIRED, desired(7, "apply", "50"));
    published_has(desire(fixture, desired(8, "apply", "60")), "\"active_version\":8");
    limit_is(fixture, 60);
    fixture_free(fixture);
}

/* The route changes while a message waits in the mailbox of the subject the old one named. */
static void message_routed_by_an_old_configuration_finds_its_new_subject(void **context)
{
    (void)context;
    static const char route[] = "{\"version\": %d, \"mode\": \"apply\", \"state\": {\"routes\": [{\"topic\": "
                                "\"tele/{device}/SENSOR\", \"subject\": \"%s\", \"meter\": \"kwh\"}]}}";
    struct fixture *fixture = started();
    char payload[512];
    snprintf(payload, sizeof payload, route, 1, "old");
    desire(fixture, payload);
    fixture_receive(fixture, "tele/plug/SENSOR", "{}");
    struct decider *decider = &fixture->agent->deciders[0];
    struct run run = {.buffer = decider->run_buffer, .buffer_bytes = sizeof decider->run_buffer};
    assert_int_equal(scheduler_take(&fixture->agent->scheduler, 0, &run), STATUS_OK);
    assert_int_equal(run.work, WORK_ROUTE);
    struct moment moment = clock_at(&fixture->agent->clock, fixture->now);
    assert_int_equal(agent_work(fixture->agent, decider, &run, moment), STATUS_OK);
    snprintf(payload, sizeof payload, route, 2, "new");
    size_t from = fixture->count;
    desire(fixture, payload);
    assert_int_equal(fixture_count(fixture, "flyball/v1/decision/", from), 1);
    assert_int_equal(fixture_count(fixture, "flyball/v1/decision/new/plug", from), 1);
    assert_int_equal(fixture_count(fixture, "flyball/v1/state/old", from), 0);
    published_has(fixture_state(fixture, "new", "quota"), "\"used\":\"1\"");
    fixture_free(fixture);
}

static const char *file_of(const char *plan, const char *limit)
{
    static char config[512];
    snprintf(
        config, sizeof config,
        "{\"plans\": {\"%s\": {\"features\": [\"*\"], \"quotas\": [{\"name\": \"daily\", \"meter\": \"*\", "
        "\"algorithm\": \"fixed\", \"limit\": \"%s\", \"window\": \"day\"}]}}, \"subjects\": {\"plan\": "
        "\"%s\"}}",
        plan, limit, plan);
    return config;
}

static void reloaded_file_comes_into_force(void **context)
{
    (void)context;
    struct fixture *fixture = fixture_new(NULL);
    fixture_write_config(fixture, file_of("free", "20"));
    fixture_start(fixture);
    limit_is(fixture, 20);
    fixture_write_config(fixture, file_of("free", "30"));
    agent_reload(fixture->agent, fixture->now);
    limit_is(fixture, 30);
    fixture_write_config(fixture, "{\"plans\": 7}");
    agent_reload(fixture->agent, fixture->now);
    limit_is(fixture, 30);
    fixture_free(fixture);
}

static void reloaded_file_stays_below_what_is_desired(void **context)
{
    (void)context;
    struct fixture *fixture = fixture_new(NULL);
    fixture_write_config(fixture, file_of("free", "20"));
    fixture_start(fixture);
    desire(fixture, "{\"version\": 5, \"mode\": \"apply\", \"state\": {\"subjects\": {\"plan\": \"free\"}}}");
    fixture_write_config(fixture, file_of("free", "30"));
    agent_reload(fixture->agent, fixture->now);
    limit_is(fixture, 30);
    published_has(fixture_ask(fixture, "{}"), "\"config_version\":5");
    /* A file that has lost the plan: it holds alone. */
    fixture_write_config(fixture, file_of("gold", "40"));
    agent_reload(fixture->agent, fixture->now);
    published_has(fixture_ask(fixture, "{}"), "\"config_version\":0");
    const struct published *reported = desire(
        fixture, "{\"version\": 4, \"mode\": \"apply\", \"state\": {\"subjects\": {\"plan\": \"gold\"}}}");
    published_has(reported, "\"active_version\":4,\"status\":\"accepted\"");
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(desired_configuration_is_applied_and_reported),
        cmocka_unit_test(same_desired_again_is_reported_without_effect),
        cmocka_unit_test(stale_and_conflicting_versions_are_rejected),
        cmocka_unit_test(wrong_configuration_is_rejected_with_its_paths),
        cmocka_unit_test(validation_changes_nothing),
        cmocka_unit_test(shadow_is_counted_and_never_obeyed),
        cmocka_unit_test(shadow_disagrees_about_strangers_and_meters_too),
        cmocka_unit_test(shadow_is_asked_whoever_refuses),
        cmocka_unit_test(empty_desired_means_nothing),
        cmocka_unit_test(last_good_survives_a_restart),
        cmocka_unit_test(last_good_that_no_longer_fits_the_file_is_left_out),
        cmocka_unit_test(newest_desired_wins_while_two_wait),
        cmocka_unit_test(reloaded_file_comes_into_force),
        cmocka_unit_test(reloaded_file_stays_below_what_is_desired),
        cmocka_unit_test(message_routed_by_an_old_configuration_finds_its_new_subject),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
