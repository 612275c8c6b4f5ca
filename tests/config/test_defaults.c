#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "tests/config/loading.h"

static void everything_left_out_gives_what_the_contract_says(void **context)
{
    (void)context;
    struct config_source source = {.host_name = "edge-7"};
    struct config_snapshot *snapshot;
    struct config_errors errors;
    assert_int_equal(config_load(&source, &snapshot, &errors), STATUS_OK);
    const struct settings *settings = &snapshot->settings;
    assert_true(bytes_equal_string(name_bytes(&settings->agent_id), "edge-7"));
    assert_string_equal(settings->broker.url, "mqtt://127.0.0.1:1883");
    assert_string_equal(settings->broker.host, "127.0.0.1");
    assert_int_equal(settings->broker.port, 1883);
    assert_int_equal(settings->broker.protocol, BROKER_PROTOCOL_5);
    assert_string_equal(settings->broker.client_id, "flyball-edge-7");
    assert_null(settings->broker.username);
    assert_null(settings->broker.password_file);
    assert_string_equal(settings->topics.root, "flyball/v1");
    assert_int_equal(settings->topics.response_prefix_count, 2);
    assert_true(bytes_equal_string(settings->topics.response_prefixes[0], "flyball/v1/decision/"));
    assert_true(bytes_equal_string(settings->topics.response_prefixes[1], "flyball/v1/reply/"));
    assert_int_equal(settings->topics.state, STATE_TOPICS_ON);
    assert_int_equal(settings->pool.slots, 1024);
    assert_int_equal(settings->pool.slot_bytes, 512);
    assert_int_equal(settings->pool.on_full, POOL_BACKPRESSURE);
    assert_int_equal(settings->runtime.schedulers, 0);
    assert_int_equal(settings->runtime.mailbox, 20);
    assert_int_equal(settings->runtime.subjects_hot, 4096);
    assert_int_equal(settings->runtime.dedup_window, 64);
    assert_int_equal(settings->store.durability, STORE_FSYNC);
    assert_int_equal(settings->store.commit_interval_ms, 2);
    assert_int_equal(settings->store.max_bytes, 256 << 20);
    assert_int_equal(settings->store.subjects_max, 1048576);
    assert_int_equal(settings->store.retention_ms, 0);
    assert_int_equal(settings->store.retention_bytes, 0);
    assert_int_equal(settings->memory.limit_bytes, 0);
    assert_int_equal(settings->memory.high, 750000);
    assert_int_equal(settings->memory.critical, 900000);
    assert_int_equal(settings->memory.check_interval_ms, 5000);
    assert_int_equal(settings->memory.cooldown_ms, 10000);
    assert_int_equal(settings->metrics_interval_ms, 5000);
    assert_string_equal(settings->http.host, "127.0.0.1");
    assert_int_equal(settings->http.port, 9464);
    assert_int_equal(settings->limits.payload_bytes, 4096);
    assert_int_equal(settings->limits.device_rate, 0);
    assert_int_equal(snapshot->route_count, 0);
    config_snapshot_close(snapshot);
}

static void the_default_policy_is_the_contracts(void **context)
{
    (void)context;
    struct config_snapshot *snapshot = load_good("{}");
    const struct policy *policy = &snapshot->policy;
    assert_int_equal(policy->version, 0);
    assert_int_equal(policy->plan_count, 1);
    const struct plan *plan = &policy->plans[0];
    assert_true(bytes_equal_string(name_bytes(&plan->name), "free"));
    assert_int_equal(plan->feature_count, 1);
    assert_true(bytes_equal_string(name_bytes(&plan->features[0]), "*"));
    assert_int_equal(plan->quota_count, 1);
    const struct quota_limit *quota = &plan->quotas[0];
    assert_true(bytes_equal_string(name_bytes(&quota->name), "daily"));
    assert_true(bytes_equal_string(name_bytes(&quota->meter), "*"));
    assert_int_equal(quota->algorithm, QUOTA_FIXED);
    assert_int_equal(quota->window, QUOTA_WINDOW_DURATION);
    assert_int_equal(quota->window_ms, 86400000);
    assert_int_equal(quota->limit, 10000 * MICRO_UNITS_ONE);
    assert_int_equal(quota->warn, 750000);
    assert_int_equal(quota->throttle, 900000);
    assert_int_equal(plan->price_count, 0);
    assert_int_equal(plan->billing.low_balance, 0);
    assert_int_equal(plan->billing.overdraft, 0);
    assert_int_equal(policy->meter_count, 1);
    const struct meter *meter = &policy->meters[0];
    assert_true(bytes_equal_string(name_bytes(&meter->name), "*"));
    assert_int_equal(meter->chain_length, 3);
    assert_int_equal(meter->chain[0], GOVERNOR_ENTITLEMENT);
    assert_int_equal(meter->chain[1], GOVERNOR_QUOTA);
    assert_int_equal(meter->chain[2], GOVERNOR_BILLING);
    assert_true(name_is_empty(&meter->feature));
    assert_int_equal(meter->priority, PRIORITY_NORMAL);
    assert_int_equal(policy->unknown, UNKNOWN_BOOTSTRAP);
    assert_true(bytes_equal_string(name_bytes(&policy->default_plan), "free"));
    config_snapshot_close(snapshot);
}

