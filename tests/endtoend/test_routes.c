/* Foreign devices: their topics become events, and they can be told ON and OFF. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

static const char routes[] =
    "{\"routes\": ["
    "   {\"topic\": \"tele/{device}/SENSOR\", \"subject\": \"house\", \"meter\": \"kwh\","
    "    \"amount\": {\"pointer\": \"/ENERGY/Total\", \"kind\": \"counter\"}, \"id\": {\"pointer\": "
    "\"/Time\"},"
    "    \"decide\": {\"topic\": \"cmnd/{device}/POWER\", \"allow\": \"ON\", \"deny\": \"OFF\"}},"
    "   {\"topic\": \"rooms/{subject}/{device}/{meter}\", \"subject\": \"{subject}\", \"meter\": \"{meter}\","
    "    \"amount\": {\"pointer\": \"/value\", \"kind\": \"gauge\"}}],"
    " \"plans\": {\"free\": {\"quotas\": [{\"name\": \"monthly\", \"meter\": \"*\", \"limit\": \"10\","
    "                                     \"window\": \"month\"}]}}}";

static int open_with_routes(void **context)
{
    stage_open(context);
    struct stage *stage = *context;
    stage_start(stage, routes);
    peer_subscribe(&stage->peer, "cmnd/#", 1);
    return 0;
}

/* The plug's counter reads so much. After a kill answers to earlier readings may come once more. */
static const cJSON *read_counter(struct stage *stage, int time, const char *total)
{
    char id[16];
    char payload[96];
    snprintf(id, sizeof id, "t-%d", time);
    snprintf(payload, sizeof payload, "{\"Time\": \"%s\", \"ENERGY\": {\"Total\": %s}}", id, total);
    peer_publish_text(&stage->peer, "tele/plug/SENSOR", payload, 1);
    for (;;) {
        const cJSON *decision = stage_take_json(stage, "decision/house/plug");
        if (strcmp(json_string(decision, "event"), id) == 0) {
            return decision;
        }
    }
}

static void expect_power(struct stage *stage, const char *wanted)
{
    const struct peer_message *message = peer_take(&stage->peer, "cmnd/plug/POWER", STAGE_WAIT_MS);
    assert_non_null(message);
    assert_string_equal(message->payload, wanted);
}

static void gauge_is_taken_as_it_is(void **context)
{
    struct stage *stage = *context;
    peer_publish_text(&stage->peer, "rooms/kitchen/lamp/light", "{\"value\": 2.5}", 1);
    const cJSON *decision = stage_take_json(stage, "decision/kitchen/lamp");
    expect_decision(decision, "allow", "ok");
    expect(decision, "subject", "kitchen");
    expect(decision, "device", "lamp");
    expect(decision, "meter", "light");
    expect(decision, "amount", "2.5");
    expect(decision, "event", "null");
}

static void first_reading_of_a_counter_is_a_peek(void **context)
{
    struct stage *stage = *context;
    const cJSON *decision = read_counter(stage, 1, "1000.5");
    expect_decision(decision, "allow", "ok");
    expect(decision, "amount", "0");
    expect(decision, "seq", "0");
    expect(decision, "dedup", "none");
    expect(decision, "governors/quota/used", "0");
    expect(decision, "event", "t-1");
    expect_power(stage, "ON");
}

static void counter_asks_for_its_increase(void **context)
{
    struct stage *stage = *context;
    read_counter(stage, 1, "1000.5");
    const cJSON *decision = read_counter(stage, 2, "1003");
    expect(decision, "amount", "2.5");
    expect(decision, "dedup", "id");
    expect(decision, "governors/quota/used", "2.5");
    const cJSON *same = read_counter(stage, 3, "1003");
    expect(same, "amount", "0");
    expect(same, "seq", "1");
    const cJSON *more = read_counter(stage, 4, "1004");
    expect(more, "governors/quota/used", "3.5");
}

static void fallen_counter_was_reset(void **context)
{
    struct stage *stage = *context;
    read_counter(stage, 1, "1000");
    const cJSON *decision = read_counter(stage, 2, "4");
    expect(decision, "amount", "4");
    expect(decision, "governors/quota/used", "4");
    expect(read_counter(stage, 3, "5"), "amount", "1");
}

