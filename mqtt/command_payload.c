#include "mqtt/command_payload.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "mqtt/payload_json.h"

#define INTEGER_MOST (1LL << 53) /* Up to here every JSON reader tells whole numbers apart. */

/* Stored hashes depend on it: never change it. */
static const struct hash_key command_hash_key = {.low = 0x666c7962616c6c2dU, .high = 0x636f6d6d616e6431U};

/* Reads members of one object; the first flaw sticks. */
struct reader {
    const cJSON *object;
    const char *flaw;
};

static void note_flaw(struct reader *reader, const char *flaw)
{
    if (reader->flaw == NULL) {
        reader->flaw = flaw;
    }
}

static void read_name(struct reader *reader, const char *key, struct name *name, const char *flaw)
{
    if (payload_read_name(json_member(reader->object, key), name) != STATUS_OK) {
        note_flaw(reader, flaw);
    }
}

static void read_optional_name(struct reader *reader, const char *key, struct name *name, const char *flaw)
{
    if (json_member(reader->object, key) != NULL) {
        read_name(reader, key, name, flaw);
    }
}

static void read_amount(struct reader *reader, const char *key, micro_units *amount, const char *flaw)
{
    if (payload_read_amount(json_member(reader->object, key), amount) != STATUS_OK) {
        note_flaw(reader, flaw);
    }
}

static void read_instant(struct reader *reader, const char *key, instant_ms *instant, const char *flaw)
{
    const cJSON *item = json_member(reader->object, key);
    if (!cJSON_IsString(item) || instant_parse(json_text(item), instant) != STATUS_OK) {
        note_flaw(reader, flaw);
    }
}

static void read_optional_instant(struct reader *reader, const char *key, instant_ms *instant,
                                  const char *flaw)
{
    if (json_member(reader->object, key) != NULL) {
        read_instant(reader, key, instant, flaw);
    }
}

static void read_features(struct reader *reader, struct command *command)
{
    static const char flaw[] = "features is no list of at most 8 strings of 1 to 64 bytes";
    const cJSON *list = json_member(reader->object, "features");
    if (list == NULL) {
        return;
    }
    if (!cJSON_IsArray(list)) {
        note_flaw(reader, flaw);
        return;
    }
    for (const cJSON *item = list->child; item != NULL; item = item->next) {
        if (command->feature_count == GRANT_FEATURES_MAX ||
            payload_read_name(item, &command->features[command->feature_count]) != STATUS_OK) {
            note_flaw(reader, flaw);
            return;
        }
        command->feature_count++;
    }
}

static void read_grant(struct reader *reader, struct command *command)
{
    read_name(reader, "plan", &command->plan, "plan is no string of 1 to 64 bytes");
    read_features(reader, command);
    command->expires_at = INSTANT_NEVER;
    read_optional_instant(reader, "starts_at", &command->starts_at, "starts_at is no RFC 3339 time");
    read_optional_instant(reader, "expires_at", &command->expires_at, "expires_at is no RFC 3339 time");
    const cJSON *grace = json_member(reader->object, "grace_ms");
    if (grace != NULL && payload_read_integer(grace, 0, INTEGER_MOST, &command->grace_ms) != STATUS_OK) {
        note_flaw(reader, "grace_ms is no integer from 0");
    }
}

static void read_credit(struct reader *reader, struct command *command)
{
    static const char flaw[] = "amount is no amount above 0";
    read_amount(reader, "amount", &command->amount, flaw);
    if (command->amount == 0) {
        note_flaw(reader, flaw);
    }
    int64_t priority = 0;
    const cJSON *item = json_member(reader->object, "priority");
    if (item != NULL && payload_read_integer(item, INT32_MIN, INT32_MAX, &priority) != STATUS_OK) {
        note_flaw(reader, "priority is no 32-bit integer");
    }
    command->priority = (int32_t)priority;
    command->expires_at = INSTANT_NEVER;
    read_optional_instant(reader, "expires_at", &command->expires_at, "expires_at is no RFC 3339 time");
}

static void read_refund(struct reader *reader, struct command *command)
{
    switch (command->governor) {
    case GOVERNOR_BILLING:
        read_name(reader, "event", &command->event, "event is no string of 1 to 64 bytes");
        read_name(reader, "device", &command->device, "device is no string of 1 to 64 bytes");
        return;
    case GOVERNOR_QUOTA:
        read_amount(reader, "amount", &command->amount, "amount is no amount");
        read_optional_name(reader, "name", &command->name, "name is no string of 1 to 64 bytes");
        return;
    case GOVERNOR_ENTITLEMENT: break;
    }
    abort(); /* Entitlement refunds nothing. */
}

static void read_fields(struct reader *reader, struct command *command)
{
    switch (command->op) {
    case OP_GRANT: read_grant(reader, command); return;
    case OP_EXTEND:
        read_instant(reader, "expires_at", &command->expires_at, "expires_at is no RFC 3339 time");
        return;
    case OP_REFUND: read_refund(reader, command); return;
    case OP_SET_LIMIT:
        read_name(reader, "name", &command->name, "name is no string of 1 to 64 bytes");
        read_amount(reader, "limit", &command->limit, "limit is no amount");
        return;
    case OP_CREDIT: read_credit(reader, command); return;
    case OP_SUSPEND:
    case OP_RESUME:
    case OP_REVOKE:
    case OP_RESET:
    case OP_CLOSE: return;
    }
    abort(); /* Corrupt op. */
}

static const char *read_command(const cJSON *root, struct command *command)
{
    struct reader reader = {.object = root};
    read_name(&reader, "id", &command->id, "id is no string of 1 to 64 bytes");
    const cJSON *op = json_member(root, "op");
    if (!cJSON_IsString(op) ||
        command_op_of_name(command->governor, json_text(op), &command->op) != STATUS_OK) {
        note_flaw(&reader, "op is none of this governor's");
        return reader.flaw;
    }
    read_fields(&reader, command);
    return reader.flaw;
}

enum status command_payload_decode(const struct payload_context *context, const struct message *message,
                                   const struct parsed_topic *topic, struct decoded_command *decoded,
                                   struct rejection *rejection)
{
    memset(decoded, 0, sizeof *decoded);
    if (topic->kind != TOPIC_COMMAND || name_set(&decoded->subject, topic->subject) != STATUS_OK) {
        return payload_reject(rejection, DEAD_LETTER_BAD_TOPIC, "not a command's topic");
    }
    const cJSON *root;
    struct payload_shape shape = {.check = payload_is_object};
    if (payload_parse(context, message, shape, &root, rejection) != STATUS_OK) {
        return payload_reject(rejection, DEAD_LETTER_BAD_COMMAND, rejection->detail);
    }
    decoded->command.governor = topic->governor;
    const char *flaw = read_command(root, &decoded->command);
    if (flaw != NULL) {
        return payload_reject(rejection, DEAD_LETTER_BAD_COMMAND, flaw);
    }
    decoded->bytes_hash = hash_bytes(command_hash_key, message->payload);
    decoded->address = payload_read_address(context, message, root, &decoded->address_ignored);
    decoded->address.qos = 1;
    return STATUS_OK;
}
