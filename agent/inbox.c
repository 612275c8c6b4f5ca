#include "agent/inbox.h"

#include <string.h>
#include <sys/mman.h>

enum status inbox_init(struct inbox *inbox)
{
    memset(inbox, 0, sizeof *inbox);
    void *storage = mmap(NULL, INBOX_BYTES_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (storage == MAP_FAILED) {
        return STATUS_NO_MEMORY;
    }
    inbox->storage = storage;
    pthread_mutex_init(&inbox->lock, NULL);
    return STATUS_OK;
}

void inbox_close(struct inbox *inbox)
{
    munmap(inbox->storage, INBOX_BYTES_MAX);
    pthread_mutex_destroy(&inbox->lock);
}

void inbox_put(struct inbox *inbox, struct bytes payload)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->length = payload.length > INBOX_BYTES_MAX ? INBOX_BYTES_MAX : payload.length;
    if (inbox->length > 0) {
        memcpy(inbox->storage, payload.data, inbox->length);
    }
    inbox->is_waiting = true;
    pthread_mutex_unlock(&inbox->lock);
}

enum status inbox_take(struct inbox *inbox, uint8_t *buffer, size_t *length)
{
    pthread_mutex_lock(&inbox->lock);
    enum status status = inbox->is_waiting ? STATUS_OK : STATUS_EMPTY;
    if (inbox->is_waiting) {
        memcpy(buffer, inbox->storage, inbox->length);
        *length = inbox->length;
        inbox->is_waiting = false;
    }
    pthread_mutex_unlock(&inbox->lock);
    return status;
}
