/* One MQTT connection on Eclipse Paho's MQTTAsync that keeps itself alive: it connects, subscribes, and after
 * a loss tries again for ever, at growing, jittered intervals.
 *
 * Threads. Each callback names its thread. A Paho thread holds Paho's global mutex, which publishing needs:
 * code called there may wait only for threads that never call this module. Never call a function of this
 * module from a Paho thread's callback. */
#ifndef FLYBALL_MQTT_PAHO_CLIENT_H
#define FLYBALL_MQTT_PAHO_CLIENT_H

#include "agent/runtime/message.h"
#include "base/bytes.h"
#include "base/status.h"

enum {
    PAHO_SUBSCRIPTIONS_MAX = 68,
    PAHO_TOPIC_BYTES_MAX = 1024, /* Of a publication, a filter or the will. */
    PAHO_ATTRIBUTES_BYTES_MAX =
        1024,                   /* Packed CloudEvents attributes; those that no longer fit are left out. */
    PAHO_IN_FLIGHT_MAX = 60000, /* MQTT has 65,535 packet identifiers; some serve subscriptions. */
};

enum paho_protocol { PAHO_PROTOCOL_5, PAHO_PROTOCOL_3_1_1 };

/* What became of the session, and so of the publications accepted before the connection was lost. */
enum paho_session {
    /* The broker has none, or Paho dropped something (as always over websockets): publish again whatever no
     * delivered was seen for. In the first case messages sent to us while we were away are lost, unless their
     * senders repeat them. */
    PAHO_SESSION_NEW,
    /* Everything this client accepted earlier is still on its way: do not publish it again. */
    PAHO_SESSION_KEPT,
};

/* Ask for QoS 1 at most: an event published with QoS 2 then arrives with QoS 1. In 3.1.1 Paho acknowledges
 * the first half of a QoS 2 exchange before it hands the message over, so a crash in between would lose it.
 */
struct paho_subscription {
    const char *filter;
    uint8_t qos; /* 0 or 1. */
    /* Refused, it is told and left out; any other refusal ends the connection, to be tried again. In a list
     * those that are needed come first. */
    bool is_optional;
};

/* Strings are NUL-terminated; NULL or empty means absent where "optional". Everything is copied. */
struct paho_settings {
    const char *url; /* mqtt, mqtts, ws or wss; the port defaults to 1883, 8883, 80 and 443. */
    enum paho_protocol protocol;
    const char *client_id;
    uint16_t keepalive_s;
    const char *username;  /* Optional. */
    struct bytes password; /* Length 0: none. Never logged. */
    const char *ca_file;   /* Optional: PEM; without it the system's authorities are trusted. */
    const char *cert_file; /* Optional, with key_file: the client's certificate. */
    const char *key_file;  /* Optional. */
    uint16_t
        receive_maximum; /* QoS 1 messages the broker may have on the way to us; 0: not sent. MQTT 5 only. */
    uint32_t session_expiry_s; /* MQTT 5 only; 3.1.1 sessions stay as long as the broker pleases. */
    const char *will_topic;    /* Optional; the will is retained, QoS 1. */
    struct bytes will_payload;
    uint32_t
        reconnect_least_ms; /* The first pause is drawn from 0 to this, the next from 0 to twice that, … */
    uint32_t reconnect_most_ms; /* … and never beyond this. */
    uint32_t in_flight_most;    /* Unacknowledged QoS 1 publications; 1 to PAHO_IN_FLIGHT_MAX. */
};

struct paho_arrival {
    bool retained;    /* It was stored with the broker before we subscribed. */
    bool redelivered; /* The broker has sent it before (DUP). */
};

