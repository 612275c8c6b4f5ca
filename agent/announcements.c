#include "agent/announcements.h"

#include <assert.h>
#include <string.h>

void announcements_init(struct announcements *announcements)
{
    for (size_t i = 0; i < ANNOUNCEMENT_KINDS; i++) {
        announcements->items[i].length = 0;
        announcements->items[i].waiting = false;
    }
    pthread_mutex_init(&announcements->lock, NULL);
}

void announcements_close(struct announcements *announcements)
{
    pthread_mutex_destroy(&announcements->lock);
}

void announcements_say(struct announcements *announcements, enum announcement_kind kind, struct bytes payload)
{
    assert(payload.length <= ANNOUNCEMENT_BYTES_MAX);
    pthread_mutex_lock(&announcements->lock);
    struct announcement *item = &announcements->items[kind];
    memcpy(item->payload, payload.data, payload.length);
    item->length = payload.length;
    item->waiting = true;
    pthread_mutex_unlock(&announcements->lock);
}

void announcements_repeat(struct announcements *announcements)
{
    pthread_mutex_lock(&announcements->lock);
    for (size_t i = 0; i < ANNOUNCEMENT_KINDS; i++) {
        announcements->items[i].waiting = announcements->items[i].length > 0 && i != ANNOUNCE_CANARY;
    }
    pthread_mutex_unlock(&announcements->lock);
}

enum status announcements_take(struct announcements *announcements, enum announcement_kind *kind,
                               char *payload, size_t *length)
{
    enum status status = STATUS_EMPTY;
    pthread_mutex_lock(&announcements->lock);
    for (enum announcement_kind each = ANNOUNCE_STATUS; each <= ANNOUNCE_CANARY; each++) {
        struct announcement *item = &announcements->items[each];
        if (item->waiting) {
            item->waiting = false;
            memcpy(payload, item->payload, item->length);
            *length = item->length;
            *kind = each;
            status = STATUS_OK;
            break;
        }
    }
    pthread_mutex_unlock(&announcements->lock);
    return status;
}

void announcements_put_back(struct announcements *announcements, enum announcement_kind kind)
{
    pthread_mutex_lock(&announcements->lock);
    announcements->items[kind].waiting = true;
    pthread_mutex_unlock(&announcements->lock);
}
