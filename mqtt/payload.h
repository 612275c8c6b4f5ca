/* Event messages decoded: plain JSON, and CloudEvents through cloudevent.h. */
#ifndef FLYBALL_MQTT_PAYLOAD_H
#define FLYBALL_MQTT_PAYLOAD_H

#include "agent/governors/decision.h"
#include "agent/runtime/message.h"
#include "agent/runtime/route.h"
#include "base/arena.h"
#include "mqtt/dead_letter.h"
#include "mqtt/topic.h"

enum { PAYLOAD_DEPTH_MAX = 8 }; /* Nested containers, the outermost counting. */

/* What every decoder needs beside the message. */
struct payload_context {
    const struct topics *topics;
    const struct route *routes; /* No answer may go where one of them would take it for an event. */
    size_t route_count;
    size_t payload_bytes_max; /* limits.payload_bytes */
    struct arena *arena;      /* Of payload_arena_bytes; reset by the caller before each message. */
};

/* Borrows from the message and the arena. */
struct decoded_event {
    struct event event;
    /* Complete: an allowed response topic (the property, else the payload's `reply_to`) or none, the
     * correlation data, and `cid`. */
    struct answer_address address;
    /* A response topic that was not allowed, or correlation data or a cid that is too long, was left out of
     * `address`: count it. */
    bool address_ignored;
};

/* What an arena must hold to decode any message of at most `payload_bytes`. */
size_t payload_arena_bytes(size_t payload_bytes);

/* Decodes an event from a topic of kind TOPIC_EVENT (TOPIC_BAD is refused with bad_topic). STATUS_INVALID
 * leaves *decoded undefined and says why in *rejection: the first reason that applies in the contract's
 * order. */
MUST_USE enum status payload_decode(const struct payload_context *context, const struct message *message,
                                    const struct parsed_topic *topic, struct decoded_event *decoded,
                                    struct rejection *rejection);

/* Where the answer to `message` goes. `reply_to` (length 0: none) stands in when there is no response topic
 * property; `cid` is raw JSON. *ignored is set to true, or left as it is. */
struct answer_address payload_answer_address(const struct payload_context *context,
                                             const struct message *message, struct bytes reply_to,
                                             struct bytes cid, bool *ignored);

/* What "the same bytes" means for an event: SipHash under a fixed key over meter, payload and attributes. */
uint64_t payload_hash(struct bytes meter, struct bytes payload, struct bytes attributes);

#endif
