#include "mqtt/paho_client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/log.h"
#include "mqtt/paho_state.h"

/* Paho can reconnect by itself (automaticReconnect), but without jitter at the first try, in whole seconds
 * and without saying why it failed. The keeper below is a thread of ours that asks for one plain connect at a
 * time. It keeps to one handle, which carries over what is in flight; a handle's destruction leaks what it
 * still had queued. */

static enum status open_handle(struct paho_client *client)
{
    client->flights = calloc(client->options.in_flight_most, sizeof(struct paho_flight));
    if (client->flights == NULL) {
        return STATUS_NO_MEMORY;
    }
    paho_flights_init(client);
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
    return paho_link_open(client);
}

/* With mutex and condition made: the rest, or the status why not. */
static enum status fill_client(struct paho_client *client, const struct paho_settings *settings,
                               const struct paho_subscription *subscriptions, size_t subscription_count)
{
    enum status status = paho_filters_set(&client->wanted, subscriptions, subscription_count);
    if (status == STATUS_OK) {
        status = paho_options_init(&client->options, settings);
    }
    if (status == STATUS_OK) {
        status = open_handle(client);
    }
    return status;
}

enum status paho_client_create(const struct paho_settings *settings,
                               const struct paho_subscription *subscriptions, size_t subscription_count,
                               const struct paho_callbacks *callbacks, struct paho_client **client)
{
    struct paho_client *created = calloc(1, sizeof(struct paho_client));
    if (created == NULL) {
        return STATUS_NO_MEMORY;
    }
    created->callbacks = *callbacks;
    pthread_mutex_init(&created->mutex, NULL); /* Plain ones: these cannot fail. */
    pthread_mutex_init(&created->handle_mutex, NULL);
    pthread_cond_init(&created->changed, NULL);
    enum status status = fill_client(created, settings, subscriptions, subscription_count);
    if (status != STATUS_OK) {
        paho_client_destroy(created);
        return status;
    }
    *client = created;
    return STATUS_OK;
}

/* Waits for the end of the pause after `failures` failed attempts in a row, or for the end of it all. The
 * pause is drawn evenly from 0 to its bound ("full jitter"), so that a fleet does not come back as one. */
static uint32_t pause_after(const struct paho_client *client, uint32_t failures)
{
    uint64_t bound = client->options.reconnect_least_ms;
    for (uint32_t i = 0; i < failures && bound < client->options.reconnect_most_ms; i++) {
        bound *= 2;
    }
    if (bound > client->options.reconnect_most_ms) {
        bound = client->options.reconnect_most_ms;
    }
    uint32_t random = 0;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random)) {
        return (uint32_t)bound;
    }
    return (uint32_t)(random % (bound + 1));
}

static void keeper_pause(struct paho_client *client, uint32_t pause_ms)
{
    struct deadline deadline = deadline_after(pause_ms);
    pthread_mutex_lock(&client->mutex);
    while (!client->stopping && paho_wait(client, &deadline)) {
    }
    pthread_mutex_unlock(&client->mutex);
}

static bool is_stopping(struct paho_client *client)
{
    pthread_mutex_lock(&client->mutex);
    bool stopping = client->stopping;
    pthread_mutex_unlock(&client->mutex);
    return stopping;
}

/* Waits until a connect has succeeded or failed. */
static bool await_connected(struct paho_client *client)
{
    struct deadline deadline = deadline_after(PAHO_CONNECT_TIMEOUT_S * 1000 + PAHO_ANSWER_TIMEOUT_MS);
    pthread_mutex_lock(&client->mutex);
    while (client->link == PAHO_LINK_CONNECTING && !client->stopping && paho_wait(client, &deadline)) {
    }
    bool is_up = client->link == PAHO_LINK_UP && !client->stopping;
    bool is_mute = client->link == PAHO_LINK_CONNECTING && !client->stopping;
    pthread_mutex_unlock(&client->mutex);
    if (is_mute) {
        paho_link_disconnect(client, "no answer", PAHO_ANSWER_TIMEOUT_MS);
    }
    return is_up;
}

