#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/agent/agent_fixture.h"

static const char TOPIC[] = "flyball/v1/event/acme/meter-7/kwh";
static const char DECISION[] = "flyball/v1/decision/acme/meter-7";

static struct fixture *started(void)
{
    struct fixture *fixture = fixture_new(NULL);
    fixture_start(fixture);
    return fixture;
}

static micro_units used(struct fixture *fixture)
{
    return published_amount(fixture_ask(fixture, "{\"amount\": 0}"), "quota", "used") / MICRO_UNITS_ONE;
}

static void what_was_decided_survives(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    char payload[64];
    for (int i = 1; i <= 20; i++) {
        snprintf(payload, sizeof payload, "{\"id\": \"e-%d\"}", i);
        fixture_ask(fixture, payload);
        fixture_restart(fixture);
        published_has(fixture_ask(fixture, payload), "\"duplicate\":true");
        assert_int_equal(used(fixture), i);
    }
    assert_int_equal(state_log_last_seq(&fixture->agent->log), 20);
    assert_int_equal(fixture_verify(fixture), 20);
    assert_int_equal(fixture->agent->session, 21);
    fixture_free(fixture);
}

static void what_was_taken_is_decided_at_the_next_start_in_order(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    for (int i = 0; i < 5; i++) {
        char payload[64];
        snprintf(payload, sizeof payload, "{\"cid\": %d}", i);
        fixture_receive(fixture, TOPIC, payload);
    }
    size_t from = fixture->count;
    fixture_restart(fixture);
    assert_int_equal(fixture_count(fixture, DECISION, from), 5);
    for (size_t i = from, number = 0; i < fixture->count; i++) {
        if (strcmp(fixture->published[i].topic, DECISION) == 0) {
            assert_int_equal(published_number(&fixture->published[i], "cid"), number++);
        }
    }
    assert_int_equal(used(fixture), 5);
    fixture_restart(fixture);
    assert_int_equal(used(fixture), 5);
    fixture_free(fixture);
}

/* Decided, but not committed: the batch dies with the process, the pool does not. */
static void what_was_decided_but_not_committed_is_decided_again(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    fixture_ask(fixture, "{}");
    fixture_receive(fixture, TOPIC, "{}");
    struct decider *decider = &fixture->agent->deciders[0];
    struct run run = {.buffer = decider->run_buffer, .buffer_bytes = sizeof decider->run_buffer};
    while (scheduler_take(&fixture->agent->scheduler, 0, &run) == STATUS_OK) {
        struct moment moment = clock_at(&fixture->agent->clock, fixture->now);
        assert_int_equal(agent_work(fixture->agent, decider, &run, moment), STATUS_OK);
    }
    assert_int_equal(state_log_last_seq(&fixture->agent->log), 2);
    fixture_restart(fixture);
    assert_int_equal(state_log_last_seq(&fixture->agent->log), 2);
    assert_int_equal(used(fixture), 2);
    fixture_free(fixture);
}

/* Committed, but killed before the slots were freed; with an id or without. */
static void what_was_committed_is_not_applied_again_from_the_pool(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    fixture_receive(fixture, TOPIC, "{}");
    fixture_receive(fixture, TOPIC, "{\"id\": \"e-1\"}");
    fixture_receive(fixture, TOPIC, "{\"amount\": 0}");
    fixture_receive(fixture, "flyball/v1/command/acme/billing",
                    "{\"id\": \"c\", \"op\": \"credit\", \"amount\": 5}");
    fixture_receive(fixture, TOPIC, "malformed");
    fixture_keep_file(fixture, "run/pool");
    fixture_turn(fixture);
    fixture_pass(fixture, 3000);
    fixture_stop(fixture);
    fixture_put_back_file(fixture, "run/pool");
    size_t from = fixture->count;
    fixture_start(fixture);
    static const char *const answers[] = {DECISION, "flyball/v1/reply/", "flyball/v1/agent/a1/dead-letter/"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        assert_int_equal(fixture_count(fixture, answers[i], from), 0);
    }
    assert_int_equal(event_pool_stats(&fixture->agent->pool).used, 0);
    assert_int_equal(used(fixture), 2);
    fixture_free(fixture);
}

