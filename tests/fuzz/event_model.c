#include "tests/fuzz/event_model.h"

#include <string.h>

#include "tests/fuzz/amount_model.h"
#include "tests/fuzz/json_model.h"

enum { MODEL_DEPTH_MAX = 8, MODEL_ID_MAX = 64 };

#define MODEL_DEVICE_SEQ_MOST (1LL << 53)

/* A string attribute of a CloudEvent, or what stands in its place. */
struct attribute {
    bool is_there;
    bool is_text;
    struct bytes text;
};

/* A message being read. `root` and `data` are JSON texts; data NULL is none. */
struct reading {
    const struct model_message *message;
    bool is_binary;
    struct bytes root;
    struct bytes data;
    size_t texts_used;
    uint8_t texts[2 * JSON_MODEL_TEXT_MAX]; /* Strings unescaped; no longer than the payload's. */
};

static struct bytes text_of_string(struct reading *reading, struct bytes string)
{
    struct bytes text = json_model_text(string, reading->texts + reading->texts_used);
    reading->texts_used += text.length;
    return text;
}

static struct attribute attribute_of(struct reading *reading, const char *name)
{
    const struct model_message *message = reading->message;
    for (size_t i = 0; reading->is_binary && i < message->property_count; i++) {
        if (bytes_equal_string(message->properties[i].name, name)) {
            return (struct attribute){true, true, message->properties[i].value};
        }
    }
    struct bytes value = bytes_of(NULL, 0);
    if (!reading->is_binary) {
        value = json_model_member(reading->root, name);
    }
    struct attribute attribute = {.is_there = value.data != NULL, .is_text = json_model_is_string(value)};
    if (attribute.is_text) {
        attribute.text = text_of_string(reading, value);
    }
    return attribute;
}

static bool is(struct attribute attribute, struct bytes text)
{
    return attribute.is_text && bytes_equal(attribute.text, text);
}

static bool ends_in(struct bytes text, struct bytes end)
{
    return text.length >= end.length && bytes_equal(bytes_after(text, text.length - end.length), end);
}

static bool is_source(struct attribute source, struct bytes device)
{
    if (is(source, device)) {
        return true;
    }
    size_t with_slash = device.length + 1;
    return source.is_text && source.text.length >= with_slash && ends_in(source.text, device) &&
           source.text.data[source.text.length - with_slash] == '/';
}

static struct model_event rejected(enum dead_letter_reason reason)
{
    return (struct model_event){.reason = reason};
}

static bool is_id(struct bytes text)
{
    return text.length >= 1 && text.length <= MODEL_ID_MAX && json_model_of(text).is_utf8 &&
           memchr(text.data, 0, text.length) == NULL;
}

static bool is_other_device(const struct reading *reading)
{
    struct bytes device = json_model_member(reading->data, "device");
    return device.data != NULL && !json_model_text_is(device, reading->message->topic.device);
}

/* What stands in the same place in every kind of event. */
static struct model_event read_keys(struct reading *reading, struct bytes id)
{
    struct model_event event = {.is_accepted = true, .id = id, .amount = 1000000};
    struct bytes device_seq = json_model_member(reading->data, "device_seq");
    struct bytes boot = json_model_member(reading->data, "boot");
    struct bytes amount = json_model_member(reading->data, "amount");
    event.has_device_seq = device_seq.data != NULL;
    if (event.has_device_seq && !model_integer(device_seq, MODEL_DEVICE_SEQ_MOST, &event.device_seq)) {
        return rejected(DEAD_LETTER_BAD_ID);
    }
    if (json_model_is_string(boot)) {
        event.boot = text_of_string(reading, boot);
    }
    if ((boot.data != NULL && !json_model_is_string(boot)) || event.boot.length > MODEL_ID_MAX) {
        return rejected(DEAD_LETTER_BAD_ID);
    }
    if (amount.data != NULL && !model_amount(amount, &event.amount)) {
        return rejected(DEAD_LETTER_BAD_AMOUNT);
    }
    return event;
}

static struct model_event read_native(struct reading *reading)
{
    if (is_other_device(reading)) {
        return rejected(DEAD_LETTER_IDENTITY_MISMATCH);
    }
    struct attribute id = attribute_of(reading, "id");
    if (id.is_there && !(id.is_text && is_id(id.text))) {
        return rejected(DEAD_LETTER_BAD_ID);
    }
    return read_keys(reading, id.text);
}

static struct model_event read_cloudevent(struct reading *reading)
{
    const struct parsed_topic *topic = &reading->message->topic;
    struct attribute type = attribute_of(reading, "type");
    struct attribute subject = attribute_of(reading, "subject");
    if (!is_source(attribute_of(reading, "source"), topic->device) ||
        (type.is_there && !is(type, topic->meter)) || (subject.is_there && !is(subject, topic->subject)) ||
        is_other_device(reading)) {
        return rejected(DEAD_LETTER_IDENTITY_MISMATCH);
    }
    struct attribute id = attribute_of(reading, "id");
    if (!id.is_text || !is_id(id.text)) {
        return rejected(DEAD_LETTER_BAD_ID);
    }
    return read_keys(reading, id.text);
}

/* Whether a document that is JSON is an event's envelope at all. */
static bool is_envelope(struct reading *reading, bool is_cloudevent)
{
    if (!is_cloudevent) {
        return json_model_is_object(reading->root);
    }
    bool has_base64 = !reading->is_binary && json_model_member(reading->root, "data_base64").data != NULL;
    return is(attribute_of(reading, "specversion"), bytes_of_string("1.0")) && !has_base64 &&
           (reading->data.data == NULL || json_model_is_object(reading->data));
}

static struct model_event read_document(struct reading *reading)
{
    struct bytes payload = reading->message->message->payload;
    struct json_model json = {.is_utf8 = true, .is_json = true};
    if (payload.length > 0 || !reading->is_binary) {
        json = json_model_of(payload);
    }
    if (!json.is_utf8 || !json.is_json) {
        return rejected(json.is_utf8 ? DEAD_LETTER_NOT_JSON : DEAD_LETTER_NOT_UTF8);
    }
    reading->root = payload.length > 0 ? json_model_value(payload) : bytes_of(NULL, 0);
    bool is_cloudevent = reading->is_binary || attribute_of(reading, "specversion").is_there;
    bool is_structured = is_cloudevent && !reading->is_binary;
    reading->data = is_structured ? json_model_member(reading->root, "data") : reading->root;
    if (!is_envelope(reading, is_cloudevent)) {
        return rejected(DEAD_LETTER_NOT_JSON);
    }
    if (json.depth > MODEL_DEPTH_MAX) {
        return rejected(DEAD_LETTER_TOO_DEEP);
    }
    if (json.has_equal_keys) {
        return rejected(DEAD_LETTER_DUPLICATE_KEY);
    }
    return is_cloudevent ? read_cloudevent(reading) : read_native(reading);
}

struct model_event model_event_of(const struct model_message *message)
{
    static struct reading reading;
    reading.message = message;
    reading.is_binary = false;
    reading.texts_used = 0;
    for (size_t i = 0; i < message->property_count; i++) {
        reading.is_binary =
            reading.is_binary || bytes_equal_string(message->properties[i].name, "specversion");
    }
    if (message->topic.kind != TOPIC_EVENT) {
        return rejected(DEAD_LETTER_BAD_TOPIC);
    }
    if (message->message->payload_length > message->payload_bytes_max) {
        return rejected(DEAD_LETTER_TOO_LARGE);
    }
    return read_document(&reading);
}
