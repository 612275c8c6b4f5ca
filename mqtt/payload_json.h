/* What every decoder of JSON payloads shares: parsing with the contract's reasons, and reading single values.
 */
#ifndef FLYBALL_MQTT_PAYLOAD_JSON_H
#define FLYBALL_MQTT_PAYLOAD_JSON_H

#include "base/json.h"
#include "base/micro_units.h"
#include "mqtt/payload.h"

/* Why a document that is JSON is not the one expected (a not_json rejection's detail), or NULL. */
typedef const char *payload_shape_check(const cJSON *root, void *context);

struct payload_shape {
    payload_shape_check *check; /* May be called with a document that is too deep or has duplicate keys. */
    void *context;
};

/* Sets *rejection and returns STATUS_INVALID, so that a decoder can refuse in one line. */
enum status payload_reject(struct rejection *rejection, enum dead_letter_reason reason, const char *detail);

/* Size, UTF-8, JSON, shape, depth and duplicate keys, in the contract's order. */
MUST_USE enum status payload_parse(const struct payload_context *context, const struct message *message,
                                   struct payload_shape shape, const cJSON **root,
                                   struct rejection *rejection);

/* A shape: anything but an object is refused. */
const char *payload_is_object(const cJSON *root, void *context);

/* A string of 1 to 64 bytes, as ids and names are; STATUS_INVALID for anything else, NULL included. */
MUST_USE enum status payload_read_name(const cJSON *item, struct name *name);

/* A number or a string as the contract's amounts are; STATUS_INVALID for anything else, NULL included. */
MUST_USE enum status payload_read_amount(const cJSON *item, micro_units *amount);

/* A whole number from `least` to `most`; STATUS_INVALID for anything else, NULL included. */
MUST_USE enum status payload_read_integer(const cJSON *item, int64_t least, int64_t most, int64_t *value);

/* Where the answer goes, with `reply_to` and `cid` read from the payload's object. */
struct answer_address payload_read_address(const struct payload_context *context,
                                           const struct message *message, const cJSON *object, bool *ignored);

#endif
