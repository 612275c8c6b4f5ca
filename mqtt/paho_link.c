#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mqtt/paho_state.h"

int64_t paho_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool paho_wait(struct paho_client *client, const struct deadline *deadline)
{
    return deadline_wait(deadline, &client->changed, &client->mutex) == STATUS_OK;
}

void paho_link_set(struct paho_client *client, enum paho_link link, const char *reason)
{
    pthread_mutex_lock(&client->mutex);
    client->link = link;
    if (reason != NULL) {
        snprintf(client->reason, sizeof(client->reason), "%s", reason);
    }
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->mutex);
}

/* From here to paho_link_open: Paho's threads, under Paho's mutex. */

/* What the broker takes, if it says so. */
struct capacity {
    uint32_t window;
    uint32_t packet_most;
};

static void link_is_up(struct paho_client *client, int session_present, struct capacity capacity)
{
    pthread_mutex_lock(&client->mutex);
    client->window = capacity.window;
    client->packet_most = capacity.packet_most;
    client->session_lost = client->session_lost || session_present == 0;
    client->tls_reason[0] = '\0';
    pthread_mutex_unlock(&client->mutex);
    paho_link_set(client, PAHO_LINK_UP, NULL);
}

static uint32_t limit_of(MQTTProperties *properties, enum MQTTPropertyCodes code)
{
    if (MQTTProperties_hasProperty(properties, code) == 0) {
        return UINT32_MAX;
    }
    return (uint32_t)MQTTProperties_getNumericValue(properties, code);
}

/* One less than the broker takes at a time: Paho counts a SUBSCRIBE as well. */
static struct capacity capacity_of(MQTTProperties *properties)
{
    uint32_t window = limit_of(properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM);
    return (struct capacity){.window = window > 1 ? window - 1 : 1,
                             .packet_most = limit_of(properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE)};
}

static void on_connected5(void *context, MQTTAsync_successData5 *data)
{
    link_is_up(context, data->alt.connect.sessionPresent, capacity_of(&data->properties));
}

static void on_connected3(void *context, MQTTAsync_successData *data)
{
    link_is_up(context, data->alt.connect.sessionPresent,
               (struct capacity){.window = UINT32_MAX, .packet_most = UINT32_MAX});
}

static void connect_failed(struct paho_client *client, const char *message, int code, const char *code_text)
{
    char reason[PAHO_REASON_MAX];
    pthread_mutex_lock(&client->mutex);
    snprintf(reason, sizeof(reason), "%.100s (%d%s%.50s)%s%.100s",
             message != NULL ? message : "cannot connect", code, code_text != NULL ? " " : "",
             code_text != NULL ? code_text : "", client->tls_reason[0] != '\0' ? ": " : "",
             client->tls_reason);
    client->tls_reason[0] = '\0';
    pthread_mutex_unlock(&client->mutex);
    paho_link_set(client, PAHO_LINK_DOWN, reason);
}

static void on_connect_failed5(void *context, MQTTAsync_failureData5 *data)
{
    connect_failed(context, data->message, data->code,
                   data->code >= 0x80 ? MQTTReasonCode_toString((enum MQTTReasonCodes)data->code) : NULL);
}

static void on_connect_failed3(void *context, MQTTAsync_failureData *data)
{
    connect_failed(context, data->message, data->code, NULL);
}

static void on_connection_lost(void *context, char *cause)
{
    paho_link_set(context, PAHO_LINK_DOWN, cause != NULL ? cause : "connection lost");
}

/* A DISCONNECT from the broker: Paho does not report a lost connection as well. */
static void on_disconnected_by_broker(void *context, MQTTProperties *properties, enum MQTTReasonCodes code)
{
    (void)properties;
    const char *text = MQTTReasonCode_toString(code);
    char reason[PAHO_REASON_MAX];
    snprintf(reason, sizeof(reason), "broker said goodbye (%d %.100s)", (int)code, text != NULL ? text : "");
    paho_link_set(context, PAHO_LINK_DOWN, reason);
}

static void on_goodbye5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    paho_link_set(context, PAHO_LINK_DOWN, NULL);
}