/* Over websockets Paho masks a message in place and resends one that was not written whole with part of it
 * unmasked: the broker hangs up, each time anew. And what it had read of a frame when the connection broke
 * spoils every later handshake. So nothing is carried over there. */
static bool keeper_connect(struct paho_client *client)
{
    if (client->options.has_websocket) {
        paho_link_renew(client);
    }
    paho_link_set(client, PAHO_LINK_CONNECTING, NULL);
    if (!paho_link_connect(client)) {
        paho_link_set(client, PAHO_LINK_DOWN, "not accepted by the client library");
        return false;
    }
    return await_connected(client);
}

static enum paho_session take_session(struct paho_client *client)
{
    pthread_mutex_lock(&client->mutex);
    enum paho_session session = client->session_lost ? PAHO_SESSION_NEW : PAHO_SESSION_KEPT;
    client->session_lost = false;
    pthread_mutex_unlock(&client->mutex);
    return session;
}

/* Copies what is wanted now; returns its version. */
static uint64_t copy_wanted(struct paho_client *client, struct paho_filters *wanted, enum paho_ask *ask)
{
    pthread_mutex_lock(&client->mutex);
    *wanted = client->wanted;
    *ask = client->wants_every ? PAHO_ASK_EVERY : PAHO_ASK_CHANGED;
    client->wants_every = false;
    uint64_t version = client->wanted_version;
    pthread_mutex_unlock(&client->mutex);
    return version;
}

/* Whether a PUBACK has been missing for long. What was carried over counts from this connection's beginning.
 */
static bool is_unanswered(const struct paho_client *client)
{
    int64_t before_ms = paho_now_ms() - PAHO_UNANSWERED_MS;
    if (client->up_since_ms > before_ms) {
        return false;
    }
    for (uint32_t i = 0; i < client->options.in_flight_most; i++) {
        int64_t since_ms = client->flights[i].since_ms;
        if (since_ms != 0 && since_ms <= before_ms) {
            return true;
        }
    }
    return false;
}

/* Waits while nothing is to be done; false when the connection is over. */
static bool await_change(struct paho_client *client, uint64_t version)
{
    bool is_mute = false;
    pthread_mutex_lock(&client->mutex);
    while (client->link == PAHO_LINK_UP && !client->stopping && client->wanted_version == version &&
           !is_mute) {
        struct deadline deadline = deadline_after(PAHO_LOOK_MS);
        is_mute = !paho_wait(client, &deadline) && is_unanswered(client);
    }
    bool goes_on = client->link == PAHO_LINK_UP && !client->stopping;
    pthread_mutex_unlock(&client->mutex);
    if (goes_on && is_mute) {
        paho_link_disconnect(client, "no answer to PUBLISH", PAHO_ANSWER_TIMEOUT_MS);
        return false;
    }
    return goes_on;
}

static void report_subscribed(struct paho_client *client)
{
    if (client->callbacks.subscribed != NULL) {
        client->callbacks.subscribed(client->callbacks.self);
    }
}

/* A connection without its subscriptions is worth nothing: it is given up. */
static void give_up(struct paho_client *client, enum status status, const struct paho_subscribe_error *error)
{
    const char *reason = "no answer to SUBSCRIBE";
    if (status == STATUS_INVALID) {
        reason = "subscription refused";
    } else if (status == STATUS_CORRUPT) {
        reason = "the answer to SUBSCRIBE does not fit";
    }
    if (status == STATUS_INVALID) {
        paho_subscription_failed(client, error);
    }
    if (status != STATUS_DISCONNECTED) {
        paho_link_disconnect(client, reason, PAHO_ANSWER_TIMEOUT_MS);
    }
}

/* Keeps the subscriptions as wanted for as long as the connection lasts. */
static void keeper_serve(struct paho_client *client, struct paho_filters *wanted)
{
    uint64_t version;
    paho_client_resubscribe(client);
    do {
        struct paho_subscribe_error error;
        enum paho_ask ask;
        version = copy_wanted(client, wanted, &ask);
        enum status status = paho_subscribe(client, wanted, ask, &error);
        if (is_stopping(client)) {
            return;
        }
        if (status != STATUS_OK) {
            give_up(client, status, &error);
            return;
        }
        report_subscribed(client);
    } while (await_change(client, version));
}

