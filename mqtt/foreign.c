#include "mqtt/foreign.h"

#include <string.h>

#include "base/decimal.h"
#include "base/json_pointer.h"
#include "base/text.h"
#include "mqtt/payload_json.h"

enum status foreign_route(const struct route *routes, size_t route_count, const struct message *message,
                          struct routed_message *routed)
{
    for (size_t i = 0; i < route_count; i++) {
        struct bytes template = route_text_bytes(&routes[i].topic);
        if (template_match(template, message->topic, &routed->captures) == STATUS_OK) {
            routed->message = message;
            routed->route = &routes[i];
            return STATUS_OK;
        }
    }
    return STATUS_NOT_FOUND;
}

static bool fill_segment(const struct route_text *template, const struct captures *captures,
                         struct name *name)
{
    struct route_text filled;
    return template_fill(route_text_bytes(template), captures, &filled) == STATUS_OK &&
           name_is_segment(route_text_bytes(&filled)) &&
           name_set(name, route_text_bytes(&filled)) == STATUS_OK;
}

static bool fill_identity(const struct routed_message *routed, struct event *event)
{
    const struct route *route = routed->route;
    return fill_segment(&route->subject, &routed->captures, &event->subject) &&
           fill_segment(&route->device, &routed->captures, &event->device) &&
           fill_segment(&route->meter, &routed->captures, &event->meter);
}

/* Sets the three decide parts; the topic lives in the arena. */
static bool fill_decide(const struct payload_context *context, const struct routed_message *routed,
                        struct answer_address *address)
{
    const struct route *route = routed->route;
    if (!route->has_decide) {
        return true;
    }
    struct route_text filled;
    char *storage = arena_take(context->arena, DECIDE_TOPIC_BYTES_MAX);
    if (storage == NULL ||
        template_fill(route_text_bytes(&route->decide_topic), &routed->captures, &filled) != STATUS_OK ||
        filled.length > DECIDE_TOPIC_BYTES_MAX) {
        return false;
    }
    memcpy(storage, filled.text, filled.length);
    address->decide_topic = bytes_of(storage, filled.length);
    address->decide_allow = route_text_bytes(&route->decide_allow);
    address->decide_deny = route_text_bytes(&route->decide_deny);
    return true;
}

/* Whole numbers name an event by their decimal digits. */
static bool read_number_id(const cJSON *item, struct name *id)
{
    int64_t number;
    if (!cJSON_IsNumber(item) || decimal_scaled(json_number_text(item), 0, &number) != STATUS_OK) {
        return false;
    }
    char digits[24];
    struct text text = text_of(digits, sizeof digits);
    text_put_signed(&text, number);
    return name_set(id, text_bytes(&text)) == STATUS_OK;
}

static bool read_id(const struct route *route, const cJSON *root, struct name *id)
{
    if (!route->has_id) {
        return true;
    }
    const cJSON *item = json_pointer_find(root, route_text_bytes(&route->id_pointer));
    return payload_read_name(item, id) == STATUS_OK || read_number_id(item, id);
}

static bool read_amount(const struct route *route, const cJSON *root, micro_units *amount)
{
    *amount = MICRO_UNITS_ONE;
    if (!route->has_amount) {
        return true;
    }
    const cJSON *item = json_pointer_find(root, route_text_bytes(&route->amount_pointer));
    return payload_read_amount(item, amount) == STATUS_OK;
}

static const char *any_value(const cJSON *root, void *context)
{
    (void)root;
    (void)context;
    return NULL;
}

enum status foreign_decode(const struct payload_context *context, const struct routed_message *routed,
                           struct foreign_event *foreign, struct rejection *rejection)
{
    memset(foreign, 0, sizeof *foreign);
    struct event *event = &foreign->decoded.event;
    if (!fill_identity(routed, event)) {
        return payload_reject(rejection, DEAD_LETTER_BAD_TOPIC, "the route gives no segment");
    }
    const struct message *message = routed->message;
    const cJSON *root;
    struct payload_shape shape = {.check = any_value};
    if (payload_parse(context, message, shape, &root, rejection) != STATUS_OK) {
        return STATUS_INVALID;
    }
    if (!read_id(routed->route, root, &event->id)) {
        return payload_reject(rejection, DEAD_LETTER_BAD_ID, "the id pointer finds no id");
    }
    if (!read_amount(routed->route, root, &event->amount)) {
        return payload_reject(rejection, DEAD_LETTER_BAD_AMOUNT, "the amount pointer finds no amount");
    }
    struct bytes none = bytes_of(NULL, 0);
    foreign->amount_kind = routed->route->has_amount ? routed->route->amount_kind : AMOUNT_GAUGE;
    event->bytes_hash = payload_hash(name_bytes(&event->meter), message->payload, none);
    foreign->decoded.address =
        payload_answer_address(context, message, none, none, &foreign->decoded.address_ignored);
    if (!fill_decide(context, routed, &foreign->decoded.address)) {
        return payload_reject(rejection, DEAD_LETTER_BAD_TOPIC, "the route's decide topic is too long");
    }
    return STATUS_OK;
}
