/* What the model knows of subjects, held against their images. */
#include <string.h>

#include "tests/simulation/model.h"

static void check_account(struct model *model, const struct model_subject *subject)
{
    const struct billing_state *billing = &model->state.governors.billing;
    if (billing->credits != subject->credits || billing->charges != subject->charges ||
        billing->refunds != subject->refunds) {
        findings_violate(model->findings,
                         "b: the account of %.*s has credits %lld charges %lld refunds %lld, its ledger %lld "
                         "%lld %lld",
                         subject->name.length, subject->name.text, (long long)billing->credits,
                         (long long)billing->charges, (long long)billing->refunds,
                         (long long)subject->credits, (long long)subject->charges,
                         (long long)subject->refunds);
    }
    micro_units balance = -billing->debt;
    for (uint8_t i = 0; i < billing->grant_count; i++) {
        balance += billing->grants[i].remaining;
    }
    if (billing->credits != billing->charges - billing->refunds + billing->expired + balance) {
        findings_violate(model->findings, "a: the account of %.*s does not balance", subject->name.length,
                         subject->name.text);
    }
}

static void check_window(struct model *model, const struct model_subject *subject,
                         struct dedup_window *window, bool is_of_commands)
{
    uint32_t size = is_of_commands ? (uint32_t)DEDUP_COMMANDS : model->dedup_window;
    uint32_t total = is_of_commands ? subject->command_count : subject->event_count;
    const uint32_t *hashes = is_of_commands ? subject->commands : subject->events;
    uint32_t count = total < size ? total : size;
    bool is_same = window->count == count;
    for (uint32_t i = 0; is_same && i < count; i++) {
        is_same = dedup_window_at(window, i)->hash == hashes[(total - 1 - i) % size];
    }
    if (!is_same) {
        findings_violate(model->findings, "b: the window of %s of %.*s holds %u keys, not the %u it must",
                         is_of_commands ? "commands" : "events", subject->name.length, subject->name.text,
                         window->count, count);
    }
}

static const struct quota_limit *rule_of(struct model *model, int limit)
{
    const struct policy *policy = model->policy_of(model->self, 0);
    for (uint32_t i = 0; i < policy->plan_count; i++) {
        for (uint8_t j = 0; j < policy->plans[i].quota_count; j++) {
            if (policy->plans[i].quotas[j].name.text[1] == '0' + limit) {
                return &policy->plans[i].quotas[j];
            }
        }
    }
    return NULL;
}

static const struct quota_use *use_of(const struct quota_state *quota, int limit)
{
    for (uint8_t i = 0; i < quota->use_count; i++) {
        if (quota->uses[i].name.text[1] == '0' + limit) {
            return &quota->uses[i];
        }
    }
    return NULL;
}

static void check_usage(struct model *model, struct model_subject *subject)
{
    for (int limit = 0; limit < MODEL_LIMITS_MAX; limit++) {
        const struct quota_limit *rule = rule_of(model, limit);
        if (rule == NULL || rule->algorithm == QUOTA_TOKEN_BUCKET) {
            continue;
        }
        const struct quota_use *use = use_of(&model->state.governors.quota, limit);
        if (!usage_agrees(&subject->usage[limit], rule, use, model->now)) {
            findings_violate(
                model->findings,
                "b: %.*s has used %lld (before: %lld) of q%d by its image, %lld (%lld) by its "
                "decisions",
                subject->name.length, subject->name.text, use == NULL ? 0LL : (long long)use->used,
                use == NULL ? 0LL : (long long)use->previous, limit, (long long)subject->usage[limit].used,
                (long long)subject->usage[limit].previous);
        }
    }
}

static uint64_t image_hash(const struct record *record)
{
    return model_hash(1, record->body);
}

void model_check_image(struct model *model, struct model_subject *subject, const struct record *record)
{
    if (subject_state_unpack(record->body, model->dedup_window, &model->state) != STATUS_OK ||
        !name_equal(&model->state.name, &subject->name)) {
        findings_violate(model->findings, "d: the image %llx of %.*s cannot be read",
                         (unsigned long long)record->ref, subject->name.length, subject->name.text);
        return;
    }
    check_account(model, subject);
    check_window(model, subject, &model->state.events, false);
    check_window(model, subject, &model->state.commands, true);
    check_usage(model, subject);
    if (model->state.time < subject->image_time) {
        findings_violate(model->findings, "clock: the image %llx of %.*s is older than the one before",
                         (unsigned long long)record->ref, subject->name.length, subject->name.text);
    }
    if (subject->has_image && record->previous == RECORD_REF_NONE) {
        findings_violate(model->findings, "compaction: the image of %.*s before %llx was forgotten",
                         subject->name.length, subject->name.text, (unsigned long long)record->ref);
    }
    subject->has_image = true;
    subject->image = record->ref;
    subject->image_hash = image_hash(record);
    subject->image_time = model->state.time;
}

static void audit_window(struct model *model, struct state_log_reader *reader, struct dedup_window *window,
                         const struct name *subject)
{
    for (uint32_t i = 0; i < window->count; i++) {
        struct record record;
        record_ref ref = dedup_window_at(window, i)->record_ref;
        enum status status = state_log_read(reader, ref, &record);
        if (status != STATUS_OK || !name_equal(&record.subject, subject)) {
            findings_violate(model->findings, "compaction: the answer %llx in a window of %.*s is gone: %s",
                             (unsigned long long)ref, subject->length, subject->text, status_name(status));
            return;
        }
    }
}

static void audit_subject(struct model *model, struct state_log_reader *reader,
                          const struct model_subject *subject)
{
    struct record image;
    enum status status = state_log_find(reader, &subject->name, &image);
    if (!subject->has_image && status == STATUS_NOT_FOUND) {
        return;
    }
    if (status != STATUS_OK) {
        findings_violate(model->findings, "compaction: %.*s has no image any more: %s", subject->name.length,
                         subject->name.text, status_name(status));
        return;
    }
    if (image.ref <= model->cursor &&
        (image.ref != subject->image || image_hash(&image) != subject->image_hash)) {
        findings_violate(model->findings, "d: the latest image of %.*s is %llx, not %llx",
                         subject->name.length, subject->name.text, (unsigned long long)image.ref,
                         (unsigned long long)subject->image);
        return;
    }
    if (subject_state_unpack(image.body, model->dedup_window, &model->state) != STATUS_OK) {
        findings_violate(model->findings, "d: the image of %.*s cannot be read", subject->name.length,
                         subject->name.text);
        return;
    }
    audit_window(model, reader, &model->state.events, &subject->name);
    audit_window(model, reader, &model->state.commands, &subject->name);
}

void model_audit(struct model *model, struct state_log_reader *reader)
{
    for (uint32_t i = 0; i < model->subject_count && !model->findings->is_violated; i++) {
        audit_subject(model, reader, &model->subjects[i]);
    }
}
