#include <string.h>

#include "agent/runtime/message.h"
#include "mqtt/paho_state.h"

void paho_flights_init(struct paho_client *client)
{
    for (uint32_t i = 0; i < client->options.in_flight_most; i++) {
        client->flights[i] = (struct paho_flight){.client = client, .next_free = client->free_flight};
        client->free_flight = &client->flights[i];
    }
}

/* Makes room for the next; returns the ticket. */
static uint64_t flight_give(struct paho_flight *flight)
{
    struct paho_client *client = flight->client;
    pthread_mutex_lock(&client->mutex);
    uint64_t ticket = flight->ticket;
    flight->since_ms = 0;
    flight->next_free = client->free_flight;
    client->free_flight = flight;
    client->in_flight--;
    client->bytes_in_flight -= flight->bytes;
    client->landing++;
    pthread_mutex_unlock(&client->mutex);
    return ticket;
}

bool paho_is_busy(const struct paho_client *client)
{
    return client->in_flight > 0 || client->landing > 0;
}

/* After the callback. */
static void count_landed(struct paho_client *client)
{
    pthread_mutex_lock(&client->mutex);
    client->landing--;
    if (!paho_is_busy(client)) {
        pthread_cond_broadcast(&client->changed);
    }
    pthread_mutex_unlock(&client->mutex);
}

/* At most: the fixed header, the topic, an identifier and the properties beside the payload. */
static uint64_t packet_bytes(const struct paho_publication *publication)
{
    enum { FIXED = 5, LENGTHS = 2 + 2 + 4, CORRELATION = 3 };
    return FIXED + LENGTHS + CORRELATION + (uint64_t)publication->topic.length +
           publication->correlation.length + publication->payload.length;
}

/* A socket that becomes full at a reconnect would let newer messages overtake older ones: whatever is on the
 * way has to fit it. One alone may be larger. */
static bool is_full(const struct paho_client *client, uint64_t bytes)
{
    return client->free_flight == NULL || client->in_flight >= client->window ||
           (client->in_flight > 0 && client->bytes_in_flight + bytes > PAHO_IN_FLIGHT_BYTES);
}

/* Takes a flight for a QoS 1 publication; QoS 0 needs none. */
static enum status flight_take(struct paho_client *client, const struct paho_publication *publication,
                               struct paho_flight **flight)
{
    enum status status = STATUS_OK;
    uint64_t bytes = packet_bytes(publication);
    *flight = NULL;
    pthread_mutex_lock(&client->mutex);
    if (client->link != PAHO_LINK_UP) {
        status = STATUS_DISCONNECTED;
    } else if (bytes > client->packet_most) {
        status = STATUS_TOO_LARGE; /* The broker would end the connection over it, again and again. */
    } else if (publication->qos > 0 && is_full(client, bytes)) {
        status = STATUS_FULL;
    } else if (publication->qos > 0) {
        *flight = client->free_flight;
        client->free_flight = (*flight)->next_free;
        (*flight)->ticket = publication->ticket;
        (*flight)->since_ms = paho_now_ms();
        (*flight)->bytes = bytes;
        client->in_flight++;
        client->bytes_in_flight += bytes;
    }
    pthread_mutex_unlock(&client->mutex);
    return status;
}

/* Paho's threads, under Paho's mutex: exactly one of these comes for each QoS 1 publication Paho accepted.
 * There is room again before the callback says so. */

static void on_delivered(struct paho_flight *flight)
{
    struct paho_client *client = flight->client;
    uint64_t ticket = flight_give(flight);
    if (client->callbacks.delivered != NULL) {
        client->callbacks.delivered(client->callbacks.self, ticket);
    }
    count_landed(client);
}

static void on_delivered5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    on_delivered(context);
}

static void on_delivered3(void *context, MQTTAsync_successData *data)
{
    (void)data;
    on_delivered(context);
}

/* Paho has thrown it away; the next connected has to say so. */
static void on_dropped(struct paho_flight *flight)
{
    struct paho_client *client = flight->client;
    pthread_mutex_lock(&client->mutex);
    client->session_lost = true;
    pthread_mutex_unlock(&client->mutex);
    flight_give(flight);
    count_landed(client);
}

