#include "tests/agent/runtime/pool_fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TOPIC_BYTES = 24, SAMPLE_FIXED_BYTES = 32 };

int pool_fixture_setup(void **context)
{
    struct pool_fixture *fixture = calloc(1, sizeof *fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/flyball-pool-XXXXXX");
    if (fixture == NULL || mkdtemp(fixture->folder) == NULL) {
        return -1;
    }
    snprintf(fixture->path, sizeof fixture->path, "%s/pool", fixture->folder);
    fixture->settings = (struct event_pool_settings){.path = fixture->path, .slots = 8, .slot_bytes = 64};
    *context = fixture;
    return 0;
}

int pool_fixture_teardown(void **context)
{
    struct pool_fixture *fixture = *context;
    if (fixture->pool.mapping != NULL) {
        event_pool_close(&fixture->pool);
    }
    unlink(fixture->path);
    int failed = rmdir(fixture->folder); /* Also: nothing else was left behind. */
    free(fixture);
    return failed;
}

void pool_fixture_open(struct pool_fixture *fixture)
{
    enum status status = event_pool_open(&fixture->pool, &fixture->settings, &fixture->report);
    assert_string_equal(fixture->report.message, "");
    assert_int_equal(status, STATUS_OK);
}

void pool_fixture_reopen(struct pool_fixture *fixture)
{
    event_pool_close(&fixture->pool);
    pool_fixture_open(fixture);
}

uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

void sample_fill(struct sample *sample, uint64_t seed, size_t bytes)
{
    assert_true(bytes >= SAMPLE_FIXED_BYTES && bytes - SAMPLE_FIXED_BYTES <= FIXTURE_TEXT_MAX);
    uint64_t random = seed * 2 + 1;
    snprintf(sample->topic, sizeof sample->topic, "%016" PRIx64 "/%07zu", seed, bytes);
    for (size_t i = 0; i < bytes - SAMPLE_FIXED_BYTES; i++) {
        sample->payload[i] = (uint8_t)next_random(&random);
    }
    memcpy(sample->attributes, &random, sizeof random);
    sample->message = (struct message){.topic = bytes_of(sample->topic, TOPIC_BYTES),
                                       .payload = bytes_of(sample->payload, bytes - SAMPLE_FIXED_BYTES),
                                       .payload_length = bytes * 3,
                                       .qos = (uint8_t)(seed % 3),
                                       .response_topic = bytes_of(sample->attributes, 3),
                                       .has_correlation = true,
                                       .correlation = bytes_of(sample->attributes, 2),
                                       .attributes = bytes_of(sample->attributes, 3)};
}

struct pool_receipt put_sample(struct event_pool *pool, uint64_t seed, size_t bytes)
{
    struct sample sample;
    sample_fill(&sample, seed, bytes);
    struct pool_receipt receipt = {0};
    assert_int_equal(event_pool_put(pool, &sample.message, seed, &receipt), STATUS_OK);
    return receipt;
}

static bool message_equal(const struct message *left, const struct message *right)
{
    return bytes_equal(left->topic, right->topic) && bytes_equal(left->payload, right->payload) &&
           left->payload_length == right->payload_length && left->qos == right->qos &&
           bytes_equal(left->response_topic, right->response_topic) &&
           left->has_correlation == right->has_correlation &&
           bytes_equal(left->correlation, right->correlation) &&
           bytes_equal(left->attributes, right->attributes);
}

bool slot_holds(const struct event_pool *pool, slot_index slot, uint64_t seed, size_t bytes)
{
    struct sample sample;
    sample_fill(&sample, seed, bytes);
    struct message message;
    uint64_t sequence = 0;
    event_pool_get(pool, slot, &message, &sequence);
    return message_equal(&message, &sample.message);
}

uint64_t seed_in(const struct event_pool *pool, slot_index slot, size_t *bytes)
{
    struct message message;
    uint64_t sequence = 0;
    event_pool_get(pool, slot, &message, &sequence);
    char text[TOPIC_BYTES + 1] = {0};
    assert_int_equal(message.topic.length, TOPIC_BYTES);
    memcpy(text, message.topic.data, TOPIC_BYTES);
    uint64_t seed = 0;
    assert_int_equal(sscanf(text, "%16" SCNx64 "/%7zu", &seed, bytes), 2);
    return seed;
}
