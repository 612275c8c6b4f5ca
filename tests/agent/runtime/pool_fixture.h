/* An event pool in a folder of its own, and messages whose contents tell whether they are whole. */
#ifndef FLYBALL_TESTS_POOL_FIXTURE_H
#define FLYBALL_TESTS_POOL_FIXTURE_H

#include "agent/runtime/event_pool.h"

enum { FIXTURE_TEXT_MAX = 2048 };

struct pool_fixture {
    char folder[64];
    char path[96];
    struct event_pool_settings settings;
    struct event_pool_report report;
    struct event_pool pool;
};

/* A message and the bytes it borrows. */
struct sample {
    struct message message;
    char topic[64];
    uint8_t payload[FIXTURE_TEXT_MAX];
    uint8_t attributes[64];
};

/* cmocka's setup and teardown: *context becomes a struct pool_fixture, 8 slots of 64 bytes, nothing opened.
 */
int pool_fixture_setup(void **context);
int pool_fixture_teardown(void **context);

/* Opens with the fixture's settings and expects it to succeed. */
void pool_fixture_open(struct pool_fixture *fixture);
void pool_fixture_reopen(struct pool_fixture *fixture);

/* A message that takes `bytes` of the pool (at least 32), everything in it following from `seed`. */
void sample_fill(struct sample *sample, uint64_t seed, size_t bytes);

/* Puts it and expects room. */
struct pool_receipt put_sample(struct event_pool *pool, uint64_t seed, size_t bytes);

/* Whether the message in the slot is exactly sample_fill(seed, bytes). */
bool slot_holds(const struct event_pool *pool, slot_index slot, uint64_t seed, size_t bytes);

/* The seed and size of a message made by sample_fill, whole or not. */
uint64_t seed_in(const struct event_pool *pool, slot_index slot, size_t *bytes);

uint64_t next_random(uint64_t *state);

#endif
