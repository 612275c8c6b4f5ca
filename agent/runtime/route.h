/* Routes map any topic of a foreign device onto events. Templates are topics in which {name} captures one
 * segment. */
#ifndef FLYBALL_RUNTIME_ROUTE_H
#define FLYBALL_RUNTIME_ROUTE_H

#include "base/bytes.h"
#include "base/name.h"
#include "base/status.h"

enum {
    ROUTE_TEXT_MAX = 256, /* Any one template, pointer or payload of a route. */
    ROUTE_CAPTURES_MAX = 8,
};

struct route_text {
    uint16_t length;
    char text[ROUTE_TEXT_MAX];
};

enum amount_kind { AMOUNT_GAUGE, AMOUNT_COUNTER };

/* As configured. Without an amount each message counts 1; without an id it has no dedup key. */
struct route {
    struct route_text topic;
    struct route_text subject; /* Templates over the topic's captures, each giving one segment. */
    struct route_text device;  /* "{device}" unless configured. */
    struct route_text meter;
    bool has_amount;
    struct route_text amount_pointer; /* RFC 6901; "" is the whole document. */
    enum amount_kind amount_kind;
    bool has_id;
    struct route_text id_pointer;
    bool has_decide;
    struct route_text decide_topic; /* A template. */
    struct route_text decide_allow;
    struct route_text decide_deny;
};

struct capture {
    struct bytes name;
    struct bytes value;
};

struct captures {
    uint8_t count;
    struct capture items[ROUTE_CAPTURES_MAX];
};

struct bytes route_text_bytes(const struct route_text *text);

/* STATUS_TOO_LARGE beyond ROUTE_TEXT_MAX. */
MUST_USE enum status route_text_set(struct route_text *text, struct bytes bytes);

/* Whether a template is a topic with whole segments {name} (distinct names, 1-64 letters, digits and _; at
 * most ROUTE_CAPTURES_MAX), without wildcards, empty levels allowed nowhere. */
bool template_is_valid(struct bytes template);

/* Whether every {name} of `template` is captured by `source`. */
bool template_is_filled_by(struct bytes template, struct bytes source);

/* Whether some topic matches both. */
bool template_meets(struct bytes template, struct bytes other);

/* STATUS_NOT_FOUND unless `topic` matches; the captures borrow from both. A captured segment must be one that
 * name_is_segment accepts. */
MUST_USE enum status template_match(struct bytes template, struct bytes topic, struct captures *captures);

/* Writes the template with its captures filled in; STATUS_TOO_LARGE when it does not fit, STATUS_NOT_FOUND
 * for a name not captured. */
MUST_USE enum status template_fill(struct bytes template, const struct captures *captures,
                                   struct route_text *filled);

/* The subscription filter that covers the template: each {name} becomes a +. */
MUST_USE enum status template_filter(struct bytes template, struct route_text *filter);

#endif
