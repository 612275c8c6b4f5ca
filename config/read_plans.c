#include "config/fields.h"
#include "config/sections.h"

static const struct field PLAN[] = {
    {"features", FIELD_ELSEWHERE, 0, 0, 0, NULL}, {"quotas", FIELD_ELSEWHERE, 0, 0, 0, NULL},
    {"prices", FIELD_ELSEWHERE, 0, 0, 0, NULL},   {"billing", FIELD_ELSEWHERE, 0, 0, 0, NULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static const struct field BILLING[] = {
    {"low_balance", FIELD_AMOUNT, offsetof(struct billing_terms, low_balance), 0, 0, NULL},
    {"overdraft", FIELD_AMOUNT, offsetof(struct billing_terms, overdraft), 0, 0, NULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static bool is_listed(const struct plan *plan, const struct name *feature)
{
    for (uint8_t i = 0; i < plan->feature_count; i++) {
        if (name_equal(&plan->features[i], feature)) {
            return true;
        }
    }
    return false;
}

static void read_features(struct config_reader *reader, const cJSON *features, struct plan *plan)
{
    if (!reader_is_array(reader, features, PLAN_FEATURES_MAX)) {
        return;
    }
    struct text outer = reader->path;
    for (const cJSON *item = features->child; item != NULL; item = item->next) {
        struct name feature;
        reader_enter_index(reader, plan->feature_count);
        if (!reader_name(reader, item, &feature)) {
            feature = (struct name){0};
        } else if (is_listed(plan, &feature)) {
            reader_complain(reader, CONFIG_DUPLICATE, "stands in the list already");
        }
        plan->features[plan->feature_count++] = feature;
        reader->path = outer;
    }
}

static void read_prices(struct config_reader *reader, const cJSON *prices, struct plan *plan)
{
    if (!reader_is_object(reader, prices)) {
        return;
    }
    if (cJSON_GetArraySize(prices) > PLAN_PRICES_MAX) {
        reader_complain(reader, CONFIG_TOO_MANY, "a plan has at most %d prices", PLAN_PRICES_MAX);
        return;
    }
    struct text outer = reader->path;
    for (const cJSON *item = prices->child; item != NULL; item = item->next) {
        struct price *price = &plan->prices[plan->price_count++];
        reader_enter_key(reader, bytes_of_string(item->string));
        reader_segment_key(reader, item, &price->meter);
        reader_amount(reader, item, &price->price);
        reader->path = outer;
    }
}

static void read_plan(struct config_reader *reader, const cJSON *item, struct plan *plan)
{
    fields_read(reader, item, PLAN, plan);
    struct text outer = reader->path;
    for (const cJSON *part = cJSON_IsObject(item) ? item->child : NULL; part != NULL; part = part->next) {
        struct bytes key = bytes_of_string(part->string);
        reader_enter_key(reader, key);
        if (bytes_equal_string(key, "features")) {
            read_features(reader, part, plan);
        } else if (bytes_equal_string(key, "quotas")) {
            read_quotas(reader, part, plan);
        } else if (bytes_equal_string(key, "prices")) {
            read_prices(reader, part, plan);
        } else if (bytes_equal_string(key, "billing")) {
            fields_read(reader, part, BILLING, &plan->billing);
        }
        reader->path = outer;
    }
}

void read_plans(struct config_reader *reader, const cJSON *plans, struct plan *read)
{
    struct text outer = reader->path;
    for (const cJSON *item = plans->child; item != NULL; item = item->next, read++) {
        reader_enter_key(reader, bytes_of_string(item->string));
        reader_name_key(reader, item, &read->name);
        read_plan(reader, item, read);
        reader->path = outer;
    }
}
