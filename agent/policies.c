#include "agent/policies.h"

#include <assert.h>
#include <string.h>

static struct policy_place *place_of(struct policies *policies, const struct config_snapshot *snapshot)
{
    for (size_t i = 0; i < POLICIES_MAX; i++) {
        if (policies->places[i].snapshot == snapshot) {
            return &policies->places[i];
        }
    }
    return NULL;
}

static enum status adopt(struct policies *policies, struct config_snapshot *snapshot)
{
    struct policy_place *place = place_of(policies, NULL);
    if (place == NULL) {
        return STATUS_FULL;
    }
    *place = (struct policy_place){.snapshot = snapshot, .users = 1};
    return STATUS_OK;
}

static void use(struct policies *policies, const struct config_snapshot *snapshot)
{
    if (snapshot != NULL) {
        place_of(policies, snapshot)->users++;
    }
}

static void release(struct policies *policies, const struct config_snapshot *snapshot)
{
    if (snapshot == NULL) {
        return;
    }
    struct policy_place *place = place_of(policies, snapshot);
    assert(place != NULL && place->users > 0);
    if (--place->users == 0) {
        config_snapshot_close(place->snapshot);
        place->snapshot = NULL;
    }
}

void policies_init(struct policies *policies, struct config_snapshot *active)
{
    memset(policies, 0, sizeof *policies);
    pthread_mutex_init(&policies->lock, NULL);
    policies->active = active;
    enum status status = adopt(policies, active);
    assert(status == STATUS_OK);
    (void)status;
}

void policies_close(struct policies *policies)
{
    release(policies, policies->active);
    release(policies, policies->shadow);
    pthread_mutex_destroy(&policies->lock);
}

struct policy_view policies_take(struct policies *policies)
{
    pthread_mutex_lock(&policies->lock);
    struct policy_view view = {.active = policies->active, .shadow = policies->shadow};
    use(policies, view.active);
    use(policies, view.shadow);
    pthread_mutex_unlock(&policies->lock);
    return view;
}

void policies_give(struct policies *policies, struct policy_view view)
{
    pthread_mutex_lock(&policies->lock);
    release(policies, view.active);
    release(policies, view.shadow);
    pthread_mutex_unlock(&policies->lock);
}

static enum status replace(struct policies *policies, struct config_snapshot **current,
                           struct config_snapshot *snapshot)
{
    pthread_mutex_lock(&policies->lock);
    enum status status = snapshot == NULL ? STATUS_OK : adopt(policies, snapshot);
    if (status == STATUS_OK) {
        release(policies, *current);
        *current = snapshot;
    }
    pthread_mutex_unlock(&policies->lock);
    return status;
}

enum status policies_activate(struct policies *policies, struct config_snapshot *snapshot)
{
    assert(snapshot != NULL);
    return replace(policies, &policies->active, snapshot);
}

enum status policies_set_shadow(struct policies *policies, struct config_snapshot *snapshot)
{
    return replace(policies, &policies->shadow, snapshot);
}
