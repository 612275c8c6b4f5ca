/* The latest desired configuration, from the receive thread to the main thread: one place, the newest wins.
 */
#ifndef FLYBALL_AGENT_INBOX_H
#define FLYBALL_AGENT_INBOX_H

#include <pthread.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "base/status.h"

enum { INBOX_BYTES_MAX = 1 << 20 };

struct inbox {
    pthread_mutex_t lock;
    bool is_waiting;
    size_t length;
    uint8_t *storage;
};

/* STATUS_NO_MEMORY. Untouched memory costs nothing. */
MUST_USE enum status inbox_init(struct inbox *inbox);
void inbox_close(struct inbox *inbox);

/* Copies; what is beyond INBOX_BYTES_MAX is cut, which no configuration survives: it is no JSON then. */
void inbox_put(struct inbox *inbox, struct bytes payload);

/* Copies what waits into `buffer` (INBOX_BYTES_MAX); STATUS_EMPTY if nothing does. */
MUST_USE enum status inbox_take(struct inbox *inbox, uint8_t *buffer, size_t *length);

#endif
