#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/agent_fixture.h"

/* A smart plug's counter, ten a day; and a gauge beside it. */
static const char CONFIG[] =
    "{\"plans\": {\"free\": {\"features\": [\"*\"], \"quotas\": [{\"name\": \"daily\", \"meter\": \"kwh\", "
    "\"algorithm\": \"fixed\", \"limit\": \"10\", \"window\": \"day\", \"warn\": 1, \"throttle\": 1}]}}, "
    "\"routes\": [{\"topic\": \"tele/{device}/SENSOR\", \"subject\": \"house\", \"meter\": \"kwh\", "
    "\"amount\": {\"pointer\": \"/Total\", \"kind\": \"counter\"}, \"id\": {\"pointer\": \"/Time\"}, "
    "\"decide\": {\"topic\": \"cmnd/{device}/POWER\", \"allow\": \"ON\", \"deny\": \"OFF\"}}, "
    "{\"topic\": \"gauge/{subject}/{device}\", \"subject\": \"{subject}\", \"meter\": \"water\", "
    "\"amount\": {\"pointer\": \"/value\", \"kind\": \"gauge\"}}]}";

enum { DAY_MS = 24 * 3600 * 1000 };

static struct fixture *started(void)
{
    struct fixture *fixture = fixture_new(CONFIG);
    fixture_start(fixture);
    return fixture;
}

/* What the house hears for one reading of the plug. */
static const struct published *read_plug(struct fixture *fixture, const char *time, const char *total)
{
    char payload[128];
    size_t from = fixture->count;
    snprintf(payload, sizeof payload, "{\"Time\": \"%s\", \"Total\": %s}", time, total);
    fixture_receive(fixture, "tele/plug/SENSOR", payload);
    fixture_turn(fixture);
    assert_int_equal(fixture_count(fixture, "flyball/v1/decision/house/plug", from), 1);
    assert_int_equal(fixture_count(fixture, "cmnd/plug/POWER", from), 1);
    return fixture_last(fixture, "flyball/v1/decision/house/plug", from);
}

static void first_reading_sets_the_base_line_and_is_a_peek(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    const struct published *decision = read_plug(fixture, "t1", "1000.5");
    published_has(decision, "\"decision\":\"allow\"");
    published_has(decision, "\"amount\":\"0\"");
    published_has(decision, "\"dedup\":\"none\"");
    assert_int_equal(published_number(decision, "seq"), 0);
    assert_string_equal(fixture_last(fixture, "cmnd/plug/POWER", 0)->payload, "ON");
    decision = read_plug(fixture, "t2", "1002.75");
    published_has(decision, "\"amount\":\"2.25\"");
    assert_int_equal(published_amount(decision, "quota", "used"), 2250000);
    fixture_free(fixture);
}

/* The broker saw no acknowledgement and sends all again, in their order: the first is no reset of the device.
 */
static void readings_sent_again_are_no_reset(void **context)
{
    (void)context;
    for (int with_restart = 0; with_restart <= 1; with_restart++) {
        struct fixture *fixture = started();
        read_plug(fixture, "t1", "1000");
        read_plug(fixture, "t2", "1000");
        published_has(read_plug(fixture, "t3", "1002"), "\"used\":\"2\"");
        if (with_restart == 1) {
            fixture_restart(fixture);
        }
        const struct published *again = read_plug(fixture, "t1", "1000");
        published_has(again, "\"amount\":\"0\"");
        published_has(again, "\"duplicate\":false,\"dedup\":\"none\"");
        published_has(read_plug(fixture, "t2", "1000"), "\"used\":\"2\"");
        published_has(read_plug(fixture, "t3", "1002"), "\"duplicate\":true");
        published_has(read_plug(fixture, "t4", "1003"), "\"used\":\"3\"");
        fixture_free(fixture);
    }
}

/* A key whose reading was a peek binds nothing: with other bytes it is a new reading, as for any peek. */
static void reading_of_a_peeks_key_with_other_bytes_is_new(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    read_plug(fixture, "t1", "1000");
    const struct published *decision = read_plug(fixture, "t1", "1002");
    published_has(decision, "\"amount\":\"2\"");
    published_has(decision, "\"dedup\":\"id\"");
    published_has(read_plug(fixture, "t1", "1002"), "\"duplicate\":true");
    fixture_free(fixture);
}

static void same_reading_again_asks_nothing(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    read_plug(fixture, "t1", "100");
    published_has(read_plug(fixture, "t2", "100"), "\"amount\":\"0\"");
    published_has(read_plug(fixture, "t3", "101"), "\"amount\":\"1\"");
    /* The same message: the same answer, and the plug hears it again. */
    const struct published *decision = read_plug(fixture, "t3", "101");
    published_has(decision, "\"duplicate\":true");
    published_has(decision, "\"amount\":\"1\"");
    fixture_free(fixture);
}

