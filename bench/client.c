#include "bench/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_WAIT_S = 10, BUFFERED_MOST = 100000, IN_FLIGHT_MOST = 65535, GOODBYE_MS = 200 };

static void must(bool is_good, const char *what)
{
    if (!is_good) {
        fprintf(stderr, "bench: %s failed\n", what);
        _exit(1);
    }
}

static void copy_text(char *to, size_t room, const void *from, size_t length)
{
    size_t kept = length < room ? length : room - 1;
    memcpy(to, from, kept);
    to[kept] = '\0';
}

static int on_message(void *context, char *topic, int topic_length, MQTTAsync_message *arrived)
{
    struct client *client = context;
    struct client_message message = {.is_retained = arrived->retained != 0};
    copy_text(message.topic, sizeof message.topic, topic,
              topic_length > 0 ? (size_t)topic_length : strlen(topic));
    copy_text(message.payload, sizeof message.payload, arrived->payload, (size_t)arrived->payloadlen);
    MQTTAsync_freeMessage(&arrived);
    MQTTAsync_free(topic);
    client->arrived(client->context, &message);
    return 1;
}

static void on_success(void *context, MQTTAsync_successData5 *data)
{
    struct client *client = context;
    (void)data;
    sem_post(&client->answered);
}

static void on_failure(void *context, MQTTAsync_failureData5 *data)
{
    (void)context;
    (void)data;
    must(false, "a request to the broker");
}

static void on_lost(void *context, char *cause)
{
    (void)context;
    (void)cause;
    must(false, "the connection to the broker");
}

static void await_answer(struct client *client, const char *what)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += ANSWER_WAIT_S;
    must(sem_timedwait(&client->answered, &deadline) == 0, what);
}

static void choose_id(char id[32])
{
    snprintf(id, 32, "bench-%ld", (long)getpid());
}

void client_open(struct client *client, const char *url)
{
    char id[32];
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer5;
    choose_id(id);
    sem_init(&client->answered, 0, 0);
    create.sendWhileDisconnected = 0;
    create.maxBufferedMessages = BUFFERED_MOST;
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
    must(MQTTAsync_createWithOptions(&client->handle, url, id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &create) ==
             MQTTASYNC_SUCCESS,
         "creating a client");
    MQTTAsync_setCallbacks(client->handle, client, on_lost, on_message, NULL);
    connect.cleanstart = 1;
    connect.maxInflight = IN_FLIGHT_MOST;
    connect.onSuccess5 = on_success;
    connect.onFailure5 = on_failure;
    connect.context = client;
    must(MQTTAsync_connect(client->handle, &connect) == MQTTASYNC_SUCCESS, "connecting");
    await_answer(client, "connecting");
}

void client_subscribe(struct client *client, const char *filter)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.onSuccess5 = on_success;
    options.onFailure5 = on_failure;
    options.context = client;
    must(MQTTAsync_subscribe(client->handle, filter, 1, &options) == MQTTASYNC_SUCCESS, "subscribing");
    await_answer(client, "subscribing");
}

void client_publish(struct client *client, const char *topic, const char *payload, size_t length)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    must(MQTTAsync_send(client->handle, topic, (int)length, payload, 1, 0, &options) == MQTTASYNC_SUCCESS,
         "publishing");
}

void client_close(struct client *client)
{
    MQTTAsync_disconnectOptions goodbye = MQTTAsync_disconnectOptions_initializer5;
    goodbye.timeout = GOODBYE_MS;
    goodbye.onSuccess5 = on_success;
    goodbye.context = client;
    MQTTAsync_setCallbacks(client->handle, client, NULL, on_message, NULL);
    if (MQTTAsync_disconnect(client->handle, &goodbye) == MQTTASYNC_SUCCESS) {
        await_answer(client, "disconnecting");
    }
    MQTTAsync_destroy(&client->handle);
    sem_destroy(&client->answered);
}
