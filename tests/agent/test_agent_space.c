#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/agent_fixture.h"

static const char PRICED[] =
    "{\"plans\": {\"gold\": {\"features\": [\"*\"], \"quotas\": [{\"name\": \"daily\", \"meter\": \"*\", "
    "\"algorithm\": \"fixed\", \"limit\": \"1000000\", \"window\": \"day\"}], \"prices\": {\"kwh\": "
    "\"1\"}}}, "
    "\"subjects\": {\"plan\": \"gold\"}}";

enum { LIVING = 40 };

static const char FULL_ALERT[] = "flyball/v1/agent/a1/alert/store_full";

/* A store of a few segments: everything is compacted again and again. */
static struct fixture *small_store(const char *config)
{
    struct fixture *fixture = fixture_new(config);
    fixture_set(fixture, "store.segment_bytes=131072");
    fixture_set(fixture, "store.max_bytes=1048576");
    return fixture;
}

/* One event of one of the subjects; deferred states need time. */
static const struct published *ask_one(struct fixture *fixture, int number, int subjects)
{
    char subject[16];
    char payload[64];
    snprintf(subject, sizeof subject, "s-%d", number % subjects);
    snprintf(payload, sizeof payload, "{\"id\": \"e-%d\"}", number);
    fixture->now += 50;
    return fixture_ask_as(fixture, subject, "d", "kwh", payload);
}

static void credit_all(struct fixture *fixture, int subjects)
{
    for (int i = 0; i < subjects; i++) {
        char subject[16];
        snprintf(subject, sizeof subject, "s-%d", i);
        fixture_command(fixture, subject, "billing",
                        "{\"id\": \"c\", \"op\": \"credit\", \"amount\": \"100000\"}");
    }
}

static void compaction_keeps_what_lives(void **context)
{
    (void)context;
    enum { SUBJECTS = 5, EVENTS = 4000 };
    struct fixture *fixture = small_store(PRICED);
    fixture_start(fixture);
    credit_all(fixture, SUBJECTS);
    char first[4096];
    snprintf(first, sizeof first, "%s", ask_one(fixture, 0, SUBJECTS)->payload);
    struct state_log_stats stats;
    for (int i = SUBJECTS; i < EVENTS; i++) {
        if (i % SUBJECTS != 0) { /* The first subject is quiet: its decision moves along and stays known. */
            published_has(ask_one(fixture, i, SUBJECTS), "\"decision\":\"allow\"");
        }
        state_log_stats(&fixture->agent->log, &stats);
        assert_true(stats.file_bytes <= 1048576);
    }
    assert_true(stats.commits * 4096 > 4 * stats.file_bytes);
    /* The original decision, byte for byte. */
    char *mark = strstr(first, "\"duplicate\":false");
    assert_non_null(mark);
    const struct published *again = fixture_ask_as(fixture, "s-0", "d", "kwh", "{\"id\": \"e-0\"}");
    published_has(again, "\"duplicate\":true");
    assert_memory_equal(again->payload, first, (size_t)(mark - first));
    assert_string_equal(strstr(again->payload, ",\"dedup\""), strstr(first, ",\"dedup\""));
    const struct published *reply =
        fixture_command(fixture, "s-0", "billing",
                        "{\"id\": \"r\", \"op\": \"refund\", \"event\": \"e-0\", \"device\": \"d\"}");
    published_has(reply, "\"status\":\"ok\"");
    published_has(reply, "\"balance\":\"100000\"");
    /* The others' sums are right, here and after a restart. */
    for (int pass = 0; pass < 2; pass++) {
        const struct published *peek = fixture_ask_as(fixture, "s-1", "d", "kwh", "{\"amount\": 0}");
        assert_int_equal(published_amount(peek, "quota", "used"), (EVENTS / SUBJECTS - 1) * MICRO_UNITS_ONE);
        assert_int_equal(published_amount(peek, "billing", "balance"),
                         (100000 - (EVENTS / SUBJECTS - 1)) * MICRO_UNITS_ONE);
        fixture_restart(fixture);
    }
    fixture_verify(fixture);
    fixture_free(fixture);
}

/* Names that all want the same place where compaction notes whom it asked. */
static void find_crowd(char names[][16], int count)
{
    struct hash_key key = {.low = 1, .high = 1}; /* Follows from the fixture's seed. */
    for (int i = 0, found = 0; found < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "n-%d", i);
        uint64_t hash = hash_bytes(key, bytes_of_string(name)) | 1;
        if (hash % COMPACTION_SEEN_PLACES == 4711) {
            memcpy(names[found++], name, sizeof name);
        }
    }
}

static void crowded_subjects_move_all_the_same(void **context)
{
    (void)context;
    enum { CROWD = 12, EVENTS = 1500 };
    char names[CROWD][16];
    find_crowd(names, CROWD);
    struct fixture *fixture = small_store(NULL);
    fixture_set(fixture, "runtime.subjects_hot=8");
    fixture_start(fixture);
    for (int i = 0; i < EVENTS; i++) {
        fixture->now += 50;
        published_has(fixture_ask_as(fixture, names[i % CROWD], "d", "kwh", "{}"), "\"decision\":\"allow\"");
    }
    struct state_log_stats stats;
    state_log_stats(&fixture->agent->log, &stats);
    assert_true(stats.file_bytes <= 1048576);
    fixture_verify(fixture);
    fixture_free(fixture);
}