static struct config_text read_shipped(const char *name)
{
    char path[1024];
    struct text text = text_of(path, sizeof path);
    struct io io = io_posix();
    struct config_text file;
    text_put_string(&text, CONFIG_FOLDER "/");
    text_put_string(&text, name);
    assert_int_equal(config_text_read(&io, text_string(&text), &file), STATUS_OK);
    return file;
}

static void assert_same_string(const char *left, const char *right)
{
    assert_int_equal(left == NULL, right == NULL);
    if (left != NULL) {
        assert_string_equal(left, right);
    }
}

static void assert_same_settings(struct settings left, struct settings right)
{
    const char *const *strings[][2] = {
        {&left.broker.url, &right.broker.url},
        {&left.broker.host, &right.broker.host},
        {&left.broker.path, &right.broker.path},
        {&left.broker.client_id, &right.broker.client_id},
        {&left.broker.username, &right.broker.username},
        {&left.broker.password_file, &right.broker.password_file},
        {&left.broker.ca_file, &right.broker.ca_file},
        {&left.broker.cert_file, &right.broker.cert_file},
        {&left.broker.key_file, &right.broker.key_file},
        {&left.topics.root, &right.topics.root},
        {&left.runtime.dir, &right.runtime.dir},
        {&left.store.dir, &right.store.dir},
        {&left.http.listen, &right.http.listen},
        {&left.http.host, &right.http.host},
    };
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        assert_same_string(*strings[i][0], *strings[i][1]);
    }
    assert_int_equal(left.topics.response_prefix_count, right.topics.response_prefix_count);
    for (uint32_t i = 0; i < left.topics.response_prefix_count; i++) {
        assert_true(bytes_equal(left.topics.response_prefixes[i], right.topics.response_prefixes[i]));
    }
    assert_true(name_equal(&left.agent_id, &right.agent_id));
    assert_int_equal(left.broker.scheme, right.broker.scheme);
    assert_int_equal(left.broker.port, right.broker.port);
    assert_int_equal(left.broker.protocol, right.broker.protocol);
    assert_int_equal(left.broker.keepalive_s, right.broker.keepalive_s);
    assert_int_equal(left.broker.receive_maximum, right.broker.receive_maximum);
    assert_int_equal(left.topics.state, right.topics.state);
    assert_memory_equal(&left.pool, &right.pool, sizeof left.pool);
    assert_int_equal(left.runtime.schedulers, right.runtime.schedulers);
    assert_int_equal(left.runtime.mailbox, right.runtime.mailbox);
    assert_int_equal(left.runtime.subjects_hot, right.runtime.subjects_hot);
    assert_int_equal(left.runtime.dedup_window, right.runtime.dedup_window);
    assert_int_equal(left.store.durability, right.store.durability);
    assert_int_equal(left.store.commit_interval_ms, right.store.commit_interval_ms);
    assert_int_equal(left.store.segment_bytes, right.store.segment_bytes);
    assert_int_equal(left.store.max_bytes, right.store.max_bytes);
    assert_int_equal(left.store.subjects_max, right.store.subjects_max);
    assert_int_equal(left.store.retention_ms, right.store.retention_ms);
    assert_int_equal(left.store.retention_bytes, right.store.retention_bytes);
    assert_int_equal(left.store.compression, right.store.compression);
    assert_memory_equal(&left.memory, &right.memory, sizeof left.memory);
    assert_int_equal(left.metrics_interval_ms, right.metrics_interval_ms);
    assert_int_equal(left.http.port, right.http.port);
    assert_int_equal(left.log_level, right.log_level);
    assert_int_equal(left.log_format, right.log_format);
    assert_memory_equal(&left.limits, &right.limits, sizeof left.limits);
}

