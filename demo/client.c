#include "demo/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BUFFERED_MESSAGES_MAX = 10000, DISCONNECT_MS = 1000 };

int64_t client_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void client_add_filter(struct client *client, const char *root, const char *rest)
{
    snprintf(client->filters[client->filter_count++], CLIENT_TOPIC_MAX, "%s%s", root, rest);
}

static void mark(struct client *client, bool *flag)
{
    pthread_mutex_lock(&client->lock);
    *flag = true;
    pthread_cond_signal(&client->changed);
    pthread_mutex_unlock(&client->lock);
}

static struct message *message_new(const char *topic, const MQTTAsync_message *arrived)
{
    struct message *message = calloc(1, sizeof *message);
    char *payload = malloc((size_t)arrived->payloadlen + 1);
    if (message == NULL || payload == NULL) {
        abort();
    }
    memcpy(payload, arrived->payload, (size_t)arrived->payloadlen);
    payload[arrived->payloadlen] = '\0';
    message->payload = payload;
    message->payload_length = (size_t)arrived->payloadlen;
    snprintf(message->topic, sizeof message->topic, "%s", topic);
    return message;
}

static int on_message(void *context, char *topic, int topic_length, MQTTAsync_message *arrived)
{
    (void)topic_length; /* 0 unless the topic holds NUL, which MQTT forbids. */
    struct client *client = context;
    if (strlen(topic) < CLIENT_TOPIC_MAX) {
        struct message *message = message_new(topic, arrived);
        pthread_mutex_lock(&client->lock);
        *(client->first == NULL ? &client->first : &client->last->next) = message;
        client->last = message;
        pthread_cond_signal(&client->changed);
        pthread_mutex_unlock(&client->lock);
    }
    MQTTAsync_freeMessage(&arrived);
    MQTTAsync_free(topic);
    return 1;
}

static void on_subscribed(void *context, MQTTAsync_successData5 *response)
{
    (void)response;
    struct client *client = context;
    mark(client, &client->subscribed);
}

/* On every connection, also those Paho makes by itself. */
static void on_connected(void *context, char *cause)
{
    (void)cause;
    struct client *client = context;
    char *filters[CLIENT_FILTERS_MAX];
    int qos[CLIENT_FILTERS_MAX];
    MQTTSubscribe_options each[CLIENT_FILTERS_MAX];
    for (int at = 0; at < client->filter_count; at++) {
        filters[at] = client->filters[at];
        qos[at] = 1;
        each[at] = (MQTTSubscribe_options)MQTTSubscribe_options_initializer;
    }
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    response.context = client;
    response.onSuccess5 = on_subscribed;
    response.subscribeOptionsCount = client->filter_count;
    response.subscribeOptionsList = each;
    if (MQTTAsync_subscribeMany(client->handle, client->filter_count, filters, qos, &response) !=
        MQTTASYNC_SUCCESS) {
        mark(client, &client->failed);
    }
}

static void on_refused(void *context, MQTTAsync_failureData5 *response)
{
    (void)response;
    struct client *client = context;
    mark(client, &client->failed);
}

static bool connect_to(struct client *client, const char *url)
{
    char name[64];
    snprintf(name, sizeof name, "flyball-fleet-%ld", (long)getpid());
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    create.sendWhileDisconnected = 1;
    create.maxBufferedMessages = BUFFERED_MESSAGES_MAX;
    if (MQTTAsync_createWithOptions(&client->handle, url, name, MQTTCLIENT_PERSISTENCE_NONE, NULL, &create) !=
        MQTTASYNC_SUCCESS) {
        return false;
    }
    MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer5;
    connect.cleanstart = 1;
    connect.keepAliveInterval = 20;
    connect.automaticReconnect = 1;
    connect.minRetryInterval = 1;
    connect.maxRetryInterval = 2;
    connect.context = client;
    connect.onFailure5 = on_refused;
    return MQTTAsync_setCallbacks(client->handle, client, NULL, on_message, NULL) == MQTTASYNC_SUCCESS &&
           MQTTAsync_setConnected(client->handle, client, on_connected) == MQTTASYNC_SUCCESS &&
           MQTTAsync_connect(client->handle, &connect) == MQTTASYNC_SUCCESS;
}

/* False once it is `until_ms`. */
static bool wait_for_change(struct client *client, int64_t until_ms)
{
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = (until_ms % 1000) * 1000000};
    return pthread_cond_timedwait(&client->changed, &client->lock, &until) != ETIMEDOUT;
}

bool client_open(struct client *client, const char *url, int64_t patience_ms)
{
    int64_t until_ms = client_now_ms() + patience_ms;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&client->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&client->lock, NULL);
    if (!connect_to(client, url)) {
        return false;
    }
    pthread_mutex_lock(&client->lock);
    while (!client->subscribed && !client->failed && wait_for_change(client, until_ms)) {
    }
    bool subscribed = client->subscribed;
    pthread_mutex_unlock(&client->lock);
    return subscribed;
}

bool client_publish(struct client *client, const char *topic, struct bytes payload, int qos)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    return MQTTAsync_send(client->handle, topic, (int)payload.length, payload.data, qos, 0, &response) ==
           MQTTASYNC_SUCCESS;
}

bool client_publish_retained(struct client *client, const char *topic, struct bytes payload)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    return MQTTAsync_send(client->handle, topic, (int)payload.length, payload.data, 1, 1, &response) ==
           MQTTASYNC_SUCCESS;
}

struct message *client_wait(struct client *client, int64_t until_ms)
{
    pthread_mutex_lock(&client->lock);
    while (client->first == NULL && wait_for_change(client, until_ms)) {
    }
    struct message *message = client->first;
    if (message != NULL) {
        client->first = message->next;
    }
    pthread_mutex_unlock(&client->lock);
    return message;
}

void message_free(struct message *message)
{
    free(message->payload);
    free(message);
}

void client_close(struct client *client)
{
    MQTTAsync_disconnectOptions disconnect = MQTTAsync_disconnectOptions_initializer5;
    disconnect.timeout = DISCONNECT_MS;
    MQTTAsync_disconnect(client->handle, &disconnect);
    for (int64_t until_ms = client_now_ms() + DISCONNECT_MS;
         MQTTAsync_isConnected(client->handle) && client_now_ms() < until_ms;) {
        usleep(1000);
    }
    MQTTAsync_destroy(&client->handle);
    while (client->first != NULL) {
        struct message *message = client->first;
        client->first = message->next;
        message_free(message);
    }
    pthread_cond_destroy(&client->changed);
    pthread_mutex_destroy(&client->lock);
}
