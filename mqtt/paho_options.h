/* A client's settings in the form Paho wants them. */
#ifndef FLYBALL_MQTT_PAHO_OPTIONS_H
#define FLYBALL_MQTT_PAHO_OPTIONS_H

#include <MQTTAsync.h>

#include "mqtt/paho_client.h"

enum { PAHO_URL_BYTES_MAX = 512 };

/* Owns its strings; freed by paho_options_close. */
struct paho_options {
    char url[PAHO_URL_BYTES_MAX]; /* Paho's scheme, always with a port. */
    bool has_tls;
    bool has_websocket;
    enum paho_protocol protocol;
    char *client_id;
    char *username; /* NULL: none; so for those below. */
    char *ca_file;
    char *cert_file;
    char *key_file;
    char *will_topic;
    uint8_t *will_payload;
    size_t will_length;
    uint8_t *password;
    size_t password_length;
    uint16_t keepalive_s;
    uint16_t receive_maximum;
    uint32_t session_expiry_s;
    uint32_t reconnect_least_ms;
    uint32_t reconnect_most_ms;
    uint32_t in_flight_most;
};

/* What MQTTAsync_connect reads, including what it points to; not to be copied once filled in. */
struct paho_connect {
    MQTTAsync_connectOptions connect;
    MQTTAsync_willOptions will;
    MQTTAsync_SSLOptions tls;
    MQTTProperties properties;
    MQTTProperty values[2];
};

/* Writes `url` with Paho's scheme (tcp, ssl, ws, wss) and a port. STATUS_INVALID: unknown scheme, no host, or
 * a user name in it; STATUS_TOO_LARGE. */
MUST_USE enum status paho_options_url(const char *url, char paho_url[PAHO_URL_BYTES_MAX]);

/* Copies. On failure nothing is left to close. */
MUST_USE enum status paho_options_init(struct paho_options *options, const struct paho_settings *settings);
void paho_options_close(struct paho_options *options);

/* Everything but the callbacks. Borrows from `options`. */
void paho_options_connect(const struct paho_options *options, struct paho_connect *connect);

#endif
