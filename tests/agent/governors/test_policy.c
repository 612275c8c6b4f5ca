#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/governors/policy.h"

static struct plan plan_of(const char *name)
{
    return (struct plan){.name = name_of(name)};
}

static void plan_is_found_by_its_whole_name(void **context)
{
    (void)context;
    const struct plan plans[] = {plan_of("gold"), plan_of("free")};
    const struct policy policy = {.plans = plans, .plan_count = 2};
    const struct name free_plan = name_of("free"), prefix = name_of("fre"), none = name_of("");
    assert_ptr_equal(policy_plan(&policy, &free_plan), &plans[1]);
    assert_null(policy_plan(&policy, &prefix));
    assert_null(policy_plan(&policy, &none));
}

static void meter_without_an_entry_gets_that_of_star(void **context)
{
    (void)context;
    const struct meter meters[] = {{.name = name_of("*")}, {.name = name_of("kwh")}};
    const struct policy policy = {.meters = meters, .meter_count = 2};
    const struct name kwh = name_of("kwh"), other = name_of("unlock");
    assert_ptr_equal(policy_meter(&policy, &kwh), &meters[1]);
    assert_ptr_equal(policy_meter(&policy, &other), &meters[0]);
}

static void meter_is_unknown_without_a_star(void **context)
{
    (void)context;
    const struct meter meters[] = {{.name = name_of("kwh")}};
    const struct policy policy = {.meters = meters, .meter_count = 1};
    const struct policy empty = {.meter_count = 0};
    const struct name other = name_of("unlock");
    assert_null(policy_meter(&policy, &other));
    assert_null(policy_meter(&empty, &other));
}

struct price_row {
    const char *meter;
    uint8_t price_count; /* Of: kwh 5, * 7, unlock 0. */
    micro_units price;
};

static void price_is_the_meters_own_else_that_of_star_else_none(void **context)
{
    static const struct price_row rows[] = {
        {"kwh", 3, 5}, {"unlock", 3, 0}, {"water", 3, 7}, {"water", 1, 0}, {"kwh", 1, 5}, {"kwh", 0, 0},
    };
    (void)context;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct plan plan = {
            .price_count = rows[i].price_count,
            .prices = {{name_of("kwh"), 5}, {name_of("*"), 7}, {name_of("unlock"), 0}},
        };
        const struct name meter = name_of(rows[i].meter);
        assert_int_equal(plan_price(&plan, &meter), rows[i].price);
    }
}

static void plan_has_its_features_or_with_star_all(void **context)
{
    (void)context;
    const struct plan some = {.feature_count = 2, .features = {name_of("charge"), name_of("unlock")}};
    const struct plan all = {.feature_count = 1, .features = {name_of("*")}};
    const struct plan none = {.feature_count = 0};
    const struct name unlock = name_of("unlock"), other = name_of("export");
    assert_true(plan_has_feature(&some, &unlock));
    assert_false(plan_has_feature(&some, &other));
    assert_true(plan_has_feature(&all, &other));
    assert_false(plan_has_feature(&none, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan_is_found_by_its_whole_name),
        cmocka_unit_test(meter_without_an_entry_gets_that_of_star),
        cmocka_unit_test(meter_is_unknown_without_a_star),
        cmocka_unit_test(price_is_the_meters_own_else_that_of_star_else_none),
        cmocka_unit_test(plan_has_its_features_or_with_star_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
