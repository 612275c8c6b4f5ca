#include "agent/router.h"

#include <string.h>

#include "mqtt/foreign.h"

/* What the topic says. Both names are empty when it says nothing: such messages share one nameless subject,
 * whose turns only write dead letters. */
struct destination {
    struct name subject;
    struct name device;
    struct name meter;
};

static void fill(struct name *name, const struct route_text *template, const struct captures *captures)
{
    struct route_text filled;
    if (template_fill(route_text_bytes(template), captures, &filled) == STATUS_OK &&
        name_is_segment(route_text_bytes(&filled))) {
        (void)!name_set(name, route_text_bytes(&filled));
    }
}

static struct destination foreign_destination(const struct config_snapshot *config,
                                              const struct message *message)
{
    struct destination destination = {0};
    struct routed_message routed;
    if (foreign_route(config->routes, config->route_count, message, &routed) == STATUS_OK) {
        fill(&destination.subject, &routed.route->subject, &routed.captures);
        fill(&destination.device, &routed.route->device, &routed.captures);
        fill(&destination.meter, &routed.route->meter, &routed.captures);
    }
    return destination;
}

static struct destination destination_of(const struct parsed_topic *topic,
                                         const struct config_snapshot *config, const struct message *message)
{
    struct destination destination = {0};
    if (topic->kind == TOPIC_FOREIGN) {
        return foreign_destination(config, message);
    }
    if (topic->kind == TOPIC_EVENT || topic->kind == TOPIC_COMMAND) {
        /* Parsed segments fit by definition. */
        (void)!name_set(&destination.subject, topic->subject);
        (void)!name_set(&destination.device, topic->device);
        (void)!name_set(&destination.meter, topic->meter);
    }
    return destination;
}

static enum run_priority priority_of(const struct config_snapshot *config, const struct parsed_topic *topic,
                                     const struct name *meter_name)
{
    if (topic->kind == TOPIC_COMMAND) {
        return RUN_HIGH;
    }
    const struct meter *meter = policy_meter(&config->policy, meter_name);
    if (meter == NULL) {
        return RUN_NORMAL;
    }
    switch (meter->priority) {
    case PRIORITY_HIGH: return RUN_HIGH;
    case PRIORITY_NORMAL: return RUN_NORMAL;
    case PRIORITY_LOW: return RUN_LOW;
    }
    return RUN_NORMAL;
}

static void shed(struct router *router, slot_index slot, enum metric counted)
{
    metrics_count(router->metrics, counted);
    event_pool_free(router->pool, slot);
}

/* STATUS_NO_MEMORY: the batch ends here, the slot was put back. */
static enum status route_slot(struct router *router, const struct config_snapshot *config, slot_index slot,
                              uint64_t now_us)
{
    struct message message;
    uint64_t sequence;
    event_pool_get(router->pool, slot, &message, &sequence);
    struct parsed_topic topic = topic_parse(router->topics, message.topic);
    struct destination destination = destination_of(&topic, config, &message);
    bool is_event = topic.kind != TOPIC_COMMAND;
    if (is_event && !device_rate_allows(&router->device_rate, &destination.subject, &destination.device,
                                        config->settings.limits.device_rate, now_us)) {
        shed(router, slot, METRIC_SHED_DEVICE_RATE);
        return STATUS_OK;
    }
    struct posting posting = {.subject = &destination.subject,
                              .slot = slot,
                              .qos = message.qos,
                              .priority = priority_of(config, &topic, &destination.meter)};
    enum status status = scheduler_post(router->scheduler, &posting);
    if (status == STATUS_FULL) {
        shed(router, slot, METRIC_SHED_MAILBOX);
        return STATUS_OK;
    }
    if (status == STATUS_NO_MEMORY) {
        scheduler_put_back(router->scheduler, slot);
    }
    return status;
}

void router_turn(struct router *router, struct run *run, uint64_t now_us)
{
    struct policy_view view = policies_take(router->policies);
    slot_index slot;
    while (scheduler_next_arrival(router->scheduler, run, &slot) == STATUS_OK) {
        if (route_slot(router, view.active, slot, now_us) != STATUS_OK) {
            break;
        }
    }
    policies_give(router->policies, view);
    scheduler_routed(router->scheduler, run);
}