/* Any may be NULL but message. */
struct paho_callbacks {
    /* Paho thread. Acknowledged as soon as it returns, so whatever must survive is safe by then; it may wait
     * for room, as a back-pressure. Everything is borrowed for the call. */
    void (*message)(void *self, const struct message *message, const struct paho_arrival *arrival);
    /* Paho thread. The broker has acknowledged the QoS 1 publication with this ticket. Always true, though it
     * may come before its paho_client_publish has returned, or twice if it was published twice. */
    void (*delivered)(void *self, uint64_t ticket);
    /* Paho thread. The broker refuses the publication for good (MQTT 5 reason code); sending it again is
     * pointless. */
    void (*refused)(void *self, uint64_t ticket, int reason_code);
    /* The client's own thread, holding nothing; the same for those below. Messages of a kept session may come
     * before this. Publish from here on. */
    void (*connected)(void *self, enum paho_session session);
    /* All subscriptions are in place: called after each connected, and after paho_client_set_subscriptions.
     */
    void (*subscribed)(void *self);
    /* The broker refuses a filter. The connection is given up and tried again, so this may repeat. */
    void (*subscribe_failed)(void *self, const char *filter, int reason_code);
    /* After a connected: the connection is gone. The next connected says what became of what is in flight. */
    void (*disconnected)(void *self, const char *reason);
    void *self;
};

struct paho_publication {
    struct bytes topic; /* Up to PAHO_TOPIC_BYTES_MAX, no wildcard, no NUL. */
    struct bytes payload;
    uint8_t qos; /* 0 or 1. */
    bool retained;
    bool has_correlation; /* Correlation Data; dropped silently in 3.1.1. */
    struct bytes correlation;
    uint64_t ticket; /* The caller's name for it in delivered and refused; unused with QoS 0. */
};

struct paho_client;

/* Allocates everything this module itself will need. STATUS_INVALID for a setting out of range or an unknown
 * URL scheme, STATUS_NO_MEMORY. */
MUST_USE enum status paho_client_create(const struct paho_settings *settings,
                                        const struct paho_subscription *subscriptions,
                                        size_t subscription_count, const struct paho_callbacks *callbacks,
                                        struct paho_client **client);

/* Starts the client's thread and returns; the broker may be down. Once. STATUS_NO_MEMORY if there is no
 * thread. */
MUST_USE enum status paho_client_start(struct paho_client *client);

/* Hands a publication to Paho, which copies it. From one thread at a time, never a Paho thread; waits for
 * Paho's mutex, thus also for a message callback that is waiting. STATUS_DISCONNECTED: not connected, nothing
 * was taken. STATUS_FULL: in_flight_most or 200 KB are unacknowledged, try again after a delivered or a
 * connected; with QoS 0, the socket does not keep up, try again a moment later. STATUS_TOO_LARGE,
 * STATUS_INVALID: it can never be sent. */
MUST_USE enum status paho_client_publish(struct paho_client *client,
                                         const struct paho_publication *publication);

/* Replaces the subscriptions: new filters are subscribed and missing ones unsubscribed, at once or after the
 * next connect. STATUS_TOO_LARGE beyond PAHO_SUBSCRIPTIONS_MAX or PAHO_TOPIC_BYTES_MAX (nothing changes). */
MUST_USE enum status paho_client_set_subscriptions(struct paho_client *client,
                                                   const struct paho_subscription *subscriptions,
                                                   size_t subscription_count);

/* Asks for every subscription again, for a broker that seems to have lost them: `subscribed` follows. Any
 * thread but a Paho one; without a connection it changes nothing, for a new one asks anyway. */
void paho_client_resubscribe(struct paho_client *client);

/* From any thread but a Paho one; old by the time it returns. */
uint32_t paho_client_in_flight(struct paho_client *client);

/* Waits up to `timeout_ms` for what is in flight, says goodbye (so no will is published; the session stays)
 * and ends the client's thread. No callback but message, delivered and refused comes meanwhile, none at all
 * afterwards. Takes up to 2 s more, and as long as a message callback does not return. Once, never from a
 * callback. */
void paho_client_disconnect(struct paho_client *client, uint32_t timeout_ms);

/* After paho_client_disconnect, or without a start. NULL is allowed. */
void paho_client_destroy(struct paho_client *client);

#endif
