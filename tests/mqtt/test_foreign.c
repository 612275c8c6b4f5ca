#include "mqtt/foreign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/mqtt/decoding.h"

enum { UNDERSTOOD = -1 };

static struct route_text text_of_string(const char *string)
{
    struct route_text text;
    assert_int_equal(route_text_set(&text, bytes_of_string(string)), STATUS_OK);
    return text;
}

/* The smart plug of the contract. */
static struct route plug_route(void)
{
    return (struct route){.topic = text_of_string("tele/{device}/SENSOR"),
                          .subject = text_of_string("house"),
                          .device = text_of_string("{device}"),
                          .meter = text_of_string("kwh"),
                          .has_amount = true,
                          .amount_pointer = text_of_string("/ENERGY/Total"),
                          .amount_kind = AMOUNT_COUNTER,
                          .has_id = true,
                          .id_pointer = text_of_string("/Time")};
}

static int decode(const struct route *route, const char *topic, const char *payload,
                  struct foreign_event *foreign)
{
    struct payload_context context = decoding_context();
    struct message message = decoding_message(topic, bytes_of_string(payload));
    struct routed_message routed;
    struct rejection rejection = {0};
    assert_int_equal(foreign_route(route, 1, &message, &routed), STATUS_OK);
    enum status status = foreign_decode(&context, &routed, foreign, &rejection);
    return status == STATUS_OK ? UNDERSTOOD : (int)rejection.reason;
}

static void a_plugs_reading_becomes_an_event(void **context)
{
    (void)context;
    struct route route = plug_route();
    struct foreign_event foreign;
    int reason =
        decode(&route, "tele/plug-1/SENSOR",
               "{\"Time\":\"2026-11-21T07:00:00\",\"ENERGY\":{\"Total\":12.345,\"Power\":7}}", &foreign);
    assert_int_equal(reason, UNDERSTOOD);
    const struct event *event = &foreign.decoded.event;
    assert_true(bytes_equal_string(name_bytes(&event->subject), "house"));
    assert_true(bytes_equal_string(name_bytes(&event->device), "plug-1"));
    assert_true(bytes_equal_string(name_bytes(&event->meter), "kwh"));
    assert_true(bytes_equal_string(name_bytes(&event->id), "2026-11-21T07:00:00"));
    assert_int_equal(event->amount, 12345000);
    assert_int_equal(foreign.amount_kind, AMOUNT_COUNTER);
    assert_true(event->bytes_hash != 0);
    assert_int_equal(foreign.decoded.address.decide_topic.length, 0);
    assert_int_equal(foreign.decoded.address.qos, 1);
}

struct reading {
    const char *payload;
    int reason;
};

