#include "tests/simulation/preset.h"

#include <stdio.h>
#include <string.h>

enum { ANSWERED_COMMANDS_MAX = 50, ANSWER_BYTES_MOST = 250 };

const char *const preset_meters[PRESET_METERS] = {"kwh", "call", "door"};
const char *const preset_plans[PRESET_PLANS] = {"free", "gold", "tiny"};
const char *const preset_limits[PRESET_LIMITS] = {"q0", "q1", "q2", "q3"};

static void draw_limit(struct preset_limit *limit, struct dice *dice)
{
    static const char *const algorithms[] = {"fixed", "sliding", "token_bucket"};
    static const char *const windows[] = {"second", "minute", "hour", "day", "month"};
    uint32_t algorithm = dice_roll(dice, 3);
    limit->algorithm = algorithms[algorithm];
    bool has_length = algorithm == 2 || dice_chance(dice, 300);
    limit->window = has_length ? NULL : windows[dice_roll(dice, 5)];
    limit->window_ms = dice_between(dice, 50, dice_chance(dice, 500) ? 5000 : 500000);
    limit->is_for_one_meter = dice_chance(dice, 300);
    limit->meter = (uint8_t)dice_roll(dice, PRESET_METERS);
}

static uint32_t draw_amount(struct dice *dice)
{
    switch (dice_roll(dice, 4)) {
    case 0: return 0;
    case 1: return dice_between(dice, 1, 30);
    default: return dice_between(dice, 30, 2000);
    }
}

static void draw_plan(struct preset_plan *plan, struct dice *dice)
{
    plan->quota_count = (uint8_t)dice_roll(dice, PRESET_QUOTAS_MAX + 1);
    plan->first_limit = (uint8_t)dice_roll(dice, PRESET_LIMITS);
    for (int i = 0; i < PRESET_QUOTAS_MAX; i++) {
        plan->limits[i] = dice_chance(dice, 50) ? 0 : dice_between(dice, 5, 400);
    }
    for (int i = 0; i < PRESET_METERS; i++) {
        plan->prices[i] = dice_chance(dice, 300) ? 0 : dice_between(dice, 1, 300);
    }
    plan->low_balance = draw_amount(dice) / 50;
    plan->overdraft = draw_amount(dice);
    plan->has_all_features = dice_chance(dice, 800);
}

static void draw_meter(struct preset_meter *meter, struct dice *dice)
{
    static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    memcpy(meter->chain, orders[dice_roll(dice, 6)], sizeof meter->chain);
    meter->chain_length = (uint8_t)(dice_chance(dice, 700) ? 3 : dice_between(dice, 1, 3));
    meter->needs_feature = dice_chance(dice, 150);
}

static void draw_store(struct preset *preset, struct dice *dice)
{
    static const uint32_t windows[] = {16, 16, 17, 24, 64};
    preset->dedup_window = windows[dice_roll(dice, 5)];
    preset->subjects_hot = dice_between(dice, 2, dice_chance(dice, 700) ? 5 : 40);
    preset->pool_slots = dice_between(dice, 8, dice_chance(dice, 500) ? 16 : 64);
    preset->pool_slot_bytes = dice_chance(dice, 500) ? 128 : 512;
    preset->mailbox = dice_between(dice, 1, 20);
    preset->segment_bytes = 4096 * dice_between(dice, 24, 36);
    preset->segments = dice_between(dice, 5, dice_chance(dice, 700) ? 5 : 10);
    preset->retention_ms = dice_chance(dice, 200) ? dice_between(dice, 20000, 1000000) : 0;
    preset->keeps_less = dice_chance(dice, 200);
    preset->compression = dice_chance(dice, 300) ? 0 : dice_between(dice, 1, 6);
    preset->overwrites = dice_chance(dice, 300);
    preset->is_os_durable = dice_chance(dice, 50);
    preset->publishes_states = dice_chance(dice, 800);
}

/* What is alive must fit beside the reserve, or the store is compacted for ever. */
void preset_fit_store(struct preset *preset, uint32_t subjects)
{
    uint32_t alive = subjects * (preset->dedup_window + ANSWERED_COMMANDS_MAX) * ANSWER_BYTES_MOST;
    preset->segments += alive / preset->segment_bytes;
}

