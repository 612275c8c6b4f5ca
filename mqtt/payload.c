#include "mqtt/payload.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "mqtt/cloudevent.h"
#include "mqtt/payload_json.h"

#define DEVICE_SEQ_MOST (1LL << 53)

/* Stored hashes depend on it: never change it. */
static const struct hash_key event_hash_key = {.low = 0x666c7962616c6c2dU, .high = 0x6576656e742d7631U};

/* What a payload turned out to be. */
struct envelope {
    struct bytes attributes;
    bool is_cloudevent;
    struct cloudevent cloudevent;
    const cJSON *data; /* Where the contract's keys are; NULL stands for {}. */
};

size_t payload_arena_bytes(size_t payload_bytes)
{
    /* Beside the tree: a cid, and a foreign device's decide topic. */
    return json_arena_bytes(payload_bytes) + CORRELATION_BYTES_MAX + DECIDE_TOPIC_BYTES_MAX + 64;
}

/* Each part is hashed under a key made from the parts before it, so their borders count too. */
uint64_t payload_hash(struct bytes meter, struct bytes payload, struct bytes attributes)
{
    struct hash_key key = event_hash_key;
    key.low ^= hash_bytes(key, meter);
    if (attributes.length > 0) {
        key.high ^= hash_bytes(key, attributes);
    }
    return hash_bytes(key, payload);
}

static const char *open_envelope(const cJSON *root, void *context)
{
    struct envelope *envelope = context;
    const char *flaw;
    if (cloudevent_is_binary(envelope->attributes)) {
        envelope->is_cloudevent = true;
        flaw = cloudevent_open_binary(envelope->attributes, root, &envelope->cloudevent);
        envelope->data = root;
        return flaw;
    }
    flaw = payload_is_object(root, NULL);
    envelope->data = root;
    if (flaw == NULL && cloudevent_is_structured(root)) {
        envelope->is_cloudevent = true;
        flaw = cloudevent_open_structured(root, &envelope->cloudevent);
        envelope->data = envelope->cloudevent.data;
    }
    return flaw;
}

static enum status read_envelope(const struct payload_context *context, const struct message *message,
                                 struct envelope *envelope, struct rejection *rejection)
{
    *envelope = (struct envelope){.attributes = message->attributes};
    if (message->payload_length == 0 && cloudevent_is_binary(message->attributes)) {
        const char *flaw = open_envelope(NULL, envelope);
        return flaw == NULL ? STATUS_OK : payload_reject(rejection, DEAD_LETTER_NOT_JSON, flaw);
    }
    const cJSON *root;
    struct payload_shape shape = {.check = open_envelope, .context = envelope};
    return payload_parse(context, message, shape, &root, rejection);
}

static const char *find_mismatch(const struct envelope *envelope, const struct parsed_topic *topic)
{
    const char *mismatch = envelope->is_cloudevent ? cloudevent_mismatch(&envelope->cloudevent, topic) : NULL;
    if (mismatch != NULL) {
        return mismatch;
    }
    const cJSON *device = json_member(envelope->data, "device");
    if (device != NULL && !(cJSON_IsString(device) && bytes_equal(json_text(device), topic->device))) {
        return "device is not the topic's device";
    }
    return NULL;
}

/* What a property brings is not checked yet: it may be empty, hold NUL or be no UTF-8. */
static bool is_id_text(const struct cloudevent_attribute *attribute)
{
    struct bytes text = attribute->text;
    return attribute->is_text && text.length > 0 && utf8_is_valid(text) &&
           memchr(text.data, 0, text.length) == NULL;
}

static bool read_id(const struct envelope *envelope, struct name *id)
{
    if (envelope->is_cloudevent) {
        const struct cloudevent_attribute *attribute = &envelope->cloudevent.id;
        return is_id_text(attribute) && name_set(id, attribute->text) == STATUS_OK;
    }
    const cJSON *item = json_member(envelope->data, "id");
    return item == NULL || payload_read_name(item, id) == STATUS_OK;
}

static bool read_device_seq(const cJSON *data, struct event *event)
{
    const cJSON *item = json_member(data, "device_seq");
    int64_t device_seq = 0;
    event->has_device_seq = item != NULL;
    if (item != NULL && payload_read_integer(item, 0, DEVICE_SEQ_MOST, &device_seq) != STATUS_OK) {
        return false;
    }
    event->device_seq = (uint64_t)device_seq;
    const cJSON *boot = json_member(data, "boot");
    return boot == NULL || (cJSON_IsString(boot) && name_set(&event->boot, json_text(boot)) == STATUS_OK);
}

static bool read_amount(const cJSON *data, micro_units *amount)
{
    const cJSON *item = json_member(data, "amount");
    *amount = MICRO_UNITS_ONE;
    return item == NULL || payload_read_amount(item, amount) == STATUS_OK;
}

static const char *set_identity(const struct parsed_topic *topic, struct event *event)
{
    if (name_set(&event->subject, topic->subject) != STATUS_OK ||
        name_set(&event->device, topic->device) != STATUS_OK ||
        name_set(&event->meter, topic->meter) != STATUS_OK) {
        return "a segment is too long";
    }
    return NULL;
}

static enum status read_event(const struct envelope *envelope, const struct parsed_topic *topic,
                              struct event *event, struct rejection *rejection)
{
    const char *mismatch = find_mismatch(envelope, topic);
    if (mismatch != NULL) {
        return payload_reject(rejection, DEAD_LETTER_IDENTITY_MISMATCH, mismatch);
    }
    if (!read_id(envelope, &event->id)) {
        return payload_reject(rejection, DEAD_LETTER_BAD_ID, "id is not a string of 1 to 64 bytes");
    }
    if (!read_device_seq(envelope->data, event)) {
        return payload_reject(
            rejection, DEAD_LETTER_BAD_ID,
            "device_seq is no integer from 0 to 2^53, or boot no string of at most 64 bytes");
    }
    if (!read_amount(envelope->data, &event->amount)) {
        return payload_reject(rejection, DEAD_LETTER_BAD_AMOUNT,
                              "amount is no number from 0 with at most 6 decimals");
    }
    return STATUS_OK;
}

enum status payload_decode(const struct payload_context *context, const struct message *message,
                           const struct parsed_topic *topic, struct decoded_event *decoded,
                           struct rejection *rejection)
{
    memset(decoded, 0, sizeof *decoded);
    const char *flaw =
        topic->kind == TOPIC_EVENT ? set_identity(topic, &decoded->event) : "not an event's topic";
    if (flaw != NULL) {
        return payload_reject(rejection, DEAD_LETTER_BAD_TOPIC, flaw);
    }
    struct envelope envelope;
    if (read_envelope(context, message, &envelope, rejection) != STATUS_OK ||
        read_event(&envelope, topic, &decoded->event, rejection) != STATUS_OK) {
        return STATUS_INVALID;
    }
    bool is_binary = cloudevent_is_binary(message->attributes);
    decoded->event.bytes_hash =
        payload_hash(topic->meter, message->payload, is_binary ? message->attributes : bytes_of(NULL, 0));
    decoded->address = payload_read_address(context, message, envelope.data, &decoded->address_ignored);
    return STATUS_OK;
}