static void the_shipped_file_says_exactly_the_defaults(void **context)
{
    (void)context;
    struct config_text file = read_shipped("flyball.json");
    struct config_source source = {.text = file.bytes, .host_name = "edge-7"};
    struct config_snapshot *shipped;
    struct config_errors errors;
    assert_int_equal(config_load(&source, &shipped, &errors), STATUS_OK);
    struct config_snapshot *built_in = load_good("{}");
    assert_same_settings(shipped->settings, built_in->settings);
    assert_int_equal(shipped->route_count, 0);
    assert_int_equal(shipped->policy.plan_count, 1);
    assert_memory_equal(shipped->policy.plans, built_in->policy.plans, sizeof(struct plan));
    assert_int_equal(shipped->policy.meter_count, 1);
    assert_memory_equal(shipped->policy.meters, built_in->policy.meters, sizeof(struct meter));
    assert_int_equal(shipped->policy.unknown, built_in->policy.unknown);
    assert_true(name_equal(&shipped->policy.default_plan, &built_in->policy.default_plan));
    config_snapshot_close(shipped);
    config_snapshot_close(built_in);
    config_text_close(&file);
}

/* The schema a {"$ref": "#/$defs/NAME"} points at, or the schema itself. */
static const cJSON *resolve(const cJSON *root, const cJSON *schema)
{
    const cJSON *ref = json_member(schema, "$ref");
    if (ref == NULL) {
        return schema;
    }
    assert_true(strncmp(ref->valuestring, "#/$defs/", 8) == 0);
    const cJSON *found = json_member(json_member(root, "$defs"), ref->valuestring + 8);
    assert_non_null(found);
    return found;
}

static void assert_described(const cJSON *root, const cJSON *schema, const cJSON *value);

static void assert_member_described(const cJSON *root, const cJSON *schema, const cJSON *member)
{
    const cJSON *properties = json_member(schema, "properties");
    const cJSON *described = properties == NULL ? NULL : json_member(properties, member->string);
    const cJSON *others = json_member(schema, "additionalProperties");
    assert_non_null(others);
    if (described == NULL && !cJSON_IsObject(others)) {
        fail_msg("%s is not in the schema", member->string);
    }
    if (described != NULL && json_member(described, "description") == NULL) {
        fail_msg("%s has no description", member->string);
    }
    assert_described(root, described != NULL ? described : others, member);
}

static void assert_described(const cJSON *root, const cJSON *schema, const cJSON *value)
{
    schema = resolve(root, schema);
    if (cJSON_IsObject(value)) {
        for (const cJSON *member = value->child; member != NULL; member = member->next) {
            assert_member_described(root, schema, member);
        }
    } else if (cJSON_IsArray(value)) {
        for (const cJSON *item = value->child; item != NULL; item = item->next) {
            assert_described(root, json_member(schema, "items"), item);
        }
    }
}

static const cJSON *parse_shipped(struct config_text file, struct arena *arena)
{
    struct json_result result = json_parse(file.bytes, CONFIG_DEPTH_MAX, arena);
    assert_int_equal(result.error, JSON_OK);
    return result.root;
}

static void the_schema_describes_every_key_of_the_shipped_file(void **context)
{
    (void)context;
    static uint8_t memory[4 << 20] __attribute__((aligned(16)));
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    struct config_text defaults_file = read_shipped("flyball.json");
    struct config_text schema_file = read_shipped("flyball.schema.json");
    const cJSON *defaults = parse_shipped(defaults_file, &arena);
    const cJSON *schema = parse_shipped(schema_file, &arena);
    assert_described(schema, schema, defaults);
    const cJSON *sections = json_member(schema, "properties");
    for (const cJSON *section = sections->child; section != NULL; section = section->next) {
        assert_non_null(json_member(defaults, section->string));
    }
    config_text_close(&defaults_file);
    config_text_close(&schema_file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_left_out_gives_what_the_contract_says),
        cmocka_unit_test(the_default_policy_is_the_contracts),
        cmocka_unit_test(the_shipped_file_says_exactly_the_defaults),
        cmocka_unit_test(the_schema_describes_every_key_of_the_shipped_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
