/* Messages of foreign devices: any JSON on any topic, turned into events by a route. */
#ifndef FLYBALL_MQTT_FOREIGN_H
#define FLYBALL_MQTT_FOREIGN_H

#include "agent/runtime/route.h"
#include "mqtt/payload.h"

/* A message and the route that matched its topic. */
struct routed_message {
    const struct message *message;
    const struct route *route;
    struct captures captures; /* Borrow from both. */
};

struct foreign_event {
    /* With AMOUNT_COUNTER, event.amount is the counter's reading, not yet an increase; address.decide_* are
     * set when the route decides. bytes_hash is complete either way, so the dedup window can be asked first.
     */
    struct decoded_event decoded;
    enum amount_kind amount_kind;
};

/* Finds the first route whose template matches; STATUS_NOT_FOUND if none does. */
MUST_USE enum status foreign_route(const struct route *routes, size_t route_count,
                                   const struct message *message, struct routed_message *routed);

/* As payload_decode, except that the payload may be any JSON value; what the route's pointers do not find is
 * bad_id or bad_amount. `foreign` borrows from the message, the route and the arena. */
MUST_USE enum status foreign_decode(const struct payload_context *context,
                                    const struct routed_message *routed, struct foreign_event *foreign,
                                    struct rejection *rejection);

#endif
