#include <string.h>

#include "agent/runtime/dedup_window.h"
#include "config/load.h"
#include "config/policy_json.h"
#include "mqtt/topic.h"
#include "tests/fuzz/config_check.h"
#include "tests/fuzz/event_check.h"
#include "tests/fuzz/fuzz.h"

enum { POLICY_BYTES_MAX = 16 << 20 };

static void check_settings(const struct settings *settings)
{
    const struct store_settings *store = &settings->store;
    fuzz_require(name_is_segment(name_bytes(&settings->agent_id)), "the agent's id is a segment");
    fuzz_require(store->segment_bytes % 4096 == 0 && store->segment_bytes >= 94208 &&
                     store->segment_bytes <= 256 << 20 && store->max_bytes / 4 >= store->segment_bytes,
                 "the store's sizes are ones it opens with");
    fuzz_require(store->compression <= 9, "compression is a level of zlib's");
    fuzz_require(settings->memory.high <= settings->memory.critical &&
                     settings->memory.critical <= MICRO_UNITS_ONE,
                 "high is at most critical");
    fuzz_require(settings->runtime.dedup_window >= DEDUP_WINDOW_MIN &&
                     settings->runtime.dedup_window <= DEDUP_WINDOW_MAX,
                 "the window is one a subject can have");
    fuzz_require(settings->pool.slots > 0 && settings->pool.slot_bytes > 0 && settings->runtime.mailbox > 0 &&
                     settings->runtime.subjects_hot > 0 && settings->limits.payload_bytes > 0,
                 "there is room for something");
}

static void check_topic_settings(const struct settings *settings)
{
    const struct topic_settings *configured = &settings->topics;
    struct topics topics = {.root = bytes_of_string(configured->root),
                            .agent = name_bytes(&settings->agent_id),
                            .response_prefixes = configured->response_prefixes,
                            .response_prefix_count = configured->response_prefix_count};
    struct name longest;
    char storage[TOPIC_BYTES_MAX];
    struct text text = text_of(storage, sizeof storage);
    memset(longest.text, 'x', sizeof longest.text);
    longest.length = NAME_BYTES_MAX;
    topic_put_decision(&text, &topics, &longest, &longest);
    fuzz_require(!text.overflowed && topic_parse(&topics, text_bytes(&text)).kind == TOPIC_FOREIGN,
                 "a decision's topic fits and is no event's");
    text.length = 0;
    topic_put_agent(&text, &topics, AGENT_TOPIC_CONFIG_DESIRED);
    fuzz_require(!text.overflowed && topic_parse(&topics, text_bytes(&text)).kind == TOPIC_CONFIG_DESIRED,
                 "the agent's topics are told apart");
}

static void check_quota(const struct quota_limit *limit)
{
    bool is_month = limit->window == QUOTA_WINDOW_MONTH;
    fuzz_require(limit->limit >= 0 && limit->warn >= 0 && limit->warn <= limit->throttle &&
                     limit->throttle <= MICRO_UNITS_ONE,
                 "a limit's shares rise to one");
    fuzz_require(is_month ? limit->window_ms == 0 && limit->algorithm != QUOTA_TOKEN_BUCKET
                          : limit->window_ms > 0,
                 "a window has a length, or is a month");
    fuzz_require(limit->algorithm == QUOTA_TOKEN_BUCKET ? limit->burst > 0 || limit->limit == 0
                                                        : limit->burst == limit->limit,
                 "a burst belongs to a bucket");
    fuzz_require(!name_is_empty(&limit->name) && name_is_segment(name_bytes(&limit->meter)),
                 "a limit has a name and a meter");
}

static void check_plan(const struct plan *plan)
{
    fuzz_require(plan->feature_count <= PLAN_FEATURES_MAX && plan->quota_count <= PLAN_QUOTAS_MAX &&
                     plan->price_count <= PLAN_PRICES_MAX,
                 "a plan has no more than it can hold");
    for (uint8_t i = 0; i < plan->quota_count; i++) {
        check_quota(&plan->quotas[i]);
    }
    for (uint8_t i = 0; i < plan->price_count; i++) {
        fuzz_require(plan->prices[i].price >= 0, "a price is not negative");
    }
    fuzz_require(plan->billing.low_balance >= 0 && plan->billing.overdraft >= 0, "terms are not negative");
}

static void check_policy(const struct policy *policy)
{
    for (uint32_t i = 0; i < policy->plan_count; i++) {
        check_plan(&policy->plans[i]);
    }
    for (uint32_t i = 0; i < policy->meter_count; i++) {
        fuzz_require(policy->meters[i].chain_length <= CHAIN_LENGTH_MAX, "a chain has each governor once");
    }
    fuzz_require(policy_plan(policy, &policy->default_plan) != NULL, "the plan of strangers is there");
}

/* As flyball state reads it from policy.json. */
static void check_written(const struct policy *policy)
{
    static char storage[POLICY_BYTES_MAX];
    static struct config_errors errors;
    struct config_snapshot *again;
    size_t most = config_policy_bytes(policy);
    fuzz_require(most <= sizeof storage, "a policy's text is within bounds");
    struct text text = text_of(storage, most);
    config_policy_write(policy, &text);
    fuzz_require(!text.overflowed, "a policy fits the room it asks for");
    struct config_source source = {.text = text_bytes(&text), .host_name = "edge-1", .is_literal = true};
    fuzz_require_json(source.text);
    fuzz_require(config_load(&source, &again, &errors) == STATUS_OK, "a written policy loads");
    const struct policy *read = &again->policy;
    bool is_same = read->plan_count == policy->plan_count && read->meter_count == policy->meter_count &&
                   read->unknown == policy->unknown && name_equal(&read->default_plan, &policy->default_plan);
    is_same = is_same && memcmp(read->plans, policy->plans, policy->plan_count * sizeof *policy->plans) == 0;
    is_same =
        is_same && (policy->meter_count == 0 ||
                    memcmp(read->meters, policy->meters, policy->meter_count * sizeof *policy->meters) == 0);
    fuzz_require(is_same, "a written policy reads back the same");
    config_snapshot_close(again);
}

static void check_decisions(const struct policy *policy)
{
    static const micro_units amounts[] = {0, 1, MICRO_UNITS_ONE, MICRO_UNITS_MOST};
    struct decoded_event decoded = {
        .event = {.subject = name_of("acme"), .device = name_of("meter-7"), .id = name_of("e-1")}};
    uint32_t count = policy->meter_count < 4 ? policy->meter_count : 4;
    for (uint32_t i = 0; i < count; i++) {
        decoded.event.meter = policy->meters[i].name;
        for (size_t j = 0; j < sizeof amounts / sizeof amounts[0]; j++) {
            decoded.event.amount = amounts[j];
            check_decision_under(policy, &decoded);
        }
    }
}

void check_snapshot(const struct config_snapshot *snapshot)
{
    check_settings(&snapshot->settings);
    check_topic_settings(&snapshot->settings);
    check_policy(&snapshot->policy);
    check_written(&snapshot->policy);
    check_decisions(&snapshot->policy);
}
