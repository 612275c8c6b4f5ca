/* What the decoders' tests share: a topic, a payload, and what became of them. */
#ifndef FLYBALL_TESTS_MQTT_DECODING_H
#define FLYBALL_TESTS_MQTT_DECODING_H

#include "mqtt/payload.h"

enum { DECODING_PAYLOAD_MAX = 4096, DECODING_ARENA_BYTES = 1 << 18 };

/* Root flyball/v1, agent edge-1, the contract's two response prefixes. */
const struct topics *decoding_topics(void);

/* An arena of just what payload_arena_bytes asks for, emptied. */
struct payload_context decoding_context(void);

struct message decoding_message(const char *topic, struct bytes payload);

#endif
