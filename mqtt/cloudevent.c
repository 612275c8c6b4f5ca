#include "mqtt/cloudevent.h"

static const char *const attribute_names[] = {"id", "source", "type", "subject", "specversion"};

enum { ATTRIBUTE_NAMES = sizeof attribute_names / sizeof attribute_names[0] };

static const char flaw_version[] = "specversion is not \"1.0\"";
static const char flaw_data[] = "data is not an object";
static const char flaw_base64[] = "data_base64 is not supported: put the JSON object under data";

/* Packed as index and value; ATTRIBUTE_NAMES when the agent does not read it. */
static uint8_t attribute_index(struct bytes name)
{
    uint8_t index = 0;
    while (index < ATTRIBUTE_NAMES && !bytes_equal_string(name, attribute_names[index])) {
        index++;
    }
    return index;
}

void attributes_pack_add(struct packer *packer, struct bytes name, struct bytes value)
{
    uint8_t index = attribute_index(name);
    if (index < ATTRIBUTE_NAMES) {
        size_t start = packer->length;
        pack_u8(packer, index);
        pack_bytes(packer, value);
        if (packer->overflowed) {
            packer->length = start; /* Half an attribute is none. */
        }
    }
}

enum status attributes_get(struct bytes attributes, const char *name, struct bytes *value)
{
    uint8_t wanted = attribute_index(bytes_of_string(name));
    struct unpacker unpacker = unpacker_of(attributes);
    while (unpacker.rest.length > 0 && !unpacker.failed) {
        uint8_t index = unpack_u8(&unpacker);
        struct bytes found = unpack_bytes(&unpacker);
        if (index == wanted && !unpacker.failed) {
            *value = found;
            return STATUS_OK;
        }
    }
    return STATUS_NOT_FOUND;
}

bool cloudevent_is_binary(struct bytes attributes)
{
    struct bytes version;
    return attributes_get(attributes, "specversion", &version) == STATUS_OK;
}

bool cloudevent_is_structured(const cJSON *root)
{
    return json_member(root, "specversion") != NULL;
}

static struct cloudevent_attribute member_attribute(const cJSON *root, const char *name)
{
    const cJSON *item = json_member(root, name);
    struct cloudevent_attribute attribute = {.is_present = item != NULL, .is_text = cJSON_IsString(item)};
    if (attribute.is_text) {
        attribute.text = json_text(item);
    }
    return attribute;
}

static struct cloudevent_attribute property_attribute(struct bytes attributes, const char *name)
{
    struct cloudevent_attribute attribute = {0};
    attribute.is_present = attributes_get(attributes, name, &attribute.text) == STATUS_OK;
    attribute.is_text = attribute.is_present;
    return attribute;
}

static bool is_text(const struct cloudevent_attribute *attribute, struct bytes text)
{
    return attribute->is_text && bytes_equal(attribute->text, text);
}

const char *cloudevent_open_structured(const cJSON *root, struct cloudevent *event)
{
    struct cloudevent_attribute version = member_attribute(root, "specversion");
    *event = (struct cloudevent){.id = member_attribute(root, "id"),
                                 .source = member_attribute(root, "source"),
                                 .type = member_attribute(root, "type"),
                                 .subject = member_attribute(root, "subject"),
                                 .data = json_member(root, "data")};
    if (!is_text(&version, bytes_of_string("1.0"))) {
        return flaw_version;
    }
    if (json_member(root, "data_base64") != NULL) {
        return flaw_base64;
    }
    return event->data != NULL && !cJSON_IsObject(event->data) ? flaw_data : NULL;
}

const char *cloudevent_open_binary(struct bytes attributes, const cJSON *data, struct cloudevent *event)
{
    struct cloudevent_attribute version = property_attribute(attributes, "specversion");
    *event = (struct cloudevent){.id = property_attribute(attributes, "id"),
                                 .source = property_attribute(attributes, "source"),
                                 .type = property_attribute(attributes, "type"),
                                 .subject = property_attribute(attributes, "subject"),
                                 .data = data};
    if (!is_text(&version, bytes_of_string("1.0"))) {
        return flaw_version;
    }
    return data != NULL && !cJSON_IsObject(data) ? flaw_data : NULL;
}

/* The device alone, or anything that ends in a slash and the device. */
static bool source_is_device(const struct cloudevent_attribute *source, struct bytes device)
{
    if (!source->is_text || source->text.length < device.length) {
        return false;
    }
    size_t before = source->text.length - device.length;
    return bytes_equal(bytes_after(source->text, before), device) &&
           (before == 0 || source->text.data[before - 1] == '/');
}

const char *cloudevent_mismatch(const struct cloudevent *event, const struct parsed_topic *topic)
{
    if (!source_is_device(&event->source, topic->device)) {
        return "source is not the topic's device";
    }
    if (event->type.is_present && !is_text(&event->type, topic->meter)) {
        return "type is not the topic's meter";
    }
    if (event->subject.is_present && !is_text(&event->subject, topic->subject)) {
        return "subject is not the topic's subject";
    }
    return NULL;
}
