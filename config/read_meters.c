#include "config/fields.h"
#include "config/sections.h"

/* In the order of their enums. */
static const char *const PRIORITIES[] = {"high", "normal", "low", NULL};
static const char *const GOVERNORS[] = {"entitlement", "quota", "billing", NULL};
static const char *const UNKNOWN_SUBJECTS[] = {"bootstrap", "deny", NULL};

static const struct field METER[] = {
    {"chain", FIELD_ELSEWHERE, 0, 0, 0, NULL},
    {"feature", FIELD_NULLABLE_NAME, offsetof(struct meter, feature), 0, 0, NULL},
    {"priority", FIELD_CHOICE, offsetof(struct meter, priority), 0, 0, PRIORITIES},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static const struct field SUBJECTS[] = {
    {"unknown", FIELD_CHOICE, offsetof(struct policy, unknown), 0, 0, UNKNOWN_SUBJECTS},
    {"plan", FIELD_NAME, offsetof(struct policy, default_plan), 0, 0, NULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static void use_whole_chain(struct meter *meter)
{
    meter->chain[0] = GOVERNOR_ENTITLEMENT;
    meter->chain[1] = GOVERNOR_QUOTA;
    meter->chain[2] = GOVERNOR_BILLING;
    meter->chain_length = GOVERNOR_KINDS;
}

static bool has_governor(const struct meter *meter, enum governor_kind kind)
{
    for (uint8_t i = 0; i < meter->chain_length; i++) {
        if (meter->chain[i] == kind) {
            return true;
        }
    }
    return false;
}

static void read_governor(struct config_reader *reader, const cJSON *item, struct meter *meter)
{
    uint32_t index;
    if (!reader_choice(reader, item, GOVERNORS, &index)) {
        return;
    }
    if (has_governor(meter, (enum governor_kind)index)) {
        reader_complain(reader, CONFIG_DUPLICATE, "stands in the chain already");
        return;
    }
    meter->chain[meter->chain_length++] = (enum governor_kind)index;
}

static void read_chain(struct config_reader *reader, const cJSON *chain, struct meter *meter)
{
    if (!reader_is_array(reader, chain, CHAIN_LENGTH_MAX)) {
        return;
    }
    struct text outer = reader->path;
    size_t index = 0;
    for (const cJSON *item = chain->child; item != NULL; item = item->next) {
        reader_enter_index(reader, index++);
        read_governor(reader, item, meter);
        reader->path = outer;
    }
}

static void read_meter(struct config_reader *reader, const cJSON *item, struct meter *meter)
{
    meter->priority = PRIORITY_NORMAL;
    fields_read(reader, item, METER, meter);
    const cJSON *chain = cJSON_IsObject(item) ? json_member(item, "chain") : NULL;
    if (chain == NULL) {
        use_whole_chain(meter);
        return;
    }
    struct text outer = reader->path;
    reader_enter_key(reader, bytes_of_string("chain"));
    read_chain(reader, chain, meter);
    reader->path = outer;
}

void read_meters(struct config_reader *reader, const cJSON *meters, struct meter *read)
{
    struct text outer = reader->path;
    for (const cJSON *item = meters->child; item != NULL; item = item->next, read++) {
        reader_enter_key(reader, bytes_of_string(item->string));
        reader_segment_key(reader, item, &read->name);
        read_meter(reader, item, read);
        reader->path = outer;
    }
}

void read_subjects(struct config_reader *reader, const cJSON *subjects, struct policy *policy)
{
    policy->unknown = UNKNOWN_BOOTSTRAP;
    policy->default_plan = name_of("free");
    bool is_read = fields_read(reader, subjects, SUBJECTS, policy);
    /* Plans that could not be read are complained of already. */
    if (is_read && policy->plans != NULL && policy_plan(policy, &policy->default_plan) == NULL) {
        reader_complain_key(reader, "plan", CONFIG_UNKNOWN_REFERENCE, "must be the name of a plan in plans");
    }
}
