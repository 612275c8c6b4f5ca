/* Lets every file call of a reload fail in turn: the new file holds or the old one does, and what is desired
 * holds on top of either. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/agent_fixture.h"
#include "tests/faults/failing_io.h"

static const char DESIRED[] =
    "{\"version\": 7, \"mode\": \"apply\", \"state\": {\"subjects\": {\"plan\": \"gold\"}}}";

static const char *file_with(const char *limit)
{
    static char config[512];
    snprintf(config, sizeof config,
             "{\"plans\": {\"gold\": {\"features\": [\"*\"], \"quotas\": [{\"name\": \"daily\", \"meter\": "
             "\"*\", \"algorithm\": \"fixed\", \"limit\": \"%s\", \"window\": \"day\"}]}, \"free\": "
             "{\"features\": []}}}",
             limit);
    return config;
}

static struct fixture *started(struct failing_io *failing)
{
    struct fixture *fixture = fixture_new_in("/dev/shm", NULL);
    failing_io_init(failing);
    fixture->io = failing_io_calls(failing);
    fixture_write_config(fixture, file_with("20"));
    fixture_start(fixture);
    struct message message = {.topic = bytes_of_string("flyball/v1/agent/a1/config/desired"),
                              .payload = bytes_of_string(DESIRED),
                              .payload_length = strlen(DESIRED),
                              .qos = 1};
    struct paho_arrival arrival = {.retained = true};
    bool routes_changed;
    agent_receive(fixture->agent, &message, &arrival);
    assert_int_equal(agent_take_desired(fixture->agent, fixture->now, &routes_changed), STATUS_OK);
    return fixture;
}

static micro_units limit_in_force(struct fixture *fixture)
{
    const struct published *decision = fixture_ask(fixture, "{}");
    published_has(decision, "\"config_version\":7");
    published_has(decision, "\"plan\":\"gold\"");
    return published_amount(decision, "quota", "limit") / MICRO_UNITS_ONE;
}

/* False when the reload makes fewer calls. */
static bool try_reload(enum fault fault, uint64_t number, bool persists)
{
    struct failing_io failing;
    struct fixture *fixture = started(&failing);
    assert_int_equal(limit_in_force(fixture), 20);
    fixture_write_config(fixture, file_with("30"));
    failing_io_arm(&failing, fault, number, persists);
    agent_reload(fixture->agent, fixture->now);
    bool was_reached = failing.failed > 0;
    failing_io_heal(&failing);
    micro_units limit = limit_in_force(fixture);
    assert_true(limit == 30 || (limit == 20 && was_reached));
    agent_reload(fixture->agent, fixture->now);
    assert_int_equal(limit_in_force(fixture), 30);
    fixture_free(fixture);
    return was_reached;
}

static void failed_reload_leaves_what_is_desired_in_force(void **context)
{
    (void)context;
    static const enum fault faults[] = {FAULT_EIO, FAULT_ENOSPC, FAULT_EINTR};
    for (size_t i = 0; i < 2 * sizeof faults / sizeof faults[0]; i++) {
        uint64_t number = 1;
        while (try_reload(faults[i / 2], number, i % 2 == 1 && faults[i / 2] != FAULT_EINTR)) {
            number++;
        }
        assert_true(number > 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_reload_leaves_what_is_desired_in_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
