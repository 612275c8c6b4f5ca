#include <string.h>

#include "config/fields.h"
#include "config/sections.h"

/* In the order of enum quota_algorithm. */
static const char *const ALGORITHMS[] = {"fixed", "sliding", "token_bucket", NULL};

/* In the order of enum window_word. */
static const char *const WINDOWS[] = {"second", "minute", "hour", "day", "month", NULL};

enum window_word {
    WINDOW_SECOND,
    WINDOW_MINUTE,
    WINDOW_HOUR,
    WINDOW_DAY,
    WINDOW_MONTH,
};

static const int64_t WINDOW_LENGTHS_MS[] = {1000, 60000, 3600000, 86400000, 0};

struct read_quota {
    struct quota_limit limit;
    enum window_word window;
};

static const struct field QUOTA[] = {
    {"name", FIELD_NAME, offsetof(struct read_quota, limit.name), 0, 0, NULL},
    {"meter", FIELD_NAME, offsetof(struct read_quota, limit.meter), 0, 0, NULL},
    {"algorithm", FIELD_CHOICE, offsetof(struct read_quota, limit.algorithm), 0, 0, ALGORITHMS},
    {"limit", FIELD_AMOUNT, offsetof(struct read_quota, limit.limit), 0, 0, NULL},
    {"window", FIELD_CHOICE, offsetof(struct read_quota, window), 0, 0, WINDOWS},
    {"window_ms", FIELD_UINT64, offsetof(struct read_quota, limit.window_ms), 1, QUOTA_WINDOW_MS_MOST, NULL},
    {"warn", FIELD_SHARE, offsetof(struct read_quota, limit.warn), 0, 0, NULL},
    {"throttle", FIELD_SHARE, offsetof(struct read_quota, limit.throttle), 0, 0, NULL},
    {"burst", FIELD_NULLABLE_AMOUNT, offsetof(struct read_quota, limit.burst), 0, 0, NULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static void finish_window(struct config_reader *reader, const cJSON *item, struct read_quota *quota)
{
    bool has_word = json_member(item, "window") != NULL;
    bool has_length = json_member(item, "window_ms") != NULL;
    if (!has_word && !has_length) {
        reader_complain_key(reader, "window", CONFIG_REQUIRED, "is missing: give window or window_ms");
        return;
    }
    if (has_word && has_length) {
        reader_complain_key(reader, "window_ms", CONFIG_FORMAT, "must not be given beside window");
        return;
    }
    if (!has_word) {
        return;
    }
    quota->limit.window_ms = WINDOW_LENGTHS_MS[quota->window];
    if (quota->window != WINDOW_MONTH) {
        return;
    }
    quota->limit.window = QUOTA_WINDOW_MONTH;
    if (quota->limit.algorithm == QUOTA_TOKEN_BUCKET) {
        reader_complain_key(reader, "window", CONFIG_FORMAT,
                            "must not be month for a token_bucket, which regains at a steady rate");
    }
}

static void finish_burst(struct config_reader *reader, const cJSON *item, struct quota_limit *limit)
{
    const cJSON *burst = json_member(item, "burst");
    if (burst == NULL || cJSON_IsNull(burst)) {
        limit->burst = limit->limit;
        return;
    }
    if (limit->algorithm != QUOTA_TOKEN_BUCKET) {
        reader_complain_key(reader, "burst", CONFIG_FORMAT, "is for token_bucket only; leave it out or null");
    } else if (limit->burst == 0) {
        reader_complain_key(reader, "burst", CONFIG_RANGE, "must be more than 0, or null for the limit");
    }
}

static void finish_quota(struct config_reader *reader, const cJSON *item, struct read_quota *quota)
{
    finish_window(reader, item, quota);
    finish_burst(reader, item, &quota->limit);
    if (quota->limit.warn > quota->limit.throttle) {
        reader_complain_key(reader, "warn", CONFIG_RANGE, "must be at most throttle");
    }
    if (!name_is_segment(name_bytes(&quota->limit.meter))) {
        reader_complain_key(reader, "meter", CONFIG_FORMAT, "must be \"*\" or a topic segment");
    }
}

static void read_quota(struct config_reader *reader, const cJSON *item, struct quota_limit *limit)
{
    struct read_quota quota;
    /* Its padding too: equal limits are equal bytes. */
    memset(&quota, 0, sizeof quota);
    quota.limit.meter = name_of("*");
    quota.limit.warn = 750000;
    quota.limit.throttle = 900000;
    bool is_read = fields_read(reader, item, QUOTA, &quota);
    if (cJSON_IsObject(item)) {
        bool has_name = reader_has(reader, item, "name");
        bool has_limit = reader_has(reader, item, "limit");
        /* What does not hold together is told when each part is right for itself. */
        if (is_read && has_name && has_limit) {
            finish_quota(reader, item, &quota);
        }
    }
    memcpy(limit, &quota.limit, sizeof *limit);
}

static void check_name(struct config_reader *reader, const struct plan *plan, uint8_t index)
{
    for (uint8_t i = 0; i < index; i++) {
        if (!name_is_empty(&plan->quotas[i].name) &&
            name_equal(&plan->quotas[i].name, &plan->quotas[index].name)) {
            reader_complain_key(reader, "name", CONFIG_DUPLICATE, "is the name of another quota of the plan");
            return;
        }
    }
}

void read_quotas(struct config_reader *reader, const cJSON *quotas, struct plan *plan)
{
    if (!reader_is_array(reader, quotas, PLAN_QUOTAS_MAX)) {
        return;
    }
    struct text outer = reader->path;
    for (const cJSON *item = quotas->child; item != NULL; item = item->next) {
        uint8_t index = plan->quota_count++;
        reader_enter_index(reader, index);
        read_quota(reader, item, &plan->quotas[index]);
        check_name(reader, plan, index);
        reader->path = outer;
    }
}
