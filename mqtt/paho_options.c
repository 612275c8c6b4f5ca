#include "mqtt/paho_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 16-bit packet identifiers. Before 1.3.14 a full window makes Paho's sender sleep up to a second, so the
 * limit that counts is our own. */
enum { PAHO_WINDOW = 65535 };

struct scheme {
    const char *name;
    const char *paho;
    const char *port;
};

static const struct scheme schemes[] = {
    {"mqtt://", "tcp://", "1883"},
    {"mqtts://", "ssl://", "8883"},
    {"ws://", "ws://", "80"},
    {"wss://", "wss://", "443"},
};

static const struct scheme *scheme_of(const char *url)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strncmp(url, schemes[i].name, strlen(schemes[i].name)) == 0) {
            return &schemes[i];
        }
    }
    return NULL;
}

/* Whether "host", "host:port" or "[::1]:port" names a port. */
static bool authority_has_port(const char *authority, size_t length)
{
    const char *colon = memrchr(authority, ':', length);
    const char *bracket = memrchr(authority, ']', length);
    return colon != NULL && (bracket == NULL || colon > bracket);
}

enum status paho_options_url(const char *url, char paho_url[PAHO_URL_BYTES_MAX])
{
    const struct scheme *scheme = url != NULL ? scheme_of(url) : NULL;
    if (scheme == NULL) {
        return STATUS_INVALID;
    }
    const char *authority = url + strlen(scheme->name);
    size_t length = strcspn(authority, "/");
    if (length == 0 || authority[0] == ':' || memchr(authority, '@', length) != NULL) {
        return STATUS_INVALID;
    }
    bool has_port = authority_has_port(authority, length);
    int written = snprintf(paho_url, PAHO_URL_BYTES_MAX, "%s%.*s%s%s%s", scheme->paho, (int)length, authority,
                           has_port ? "" : ":", has_port ? "" : scheme->port, authority + length);
    return written < PAHO_URL_BYTES_MAX ? STATUS_OK : STATUS_TOO_LARGE;
}

/* A copy, or NULL for what is absent; *status becomes STATUS_NO_MEMORY if there is none. */
static char *copy_string(const char *string, enum status *status)
{
    if (string == NULL || string[0] == '\0') {
        return NULL;
    }
    char *copy = strdup(string);
    if (copy == NULL) {
        *status = STATUS_NO_MEMORY;
    }
    return copy;
}

static uint8_t *copy_bytes(struct bytes bytes, enum status *status)
{
    if (bytes.length == 0) {
        return NULL;
    }
    uint8_t *copy = malloc(bytes.length);
    if (copy == NULL) {
        *status = STATUS_NO_MEMORY;
        return NULL;
    }
    return memcpy(copy, bytes.data, bytes.length);
}

static bool settings_are_valid(const struct paho_settings *settings)
{
    return settings->client_id != NULL && settings->client_id[0] != '\0' && settings->in_flight_most >= 1 &&
           settings->in_flight_most <= PAHO_IN_FLIGHT_MAX && settings->reconnect_least_ms >= 1 &&
           settings->reconnect_least_ms <= settings->reconnect_most_ms &&
           settings->reconnect_most_ms <= INT32_MAX && settings->password.length <= UINT16_MAX &&
           settings->will_payload.length <= UINT16_MAX;
}

enum status paho_options_init(struct paho_options *options, const struct paho_settings *settings)
{
    *options = (struct paho_options){.protocol = settings->protocol,
                                     .will_length = settings->will_payload.length,
                                     .password_length = settings->password.length,
                                     .keepalive_s = settings->keepalive_s,
                                     .receive_maximum = settings->receive_maximum,
                                     .session_expiry_s = settings->session_expiry_s,
                                     .reconnect_least_ms = settings->reconnect_least_ms,
                                     .reconnect_most_ms = settings->reconnect_most_ms,
                                     .in_flight_most = settings->in_flight_most};
    enum status status = paho_options_url(settings->url, options->url);
    if (status != STATUS_OK || !settings_are_valid(settings)) {
        return STATUS_INVALID;
    }
    options->has_tls = strncmp(options->url, "ssl:", 4) == 0 || strncmp(options->url, "wss:", 4) == 0;
    options->has_websocket = strncmp(options->url, "ws", 2) == 0;
    options->client_id = copy_string(settings->client_id, &status);
    options->username = copy_string(settings->username, &status);
    options->ca_file = copy_string(settings->ca_file, &status);
    options->cert_file = copy_string(settings->cert_file, &status);
    options->key_file = copy_string(settings->key_file, &status);
    options->will_topic = copy_string(settings->will_topic, &status);
    options->will_payload = copy_bytes(settings->will_payload, &status);
    options->password = copy_bytes(settings->password, &status);
    if (status != STATUS_OK) {
        paho_options_close(options);
    }
    return status;
}

