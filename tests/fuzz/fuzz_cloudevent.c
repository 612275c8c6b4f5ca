/* CloudEvents, structured and binary. Input: a byte that says what there is (its upper half: how many user
 * properties), then response topic and correlation data, then name and value of each property, each ended by
 * FF, then the payload. A name of one digit stands for one of the attributes. */
#include <string.h>

#include "mqtt/cloudevent.h"
#include "tests/fuzz/event_check.h"
#include "tests/fuzz/event_model.h"
#include "tests/fuzz/fuzz.h"

enum { PROPERTIES_SHIFT = 4, ATTRIBUTES_BYTES = 1024 };

static const char ordinary_topic[] = "flyball/v1/event/acme/meter-7/kwh";

static struct bytes property_name(struct bytes name)
{
    static const char *const names[] = {"specversion", "id",   "source",          "type",
                                        "subject",     "time", "datacontenttype", "Id"};
    bool is_digit = name.length == 1 && name.data[0] >= '0' && name.data[0] <= '7';
    return is_digit ? bytes_of_string(names[name.data[0] - '0']) : name;
}

/* As the receive callback does it: what does not fit any more is left out. */
static void take_properties(struct fuzz_input *input, size_t count, struct model_message *model,
                            struct packer *attributes)
{
    for (size_t i = 0; i < count && i < MODEL_PROPERTIES_MAX; i++) {
        struct model_property property = {.name = property_name(fuzz_part(input)), .value = fuzz_part(input)};
        attributes->overflowed = false;
        attributes_pack_add(attributes, property.name, property.value);
        if (!attributes->overflowed) {
            model->properties[model->property_count++] = property;
        }
    }
}

static void compare(const struct model_event *expected, const struct decoded_event *decoded)
{
    const struct event *event = &decoded->event;
    fuzz_require(bytes_equal(expected->id, name_bytes(&event->id)), "the id is the envelope's");
    fuzz_require(expected->has_device_seq == event->has_device_seq &&
                     (uint64_t)expected->device_seq == event->device_seq &&
                     bytes_equal(expected->boot, name_bytes(&event->boot)),
                 "device_seq and boot are the data's");
    fuzz_require(expected->amount == event->amount, "the amount is the data's");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t storage[ATTRIBUTES_BYTES];
    struct fuzz_input input = {.rest = bytes_of(data, size)};
    struct packer attributes = packer_of(storage, sizeof storage);
    struct message message = {.topic = bytes_of_string(ordinary_topic)};
    struct model_message model = {.message = &message, .payload_bytes_max = CHECK_PAYLOAD_MAX};
    uint8_t flags = check_take_properties(&input, &message);
    take_properties(&input, flags >> PROPERTIES_SHIFT, &model, &attributes);
    message.attributes = packer_bytes(&attributes);
    message.payload = fuzz_rest(&input);
    message.payload_length = message.payload.length;

    struct payload_context context = check_context();
    model.topic = topic_parse(context.topics, message.topic);
    struct decoded_event decoded;
    struct rejection rejection = {.reason = (enum dead_letter_reason)DEAD_LETTER_REASONS};
    enum status status = payload_decode(&context, &message, &model.topic, &decoded, &rejection);
    struct model_event expected = model_event_of(&model);
    fuzz_require((status == STATUS_OK) == expected.is_accepted, "what the contract accepts is accepted");
    if (status != STATUS_OK) {
        fuzz_require(rejection.reason == expected.reason, "the first reason that applies is told");
        check_rejection(&message, &rejection);
        return 0;
    }
    compare(&expected, &decoded);
    check_event(&context, &message, &decoded);
    check_decision(&decoded);
    return 0;
}
