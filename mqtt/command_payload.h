/* Command messages decoded. */
#ifndef FLYBALL_MQTT_COMMAND_PAYLOAD_H
#define FLYBALL_MQTT_COMMAND_PAYLOAD_H

#include "agent/governors/command.h"
#include "mqtt/payload.h"

/* Borrows from the message and the arena. */
struct decoded_command {
    struct name subject;
    struct command command;
    uint64_t bytes_hash;           /* Of the payload: what "the same bytes" means. */
    struct answer_address address; /* As for an event; QoS is always 1. */
    bool address_ignored;
};

/* Decodes a command from a topic of kind TOPIC_COMMAND (TOPIC_BAD is refused with bad_topic). STATUS_INVALID
 * leaves *decoded undefined and says why in *rejection: bad_command, whatever is wrong with it. */
MUST_USE enum status command_payload_decode(const struct payload_context *context,
                                            const struct message *message, const struct parsed_topic *topic,
                                            struct decoded_command *decoded, struct rejection *rejection);

#endif