static void on_goodbye3(void *context, MQTTAsync_successData *data)
{
    (void)data;
    paho_link_set(context, PAHO_LINK_DOWN, NULL);
}

/* The first line is the cause; what follows comes from closing. */
static int on_tls_error(const char *text, size_t length, void *context)
{
    struct paho_client *client = context;
    pthread_mutex_lock(&client->mutex);
    if (client->tls_reason[0] == '\0') {
        snprintf(client->tls_reason, sizeof(client->tls_reason), "%.*s", (int)length, text);
        client->tls_reason[strcspn(client->tls_reason, "\r\n")] = '\0';
    }
    pthread_mutex_unlock(&client->mutex);
    return 1;
}

enum status paho_link_open(struct paho_client *client)
{
    bool has_version_5 = client->options.protocol == PAHO_PROTOCOL_5;
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer;
    create.sendWhileDisconnected = 0;
    create.maxBufferedMessages = (int)client->options.in_flight_most + PAHO_QUEUE_QOS_0;
    create.MQTTVersion = has_version_5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    int result = MQTTAsync_createWithOptions(&client->handle, client->options.url, client->options.client_id,
                                             MQTTCLIENT_PERSISTENCE_NONE, NULL, &create);
    if (result != MQTTASYNC_SUCCESS) {
        client->handle = NULL;
        return result == MQTTASYNC_BAD_UTF8_STRING ? STATUS_INVALID : STATUS_NO_MEMORY;
    }
    MQTTAsync_setCallbacks(client->handle, client, on_connection_lost, paho_receive, NULL);
    MQTTAsync_setDisconnected(client->handle, client, on_disconnected_by_broker);
    return STATUS_OK;
}

void paho_link_renew(struct paho_client *client)
{
    pthread_mutex_lock(&client->handle_mutex);
    MQTTAsync_destroy(&client->handle);
    (void)!paho_link_open(client);
    pthread_mutex_unlock(&client->handle_mutex);
}

void paho_link_close(struct paho_client *client)
{
    pthread_mutex_lock(&client->handle_mutex);
    MQTTAsync_destroy(&client->handle);
    pthread_mutex_unlock(&client->handle_mutex);
    paho_link_set(client, PAHO_LINK_DOWN, NULL);
}

bool paho_link_connect(struct paho_client *client)
{
    struct paho_connect with;
    paho_options_connect(&client->options, &with);
    with.connect.connectTimeout = PAHO_CONNECT_TIMEOUT_S;
    with.connect.context = client;
    if (client->options.protocol == PAHO_PROTOCOL_5) {
        with.connect.onSuccess5 = on_connected5;
        with.connect.onFailure5 = on_connect_failed5;
    } else {
        with.connect.onSuccess = on_connected3;
        with.connect.onFailure = on_connect_failed3;
    }
    with.tls.ssl_error_cb = on_tls_error;
    with.tls.ssl_error_context = client;
    return MQTTAsync_connect(client->handle, &with.connect) == MQTTASYNC_SUCCESS;
}

void paho_link_disconnect(struct paho_client *client, const char *reason, uint32_t timeout_ms)
{
    MQTTAsync_disconnectOptions goodbye = MQTTAsync_disconnectOptions_initializer;
    if (client->options.protocol == PAHO_PROTOCOL_5) {
        goodbye = (MQTTAsync_disconnectOptions)MQTTAsync_disconnectOptions_initializer5;
        goodbye.onSuccess5 = on_goodbye5;
    } else {
        goodbye.onSuccess = on_goodbye3;
    }
    goodbye.context = client;
    if (MQTTAsync_disconnect(client->handle, &goodbye) == MQTTASYNC_SUCCESS) {
        struct deadline deadline = deadline_after(timeout_ms);
        pthread_mutex_lock(&client->mutex);
        while (client->link != PAHO_LINK_DOWN && paho_wait(client, &deadline)) {
        }
        pthread_mutex_unlock(&client->mutex);
    }
    paho_link_set(client, PAHO_LINK_DOWN, reason);
}
