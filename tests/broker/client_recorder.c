#include "tests/broker/client_recorder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "mqtt/cloudevent.h"

enum { AWAIT_S = 10, DISCONNECT_MS = 2000 };

static void count(struct client_recorder *recorder, unsigned *counter)
{
    pthread_mutex_lock(&recorder->mutex);
    (*counter)++;
    pthread_cond_broadcast(&recorder->changed);
    pthread_mutex_unlock(&recorder->mutex);
}

static void copy_text(char text[RECORDED_BYTES_MAX], struct bytes bytes)
{
    snprintf(text, RECORDED_BYTES_MAX, "%.*s", (int)bytes.length, (const char *)bytes.data);
}

static void copy_message(struct recorded_message *copy, const struct message *message,
                         const struct paho_arrival *arrival)
{
    struct bytes type = {0};
    copy_text(copy->topic, message->topic);
    copy_text(copy->payload, message->payload);
    copy_text(copy->response_topic, message->response_topic);
    copy_text(copy->correlation, message->correlation);
    if (attributes_get(message->attributes, "type", &type) == STATUS_OK) {
        copy_text(copy->type_attribute, type);
    }
    copy->has_correlation = message->has_correlation;
    copy->qos = message->qos;
    copy->retained = arrival->retained;
    copy->redelivered = arrival->redelivered;
}

static void on_message(void *self, const struct message *message, const struct paho_arrival *arrival)
{
    struct client_recorder *recorder = self;
    if (recorder->on_message != NULL) {
        recorder->on_message(recorder->on_message_self, message);
    }
    pthread_mutex_lock(&recorder->mutex);
    if (recorder->record.messages < RECORDED_MESSAGES_MAX) {
        copy_message(&recorder->messages[recorder->record.messages], message, arrival);
    }
    pthread_mutex_unlock(&recorder->mutex);
    count(recorder, &recorder->record.messages);
}

static void on_delivered(void *self, uint64_t ticket)
{
    struct client_recorder *recorder = self;
    pthread_mutex_lock(&recorder->mutex);
    recorder->tickets[ticket % RECORDED_TICKETS_MAX]++;
    pthread_mutex_unlock(&recorder->mutex);
    count(recorder, &recorder->record.delivered);
}

static void on_refused(void *self, uint64_t ticket, int reason_code)
{
    (void)ticket;
    struct client_recorder *recorder = self;
    recorder->refused_code = reason_code;
    count(recorder, &recorder->record.refused);
}

static void on_connected(void *self, enum paho_session session)
{
    struct client_recorder *recorder = self;
    if (session == PAHO_SESSION_NEW) {
        count(recorder, &recorder->record.connected_new);
    }
    count(recorder, &recorder->record.connected);
}

static void on_subscribed(void *self)
{
    struct client_recorder *recorder = self;
    count(recorder, &recorder->record.subscribed);
}

static void on_subscribe_failed(void *self, const char *filter, int reason_code)
{
    (void)filter;
    struct client_recorder *recorder = self;
    recorder->subscribe_failed_code = reason_code;
    count(recorder, &recorder->record.subscribe_failed);
}

static void on_disconnected(void *self, const char *reason)
{
    struct client_recorder *recorder = self;
    pthread_mutex_lock(&recorder->mutex);
    snprintf(recorder->reason, sizeof(recorder->reason), "%s", reason);
    pthread_mutex_unlock(&recorder->mutex);
    count(recorder, &recorder->record.disconnected);
}

struct paho_settings recorder_settings(const char *url, const char *client_id)
{
    return (struct paho_settings){.url = url,
                                  .protocol = PAHO_PROTOCOL_5,
                                  .client_id = client_id,
                                  .keepalive_s = 10,
                                  .session_expiry_s = 3600,
                                  .reconnect_least_ms = 20,
                                  .reconnect_most_ms = 200,
                                  .in_flight_most = 100};
}

void recorder_open(struct client_recorder *recorder, const struct paho_settings *settings,
                   const struct paho_subscription *subscriptions, size_t subscription_count)
{
    pthread_mutex_init(&recorder->mutex, NULL);
    pthread_cond_init(&recorder->changed, NULL);
    struct paho_callbacks callbacks = {.message = on_message,
                                       .delivered = on_delivered,
                                       .refused = on_refused,
                                       .connected = on_connected,
                                       .subscribed = on_subscribed,
                                       .subscribe_failed = on_subscribe_failed,
                                       .disconnected = on_disconnected,
                                       .self = recorder};
    assert_int_equal(
        paho_client_create(settings, subscriptions, subscription_count, &callbacks, &recorder->client),
        STATUS_OK);
    assert_int_equal(paho_client_start(recorder->client), STATUS_OK);
}

void recorder_close(struct client_recorder *recorder)
{
    if (recorder->client == NULL) {
        return;
    }
    paho_client_disconnect(recorder->client, DISCONNECT_MS);
    paho_client_destroy(recorder->client);
    recorder->client = NULL;
    pthread_mutex_destroy(&recorder->mutex);
    pthread_cond_destroy(&recorder->changed);
}

bool recorder_await(struct client_recorder *recorder, const unsigned *counter, unsigned wanted)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += AWAIT_S;
    pthread_mutex_lock(&recorder->mutex);
    while (*counter < wanted &&
           pthread_cond_timedwait(&recorder->changed, &recorder->mutex, &deadline) != ETIMEDOUT) {
    }
    bool is_there = *counter >= wanted;
    pthread_mutex_unlock(&recorder->mutex);
    return is_there;
}

struct record recorder_now(struct client_recorder *recorder)
{
    pthread_mutex_lock(&recorder->mutex);
    struct record record = recorder->record;
    pthread_mutex_unlock(&recorder->mutex);
    return record;
}

struct recorded_message recorder_message(struct client_recorder *recorder, unsigned index)
{
    pthread_mutex_lock(&recorder->mutex);
    struct recorded_message message = recorder->messages[index];
    pthread_mutex_unlock(&recorder->mutex);
    return message;
}

unsigned recorder_delivered(struct client_recorder *recorder, uint64_t ticket)
{
    pthread_mutex_lock(&recorder->mutex);
    unsigned delivered = recorder->tickets[ticket % RECORDED_TICKETS_MAX];
    pthread_mutex_unlock(&recorder->mutex);
    return delivered;
}