static void what_the_pointers_do_not_find_is_bad(void **context)
{
    (void)context;
    static const struct reading table[] = {
        {"{\"Time\":\"t\",\"ENERGY\":{\"Total\":\"12.5\"}}", UNDERSTOOD},
        {"{\"Time\":\"t\",\"ENERGY\":{\"Total\":0}}", UNDERSTOOD},
        {"{\"Time\":\"t\"}", DEAD_LETTER_BAD_AMOUNT},
        {"{\"Time\":\"t\",\"ENERGY\":null}", DEAD_LETTER_BAD_AMOUNT},
        {"{\"Time\":\"t\",\"ENERGY\":[]}", DEAD_LETTER_BAD_AMOUNT},
        {"{\"Time\":\"t\",\"ENERGY\":{\"Total\":null}}", DEAD_LETTER_BAD_AMOUNT},
        {"{\"Time\":\"t\",\"ENERGY\":{\"Total\":-1}}", DEAD_LETTER_BAD_AMOUNT},
        {"{\"Time\":\"t\",\"ENERGY\":{\"Total\":1e400}}", DEAD_LETTER_BAD_AMOUNT},
        {"{\"Time\":\"t\",\"ENERGY\":{\"Total\":0.0000001}}", DEAD_LETTER_BAD_AMOUNT},
        {"{\"Time\":\"t\",\"ENERGY\":{\"Total\":\"12 kWh\"}}", DEAD_LETTER_BAD_AMOUNT},
        {"{\"Time\":\"t\",\"ENERGY\":{\"Total\":[1]}}", DEAD_LETTER_BAD_AMOUNT},
        {"{\"ENERGY\":{\"Total\":1}}", DEAD_LETTER_BAD_ID},
        {"{\"Time\":\"\",\"ENERGY\":{\"Total\":1}}", DEAD_LETTER_BAD_ID},
        {"{\"Time\":null,\"ENERGY\":{\"Total\":1}}", DEAD_LETTER_BAD_ID},
        {"{\"Time\":1.5,\"ENERGY\":{\"Total\":1}}", DEAD_LETTER_BAD_ID},
        {"{\"Time\":1e30,\"ENERGY\":{\"Total\":1}}", DEAD_LETTER_BAD_ID},
        {"{\"Time\":{}}", DEAD_LETTER_BAD_ID},
        {"{}", DEAD_LETTER_BAD_ID},
        {"[]", DEAD_LETTER_BAD_ID},
        {"7", DEAD_LETTER_BAD_ID},
        {"", DEAD_LETTER_NOT_JSON},
        {"ON", DEAD_LETTER_NOT_JSON},
        {"{\"Time\":\"t\"", DEAD_LETTER_NOT_JSON},
        {"\xff", DEAD_LETTER_NOT_UTF8},
        {"[[[[[[[[[]]]]]]]]]", DEAD_LETTER_TOO_DEEP},
        {"{\"Time\":1,\"\\u0054ime\":1}", DEAD_LETTER_DUPLICATE_KEY},
    };
    struct route route = plug_route();
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct foreign_event foreign;
        int reason = decode(&route, "tele/plug-1/SENSOR", table[i].payload, &foreign);
        if (reason != table[i].reason) {
            fail_msg("%s: %d instead of %d", table[i].payload, reason, table[i].reason);
        }
    }
}

static void a_whole_number_is_an_id_by_its_decimal_digits(void **context)
{
    (void)context;
    static const char *const table[][2] = {
        {"1700000000123", "1700000000123"},
        {"-5", "-5"},
        {"-0", "0"},
        {"1e3", "1000"},
        {"17.0", "17"},
        {"9223372036854775807", "9223372036854775807"},
    };
    struct route route = plug_route();
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char payload[128];
        struct foreign_event foreign;
        snprintf(payload, sizeof payload, "{\"Time\":%s,\"ENERGY\":{\"Total\":1}}", table[i][0]);
        assert_int_equal(decode(&route, "tele/p/SENSOR", payload, &foreign), UNDERSTOOD);
        assert_true(bytes_equal_string(name_bytes(&foreign.decoded.event.id), table[i][1]));
    }
}

static void a_bare_value_is_a_payload_too(void **context)
{
    (void)context;
    struct route route = plug_route();
    route.has_id = false;
    route.amount_pointer = text_of_string("");
    route.amount_kind = AMOUNT_GAUGE;
    struct foreign_event foreign;
    assert_int_equal(decode(&route, "tele/p/SENSOR", "23.5", &foreign), UNDERSTOOD);
    assert_int_equal(foreign.decoded.event.amount, 23500000);
    assert_int_equal(foreign.amount_kind, AMOUNT_GAUGE);
    assert_true(name_is_empty(&foreign.decoded.event.id));
    assert_int_equal(decode(&route, "tele/p/SENSOR", " \"23.5\"\n", &foreign), UNDERSTOOD);
    assert_int_equal(decode(&route, "tele/p/SENSOR", "{}", &foreign), DEAD_LETTER_BAD_AMOUNT);
}

static void without_an_amount_a_message_is_one_unit(void **context)
{
    (void)context;
    struct route route = plug_route();
    route.has_amount = false;
    struct foreign_event foreign;
    assert_int_equal(decode(&route, "tele/p/SENSOR", "{\"Time\":\"t\"}", &foreign), UNDERSTOOD);
    assert_int_equal(foreign.decoded.event.amount, MICRO_UNITS_ONE);
    assert_int_equal(foreign.amount_kind, AMOUNT_GAUGE);
}

