/* Remote configuration and reloading: what is desired is judged, kept, put in force and reported, in that
 * order. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "base/log.h"
#include "config/remote_store.h"

/* Settings that follow the configuration in force without a restart. */
static void follow_log_settings(const struct config_snapshot *snapshot)
{
    log_set_level(snapshot->settings.log_level);
    log_set_format(snapshot->settings.log_format);
}

static void report(struct agent *agent, instant_ms now)
{
    static const size_t report_bytes = ANNOUNCEMENT_BYTES_MAX;
    char *buffer = malloc(report_bytes);
    if (buffer == NULL) {
        log_error("config.unreported", "status=%s", status_name(STATUS_NO_MEMORY));
        return;
    }
    struct text json = text_of(buffer, report_bytes);
    remote_reported_write(&agent->outcome, agent->remote.version, now, &json);
    assert(!json.overflowed);
    announcements_say(&agent->announcements, ANNOUNCE_CONFIG_REPORTED, text_bytes(&json));
    free(buffer);
}

/* What `flyball state` needs to know without the file. */
static void save_policy(struct agent *agent)
{
    struct policy_view view = policies_take(&agent->policies);
    if (policy_store_save(&agent->options.io, agent->settings->store.dir, &view.active->policy) !=
        STATUS_OK) {
        log_error("policy.unsaved", "folder=%s", agent->settings->store.dir);
    }
    policies_give(&agent->policies, view);
}

/* The outcome's snapshot comes into force. */
static enum status activate(struct agent *agent)
{
    follow_log_settings(agent->outcome.snapshot);
    enum status status = policies_activate(&agent->policies, agent->outcome.snapshot);
    if (status != STATUS_OK) {
        config_snapshot_close(agent->outcome.snapshot);
        return status;
    }
    agent->remote =
        (struct remote_active){.version = agent->outcome.version, .sha256 = agent->outcome.sha256};
    save_policy(agent);
    return STATUS_OK;
}

static enum status keep_and_activate(struct agent *agent, struct bytes payload)
{
    enum status status = remote_store_save(&agent->options.io, agent->settings->store.dir, payload);
    if (status != STATUS_OK) {
        config_snapshot_close(agent->outcome.snapshot);
        return status;
    }
    status = activate(agent);
    if (status == STATUS_OK) {
        log_info("config.activated", "version=%llu", (unsigned long long)agent->remote.version);
        alerts_clear(&agent->alerts, ALERT_CONFIG_REJECTED);
    }
    return status;
}

static void note_rejection(struct agent *agent, instant_ms now)
{
    if (agent->outcome.status != REMOTE_REJECTED) {
        return;
    }
    const struct config_error *error = &agent->outcome.errors.items[0];
    metrics_count(&agent->metrics, METRIC_CONFIG_REJECTED);
    alerts_raise_anew(&agent->alerts, ALERT_CONFIG_REJECTED, now, error->message);
    log_warn("config.rejected", "path=%s code=%s", error->path, config_code_name(error->code));
}

/* Does what was judged. A shadow ends with every desired message. */
static enum status act(struct agent *agent, struct bytes payload, instant_ms now)
{
    struct config_snapshot *shadow = agent->outcome.action == REMOTE_SHADOW ? agent->outcome.snapshot : NULL;
    enum status status = policies_set_shadow(&agent->policies, shadow);
    if (status != STATUS_OK) {
        config_snapshot_close(shadow);
        return status;
    }
    if (agent->outcome.action == REMOTE_APPLY) {
        status = keep_and_activate(agent, payload);
    }
    note_rejection(agent, now);
    return status;
}

enum status agent_take_desired(struct agent *agent, instant_ms now, bool *routes_changed)
{
    size_t length;
    *routes_changed = false;
    enum status status = inbox_take(&agent->inbox, agent->inbox_buffer, &length);
    if (status != STATUS_OK) {
        return status;
    }
    struct bytes payload = bytes_of(agent->inbox_buffer, length);
    status = remote_judge(&agent->remote, &agent->source, payload, &agent->outcome);
    if (status != STATUS_OK || agent->outcome.action == REMOTE_NOTHING) {
        return status;
    }
    status = act(agent, payload, now);
    if (status != STATUS_OK) {
        log_error("config.unapplied", "version=%llu status=%s", (unsigned long long)agent->outcome.version,
                  status_name(status));
        return status;
    }
    *routes_changed = agent->outcome.action == REMOTE_APPLY;
    report(agent, now);
    if (*routes_changed) {
        agent_announce_status(agent, false);
    }
    return STATUS_OK;
}

/* Judges the kept payload against the file. STATUS_OK: it is in force now; STATUS_NOT_FOUND: there is none;
 * STATUS_INVALID: it fits no longer. Anything else says nothing about it. */
