#include "config/remote.h"

#include <stdlib.h>
#include <string.h>

#include "config/build.h"
#include "config/document.h"
#include "config/fields.h"

enum desired_mode { MODE_APPLY, MODE_VALIDATE, MODE_SHADOW };

/* In the order of enum desired_mode. */
static const char *const MODES[] = {"apply", "validate", "shadow", NULL};

/* What may be configured from afar. */
static const char *const STATE_KEYS[] = {"plans", "meters", "subjects", "routes", "limits", "metrics", "log"};

struct desired {
    uint64_t version; /* 0: not readable. */
    enum desired_mode mode;
};

static const struct field DESIRED[] = {
    {"version", FIELD_UINT64, offsetof(struct desired, version), 1, REMOTE_VERSION_MOST, NULL},
    {"mode", FIELD_CHOICE, offsetof(struct desired, mode), 0, 0, MODES},
    {"state", FIELD_ELSEWHERE, 0, 0, 0, NULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static bool is_state_key(const char *key)
{
    for (size_t i = 0; i < sizeof STATE_KEYS / sizeof STATE_KEYS[0]; i++) {
        if (strcmp(STATE_KEYS[i], key) == 0) {
            return true;
        }
    }
    return false;
}

/* The state's own paths are relative to it. */
static void check_state_keys(struct config_reader *reader, const cJSON *state)
{
    for (const cJSON *item = state->child; item != NULL; item = item->next) {
        if (!is_state_key(item->string)) {
            reader_complain_key(
                reader, item->string, CONFIG_UNKNOWN_KEY,
                "cannot be configured remotely: only plans, meters, subjects, routes, limits, "
                "metrics and log can");
        }
    }
}

static void read_desired(struct config_errors *errors, const cJSON *root, struct desired *desired)
{
    struct arena none = {0};
    struct config_reader reader;
    reader_init(&reader, errors, &none);
    fields_read(&reader, root, DESIRED, desired);
    if (!cJSON_IsObject(root)) {
        return;
    }
    reader_has(&reader, root, "version");
    const cJSON *state = json_member(root, "state");
    if (state == NULL) {
        (void)reader_has(&reader, root, "state"); /* Complains. */
    } else if (!cJSON_IsObject(state)) {
        reader_complain_key(&reader, "state", CONFIG_TYPE, "must be an object");
    } else {
        check_state_keys(&reader, state);
    }
}

/* Replaces what the state has, then builds the whole. */
static enum status build_state(const struct config_source *file, cJSON *state,
                               struct config_snapshot **snapshot, struct config_errors *errors)
{
    struct document document;
    enum status status = document_open(&document, file, errors);
    if (status != STATUS_OK) {
        return status;
    }
    cJSON *next = NULL;
    for (cJSON *item = state->child; item != NULL && status == STATUS_OK; item = next) {
        next = item->next;
        status = document_put(&document, item->string, item);
    }
    if (status == STATUS_OK) {
        status = config_build(document.root, file->host_name, snapshot, errors);
    }
    document_close(&document);
    return status;
}

enum version_rule { VERSION_NEW, VERSION_SAME, VERSION_STALE, VERSION_CONFLICT };

static enum version_rule version_rule_of(const struct remote_active *active, uint64_t version,
                                         const struct sha256 *sha256)
{
    if (version > active->version) {
        return VERSION_NEW;
    }
    if (version < active->version) {
        return VERSION_STALE;
    }
    bool is_same = memcmp(active->sha256.bytes, sha256->bytes, SHA256_BYTES) == 0;
    return is_same ? VERSION_SAME : VERSION_CONFLICT;
}

/* Only the rule counts when it is broken: what else is wrong with a message of yesterday does not matter. */
static void reject_version(struct remote_outcome *outcome, enum config_code code, const char *message)
{
    memset(&outcome->errors, 0, sizeof outcome->errors);
    config_errors_add(&outcome->errors, bytes_of_string("/version"), code, "%s", message);
}

static enum status judge_state(const struct config_source *file, const struct document *desired_document,
                               const struct desired *desired, struct remote_outcome *outcome)
{
    cJSON *state = (cJSON *)json_member(desired_document->root, "state");
    enum status status = build_state(file, state, &outcome->snapshot, &outcome->errors);
    if (status != STATUS_OK) {
        return status;
    }
    outcome->snapshot->policy.version = desired->version;
    switch (desired->mode) {
    case MODE_APPLY:
        outcome->action = REMOTE_APPLY;
        outcome->status = REMOTE_ACCEPTED;
        return STATUS_OK;
    case MODE_SHADOW:
        outcome->action = REMOTE_SHADOW;
        outcome->status = REMOTE_SHADOWED;
        return STATUS_OK;
    case MODE_VALIDATE:
        outcome->status = REMOTE_VALID;
        config_snapshot_close(outcome->snapshot);
        outcome->snapshot = NULL;
        return STATUS_OK;
    }
    abort(); /* Corrupt mode. */
}

static enum status judge_document(const struct remote_active *active, const struct config_source *file,
                                  const struct document *document, struct remote_outcome *outcome)
{
    struct desired desired = {.mode = MODE_APPLY};
    read_desired(&outcome->errors, document->root, &desired);
    outcome->version = desired.version;
    if (desired.version > 0) {
        switch (version_rule_of(active, desired.version, &outcome->sha256)) {
        case VERSION_NEW: break;
        case VERSION_SAME:
            memset(&outcome->errors, 0, sizeof outcome->errors);
            outcome->status = REMOTE_ACCEPTED;
            return STATUS_OK;
        case VERSION_STALE:
            reject_version(outcome, CONFIG_STALE_VERSION, "is older than the version in force");
            return STATUS_OK;
        case VERSION_CONFLICT:
            reject_version(outcome, CONFIG_VERSION_CONFLICT,
                           "is the version in force, but the message is another");
            return STATUS_OK;
        }
    }
    if (outcome->errors.count > 0) {
        return STATUS_OK;
    }
    return judge_state(file, document, &desired, outcome);
}

enum status remote_judge(const struct remote_active *active, const struct config_source *file,
                         struct bytes payload, struct remote_outcome *outcome)
{
    memset(outcome, 0, sizeof *outcome);
    outcome->status = REMOTE_REJECTED;
    if (payload.length == 0) {
        return STATUS_OK;
    }
    struct document document;
    outcome->action = REMOTE_REPORT;
    outcome->sha256 = sha256_of(payload);
    enum status status = document_parse(&document, payload, &outcome->errors);
    if (status == STATUS_OK) {
        status = judge_document(active, file, &document, outcome);
        document_close(&document);
    }
    /* STATUS_INVALID has left its errors in the outcome, which says rejected. */
    return status == STATUS_INVALID ? STATUS_OK : status;
}

static const char *status_word(enum remote_status status)
{
    switch (status) {
    case REMOTE_ACCEPTED: return "accepted";
    case REMOTE_REJECTED: return "rejected";
    case REMOTE_SHADOWED: return "shadow";
    case REMOTE_VALID: return "valid";
    }
    abort(); /* Corrupt status. */
}

static void put_digest(struct text *json, const struct sha256 *sha256)
{
    char hex[2 * SHA256_BYTES + 1];
    sha256_hex(sha256, hex);
    json_put_literal(json, "sha256", hex);
}

void remote_reported_write(const struct remote_outcome *outcome, uint64_t active_version, instant_ms now,
                           struct text *json)
{
    json_open_object(json);
    if (outcome->version > 0) {
        json_put_unsigned(json, "version", outcome->version);
    } else {
        json_key(json, "version");
        json_null(json);
    }
    json_put_unsigned(json, "active_version", active_version);
    json_put_literal(json, "status", status_word(outcome->status));
    put_digest(json, &outcome->sha256);
    json_put_instant(json, "time", now);
    json_key(json, "errors");
    config_errors_write(&outcome->errors, json);
    json_close_object(json);
}
