/* The wall clock jumps, forward and back, by seconds, days and years, while the agent runs and while it is
 * down: its own clock must never run backwards, say when it is not sure, and no window or edge may come
 * twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"
#include "tests/faults/wall.h"

enum { EDGE_WAIT_MS = 300, MICRO = 1000000, RESTARTS = 6 };

/* 2027-06-15T12:00:00Z and the same day of 2020. */
static const int64_t noon = 1813060800000;
static const int64_t noon_of_2020 = 1592222400000;

static const char policies[] =
    "{\"plans\": {\"free\": {\"features\": [\"*\"], \"quotas\": [{\"name\": \"daily\","
    " \"meter\": \"*\", \"limit\": \"100\", \"window\": \"day\"}]}}}";

struct sky {
    struct stage *stage;
    struct wall wall;
    int64_t shown; /* The highest time of all decisions. */
    int events;
};

static void run(struct sky *sky)
{
    wall_lend(&sky->wall);
    stage_run(sky->stage);
    wall_take_back();
}

static struct sky open_sky(void **context, int64_t wall)
{
    struct sky sky = {.stage = *context};
    wall_open(&sky.wall);
    wall_set(&sky.wall, wall);
    stage_prepare(sky.stage, policies);
    run(&sky);
    return sky;
}

/* An event of that amount. Its decision shows what the clock is, and a time that does not run backwards; in
 * holdover it stands still. */
static const cJSON *ask(struct sky *sky, int amount, const char *quality)
{
    char id[16];
    char payload[64];
    snprintf(id, sizeof id, "e%d", sky->events++);
    snprintf(payload, sizeof payload, "{\"id\": \"%s\", \"amount\": %d}", id, amount);
    const cJSON *decision = stage_event(sky->stage, "acme/d/kwh", payload);
    while (strcmp(json_string(decision, "event"), id) != 0) { /* A restart repeats the last ones. */
        decision = stage_take_json(sky->stage, "decision/acme/d");
    }
    expect(decision, "clock", quality);
    int64_t time = json_instant(decision, "time");
    assert_true(time >= sky->shown);
    sky->shown = time;
    return decision;
}

static void expect_used(const cJSON *decision, int used)
{
    assert_int_equal(json_micro(decision, "governors/quota/used"), (int64_t)used * MICRO);
}

static void expect_between(int64_t value, int64_t least, int64_t most)
{
    assert_true(value >= least && value <= most);
}

/* An empty one only says that there is none. */
static void expect_no_alert(struct sky *sky)
{
    const struct peer_message *alert;
    while ((alert = peer_take(&sky->stage->peer, "flyball/v1/agent/a1/alert/clock_holdover", 0)) != NULL) {
        assert_int_equal(alert->length, 0);
    }
}

static void year_before_2024_is_unset_until_the_clock_is_set(void **context)
{
    struct sky sky = open_sky(context, noon_of_2020);
    expect_used(ask(&sky, 60, "unset"), 60);
    expect_used(ask(&sky, 20, "unset"), 80);
    wall_set(&sky.wall, noon);
    expect_used(ask(&sky, 30, "synced"), 30); /* Another day. */
    expect_between(sky.shown - noon, 0, WALL_HOUR_MS);
    expect_no_alert(&sky);
    wall_close(&sky.wall);
}

static void jump_back_holds_time_and_windows(void **context)
{
    static const int64_t jumps[] = {2 * WALL_SECOND_MS, WALL_HOUR_MS, 3 * WALL_DAY_MS, 7 * WALL_YEAR_MS,
                                    50 * WALL_YEAR_MS};
    struct sky sky = open_sky(context, noon);
    int used = 10;
    const cJSON *first = ask(&sky, used, "synced");
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        int64_t before = wall_now(&sky.wall);
        wall_set(&sky.wall, before - jumps[i]);
        const cJSON *held = ask(&sky, 5, "holdover");
        expect_used(held, used += 5);
        expect(held, "governors/quota/resets_at", json_string(first, "governors/quota/resets_at"));
        expect_between(sky.shown - before, -WALL_SECOND_MS, WALL_SECOND_MS);
        stage_await_alert(sky.stage, "clock_holdover");
        wall_set(&sky.wall, before + WALL_SECOND_MS);
        expect_used(ask(&sky, 1, "synced"), ++used);
        stage_await_alert_cleared(sky.stage, "clock_holdover");
    }
    wall_close(&sky.wall);
}

static void slewing_clock_is_no_jump(void **context)
{
    struct sky sky = open_sky(context, noon);
    ask(&sky, 1, "synced");
    for (int i = 0; i < 5; i++) {
        wall_set(&sky.wall, wall_now(&sky.wall) - WALL_SECOND_MS / 100);
        ask(&sky, 1, "synced");
    }
    expect_no_alert(&sky);
    wall_close(&sky.wall);
}

/* Takes all states of that governor that come within the time; how many say `state`. */
static int count_states(struct sky *sky, const char *governor, const char *state)
{
    char topic[64];
    int count = 0;
    snprintf(topic, sizeof topic, "flyball/v1/state/acme/%s", governor);
    const struct peer_message *message = peer_take(&sky->stage->peer, topic, EDGE_WAIT_MS);
    for (; message != NULL; message = peer_take(&sky->stage->peer, topic, EDGE_WAIT_MS)) {
        const cJSON *json = stage_parse(sky->stage, message);
        count += strcmp(json_string(json, "state"), state) == 0;
    }
    return count;
}