void paho_options_close(struct paho_options *options)
{
    if (options->password != NULL) {
        explicit_bzero(options->password, options->password_length);
    }
    free(options->client_id);
    free(options->username);
    free(options->ca_file);
    free(options->cert_file);
    free(options->key_file);
    free(options->will_topic);
    free(options->will_payload);
    free(options->password);
    *options = (struct paho_options){0};
}

/* cleansession must stay 0 with MQTT 5, where cleanstart says the same; neither is set, so the session is
 * kept. */
static MQTTAsync_connectOptions plain_connect(const struct paho_options *options)
{
    MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer;
    connect.MQTTVersion = options->protocol == PAHO_PROTOCOL_5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    connect.cleansession = 0;
    connect.cleanstart = 0;
    connect.keepAliveInterval = options->keepalive_s;
    connect.maxInflight = PAHO_WINDOW;
    connect.retryInterval = 0; /* Resend after a reconnect only, as MQTT 5 demands. */
    connect.username = options->username;
    connect.binarypwd.len = (int)options->password_length;
    connect.binarypwd.data = options->password;
    return connect;
}

/* Session Expiry is absent, and the session gone with the connection, unless asked for. Topic Alias Maximum
 * is not advertised: Paho does not resolve aliases. */
static void set_properties(const struct paho_options *options, struct paho_connect *connect)
{
    connect->values[0] = (MQTTProperty){.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
                                        .value.integer4 = options->session_expiry_s};
    connect->values[1] = (MQTTProperty){.identifier = MQTTPROPERTY_CODE_RECEIVE_MAXIMUM,
                                        .value.integer2 = options->receive_maximum};
    bool has_maximum = options->receive_maximum > 0;
    connect->properties = (MQTTProperties){.count = has_maximum ? 2 : 1,
                                           .max_count = 2,
                                           .length = has_maximum ? 8 : 5,
                                           .array = connect->values};
    connect->connect.connectProperties = &connect->properties;
}

static void set_will(const struct paho_options *options, struct paho_connect *connect)
{
    connect->will = (MQTTAsync_willOptions)MQTTAsync_willOptions_initializer;
    connect->will.topicName = options->will_topic;
    connect->will.payload.len = (int)options->will_length;
    connect->will.payload.data = options->will_payload;
    connect->will.qos = 1;
    connect->will.retained = 1;
    connect->connect.will = &connect->will;
}

static void set_tls(const struct paho_options *options, struct paho_connect *connect)
{
    connect->tls = (MQTTAsync_SSLOptions)MQTTAsync_SSLOptions_initializer;
    connect->tls.trustStore = options->ca_file;
    connect->tls.keyStore = options->cert_file;
    connect->tls.privateKey = options->key_file;
    connect->tls.enableServerCertAuth = 1;
    connect->tls.verify = 1; /* The host name too. */
    connect->tls.disableDefaultTrustStore = options->ca_file != NULL;
    connect->connect.ssl = &connect->tls;
}

void paho_options_connect(const struct paho_options *options, struct paho_connect *connect)
{
    *connect = (struct paho_connect){.connect = plain_connect(options)};
    if (options->protocol == PAHO_PROTOCOL_5) {
        set_properties(options, connect);
    }
    if (options->will_topic != NULL) {
        set_will(options, connect);
    }
    if (options->has_tls) {
        set_tls(options, connect);
    }
}
