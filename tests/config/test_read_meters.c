#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/config/loading.h"

static void every_part_of_a_meter_arrives(void **context)
{
    (void)context;
    struct config_snapshot *snapshot =
        load_good("{\"meters\":{\"unlock\":{\"chain\":[\"billing\",\"entitlement\"],\"feature\":\"door\","
                  "\"priority\":\"high\"},\"log\":{\"chain\":[],\"priority\":\"low\"},\"kwh\":{}}}");
    const struct policy *policy = &snapshot->policy;
    assert_int_equal(policy->meter_count, 3);
    const struct meter *meter = policy_meter(policy, &(struct name){.length = 6, .text = "unlock"});
    assert_int_equal(meter->chain_length, 2);
    assert_int_equal(meter->chain[0], GOVERNOR_BILLING);
    assert_int_equal(meter->chain[1], GOVERNOR_ENTITLEMENT);
    assert_true(bytes_equal_string(name_bytes(&meter->feature), "door"));
    assert_int_equal(meter->priority, PRIORITY_HIGH);
    meter = policy_meter(policy, &(struct name){.length = 3, .text = "log"});
    assert_int_equal(meter->chain_length, 0);
    assert_int_equal(meter->priority, PRIORITY_LOW);
    meter = policy_meter(policy, &(struct name){.length = 3, .text = "kwh"});
    assert_int_equal(meter->chain_length, 3);
    assert_int_equal(meter->chain[0], GOVERNOR_ENTITLEMENT);
    assert_int_equal(meter->priority, PRIORITY_NORMAL);
    assert_null(policy_meter(policy, &(struct name){.length = 1, .text = "x"}));
    config_snapshot_close(snapshot);
}

static void wrong_meters_are_told_with_their_path(void **context)
{
    (void)context;
    const struct wrong table[] = {
        {"{\"meters\":[]}", "/meters", CONFIG_TYPE},
        {"{\"meters\":{\"a/b\":{}}}", "/meters/a~1b", CONFIG_FORMAT},
        {"{\"meters\":{\"a+\":{}}}", "/meters/a+", CONFIG_FORMAT},
        {"{\"meters\":{\"\":{}}}", "/meters/", CONFIG_FORMAT},
        {"{\"meters\":{\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\":{}}}",
         "/meters/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", CONFIG_TOO_LONG},
        {"{\"meters\":{\"m\":null}}", "/meters/m", CONFIG_TYPE},
        {"{\"meters\":{\"m\":{\"chains\":[]}}}", "/meters/m/chains", CONFIG_UNKNOWN_KEY},
        {"{\"meters\":{\"m\":{\"chain\":\"quota\"}}}", "/meters/m/chain", CONFIG_TYPE},
        {"{\"meters\":{\"m\":{\"chain\":[\"quotas\"]}}}", "/meters/m/chain/0", CONFIG_RANGE},
        {"{\"meters\":{\"m\":{\"chain\":[\"quota\",7]}}}", "/meters/m/chain/1", CONFIG_TYPE},
        {"{\"meters\":{\"m\":{\"chain\":[\"quota\",\"quota\"]}}}", "/meters/m/chain/1", CONFIG_DUPLICATE},
        {"{\"meters\":{\"m\":{\"chain\":[1,2,3,4]}}}", "/meters/m/chain", CONFIG_TOO_MANY},
        {"{\"meters\":{\"m\":{\"feature\":\"\"}}}", "/meters/m/feature", CONFIG_FORMAT},
        {"{\"meters\":{\"m\":{\"feature\":false}}}", "/meters/m/feature", CONFIG_TYPE},
        {"{\"meters\":{\"m\":{\"priority\":\"urgent\"}}}", "/meters/m/priority", CONFIG_RANGE},
        {"{\"meters\":{\"m\":{\"priority\":null}}}", "/meters/m/priority", CONFIG_TYPE},
    };
    assert_all_wrong(table, sizeof table / sizeof table[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_a_meter_arrives),
        cmocka_unit_test(wrong_meters_are_told_with_their_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
