/* A plain MQTT 5 client on Paho's MQTTAsync for the benchmarks. Whatever fails says so on stderr and ends the
 * process with 1. */
#ifndef FLYBALL_BENCH_CLIENT_H
#define FLYBALL_BENCH_CLIENT_H

#include <MQTTAsync.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>

enum { CLIENT_TOPIC_MAX = 256, CLIENT_PAYLOAD_MAX = 2048 };

/* Both as strings; a longer message is cut. Runs on Paho's receive thread. */
struct client_message {
    char topic[CLIENT_TOPIC_MAX];
    char payload[CLIENT_PAYLOAD_MAX];
    bool is_retained;
};

struct client {
    MQTTAsync handle;
    sem_t answered;
    void (*arrived)(void *context, const struct client_message *message);
    void *context;
};

/* Connects with a clean session of its own. `arrived` and `context` were set by the caller. */
void client_open(struct client *client, const char *url);

/* With QoS 1; waits for the broker's word. */
void client_subscribe(struct client *client, const char *filter);

/* With QoS 1; does not wait. May be called by `arrived`. */
void client_publish(struct client *client, const char *topic, const char *payload, size_t length);

void client_close(struct client *client);

#endif
