#include "tests/simulation/ask.h"

#include <string.h>

#include "base/hash.h"
#include "base/pack.h"

struct message ask_message(const struct ask *ask)
{
    return (struct message){
        .topic = bytes_of_string(ask->topic),
        .payload = bytes_of(ask->payload, ask->payload_length),
        .payload_length = ask->payload_length,
        .qos = ask->qos,
        .response_topic = bytes_of_string(ask->response_topic),
        .has_correlation = ask->cid_is_property,
        .correlation = ask->cid_is_property ? bytes_of_string(ask->cid) : bytes_of(NULL, 0),
        .attributes = bytes_of(ask->attributes, ask->attributes_length),
    };
}

static uint64_t key_of(uint8_t kind, struct bytes parts[3], uint64_t number)
{
    uint8_t buffer[512];
    struct packer packer = packer_of(buffer, sizeof buffer);
    pack_u8(&packer, kind);
    for (int i = 0; i < 3; i++) {
        pack_bytes(&packer, parts[i]);
    }
    pack_u64(&packer, number);
    return hash_bytes((struct hash_key){1, 2}, packer_bytes(&packer)) | 1;
}

uint64_t ask_key_of_id(struct bytes subject, struct bytes device, struct bytes id)
{
    struct bytes parts[3] = {subject, device, id};
    return key_of(1, parts, 0);
}

uint64_t ask_key_of_device_seq(struct bytes subject, struct bytes device, struct bytes boot,
                               uint64_t device_seq)
{
    struct bytes parts[3] = {subject, device, boot};
    return key_of(2, parts, device_seq);
}

uint64_t ask_key_of_command(struct bytes subject, enum governor_kind governor, struct bytes id)
{
    struct bytes parts[3] = {subject, id, bytes_of_string("")};
    return key_of(3, parts, (uint64_t)governor);
}

uint64_t ask_command_hash(struct bytes payload)
{
    /* As docs/state-format.md says: stored, so it never changes. */
    return hash_bytes((struct hash_key){.low = 0x666c7962616c6c2dU, .high = 0x636f6d6d616e6431U}, payload);
}