void preset_draw(struct preset *preset, struct dice *dice)
{
    memset(preset, 0, sizeof *preset);
    for (int i = 0; i < PRESET_LIMITS; i++) {
        draw_limit(&preset->limits[i], dice);
    }
    for (int i = 0; i < PRESET_PLANS; i++) {
        draw_plan(&preset->plans[i], dice);
    }
    for (int i = 0; i < PRESET_METERS; i++) {
        draw_meter(&preset->meters[i], dice);
    }
    preset->knows_every_meter = dice_chance(dice, 700);
    preset->denies_strangers = dice_chance(dice, 150);
    preset->has_route = dice_chance(dice, 300);
    preset->device_rate = dice_chance(dice, 100) ? dice_between(dice, 1, 20) : 0;
    preset->payload_bytes = dice_chance(dice, 200) ? 400 : 4096;
    preset->default_plan = dice_roll(dice, PRESET_PLANS);
    draw_store(preset, dice);
}

static bool is_bucket(const struct preset *preset, const struct preset_plan *plan, int index)
{
    return strcmp(preset->limits[(plan->first_limit + index) % PRESET_LIMITS].algorithm, "token_bucket") == 0;
}

void preset_vary(struct preset *preset, struct dice *dice)
{
    struct preset_plan *plan = &preset->plans[dice_roll(dice, PRESET_PLANS)];
    for (int i = 0; i < plan->quota_count; i++) {
        /* What a bucket regains depends on its limit: that one stays. */
        if (!is_bucket(preset, plan, i)) {
            plan->limits[i] = dice_between(dice, 0, 500);
        }
    }
    plan->prices[dice_roll(dice, PRESET_METERS)] = dice_roll(dice, 300);
    plan->low_balance = draw_amount(dice) / 50;
    plan->overdraft = draw_amount(dice);
    if (dice_chance(dice, 300)) {
        draw_meter(&preset->meters[dice_roll(dice, PRESET_METERS)], dice);
    }
}

static void put_hundredths(struct text *json, const char *key, uint32_t value)
{
    char amount[32];
    snprintf(amount, sizeof amount, "%u.%02u", value / 100, value % 100);
    json_put_literal(json, key, amount);
}

static void put_quota(const struct preset *preset, uint32_t limit, uint32_t most, struct text *json)
{
    const struct preset_limit *kind = &preset->limits[limit];
    json_open_object(json);
    json_put_literal(json, "name", preset_limits[limit]);
    json_put_literal(json, "meter", kind->is_for_one_meter ? preset_meters[kind->meter] : "*");
    json_put_literal(json, "algorithm", kind->algorithm);
    put_hundredths(json, "limit", most * 100);
    if (kind->window != NULL) {
        json_put_literal(json, "window", kind->window);
    } else {
        json_put_unsigned(json, "window_ms", kind->window_ms);
    }
    json_close_object(json);
}

static void put_plan(const struct preset *preset, const struct preset_plan *plan, struct text *json)
{
    json_open_object(json);
    json_key(json, "features");
    json_raw(json, bytes_of_string(plan->has_all_features ? "[\"*\"]" : "[\"base\"]"));
    json_key(json, "quotas");
    json_open_array(json);
    for (uint8_t i = 0; i < plan->quota_count; i++) {
        put_quota(preset, (plan->first_limit + i) % PRESET_LIMITS, plan->limits[i], json);
    }
    json_close_array(json);
    json_key(json, "prices");
    json_open_object(json);
    for (int i = 0; i < PRESET_METERS; i++) {
        if (plan->prices[i] > 0) {
            put_hundredths(json, preset_meters[i], plan->prices[i]);
        }
    }
    json_close_object(json);
    json_key(json, "billing");
    json_open_object(json);
    put_hundredths(json, "low_balance", plan->low_balance * 100);
    put_hundredths(json, "overdraft", plan->overdraft * 100);
    json_close_object(json);
    json_close_object(json);
}

static void put_meter(const struct preset_meter *meter, const char *name, struct text *json)
{
    static const char *const governors[] = {"entitlement", "quota", "billing"};
    json_key(json, name);
    json_open_object(json);
    json_key(json, "chain");
    json_open_array(json);
    for (uint8_t i = 0; i < meter->chain_length; i++) {
        json_string(json, bytes_of_string(governors[meter->chain[i]]));
    }
    json_close_array(json);
    if (meter->needs_feature) {
        json_put_literal(json, "feature", "extra");
    }
    json_close_object(json);
}

