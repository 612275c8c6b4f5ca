#include "agent/commands/connection.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/load.h"

enum {
    PASSWORD_BYTES_MAX = 1024,
    SESSION_EXPIRY_S = 24 * 60 * 60,
    RECONNECT_LEAST_MS = 100,
    RECONNECT_MOST_MS = 30000,
    OWN_SUBSCRIPTIONS = 4, /* Events, commands, desired configuration, canary. */
};

static enum status publish(void *self, const struct paho_publication *publication)
{
    struct connection *connection = self;
    return connection->client == NULL ? STATUS_DISCONNECTED
                                      : paho_client_publish(connection->client, publication);
}

struct outlet connection_outlet(struct connection *connection)
{
    return (struct outlet){.publish = publish, .self = connection};
}

static void on_message(void *self, const struct message *message, const struct paho_arrival *arrival)
{
    struct connection *connection = self;
    agent_receive(connection->agent, message, arrival);
}

static void on_delivered(void *self, uint64_t ticket)
{
    struct connection *connection = self;
    publisher_landed(&connection->agent->publisher, ticket);
}

static void on_refused(void *self, uint64_t ticket, int reason_code)
{
    struct connection *connection = self;
    log_warn("publication.refused", "reason_code=%d; the broker's access list does not allow it",
             reason_code);
    publisher_landed(&connection->agent->publisher, ticket);
}

static void on_connected(void *self, enum paho_session session)
{
    struct connection *connection = self;
    struct agent *agent = connection->agent;
    metrics_count(&agent->metrics, METRIC_CONNECTS);
    if (agent->connects++ > 0) {
        metrics_count(&agent->metrics, METRIC_RECONNECTS);
    }
    atomic_store(&agent->is_connected, true);
    log_info("broker.connected", "session=%s", session == PAHO_SESSION_KEPT ? "kept" : "new");
    publisher_connected(&agent->publisher, session);
}

/* Only with all subscriptions in place is the agent what its status says. */
static void on_subscribed(void *self)
{
    struct connection *connection = self;
    atomic_store(&connection->agent->is_subscribed, true);
    announcements_repeat(&connection->agent->announcements);
    agent_announce_status(connection->agent, false);
    agent_announce_canary(connection->agent);
    publisher_subscribed(&connection->agent->publisher);
    log_info("broker.subscribed", "agent=%.*s", (int)connection->agent->settings->agent_id.length,
             connection->agent->settings->agent_id.text);
}

static void on_subscribe_failed(void *self, const char *filter, int reason_code)
{
    (void)self;
    log_error("subscription.refused", "filter=%s reason_code=%d; the broker's access list must allow it",
              filter, reason_code);
}

static void on_disconnected(void *self, const char *reason)
{
    struct connection *connection = self;
    atomic_store(&connection->agent->is_connected, false);
    atomic_store(&connection->agent->is_subscribed, false);
    publisher_disconnected(&connection->agent->publisher);
    log_warn("broker.disconnected", "reason=%s", reason == NULL ? "unknown" : reason);
}

static void add_filter(struct subscriptions *list, struct bytes filter)
{
    char *copy = list->filters[list->count];
    size_t length = filter.length > TOPIC_BYTES_MAX ? TOPIC_BYTES_MAX : filter.length;
    memcpy(copy, filter.data, length);
    copy[length] = '\0';
    list->items[list->count] =
        (struct paho_subscription){.filter = copy, .qos = 1, .is_optional = list->count >= OWN_SUBSCRIPTIONS};
    list->count++;
}

static void add_own_filters(struct subscriptions *list, const struct topics *topics)
{
    char buffer[TOPIC_BYTES_MAX];
    struct text text = text_of(buffer, sizeof buffer);
    topic_put_event_filter(&text, topics);
    add_filter(list, text_bytes(&text));
    text.length = 0;
    topic_put_command_filter(&text, topics);
    add_filter(list, text_bytes(&text));
    text.length = 0;
    topic_put_agent(&text, topics, AGENT_TOPIC_CONFIG_DESIRED);
    add_filter(list, text_bytes(&text));
    text.length = 0;
    topic_put_agent(&text, topics, AGENT_TOPIC_CANARY);
    add_filter(list, text_bytes(&text));
}

/* No two routes match the same topics: the configuration is refused otherwise. */
static void add_route_filters(struct subscriptions *list, const struct config_snapshot *config)
{
    static_assert((int)ROUTES_MAX + (int)OWN_SUBSCRIPTIONS <= (int)PAHO_SUBSCRIPTIONS_MAX,
                  "there is room for all");
    for (uint32_t i = 0; i < config->route_count; i++) {
        struct route_text filter;
        if (template_filter(route_text_bytes(&config->routes[i].topic), &filter) == STATUS_OK) {
            add_filter(list, route_text_bytes(&filter));
        }
    }
}

