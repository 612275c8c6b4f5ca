/* What the files of paho_client share; nobody else includes it.
 *
 * Lock order: `handle_mutex`, then Paho's mutex, then `mutex`. Paho's callbacks hold the former, so nothing
 * here calls Paho while it holds `mutex`. */
#ifndef FLYBALL_MQTT_PAHO_STATE_H
#define FLYBALL_MQTT_PAHO_STATE_H

#include <MQTTAsync.h>
#include <pthread.h>

#include "agent/runtime/deadline.h"
#include "mqtt/paho_client.h"
#include "mqtt/paho_options.h"

enum {
    PAHO_REASON_MAX = 256,
    PAHO_QUEUE_QOS_0 = 1000, /* Publications Paho may hold back on top of those in flight. */
    PAHO_CONNECT_TIMEOUT_S = 10,
    PAHO_ANSWER_TIMEOUT_MS = 15000, /* For a SUBACK, and for Paho to say how a connect or disconnect went. */
    PAHO_IN_FLIGHT_BYTES = 200000,  /* paho_tuning.c's sockets take as much. */
    PAHO_FAREWELL_MS = 1500,        /* For the broker to close as well, when the client stops. */
    PAHO_UNANSWERED_MS = 30000, /* For a PUBACK: then the connection is given up, and a new one asks again. */
    PAHO_LOOK_MS = 5000,        /* How often that is looked at. */
    PAHO_STABLE_MS = 1000,      /* A connection that held this long starts the pauses over. */
};

enum paho_link {
    PAHO_LINK_DOWN,
    PAHO_LINK_CONNECTING,
    PAHO_LINK_UP,
};

struct paho_filter {
    char text[PAHO_TOPIC_BYTES_MAX + 1];
    uint8_t qos;
    bool is_optional;
};

struct paho_filters {
    struct paho_filter filters[PAHO_SUBSCRIPTIONS_MAX];
    size_t count;
};

/* A QoS 1 publication until Paho has said what became of it. Its address is the context of Paho's callbacks.
 */
struct paho_flight {
    struct paho_client *client;
    struct paho_flight *next_free;
    uint64_t ticket;
    uint64_t bytes;
    int64_t since_ms; /* When it began, monotonic; 0: free. */
};

/* The latest answer to a SUBSCRIBE. */
struct paho_suback {
    int token;        /* 0: none since the question was asked. */
    int failed_index; /* -1: all are granted. */
    int reason_code;
    bool does_not_fit; /* It has more or fewer codes than there were filters. */
};

struct paho_client {
    struct paho_options options;
    struct paho_callbacks callbacks;
    MQTTAsync handle; /* Replaced by the keeper only. */
    pthread_mutex_t
        handle_mutex; /* Held by other threads while they use `handle`, by the keeper to replace it. */
    pthread_t keeper;
    bool has_keeper;

    pthread_mutex_t mutex;  /* Guards what follows, up to `serving`. */
    pthread_cond_t changed; /* Something the keeper or paho_client_disconnect waits for. */
    enum paho_link link;
    bool stopping;
    bool session_lost; /* Since the last connected: the broker had no session, or Paho dropped something. */
    char reason[PAHO_REASON_MAX];
    char tls_reason[PAHO_REASON_MAX];
    struct paho_suback suback;
    size_t asked; /* Filters in the question that is open. */
    struct paho_filters wanted;
    uint64_t wanted_version;
    bool wants_every;            /* Filters already placed are to be asked for again. */
    struct paho_flight *flights; /* in_flight_most of them. */
    struct paho_flight *free_flight;
    uint32_t in_flight;
    uint64_t bytes_in_flight;
    uint32_t landing;     /* No longer in flight, but the callback that says so is still running. */
    uint32_t packet_most; /* Bytes of a packet that the broker takes. */
    uint32_t window;      /* How many the broker takes at a time: beyond, Paho's sender would sleep. */
    int64_t up_since_ms;  /* When this connection began. */

    /* The keeper's: the list it works on, those with the broker as far as we know, those asked for. */
    struct paho_filters serving;
    struct paho_filters placed;
    struct paho_filters asking;
    uint8_t attributes[PAHO_ATTRIBUTES_BYTES_MAX]; /* The receive thread's. */
};

/* paho_link.c: what Paho reports of the connection. */

/* Creates the Paho handle and names the callbacks. */
enum status paho_link_open(struct paho_client *client);

/* Puts a new handle in the place of the old, which must not be connected; what it had in flight is dropped.
 * When there is no memory there is none until the next renewal. */
void paho_link_renew(struct paho_client *client);

/* For good: returns when no callback is running any more. Safe to call twice. */
void paho_link_close(struct paho_client *client);

/* Asks Paho to connect; the answer changes `link`. False if Paho refuses even to try. */
bool paho_link_connect(struct paho_client *client);

/* Says goodbye and waits until the socket is closed, for `timeout_ms` at most. The link is then down, for the
 * given reason. */
void paho_link_disconnect(struct paho_client *client, const char *reason, uint32_t timeout_ms);

/* Sets `link` and, unless NULL, the reason; wakes the waiting. */
void paho_link_set(struct paho_client *client, enum paho_link link, const char *reason);

/* Waits for `changed` under `mutex`; false when the deadline has passed. */
bool paho_wait(struct paho_client *client, const struct deadline *deadline);
int64_t paho_now_ms(void);

/* paho_subscribe.c: brings the broker's subscriptions in line with `wanted`. */

struct paho_subscribe_error {
    const char *filter; /* NULL: no answer, or the connection is gone. */
    int reason_code;
};

/* For `every`, filters already placed are asked for again, as after a connect. The keeper's thread. */
enum paho_ask { PAHO_ASK_EVERY, PAHO_ASK_CHANGED };
MUST_USE enum status paho_subscribe(struct paho_client *client, const struct paho_filters *wanted,
                                    enum paho_ask ask, struct paho_subscribe_error *error);

/* Tells whoever wants to know. */
void paho_subscription_failed(struct paho_client *client, const struct paho_subscribe_error *error);

/* Copies the caller's list. */
MUST_USE enum status paho_filters_set(struct paho_filters *filters,
                                      const struct paho_subscription *subscriptions, size_t count);

/* paho_receive.c: Paho's messageArrived; always returns 1. */
int paho_receive(void *context, char *topic, int topic_length, MQTTAsync_message *arrived);

/* paho_publish.c: sets up the list of free flights. */
void paho_flights_init(struct paho_client *client);

/* Whether anything is in flight or just landing; under `mutex`. */
bool paho_is_busy(const struct paho_client *client);

#endif
