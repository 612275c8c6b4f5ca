/* A native event: topic, payload, QoS, response topic and correlation data, through what the decider uses.
 * Input: a byte that says what there is, then response topic, correlation data and topic, each ended by FF,
 * then the payload. */
#include <string.h>

#include "tests/fuzz/event_check.h"
#include "tests/fuzz/event_model.h"
#include "tests/fuzz/fuzz.h"

static const char ordinary_topic[] = "flyball/v1/event/acme/meter-7/kwh";

static struct message take_message(struct bytes bytes)
{
    struct fuzz_input input = {.rest = bytes};
    struct message message = {.topic = bytes_of_string(ordinary_topic)};
    uint8_t flags = check_take_properties(&input, &message);
    if ((flags & CHECK_FLAG_TOPIC) != 0) {
        message.topic = fuzz_part(&input);
    }
    message.payload = fuzz_rest(&input);
    message.payload_length = message.payload.length;
    if ((flags & CHECK_FLAG_CUT) != 0) {
        message.payload_length = CHECK_PAYLOAD_MAX + 1;
    }
    return message;
}

static void compare(const struct model_event *expected, const struct event *event)
{
    fuzz_require(bytes_equal(expected->id, name_bytes(&event->id)), "the id is the payload's");
    fuzz_require(expected->has_device_seq == event->has_device_seq &&
                     (uint64_t)expected->device_seq == event->device_seq,
                 "the device_seq is the payload's");
    fuzz_require(bytes_equal(expected->boot, name_bytes(&event->boot)), "the boot is the payload's");
    fuzz_require(expected->amount == event->amount, "the amount is the payload's");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message message = take_message(bytes_of(data, size));
    if (memchr(message.topic.data, 0, message.topic.length) != NULL) {
        return 0; /* No broker lets it through. */
    }
    struct payload_context context = check_context();
    struct parsed_topic topic = topic_parse(context.topics, message.topic);
    struct decoded_event decoded;
    struct rejection rejection = {.reason = (enum dead_letter_reason)DEAD_LETTER_REASONS};
    enum status status = payload_decode(&context, &message, &topic, &decoded, &rejection);
    struct model_message model = {
        .message = &message, .topic = topic, .payload_bytes_max = context.payload_bytes_max};
    struct model_event expected = model_event_of(&model);
    fuzz_require((status == STATUS_OK) == expected.is_accepted, "what the contract accepts is accepted");
    if (status != STATUS_OK) {
        fuzz_require(rejection.reason == expected.reason, "the first reason that applies is told");
        check_rejection(&message, &rejection);
        return 0;
    }
    compare(&expected, &decoded.event);
    check_event(&context, &message, &decoded);
    check_decision(&decoded);
    return 0;
}
