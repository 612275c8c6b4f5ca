#include "tests/mqtt/decoding.h"

#include <assert.h>
#include <stdalign.h>

const struct topics *decoding_topics(void)
{
    static struct topics topics;
    static struct bytes prefixes[2];
    prefixes[0] = bytes_of_string("flyball/v1/decision/");
    prefixes[1] = bytes_of_string("flyball/v1/reply/");
    topics = (struct topics){.root = bytes_of_string("flyball/v1"),
                             .agent = bytes_of_string("edge-1"),
                             .response_prefixes = prefixes,
                             .response_prefix_count = 2};
    return &topics;
}

struct payload_context decoding_context(void)
{
    static alignas(16) uint8_t storage[DECODING_ARENA_BYTES];
    static struct arena arena;
    size_t needed = payload_arena_bytes(DECODING_PAYLOAD_MAX);
    assert(needed <= sizeof storage);
    arena_init(&arena, storage, needed);
    return (struct payload_context){
        .topics = decoding_topics(), .payload_bytes_max = DECODING_PAYLOAD_MAX, .arena = &arena};
}

struct message decoding_message(const char *topic, struct bytes payload)
{
    return (struct message){
        .topic = bytes_of_string(topic), .payload = payload, .payload_length = payload.length, .qos = 1};
}
