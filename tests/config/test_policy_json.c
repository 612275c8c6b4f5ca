#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/policy_json.h"
#include "tests/config/loading.h"

static void assert_same_policy(const struct policy *left, const struct policy *right)
{
    assert_int_equal(left->plan_count, right->plan_count);
    if (left->plan_count > 0) {
        assert_memory_equal(left->plans, right->plans, left->plan_count * sizeof(struct plan));
    }
    assert_int_equal(left->meter_count, right->meter_count);
    if (left->meter_count > 0) {
        assert_memory_equal(left->meters, right->meters, left->meter_count * sizeof(struct meter));
    }
    assert_int_equal(left->unknown, right->unknown);
    assert_true(name_equal(&left->default_plan, &right->default_plan));
}

/* Writes the policy of a document and loads what was written. */
static void assert_comes_back(const char *json)
{
    struct config_snapshot *snapshot = load_good(json);
    size_t capacity = config_policy_bytes(&snapshot->policy);
    char *storage = malloc(capacity);
    struct text text = text_of(storage, capacity);
    config_policy_write(&snapshot->policy, &text);
    assert_false(text.overflowed);
    struct config_snapshot *again = load_good(text_string(&text));
    assert_same_policy(&snapshot->policy, &again->policy);
    config_snapshot_close(again);
    config_snapshot_close(snapshot);
    free(storage);
}

static void policies_come_back_as_they_were(void **context)
{
    (void)context;
    const char *const table[] = {
        "{}",
        "{\"meters\":{}}",
        "{\"plans\":{\"free\":{\"features\":[],\"quotas\":[]}},\"meters\":{\"a\":{\"chain\":[]}}}",
        "{\"plans\":{\"a\\\"b\\\\/~\\u00e9\":{\"features\":[\"*\",\"x y\"],\"quotas\":["
        "{\"name\":\"q\",\"meter\":\"kwh\",\"algorithm\":\"token_bucket\",\"limit\":\"2.5\",\"window_ms\":"
        "1500,"
        "\"warn\":0.000001,\"throttle\":1,\"burst\":7},"
        "{\"name\":\"m\",\"limit\":0,\"window\":\"month\",\"algorithm\":\"sliding\",\"warn\":0,\"throttle\":"
        "0},"
        "{\"name\":\"z\",\"limit\":0,\"window\":\"day\",\"algorithm\":\"token_bucket\",\"burst\":1},"
        "{\"name\":\"max\",\"limit\":\"9223372036854.775807\",\"window\":\"second\"}],"
        "\"prices\":{\"kwh\":\"0.000001\",\"*\":9007199254},"
        "\"billing\":{\"low_balance\":\"5.25\",\"overdraft\":10}},\"free\":{}},"
        "\"meters\":{\"kwh\":{\"chain\":[\"billing\"],\"feature\":\"f \\\" g\",\"priority\":\"high\"},"
        "\"*\":{\"priority\":\"low\"}},"
        "\"subjects\":{\"unknown\":\"deny\",\"plan\":\"a\\\"b\\\\/~\\u00e9\"}}",
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_comes_back(table[i]);
    }
}

/* A name as long as names get, all of it to be escaped, ending in the number. */
static void put_long_name(struct text *text, uint32_t number)
{
    for (int i = 0; i < 60; i++) {
        text_put_string(text, "\\\"");
    }
    text_put_unsigned(text, 1000 + number);
}

static void put_full_plan(struct text *text)
{
    text_put_string(text, "{\"features\":[");
    for (uint32_t i = 0; i < PLAN_FEATURES_MAX; i++) {
        text_put_string(text, i == 0 ? "\"" : ",\"");
        put_long_name(text, i);
        text_put_string(text, "\"");
    }
    text_put_string(text, "],\"quotas\":[");
    for (uint32_t i = 0; i < PLAN_QUOTAS_MAX; i++) {
        text_put_string(text, i == 0 ? "{\"name\":\"" : ",{\"name\":\"");
        put_long_name(text, i);
        text_put_string(text, "\",\"meter\":\"");
        put_long_name(text, i);
        text_put_string(text, "\",\"algorithm\":\"token_bucket\",\"limit\":\"9223372036854.775807\","
                              "\"burst\":\"9223372036854.775806\",\"window_ms\":316224000000,"
                              "\"warn\":0.123456,\"throttle\":0.654321}");
    }
    text_put_string(text, "],\"prices\":{");
    for (uint32_t i = 0; i < PLAN_PRICES_MAX; i++) {
        text_put_string(text, i == 0 ? "\"" : ",\"");
        put_long_name(text, i);
        text_put_string(text, "\":\"9223372036854.775807\"");
    }
    text_put_string(text, "},\"billing\":{\"low_balance\":\"9223372036854.775807\","
                          "\"overdraft\":\"9223372036854.775807\"}}");
}

static void the_largest_policy_fits_the_room_it_asks_for(void **context)
{
    (void)context;
    enum { CAPACITY = 1 << 20 };
    char *storage = malloc(CAPACITY);
    struct text json = text_of(storage, CAPACITY);
    text_put_string(&json, "{\"plans\":{\"free\":{}");
    for (uint32_t i = 0; i < 60; i++) {
        text_put_string(&json, ",\"");
        put_long_name(&json, i);
        text_put_string(&json, "\":");
        put_full_plan(&json);
    }
    text_put_string(&json, "},\"meters\":{\"*\":{}");
    for (uint32_t i = 0; i < METERS_MAX - 1; i++) {
        text_put_string(&json, ",\"");
        put_long_name(&json, i);
        text_put_string(&json, "\":{\"feature\":\"");
        put_long_name(&json, i);
        text_put_string(&json, "\"}");
    }
    text_put_string(&json, "}}");
    assert_false(json.overflowed);
    assert_comes_back(text_string(&json));
    free(storage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_come_back_as_they_were),
        cmocka_unit_test(the_largest_policy_fits_the_room_it_asks_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
