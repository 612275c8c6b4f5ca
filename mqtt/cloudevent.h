/* CloudEvents 1.0: structured (one JSON object) and, with MQTT 5, binary (attributes as user properties). */
#ifndef FLYBALL_MQTT_CLOUDEVENT_H
#define FLYBALL_MQTT_CLOUDEVENT_H

#include "base/json.h"
#include "base/pack.h"
#include "mqtt/dead_letter.h"
#include "mqtt/topic.h"

/* One attribute: a string, or present with another type. */
struct cloudevent_attribute {
    bool is_present;
    bool is_text;
    struct bytes text;
};

struct cloudevent {
    struct cloudevent_attribute id;
    struct cloudevent_attribute source;
    struct cloudevent_attribute type;
    struct cloudevent_attribute subject;
    const cJSON *data; /* An object; NULL stands for {}. */
};

/* Packs a user property for struct message.attributes if its name is one the agent reads (id, source, type,
 * subject, specversion); others are skipped. */
void attributes_pack_add(struct packer *packer, struct bytes name, struct bytes value);

/* The first attribute of that name. STATUS_NOT_FOUND if there is none. */
MUST_USE enum status attributes_get(struct bytes attributes, const char *name, struct bytes *value);

/* Whether the user properties make the message a CloudEvent in binary mode: `specversion` is there. */
bool cloudevent_is_binary(struct bytes attributes);

/* Whether the object is a structured CloudEvent: `specversion` is there. */
bool cloudevent_is_structured(const cJSON *root);

/* Why the envelope is none (a not_json rejection's detail), or NULL: specversion is "1.0", `data` an object
 * or absent. */
const char *cloudevent_open_structured(const cJSON *root, struct cloudevent *event);

/* The same in binary mode; `data` is the payload's object, or NULL for an empty payload. */
const char *cloudevent_open_binary(struct bytes attributes, const cJSON *data, struct cloudevent *event);

/* Why the event does not speak for its topic (an identity_mismatch rejection's detail), or NULL. */
const char *cloudevent_mismatch(const struct cloudevent *event, const struct parsed_topic *topic);

#endif