static void small_hot_table_compacts_as_well(void **context)
{
    (void)context;
    enum { SUBJECTS = 60, EVENTS = 4000 };
    struct fixture *fixture = small_store(PRICED);
    fixture_set(fixture, "runtime.subjects_hot=3");
    fixture_set(fixture, "store.max_bytes=2097152");
    fixture_start(fixture);
    credit_all(fixture, SUBJECTS);
    for (int i = 0; i < EVENTS; i++) {
        published_has(ask_one(fixture, i, SUBJECTS), "\"decision\":\"allow\"");
    }
    const struct published *again = ask_one(fixture, EVENTS - 60 * 50, SUBJECTS);
    published_has(again, "\"duplicate\":true");
    fixture_verify(fixture);
    fixture_free(fixture);
}

static void disconnected_agent_stops_taking_when_its_outbox_fills_the_store(void **context)
{
    (void)context;
    struct fixture *fixture = small_store(NULL);
    fixture_start(fixture);
    fixture_disconnect(fixture);
    enum status status = STATUS_OK;
    char payload[64];
    int asked = 0;
    for (; status == STATUS_OK && asked < 2000; asked++) {
        snprintf(payload, sizeof payload, "{\"id\": \"e-%d\", \"cid\": %d}", asked, asked);
        fixture_receive(fixture, "flyball/v1/event/acme/meter-7/kwh", payload);
        status = fixture_turn_once(fixture);
        fixture->now += 10;
    }
    assert_int_equal(status, STATUS_NO_SPACE);
    assert_int_equal(event_pool_stats(&fixture->agent->pool).used, 1);
    fixture->now += 5000;
    (void)!fixture_turn_once(fixture);
    size_t from = fixture->count;
    fixture_connect(fixture, PAHO_SESSION_NEW);
    for (int i = 0; i < 20; i++) {
        fixture_pass(fixture, 1500);
    }
    /* Every decision arrives, once and in order, and intake goes on. */
    int number = 0;
    for (size_t i = from; i < fixture->count; i++) {
        if (strstr(fixture->published[i].topic, "/decision/") != NULL) {
            assert_int_equal(published_number(&fixture->published[i], "cid"), number++);
        }
    }
    assert_int_equal(number, asked);
    assert_int_equal(event_pool_stats(&fixture->agent->pool).used, 0);
    assert_string_equal(fixture_last(fixture, FULL_ALERT, 0)->payload, "");
    fixture_verify(fixture);
    fixture_free(fixture);
}

/* Its decision is as large. */
static void write_large_event(char payload[512], int number)
{
    char fill[240];
    memset(fill, 'x', sizeof fill);
    snprintf(payload, 512, "{\"id\": \"e-%d\", \"cid\": \"%.*s\"}", number, (int)sizeof fill, fill);
}

/* Asks until an event stays undecided; the number of the first one not asked. */
static int fill_store(struct fixture *fixture, int asked)
{
    enum status status = fixture_turn_once(fixture);
    for (; event_pool_stats(&fixture->agent->pool).used == 0; asked++) {
        char topic[64];
        char payload[512];
        assert_true(asked < 5000);
        snprintf(topic, sizeof topic, "flyball/v1/event/s-%d/d/kwh", asked % LIVING);
        write_large_event(payload, asked);
        fixture_receive(fixture, topic, payload);
        status = fixture_turn_once(fixture);
        for (int i = 0; i < 30 && status == STATUS_NO_SPACE; i++) {
            fixture->now += 100;
            status = fixture_turn_once(fixture);
        }
    }
    assert_int_equal(status, STATUS_NO_SPACE);
    assert_int_equal(event_pool_stats(&fixture->agent->pool).used, 1);
    published_has(fixture_last(fixture, FULL_ALERT, 0), "store_full");
    fixture_verify(fixture);
    return asked;
}

/* More living subjects than the store can hold. */
static void store_too_small_for_what_lives_waits_for_a_larger_one(void **context)
{
    (void)context;
    struct fixture *fixture = small_store(PRICED);
    fixture_set(fixture, "store.max_bytes=524288");
    fixture_set(fixture, "store.compression=0");
    fixture_start(fixture);
    int asked = fill_store(fixture, 0);
    /* It waits, also over a restart, and takes nothing. */
    fixture_kill(fixture);
    assert_int_equal(fixture_try_open(fixture), STATUS_OK);
    fixture->is_connected = true;
    publisher_connected(&fixture->agent->publisher, PAHO_SESSION_NEW);
    asked = fill_store(fixture, asked);
    fixture_kill(fixture);
    fixture_set(fixture, "store.max_bytes=4194304");
    fixture_start(fixture);
    fixture_pass(fixture, 2000);
    assert_int_equal(event_pool_stats(&fixture->agent->pool).used, 0);
    assert_string_equal(fixture_last(fixture, FULL_ALERT, 0)->payload, "");
    /* Each event was decided exactly once: the numbers have no gap. */
    assert_int_equal(state_log_last_seq(&fixture->agent->log), (uint64_t)asked);
    for (int i = 0; i < asked; i++) {
        char subject[16];
        char payload[512];
        snprintf(subject, sizeof subject, "s-%d", i % LIVING);
        write_large_event(payload, i);
        published_has(fixture_ask_as(fixture, subject, "d", "kwh", payload), "\"duplicate\":true");
    }
    fixture_verify(fixture);
    fixture_free(fixture);
}

