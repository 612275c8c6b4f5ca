#include <string.h>

#include "agent/runtime/message.h"
#include "base/json_pointer.h"
#include "config/fields.h"
#include "config/sections.h"

/* In the order of enum amount_kind. */
static const char *const KINDS[] = {"gauge", "counter", NULL};

static const struct field ROUTE[] = {
    {"topic", FIELD_ROUTE_TEXT, offsetof(struct route, topic), 1, ROUTE_TEXT_MAX, NULL},
    {"subject", FIELD_ROUTE_TEXT, offsetof(struct route, subject), 1, ROUTE_TEXT_MAX, NULL},
    {"device", FIELD_ROUTE_TEXT, offsetof(struct route, device), 1, ROUTE_TEXT_MAX, NULL},
    {"meter", FIELD_ROUTE_TEXT, offsetof(struct route, meter), 1, ROUTE_TEXT_MAX, NULL},
    {"amount", FIELD_ELSEWHERE, 0, 0, 0, NULL},
    {"id", FIELD_ELSEWHERE, 0, 0, 0, NULL},
    {"decide", FIELD_ELSEWHERE, 0, 0, 0, NULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static const struct field AMOUNT[] = {
    {"pointer", FIELD_ROUTE_TEXT, offsetof(struct route, amount_pointer), 0, ROUTE_TEXT_MAX, NULL},
    {"kind", FIELD_CHOICE, offsetof(struct route, amount_kind), 0, 0, KINDS},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static const struct field ID[] = {
    {"pointer", FIELD_ROUTE_TEXT, offsetof(struct route, id_pointer), 0, ROUTE_TEXT_MAX, NULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

static const struct field DECIDE[] = {
    {"topic", FIELD_ROUTE_TEXT, offsetof(struct route, decide_topic), 1, DECIDE_TOPIC_BYTES_MAX, NULL},
    {"allow", FIELD_ROUTE_TEXT, offsetof(struct route, decide_allow), 0, DECIDE_PAYLOAD_BYTES_MAX, NULL},
    {"deny", FIELD_ROUTE_TEXT, offsetof(struct route, decide_deny), 0, DECIDE_PAYLOAD_BYTES_MAX, NULL},
    {NULL, FIELD_ELSEWHERE, 0, 0, 0, NULL},
};

/* What one route is checked against. */
struct route_check {
    const char *root;
    const struct route *earlier;
    size_t earlier_count;
};

static bool is_under_root(const struct route_text *topic, const char *root)
{
    struct bytes bytes = route_text_bytes(topic);
    size_t length = strlen(root);
    return bytes_start_with(bytes, bytes_of_string(root)) &&
           (bytes.length == length || bytes.data[length] == '/');
}

/* Whether a capture could stand for a level of the agent's own topics: it would take its answers for
 * readings, or answer with an event. */
static bool meets_own_topics(const struct route_text *topic, const char *root)
{
    static const char *const tails[] = {"/event/{a}/{b}/{c}", "/command/{a}/{b}", "/decision/{a}/{b}",
                                        "/reply/{a}/{b}",     "/state/{a}/{b}",   "/agent/{a}/{b}",
                                        "/agent/{a}/{b}/{c}"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        char storage[ROUTE_TEXT_MAX];
        struct text own = text_of(storage, sizeof storage);
        text_put_string(&own, root);
        text_put_string(&own, tails[i]);
        if (template_meets(route_text_bytes(topic), text_bytes(&own))) {
            return true;
        }
    }
    return false;
}

/* Topics and payloads are sent as text: NUL cannot be there, a wildcard is caught by the template. */
static bool check_topic(struct config_reader *reader, const struct route_text *topic, const char *root)
{
    if (!template_is_valid(route_text_bytes(topic))) {
        reader_complain_key(
            reader, "topic", CONFIG_FORMAT,
            "must be a topic whose levels are not empty, each literal or {name}; names differ, "
            "at most %d",
            ROUTE_CAPTURES_MAX);
        return false;
    }
    if (!topic_is_sendable(route_text_bytes(topic))) {
        reader_complain_key(reader, "topic", CONFIG_FORMAT,
                            "must not have control characters, noncharacters or more than %d levels",
                            TOPIC_LEVELS_MAX);
        return false;
    }
    if (is_under_root(topic, root)) {
        reader_complain_key(reader, "topic", CONFIG_FORMAT, "must not be under topics.root");
        return false;
    }
    if (meets_own_topics(topic, root)) {
        reader_complain_key(reader, "topic", CONFIG_FORMAT,
                            "must not match the agent's own topics under topics.root");
        return false;
    }
    return true;
}

/* A template that gives one segment. */
static void check_segment(struct config_reader *reader, const char *key, const struct route_text *template,
                          const struct route_text *topic)
{
    struct bytes bytes = route_text_bytes(template);
    bool is_capture = bytes.data[0] == '{';
    if (is_capture ? memchr(bytes.data, '/', bytes.length) != NULL || !template_is_valid(bytes)
                   : !name_is_segment(bytes) || !template_is_valid(bytes)) {
        reader_complain_key(reader, key, CONFIG_FORMAT, "must be a topic segment or one {name}");
        return;
    }
    if (!template_is_filled_by(bytes, route_text_bytes(topic))) {
        reader_complain_key(reader, key, CONFIG_UNKNOWN_REFERENCE, "must name what the topic captures");
    }
}

static void check_pointer(struct config_reader *reader, const struct route_text *pointer)
{
    if (!json_pointer_is_valid(route_text_bytes(pointer))) {
        reader_complain_key(reader, "pointer", CONFIG_FORMAT,
                            "must be a JSON pointer: \"\", or keys each led by /");
    }
}

static void read_amount(struct config_reader *reader, const cJSON *item, struct route *route)
{
    route->has_amount = true;
    if (fields_read(reader, item, AMOUNT, route) && reader_has(reader, item, "pointer")) {
        check_pointer(reader, &route->amount_pointer);
    }
}

static void read_id(struct config_reader *reader, const cJSON *item, struct route *route)
{
    route->has_id = true;
    if (fields_read(reader, item, ID, route) && reader_has(reader, item, "pointer")) {
        check_pointer(reader, &route->id_pointer);
    }
}

static void read_decide(struct config_reader *reader, const cJSON *item, struct route *route,
                        const char *root)
{
    route->has_decide = true;
    if (!fields_read(reader, item, DECIDE, route)) {
        return;
    }
    bool has_allow = reader_has(reader, item, "allow");
    bool has_deny = reader_has(reader, item, "deny");
    if (!reader_has(reader, item, "topic") || !has_allow || !has_deny ||
        !check_topic(reader, &route->decide_topic, root)) {
        return;
    }
    struct bytes topic = route_text_bytes(&route->decide_topic);
    if (!template_is_valid(route_text_bytes(&route->topic))) {
        return; /* Complained of already. */
    }
    if (!template_is_filled_by(topic, route_text_bytes(&route->topic))) {
        reader_complain_key(reader, "topic", CONFIG_UNKNOWN_REFERENCE,
                            "must name only what the route's topic captures");
    }
}

static void read_parts(struct config_reader *reader, const cJSON *item, struct route *route, const char *root)
{
    struct text outer = reader->path;
    for (const cJSON *part = item->child; part != NULL; part = part->next) {
        struct bytes key = bytes_of_string(part->string);
        reader_enter_key(reader, key);
        if (bytes_equal_string(key, "amount")) {
            read_amount(reader, part, route);
        } else if (bytes_equal_string(key, "id")) {
            read_id(reader, part, route);
        } else if (bytes_equal_string(key, "decide")) {
            read_decide(reader, part, route, root);
        }
        reader->path = outer;
    }
}

static void check_unique(struct config_reader *reader, const struct route *route,
                         const struct route_check *check)
{
    for (size_t i = 0; i < check->earlier_count; i++) {
        struct bytes earlier = route_text_bytes(&check->earlier[i].topic);
        if (earlier.length > 0 && template_meets(earlier, route_text_bytes(&route->topic))) {
            reader_complain_key(reader, "topic", CONFIG_DUPLICATE,
                                "may match what an earlier route matches: brokers would deliver it twice");
            return;
        }
    }
}

static void check_segments(struct config_reader *reader, const cJSON *item, const struct route *route)
{
    check_segment(reader, "subject", &route->subject, &route->topic);
    check_segment(reader, "meter", &route->meter, &route->topic);
    if (json_member(item, "device") != NULL) {
        check_segment(reader, "device", &route->device, &route->topic);
    } else if (!template_is_filled_by(route_text_bytes(&route->device), route_text_bytes(&route->topic))) {
        reader_complain_key(reader, "device", CONFIG_REQUIRED,
                            "is missing, and the topic captures no {device}");
    }
}

static void read_route(struct config_reader *reader, const cJSON *item, struct route *route,
                       const struct route_check *check)
{
    enum status status = route_text_set(&route->device, bytes_of_string("{device}"));
    bool is_read = status == STATUS_OK && fields_read(reader, item, ROUTE, route);
    if (!cJSON_IsObject(item)) {
        return;
    }
    bool has_topic = reader_has(reader, item, "topic");
    bool has_subject = reader_has(reader, item, "subject");
    bool has_meter = reader_has(reader, item, "meter");
    if (is_read && has_topic && has_subject && has_meter && check_topic(reader, &route->topic, check->root)) {
        check_segments(reader, item, route);
        check_unique(reader, route, check);
    }
    read_parts(reader, item, route, check->root);
}

/* Whether a route takes what is published there. */
static bool is_taken(struct bytes topic, const struct route *routes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct bytes template = route_text_bytes(&routes[i].topic);
        if (template.length > 0 && template_meets(topic, template)) {
            return true;
        }
    }
    return false;
}

/* What tells a device its answer must not come back as a reading: it would be answered again, and so on. */
static void check_answers(struct config_reader *reader, const struct route *routes, size_t count)
{
    struct text outer = reader->path;
    for (size_t i = 0; i < count; i++) {
        struct bytes answer = route_text_bytes(&routes[i].decide_topic);
        if (answer.length > 0 && is_taken(answer, routes, count)) {
            reader_enter_index(reader, i);
            reader_enter_key(reader, bytes_of_string("decide"));
            reader_complain_key(reader, "topic", CONFIG_FORMAT,
                                "must not match a route's topic, or it would answer itself");
            reader->path = outer;
        }
    }
}

void read_routes(struct config_reader *reader, const cJSON *routes, const char *root, struct route *read)
{
    struct text outer = reader->path;
    struct route_check check = {.root = root, .earlier = read};
    for (const cJSON *item = routes->child; item != NULL; item = item->next, read++) {
        reader_enter_index(reader, check.earlier_count);
        read_route(reader, item, read, &check);
        check.earlier_count++;
        reader->path = outer;
    }
    check_answers(reader, check.earlier, check.earlier_count);
}
