#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/config/loading.h"

/* A document whose plan "free" has the given quota. */
static struct wrong with_quota(char *json, size_t capacity, const struct wrong *quota)
{
    struct text text = text_of(json, capacity);
    text_put_string(&text, "{\"plans\":{\"free\":{\"quotas\":[");
    text_put_string(&text, quota->json);
    text_put_string(&text, "]}}}");
    return (struct wrong){text_string(&text), quota->path, quota->code};
}

static void every_part_of_a_plan_arrives(void **context)
{
    (void)context;
    struct config_snapshot *snapshot = load_good(
        "{\"plans\":{\"gold\":{\"features\":[\"unlock\",\"a b\"],"
        "\"quotas\":[{\"name\":\"q\",\"meter\":\"kwh\",\"algorithm\":\"token_bucket\",\"limit\":\"2.5\","
        "\"window_ms\":1500,\"warn\":0.1,\"throttle\":1,\"burst\":7},"
        "{\"name\":\"m\",\"limit\":0,\"window\":\"month\",\"algorithm\":\"sliding\"},"
        "{\"name\":\"b\",\"limit\":4,\"window\":\"minute\",\"algorithm\":\"token_bucket\",\"burst\":null}],"
        "\"prices\":{\"kwh\":\"0.2\",\"*\":1e-6},\"billing\":{\"low_balance\":\"5\",\"overdraft\":10}},"
        "\"bare\":{}},\"subjects\":{\"unknown\":\"deny\",\"plan\":\"bare\"}}");
    const struct policy *policy = &snapshot->policy;
    assert_int_equal(policy->plan_count, 2);
    const struct plan *gold = policy_plan(policy, &(struct name){.length = 4, .text = "gold"});
    assert_int_equal(gold->feature_count, 2);
    assert_true(bytes_equal_string(name_bytes(&gold->features[1]), "a b"));
    assert_int_equal(gold->quota_count, 3);
    assert_int_equal(gold->quotas[0].algorithm, QUOTA_TOKEN_BUCKET);
    assert_int_equal(gold->quotas[0].limit, 2500000);
    assert_int_equal(gold->quotas[0].window, QUOTA_WINDOW_DURATION);
    assert_int_equal(gold->quotas[0].window_ms, 1500);
    assert_int_equal(gold->quotas[0].warn, 100000);
    assert_int_equal(gold->quotas[0].throttle, 1000000);
    assert_int_equal(gold->quotas[0].burst, 7000000);
    assert_int_equal(gold->quotas[1].algorithm, QUOTA_SLIDING);
    assert_int_equal(gold->quotas[1].window, QUOTA_WINDOW_MONTH);
    assert_int_equal(gold->quotas[1].window_ms, 0);
    assert_int_equal(gold->quotas[1].limit, 0);
    assert_true(bytes_equal_string(name_bytes(&gold->quotas[1].meter), "*"));
    assert_int_equal(gold->quotas[1].warn, 750000);
    assert_int_equal(gold->quotas[2].burst, 4000000);
    assert_int_equal(gold->price_count, 2);
    assert_int_equal(gold->prices[0].price, 200000);
    assert_int_equal(gold->prices[1].price, 1);
    assert_int_equal(gold->billing.low_balance, 5000000);
    assert_int_equal(gold->billing.overdraft, 10000000);
    const struct plan *bare = policy_plan(policy, &policy->default_plan);
    assert_int_equal(bare->feature_count + bare->quota_count + bare->price_count, 0);
    assert_int_equal(policy->unknown, UNKNOWN_DENY);
    config_snapshot_close(snapshot);
}

static void windows_have_their_lengths(void **context)
{
    (void)context;
    const struct {
        const char *word;
        int64_t window_ms;
    } table[] = {{"second", 1000}, {"minute", 60000}, {"hour", 3600000}, {"day", 86400000}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char json[256];
        struct text text = text_of(json, sizeof json);
        text_put_string(&text, "{\"plans\":{\"free\":{\"quotas\":[{\"name\":\"q\",\"limit\":1,\"window\":\"");
        text_put_string(&text, table[i].word);
        text_put_string(&text, "\"}]}}}");
        struct config_snapshot *snapshot = load_good(text_string(&text));
        assert_int_equal(snapshot->policy.plans[0].quotas[0].window_ms, table[i].window_ms);
        config_snapshot_close(snapshot);
    }
}