static void a_deciding_route_gives_topic_and_payloads(void **context)
{
    (void)context;
    struct route route = plug_route();
    route.has_decide = true;
    route.decide_topic = text_of_string("cmnd/{device}/POWER");
    route.decide_allow = text_of_string("ON");
    route.decide_deny = text_of_string("OFF");
    struct foreign_event foreign;
    assert_int_equal(
        decode(&route, "tele/plug-1/SENSOR", "{\"Time\":\"t\",\"ENERGY\":{\"Total\":1}}", &foreign),
        UNDERSTOOD);
    assert_true(bytes_equal_string(foreign.decoded.address.decide_topic, "cmnd/plug-1/POWER"));
    assert_true(bytes_equal_string(foreign.decoded.address.decide_allow, "ON"));
    assert_true(bytes_equal_string(foreign.decoded.address.decide_deny, "OFF"));
}

static void captures_fill_subject_and_meter(void **context)
{
    (void)context;
    struct route route = plug_route();
    route.topic = text_of_string("{home}/{device}/{what}");
    route.subject = text_of_string("{home}");
    route.meter = text_of_string("{what}");
    struct foreign_event foreign;
    assert_int_equal(decode(&route, "h1/d1/m1", "{\"Time\":\"t\",\"ENERGY\":{\"Total\":1}}", &foreign),
                     UNDERSTOOD);
    assert_true(bytes_equal_string(name_bytes(&foreign.decoded.event.subject), "h1"));
    assert_true(bytes_equal_string(name_bytes(&foreign.decoded.event.meter), "m1"));
}

static void templates_that_give_no_segment_are_a_bad_topic(void **context)
{
    (void)context;
    static const char *const subjects[] = {"a/b", "", "a b", "{unknown}", "+"};
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        struct route route = plug_route();
        route.subject = text_of_string(subjects[i]);
        struct foreign_event foreign;
        assert_int_equal(decode(&route, "tele/p/SENSOR", "\xff", &foreign), DEAD_LETTER_BAD_TOPIC);
    }
}

static void the_first_route_that_matches_is_taken(void **context)
{
    (void)context;
    struct route routes[3] = {plug_route(), plug_route(), plug_route()};
    routes[0].topic = text_of_string("other/{device}");
    struct message message = decoding_message("tele/p/SENSOR", bytes_of_string("{}"));
    struct routed_message routed;
    assert_int_equal(foreign_route(routes, 3, &message, &routed), STATUS_OK);
    assert_ptr_equal(routed.route, &routes[1]);
    message.topic = bytes_of_string("tele/p/STATE");
    assert_int_equal(foreign_route(routes, 3, &message, &routed), STATUS_NOT_FOUND);
    assert_int_equal(foreign_route(NULL, 0, &message, &routed), STATUS_NOT_FOUND);
}

static void a_payload_over_the_limit_is_too_large(void **context)
{
    (void)context;
    struct payload_context decoding = decoding_context();
    struct route route = plug_route();
    struct message message = decoding_message("tele/p/SENSOR", bytes_of_string("{}"));
    message.payload_length = DECODING_PAYLOAD_MAX + 1;
    struct routed_message routed;
    struct foreign_event foreign;
    struct rejection rejection;
    assert_int_equal(foreign_route(&route, 1, &message, &routed), STATUS_OK);
    assert_int_equal(foreign_decode(&decoding, &routed, &foreign, &rejection), STATUS_INVALID);
    assert_int_equal(rejection.reason, DEAD_LETTER_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plugs_reading_becomes_an_event),
        cmocka_unit_test(what_the_pointers_do_not_find_is_bad),
        cmocka_unit_test(a_whole_number_is_an_id_by_its_decimal_digits),
        cmocka_unit_test(a_bare_value_is_a_payload_too),
        cmocka_unit_test(without_an_amount_a_message_is_one_unit),
        cmocka_unit_test(a_deciding_route_gives_topic_and_payloads),
        cmocka_unit_test(captures_fill_subject_and_meter),
        cmocka_unit_test(templates_that_give_no_segment_are_a_bad_topic),
        cmocka_unit_test(the_first_route_that_matches_is_taken),
        cmocka_unit_test(a_payload_over_the_limit_is_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
