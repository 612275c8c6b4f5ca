#include "tests/broker/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static const struct paho_subscription events[] = {{"test/event/#", 1, false}, {"test/command/#", 1, false}};

int scene_open_with(void **context, const char *extra)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    *context = scene;
    broker_prepare(&scene->broker, &(struct broker_settings){.extra = extra});
    broker_url(&scene->broker, BROKER_TCP, scene->url);
    return 0;
}

int scene_open(void **context)
{
    return scene_open_with(context, NULL);
}

int scene_close(void **context)
{
    struct scene *scene = *context;
    recorder_close(&scene->recorder);
    peer_close(&scene->peer);
    broker_close(&scene->broker);
    free(scene);
    return 0;
}

void scene_open_peer(struct scene *scene)
{
    peer_open(&scene->peer, &(struct peer_settings){.url = scene->url, .client_id = "peer"});
}

void scene_open_client(struct scene *scene, enum paho_protocol protocol)
{
    struct paho_settings settings = recorder_settings(scene->url, "client");
    settings.protocol = protocol;
    recorder_open(&scene->recorder, &settings, events, 2);
}

void scene_await_subscribed(struct scene *scene, unsigned times)
{
    assert_true(recorder_await(&scene->recorder, &scene->recorder.record.subscribed, times));
}

void scene_connect(struct scene *scene, enum paho_protocol protocol)
{
    broker_start(&scene->broker);
    scene_open_client(scene, protocol);
    scene_await_subscribed(scene, 1);
}

void scene_await_disconnected(struct scene *scene, unsigned times)
{
    assert_true(recorder_await(&scene->recorder, &scene->recorder.record.disconnected, times));
}

void scene_await_delivered(struct scene *scene, unsigned times)
{
    assert_true(recorder_await(&scene->recorder, &scene->recorder.record.delivered, times));
}

void scene_await_messages(struct scene *scene, unsigned times)
{
    assert_true(recorder_await(&scene->recorder, &scene->recorder.record.messages, times));
}

bool scene_await_landed(struct scene *scene)
{
    for (int i = 0; i < 10000 && paho_client_in_flight(scene->recorder.client) > 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return paho_client_in_flight(scene->recorder.client) == 0;
}

enum status scene_publish(struct scene *scene, const char *topic, const char *text, uint64_t ticket)
{
    struct paho_publication publication = {
        .topic = bytes_of_string(topic), .payload = bytes_of_string(text), .qos = 1, .ticket = ticket};
    return paho_client_publish(scene->recorder.client, &publication);
}
