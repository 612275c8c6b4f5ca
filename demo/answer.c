#include "demo/answer.h"

#include <stdlib.h>

enum { DEPTH_MOST = 8 };

const char *answer_kind_name(enum answer_kind kind)
{
    switch (kind) {
    case ANSWER_ALLOW: return "allow";
    case ANSWER_WARN: return "warn";
    case ANSWER_THROTTLE: return "throttle";
    case ANSWER_DENY: return "deny";
    }
    abort(); /* Corrupt kind. */
}

struct bytes answer_text(const cJSON *object, const char *key)
{
    const cJSON *item = object == NULL ? NULL : json_member(object, key);
    return cJSON_IsString(item) ? json_text(item) : bytes_of("", 0);
}

static bool read_kind(struct bytes name, enum answer_kind *kind)
{
    for (unsigned each = 0; each < ANSWER_KINDS; each++) {
        if (bytes_equal_string(name, answer_kind_name((enum answer_kind)each))) {
            *kind = (enum answer_kind)each;
            return true;
        }
    }
    return false;
}

static micro_units read_amount(const cJSON *object, const char *key)
{
    micro_units value = 0;
    return micro_units_parse(answer_text(object, key), &value) == STATUS_OK ? value : 0;
}

enum status answer_read(struct answer *answer, struct bytes payload, struct arena *arena)
{
    arena_reset(arena);
    struct json_result parsed = json_parse(payload, DEPTH_MOST, arena);
    *answer = (struct answer){0};
    if (parsed.error != JSON_OK || !cJSON_IsObject(parsed.root) ||
        !read_kind(answer_text(parsed.root, "decision"), &answer->kind)) {
        return STATUS_INVALID;
    }
    const cJSON *root = parsed.root;
    const cJSON *governors = json_member(root, "governors");
    const cJSON *billing = governors == NULL ? NULL : json_member(governors, "billing");
    const cJSON *quota = governors == NULL ? NULL : json_member(governors, "quota");
    const cJSON *retry = json_member(root, "retry_after_ms");
    answer->duplicate = cJSON_IsTrue(json_member(root, "duplicate"));
    answer->event = answer_text(root, "event");
    answer->reason = answer_text(root, "reason");
    answer->subject = answer_text(root, "subject");
    answer->device = answer_text(root, "device");
    answer->meter = answer_text(root, "meter");
    answer->amount = read_amount(root, "amount");
    answer->charged = read_amount(billing, "charged");
    answer->balance = answer_text(billing, "balance");
    answer->remaining = answer_text(quota, "remaining");
    answer->retry_after_ms = cJSON_IsNumber(retry) ? (int64_t)retry->valuedouble : 0;
    return STATUS_OK;
}
