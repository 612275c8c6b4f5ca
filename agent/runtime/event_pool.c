#include "agent/runtime/event_pool.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/runtime/deadline.h"
#include "agent/runtime/event_pool_file.h"

enum { ARRIVALS_PER_SLOT = 4 };

static uint32_t *bucket_of(struct event_pool *pool, uint64_t sequence)
{
    return &pool->buckets[sequence % pool->slots];
}

static void index_sequence(struct event_pool *pool, uint64_t sequence, slot_index slot)
{
    uint32_t *bucket = bucket_of(pool, sequence);
    pool->chained[slot] = *bucket;
    *bucket = slot + 1;
}

static uint64_t sequence_of(const struct event_pool *pool, slot_index slot)
{
    return atomic_load_explicit(&pool->entries[slot].sequence, memory_order_acquire);
}

/* Where the number of the slot that holds `sequence` is kept; that is 0 when none does. */
static uint32_t *find_sequence(struct event_pool *pool, uint64_t sequence)
{
    uint32_t *place = bucket_of(pool, sequence);
    while (*place != 0 && sequence_of(pool, *place - 1) != sequence) {
        place = &pool->chained[*place - 1];
    }
    return place;
}

/* The memory beside the file, all in one piece. */
static enum status take_memory(struct event_pool *pool, struct event_pool_report *report)
{
    size_t slots = pool->slots;
    size_t arrivals = slots * ARRIVALS_PER_SLOT * sizeof(struct arrival_time);
    size_t map = slot_map_bytes(pool->slots);
    pool->memory_bytes = arrivals + map + 3 * slots * sizeof(uint32_t) + slots;
    void *memory = mmap(NULL, pool->memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        snprintf(report->message, sizeof report->message, "not enough memory for %u pool slots", pool->slots);
        return STATUS_NO_MEMORY;
    }
    pool->memory = memory;
    arrival_times_init(&pool->arrivals, memory, slots * ARRIVALS_PER_SLOT);
    slot_map_init(&pool->map, (uint8_t *)memory + arrivals, pool->slots);
    pool->buckets = (uint32_t *)((uint8_t *)memory + arrivals + map);
    pool->chained = pool->buckets + slots;
    pool->pending = pool->chained + slots;
    pool->settled = (uint8_t *)(pool->pending + slots);
    return STATUS_OK;
}

static int by_sequence(const void *left, const void *right, void *context)
{
    const struct event_pool *pool = context;
    uint64_t left_sequence = sequence_of(pool, *(const slot_index *)left);
    uint64_t right_sequence = sequence_of(pool, *(const slot_index *)right);
    return (left_sequence > right_sequence) - (left_sequence < right_sequence);
}

static void adopt(struct event_pool *pool, slot_index slot)
{
    uint64_t sequence = sequence_of(pool, slot);
    slot_map_mark(&pool->map, slot, pool->entries[slot].run);
    index_sequence(pool, sequence, slot);
    pool->pending[pool->pending_count++] = slot;
    if (sequence >= pool->next_sequence) {
        pool->next_sequence = sequence + 1;
    }
}

/* Whether a message begins here that is not already known by that sequence. */
static bool is_pending(struct event_pool *pool, slot_index slot)
{
    return pool_entry_is_whole(pool, slot) && *find_sequence(pool, sequence_of(pool, slot)) == 0;
}

/* Keeps what is whole and frees the rest. A process that dies leaves only whole entries and free ones. */
static void recover(struct event_pool *pool, struct event_pool_report *report)
{
    uint32_t occupied = 0; /* Slots before this one belong to the message found last. */
    for (uint32_t slot = 0; slot < pool->slots; slot++) {
        if (sequence_of(pool, slot) == 0) {
            continue;
        }
        if (slot >= occupied && is_pending(pool, slot)) {
            adopt(pool, slot);
            occupied = slot + pool->entries[slot].run;
        } else {
            atomic_store(&pool->entries[slot].sequence, 0);
            report->damaged++;
        }
    }
    qsort_r(pool->pending, pool->pending_count, sizeof *pool->pending, by_sequence, pool);
    report->pending = pool->pending_count;
}

static enum status check_settings(const struct event_pool_settings *settings,
                                  struct event_pool_report *report)
{
    if (settings->slots >= 1 && settings->slots <= EVENT_POOL_SLOTS_MAX &&
        settings->slot_bytes >= EVENT_POOL_SLOT_BYTES_MIN &&
        settings->slot_bytes <= EVENT_POOL_SLOT_BYTES_MAX) {
        return STATUS_OK;
    }
    snprintf(report->message, sizeof report->message,
             "pool.slots must be 1 to %d and pool.slot_bytes %d to %d", EVENT_POOL_SLOTS_MAX,
             EVENT_POOL_SLOT_BYTES_MIN, EVENT_POOL_SLOT_BYTES_MAX);
    return STATUS_INVALID;
}

