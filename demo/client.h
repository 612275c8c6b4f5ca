/* The fleet's one connection to the broker. Paho's threads fill an inbox that the main thread empties. */
#ifndef FLYBALL_DEMO_CLIENT_H
#define FLYBALL_DEMO_CLIENT_H

#include <MQTTAsync.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum { CLIENT_FILTERS_MAX = 8, CLIENT_TOPIC_MAX = 256 };

struct message {
    struct message *next;
    size_t payload_length;
    char *payload;
    char topic[CLIENT_TOPIC_MAX]; /* Terminated; longer ones are dropped. */
};

struct client {
    MQTTAsync handle;
    char filters[CLIENT_FILTERS_MAX][CLIENT_TOPIC_MAX];
    int filter_count;
    pthread_mutex_t lock; /* Guards everything below. */
    pthread_cond_t changed;
    struct message *first;
    struct message *last;
    bool subscribed;
    bool failed; /* The first connection could not be made. */
};

/* Milliseconds that never run backwards, from an arbitrary start. */
int64_t client_now_ms(void);

/* Call before client_open, at most CLIENT_FILTERS_MAX times; subscribed at QoS 1 on every connection. */
void client_add_filter(struct client *client, const char *root, const char *rest);

/* Connects with MQTT 5 and waits until subscribed; false when that takes longer than `patience_ms`.
 * Reconnects by itself later on. The struct starts zeroed, and stays where it is until client_close. */
bool client_open(struct client *client, const char *url, int64_t patience_ms);

/* Queued by Paho while disconnected. False when Paho refuses. */
bool client_publish(struct client *client, const char *topic, struct bytes payload, int qos);

/* As above at QoS 1, to be kept by the broker for later subscribers. */
bool client_publish_retained(struct client *client, const char *topic, struct bytes payload);

/* The next message, or NULL when none came until the time client_now_ms() is `until_ms`. The caller gives it
 * to message_free. */
struct message *client_wait(struct client *client, int64_t until_ms);

void message_free(struct message *message);

/* Disconnects, giving what is under way a moment, and frees everything. */
void client_close(struct client *client);

#endif
