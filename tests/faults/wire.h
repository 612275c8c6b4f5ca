/* A bare MQTT client for the senders of the fault tests: one connection to 127.0.0.1, MQTT 5 or 3.1.1, always
 * clean, QoS 1 both ways, one thread, no memory but its own. Unlike Paho it can lose its connection at any
 * moment of anybody's choosing and be opened again at once. What it publishes is not kept: who wants an
 * answer sends again. */
#ifndef FLYBALL_TESTS_FAULTS_WIRE_H
#define FLYBALL_TESTS_FAULTS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_IN_BYTES = 1 << 18, WIRE_OUT_BYTES = 1 << 18, WIRE_PACKET_MAX = 1 << 14 };

struct wire_settings {
    uint16_t port;
    bool is_5; /* Else 3.1.1. */
    const char *client_id;
    const char *const *filters; /* NULL after the last. */
};

struct wire {
    struct wire_settings settings;
    int file;           /* -1: none. */
    bool is_subscribed; /* The broker has granted everything. */
    uint16_t packet_id;
    size_t in_first; /* What was read and not taken yet. */
    size_t in_end;
    size_t out_first; /* What is still to be written. */
    size_t out_end;
    unsigned char in[WIRE_IN_BYTES];
    unsigned char out[WIRE_OUT_BYTES];
};

/* Of the wire's memory; good until the next call. */
struct wire_message {
    const char *topic;
    size_t topic_length;
    const char *payload; /* Followed by something else: it has no NUL. */
    size_t length;
    bool is_retained;
};

/* Connects to nothing yet; the settings' strings are borrowed. */
void wire_init(struct wire *wire, const struct wire_settings *settings);

/* Begins to connect and to subscribe; false if nobody listens. */
bool wire_connect(struct wire *wire);

/* Drops the connection without a word. Safe on one that has none. */
void wire_close(struct wire *wire);

/* Queues a message; false if there is no subscribed connection or no room: try again later. */
bool wire_publish(struct wire *wire, const char *topic, const char *payload);

/* Writes and reads what can be, waiting up to the timeout for something to read; false when the connection is
 * over, which it then is. */
bool wire_pump(struct wire *wire, int timeout_ms);

/* The next message that was read, acknowledged hereby; false if there is none. */
bool wire_take(struct wire *wire, struct wire_message *message);

#endif