static void list_subscriptions(struct agent *agent, struct subscriptions *list)
{
    list->count = 0;
    add_own_filters(list, &agent->topics);
    struct policy_view view = policies_take(&agent->policies);
    add_route_filters(list, view.active);
    policies_give(&agent->policies, view);
}

/* The first line of the file, into a buffer that the client copies from. */
static enum status read_password(const char *path, char buffer[PASSWORD_BYTES_MAX], struct bytes *password)
{
    *password = bytes_of(buffer, 0);
    if (path == NULL || path[0] == '\0') {
        return STATUS_OK;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return STATUS_IO;
    }
    bool is_cut = false;
    if (fgets(buffer, PASSWORD_BYTES_MAX, file) != NULL) {
        *password = bytes_of(buffer, strcspn(buffer, "\r\n"));
        is_cut = password->length == PASSWORD_BYTES_MAX - 1;
    }
    fclose(file);
    errno = is_cut ? EMSGSIZE : 0;
    return is_cut ? STATUS_IO : STATUS_OK;
}

static struct paho_settings client_settings(const struct broker_settings *broker)
{
    return (struct paho_settings){
        .url = broker->url,
        .protocol = broker->protocol == BROKER_PROTOCOL_5 ? PAHO_PROTOCOL_5 : PAHO_PROTOCOL_3_1_1,
        .client_id = broker->client_id,
        .keepalive_s = (uint16_t)broker->keepalive_s,
        .username = broker->username,
        .ca_file = broker->ca_file,
        .cert_file = broker->cert_file,
        .key_file = broker->key_file,
        .receive_maximum = (uint16_t)broker->receive_maximum,
        .session_expiry_s = SESSION_EXPIRY_S,
        .reconnect_least_ms = RECONNECT_LEAST_MS,
        .reconnect_most_ms = RECONNECT_MOST_MS,
        .in_flight_most = FLIGHTS_MAX,
    };
}

/* Paho obeys http_proxy with every scheme; a proxy is for the web, so only websockets keep it. */
static void ignore_web_proxies(const struct broker_settings *broker)
{
    if (broker->scheme == BROKER_MQTT || broker->scheme == BROKER_MQTTS) {
        unsetenv("http_proxy");
        unsetenv("https_proxy");
    }
}

static enum status create_client(struct connection *connection, struct paho_settings *settings)
{
    struct agent *agent = connection->agent;
    char topic[TOPIC_BYTES_MAX + 1];
    char will[2048];
    struct text topic_text = text_of(topic, sizeof topic);
    struct text will_text = text_of(will, sizeof will);
    topic_put_agent(&topic_text, &agent->topics, AGENT_TOPIC_STATUS);
    agent_put_will(agent, &will_text);
    settings->will_topic = text_string(&topic_text);
    settings->will_payload = text_bytes(&will_text);

    struct paho_callbacks callbacks = {.message = on_message,
                                       .delivered = on_delivered,
                                       .refused = on_refused,
                                       .connected = on_connected,
                                       .subscribed = on_subscribed,
                                       .subscribe_failed = on_subscribe_failed,
                                       .disconnected = on_disconnected,
                                       .self = connection};
    struct subscriptions *list = &connection->subscriptions;
    list_subscriptions(agent, list);
    return paho_client_create(settings, list->items, list->count, &callbacks, &connection->client);
}

enum status connection_open(struct connection *connection, struct agent *agent,
                            char message[FAILURE_MESSAGE_MAX])
{
    connection->agent = agent;
    const struct broker_settings *broker = &agent->settings->broker;
    struct paho_settings settings = client_settings(broker);
    ignore_web_proxies(broker);
    char password[PASSWORD_BYTES_MAX];
    if (read_password(broker->password_file, password, &settings.password) != STATUS_OK) {
        snprintf(message, FAILURE_MESSAGE_MAX, "broker.password_file %s: %s", broker->password_file,
                 strerror(errno));
        return STATUS_IO;
    }
    enum status status = create_client(connection, &settings);
    explicit_bzero(password, sizeof password);
    if (status != STATUS_OK) {
        snprintf(message, FAILURE_MESSAGE_MAX,
                 "the broker's settings cannot be used (%s): check broker.url and its files",
                 status_name(status));
    }
    return status;
}

enum status connection_start(struct connection *connection)
{
    return paho_client_start(connection->client);
}

void connection_follow_routes(struct connection *connection)
{
    struct subscriptions *list = &connection->subscriptions;
    list_subscriptions(connection->agent, list);
    enum status status = paho_client_set_subscriptions(connection->client, list->items, list->count);
    if (status != STATUS_OK) {
        log_error("routes.unsubscribed", "status=%s", status_name(status));
    }
}

void connection_resubscribe(struct connection *connection)
{
    paho_client_resubscribe(connection->client);
}

void connection_stop(struct connection *connection, uint32_t timeout_ms)
{
    paho_client_disconnect(connection->client, timeout_ms);
}

void connection_close(struct connection *connection)
{
    paho_client_destroy(connection->client);
    connection->client = NULL;
}
