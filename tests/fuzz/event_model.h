/* What the contract says becomes of an event message: written once more, to hold the decoder against it. */
#ifndef FLYBALL_TESTS_FUZZ_EVENT_MODEL_H
#define FLYBALL_TESTS_FUZZ_EVENT_MODEL_H

#include "mqtt/payload.h"

enum { MODEL_PROPERTIES_MAX = 8 };

/* An MQTT 5 user property. */
struct model_property {
    struct bytes name;
    struct bytes value;
};

struct model_message {
    const struct message *message;
    struct parsed_topic topic;
    size_t payload_bytes_max;
    struct model_property properties[MODEL_PROPERTIES_MAX];
    size_t property_count;
};

/* Borrows from the message and from the model's own memory, until the next call. */
struct model_event {
    bool is_accepted;
    enum dead_letter_reason reason; /* Why not. */
    struct bytes id;                /* Length 0: none. */
    bool has_device_seq;
    int64_t device_seq;
    struct bytes boot;
    int64_t amount; /* In millionths. */
};

struct model_event model_event_of(const struct model_message *message);

#endif
