#include "tests/fuzz/event_check.h"

#include <stdalign.h>
#include <string.h>

#include "base/micro_units.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/json_model.h"

enum {
    FLAG_QOS = 3,
    FLAG_RESPONSE = 1 << 2,
    FLAG_CORRELATION = 1 << 3,
    ARENA_BYTES = 1 << 18,
};

#define DEVICE_SEQ_MOST (1ULL << 53)

const struct topics *check_topics(void)
{
    static const struct bytes prefixes[] = {{(const uint8_t *)"flyball/v1/decision/", 20},
                                            {(const uint8_t *)"flyball/v1/reply/", 17}};
    static const struct topics topics = {.root = {(const uint8_t *)"flyball/v1", 10},
                                         .agent = {(const uint8_t *)"edge-1", 6},
                                         .response_prefixes = prefixes,
                                         .response_prefix_count = 2};
    return &topics;
}

struct payload_context check_context(void)
{
    static alignas(16) uint8_t storage[ARENA_BYTES];
    static struct arena arena;
    size_t needed = payload_arena_bytes(CHECK_PAYLOAD_MAX);
    fuzz_require(needed <= sizeof storage, "the arena is as large as before");
    arena_init(&arena, storage, needed);
    return (struct payload_context){
        .topics = check_topics(), .payload_bytes_max = CHECK_PAYLOAD_MAX, .arena = &arena};
}

uint8_t check_take_properties(struct fuzz_input *input, struct message *message)
{
    uint8_t flags = fuzz_u8(input);
    message->qos = (uint8_t)((flags & FLAG_QOS) % 3);
    if ((flags & FLAG_RESPONSE) != 0) {
        message->response_topic = fuzz_part(input);
    }
    if ((flags & FLAG_CORRELATION) != 0) {
        message->has_correlation = true;
        message->correlation = fuzz_part(input);
    }
    return flags;
}

/* Whether the text is the bytes in base 64. */
static bool is_base64_of(struct bytes text, struct bytes bytes)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (text.length != (bytes.length + 2) / 3 * 4) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        size_t bit = i * 6;
        uint8_t first = bit / 8 < bytes.length ? bytes.data[bit / 8] : 0;
        uint8_t second = bit / 8 + 1 < bytes.length ? bytes.data[bit / 8 + 1] : 0;
        unsigned digit = ((unsigned)first << 8 | second) >> (10 - bit % 8) & 63;
        char wanted = bit / 8 < bytes.length ? alphabet[digit] : '=';
        if (text.data[i] != (uint8_t)wanted) {
            return false;
        }
    }
    return true;
}

static void check_shown_topic(struct bytes letter, struct bytes topic)
{
    fuzz_require(json_model_is_string(json_model_member(letter, "topic")), "a dead letter shows the topic");
    if (topic.length <= DEAD_LETTER_TOPIC_MAX && json_model_of(topic).is_utf8) {
        fuzz_require_text(letter, "topic", topic);
    }
}

void check_rejection(const struct message *message, const struct rejection *rejection)
{
    static char storage[DEAD_LETTER_MESSAGE_MAX];
    struct dead_letter letter = {
        .rejection = *rejection, .topic = message->topic, .payload = message->payload, .time = 1};
    fuzz_require((int)rejection->reason < DEAD_LETTER_REASONS, "a rejection has a reason");
    fuzz_require(rejection->detail != NULL && strlen(rejection->detail) > 5, "a rejection says more");
    struct text text = text_of(storage, sizeof storage);
    dead_letter_put(&text, &letter);
    fuzz_require(!text.overflowed, "a dead letter fits");
    struct bytes json = text_bytes(&text);
    fuzz_require_json(json);
    struct bytes payload = message->payload;
    payload.length = payload.length < DEAD_LETTER_PAYLOAD_MAX ? payload.length : DEAD_LETTER_PAYLOAD_MAX;
    struct bytes base64 = json_model_member(json, "payload_base64");
    fuzz_require_literal(json, "reason", dead_letter_reason_name(rejection->reason));
    fuzz_require(json_model_is_string(base64) &&
                     is_base64_of(bytes_of(base64.data + 1, base64.length - 2), payload),
                 "a dead letter shows the payload");
    check_shown_topic(json, message->topic);

    char topic_storage[TOPIC_BYTES_MAX];
    struct text topic = text_of(topic_storage, sizeof topic_storage);
    topic_put_dead_letter(&topic, check_topics(), rejection->reason);
    fuzz_require(!topic.overflowed, "a dead letter's topic fits");
}

static void check_key(const struct name *key, const char *property)
{
    struct bytes bytes = name_bytes(key);
    fuzz_require(bytes.length <= NAME_BYTES_MAX && json_model_of(bytes).is_utf8 &&
                     (bytes.length == 0 || memchr(bytes.data, 0, bytes.length) == NULL),
                 property);
}

static void check_amount(micro_units amount)
{
    char digits[MICRO_UNITS_TEXT_MAX];
    micro_units again;
    fuzz_require(amount >= 0, "an amount is not negative");
    size_t length = micro_units_format(amount, digits);
    fuzz_require(micro_units_parse(bytes_of(digits, length), &again) == STATUS_OK && again == amount,
                 "an amount reads back as it is written");
}

static void check_cid(struct bytes cid)
{
    struct json_model model = json_model_of(cid);
    fuzz_require(cid.length <= CORRELATION_BYTES_MAX, "a cid is short");
    fuzz_require(model.is_utf8 && model.is_json && model.depth == 0, "a cid is a scalar");
}

void check_address(const struct payload_context *context, const struct message *message,
                   const struct answer_address *address, bool is_ignored)
{
    struct bytes response = address->response_topic;
    fuzz_require(response.length == 0 || topic_is_allowed_response(context->topics, response),
                 "an answer goes where it may");
    fuzz_require(message->response_topic.length == 0 || is_ignored ||
                     bytes_equal(response, message->response_topic),
                 "a response topic is followed or counted");
    fuzz_require(!address->has_correlation ||
                     (message->has_correlation && address->correlation.length <= CORRELATION_BYTES_MAX &&
                      bytes_equal(address->correlation, message->correlation)),
                 "correlation data comes back as it came");
    fuzz_require(!message->has_correlation || address->has_correlation || is_ignored,
                 "correlation data comes back or is counted");
    if (address->cid.length > 0) {
        check_cid(address->cid);
    }
}

void check_event(const struct payload_context *context, const struct message *message,
                 const struct decoded_event *decoded)
{
    const struct event *event = &decoded->event;
    fuzz_require(name_is_segment(name_bytes(&event->subject)) &&
                     name_is_segment(name_bytes(&event->device)) &&
                     name_is_segment(name_bytes(&event->meter)),
                 "an event's names are segments");
    check_key(&event->id, "an id is 0 to 64 bytes of text");
    check_key(&event->boot, "a boot is 0 to 64 bytes of text");
    fuzz_require(event->device_seq <= DEVICE_SEQ_MOST, "a device_seq is at most 2^53");
    check_amount(event->amount);
    fuzz_require(message->payload_length <= context->payload_bytes_max, "what is accepted is short enough");
    fuzz_require(decoded->address.qos == (message->qos == 0 ? 0 : 1), "an answer's QoS follows the event's");
    check_address(context, message, &decoded->address, decoded->address_ignored);
    fuzz_require(context->arena->refused == 0, "the arena is large enough");
}
