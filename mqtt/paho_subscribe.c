#include <string.h>

#include "mqtt/paho_state.h"

enum status paho_filters_set(struct paho_filters *filters, const struct paho_subscription *subscriptions,
                             size_t count)
{
    if (count > PAHO_SUBSCRIPTIONS_MAX) {
        return STATUS_TOO_LARGE;
    }
    for (size_t i = 0; i < count; i++) {
        if (strlen(subscriptions[i].filter) > PAHO_TOPIC_BYTES_MAX) {
            return STATUS_TOO_LARGE;
        }
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(filters->filters[i].text, subscriptions[i].filter, strlen(subscriptions[i].filter) + 1);
        filters->filters[i].qos = subscriptions[i].qos;
        filters->filters[i].is_optional = subscriptions[i].is_optional;
    }
    filters->count = count;
    return STATUS_OK;
}

static const struct paho_filter *filters_find(const struct paho_filters *filters, const char *text)
{
    for (size_t i = 0; i < filters->count; i++) {
        if (strcmp(filters->filters[i].text, text) == 0) {
            return &filters->filters[i];
        }
    }
    return NULL;
}

static bool filters_hold(const struct paho_filters *filters, const struct paho_filter *filter)
{
    const struct paho_filter *found = filters_find(filters, filter->text);
    return found != NULL && found->qos == filter->qos;
}

/* Paho's threads, under Paho's mutex: the answer to a SUBSCRIBE. */

static void suback(struct paho_client *client, struct paho_suback answer)
{
    pthread_mutex_lock(&client->mutex);
    client->suback = answer;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->mutex);
}

/* The code of one filter comes in `reasonCode`, those of more in a list. */
static void on_suback5(void *context, MQTTAsync_successData5 *data)
{
    struct paho_client *client = context;
    struct paho_suback answer = {.token = data->token, .failed_index = -1};
    int count = data->alt.sub.reasonCodeCount;
    pthread_mutex_lock(&client->mutex);
    answer.does_not_fit = count != (int)client->asked;
    pthread_mutex_unlock(&client->mutex);
    for (int i = count - 1; i >= 0 && !answer.does_not_fit; i--) {
        int code = count == 1 ? (int)data->reasonCode : (int)data->alt.sub.reasonCodes[i];
        if (code >= MQTT_BAD_SUBSCRIBE) {
            answer.failed_index = i;
            answer.reason_code = code;
        }
    }
    suback(client, answer);
}

static void on_suback_failed5(void *context, MQTTAsync_failureData5 *data)
{
    suback(context, (struct paho_suback){.token = data->token, .reason_code = (int)data->reasonCode});
}

/* 3.1.1 does not tell the callback how many codes there are, so filters are asked for one by one: a refusal
 * is a failure then. */
static void on_suback3(void *context, MQTTAsync_successData *data)
{
    suback(context, (struct paho_suback){.token = data->token, .failed_index = -1});
}

static void on_suback_failed3(void *context, MQTTAsync_failureData *data)
{
    suback(context, (struct paho_suback){.token = data->token, .reason_code = data->code});
}

static MQTTAsync_responseOptions suback_callbacks(struct paho_client *client)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.context = client;
    if (client->options.protocol == PAHO_PROTOCOL_5) {
        options.onSuccess5 = on_suback5;
        options.onFailure5 = on_suback_failed5;
    } else {
        options.onSuccess = on_suback3;
        options.onFailure = on_suback_failed3;
    }
    return options;
}

