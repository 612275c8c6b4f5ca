/* What the agent says about itself, waiting to be published: the latest of each kind, retained by the broker.
 */
#ifndef FLYBALL_AGENT_ANNOUNCEMENTS_H
#define FLYBALL_AGENT_ANNOUNCEMENTS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "base/status.h"

enum announcement_kind {
    ANNOUNCE_STATUS,
    ANNOUNCE_CONFIG_REPORTED,
    ANNOUNCE_METRICS, /* QoS 0: the next one replaces it soon. */
    ANNOUNCE_CANARY,  /* Not retained. */
};
enum { ANNOUNCEMENT_KINDS = 4, ANNOUNCEMENT_BYTES_MAX = 128 * 1024 };

struct announcement {
    size_t length; /* 0: never said. */
    bool waiting;
    char payload[ANNOUNCEMENT_BYTES_MAX];
};

struct announcements {
    pthread_mutex_t lock;
    struct announcement items[ANNOUNCEMENT_KINDS];
};

void announcements_init(struct announcements *announcements);
void announcements_close(struct announcements *announcements);

/* Replaces the latest of its kind; asserts that it fits. Any thread. */
void announcements_say(struct announcements *announcements, enum announcement_kind kind,
                       struct bytes payload);

/* After a new connection: what the broker should hold retained is said again. */
void announcements_repeat(struct announcements *announcements);

/* Copies one that waits into `payload` (ANNOUNCEMENT_BYTES_MAX) and marks it said. STATUS_EMPTY when none
 * waits. */
MUST_USE enum status announcements_take(struct announcements *announcements, enum announcement_kind *kind,
                                        char *payload, size_t *length);

/* It could not be published: it waits again, unless a newer one does. */
void announcements_put_back(struct announcements *announcements, enum announcement_kind kind);

#endif
