/* A message as it arrived, and where its answer goes: plain bytes, whatever protocol carried them. */
#ifndef FLYBALL_RUNTIME_MESSAGE_H
#define FLYBALL_RUNTIME_MESSAGE_H

#include "base/bytes.h"
#include "base/name.h"

enum {
    /* Longer response topics and correlation data are ignored and counted, as disallowed ones are. */
    RESPONSE_TOPIC_BYTES_MAX = 256,
    CORRELATION_BYTES_MAX = 256,
    DECIDE_TOPIC_BYTES_MAX = 256,
    DECIDE_PAYLOAD_BYTES_MAX = 128,
    TOPIC_LEVELS_MAX = 200,
};

/* Whether a broker takes the topic: 1 to 65535 bytes of text (base/utf8.h) without wildcards, at most
 * TOPIC_LEVELS_MAX levels. Over others Mosquitto ends the connection. */
bool topic_is_sendable(struct bytes topic);

/* Borrowed from the event pool while the event is being decided. */
struct message {
    struct bytes topic;
    struct bytes payload;  /* Only its beginning when larger than limits.payload_bytes. */
    size_t payload_length; /* As it arrived. */
    uint8_t qos;
    struct bytes response_topic; /* Length 0: none. */
    bool has_correlation;
    struct bytes correlation;
    struct bytes attributes; /* CloudEvents binary mode: packed names and values; see mqtt/cloudevent.h. */
};

/* Where an answer goes and what comes back with it; stored with the decision, so that a resend is the same.
 */
struct answer_address {
    uint8_t qos;                 /* 0 for an event of QoS 0, else 1. */
    struct bytes response_topic; /* Allowed, or length 0 for the ordinary topic. */
    bool has_correlation;
    struct bytes correlation; /* As an MQTT 5 property. */
    struct bytes cid; /* Raw JSON text of the payload's `cid`, echoed in the answer; length 0: none. */
    struct bytes decide_topic; /* A plain payload beside the decision; length 0: none. */
    struct bytes decide_allow;
    struct bytes decide_deny;
};

#endif