/* What was published before a crash lands no more. */
static void crash(struct fixture *fixture)
{
    fixture_kill(fixture);
    for (size_t i = 0; i < fixture->count; i++) {
        fixture->published[i].has_landed = true;
    }
    assert_int_equal(fixture_try_open(fixture), STATUS_OK);
    fixture->is_connected = true;
    publisher_connected(&fixture->agent->publisher, PAHO_SESSION_NEW);
}

/* Killed and started again and again while the broker acknowledges nothing, so that no segment can go: what a
 * start has moved, the next one leaves where it is. */
static void row_of_crashes_leaves_compaction_its_reserve(void **context)
{
    (void)context;
    enum { SUBJECTS = 60, CRASHES = 60 };
    struct fixture *fixture = small_store(PRICED);
    fixture_start(fixture);
    credit_all(fixture, SUBJECTS);
    fixture->holds_acknowledgements = true;
    for (int i = 0; fixture_turn_once(fixture) != STATUS_NO_SPACE; i++) {
        char topic[64];
        char payload[512];
        assert_true(i < 5000);
        snprintf(topic, sizeof topic, "flyball/v1/event/s-%d/d/kwh", i % SUBJECTS);
        write_large_event(payload, i);
        fixture_receive(fixture, topic, payload);
        fixture->now += 10;
    }
    for (int i = 0; i < CRASHES; i++) {
        crash(fixture);
        for (int turns = 0; turns < 20; turns++) {
            fixture->now += 10;
            (void)!fixture_turn_once(fixture);
        }
    }
    fixture->holds_acknowledgements = false;
    for (int i = 0; i < 500; i++) {
        fixture_land_all(fixture);
        fixture->now += 100;
        (void)!fixture_turn_once(fixture);
    }
    assert_int_equal(event_pool_stats(&fixture->agent->pool).used, 0);
    assert_string_equal(fixture_last(fixture, FULL_ALERT, 0)->payload, "");
    fixture_verify(fixture);
    fixture_free(fixture);
}

/* Acknowledgements come from the thread that delivers messages: it must not wait for them. */
static void full_pool_waits_for_no_acknowledgement(void **context)
{
    (void)context;
    struct fixture *fixture = small_store(NULL);
    fixture_set(fixture, "pool.slots=64");
    fixture_start(fixture);
    fixture->holds_acknowledgements = true;
    enum status status = STATUS_OK;
    for (int i = 0; status != STATUS_NO_SPACE; i++) {
        assert_true(i < 2000);
        fixture_receive(fixture, "flyball/v1/event/acme/meter-7/kwh", "{}");
        status = fixture_turn_once(fixture);
        fixture->now += 10;
    }
    for (int i = 0; i < 10; i++) {
        fixture->now += 10;
        assert_int_equal(fixture_turn_once(fixture), STATUS_NO_SPACE);
    }
    while (event_pool_stats(&fixture->agent->pool).used < 64) {
        fixture_receive(fixture, "flyball/v1/event/acme/meter-7/kwh", "{}");
    }
    fixture->agent->is_refusing = true; /* As after a second in vain. */
    fixture_receive(fixture, "flyball/v1/event/acme/meter-7/kwh", "{}");
    assert_int_equal(metrics_get(&fixture->agent->metrics, METRIC_SHED_OVERWRITTEN), 1);
    fixture->holds_acknowledgements = false;
    while (event_pool_stats(&fixture->agent->pool).used > 0) {
        fixture_land_all(fixture);
        fixture_pass(fixture, 100);
    }
    fixture_receive(fixture, "flyball/v1/event/acme/meter-7/kwh", "{}");
    fixture_turn(fixture);
    assert_false(fixture->agent->is_refusing);
    fixture_verify(fixture);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compaction_keeps_what_lives),
        cmocka_unit_test(crowded_subjects_move_all_the_same),
        cmocka_unit_test(small_hot_table_compacts_as_well),
        cmocka_unit_test(disconnected_agent_stops_taking_when_its_outbox_fills_the_store),
        cmocka_unit_test(store_too_small_for_what_lives_waits_for_a_larger_one),
        cmocka_unit_test(row_of_crashes_leaves_compaction_its_reserve),
        cmocka_unit_test(full_pool_waits_for_no_acknowledgement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
