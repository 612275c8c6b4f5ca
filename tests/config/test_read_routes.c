#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/config/loading.h"

static bool is_text(const struct route_text *text, const char *string)
{
    return bytes_equal_string(route_text_bytes(text), string);
}

static void every_part_of_a_route_arrives(void **context)
{
    (void)context;
    struct config_snapshot *snapshot = load_good(
        "{\"routes\":[{\"topic\":\"tele/{device}/SENSOR\",\"subject\":\"house\",\"meter\":\"kwh\","
        "\"amount\":{\"pointer\":\"/ENERGY/Total\",\"kind\":\"counter\"},\"id\":{\"pointer\":\"/Time\"},"
        "\"decide\":{\"topic\":\"cmnd/{device}/POWER\",\"allow\":\"ON\",\"deny\":\"\"}},"
        "{\"topic\":\"{who}/{what}\",\"subject\":\"{who}\",\"device\":\"box\",\"meter\":\"{what}\","
        "\"amount\":{\"pointer\":\"\"}}]}");
    assert_int_equal(snapshot->route_count, 2);
    const struct route *route = &snapshot->routes[0];
    assert_true(is_text(&route->topic, "tele/{device}/SENSOR"));
    assert_true(is_text(&route->subject, "house"));
    assert_true(is_text(&route->device, "{device}"));
    assert_true(is_text(&route->meter, "kwh"));
    assert_true(route->has_amount);
    assert_true(is_text(&route->amount_pointer, "/ENERGY/Total"));
    assert_int_equal(route->amount_kind, AMOUNT_COUNTER);
    assert_true(route->has_id);
    assert_true(is_text(&route->id_pointer, "/Time"));
    assert_true(route->has_decide);
    assert_true(is_text(&route->decide_topic, "cmnd/{device}/POWER"));
    assert_true(is_text(&route->decide_allow, "ON"));
    assert_true(is_text(&route->decide_deny, ""));
    route = &snapshot->routes[1];
    assert_true(is_text(&route->subject, "{who}"));
    assert_true(is_text(&route->device, "box"));
    assert_true(is_text(&route->meter, "{what}"));
    assert_true(route->has_amount);
    assert_int_equal(route->amount_kind, AMOUNT_GAUGE);
    assert_false(route->has_id);
    assert_false(route->has_decide);
    config_snapshot_close(snapshot);
}

