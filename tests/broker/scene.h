/* The stage most tests need: a broker, a peer and a client under test, all closed after the test. */
#ifndef FLYBALL_TESTS_BROKER_SCENE_H
#define FLYBALL_TESTS_BROKER_SCENE_H

#include "tests/broker/client_recorder.h"
#include "tests/broker/peer.h"

/* The test starts the broker and opens the others. */
struct scene {
    struct broker broker;
    char url[BROKER_URL_MAX];
    struct peer peer;
    struct client_recorder recorder;
};

/* For cmocka's setup and teardown; *context becomes the scene. */
int scene_open(void **context);
int scene_open_with(void **context, const char *extra_configuration);
int scene_close(void **context);

void scene_open_peer(struct scene *scene);

/* Subscribed to test/event/# and test/command/#. */
void scene_open_client(struct scene *scene, enum paho_protocol protocol);

/* Starts the broker and opens the client, until its subscriptions are in place. */
void scene_connect(struct scene *scene, enum paho_protocol protocol);

/* Wait until the client has reported as many of these since it was opened. */
void scene_await_subscribed(struct scene *scene, unsigned times);
void scene_await_disconnected(struct scene *scene, unsigned times);
void scene_await_delivered(struct scene *scene, unsigned times);
void scene_await_messages(struct scene *scene, unsigned times);

/* Waits until the client has nothing in flight; false after 10 s. */
bool scene_await_landed(struct scene *scene);

/* The client publishes with QoS 1. */
enum status scene_publish(struct scene *scene, const char *topic, const char *text, uint64_t ticket);

#endif