enum status event_pool_open(struct event_pool *pool, const struct event_pool_settings *settings,
                            struct event_pool_report *report)
{
    memset(pool, 0, sizeof *pool);
    memset(report, 0, sizeof *report);
    pool->file = -1;
    pool->next_sequence = 1;
    enum status status = check_settings(settings, report);
    if (status == STATUS_OK) {
        status = pool_file_open(pool, settings, report);
    }
    if (status == STATUS_OK) {
        status = take_memory(pool, report);
    }
    if (status != STATUS_OK) {
        pool_file_close(pool);
        return status;
    }
    recover(pool, report);
    pthread_cond_init(&pool->freed, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    return STATUS_OK;
}

void event_pool_close(struct event_pool *pool)
{
    pthread_cond_destroy(&pool->freed);
    pthread_mutex_destroy(&pool->lock);
    munmap(pool->memory, pool->memory_bytes);
    pool_file_close(pool);
}

enum status event_pool_next_pending(struct event_pool *pool, struct pool_receipt *receipt)
{
    while (pool->pending_at < pool->pending_count) {
        slot_index slot = pool->pending[pool->pending_at++];
        uint64_t sequence = sequence_of(pool, slot);
        if (sequence != 0) {
            *receipt = (struct pool_receipt){.slot = slot, .sequence = sequence};
            return STATUS_OK;
        }
    }
    return STATUS_EMPTY;
}

void event_pool_start(struct event_pool *pool, uint64_t first_sequence)
{
    if (first_sequence > pool->next_sequence) {
        pool->next_sequence = first_sequence;
    }
}

/* The lengths alone; STATUS_TOO_LARGE when they never fit. */
static enum status describe(const struct event_pool *pool, const struct message *message,
                            struct pool_entry *entry)
{
    uint64_t most = (uint64_t)pool->slots * pool->slot_bytes;
    if (message->topic.length > most || message->payload.length > most ||
        message->response_topic.length > most || message->correlation.length > most ||
        message->attributes.length > most) {
        return STATUS_TOO_LARGE;
    }
    assert(message->qos <= 2);
    memset(entry, 0, sizeof *entry);
    entry->topic = (uint32_t)message->topic.length;
    entry->payload = (uint32_t)message->payload.length;
    entry->payload_length = message->payload_length;
    entry->response_topic = (uint32_t)message->response_topic.length;
    entry->correlation = (uint32_t)message->correlation.length;
    entry->attributes = (uint32_t)message->attributes.length;
    entry->qos = message->qos;
    entry->has_correlation = message->has_correlation ? 1 : 0;
    uint64_t run = pool_run_of(pool_entry_bytes(entry), pool->slot_bytes);
    if (run > pool->slots) {
        return STATUS_TOO_LARGE;
    }
    entry->run = (uint32_t)run;
    return STATUS_OK;
}

static uint8_t *append(uint8_t *to, struct bytes bytes)
{
    if (bytes.length > 0) {
        memcpy(to, bytes.data, bytes.length);
    }
    return to + bytes.length;
}

/* Everything first, the sequence last: until then the slot is free to whoever finds it after a crash. */
static void seal(struct event_pool *pool, const struct message *message, const struct pool_entry *described,
                 struct pool_receipt receipt)
{
    uint8_t *bytes = pool->storage + (size_t)receipt.slot * pool->slot_bytes;
    uint8_t *end = append(bytes, message->topic);
    end = append(end, message->payload);
    end = append(end, message->response_topic);
    end = append(end, message->correlation);
    append(end, message->attributes);
    struct pool_entry *entry = &pool->entries[receipt.slot];
    size_t from = offsetof(struct pool_entry, run);
    memcpy((uint8_t *)entry + from, (const uint8_t *)described + from, sizeof *entry - from);
    entry->crc = pool_entry_crc(entry, receipt.sequence, bytes);
    atomic_store_explicit(&entry->sequence, receipt.sequence, memory_order_release);
}

uint64_t event_pool_received_us(const struct event_pool *pool, uint64_t sequence)
{
    return arrival_times_find(&pool->arrivals, sequence);
}

/* Under the lock. The sequence is findable before it is sealed, but nobody knows it yet. */
static enum status reserve(struct event_pool *pool, uint32_t run, struct pool_receipt *receipt)
{
    slot_index slot = slot_map_take(&pool->map, run);
    if (slot == INDEX_NONE) {
        return STATUS_FULL;
    }
    *receipt = (struct pool_receipt){.slot = slot, .sequence = pool->next_sequence++};
    index_sequence(pool, receipt->sequence, slot);
    return STATUS_OK;
}

/* Under the lock. */
static enum status reserve_wait(struct event_pool *pool, uint32_t run, int64_t timeout_ms,
                                struct pool_receipt *receipt)
{
    enum status status = reserve(pool, run, receipt);
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    pool->waits++;
    struct deadline deadline = deadline_after(timeout_ms);
    enum status waited = STATUS_OK;
    while (status != STATUS_OK && waited == STATUS_OK) {
        if (pool->stopped) {
            return STATUS_CLOSED;
        }
        waited = deadline_wait(&deadline, &pool->freed, &pool->lock);
        status = reserve(pool, run, receipt);
    }
    return status == STATUS_OK ? STATUS_OK : waited;
}

enum status event_pool_put(struct event_pool *pool, const struct message *message, uint64_t received_us,
                           struct pool_receipt *receipt)
{
    struct pool_entry entry;
    enum status status = describe(pool, message, &entry);
    if (status != STATUS_OK) {
        return status;
    }
    pthread_mutex_lock(&pool->lock);
    status = reserve(pool, entry.run, receipt);
    pthread_mutex_unlock(&pool->lock);
    if (status == STATUS_OK) {
        seal(pool, message, &entry, *receipt);
        arrival_times_note(&pool->arrivals, receipt->sequence, received_us);
    }
    return status;
}

enum status event_pool_put_wait(struct event_pool *pool, const struct message *message, uint64_t received_us,
                                int64_t timeout_ms, struct pool_receipt *receipt)
{
    struct pool_entry entry;
    enum status status = describe(pool, message, &entry);
    if (status != STATUS_OK) {
        return status;
    }
    pthread_mutex_lock(&pool->lock);
    status = reserve_wait(pool, entry.run, timeout_ms, receipt);
    pthread_mutex_unlock(&pool->lock);
    if (status == STATUS_OK) {
        seal(pool, message, &entry, *receipt);
        arrival_times_note(&pool->arrivals, receipt->sequence, received_us);
    }
    return status;
}

void event_pool_stop(struct event_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->stopped = true;
    pthread_cond_broadcast(&pool->freed);
    pthread_mutex_unlock(&pool->lock);
}

static struct bytes cut(const uint8_t **at, uint32_t length)
{
    struct bytes bytes = bytes_of(*at, length);
    *at += length;
    return bytes;
}

void event_pool_get(const struct event_pool *pool, slot_index slot, struct message *message,
                    uint64_t *sequence)
{
    assert(slot < pool->slots);
    const struct pool_entry *entry = &pool->entries[slot];
    *sequence = sequence_of(pool, slot);
    assert(*sequence != 0);
    const uint8_t *at = pool->storage + (size_t)slot * pool->slot_bytes;
    message->topic = cut(&at, entry->topic);
    message->payload = cut(&at, entry->payload);
    message->response_topic = cut(&at, entry->response_topic);
    message->correlation = cut(&at, entry->correlation);
    message->attributes = cut(&at, entry->attributes);
    message->payload_length = (size_t)entry->payload_length;
    message->qos = entry->qos;
    message->has_correlation = entry->has_correlation == 1;
}

/* Under the lock; `place` is where the slot's number is kept. */
static void release(struct event_pool *pool, uint32_t *place)
{
    slot_index slot = *place - 1;
    *place = pool->chained[slot];
    atomic_store_explicit(&pool->entries[slot].sequence, 0, memory_order_release);
    slot_map_give(&pool->map, slot, pool->entries[slot].run);
    pthread_cond_signal(&pool->freed);
}

static void release_slot(struct event_pool *pool, slot_index slot)
{
    assert(slot < pool->slots);
    uint64_t sequence = sequence_of(pool, slot);
    assert(sequence != 0);
    uint32_t *place = find_sequence(pool, sequence);
    assert(*place == slot + 1);
    release(pool, place);
}

void event_pool_free(struct event_pool *pool, slot_index slot)
{
    pthread_mutex_lock(&pool->lock);
    release_slot(pool, slot);
    pthread_mutex_unlock(&pool->lock);
}

void event_pool_overwrite(struct event_pool *pool, slot_index slot)
{
    pthread_mutex_lock(&pool->lock);
    release_slot(pool, slot);
    pool->overwritten++;
    pthread_mutex_unlock(&pool->lock);
}

enum status event_pool_free_sequence(struct event_pool *pool, uint64_t sequence)
{
    if (sequence == 0) {
        return STATUS_NOT_FOUND;
    }
    pthread_mutex_lock(&pool->lock);
    uint32_t *place = find_sequence(pool, sequence);
    bool found = *place != 0;
    if (found) {
        release(pool, place);
    }
    pthread_mutex_unlock(&pool->lock);
    return found ? STATUS_OK : STATUS_NOT_FOUND;
}

void event_pool_settle(struct event_pool *pool, uint64_t sequence)
{
    uint32_t *place = find_sequence(pool, sequence);
    if (sequence != 0 && *place != 0) {
        pool->settled[*place - 1] = 1;
    }
}

void event_pool_free_settled(struct event_pool *pool)
{
    for (uint32_t i = 0; i < pool->pending_count; i++) {
        slot_index slot = pool->pending[i];
        if (pool->settled[slot] != 0) {
            pool->settled[slot] = 0;
            event_pool_free(pool, slot);
        }
    }
}

struct event_pool_stats event_pool_stats(struct event_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct event_pool_stats stats = {.slots = pool->slots,
                                     .used = pool->map.used,
                                     .high_water = pool->map.high_water,
                                     .overwritten = pool->overwritten,
                                     .waits = pool->waits};
    pthread_mutex_unlock(&pool->lock);
    return stats;
}
