/* A private Mosquitto for one test program: its own folder, its own ports on 127.0.0.1, gone with the test
 * whatever becomes of it. Every function fails the running cmocka test when it cannot do what it says; none
 * may be called from another thread than the test's. */
#ifndef FLYBALL_TESTS_BROKER_BROKER_H
#define FLYBALL_TESTS_BROKER_BROKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { BROKER_PATH_MAX = 128, BROKER_URL_MAX = 64, BROKER_EXTRA_MAX = 1024 };

/* BROKER_TCP is always there, the others on request. BROKER_TLS asks for a client certificate. */
enum broker_listener { BROKER_TCP, BROKER_WEBSOCKETS, BROKER_TLS, BROKER_WEBSOCKETS_TLS, BROKER_LISTENERS };

struct broker_settings {
    bool has_websockets;
    bool has_tls;      /* Both TLS listeners; makes certificates, which takes a moment. */
    const char *extra; /* More lines for the configuration, each ending in \n; they hold for all listeners. */
};

struct broker {
    pid_t pid; /* 0: not running. */
    uint16_t ports[BROKER_LISTENERS];
    struct broker_settings settings;
    char extra[BROKER_EXTRA_MAX];
    char
        folder[BROKER_PATH_MAX]; /* Holds mosquitto.conf, mosquitto.log, mosquitto.db and the certificates. */
    /* With has_tls, PEM files: the authority, and what a client shows. */
    char ca_file[BROKER_PATH_MAX];
    char client_cert_file[BROKER_PATH_MAX];
    char client_key_file[BROKER_PATH_MAX];
};

/* Chooses ports and makes the folder, but starts nothing: a client can be told the URL of a broker that is
 * down. */
void broker_prepare(struct broker *broker, const struct broker_settings *settings);

/* Starts it (again, with what it had persisted) and waits until it accepts connections. */
void broker_start(struct broker *broker);

/* Stops it in good order (SIGTERM: MQTT 5 clients are told) or at once, and waits for its end. */
void broker_stop(struct broker *broker);
void broker_kill(struct broker *broker);

/* Forgets all sessions and retained messages; the broker is stopped. */
void broker_forget(struct broker *broker);

/* Freezes it and lets it go on: its sockets stay open, nothing answers. */
void broker_freeze(struct broker *broker);
void broker_thaw(struct broker *broker);

/* Kills it if it runs and removes the folder. Safe to call twice, and on a zeroed struct. */
void broker_close(struct broker *broker);

/* The URL for Flyball's configuration: mqtt, ws, mqtts or wss. */
void broker_url(const struct broker *broker, enum broker_listener listener, char url[BROKER_URL_MAX]);

/* How often the broker's log holds the text. */
unsigned broker_log_count(const struct broker *broker, const char *text);

#endif
