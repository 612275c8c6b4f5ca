#include "tests/broker/peer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { ANSWER_WAIT_MS = 10000, BUFFERED_MOST = 60000 };

static struct timespec deadline_in(int wait_ms)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += wait_ms / 1000;
    deadline.tv_nsec += wait_ms % 1000 * 1000000L;
    if (deadline.tv_nsec >= 1000000000L) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000L;
    }
    return deadline;
}

static bool await_change(struct peer *peer, const struct timespec *deadline)
{
    return pthread_cond_timedwait(&peer->changed, &peer->mutex, deadline) != ETIMEDOUT;
}

static bool is_version_5(const struct peer *peer)
{
    return peer->settings.protocol == PEER_PROTOCOL_5;
}

/* Paho's threads. */

static void answer(struct peer *peer, int good)
{
    pthread_mutex_lock(&peer->mutex);
    peer->answer = good;
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->mutex);
}

static void on_success5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    answer(context, 1);
}

static void on_success3(void *context, MQTTAsync_successData *data)
{
    (void)data;
    answer(context, 1);
}

static void on_failure5(void *context, MQTTAsync_failureData5 *data)
{
    (void)data;
    answer(context, -1);
}

static void on_failure3(void *context, MQTTAsync_failureData *data)
{
    (void)data;
    answer(context, -1);
}

static void connected(struct peer *peer, int session_present)
{
    pthread_mutex_lock(&peer->mutex);
    peer->is_connected = true;
    peer->had_session = session_present != 0;
    pthread_mutex_unlock(&peer->mutex);
    answer(peer, 1);
}

static void on_connected5(void *context, MQTTAsync_successData5 *data)
{
    connected(context, data->alt.connect.sessionPresent);
}

static void on_connected3(void *context, MQTTAsync_successData *data)
{
    connected(context, data->alt.connect.sessionPresent);
}

static void lost(struct peer *peer)
{
    pthread_mutex_lock(&peer->mutex);
    peer->is_connected = false;
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->mutex);
}

static void on_lost(void *context, char *cause)
{
    (void)cause;
    lost(context);
}

static void on_disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes code)
{
    (void)properties;
    (void)code;
    lost(context);
}

static void acknowledged(struct peer *peer)
{
    pthread_mutex_lock(&peer->mutex);
    peer->unacknowledged--;
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->mutex);
}

static void on_sent5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    acknowledged(context);
}

static void on_sent3(void *context, MQTTAsync_successData *data)
{
    (void)data;
    acknowledged(context);
}

static char *copy_of(const void *data, size_t length)
{
    char *copy = malloc(length + 1);
    memcpy(copy, data, length);
    copy[length] = '\0';
    return copy;
}

static char *copy_string(MQTTLenString string)
{
    return copy_of(string.data, (size_t)string.len);
}

static void copy_property(struct peer_message *message, const MQTTProperty *property, size_t *user_count)
{
    if (property->identifier == MQTTPROPERTY_CODE_RESPONSE_TOPIC) {
        message->response_topic = copy_string(property->value.data);
    } else if (property->identifier == MQTTPROPERTY_CODE_CORRELATION_DATA) {
        message->correlation = copy_string(property->value.data);
        message->correlation_length = (size_t)property->value.data.len;
    } else if (property->identifier == MQTTPROPERTY_CODE_USER_PROPERTY && *user_count < PEER_PROPERTIES_MAX) {
        message->user[*user_count].name = copy_string(property->value.data);
        message->user[(*user_count)++].value = copy_string(property->value.value);
    }
}

static struct peer_message *copy_message(const char *topic, size_t topic_length,
                                         const MQTTAsync_message *arrived)
{
    struct peer_message *message = calloc(1, sizeof(*message));
    message->topic = copy_of(topic, topic_length);
    message->payload = copy_of(arrived->payload, (size_t)arrived->payloadlen);
    message->length = (size_t)arrived->payloadlen;
    message->qos = arrived->qos;
    message->retained = arrived->retained != 0;
    size_t user_count = 0;
    for (int i = 0; i < arrived->properties.count; i++) {
        copy_property(message, &arrived->properties.array[i], &user_count);
    }
    return message;
}

