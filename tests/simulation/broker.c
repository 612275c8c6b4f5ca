/* The broker between devices and agent, and the client library inside the agent's process. */
#include <string.h>

#include "tests/simulation/world.h"

static enum status outlet_publish(void *self, const struct paho_publication *publication)
{
    struct world *world = self;
    if (!world->is_connected || world->watch.is_dead) {
        return STATUS_DISCONNECTED;
    }
    bool is_counted = publication->qos > 0;
    if (world->refuses_for > 0) {
        world->refuses_for--;
        return STATUS_FULL;
    }
    if (is_counted && world->flight_count >= world->takes_at_most) {
        return STATUS_FULL;
    }
    struct flight flight = {.ticket = publication->ticket, .answers = -1, .state = -1};
    process_follow(world);
    published_check(world, publication, &flight);
    world->totals.published++;
    if (is_counted) {
        world->flights[world->flight_count++] = flight;
    } else {
        published_reach(world, &flight);
    }
    return STATUS_OK;
}

struct outlet broker_outlet(struct world *world)
{
    return (struct outlet){.publish = outlet_publish, .self = world};
}

void broker_connect(struct world *world, enum paho_session session)
{
    struct agent *agent = world->agent;
    findings_trace(&world->findings, "the agent connects, session %s",
                   session == PAHO_SESSION_KEPT ? "kept" : "new");
    if (session == PAHO_SESSION_NEW) {
        world->flight_count = 0;
    }
    for (uint32_t i = 0; i < world->flight_count; i++) {
        world->flights[i].has_reached = false; /* Sent again. */
    }
    world->is_connected = true;
    atomic_store(&agent->is_connected, true);
    publisher_connected(&agent->publisher, session);
    if (dice_chance(&world->dice, 300)) {
        (void)!publisher_turn(&agent->publisher, (instant_ms)(world->elapsed_us / 1000));
    }
    atomic_store(&agent->is_subscribed, true);
    announcements_repeat(&agent->announcements);
    agent_announce_status(agent, false);
    publisher_subscribed(&agent->publisher);
}

static void forget_sent(struct sender *sender)
{
    sender->in_flight = 0;
}

static void drop(struct world *world, struct sender *sender, uint8_t at)
{
    world->asks[sender->queue[at]].copies--;
    sender->count--;
    memmove(&sender->queue[at], &sender->queue[at + 1],
            (size_t)(sender->count - at) * sizeof sender->queue[0]);
}

/* What is QoS 0 is not kept for one who is away. */
static void drop_unreliable(struct world *world, struct sender *sender)
{
    for (uint8_t i = 0; i < sender->count;) {
        if (world->asks[sender->queue[i]].qos == 0) {
            drop(world, sender, i);
        } else {
            i++;
        }
    }
}

static void lose_queues(struct world *world, bool loses_session)
{
    for (uint32_t i = 0; i < world->sender_count; i++) {
        struct sender *sender = &world->senders[i];
        forget_sent(sender);
        drop_unreliable(world, sender);
        while (loses_session && sender->count > 0) {
            drop(world, sender, 0);
        }
    }
}

void broker_disconnect(struct world *world, bool loses_session)
{
    findings_trace(&world->findings, "the connection is lost%s", loses_session ? ", the session too" : "");
    world->is_connected = false;
    lose_queues(world, loses_session);
    if (world->agent != NULL) {
        atomic_store(&world->agent->is_connected, false);
        atomic_store(&world->agent->is_subscribed, false);
        publisher_disconnected(&world->agent->publisher);
    }
}

void broker_lose_client(struct world *world)
{
    uint32_t reached = dice_roll(&world->dice, world->flight_count + 1);
    for (uint32_t i = 0; i < reached; i++) {
        if (!world->flights[i].has_reached) {
            published_reach(world, &world->flights[i]);
        }
    }
    world->flight_count = 0;
    world->is_connected = false;
    lose_queues(world, false);
}

