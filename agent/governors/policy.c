#include "agent/governors/policy.h"

#include <stddef.h>

bool policy_is_any(const struct name *name)
{
    return name->length == 1 && name->text[0] == '*';
}

const struct plan *policy_plan(const struct policy *policy, const struct name *name)
{
    for (uint32_t i = 0; i < policy->plan_count; i++) {
        if (name_equal(&policy->plans[i].name, name)) {
            return &policy->plans[i];
        }
    }
    return NULL;
}

const struct meter *policy_meter(const struct policy *policy, const struct name *name)
{
    const struct meter *any = NULL;
    for (uint32_t i = 0; i < policy->meter_count; i++) {
        if (name_equal(&policy->meters[i].name, name)) {
            return &policy->meters[i];
        }
        if (policy_is_any(&policy->meters[i].name)) {
            any = &policy->meters[i];
        }
    }
    return any;
}

micro_units plan_price(const struct plan *plan, const struct name *meter)
{
    micro_units any = 0;
    for (uint8_t i = 0; i < plan->price_count; i++) {
        if (name_equal(&plan->prices[i].meter, meter)) {
            return plan->prices[i].price;
        }
        if (policy_is_any(&plan->prices[i].meter)) {
            any = plan->prices[i].price;
        }
    }
    return any;
}

bool plan_has_feature(const struct plan *plan, const struct name *feature)
{
    for (uint8_t i = 0; i < plan->feature_count; i++) {
        if (policy_is_any(&plan->features[i]) || name_equal(&plan->features[i], feature)) {
            return true;
        }
    }
    return false;
}
