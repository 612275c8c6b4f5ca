/* Topics and routes. Input: a byte that says what there is, then response topic and correlation data, the
 * topic, and the routes as configured, each ended by FF, then the payload. */
#include <stdalign.h>
#include <string.h>

#include "base/json_pointer.h"
#include "config/sections.h"
#include "mqtt/foreign.h"
#include "tests/fuzz/amount_model.h"
#include "tests/fuzz/config_check.h"
#include "tests/fuzz/event_check.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/json_model.h"

enum { ROUTES_MOST = 4, ROUTES_BYTES_MAX = 4096, ROUTES_DEPTH_MAX = 8 };

static const char root[] = "flyball/v1";

static void require_topic_back(const struct text *built, struct bytes topic)
{
    fuzz_require(!built->overflowed && bytes_equal(text_bytes(built), topic),
                 "a topic built from its parts is the topic");
}

/* A topic of the agent's own, put together again. */
static void check_own_topic(struct bytes topic, const struct parsed_topic *parsed)
{
    const struct topics *topics = check_topics();
    char storage[TOPIC_BYTES_MAX];
    struct text text = text_of(storage, sizeof storage);
    struct name subject, device;
    if (parsed->kind == TOPIC_EVENT || parsed->kind == TOPIC_COMMAND) {
        fuzz_require(name_is_segment(parsed->subject) && name_set(&subject, parsed->subject) == STATUS_OK,
                     "a subject is a segment");
    }
    if (parsed->kind == TOPIC_EVENT) {
        fuzz_require(name_is_segment(parsed->device) && name_set(&device, parsed->device) == STATUS_OK &&
                         name_is_segment(parsed->meter),
                     "device and meter are segments");
        text_put_string(&text, "flyball/v1/event/");
        text_put(&text, parsed->subject);
        text_put_string(&text, "/");
        text_put(&text, parsed->device);
        text_put_string(&text, "/");
        text_put(&text, parsed->meter);
        require_topic_back(&text, topic);
        text.length = 0;
        topic_put_decision(&text, topics, &subject, &device);
        fuzz_require(!text.overflowed && topic_is_allowed_response(topics, text_bytes(&text)),
                     "the ordinary topic of a decision is one that is allowed");
        fuzz_require(topic_parse(topics, text_bytes(&text)).kind == TOPIC_FOREIGN,
                     "a decision's topic is never taken for an event's");
    } else if (parsed->kind == TOPIC_COMMAND) {
        text_put_string(&text, "flyball/v1/command/");
        text_put(&text, parsed->subject);
        text_put_string(&text, "/");
        text_put_string(&text, governor_name(parsed->governor));
        require_topic_back(&text, topic);
        text.length = 0;
        topic_put_state(&text, topics, &subject, parsed->governor);
        fuzz_require(!text.overflowed, "a state's topic fits");
    } else if (parsed->kind == TOPIC_CONFIG_DESIRED || parsed->kind == TOPIC_CANARY) {
        topic_put_agent(&text, topics,
                        parsed->kind == TOPIC_CANARY ? AGENT_TOPIC_CANARY : AGENT_TOPIC_CONFIG_DESIRED);
        require_topic_back(&text, topic);
    }
}

/* Whether an answer may be sent to a topic that the agent would take for something it was asked. */
static void check_response(struct bytes topic)
{
    if (topic_is_allowed_response(check_topics(), topic)) {
        enum topic_kind kind = topic_parse(check_topics(), topic).kind;
        fuzz_require(kind == TOPIC_FOREIGN, "an answer never becomes a question");
    }
}

/* MQTT's rule for + and nothing else: level by level. */
static bool filter_covers(struct bytes filter, struct bytes topic)
{
    size_t f = 0, t = 0;
    while (f < filter.length && t < topic.length) {
        if (filter.data[f] == '+') {
            f++;
            while (t < topic.length && topic.data[t] != '/') {
                t++;
            }
        } else if (filter.data[f++] != topic.data[t++]) {
            return false;
        }
    }
    return f == filter.length && t == topic.length;
}

static void check_captures(const struct routed_message *routed)
{
    struct bytes template = route_text_bytes(&routed->route->topic);
    struct bytes topic = routed->message->topic;
    struct route_text filled, filter;
    for (uint8_t i = 0; i < routed->captures.count; i++) {
        fuzz_require(name_is_segment(routed->captures.items[i].value), "what is captured is a segment");
    }
    enum status status = template_fill(template, &routed->captures, &filled);
    /* Captures may be longer than their names. */
    fuzz_require(status == STATUS_TOO_LARGE ||
                     (status == STATUS_OK && bytes_equal(route_text_bytes(&filled), topic)),
                 "a template filled with what it captured is the topic");
    fuzz_require(template_filter(template, &filter) == STATUS_OK &&
                     filter_covers(route_text_bytes(&filter), topic),
                 "the subscription brings what the route takes");
}