bool broker_take(struct world *world, uint16_t ask)
{
    struct sender *sender = &world->senders[world->asks[ask].sender];
    bool is_lost = world->asks[ask].qos == 0 && (!world->is_connected || dice_chance(&world->dice, 100));
    world->asks[ask].sends++;
    if (is_lost) {
        return true;
    }
    if (sender->count == QUEUE_MAX) {
        return false;
    }
    sender->queue[sender->count++] = ask;
    world->asks[ask].copies++;
    return true;
}

static bool has_next(const struct sender *sender)
{
    return sender->in_flight < sender->count && sender->in_flight < QUEUE_IN_FLIGHT_MAX;
}

static struct sender *pick_sender(struct world *world)
{
    uint32_t start = dice_roll(&world->dice, world->sender_count);
    for (uint32_t i = 0; i < world->sender_count; i++) {
        struct sender *sender = &world->senders[(start + i) % world->sender_count];
        if (has_next(sender)) {
            return sender;
        }
    }
    return NULL;
}

/* The agent never waits here for room (its pool is told so): a message it does not take stays with the
 * broker.
 */
static bool receive(struct world *world, const struct ask *ask)
{
    struct agent *agent = world->agent;
    uint64_t before = agent->pool.next_sequence;
    struct message message = ask_message(ask);
    struct paho_arrival arrival = {.redelivered = false};
    agent_receive(agent, &message, &arrival);
    if (agent->pool.next_sequence == before) {
        return ask->qos == 0;
    }
    bool may_shed = ask->qos == 0 || (ask->kind != ASK_COMMAND && world->preset.device_rate > 0);
    uint16_t index = (uint16_t)(ask - world->asks);
    findings_trace(&world->findings, "received %s %s (pool %llu)", ask->topic, ask->payload,
                   (unsigned long long)before);
    model_sealed(&world->model, before, index, may_shed);
    return true;
}

bool broker_deliver(struct world *world)
{
    if (!world->is_connected || world->agent == NULL) {
        return false;
    }
    struct sender *sender = pick_sender(world);
    if (sender == NULL) {
        return false;
    }
    uint16_t index = sender->queue[sender->in_flight];
    if (!receive(world, &world->asks[index])) {
        return false;
    }
    sender->in_flight++;
    if (world->asks[index].qos == 0) {
        drop(world, sender, --sender->in_flight);
    }
    return true;
}

void broker_acknowledge_senders(struct world *world)
{
    for (uint32_t i = 0; i < world->sender_count; i++) {
        struct sender *sender = &world->senders[i];
        uint8_t count = (uint8_t)dice_roll(&world->dice, sender->in_flight + 1U);
        count = world->is_healed ? sender->in_flight : count;
        for (; count > 0; count--) {
            drop(world, sender, 0);
            sender->in_flight--;
        }
    }
}

static void land(struct world *world, uint32_t at)
{
    struct flight flight = world->flights[at];
    world->flight_count--;
    memmove(&world->flights[at], &world->flights[at + 1],
            (world->flight_count - at) * sizeof world->flights[0]);
    publisher_landed(&world->agent->publisher, flight.ticket);
    if (dice_chance(&world->dice, 20)) {
        publisher_landed(&world->agent->publisher, flight.ticket); /* Twice does no harm. */
    }
}

/* What is on one connection reaches the broker in order. */
void broker_land_some(struct world *world, uint32_t per_mille)
{
    if (!world->is_connected || world->agent == NULL) {
        return;
    }
    for (uint32_t i = 0; i < world->flight_count;) {
        struct flight *flight = &world->flights[i];
        if (!flight->has_reached) {
            if (!dice_chance(&world->dice, per_mille)) {
                return;
            }
            published_reach(world, flight);
            i += world->is_healed ? 0 : 1;
        } else if (dice_chance(&world->dice, per_mille)) {
            land(world, i);
        } else {
            i++;
        }
    }
}