static enum status restore(struct agent *agent)
{
    static const struct remote_active nothing = {0};
    struct config_text payload = {0};
    enum status status = remote_store_load(&agent->options.io, agent->settings->store.dir, &payload);
    if (status == STATUS_OK) {
        status = remote_judge(&nothing, &agent->source, payload.bytes, &agent->outcome);
    }
    if (status == STATUS_OK) {
        status = agent->outcome.action == REMOTE_APPLY ? activate(agent) : STATUS_INVALID;
    }
    config_text_close(&payload);
    return status == STATUS_TOO_LARGE ? STATUS_INVALID : status;
}

static void note_misfit(struct agent *agent)
{
    alerts_raise(&agent->alerts, ALERT_CONFIG_REJECTED, atomic_load(&agent->clock.high),
                 "the kept desired configuration no longer fits the file: the file alone holds");
    log_error("config.unrestored", "the file alone holds until a desired configuration arrives");
}

enum status agent_restore_desired(struct agent *agent, instant_ms now)
{
    follow_log_settings(agent->file);
    enum status status = restore(agent);
    if (status == STATUS_OK) {
        report(agent, now);
        return STATUS_OK;
    }
    if (status != STATUS_NOT_FOUND && status != STATUS_INVALID) {
        return status; /* To decide by other rules than those accepted would be worse than not to start. */
    }
    if (status == STATUS_INVALID) {
        note_misfit(agent);
    }
    save_policy(agent);
    return STATUS_OK;
}

/* The file alone holds. */
static enum status rule_by_file(struct agent *agent, struct config_snapshot *snapshot)
{
    enum status status = policies_activate(&agent->policies, snapshot);
    if (status == STATUS_OK) {
        agent->remote = (struct remote_active){0};
        follow_log_settings(snapshot);
        save_policy(agent);
    }
    return status;
}

/* What the new file comes to: below what is desired, if anything is and still fits. */
static enum status combine(struct agent *agent, struct config_snapshot *snapshot, instant_ms now)
{
    enum status status = agent->remote.version > 0 ? restore(agent) : STATUS_NOT_FOUND;
    if (status == STATUS_OK) {
        config_snapshot_close(snapshot);
        report(agent, now);
        return STATUS_OK;
    }
    if (status == STATUS_INVALID) {
        note_misfit(agent);
    }
    bool is_alone = status == STATUS_NOT_FOUND || status == STATUS_INVALID;
    return is_alone ? rule_by_file(agent, snapshot) : status;
}

/* The new file holds from now on; on failure it is given back and the old one stays. */
static enum status adopt(struct agent *agent, struct config_snapshot *snapshot, struct config_text text,
                         instant_ms now)
{
    struct config_text old_text = agent->file_text;
    struct bytes old_source = agent->source.text;
    agent->file_text = text;
    agent->source.text = text.bytes;
    enum status status = combine(agent, snapshot, now);
    if (status == STATUS_OK) {
        config_text_close(&old_text);
        log_info("config.reloaded", "path=%s", agent->options.config_path);
        return STATUS_OK;
    }
    agent->file_text = old_text;
    agent->source.text = old_source;
    config_snapshot_close(snapshot);
    config_text_close(&text);
    return status;
}

/* The file as it is now, checked; STATUS_OK fills both. */
static enum status load_again(struct agent *agent, struct config_text *text,
                              struct config_snapshot **snapshot, struct config_errors *errors)
{
    if (agent->options.config_path == NULL) {
        return STATUS_NOT_FOUND;
    }
    enum status status = config_text_read(&agent->options.io, agent->options.config_path, text);
    if (status != STATUS_OK) {
        return status;
    }
    struct config_source source = agent->source;
    source.text = text->bytes;
    status = config_load(&source, snapshot, errors);
    if (status != STATUS_OK) {
        config_text_close(text);
    }
    return status;
}

void agent_reload(struct agent *agent, instant_ms now)
{
    struct config_errors *errors = calloc(1, sizeof *errors);
    if (errors == NULL) {
        log_error("config.unreloaded", "status=%s", status_name(STATUS_NO_MEMORY));
        return;
    }
    struct config_text text = {0};
    struct config_snapshot *snapshot = NULL;
    enum status status = load_again(agent, &text, &snapshot, errors);
    if (status == STATUS_OK) {
        status = adopt(agent, snapshot, text, now);
    }
    if (status != STATUS_OK) {
        log_error("config.unreloaded", "status=%s path=%s error=%s; the configuration in force stays",
                  status_name(status), errors->items[0].path, errors->items[0].message);
    }
    free(errors);
}
