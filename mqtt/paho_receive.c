#include <string.h>

#include "base/pack.h"
#include "mqtt/cloudevent.h"
#include "mqtt/paho_state.h"

static struct bytes length_string(MQTTLenString string)
{
    return bytes_of(string.data, (size_t)string.len);
}

static void take_property(struct message *message, struct packer *attributes, const MQTTProperty *property)
{
    if (property->identifier == MQTTPROPERTY_CODE_RESPONSE_TOPIC) {
        message->response_topic = length_string(property->value.data);
    } else if (property->identifier == MQTTPROPERTY_CODE_CORRELATION_DATA) {
        message->has_correlation = true;
        message->correlation = length_string(property->value.data);
    } else if (property->identifier == MQTTPROPERTY_CODE_USER_PROPERTY) {
        attributes_pack_add(attributes, length_string(property->value.data),
                            length_string(property->value.value));
    }
}

/* Always 1: 0 would not hold the acknowledgement back, but stall what comes after. */
int paho_receive(void *context, char *topic, int topic_length, MQTTAsync_message *arrived)
{
    struct paho_client *client = context;
    struct packer attributes = packer_of(client->attributes, sizeof(client->attributes));
    struct message message = {
        .topic = bytes_of(topic, topic_length > 0 ? (size_t)topic_length : strlen(topic)),
        .payload = bytes_of(arrived->payload, (size_t)arrived->payloadlen),
        .payload_length = (size_t)arrived->payloadlen,
        .qos = (uint8_t)arrived->qos,
    };
    for (int i = 0; i < arrived->properties.count; i++) {
        take_property(&message, &attributes, &arrived->properties.array[i]);
    }
    message.attributes = packer_bytes(&attributes);
    struct paho_arrival arrival = {.retained = arrived->retained != 0, .redelivered = arrived->dup != 0};
    client->callbacks.message(client->callbacks.self, &message, &arrival);
    MQTTAsync_freeMessage(&arrived);
    MQTTAsync_free(topic);
    return 1;
}
