/* The receive thread's part: a message is safe in the pool when this returns. */
#include "agent/agent.h"

#include <string.h>

#include "base/log.h"

enum { ROOM_WAIT_MS = 1000 };

/* QoS 0 events make room for newer ones, oldest first. */
static enum status overwrite_and_put(struct agent *agent, const struct message *message, uint64_t now_us,
                                     struct pool_receipt *receipt)
{
    enum status status = STATUS_FULL;
    slot_index oldest;
    while (status == STATUS_FULL && scheduler_shed_oldest(&agent->scheduler, &oldest) == STATUS_OK) {
        event_pool_overwrite(&agent->pool, oldest);
        metrics_count(&agent->metrics, METRIC_SHED_OVERWRITTEN);
        status = event_pool_put(&agent->pool, message, now_us, receipt);
    }
    return status;
}

/* Room may come only with acknowledgements, which only this thread can receive, or with an operator, whom
 * only an alert can call: neither gets through while this thread waits. */
static bool waits_in_vain(struct agent *agent)
{
    return alerts_is_active(&agent->alerts, ALERT_STORE_FULL);
}

/* Waits as long as it takes: nothing is lost that was not shed by policy. But for one case: the store is full
 * and stays so. Then the message is refused; its device has no decision and sends it again. */
static enum status wait_and_put(struct agent *agent, const struct message *message, uint64_t now_us,
                                struct pool_receipt *receipt)
{
    enum status status = STATUS_TIMED_OUT;
    while (status == STATUS_TIMED_OUT) {
        status = event_pool_put_wait(&agent->pool, message, now_us, ROOM_WAIT_MS, receipt);
        if (status == STATUS_TIMED_OUT) {
            alerts_raise(&agent->alerts, ALERT_POOL_FULL, atomic_load(&agent->clock.high),
                         "the event pool is full: the broker has to wait");
            status = waits_in_vain(agent) ? STATUS_FULL : status;
        }
    }
    return status;
}

static enum status refuse(struct agent *agent)
{
    if (!agent->is_refusing) {
        log_error("events.refused",
                  "the store is full: free disk space, let the broker acknowledge, or raise store.max_bytes");
    }
    agent->is_refusing = true;
    metrics_count(&agent->metrics, METRIC_SHED_OVERWRITTEN);
    return STATUS_FULL;
}

static enum status put(struct agent *agent, const struct message *message, struct pool_receipt *receipt)
{
    uint64_t now_us = clock_monotonic_us();
    enum status status = event_pool_put(&agent->pool, message, now_us, receipt);
    if (status != STATUS_FULL) {
        agent->is_refusing = false;
        return status;
    }
    if (agent->settings->pool.on_full == POOL_OVERWRITE) {
        status = overwrite_and_put(agent, message, now_us, receipt);
        if (status == STATUS_FULL && message->qos == 0) {
            metrics_count(&agent->metrics, METRIC_SHED_OVERWRITTEN);
            return STATUS_FULL; /* Only messages that must not be lost are in the pool. */
        }
    }
    if (status == STATUS_FULL && agent->is_refusing && waits_in_vain(agent)) {
        return refuse(agent);
    }
    status = status == STATUS_FULL ? wait_and_put(agent, message, now_us, receipt) : status;
    return status == STATUS_FULL ? refuse(agent) : status;
}

/* Too large a payload is only shown in a dead letter: its beginning is enough. */
static struct message shorten(struct agent *agent, const struct message *message)
{
    struct message shortened = *message;
    struct policy_view view = policies_take(&agent->policies);
    bool is_too_large = message->payload_length > view.active->settings.limits.payload_bytes;
    policies_give(&agent->policies, view);
    if (is_too_large && shortened.payload.length > DEAD_LETTER_PAYLOAD_MAX) {
        shortened.payload.length = DEAD_LETTER_PAYLOAD_MAX;
    }
    return shortened;
}

/* What the pool can never hold is kept in so far as its dead letter needs it. */
static struct message without_most(const struct message *message)
{
    struct message remains = {.topic = message->topic,
                              .payload = message->payload,
                              .payload_length = message->payload_length,
                              .qos = message->qos};
    if (remains.payload_length <= LIMIT_PAYLOAD_BYTES_MAX) {
        remains.payload_length = LIMIT_PAYLOAD_BYTES_MAX + 1;
    }
    if (remains.payload.length > DEAD_LETTER_PAYLOAD_MAX) {
        remains.payload.length = DEAD_LETTER_PAYLOAD_MAX;
    }
    return remains;
}

static void receive_event(struct agent *agent, const struct message *message)
{
    metrics_count(&agent->metrics, METRIC_EVENTS);
    struct message shortened = shorten(agent, message);
    struct pool_receipt receipt;
    enum status status = put(agent, &shortened, &receipt);
    if (status == STATUS_TOO_LARGE) {
        shortened = without_most(message);
        status = put(agent, &shortened, &receipt);
    }
    if (status == STATUS_OK) {
        scheduler_arrive(&agent->scheduler, receipt.slot, message->qos);
    } else if (status == STATUS_TOO_LARGE) {
        log_error("event.too_large",
                  "bytes=%zu; raise pool.slots or pool.slot_bytes, or lower limits.payload_bytes",
                  message->payload_length);
    }
}

void agent_receive(struct agent *agent, const struct message *message, const struct paho_arrival *arrival)
{
    struct parsed_topic topic = topic_parse(&agent->topics, message->topic);
    switch (topic.kind) {
    case TOPIC_CONFIG_DESIRED: inbox_put(&agent->inbox, message->payload); return;
    case TOPIC_CANARY: agent_receive_canary(agent, message->payload); return;
    case TOPIC_EVENT:
    case TOPIC_COMMAND:
    case TOPIC_FOREIGN:
    case TOPIC_BAD: break;
    }
    /* A retained copy comes again with every subscription: what it asked was asked when it was live. */
    if (!arrival->retained) {
        receive_event(agent, message);
    }
}
