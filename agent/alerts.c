#include "agent/alerts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *alert_name(enum alert_name name)
{
    switch (name) {
    case ALERT_STORE_FULL: return "store_full";
    case ALERT_STORE_FAILED: return "store_failed";
    case ALERT_CLOCK_HOLDOVER: return "clock_holdover";
    case ALERT_MEMORY_HIGH: return "memory_high";
    case ALERT_LEDGER_IMBALANCE: return "ledger_imbalance";
    case ALERT_ID_REUSED: return "id_reused";
    case ALERT_CONFIG_REJECTED: return "config_rejected";
    case ALERT_POOL_FULL: return "pool_full";
    }
    abort(); /* Corrupt name. */
}

void alerts_init(struct alerts *alerts)
{
    memset(alerts, 0, sizeof *alerts);
    pthread_mutex_init(&alerts->lock, NULL);
    for (size_t i = 0; i < ALERTS; i++) {
        alerts->items[i].unpublished = true;
    }
}

void alerts_close(struct alerts *alerts)
{
    pthread_mutex_destroy(&alerts->lock);
}

static void raise_locked(struct alert *alert, instant_ms now, const char *message)
{
    alert->since = alert->active ? alert->since : now;
    alert->active = true;
    alert->unpublished = true;
    snprintf(alert->message, sizeof alert->message, "%s", message);
}

void alerts_raise(struct alerts *alerts, enum alert_name name, instant_ms now, const char *message)
{
    pthread_mutex_lock(&alerts->lock);
    struct alert *alert = &alerts->items[name];
    alert->raises++;
    if (!alert->active) {
        raise_locked(alert, now, message);
    }
    pthread_mutex_unlock(&alerts->lock);
}

void alerts_raise_anew(struct alerts *alerts, enum alert_name name, instant_ms now, const char *message)
{
    pthread_mutex_lock(&alerts->lock);
    alerts->items[name].raises++;
    raise_locked(&alerts->items[name], now, message);
    pthread_mutex_unlock(&alerts->lock);
}

bool alerts_is_active(struct alerts *alerts, enum alert_name name)
{
    pthread_mutex_lock(&alerts->lock);
    bool is_active = alerts->items[name].active;
    pthread_mutex_unlock(&alerts->lock);
    return is_active;
}

static void clear_locked(struct alert *alert)
{
    if (alert->active) {
        alert->active = false;
        alert->unpublished = true;
    }
}

void alerts_clear(struct alerts *alerts, enum alert_name name)
{
    pthread_mutex_lock(&alerts->lock);
    clear_locked(&alerts->items[name]);
    pthread_mutex_unlock(&alerts->lock);
}

void alerts_clear_if_quiet(struct alerts *alerts, enum alert_name name, uint64_t elapsed_ms,
                           uint64_t quiet_ms)
{
    pthread_mutex_lock(&alerts->lock);
    struct alert *alert = &alerts->items[name];
    if (alert->raises_seen != alert->raises) {
        alert->raises_seen = alert->raises;
        alert->quiet_since_ms = elapsed_ms;
    } else if (elapsed_ms - alert->quiet_since_ms >= quiet_ms) {
        clear_locked(alert);
    }
    pthread_mutex_unlock(&alerts->lock);
}

enum status alerts_take_unpublished(struct alerts *alerts, enum alert_name *name, struct alert *alert)
{
    enum status status = STATUS_EMPTY;
    pthread_mutex_lock(&alerts->lock);
    for (enum alert_name each = ALERT_STORE_FULL; each <= ALERT_POOL_FULL; each++) {
        if (alerts->items[each].unpublished) {
            alerts->items[each].unpublished = false;
            *name = each;
            *alert = alerts->items[each];
            status = STATUS_OK;
            break;
        }
    }
    pthread_mutex_unlock(&alerts->lock);
    return status;
}

void alerts_publish_again(struct alerts *alerts, enum alert_name name)
{
    pthread_mutex_lock(&alerts->lock);
    alerts->items[name].unpublished = true;
    pthread_mutex_unlock(&alerts->lock);
}

void alerts_publish_all_again(struct alerts *alerts)
{
    for (enum alert_name each = ALERT_STORE_FULL; each <= ALERT_POOL_FULL; each++) {
        alerts_publish_again(alerts, each);
    }
}
