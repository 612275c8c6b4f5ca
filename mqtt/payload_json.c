#include "mqtt/payload_json.h"

#include "base/decimal.h"
#include "base/text.h"

/* A document too deep to be taken is still looked at this deep, to report not_json where that applies as
 * well. */
enum { SHAPE_DEPTH_MAX = 500 };

enum status payload_reject(struct rejection *rejection, enum dead_letter_reason reason, const char *detail)
{
    *rejection = (struct rejection){.reason = reason, .detail = detail};
    return STATUS_INVALID;
}

const char *payload_is_object(const cJSON *root, void *context)
{
    (void)context;
    return cJSON_IsObject(root) ? NULL : "the payload is not an object";
}

static enum status reject_json(enum json_error error, struct rejection *rejection)
{
    switch (error) {
    case JSON_OK: return STATUS_OK;
    case JSON_NOT_UTF8: return payload_reject(rejection, DEAD_LETTER_NOT_UTF8, "the payload is not UTF-8");
    case JSON_NOT_JSON: return payload_reject(rejection, DEAD_LETTER_NOT_JSON, "the payload is not JSON");
    case JSON_TOO_DEEP:
        return payload_reject(rejection, DEAD_LETTER_TOO_DEEP, "more than 8 nested objects and arrays");
    case JSON_DUPLICATE_KEY:
        return payload_reject(rejection, DEAD_LETTER_DUPLICATE_KEY, "a key stands twice");
    case JSON_NO_MEMORY: break;
    }
    return payload_reject(rejection, DEAD_LETTER_TOO_LARGE, "the payload does not fit the parser's memory");
}

enum status payload_parse(const struct payload_context *context, const struct message *message,
                          struct payload_shape shape, const cJSON **root, struct rejection *rejection)
{
    if (message->payload_length > context->payload_bytes_max ||
        message->payload.length < message->payload_length) {
        return payload_reject(rejection, DEAD_LETTER_TOO_LARGE, "the payload is over limits.payload_bytes");
    }
    struct json_result result = json_parse(message->payload, PAYLOAD_DEPTH_MAX, context->arena);
    *root = result.root;
    if (result.error == JSON_TOO_DEEP) {
        *root = json_parse(message->payload, SHAPE_DEPTH_MAX, context->arena).root;
    }
    const char *flaw = *root == NULL ? NULL : shape.check(*root, shape.context);
    if (flaw != NULL) {
        return payload_reject(rejection, DEAD_LETTER_NOT_JSON, flaw);
    }
    return reject_json(result.error, rejection);
}

enum status payload_read_name(const cJSON *item, struct name *name)
{
    if (!cJSON_IsString(item) || json_text(item).length == 0 ||
        name_set(name, json_text(item)) != STATUS_OK) {
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

enum status payload_read_amount(const cJSON *item, micro_units *amount)
{
    enum status status = STATUS_INVALID;
    if (cJSON_IsString(item)) {
        status = micro_units_parse(json_text(item), amount);
    } else if (cJSON_IsNumber(item)) {
        status = micro_units_parse_number(json_number_text(item), amount);
    }
    return status == STATUS_OK ? STATUS_OK : STATUS_INVALID;
}

enum status payload_read_integer(const cJSON *item, int64_t least, int64_t most, int64_t *value)
{
    int64_t read;
    if (!cJSON_IsNumber(item) || decimal_scaled(json_number_text(item), 0, &read) != STATUS_OK ||
        read < least || read > most) {
        return STATUS_INVALID;
    }
    *value = read;
    return STATUS_OK;
}

/* Raw JSON of a scalar; length 0 when it is none, or too long. */
static struct bytes scalar_text(const struct payload_context *context, const cJSON *item)
{
    if (cJSON_IsNumber(item)) {
        return json_number_text(item);
    }
    if (cJSON_IsBool(item)) {
        return bytes_of_string(cJSON_IsTrue(item) ? "true" : "false");
    }
    if (cJSON_IsNull(item)) {
        return bytes_of_string("null");
    }
    char *storage = cJSON_IsString(item) ? arena_take(context->arena, CORRELATION_BYTES_MAX) : NULL;
    if (storage == NULL) {
        return bytes_of(NULL, 0);
    }
    struct text text = text_of(storage, CORRELATION_BYTES_MAX);
    json_string(&text, json_text(item));
    return text.overflowed ? bytes_of(NULL, 0) : text_bytes(&text);
}

static bool is_taken_by_route(const struct payload_context *context, struct bytes topic)
{
    for (size_t i = 0; i < context->route_count; i++) {
        if (template_meets(route_text_bytes(&context->routes[i].topic), topic)) {
            return true;
        }
    }
    return false;
}

static struct bytes allowed_response(const struct payload_context *context, struct bytes topic, bool *ignored)
{
    if (topic.length > 0 &&
        (!topic_is_allowed_response(context->topics, topic) || is_taken_by_route(context, topic))) {
        *ignored = true;
        return bytes_of(NULL, 0);
    }
    return topic;
}

struct answer_address payload_answer_address(const struct payload_context *context,
                                             const struct message *message, struct bytes reply_to,
                                             struct bytes cid, bool *ignored)
{
    struct bytes wanted = message->response_topic.length > 0 ? message->response_topic : reply_to;
    struct answer_address address = {.qos = message->qos == 0 ? 0 : 1};
    address.response_topic = allowed_response(context, wanted, ignored);
    address.has_correlation =
        message->has_correlation && message->correlation.length <= CORRELATION_BYTES_MAX;
    if (address.has_correlation) {
        address.correlation = message->correlation;
    }
    if (cid.length <= CORRELATION_BYTES_MAX) {
        address.cid = cid;
    }
    *ignored = *ignored || cid.length > CORRELATION_BYTES_MAX ||
               (message->has_correlation && !address.has_correlation);
    return address;
}

struct answer_address payload_read_address(const struct payload_context *context,
                                           const struct message *message, const cJSON *object, bool *ignored)
{
    const cJSON *reply_to = json_member(object, "reply_to");
    const cJSON *cid = json_member(object, "cid");
    struct bytes topic = bytes_of(NULL, 0);
    struct bytes cid_text = cid == NULL ? topic : scalar_text(context, cid);
    if (cJSON_IsString(reply_to)) {
        topic = json_text(reply_to);
    }
    bool unreadable = (reply_to != NULL && topic.length == 0) || (cid != NULL && cid_text.length == 0);
    *ignored = *ignored || unreadable;
    return payload_answer_address(context, message, topic, cid_text, ignored);
}