static void jump_forward_ends_a_window_once(void **context)
{
    struct sky sky = open_sky(context, noon);
    expect_decision(ask(&sky, 80, "synced"), "warn", "quota_warning");
    stage_await_state(sky.stage, "acme/quota", "warning");
    wall_set(&sky.wall, noon + WALL_DAY_MS);
    assert_int_equal(count_states(&sky, "quota", "normal"), 1);
    /* The day before comes again, and the same midnight. */
    wall_set(&sky.wall, noon);
    stage_await_alert(sky.stage, "clock_holdover");
    expect_used(ask(&sky, 80, "holdover"), 80);
    stage_await_state(sky.stage, "acme/quota", "warning");
    wall_set(&sky.wall, noon + WALL_DAY_MS + WALL_HOUR_MS);
    stage_await_alert_cleared(sky.stage, "clock_holdover");
    assert_int_equal(count_states(&sky, "quota", "normal"), 0);
    expect_used(ask(&sky, 1, "synced"), 81);
    /* Years at once are one more end. */
    wall_set(&sky.wall, noon + 9 * WALL_YEAR_MS);
    assert_int_equal(count_states(&sky, "quota", "normal"), 1);
    expect_used(ask(&sky, 2, "synced"), 2);
    wall_close(&sky.wall);
}

static void grant_that_ran_out_does_not_come_back(void **context)
{
    struct sky sky = open_sky(context, noon);
    char until[32];
    stage_do(sky.stage, "acme/entitlement",
             "{\"id\": \"g\", \"op\": \"grant\", \"plan\": \"free\", \"expires_at\": \"%s\", \"grace_ms\": "
             "3600000}",
             instant_text(noon + WALL_HOUR_MS, until));
    expect_decision(ask(&sky, 1, "synced"), "allow", "ok");
    wall_set(&sky.wall, noon + WALL_HOUR_MS + WALL_SECOND_MS);
    assert_int_equal(count_states(&sky, "entitlement", "grace"), 1);
    expect_decision(ask(&sky, 1, "synced"), "warn", "grace");
    wall_set(&sky.wall, noon);
    expect_decision(ask(&sky, 1, "holdover"), "warn", "grace");
    wall_set(&sky.wall, noon + 5 * WALL_HOUR_MS);
    assert_int_equal(count_states(&sky, "entitlement", "expired"), 1);
    expect_decision(ask(&sky, 1, "synced"), "deny", "expired");
    wall_set(&sky.wall, noon_of_2020);
    expect_decision(ask(&sky, 1, "holdover"), "deny", "expired");
    assert_int_equal(count_states(&sky, "entitlement", "active"), 0);
    wall_close(&sky.wall);
}

/* Killed at one time, started at an earlier one: what was seen is not forgotten. */
static void highest_time_survives_a_kill(void **context)
{
    static const int64_t starts[RESTARTS] = {-2 * WALL_SECOND_MS, -WALL_HOUR_MS,     -3 * WALL_DAY_MS,
                                             -2 * WALL_YEAR_MS,   -7 * WALL_YEAR_MS, -50 * WALL_YEAR_MS};
    struct sky sky = open_sky(context, noon);
    int64_t high = noon;
    int used = 10;
    expect_used(ask(&sky, used, "synced"), used);
    for (int i = 0; i < RESTARTS; i++) {
        high = wall_now(&sky.wall) + WALL_SECOND_MS;
        wall_set(&sky.wall, high);
        expect_used(ask(&sky, 1, "synced"), ++used);
        agent_process_kill(&sky.stage->agent);
        wall_set(&sky.wall, high + starts[i]);
        run(&sky);
        stage_await_alert(sky.stage, "clock_holdover");
        expect_used(ask(&sky, 1, "holdover"), ++used);
        expect_between(sky.shown - high, 0, WALL_SECOND_MS);
        wall_set(&sky.wall, high + WALL_SECOND_MS);
        expect_used(ask(&sky, 1, "synced"), ++used);
        stage_await_alert_cleared(sky.stage, "clock_holdover");
    }
    wall_close(&sky.wall);
}

/* What ended while the agent was down ends at its start, and only then. */
static void window_that_ended_meanwhile_ends_at_the_start(void **context)
{
    struct sky sky = open_sky(context, noon);
    expect_used(ask(&sky, 80, "synced"), 80);
    stage_await_state(sky.stage, "acme/quota", "warning");
    agent_process_kill(&sky.stage->agent);
    wall_set(&sky.wall, noon + 400 * WALL_DAY_MS);
    run(&sky);
    assert_int_equal(count_states(&sky, "quota", "normal"), 1);
    agent_process_kill(&sky.stage->agent);
    wall_set(&sky.wall, noon);
    run(&sky);
    assert_int_equal(count_states(&sky, "quota", "warning"), 0);
    expect_used(ask(&sky, 3, "holdover"), 3);
    wall_close(&sky.wall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(year_before_2024_is_unset_until_the_clock_is_set, stage_open,
                                        stage_close),
        cmocka_unit_test_setup_teardown(jump_back_holds_time_and_windows, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(slewing_clock_is_no_jump, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(jump_forward_ends_a_window_once, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(grant_that_ran_out_does_not_come_back, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(highest_time_survives_a_kill, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(window_that_ended_meanwhile_ends_at_the_start, stage_open,
                                        stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
