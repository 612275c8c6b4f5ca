/* What the agent says about itself. */
#include <assert.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/allocations.h"
#include "agent/version.h"
#include "mqtt/agent_message.h"

enum { METRICS_MESSAGE_MAX = 8192 };

static struct status_message status_of(struct agent *agent, enum agent_state state)
{
    struct policy_view view = policies_take(&agent->policies);
    uint64_t version = view.active->policy.version;
    policies_give(&agent->policies, view);
    return (struct status_message){.state = state,
                                   .agent = name_bytes(&agent->settings->agent_id),
                                   .version = bytes_of_string(FLYBALL_VERSION),
                                   .boot_id = bytes_of_string(agent->boot_id),
                                   .session = agent->session,
                                   .started_at = agent->started_at,
                                   .config_version = version};
}

void agent_announce_status(struct agent *agent, bool is_stopping)
{
    if (is_stopping) {
        atomic_store(&agent->is_stopping, true);
    } else if (atomic_load(&agent->is_stopping)) {
        return; /* A late reconnect makes a stopping agent not ready again. */
    }
    char buffer[STATUS_MESSAGE_MAX];
    struct text text = text_of(buffer, sizeof buffer);
    struct status_message message = status_of(agent, is_stopping ? AGENT_STOPPING : AGENT_READY);
    agent_put_status(&text, &message);
    announcements_say(&agent->announcements, ANNOUNCE_STATUS, text_bytes(&text));
}

void agent_put_will(struct agent *agent, struct text *text)
{
    struct status_message message = status_of(agent, AGENT_LOST);
    agent_put_status(text, &message);
}

static struct store_gauges store_gauges_of(struct agent *agent)
{
    struct state_log_stats stats;
    state_log_stats(&agent->log, &stats);
    return (struct store_gauges){.bytes = stats.used_bytes,
                                 .raw_bytes = stats.raw_bytes,
                                 .stored_bytes = stats.stored_bytes,
                                 .commits = stats.commits,
                                 .subjects = stats.subjects,
                                 .last_seq = state_log_last_seq(&agent->log)};
}

static enum memory_level memory_level_of(const struct agent *agent, const struct process_usage *usage)
{
    double share = usage->limit_bytes == 0 ? 0 : (double)usage->rss_bytes / (double)usage->limit_bytes;
    const struct memory_settings *memory = &agent->settings->memory;
    if (share >= (double)memory->critical / 1e6) {
        return MEMORY_CRITICAL;
    }
    if (share >= (double)memory->high / 1e6) {
        return MEMORY_HIGH;
    }
    return share >= (double)memory->high / 1e6 * 0.8 ? MEMORY_MODERATE : MEMORY_NORMAL;
}

/* Bytes of a hot subject's packed image shared out over its governors. */
static uint64_t governor_bytes(const struct scheduler_stats *stats)
{
    uint64_t bytes = (uint64_t)stats->subjects.blocks_used * SUBJECT_BLOCK_BYTES;
    return stats->subjects.hot == 0 ? 0 : bytes / stats->subjects.hot / GOVERNOR_KINDS;
}

static void judge_memory(struct agent *agent, enum memory_level level)
{
    if (level >= MEMORY_HIGH) {
        alerts_raise(&agent->alerts, ALERT_MEMORY_HIGH, atomic_load(&agent->clock.high),
                     "the process uses more of its memory limit than memory.high allows");
    } else {
        alerts_clear(&agent->alerts, ALERT_MEMORY_HIGH);
    }
}

void agent_announce_metrics(struct agent *agent)
{
    struct gauges gauges = {
        .uptime_s = (double)(clock_monotonic_us() - agent->started_us) / 1e6,
        .pool = event_pool_stats(&agent->pool),
        .scheduler = scheduler_stats(&agent->scheduler),
        .store = store_gauges_of(agent),
        .process = process_usage_now(agent->settings->memory.limit_bytes),
        .is_connected = atomic_load(&agent->is_connected),
        .outbox = publisher_outbox(&agent->publisher),
        .allocations = allocations_count(),
        .imbalance = atomic_load(&agent->imbalance),
    };
    gauges.memory_level = memory_level_of(agent, &gauges.process);
    gauges.governor_bytes = governor_bytes(&gauges.scheduler);
    judge_memory(agent, gauges.memory_level);
    struct policy_view view = policies_take(&agent->policies);
    gauges.config_version = view.active->policy.version;
    policies_give(&agent->policies, view);

    char buffer[METRICS_MESSAGE_MAX];
    struct text text = text_of(buffer, sizeof buffer);
    metrics_json_put(&text, &agent->metrics, &gauges);
    assert(!text.overflowed);
    announcements_say(&agent->announcements, ANNOUNCE_METRICS, text_bytes(&text));
}

static struct bytes canary_payload(struct agent *agent, uint64_t number, char buffer[CANARY_MESSAGE_MAX])
{
    struct text text = text_of(buffer, CANARY_MESSAGE_MAX);
    agent_put_canary(&text, bytes_of_string(agent->boot_id), number);
    return text_bytes(&text);
}

void agent_announce_canary(struct agent *agent)
{
    char buffer[CANARY_MESSAGE_MAX];
    uint64_t number = atomic_fetch_add(&agent->canary_sent, 1) + 1;
    announcements_say(&agent->announcements, ANNOUNCE_CANARY, canary_payload(agent, number, buffer));
}

void agent_receive_canary(struct agent *agent, struct bytes payload)
{
    char buffer[CANARY_MESSAGE_MAX];
    uint64_t number = atomic_load(&agent->canary_sent);
    if (bytes_equal(payload, canary_payload(agent, number, buffer))) {
        atomic_store(&agent->canary_seen, number);
    }
}
