#include "mqtt/topic.h"

#include <stdlib.h>
#include <string.h>

#include "agent/runtime/message.h"

/* Whether `topic` is `head` or lies below it; *rest is what follows the slash, or nothing. */
static bool is_at_or_below(struct bytes topic, struct bytes head, struct bytes *rest)
{
    if (!bytes_start_with(topic, head)) {
        return false;
    }
    *rest = bytes_after(topic, head.length);
    if (rest->length == 0) {
        return true;
    }
    if (rest->data[0] != '/') {
        return false;
    }
    *rest = bytes_after(*rest, 1);
    return true;
}

/* Takes `count` segments, all that is there; false if there are fewer, more, or one that is none. */
static bool split_segments(struct bytes rest, struct bytes *segments, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *slash = rest.length == 0 ? NULL : memchr(rest.data, '/', rest.length);
        bool is_last = i + 1 == count;
        if (is_last != (slash == NULL)) {
            return false;
        }
        segments[i] = is_last ? rest : bytes_of(rest.data, (size_t)(slash - rest.data));
        rest = bytes_after(rest, segments[i].length + (is_last ? 0 : 1));
        if (!name_is_segment(segments[i])) {
            return false;
        }
    }
    return true;
}

static struct parsed_topic parse_event(struct bytes rest)
{
    struct bytes segments[3];
    if (!split_segments(rest, segments, 3)) {
        return (struct parsed_topic){.kind = TOPIC_BAD};
    }
    return (struct parsed_topic){
        .kind = TOPIC_EVENT, .subject = segments[0], .device = segments[1], .meter = segments[2]};
}

static struct parsed_topic parse_command(struct bytes rest)
{
    struct bytes segments[2];
    struct parsed_topic parsed = {.kind = TOPIC_COMMAND};
    if (!split_segments(rest, segments, 2) || governor_of_name(segments[1], &parsed.governor) != STATUS_OK) {
        return (struct parsed_topic){.kind = TOPIC_BAD};
    }
    parsed.subject = segments[0];
    return parsed;
}

/* `rest` is what follows {root}/agent/. */
static enum topic_kind agent_topic_kind(const struct topics *topics, struct bytes rest)
{
    struct bytes name;
    if (!is_at_or_below(rest, topics->agent, &name)) {
        return TOPIC_FOREIGN;
    }
    if (bytes_equal_string(name, "config/desired")) {
        return TOPIC_CONFIG_DESIRED;
    }
    return bytes_equal_string(name, "canary") ? TOPIC_CANARY : TOPIC_FOREIGN;
}

struct parsed_topic topic_parse(const struct topics *topics, struct bytes topic)
{
    struct bytes below, rest;
    if (is_at_or_below(topic, topics->root, &below)) {
        if (is_at_or_below(below, bytes_of_string("event"), &rest)) {
            return parse_event(rest);
        }
        if (is_at_or_below(below, bytes_of_string("command"), &rest)) {
            return parse_command(rest);
        }
        if (is_at_or_below(below, bytes_of_string("agent"), &rest)) {
            return (struct parsed_topic){.kind = agent_topic_kind(topics, rest)};
        }
    }
    return (struct parsed_topic){.kind = TOPIC_FOREIGN};
}

static void put_levels(struct text *text, struct bytes head, const char *middle, struct bytes tail)
{
    text_put(text, head);
    text_put_string(text, middle);
    text_put(text, tail);
}

static void put_subject_topic(struct text *text, const struct topics *topics, const char *middle,
                              const struct name *subject)
{
    put_levels(text, topics->root, middle, name_bytes(subject));
}

void topic_put_decision(struct text *text, const struct topics *topics, const struct name *subject,
                        const struct name *device)
{
    put_subject_topic(text, topics, "/decision/", subject);
    text_put_string(text, "/");
    text_put(text, name_bytes(device));
}

void topic_put_reply(struct text *text, const struct topics *topics, const struct name *subject,
                     enum governor_kind governor)
{
    put_subject_topic(text, topics, "/reply/", subject);
    text_put_string(text, "/");
    text_put_string(text, governor_name(governor));
}

void topic_put_state(struct text *text, const struct topics *topics, const struct name *subject,
                     enum governor_kind governor)
{
    put_subject_topic(text, topics, "/state/", subject);
    text_put_string(text, "/");
    text_put_string(text, governor_name(governor));
}

static const char *agent_topic_tail(enum agent_topic topic)
{
    switch (topic) {
    case AGENT_TOPIC_STATUS: return "/status";
    case AGENT_TOPIC_METRICS: return "/metrics";
    case AGENT_TOPIC_CONFIG_DESIRED: return "/config/desired";
    case AGENT_TOPIC_CONFIG_REPORTED: return "/config/reported";
    case AGENT_TOPIC_CANARY: return "/canary";
    }
    abort(); /* Corrupt topic. */
}

void topic_put_agent(struct text *text, const struct topics *topics, enum agent_topic topic)
{
    put_levels(text, topics->root, "/agent/", topics->agent);
    text_put_string(text, agent_topic_tail(topic));
}

void topic_put_alert(struct text *text, const struct topics *topics, const char *alert)
{
    put_levels(text, topics->root, "/agent/", topics->agent);
    text_put_string(text, "/alert/");
    text_put_string(text, alert);
}

void topic_put_dead_letter(struct text *text, const struct topics *topics, enum dead_letter_reason reason)
{
    put_levels(text, topics->root, "/agent/", topics->agent);
    text_put_string(text, "/dead-letter/");
    text_put_string(text, dead_letter_reason_name(reason));
}

void topic_put_event_filter(struct text *text, const struct topics *topics)
{
    put_levels(text, topics->root, "/event/#", bytes_of(NULL, 0));
}

void topic_put_command_filter(struct text *text, const struct topics *topics)
{
    put_levels(text, topics->root, "/command/#", bytes_of(NULL, 0));
}

static bool is_reserved(const struct topics *topics, struct bytes topic)
{
    static const char *const reserved[] = {"event", "command", "agent"};
    struct bytes below, rest;
    if (!is_at_or_below(topic, topics->root, &below)) {
        return false;
    }
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (is_at_or_below(below, bytes_of_string(reserved[i]), &rest)) {
            return true;
        }
    }
    return false;
}

bool topic_is_allowed_response(const struct topics *topics, struct bytes topic)
{
    if (topic.length > RESPONSE_TOPIC_BYTES_MAX || !topic_is_sendable(topic) || is_reserved(topics, topic)) {
        return false;
    }
    for (uint32_t i = 0; i < topics->response_prefix_count; i++) {
        if (bytes_start_with(topic, topics->response_prefixes[i])) {
            return true;
        }
    }
    return false;
}