static void denied_increase_is_asked_again(void **context)
{
    struct stage *stage = *context;
    read_counter(stage, 1, "100");
    expect_power(stage, "ON");
    expect_decision(read_counter(stage, 2, "108"), "warn", "quota_warning");
    expect_power(stage, "ON");
    const cJSON *denied = read_counter(stage, 3, "111");
    expect_decision(denied, "deny", "quota_exceeded");
    expect(denied, "amount", "3");
    expect_power(stage, "OFF");
    stage_do(stage, "house/quota", "{\"id\": \"r\", \"op\": \"reset\"}");
    const cJSON *again = read_counter(stage, 4, "112");
    expect_decision(again, "allow", "ok");
    expect(again, "amount", "4");
    expect_power(stage, "ON");
    expect(read_counter(stage, 5, "113"), "amount", "1");
}

static void resent_reading_is_a_duplicate(void **context)
{
    struct stage *stage = *context;
    read_counter(stage, 1, "100");
    read_counter(stage, 2, "102");
    const cJSON *again = read_counter(stage, 2, "102");
    expect(again, "duplicate", "true");
    expect(again, "amount", "2");
    expect(read_counter(stage, 3, "103"), "governors/quota/used", "3");
    expect_decision(read_counter(stage, 3, "104"), "deny", "id_reused");
}

static void pointers_that_find_nothing_are_dead_letters(void **context)
{
    struct stage *stage = *context;
    peer_publish_text(&stage->peer, "tele/plug/SENSOR", "{\"Time\": \"t\", \"ENERGY\": {}}", 1);
    expect(stage_dead_letter(stage, "bad_amount"), "topic", "tele/plug/SENSOR");
    peer_publish_text(&stage->peer, "tele/plug/SENSOR", "{\"ENERGY\": {\"Total\": 1}}", 1);
    stage_dead_letter(stage, "bad_id");
    peer_publish_text(&stage->peer, "rooms/kitchen/lamp/light", "ON", 1);
    stage_dead_letter(stage, "not_json");
    peer_publish_text(&stage->peer, "rooms/kitchen/lamp/light", "{\"value\": \"x\"}", 1);
    stage_dead_letter(stage, "bad_amount");
    assert_int_equal(peer_count(&stage->peer, "cmnd/#"), 0);
}

static void base_line_survives_a_kill(void **context)
{
    struct stage *stage = *context;
    read_counter(stage, 1, "100");
    read_counter(stage, 2, "102");
    agent_process_kill(&stage->agent);
    stage_run(stage);
    const cJSON *decision = read_counter(stage, 3, "103");
    expect(decision, "amount", "1");
    expect(decision, "governors/quota/used", "3");
}

static void routes_can_come_by_remote_configuration(void **context)
{
    struct stage *stage = *context;
    expect(stage_desire(stage,
                        "{\"version\": 1, \"mode\": \"apply\", \"state\": {\"routes\": ["
                        "{\"topic\": \"garden/{device}\", \"subject\": \"garden\", \"meter\": \"water\","
                        " \"amount\": {\"pointer\": \"/l\", \"kind\": \"gauge\"}}]}}"),
           "status", "accepted");
    for (int i = 0; i < 50; i++) {
        peer_publish_text(&stage->peer, "garden/tap", "{\"l\": 0}", 1);
        if (peer_take(&stage->peer, "flyball/v1/decision/garden/tap", 100) != NULL) {
            return;
        }
    }
    stage_fail(stage, "the new route never answers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gauge_is_taken_as_it_is, open_with_routes, stage_close),
        cmocka_unit_test_setup_teardown(first_reading_of_a_counter_is_a_peek, open_with_routes, stage_close),
        cmocka_unit_test_setup_teardown(counter_asks_for_its_increase, open_with_routes, stage_close),
        cmocka_unit_test_setup_teardown(fallen_counter_was_reset, open_with_routes, stage_close),
        cmocka_unit_test_setup_teardown(denied_increase_is_asked_again, open_with_routes, stage_close),
        cmocka_unit_test_setup_teardown(resent_reading_is_a_duplicate, open_with_routes, stage_close),
        cmocka_unit_test_setup_teardown(pointers_that_find_nothing_are_dead_letters, open_with_routes,
                                        stage_close),
        cmocka_unit_test_setup_teardown(base_line_survives_a_kill, open_with_routes, stage_close),
        cmocka_unit_test_setup_teardown(routes_can_come_by_remote_configuration, open_with_routes,
                                        stage_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