static void pool_lost_with_the_power_loses_only_what_was_not_decided(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    fixture_ask(fixture, "{\"id\": \"e-1\"}");
    fixture_receive(fixture, TOPIC, "{\"id\": \"e-2\"}");
    fixture_kill(fixture);
    char path[FIXTURE_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/run/pool", fixture->folder);
    assert_int_equal(unlink(path), 0);
    fixture_start(fixture);
    assert_int_equal(used(fixture), 1);
    /* New messages get sequences the log has not seen. */
    published_has(fixture_ask(fixture, "{\"id\": \"e-2\"}"), "\"duplicate\":false");
    fixture_restart(fixture);
    assert_int_equal(used(fixture), 2);
    fixture_free(fixture);
}

static void second_agent_is_refused(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    struct agent *first = fixture->agent;
    fixture->agent = NULL;
    assert_int_equal(fixture_try_open(fixture), STATUS_LOCKED);
    assert_true(strlen(fixture->message) > 0);
    fixture->agent = first;
    fixture->is_connected = true;
    published_has(fixture_ask(fixture, "{}"), "\"decision\":\"allow\"");
    fixture_free(fixture);
}

static void folders_that_cannot_be_made_are_named(void **context)
{
    (void)context;
    struct fixture *fixture = fixture_new(NULL);
    fixture_set(fixture, "store.dir=/proc/flyball");
    assert_int_not_equal(fixture_try_open(fixture), STATUS_OK);
    assert_non_null(strstr(fixture->message, "store.dir /proc/flyball"));
    fixture_set(fixture, "runtime.dir=/proc/flyball");
    assert_int_not_equal(fixture_try_open(fixture), STATUS_OK);
    assert_non_null(strstr(fixture->message, "runtime.dir /proc/flyball"));
    fixture_set(fixture, "runtime.mailbox=0");
    assert_int_not_equal(fixture_try_open(fixture), STATUS_OK);
    assert_non_null(strstr(fixture->message, "/runtime/mailbox"));
    fixture_free(fixture);
}

/* The child takes as many events as it can until it is gone without a word. */
static void live_and_die(struct fixture *fixture, int first, int count)
{
    fixture_start(fixture);
    for (int i = 0; i < count; i++) {
        char payload[64];
        snprintf(payload, sizeof payload, "{\"id\": \"e-%d\"}", first + i);
        fixture_receive(fixture, TOPIC, payload);
        if (i % 3 != 2) {
            fixture_turn(fixture);
        }
    }
    _exit(0);
}

static void process_that_dies_loses_nothing_it_took(void **context)
{
    (void)context;
    enum { LIVES = 6, EACH = 10 };
    struct fixture *fixture = fixture_new(NULL);
    for (int life = 0; life < LIVES; life++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            live_and_die(fixture, life * EACH, EACH - life % 3);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    fixture_start(fixture);
    int taken = LIVES * EACH - (LIVES / 3) * 3;
    assert_int_equal(used(fixture), taken);
    assert_int_equal(state_log_last_seq(&fixture->agent->log), (uint64_t)taken);
    for (int i = 0; i < LIVES; i++) {
        char payload[64];
        snprintf(payload, sizeof payload, "{\"id\": \"e-%d\"}", i * EACH);
        published_has(fixture_ask(fixture, payload), "\"duplicate\":true");
    }
    fixture_verify(fixture);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_decided_survives),
        cmocka_unit_test(what_was_taken_is_decided_at_the_next_start_in_order),
        cmocka_unit_test(what_was_decided_but_not_committed_is_decided_again),
        cmocka_unit_test(what_was_committed_is_not_applied_again_from_the_pool),
        cmocka_unit_test(pool_lost_with_the_power_loses_only_what_was_not_decided),
        cmocka_unit_test(second_agent_is_refused),
        cmocka_unit_test(folders_that_cannot_be_made_are_named),
        cmocka_unit_test(process_that_dies_loses_nothing_it_took),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
