/* What a peer has been sent: finding it, counting it, waiting for it. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "tests/broker/peer.h"

static struct timespec deadline_in(int wait_ms)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += wait_ms / 1000;
    deadline.tv_nsec += wait_ms % 1000 * 1000000L;
    if (deadline.tv_nsec >= 1000000000L) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000L;
    }
    return deadline;
}

static bool await_change(struct peer *peer, const struct timespec *deadline)
{
    return pthread_cond_timedwait(&peer->changed, &peer->mutex, deadline) != ETIMEDOUT;
}

/* One level of either, and what follows its slash; *rest is NULL after the last. */
static size_t level_length(const char *levels, const char **rest)
{
    size_t length = strcspn(levels, "/");
    *rest = levels[length] == '/' ? levels + length + 1 : NULL;
    return length;
}

bool peer_topic_matches(const char *topic, const char *filter)
{
    while (topic != NULL && filter != NULL) {
        if (strcmp(filter, "#") == 0) {
            return true;
        }
        const char *topic_level = topic;
        const char *filter_level = filter;
        size_t topic_length = level_length(topic_level, &topic);
        size_t filter_length = level_length(filter_level, &filter);
        bool is_any = filter_length == 1 && filter_level[0] == '+';
        if (!is_any &&
            (topic_length != filter_length || memcmp(topic_level, filter_level, topic_length) != 0)) {
            return false;
        }
    }
    return topic == NULL && (filter == NULL || strcmp(filter, "#") == 0);
}

static struct peer_message *take_now(struct peer *peer, const char *filter)
{
    while (peer->taken_first < peer->message_count && peer->messages[peer->taken_first]->was_taken) {
        peer->taken_first++;
    }
    for (size_t i = peer->taken_first; i < peer->message_count; i++) {
        struct peer_message *message = peer->messages[i];
        if (!message->was_taken && peer_topic_matches(message->topic, filter)) {
            message->was_taken = true;
            return message;
        }
    }
    return NULL;
}

const struct peer_message *peer_take(struct peer *peer, const char *filter, int timeout_ms)
{
    struct timespec deadline = deadline_in(timeout_ms);
    pthread_mutex_lock(&peer->mutex);
    const struct peer_message *message = take_now(peer, filter);
    while (message == NULL && await_change(peer, &deadline)) {
        message = take_now(peer, filter);
    }
    pthread_mutex_unlock(&peer->mutex);
    return message;
}

/* Counts on from *seen messages. */
static size_t count_from(const struct peer *peer, const char *filter, size_t *seen)
{
    size_t count = 0;
    for (; *seen < peer->message_count; (*seen)++) {
        count += peer_topic_matches(peer->messages[*seen]->topic, filter);
    }
    return count;
}

size_t peer_count(struct peer *peer, const char *filter)
{
    size_t seen = 0;
    pthread_mutex_lock(&peer->mutex);
    size_t count = count_from(peer, filter, &seen);
    pthread_mutex_unlock(&peer->mutex);
    return count;
}

bool peer_await_count(struct peer *peer, const char *filter, size_t count, int timeout_ms)
{
    struct timespec deadline = deadline_in(timeout_ms);
    size_t seen = 0;
    pthread_mutex_lock(&peer->mutex);
    size_t counted = count_from(peer, filter, &seen);
    while (counted < count && await_change(peer, &deadline)) {
        counted += count_from(peer, filter, &seen);
    }
    pthread_mutex_unlock(&peer->mutex);
    return counted >= count;
}

const char *peer_user_property(const struct peer_message *message, const char *name)
{
    for (size_t i = 0; i < PEER_PROPERTIES_MAX && message->user[i].name != NULL; i++) {
        if (strcmp(message->user[i].name, name) == 0) {
            return message->user[i].value;
        }
    }
    return NULL;
}