static void base_line_survives_a_restart(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    read_plug(fixture, "t1", "100");
    fixture_restart(fixture);
    published_has(read_plug(fixture, "t2", "103"), "\"amount\":\"3\"");
    fixture_restart(fixture);
    published_has(read_plug(fixture, "t2", "103"), "\"duplicate\":true");
    published_has(read_plug(fixture, "t3", "104"), "\"amount\":\"1\"");
    fixture_free(fixture);
}

static void fall_means_the_device_began_again(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    read_plug(fixture, "t1", "100");
    published_has(read_plug(fixture, "t2", "3"), "\"amount\":\"3\"");
    published_has(read_plug(fixture, "t3", "4"), "\"amount\":\"1\"");
    fixture_free(fixture);
}

static void denied_increase_is_asked_again_with_the_next_reading(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    read_plug(fixture, "t1", "100");
    read_plug(fixture, "t2", "108");
    const struct published *decision = read_plug(fixture, "t3", "113");
    published_has(decision, "\"decision\":\"deny\"");
    published_has(decision, "\"amount\":\"5\"");
    assert_string_equal(fixture_last(fixture, "cmnd/plug/POWER", 0)->payload, "OFF");
    published_has(read_plug(fixture, "t4", "114"), "\"amount\":\"6\"");
    fixture->now += DAY_MS;
    decision = read_plug(fixture, "t5", "114");
    published_has(decision, "\"amount\":\"6\"");
    published_has(decision, "\"decision\":\"allow\"");
    fixture_free(fixture);
}

static void denied_reset_loses_nothing_later(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    read_plug(fixture, "t1", "20");
    read_plug(fixture, "t2", "29");
    /* Reset, and denied: 5 are owed from now on. */
    published_has(read_plug(fixture, "t3", "5"), "\"decision\":\"deny\"");
    /* Beyond the old base line before anything was allowed again. */
    const struct published *decision = read_plug(fixture, "t4", "31");
    published_has(decision, "\"amount\":\"31\"");
    published_has(decision, "\"decision\":\"deny\"");
    fixture_command(fixture, "house", "quota",
                    "{\"id\": \"s\", \"op\": \"set_limit\", \"name\": \"daily\", \"limit\": \"100\"}");
    decision = read_plug(fixture, "t5", "32");
    published_has(decision, "\"amount\":\"32\"");
    published_has(decision, "\"decision\":\"allow\"");
    published_has(read_plug(fixture, "t6", "33"), "\"amount\":\"1\"");
    fixture_free(fixture);
}

static void gauge_is_taken_as_it_stands(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    for (int i = 0; i < 2; i++) {
        size_t from = fixture->count;
        fixture_receive(fixture, "gauge/acme/tank", "{\"value\": \"4.5\"}");
        fixture_turn(fixture);
        const struct published *decision = fixture_last(fixture, "flyball/v1/decision/acme/tank", from);
        published_has(decision, "\"amount\":\"4.5\"");
        published_has(decision, "\"meter\":\"water\"");
    }
    fixture_free(fixture);
}

static void pointer_that_finds_nothing_is_a_dead_letter(void **context)
{
    (void)context;
    struct fixture *fixture = started();
    fixture_receive(fixture, "tele/plug/SENSOR", "{\"Time\": \"t\"}");
    fixture_receive(fixture, "tele/plug/SENSOR", "{\"Total\": 5}");
    fixture_receive(fixture, "tele/plug/OTHER", "{}");
    fixture_turn(fixture);
    assert_int_equal(fixture_count(fixture, "flyball/v1/agent/a1/dead-letter/bad_amount", 0), 1);
    assert_int_equal(fixture_count(fixture, "flyball/v1/agent/a1/dead-letter/bad_id", 0), 1);
    assert_int_equal(fixture_count(fixture, "flyball/v1/agent/a1/dead-letter/bad_topic", 0), 1);
    fixture_free(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_reading_sets_the_base_line_and_is_a_peek),
        cmocka_unit_test(readings_sent_again_are_no_reset),
        cmocka_unit_test(reading_of_a_peeks_key_with_other_bytes_is_new),
        cmocka_unit_test(same_reading_again_asks_nothing),
        cmocka_unit_test(base_line_survives_a_restart),
        cmocka_unit_test(fall_means_the_device_began_again),
        cmocka_unit_test(denied_increase_is_asked_again_with_the_next_reading),
        cmocka_unit_test(denied_reset_loses_nothing_later),
        cmocka_unit_test(gauge_is_taken_as_it_stands),
        cmocka_unit_test(pointer_that_finds_nothing_is_a_dead_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
