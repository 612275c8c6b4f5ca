/* What is wrong right now: a fixed set of named alerts, raised and cleared from any thread, published by one.
 */
#ifndef FLYBALL_AGENT_ALERTS_H
#define FLYBALL_AGENT_ALERTS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/instant.h"
#include "base/status.h"

enum alert_name {
    ALERT_STORE_FULL,
    ALERT_STORE_FAILED,
    ALERT_CLOCK_HOLDOVER,
    ALERT_MEMORY_HIGH,
    ALERT_LEDGER_IMBALANCE,
    ALERT_ID_REUSED,
    ALERT_CONFIG_REJECTED,
    ALERT_POOL_FULL,
};
enum { ALERTS = 8, ALERT_TEXT_MAX = 200 };

struct alert {
    bool active;
    instant_ms since;
    /* For those that clear after a quiet time: how often it was raised, how often when last looked at, and
     * since when that is so. */
    uint64_t raises;
    uint64_t raises_seen;
    uint64_t quiet_since_ms;
    char message[ALERT_TEXT_MAX];
    bool unpublished; /* The broker has not been told of the latest change. */
};

struct alerts {
    pthread_mutex_t lock;
    struct alert items[ALERTS];
};

const char *alert_name(enum alert_name name);

/* Nothing is active; everything is unpublished, so that what an earlier run left retained is cleared. */
void alerts_init(struct alerts *alerts);
void alerts_close(struct alerts *alerts);

/* `message` is copied and cut to ALERT_TEXT_MAX. Raising an active alert keeps `since` and its message. */
void alerts_raise(struct alerts *alerts, enum alert_name name, instant_ms now, const char *message);

/* The same, but the message replaces that of an active alert, which is published again. */
void alerts_raise_anew(struct alerts *alerts, enum alert_name name, instant_ms now, const char *message);
void alerts_clear(struct alerts *alerts, enum alert_name name);

bool alerts_is_active(struct alerts *alerts, enum alert_name name);

/* Clears an alert that was not raised for `quiet_ms`. Asked often, with a time that never stands still. */
void alerts_clear_if_quiet(struct alerts *alerts, enum alert_name name, uint64_t elapsed_ms,
                           uint64_t quiet_ms);

/* Takes one alert that is unpublished and marks it published; STATUS_EMPTY if there is none. */
MUST_USE enum status alerts_take_unpublished(struct alerts *alerts, enum alert_name *name,
                                             struct alert *alert);

/* Publishing it failed: it will be taken again. */
void alerts_publish_again(struct alerts *alerts, enum alert_name name);

/* What was published may not have arrived. */
void alerts_publish_all_again(struct alerts *alerts);

#endif
