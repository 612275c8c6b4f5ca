/* A paho_client under test, and everything it reports. */
#ifndef FLYBALL_TESTS_BROKER_CLIENT_RECORDER_H
#define FLYBALL_TESTS_BROKER_CLIENT_RECORDER_H

#include <pthread.h>

#include "mqtt/paho_client.h"
#include "tests/broker/broker.h"

enum { RECORDED_MESSAGES_MAX = 64, RECORDED_BYTES_MAX = 256, RECORDED_TICKETS_MAX = 100000 };

struct recorded_message {
    char topic[RECORDED_BYTES_MAX];
    char payload[RECORDED_BYTES_MAX];
    char response_topic[RECORDED_BYTES_MAX];
    char correlation[RECORDED_BYTES_MAX];
    char type_attribute[RECORDED_BYTES_MAX]; /* The CloudEvents attribute `type`. */
    bool has_correlation;
    uint8_t qos;
    bool retained;
    bool redelivered;
};

/* Counters only grow. */
struct record {
    unsigned connected;
    unsigned connected_new; /* Of these, with PAHO_SESSION_NEW. */
    unsigned subscribed;
    unsigned subscribe_failed;
    unsigned disconnected;
    unsigned delivered;
    unsigned refused;
    unsigned messages;
};

struct client_recorder {
    struct paho_client *client;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct record record;
    int refused_code;
    int subscribe_failed_code;
    char reason[RECORDED_BYTES_MAX];
    struct recorded_message messages[RECORDED_MESSAGES_MAX];       /* The first of them. */
    uint8_t tickets[RECORDED_TICKETS_MAX];                         /* How often each was delivered. */
    void (*on_message)(void *self, const struct message *message); /* Called on top of recording, if set. */
    void *on_message_self;
};

/* MQTT 5, 10 s keep alive, an hour's session, pauses from 20 to 200 ms, 100 in flight; change what a test is
 * about. */
struct paho_settings recorder_settings(const char *url, const char *client_id);

/* Creates the client and starts it. */
void recorder_open(struct client_recorder *recorder, const struct paho_settings *settings,
                   const struct paho_subscription *subscriptions, size_t subscription_count);

/* Disconnects and destroys. Safe to call twice. */
void recorder_close(struct client_recorder *recorder);

/* Waits until the counter, a member of recorder->record, is at least `count`; false after 10 s. */
bool recorder_await(struct client_recorder *recorder, const unsigned *counter, unsigned count);

struct record recorder_now(struct client_recorder *recorder);
struct recorded_message recorder_message(struct client_recorder *recorder, unsigned index);

/* How often the ticket was delivered. */
unsigned recorder_delivered(struct client_recorder *recorder, uint64_t ticket);

#endif