static void on_failed5(void *context, MQTTAsync_failureData5 *data)
{
    struct paho_flight *flight = context;
    struct paho_client *client = flight->client;
    if (data->reasonCode < MQTTREASONCODE_UNSPECIFIED_ERROR) {
        on_dropped(flight);
        return;
    }
    uint64_t ticket = flight_give(flight);
    if (client->callbacks.refused != NULL) {
        client->callbacks.refused(client->callbacks.self, ticket, (int)data->reasonCode);
    }
    count_landed(client);
}

static void on_failed3(void *context, MQTTAsync_failureData *data)
{
    (void)data;
    on_dropped(context);
}

static enum status publish_status(int result)
{
    switch (result) {
    case MQTTASYNC_SUCCESS: return STATUS_OK;
    case MQTTASYNC_FAILURE: return STATUS_DISCONNECTED; /* The handle is closed. */
    case MQTTASYNC_DISCONNECTED: return STATUS_DISCONNECTED;
    case MQTTASYNC_MAX_BUFFERED_MESSAGES: return STATUS_FULL;
    case MQTTASYNC_NO_MORE_MSGIDS: return STATUS_FULL;
    case MQTTASYNC_BAD_UTF8_STRING: return STATUS_INVALID;
    default: return STATUS_NO_MEMORY;
    }
}

/* Response options always go along: without them Paho drops the properties. */
static int send(struct paho_client *client, const struct paho_publication *publication, const char *topic,
                struct paho_flight *flight)
{
    MQTTProperty correlation = {.identifier = MQTTPROPERTY_CODE_CORRELATION_DATA,
                                .value.data = {.len = (int)publication->correlation.length,
                                               .data = (char *)publication->correlation.data}};
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.context = flight;
    if (client->options.protocol == PAHO_PROTOCOL_5) {
        options.onSuccess5 = flight != NULL ? on_delivered5 : NULL;
        options.onFailure5 = flight != NULL ? on_failed5 : NULL;
        if (publication->has_correlation) {
            options.properties = (MQTTProperties){
                .count = 1, .max_count = 1, .length = 3 + correlation.value.data.len, .array = &correlation};
        }
    } else {
        options.onSuccess = flight != NULL ? on_delivered3 : NULL;
        options.onFailure = flight != NULL ? on_failed3 : NULL;
    }
    pthread_mutex_lock(&client->handle_mutex);
    int result = MQTTAsync_send(client->handle, topic, (int)publication->payload.length,
                                publication->payload.data, publication->qos, publication->retained, &options);
    pthread_mutex_unlock(&client->handle_mutex);
    return result;
}

static enum status topic_string(struct bytes topic, char string[PAHO_TOPIC_BYTES_MAX + 1])
{
    if (topic.length > PAHO_TOPIC_BYTES_MAX) {
        return STATUS_TOO_LARGE;
    }
    if (!topic_is_sendable(topic)) {
        return STATUS_INVALID;
    }
    memcpy(string, topic.data, topic.length);
    string[topic.length] = '\0';
    return STATUS_OK;
}

enum status paho_client_publish(struct paho_client *client, const struct paho_publication *publication)
{
    char topic[PAHO_TOPIC_BYTES_MAX + 1];
    enum status status = topic_string(publication->topic, topic);
    if (status != STATUS_OK) {
        return status;
    }
    if (publication->qos > 1 || publication->correlation.length > UINT16_MAX) {
        return STATUS_INVALID;
    }
    struct paho_flight *flight;
    status = flight_take(client, publication, &flight);
    if (status != STATUS_OK) {
        return status;
    }
    status = publish_status(send(client, publication, topic, flight));
    if (status != STATUS_OK && flight != NULL) {
        flight_give(flight);
        count_landed(client);
    }
    return status;
}

uint32_t paho_client_in_flight(struct paho_client *client)
{
    pthread_mutex_lock(&client->mutex);
    uint32_t in_flight = client->in_flight + client->landing;
    pthread_mutex_unlock(&client->mutex);
    return in_flight;
}
