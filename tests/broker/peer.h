/* The other side in tests: a plain MQTT client on Paho's MQTTAsync that publishes and collects what it is
 * sent. Every function waits until it is done and fails the running cmocka test if that takes too long; call
 * them from the test's thread. Paho has one receive thread per process: a peer hears nothing while a message
 * callback of the same process waits. */
#ifndef FLYBALL_TESTS_BROKER_PEER_H
#define FLYBALL_TESTS_BROKER_PEER_H

#include <MQTTAsync.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum peer_protocol { PEER_PROTOCOL_5, PEER_PROTOCOL_3_1_1 };

struct peer_settings {
    const char *url; /* mqtt or ws. */
    const char *client_id;
    enum peer_protocol protocol;
    bool keeps_session;   /* MQTT 5: for an hour. Else every connect starts clean. */
    const char *username; /* Optional, as the password. */
    const char *password;
};

struct peer_property {
    const char *name;
    const char *value;
};

enum { PEER_PROPERTIES_MAX = 8 };

/* Both directions. The properties need MQTT 5; NULL is absent, as is an empty name. */
struct peer_message {
    const char *topic;
    const void *payload; /* Of a received message: followed by a NUL. */
    size_t length;
    int qos;
    bool retained;
    const char *response_topic;
    const void *correlation; /* Of a received message: followed by a NUL. */
    size_t correlation_length;
    struct peer_property user[PEER_PROPERTIES_MAX];
    bool was_taken; /* By peer_take. */
};

struct peer {
    struct peer_settings settings;
    MQTTAsync handle;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int answer; /* To the request under way: 0 none yet, 1 good, -1 bad. */
    bool is_connected;
    bool had_session; /* What the broker said to the last connect. */
    struct peer_message **messages;
    size_t message_count;
    size_t message_capacity;
    size_t taken_first;    /* All before this one are taken. */
    size_t unacknowledged; /* Of peer_send. */
};

/* Connects; the strings of the settings are borrowed until peer_close. */
void peer_open(struct peer *peer, const struct peer_settings *settings);

/* After the broker was away: connects again, trying for up to 10 s. Sessions not kept have to be subscribed
 * again. */
void peer_reconnect(struct peer *peer);

/* Says goodbye and frees everything, the messages too. */
void peer_close(struct peer *peer);

/* Waits for the SUBACK, and the PUBACK, PUBCOMP or, with QoS 0, the write. */
void peer_subscribe(struct peer *peer, const char *filter, int qos);
void peer_unsubscribe(struct peer *peer, const char *filter);
void peer_publish(struct peer *peer, const struct peer_message *message);
void peer_publish_text(struct peer *peer, const char *topic, const char *text, int qos);

/* Does not wait for the acknowledgement: many can be under way. peer_flush waits for all. */
void peer_send(struct peer *peer, const struct peer_message *message);
void peer_flush(struct peer *peer, int timeout_ms);

/* The oldest message not taken yet whose topic matches the filter (+ and # as in MQTT), now taken; NULL if
 * there is none within the time. It stays until peer_close. */
const struct peer_message *peer_take(struct peer *peer, const char *filter, int timeout_ms);

/* How many have come whose topics match, taken or not. */
size_t peer_count(struct peer *peer, const char *filter);

/* Waits until at least `count` have come whose topics match; false if the time is over before. */
bool peer_await_count(struct peer *peer, const char *filter, size_t count, int timeout_ms);

/* The user property's value, or NULL. */
const char *peer_user_property(const struct peer_message *message, const char *name);

/* Whether a topic matches a filter. */
bool peer_topic_matches(const char *topic, const char *filter);

#endif