static int on_message(void *context, char *topic, int topic_length, MQTTAsync_message *arrived)
{
    struct peer *peer = context;
    struct peer_message *message =
        copy_message(topic, topic_length > 0 ? (size_t)topic_length : strlen(topic), arrived);
    pthread_mutex_lock(&peer->mutex);
    if (peer->message_count == peer->message_capacity) {
        peer->message_capacity = peer->message_capacity * 2 + 64;
        peer->messages = realloc(peer->messages, peer->message_capacity * sizeof(peer->messages[0]));
    }
    peer->messages[peer->message_count++] = message;
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->mutex);
    MQTTAsync_freeMessage(&arrived);
    MQTTAsync_free(topic);
    return 1;
}

/* The test's thread. */

static int await_answer(struct peer *peer)
{
    struct timespec deadline = deadline_in(ANSWER_WAIT_MS);
    pthread_mutex_lock(&peer->mutex);
    while (peer->answer == 0 && await_change(peer, &deadline)) {
    }
    int got = peer->answer;
    peer->answer = 0;
    pthread_mutex_unlock(&peer->mutex);
    return got;
}

static MQTTAsync_responseOptions answers(struct peer *peer)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.context = peer;
    if (is_version_5(peer)) {
        options.onSuccess5 = on_success5;
        options.onFailure5 = on_failure5;
    } else {
        options.onSuccess = on_success3;
        options.onFailure = on_failure3;
    }
    return options;
}

static MQTTAsync_connectOptions connect_options(struct peer *peer)
{
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    options.context = peer;
    options.maxInflight = 65535;
    options.username = peer->settings.username;
    options.password = peer->settings.password;
    if (is_version_5(peer)) {
        options.MQTTVersion = MQTTVERSION_5;
        options.cleansession = 0;
        options.cleanstart = !peer->settings.keeps_session;
        options.onSuccess5 = on_connected5;
        options.onFailure5 = on_failure5;
    } else {
        options.MQTTVersion = MQTTVERSION_3_1_1;
        options.cleansession = !peer->settings.keeps_session;
        options.onSuccess = on_connected3;
        options.onFailure = on_failure3;
    }
    return options;
}

static bool try_connect(struct peer *peer)
{
    MQTTProperty expiry = {.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, .value.integer4 = 3600};
    MQTTProperties properties = {.count = 1, .max_count = 1, .length = 5, .array = &expiry};
    MQTTAsync_connectOptions options = connect_options(peer);
    if (is_version_5(peer) && peer->settings.keeps_session) {
        options.connectProperties = &properties;
    }
    return MQTTAsync_connect(peer->handle, &options) == MQTTASYNC_SUCCESS && await_answer(peer) == 1;
}

void peer_open(struct peer *peer, const struct peer_settings *settings)
{
    *peer = (struct peer){.settings = *settings};
    pthread_mutex_init(&peer->mutex, NULL);
    pthread_cond_init(&peer->changed, NULL);
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer;
    create.maxBufferedMessages = BUFFERED_MOST;
    create.MQTTVersion = is_version_5(peer) ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    assert_int_equal(MQTTAsync_createWithOptions(&peer->handle, settings->url, settings->client_id,
                                                 MQTTCLIENT_PERSISTENCE_NONE, NULL, &create),
                     MQTTASYNC_SUCCESS);
    MQTTAsync_setCallbacks(peer->handle, peer, on_lost, on_message, NULL);
    MQTTAsync_setDisconnected(peer->handle, peer, on_disconnected);
    assert_true(try_connect(peer));
}

void peer_reconnect(struct peer *peer)
{
    struct timespec end = deadline_in(ANSWER_WAIT_MS);
    struct timespec now;
    do {
        if (try_connect(peer)) {
            return;
        }
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        clock_gettime(CLOCK_REALTIME, &now);
    } while (now.tv_sec < end.tv_sec);
    fail_msg("%s cannot connect again", peer->settings.client_id);
}

static void free_message(struct peer_message *message)
{
    free((void *)message->topic);
    free((void *)message->payload);
    free((void *)message->response_topic);
    free((void *)message->correlation);
    for (size_t i = 0; i < PEER_PROPERTIES_MAX; i++) {
        free((void *)message->user[i].name);
        free((void *)message->user[i].value);
    }
    free(message);
}