/* The route's pointers, followed another way: by json_pointer_find over a tree of the harness's own. */
static void check_values(const struct routed_message *routed, const struct foreign_event *foreign)
{
    static alignas(16) uint8_t storage[2048 + 48 * CHECK_PAYLOAD_MAX];
    struct arena arena;
    arena_init(&arena, storage, sizeof storage);
    const struct route *route = routed->route;
    struct json_result json = json_parse(routed->message->payload, PAYLOAD_DEPTH_MAX, &arena);
    fuzz_require(json.error == JSON_OK, "what is accepted is JSON");
    int64_t amount = MICRO_UNITS_ONE;
    if (route->has_amount) {
        const cJSON *item = json_pointer_find(json.root, route_text_bytes(&route->amount_pointer));
        fuzz_require(cJSON_IsString(item)
                         ? model_amount_of_string(json_text(item), &amount)
                         : cJSON_IsNumber(item) && model_amount_of_number(json_number_text(item), &amount),
                     "the pointer finds an amount");
    }
    fuzz_require(foreign->decoded.event.amount == amount, "the amount is what the pointer finds");
    fuzz_require(name_is_empty(&foreign->decoded.event.id) == !route->has_id,
                 "an event has an id if its route says where");
}

static void check_decide(const struct routed_message *routed, const struct foreign_event *foreign)
{
    const struct answer_address *address = &foreign->decoded.address;
    fuzz_require((address->decide_topic.length > 0) == routed->route->has_decide,
                 "a route that decides does");
    if (address->decide_topic.length == 0) {
        return;
    }
    struct bytes topic = address->decide_topic;
    fuzz_require(topic.length <= DECIDE_TOPIC_BYTES_MAX && json_model_of(topic).is_utf8 &&
                     memchr(topic.data, '+', topic.length) == NULL &&
                     memchr(topic.data, '#', topic.length) == NULL &&
                     memchr(topic.data, '\0', topic.length) == NULL,
                 "a device is told on a topic without wildcards");
    fuzz_require(topic_parse(check_topics(), topic).kind == TOPIC_FOREIGN,
                 "a device is not told on the agent's own topics");
    fuzz_require(!bytes_equal(topic, routed->message->topic), "what a device is told is no reading of it");
}

static void check_message(const struct message *message, const struct route *routes, size_t count)
{
    struct payload_context context = check_context();
    struct routed_message routed;
    struct foreign_event foreign;
    struct rejection rejection = {.reason = (enum dead_letter_reason)DEAD_LETTER_REASONS};
    if (foreign_route(routes, count, message, &routed) != STATUS_OK) {
        return;
    }
    check_captures(&routed);
    if (foreign_decode(&context, &routed, &foreign, &rejection) != STATUS_OK) {
        check_rejection(message, &rejection);
        return;
    }
    check_event(&context, message, &foreign.decoded);
    check_values(&routed, &foreign);
    check_decide(&routed, &foreign);
    check_decision(&foreign.decoded);
}

/* How many; 0 if they cannot be configured. */
static size_t read_table(struct bytes text, struct route *routes)
{
    static alignas(16) uint8_t storage[2048 + 48 * ROUTES_BYTES_MAX];
    static struct config_errors errors;
    struct arena arena;
    struct config_reader reader;
    arena_init(&arena, storage, sizeof storage);
    if (text.length > ROUTES_BYTES_MAX) {
        return 0;
    }
    struct json_result json = json_parse(text, ROUTES_DEPTH_MAX, &arena);
    if (json.error != JSON_OK || !cJSON_IsArray(json.root) || cJSON_GetArraySize(json.root) > ROUTES_MOST) {
        return 0;
    }
    errors.count = 0;
    errors.dropped = 0;
    reader_init(&reader, &errors, &arena);
    memset(routes, 0, ROUTES_MOST * sizeof *routes);
    read_routes(&reader, json.root, root, routes);
    check_errors(&errors, json.root, "/routes");
    return errors.count > 0 ? 0 : (size_t)cJSON_GetArraySize(json.root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct route routes[ROUTES_MOST];
    struct fuzz_input input = {.rest = bytes_of(data, size)};
    struct message message = {0};
    check_take_properties(&input, &message);
    message.topic = fuzz_part(&input);
    struct bytes table = fuzz_part(&input);
    message.payload = fuzz_rest(&input);
    message.payload_length = message.payload.length;
    if (memchr(message.topic.data, 0, message.topic.length) != NULL) {
        return 0; /* No broker lets it through. */
    }
    struct parsed_topic parsed = topic_parse(check_topics(), message.topic);
    check_own_topic(message.topic, &parsed);
    check_response(message.topic);
    check_response(message.response_topic);
    size_t count = read_table(table, routes);
    if (parsed.kind == TOPIC_FOREIGN && count > 0) {
        check_message(&message, routes, count);
    }
    return 0;
}