static void copy_reason(struct paho_client *client, char reason[PAHO_REASON_MAX])
{
    pthread_mutex_lock(&client->mutex);
    memcpy(reason, client->reason, PAHO_REASON_MAX);
    pthread_mutex_unlock(&client->mutex);
}

/* One connection from its beginning to its end; whether it was a stable one. */
static bool keeper_hold(struct paho_client *client)
{
    int64_t since_ms = paho_now_ms();
    pthread_mutex_lock(&client->mutex);
    client->up_since_ms = since_ms;
    pthread_mutex_unlock(&client->mutex);
    enum paho_session session = take_session(client);
    if (client->callbacks.connected != NULL) {
        client->callbacks.connected(client->callbacks.self, session);
    }
    keeper_serve(client, &client->serving);
    if (client->callbacks.disconnected != NULL && !is_stopping(client)) {
        char reason[PAHO_REASON_MAX];
        copy_reason(client, reason);
        client->callbacks.disconnected(client->callbacks.self, reason);
    }
    return paho_now_ms() - since_ms >= PAHO_STABLE_MS;
}

static void *keeper_run(void *argument)
{
    struct paho_client *client = argument;
    uint32_t failures = 0;
    while (!is_stopping(client)) {
        bool is_connected = keeper_connect(client);
        bool was_stable = is_connected && keeper_hold(client);
        failures = was_stable ? 0 : failures + 1;
        if (is_stopping(client)) {
            break;
        }
        uint32_t pause_ms = pause_after(client, was_stable ? 0 : failures - 1);
        if (!is_connected) {
            char reason[PAHO_REASON_MAX];
            copy_reason(client, reason);
            log_warn("connect.failed", "url=%s reason=\"%s\" retry_in_ms=%u", client->options.url, reason,
                     pause_ms);
        }
        keeper_pause(client, pause_ms);
    }
    return NULL;
}

enum status paho_client_start(struct paho_client *client)
{
    client->has_keeper = pthread_create(&client->keeper, NULL, keeper_run, client) == 0;
    return client->has_keeper ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status paho_client_set_subscriptions(struct paho_client *client,
                                          const struct paho_subscription *subscriptions,
                                          size_t subscription_count)
{
    pthread_mutex_lock(&client->mutex);
    enum status status = paho_filters_set(&client->wanted, subscriptions, subscription_count);
    if (status == STATUS_OK) {
        client->wanted_version++;
        pthread_cond_broadcast(&client->changed);
    }
    pthread_mutex_unlock(&client->mutex);
    return status;
}

void paho_client_resubscribe(struct paho_client *client)
{
    pthread_mutex_lock(&client->mutex);
    client->wants_every = true;
    client->wanted_version++;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->mutex);
}

static void stop_keeper(struct paho_client *client)
{
    pthread_mutex_lock(&client->mutex);
    client->stopping = true;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->mutex);
    if (client->has_keeper) {
        pthread_join(client->keeper, NULL);
        client->has_keeper = false;
    }
}

void paho_client_disconnect(struct paho_client *client, uint32_t timeout_ms)
{
    stop_keeper(client);
    struct deadline deadline = deadline_after(timeout_ms);
    pthread_mutex_lock(&client->mutex);
    while (client->link == PAHO_LINK_UP && paho_is_busy(client) && paho_wait(client, &deadline)) {
    }
    bool is_up = client->link == PAHO_LINK_UP;
    pthread_mutex_unlock(&client->mutex);
    if (is_up) {
        paho_link_disconnect(client, "stopped", PAHO_FAREWELL_MS);
    }
    paho_link_close(client); /* Also ends a connect under way. */
}

void paho_client_destroy(struct paho_client *client)
{
    if (client == NULL) {
        return;
    }
    paho_link_close(client);
    paho_options_close(&client->options);
    free(client->flights);
    pthread_mutex_destroy(&client->mutex);
    pthread_mutex_destroy(&client->handle_mutex);
    pthread_cond_destroy(&client->changed);
    free(client);
}
