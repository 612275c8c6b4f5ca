#include "config/policy_json.h"

#include <stdlib.h>

enum {
    /* Keys and punctuation around the values, escaped and indented for nobody. */
    PLAN_JSON_BYTES = 8192,
    METER_JSON_BYTES = 1024,
    POLICY_JSON_BYTES = 1024,
};

size_t config_policy_bytes(const struct policy *policy)
{
    /* A name may double by escaping. */
    return POLICY_JSON_BYTES + policy->plan_count * (2 * sizeof(struct plan) + PLAN_JSON_BYTES) +
           policy->meter_count * (2 * sizeof(struct meter) + METER_JSON_BYTES);
}

static const char *algorithm_word(enum quota_algorithm algorithm)
{
    switch (algorithm) {
    case QUOTA_FIXED: return "fixed";
    case QUOTA_SLIDING: return "sliding";
    case QUOTA_TOKEN_BUCKET: return "token_bucket";
    }
    abort(); /* Corrupt algorithm. */
}

static const char *priority_word(enum meter_priority priority)
{
    switch (priority) {
    case PRIORITY_HIGH: return "high";
    case PRIORITY_NORMAL: return "normal";
    case PRIORITY_LOW: return "low";
    }
    abort(); /* Corrupt priority. */
}

static const char *unknown_word(enum unknown_subject unknown)
{
    switch (unknown) {
    case UNKNOWN_BOOTSTRAP: return "bootstrap";
    case UNKNOWN_DENY: return "deny";
    }
    abort(); /* Corrupt choice. */
}

static void write_share(struct text *json, const char *key, micro_units share)
{
    char digits[MICRO_UNITS_TEXT_MAX];
    json_key(json, key);
    json_raw(json, bytes_of(digits, micro_units_format(share, digits)));
}

static void write_quota(struct text *json, const struct quota_limit *limit)
{
    json_open_object(json);
    json_put_name(json, "name", &limit->name);
    json_put_name(json, "meter", &limit->meter);
    json_put_literal(json, "algorithm", algorithm_word(limit->algorithm));
    json_put_amount(json, "limit", limit->limit);
    switch (limit->window) {
    case QUOTA_WINDOW_DURATION: json_put_signed(json, "window_ms", limit->window_ms); break;
    case QUOTA_WINDOW_MONTH: json_put_literal(json, "window", "month"); break;
    }
    write_share(json, "warn", limit->warn);
    write_share(json, "throttle", limit->throttle);
    if (limit->burst == limit->limit) {
        json_key(json, "burst");
        json_null(json);
    } else {
        json_put_amount(json, "burst", limit->burst);
    }
    json_close_object(json);
}

static void write_features(struct text *json, const struct plan *plan)
{
    json_key(json, "features");
    json_open_array(json);
    for (uint8_t i = 0; i < plan->feature_count; i++) {
        json_string(json, name_bytes(&plan->features[i]));
    }
    json_close_array(json);
}

static void write_plan(struct text *json, const struct plan *plan)
{
    json_key_bytes(json, name_bytes(&plan->name));
    json_open_object(json);
    write_features(json, plan);
    json_key(json, "quotas");
    json_open_array(json);
    for (uint8_t i = 0; i < plan->quota_count; i++) {
        write_quota(json, &plan->quotas[i]);
    }
    json_close_array(json);
    json_key(json, "prices");
    json_open_object(json);
    for (uint8_t i = 0; i < plan->price_count; i++) {
        json_key_bytes(json, name_bytes(&plan->prices[i].meter));
        json_amount(json, plan->prices[i].price);
    }
    json_close_object(json);
    json_key(json, "billing");
    json_open_object(json);
    json_put_amount(json, "low_balance", plan->billing.low_balance);
    json_put_amount(json, "overdraft", plan->billing.overdraft);
    json_close_object(json);
    json_close_object(json);
}

static void write_meter(struct text *json, const struct meter *meter)
{
    json_key_bytes(json, name_bytes(&meter->name));
    json_open_object(json);
    json_key(json, "chain");
    json_open_array(json);
    for (uint8_t i = 0; i < meter->chain_length; i++) {
        json_string(json, bytes_of_string(governor_name(meter->chain[i])));
    }
    json_close_array(json);
    json_key(json, "feature");
    if (name_is_empty(&meter->feature)) {
        json_null(json);
    } else {
        json_string(json, name_bytes(&meter->feature));
    }
    json_put_literal(json, "priority", priority_word(meter->priority));
    json_close_object(json);
}

void config_policy_write(const struct policy *policy, struct text *json)
{
    json_open_object(json);
    json_key(json, "plans");
    json_open_object(json);
    for (uint32_t i = 0; i < policy->plan_count; i++) {
        write_plan(json, &policy->plans[i]);
    }
    json_close_object(json);
    json_key(json, "meters");
    json_open_object(json);
    for (uint32_t i = 0; i < policy->meter_count; i++) {
        write_meter(json, &policy->meters[i]);
    }
    json_close_object(json);
    json_key(json, "subjects");
    json_open_object(json);
    json_put_literal(json, "unknown", unknown_word(policy->unknown));
    json_put_name(json, "plan", &policy->default_plan);
    json_close_object(json);
    json_close_object(json);
}