/* Waits for the answer to `token`, about the filters from `first` on, and judges it. */
static enum status subscribe_answer(struct paho_client *client, int token, size_t first,
                                    struct paho_subscribe_error *error)
{
    struct deadline deadline = deadline_after(PAHO_ANSWER_TIMEOUT_MS);
    pthread_mutex_lock(&client->mutex);
    while (client->suback.token != token && client->link == PAHO_LINK_UP && !client->stopping &&
           paho_wait(client, &deadline)) {
    }
    struct paho_suback answer = client->suback;
    bool is_up = client->link == PAHO_LINK_UP;
    pthread_mutex_unlock(&client->mutex);
    if (answer.token != token || !is_up) {
        return is_up ? STATUS_TIMED_OUT : STATUS_DISCONNECTED;
    }
    if (answer.does_not_fit) {
        return STATUS_CORRUPT;
    }
    if (answer.failed_index >= 0) {
        error->filter = client->asking.filters[first + (size_t)answer.failed_index].text;
        error->reason_code = answer.reason_code;
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* Asks for `count` of the filters, from `first` on. */
static enum status subscribe_some(struct paho_client *client, size_t first, size_t count,
                                  struct paho_subscribe_error *error)
{
    char *texts[PAHO_SUBSCRIPTIONS_MAX];
    int qos[PAHO_SUBSCRIPTIONS_MAX];
    for (size_t i = 0; i < count; i++) {
        texts[i] = client->asking.filters[first + i].text;
        qos[i] = client->asking.filters[first + i].qos;
    }
    pthread_mutex_lock(&client->mutex);
    client->suback.token = 0;
    client->asked = count;
    pthread_mutex_unlock(&client->mutex);
    MQTTAsync_responseOptions options = suback_callbacks(client);
    int result = MQTTAsync_subscribeMany(client->handle, (int)count, texts, qos, &options);
    return result == MQTTASYNC_SUCCESS ? subscribe_answer(client, options.token, first, error)
                                       : STATUS_DISCONNECTED;
}

void paho_subscription_failed(struct paho_client *client, const struct paho_subscribe_error *error)
{
    if (client->callbacks.subscribe_failed != NULL) {
        client->callbacks.subscribe_failed(client->callbacks.self, error->filter, error->reason_code);
    }
}

/* What is needed goes together where one answer can tell of several; the rest one by one. */
static size_t step_from(const struct paho_client *client, size_t first)
{
    const struct paho_filters *asking = &client->asking;
    size_t end = first + 1;
    while (client->options.protocol == PAHO_PROTOCOL_5 && end < asking->count &&
           !asking->filters[end].is_optional) {
        end++;
    }
    return end - first;
}

static enum status subscribe_asking(struct paho_client *client, struct paho_subscribe_error *error)
{
    enum status status = STATUS_OK;
    size_t step;
    for (size_t first = 0; status == STATUS_OK && first < client->asking.count; first += step) {
        step = step_from(client, first);
        status = subscribe_some(client, first, step, error);
        if (status == STATUS_INVALID && client->asking.filters[first].is_optional) {
            paho_subscription_failed(client, error);
            status = STATUS_OK;
        }
    }
    return status;
}

/* Nobody waits for the answer: a message that slips through is routed like any other. */
static void unsubscribe_gone(struct paho_client *client, const struct paho_filters *wanted)
{
    for (size_t i = 0; i < client->placed.count; i++) {
        if (filters_find(wanted, client->placed.filters[i].text) == NULL) {
            MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
            MQTTAsync_unsubscribe(client->handle, client->placed.filters[i].text, &options);
        }
    }
}

/* `asking` becomes what of `wanted` has to be asked for. */
static void choose_asking(struct paho_client *client, enum paho_ask ask)
{
    struct paho_filters *asking = &client->asking;
    size_t kept = 0;
    for (size_t i = 0; i < asking->count; i++) {
        if (ask == PAHO_ASK_EVERY || !filters_hold(&client->placed, &asking->filters[i])) {
            asking->filters[kept++] = asking->filters[i];
        }
    }
    asking->count = kept;
}

enum status paho_subscribe(struct paho_client *client, const struct paho_filters *wanted, enum paho_ask ask,
                           struct paho_subscribe_error *error)
{
    *error = (struct paho_subscribe_error){0};
    client->asking = *wanted;
    choose_asking(client, ask);
    enum status status = subscribe_asking(client, error);
    if (status == STATUS_OK) {
        unsubscribe_gone(client, wanted);
        client->placed = *wanted;
    }
    return status;
}