static void wrong_quotas_are_told_with_their_path(void **context)
{
    (void)context;
    const struct wrong table[] = {
        {"7", "/plans/free/quotas/0", CONFIG_TYPE},
        {"{\"limit\":1,\"window\":\"day\"}", "/plans/free/quotas/0/name", CONFIG_REQUIRED},
        {"{\"name\":\"q\",\"window\":\"day\"}", "/plans/free/quotas/0/limit", CONFIG_REQUIRED},
        {"{\"name\":\"q\",\"limit\":1}", "/plans/free/quotas/0/window", CONFIG_REQUIRED},
        {"{\"name\":\"q\",\"limit\":1,\"window\":\"day\",\"window_ms\":5}", "/plans/free/quotas/0/window_ms",
         CONFIG_FORMAT},
        {"{\"name\":\"q\",\"limit\":1,\"window\":\"week\"}", "/plans/free/quotas/0/window", CONFIG_RANGE},
        {"{\"name\":\"q\",\"limit\":1,\"window\":null}", "/plans/free/quotas/0/window", CONFIG_TYPE},
        {"{\"name\":\"q\",\"limit\":1,\"window_ms\":0}", "/plans/free/quotas/0/window_ms", CONFIG_RANGE},
        {"{\"name\":\"q\",\"limit\":1,\"window_ms\":1e15}", "/plans/free/quotas/0/window_ms", CONFIG_RANGE},
        {"{\"name\":\"q\",\"limit\":1,\"window\":\"month\",\"algorithm\":\"token_bucket\"}",
         "/plans/free/quotas/0/window", CONFIG_FORMAT},
        {"{\"name\":\"q\",\"limit\":1,\"window\":\"day\",\"algorithm\":\"leaky\"}",
         "/plans/free/quotas/0/algorithm", CONFIG_RANGE},
        {"{\"name\":\"q\",\"limit\":-1,\"window\":\"day\"}", "/plans/free/quotas/0/limit", CONFIG_RANGE},
        {"{\"name\":\"q\",\"limit\":\"-1\",\"window\":\"day\"}", "/plans/free/quotas/0/limit", CONFIG_RANGE},
        {"{\"name\":\"q\",\"limit\":\"1e3\",\"window\":\"day\"}", "/plans/free/quotas/0/limit",
         CONFIG_FORMAT},
        {"{\"name\":\"q\",\"limit\":\"\",\"window\":\"day\"}", "/plans/free/quotas/0/limit", CONFIG_FORMAT},
        {"{\"name\":\"q\",\"limit\":0.0000001,\"window\":\"day\"}", "/plans/free/quotas/0/limit",
         CONFIG_FORMAT},
        {"{\"name\":\"q\",\"limit\":9007199255,\"window\":\"day\"}", "/plans/free/quotas/0/limit",
         CONFIG_RANGE},
        {"{\"name\":\"q\",\"limit\":\"9223372036854.775808\",\"window\":\"day\"}",
         "/plans/free/quotas/0/limit", CONFIG_RANGE},
        {"{\"name\":\"q\",\"limit\":null,\"window\":\"day\"}", "/plans/free/quotas/0/limit", CONFIG_TYPE},
        {"{\"name\":\"q\",\"limit\":1,\"window\":\"day\",\"warn\":0.95}", "/plans/free/quotas/0/warn",
         CONFIG_RANGE},
        {"{\"name\":\"q\",\"limit\":1,\"window\":\"day\",\"throttle\":0.5}", "/plans/free/quotas/0/warn",
         CONFIG_RANGE},
        {"{\"name\":\"q\",\"limit\":1,\"window\":\"day\",\"throttle\":1.5}", "/plans/free/quotas/0/throttle",
         CONFIG_RANGE},
        {"{\"name\":\"q\",\"limit\":1,\"window\":\"day\",\"throttle\":\"1\"}",
         "/plans/free/quotas/0/throttle", CONFIG_TYPE},
        {"{\"name\":\"q\",\"limit\":1,\"window\":\"day\",\"burst\":5}", "/plans/free/quotas/0/burst",
         CONFIG_FORMAT},
        {"{\"name\":\"q\",\"limit\":1,\"window\":\"day\",\"algorithm\":\"token_bucket\",\"burst\":0}",
         "/plans/free/quotas/0/burst", CONFIG_RANGE},
        {"{\"name\":\"q\",\"limit\":1,\"window\":\"day\",\"meter\":\"a/b\"}", "/plans/free/quotas/0/meter",
         CONFIG_FORMAT},
        {"{\"name\":\"\",\"limit\":1,\"window\":\"day\"}", "/plans/free/quotas/0/name", CONFIG_FORMAT},
        {"{\"name\":\"q\",\"limit\":1,\"window\":\"day\",\"period\":1}", "/plans/free/quotas/0/period",
         CONFIG_UNKNOWN_KEY},
        {"{\"name\":\"q\",\"limit\":1,\"window\":\"day\"},{\"name\":\"q\",\"limit\":2,\"window\":\"hour\"}",
         "/plans/free/quotas/1/name", CONFIG_DUPLICATE},
        {"1,2,3,4,5", "/plans/free/quotas", CONFIG_TOO_MANY},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char json[512];
        struct wrong wrong = with_quota(json, sizeof json, &table[i]);
        assert_wrong(&wrong);
    }
}