static void put_policies(const struct preset *preset, struct text *json)
{
    json_key(json, "plans");
    json_open_object(json);
    for (int i = 0; i < PRESET_PLANS; i++) {
        json_key(json, preset_plans[i]);
        put_plan(preset, &preset->plans[i], json);
    }
    json_close_object(json);
    json_key(json, "meters");
    json_open_object(json);
    put_meter(&preset->meters[0], preset_meters[0], json);
    put_meter(&preset->meters[1], preset_meters[1], json);
    if (preset->knows_every_meter) {
        put_meter(&preset->meters[2], "*", json);
    }
    json_close_object(json);
}

static const char ROUTES[] =
    "[{\"topic\": \"tele/{device}/SENSOR\", \"subject\": \"s-0\", \"meter\": \"kwh\", "
    "\"amount\": {\"pointer\": \"/Total\", \"kind\": \"counter\"}, \"id\": {\"pointer\": \"/Time\"}, "
    "\"decide\": {\"topic\": \"cmnd/{device}/POWER\", \"allow\": \"ON\", \"deny\": \"OFF\"}}]";

void preset_put_file(const struct preset *preset, struct text *json)
{
    json_open_object(json);
    put_policies(preset, json);
    json_key(json, "subjects");
    json_open_object(json);
    json_put_literal(json, "unknown", preset->denies_strangers ? "deny" : "bootstrap");
    json_put_literal(json, "plan", preset_plans[preset->default_plan]);
    json_close_object(json);
    if (preset->has_route) {
        json_key(json, "routes");
        json_raw(json, bytes_of_string(ROUTES));
    }
    json_close_object(json);
}

void preset_put_state(const struct preset *preset, struct text *json)
{
    json_open_object(json);
    put_policies(preset, json);
    json_close_object(json);
}

static void put_number(char set[PRESET_SET_BYTES], const char *key, uint32_t value)
{
    snprintf(set, PRESET_SET_BYTES, "%s=%u", key, value);
}

size_t preset_put_sets(const struct preset *preset, const char *pool_folder,
                       char sets[PRESET_SETS_MAX][PRESET_SET_BYTES])
{
    size_t count = 0;
    snprintf(sets[count++], PRESET_SET_BYTES, "store.dir=/store");
    snprintf(sets[count++], PRESET_SET_BYTES, "runtime.dir=%.120s", pool_folder);
    snprintf(sets[count++], PRESET_SET_BYTES, "pool.on_full=%s",
             preset->overwrites ? "overwrite" : "backpressure");
    snprintf(sets[count++], PRESET_SET_BYTES, "store.durability=%s", preset->is_os_durable ? "os" : "fsync");
    snprintf(sets[count++], PRESET_SET_BYTES, "topics.state=%s", preset->publishes_states ? "on" : "off");
    snprintf(sets[count++], PRESET_SET_BYTES, "log.level=error");
    put_number(sets[count++], "pool.slots", preset->pool_slots);
    put_number(sets[count++], "pool.slot_bytes", preset->pool_slot_bytes);
    put_number(sets[count++], "runtime.mailbox", preset->mailbox);
    put_number(sets[count++], "runtime.subjects_hot", preset->subjects_hot);
    put_number(sets[count++], "runtime.dedup_window", preset->dedup_window);
    put_number(sets[count++], "runtime.schedulers", 1);
    put_number(sets[count++], "store.segment_bytes", preset->segment_bytes);
    put_number(sets[count++], "store.max_bytes", preset->segment_bytes * preset->segments);
    put_number(sets[count++], "store.subjects_max", 64);
    put_number(sets[count++], "store.retention_ms", preset->retention_ms);
    put_number(sets[count++], "store.retention_bytes",
               preset->keeps_less ? preset->segment_bytes * (preset->segments - 3) : 0);
    put_number(sets[count++], "store.compression", preset->compression);
    put_number(sets[count++], "limits.device_rate", preset->device_rate);
    put_number(sets[count++], "limits.payload_bytes", preset->payload_bytes);
    return count;
}