void peer_close(struct peer *peer)
{
    if (peer->handle == NULL) {
        return;
    }
    MQTTAsync_disconnectOptions goodbye = MQTTAsync_disconnectOptions_initializer;
    if (is_version_5(peer)) {
        goodbye = (MQTTAsync_disconnectOptions)MQTTAsync_disconnectOptions_initializer5;
        goodbye.onSuccess5 = on_success5;
    } else {
        goodbye.onSuccess = on_success3;
    }
    goodbye.context = peer;
    if (MQTTAsync_disconnect(peer->handle, &goodbye) == MQTTASYNC_SUCCESS) {
        await_answer(peer);
    }
    MQTTAsync_destroy(&peer->handle);
    for (size_t i = 0; i < peer->message_count; i++) {
        free_message(peer->messages[i]);
    }
    free(peer->messages);
    pthread_mutex_destroy(&peer->mutex);
    pthread_cond_destroy(&peer->changed);
    *peer = (struct peer){0};
}

void peer_subscribe(struct peer *peer, const char *filter, int qos)
{
    MQTTAsync_responseOptions options = answers(peer);
    assert_int_equal(MQTTAsync_subscribe(peer->handle, filter, qos, &options), MQTTASYNC_SUCCESS);
    assert_int_equal(await_answer(peer), 1);
}

void peer_unsubscribe(struct peer *peer, const char *filter)
{
    MQTTAsync_responseOptions options = answers(peer);
    assert_int_equal(MQTTAsync_unsubscribe(peer->handle, filter, &options), MQTTASYNC_SUCCESS);
    assert_int_equal(await_answer(peer), 1);
}

static void add_data(MQTTProperties *properties, enum MQTTPropertyCodes code, const void *data, size_t length)
{
    MQTTProperty property = {.identifier = code, .value.data = {.len = (int)length, .data = (char *)data}};
    assert_int_equal(MQTTProperties_add(properties, &property), 0);
}

static void add_properties(MQTTProperties *properties, const struct peer_message *message)
{
    if (message->response_topic != NULL) {
        add_data(properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC, message->response_topic,
                 strlen(message->response_topic));
    }
    if (message->correlation != NULL) {
        add_data(properties, MQTTPROPERTY_CODE_CORRELATION_DATA, message->correlation,
                 message->correlation_length);
    }
    for (size_t i = 0; i < PEER_PROPERTIES_MAX && message->user[i].name != NULL; i++) {
        const struct peer_property *user = &message->user[i];
        MQTTProperty property = {
            .identifier = MQTTPROPERTY_CODE_USER_PROPERTY,
            .value = {.data = {.len = (int)strlen(user->name), .data = (char *)user->name},
                      .value = {.len = (int)strlen(user->value), .data = (char *)user->value}}};
        assert_int_equal(MQTTProperties_add(properties, &property), 0);
    }
}

static void send_with(struct peer *peer, const struct peer_message *message,
                      MQTTAsync_responseOptions *options)
{
    MQTTProperties properties = MQTTProperties_initializer;
    if (is_version_5(peer)) {
        add_properties(&properties, message);
        options->properties = properties;
    }
    assert_int_equal(MQTTAsync_send(peer->handle, message->topic, (int)message->length, message->payload,
                                    message->qos, message->retained, options),
                     MQTTASYNC_SUCCESS);
    MQTTProperties_free(&properties);
}

void peer_publish(struct peer *peer, const struct peer_message *message)
{
    MQTTAsync_responseOptions options = answers(peer);
    send_with(peer, message, &options);
    assert_int_equal(await_answer(peer), 1);
}

void peer_publish_text(struct peer *peer, const char *topic, const char *text, int qos)
{
    struct peer_message message = {.topic = topic, .payload = text, .length = strlen(text), .qos = qos};
    peer_publish(peer, &message);
}

void peer_send(struct peer *peer, const struct peer_message *message)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.context = peer;
    options.onSuccess5 = is_version_5(peer) ? on_sent5 : NULL;
    options.onSuccess = is_version_5(peer) ? NULL : on_sent3;
    pthread_mutex_lock(&peer->mutex);
    peer->unacknowledged++;
    pthread_mutex_unlock(&peer->mutex);
    send_with(peer, message, &options);
}

void peer_flush(struct peer *peer, int timeout_ms)
{
    struct timespec deadline = deadline_in(timeout_ms);
    pthread_mutex_lock(&peer->mutex);
    while (peer->unacknowledged > 0 && await_change(peer, &deadline)) {
    }
    size_t left = peer->unacknowledged;
    pthread_mutex_unlock(&peer->mutex);
    assert_int_equal(left, 0);
}