static void wrong_plans_are_told_with_their_path(void **context)
{
    (void)context;
    const struct wrong table[] = {
        {"{\"plans\":[]}", "/plans", CONFIG_TYPE},
        {"{\"plans\":null}", "/plans", CONFIG_TYPE},
        {"{\"plans\":{\"free\":1}}", "/plans/free", CONFIG_TYPE},
        {"{\"plans\":{\"free\":{\"feature\":[]}}}", "/plans/free/feature", CONFIG_UNKNOWN_KEY},
        {"{\"plans\":{\"free\":{},\"\":{}}}", "/plans/", CONFIG_FORMAT},
        {"{\"plans\":{\"free\":{},\"a/b\":{\"quotas\":{}}}}", "/plans/a~1b/quotas", CONFIG_TYPE},
        {"{\"plans\":{\"free\":{\"features\":\"*\"}}}", "/plans/free/features", CONFIG_TYPE},
        {"{\"plans\":{\"free\":{\"features\":[\"a\",1]}}}", "/plans/free/features/1", CONFIG_TYPE},
        {"{\"plans\":{\"free\":{\"features\":[\"a\",\"a\"]}}}", "/plans/free/features/1", CONFIG_DUPLICATE},
        {"{\"plans\":{\"free\":{\"features\":[\"\"]}}}", "/plans/free/features/0", CONFIG_FORMAT},
        {"{\"plans\":{\"free\":{\"features\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}}}",
         "/plans/free/features", CONFIG_TOO_MANY},
        {"{\"plans\":{\"free\":{\"prices\":[]}}}", "/plans/free/prices", CONFIG_TYPE},
        {"{\"plans\":{\"free\":{\"prices\":{\"kwh\":\"x\"}}}}", "/plans/free/prices/kwh", CONFIG_FORMAT},
        {"{\"plans\":{\"free\":{\"prices\":{\"kwh\":-1}}}}", "/plans/free/prices/kwh", CONFIG_RANGE},
        {"{\"plans\":{\"free\":{\"prices\":{\"k wh\":1}}}}", "/plans/free/prices/k wh", CONFIG_FORMAT},
        {"{\"plans\":{\"free\":{\"billing\":null}}}", "/plans/free/billing", CONFIG_TYPE},
        {"{\"plans\":{\"free\":{\"billing\":{\"overdraft\":\"-1\"}}}}", "/plans/free/billing/overdraft",
         CONFIG_RANGE},
        {"{\"plans\":{\"free\":{\"billing\":{\"currency\":\"EUR\"}}}}", "/plans/free/billing/currency",
         CONFIG_UNKNOWN_KEY},
        {"{\"plans\":{\"gold\":{}}}", "/subjects/plan", CONFIG_UNKNOWN_REFERENCE},
        {"{\"subjects\":{\"plan\":\"gold\"}}", "/subjects/plan", CONFIG_UNKNOWN_REFERENCE},
        {"{\"subjects\":{\"plan\":null}}", "/subjects/plan", CONFIG_TYPE},
        {"{\"subjects\":{\"unknown\":\"allow\"}}", "/subjects/unknown", CONFIG_RANGE},
        {"{\"subjects\":{\"default\":1}}", "/subjects/default", CONFIG_UNKNOWN_KEY},
        {"{\"subjects\":[]}", "/subjects", CONFIG_TYPE},
    };
    assert_all_wrong(table, sizeof table / sizeof table[0]);
}

static void given_policies_replace_the_default_whole(void **context)
{
    (void)context;
    struct config_snapshot *snapshot = load_good("{\"plans\":{\"free\":{}},\"meters\":{\"kwh\":{}}}");
    assert_int_equal(snapshot->policy.plans[0].feature_count, 0);
    assert_int_equal(snapshot->policy.plans[0].quota_count, 0);
    assert_null(policy_meter(&snapshot->policy, &(struct name){.length = 5, .text = "other"}));
    config_snapshot_close(snapshot);
}

/* {"plans":{"free":{},"p1":{},…}} with `count` plans. */
static const char *many_plans(char *json, size_t capacity, uint32_t count)
{
    struct text text = text_of(json, capacity);
    text_put_string(&text, "{\"plans\":{\"free\":{}");
    for (uint32_t i = 1; i < count; i++) {
        text_put_string(&text, ",\"p");
        text_put_unsigned(&text, i);
        text_put_string(&text, "\":{}");
    }
    text_put_string(&text, "}}");
    return text_string(&text);
}

static void plans_are_limited(void **context)
{
    (void)context;
    char json[8192];
    struct config_snapshot *snapshot = load_good(many_plans(json, sizeof json, PLANS_MAX));
    assert_int_equal(snapshot->policy.plan_count, PLANS_MAX);
    config_snapshot_close(snapshot);
    struct config_source source = loading_source(many_plans(json, sizeof json, PLANS_MAX + 1));
    struct config_errors errors;
    assert_int_equal(config_load(&source, &snapshot, &errors), STATUS_INVALID);
    assert_string_equal(errors.items[0].path, "/plans");
    assert_int_equal(errors.items[0].code, CONFIG_TOO_MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_a_plan_arrives),
        cmocka_unit_test(windows_have_their_lengths),
        cmocka_unit_test(wrong_quotas_are_told_with_their_path),
        cmocka_unit_test(wrong_plans_are_told_with_their_path),
        cmocka_unit_test(given_policies_replace_the_default_whole),
        cmocka_unit_test(plans_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