static void wrong_routes_are_told_with_their_path(void **context)
{
    (void)context;
    const struct wrong table[] = {
        {"{\"routes\":{}}", "/routes", CONFIG_TYPE},
        {"{\"routes\":null}", "/routes", CONFIG_TYPE},
        {"{\"routes\":[1]}", "/routes/0", CONFIG_TYPE},
        {"{\"routes\":[{\"subject\":\"s\",\"meter\":\"m\"}]}", "/routes/0/topic", CONFIG_REQUIRED},
        {"{\"routes\":[{\"topic\":\"a\\u0001/{device}\",\"subject\":\"s\",\"meter\":\"m\"}]}",
         "/routes/0/topic", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"a\\uffff/{device}\",\"subject\":\"s\",\"meter\":\"m\"}]}",
         "/routes/0/topic", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"{device}\",\"subject\":\"s\\uffff\",\"meter\":\"m\"}]}",
         "/routes/0/subject", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"a/{device}/b\",\"subject\":\"s\",\"meter\":\"m\",\"decide\":{\"topic\":"
         "\"b\\u0001/{device}\",\"allow\":\"1\",\"deny\":\"0\"}}]}",
         "/routes/0/decide/topic", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"{device}\",\"meter\":\"m\"}]}", "/routes/0/subject", CONFIG_REQUIRED},
        {"{\"routes\":[{\"topic\":\"{device}\",\"subject\":\"s\"}]}", "/routes/0/meter", CONFIG_REQUIRED},
        {"{\"routes\":[{\"topic\":\"a\",\"subject\":\"s\",\"meter\":\"m\"}]}", "/routes/0/device",
         CONFIG_REQUIRED},
        {"{\"routes\":[{\"topic\":\"a/#\",\"subject\":\"s\",\"meter\":\"m\",\"device\":\"d\"}]}",
         "/routes/0/topic", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"a//b\",\"subject\":\"s\",\"meter\":\"m\",\"device\":\"d\"}]}",
         "/routes/0/topic", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"a/x{b}\",\"subject\":\"s\",\"meter\":\"m\",\"device\":\"d\"}]}",
         "/routes/0/topic", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"{a}/{a}\",\"subject\":\"s\",\"meter\":\"m\",\"device\":\"d\"}]}",
         "/routes/0/topic", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"\",\"subject\":\"s\",\"meter\":\"m\",\"device\":\"d\"}]}",
         "/routes/0/topic", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"flyball/v1/event/{device}\",\"subject\":\"s\",\"meter\":\"m\"}]}",
         "/routes/0/topic", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"{s}\",\"meter\":\"m\"}]}", "/routes/0/subject",
         CONFIG_UNKNOWN_REFERENCE},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"a/b\",\"meter\":\"m\"}]}", "/routes/0/subject",
         CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"{device}/b\",\"meter\":\"m\"}]}",
         "/routes/0/subject", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"a b\"}]}", "/routes/0/meter",
         CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"\"}]}", "/routes/0/meter",
         CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\",\"device\":7}]}",
         "/routes/0/device", CONFIG_TYPE},
        {"{\"routes\":[{\"topic\":\"x/{d}\",\"subject\":\"s\",\"meter\":\"m\",\"device\":\"{e}\"}]}",
         "/routes/0/device", CONFIG_UNKNOWN_REFERENCE},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\",\"qos\":1}]}",
         "/routes/0/qos", CONFIG_UNKNOWN_KEY},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\",\"amount\":2}]}",
         "/routes/0/amount", CONFIG_TYPE},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\",\"amount\":{}}]}",
         "/routes/0/amount/pointer", CONFIG_REQUIRED},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\","
         "\"amount\":{\"pointer\":\"a\"}}]}",
         "/routes/0/amount/pointer", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\","
         "\"amount\":{\"pointer\":\"/a~2\"}}]}",
         "/routes/0/amount/pointer", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\","
         "\"amount\":{\"pointer\":\"/a\",\"kind\":\"sum\"}}]}",
         "/routes/0/amount/kind", CONFIG_RANGE},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\","
         "\"id\":{\"pointer\":null}}]}",
         "/routes/0/id/pointer", CONFIG_TYPE},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\",\"id\":\"/Time\"}]}",
         "/routes/0/id", CONFIG_TYPE},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\","
         "\"decide\":{\"topic\":\"y\",\"allow\":\"1\"}}]}",
         "/routes/0/decide/deny", CONFIG_REQUIRED},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\","
         "\"decide\":{\"topic\":\"y\",\"allow\":true,\"deny\":\"0\"}}]}",
         "/routes/0/decide/allow", CONFIG_TYPE},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\","
         "\"decide\":{\"topic\":\"y/{z}\",\"allow\":\"1\",\"deny\":\"0\"}}]}",
         "/routes/0/decide/topic", CONFIG_UNKNOWN_REFERENCE},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\","
         "\"decide\":{\"topic\":\"y/+\",\"allow\":\"1\",\"deny\":\"0\"}}]}",
         "/routes/0/decide/topic", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\","
         "\"decide\":{\"topic\":\"x/{device}\",\"allow\":\"1\",\"deny\":\"0\"}}]}",
         "/routes/0/decide/topic", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\","
         "\"decide\":{\"topic\":\"flyball/v1/event/a/b/c\",\"allow\":\"1\",\"deny\":\"0\"}}]}",
         "/routes/0/decide/topic", CONFIG_FORMAT},
        /* With other names, or for another route's devices, it would be taken for a reading all the same. */
        {"{\"routes\":[{\"topic\":\"x/{a}/{device}\",\"subject\":\"s\",\"meter\":\"m\","
         "\"decide\":{\"topic\":\"x/{device}/{a}\",\"allow\":\"1\",\"deny\":\"0\"}}]}",
         "/routes/0/decide/topic", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\","
         "\"decide\":{\"topic\":\"y/on\",\"allow\":\"1\",\"deny\":\"0\"}},"
         "{\"topic\":\"y/{device}\",\"subject\":\"s\",\"meter\":\"m\"}]}",
         "/routes/0/decide/topic", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"x/{a}/{b}/{c}/{device}\",\"subject\":\"s\",\"meter\":\"m\","
         "\"decide\":{\"topic\":\"{a}/{b}/{c}/y/{device}/m\",\"allow\":\"1\",\"deny\":\"0\"}}]}",
         "/routes/0/decide/topic", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"{a}/{b}/{c}/{d}/{device}\",\"subject\":\"s\",\"meter\":\"m\"}]}",
         "/routes/0/topic", CONFIG_FORMAT},
        {"{\"routes\":[{\"topic\":\"x/{device}\",\"subject\":\"s\",\"meter\":\"m\"},"
         "{\"topic\":\"x/{d}\",\"subject\":\"s\",\"meter\":\"m\",\"device\":\"{d}\"}]}",
         "/routes/1/topic", CONFIG_DUPLICATE},
    };
    assert_all_wrong(table, sizeof table / sizeof table[0]);
}

static void a_route_beside_the_root_is_foreign(void **context)
{
    (void)context;
    const char *const table[] = {
        "{\"routes\":[{\"topic\":\"flyball/v10/{device}\",\"subject\":\"s\",\"meter\":\"m\"}]}",
        "{\"topics\":{\"root\":\"a\"},\"routes\":[{\"topic\":\"flyball/v1/{device}\",\"subject\":\"s\","
        "\"meter\":\"m\"}]}",
        "{\"routes\":[{\"topic\":\"{a}/{device}\",\"subject\":\"{a}\",\"meter\":\"m\","
        "\"decide\":{\"topic\":\"{a}/{device}/set\",\"allow\":\"1\",\"deny\":\"0\"}}]}",
    };
    assert_all_good(table, sizeof table / sizeof table[0]);
}

/* A document of `count` routes. */
static const char *many_routes(char *json, size_t capacity, uint32_t count)
{
    struct text text = text_of(json, capacity);
    text_put_string(&text, "{\"routes\":[");
    for (uint32_t i = 0; i < count; i++) {
        text_put_string(&text, i == 0 ? "" : ",");
        text_put_string(&text, "{\"subject\":\"s\",\"meter\":\"m\",\"topic\":\"{device}/");
        text_put_unsigned(&text, i);
        text_put_string(&text, "\"}");
    }
    text_put_string(&text, "]}");
    return text_string(&text);
}

static void routes_are_limited(void **context)
{
    (void)context;
    char json[8192];
    struct config_snapshot *snapshot = load_good(many_routes(json, sizeof json, ROUTES_MAX));
    assert_int_equal(snapshot->route_count, ROUTES_MAX);
    config_snapshot_close(snapshot);
    assert_wrong(&(struct wrong){many_routes(json, sizeof json, ROUTES_MAX + 1), "/routes", CONFIG_TOO_MANY});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_a_route_arrives),
        cmocka_unit_test(wrong_routes_are_told_with_their_path),
        cmocka_unit_test(a_route_beside_the_root_is_foreign),
        cmocka_unit_test(routes_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
