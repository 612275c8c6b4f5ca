#include "agent/runtime/route.h"

#include <string.h>

#include "base/utf8.h"

/* Walks a topic level by level. */
struct levels {
    struct bytes rest;
    bool ended;
};

static bool levels_next(struct levels *levels, struct bytes *level)
{
    if (levels->ended) {
        return false;
    }
    struct bytes rest = levels->rest;
    const uint8_t *slash = rest.length == 0 ? NULL : memchr(rest.data, '/', rest.length);
    levels->ended = slash == NULL;
    *level = slash == NULL ? rest : bytes_of(rest.data, (size_t)(slash - rest.data));
    levels->rest = slash == NULL ? bytes_after(rest, rest.length) : bytes_after(rest, level->length + 1);
    return true;
}

static bool is_name_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '_';
}

/* Whether the level is {name}; sets *name. */
static bool level_captures(struct bytes level, struct bytes *name)
{
    if (level.length < 3 || level.length > NAME_BYTES_MAX + 2 || level.data[0] != '{' ||
        level.data[level.length - 1] != '}') {
        return false;
    }
    *name = bytes_of(level.data + 1, level.length - 2);
    for (size_t i = 0; i < name->length; i++) {
        if (!is_name_byte(name->data[i])) {
            return false;
        }
    }
    return true;
}

static bool level_is_literal(struct bytes level)
{
    for (size_t i = 0; i < level.length; i++) {
        uint8_t byte = level.data[i];
        if (byte == 0 || byte == '+' || byte == '#' || byte == '{' || byte == '}') {
            return false;
        }
    }
    return level.length > 0;
}

static const struct capture *captures_find(const struct captures *captures, struct bytes name)
{
    for (uint8_t i = 0; i < captures->count; i++) {
        if (bytes_equal(captures->items[i].name, name)) {
            return &captures->items[i];
        }
    }
    return NULL;
}

/* STATUS_FULL when there is no room, STATUS_INVALID when the name is taken. */
static enum status captures_add(struct captures *captures, struct bytes name, struct bytes value)
{
    if (captures_find(captures, name) != NULL) {
        return STATUS_INVALID;
    }
    if (captures->count == ROUTE_CAPTURES_MAX) {
        return STATUS_FULL;
    }
    captures->items[captures->count++] = (struct capture){.name = name, .value = value};
    return STATUS_OK;
}

struct bytes route_text_bytes(const struct route_text *text)
{
    return bytes_of(text->text, text->length);
}

enum status route_text_set(struct route_text *text, struct bytes bytes)
{
    memset(text, 0, sizeof *text);
    if (bytes.length > ROUTE_TEXT_MAX) {
        return STATUS_TOO_LARGE;
    }
    if (bytes.length > 0) {
        memcpy(text->text, bytes.data, bytes.length);
    }
    text->length = (uint16_t)bytes.length;
    return STATUS_OK;
}

bool template_is_valid(struct bytes template)
{
    if (template.length > ROUTE_TEXT_MAX || !utf8_is_valid(template)) {
        return false;
    }
    struct captures captures = {0};
    struct levels levels = {.rest = template};
    struct bytes level, name;
    while (levels_next(&levels, &level)) {
        bool captured = level_captures(level, &name);
        if (captured ? captures_add(&captures, name, level) != STATUS_OK : !level_is_literal(level)) {
            return false;
        }
    }
    return true;
}

bool template_is_filled_by(struct bytes template, struct bytes source)
{
    struct captures captures = {0};
    struct levels levels = {.rest = source};
    struct bytes level, name;
    while (levels_next(&levels, &level)) {
        if (level_captures(level, &name) && captures_add(&captures, name, level) == STATUS_FULL) {
            return false;
        }
    }
    levels = (struct levels){.rest = template};
    while (levels_next(&levels, &level)) {
        if (level_captures(level, &name) && captures_find(&captures, name) == NULL) {
            return false;
        }
    }
    return true;
}

/* Whether one level can be the same in both. */
static bool levels_meet(struct bytes left, struct bytes right)
{
    struct bytes name;
    return level_captures(left, &name) || level_captures(right, &name) || bytes_equal(left, right);
}

bool template_meets(struct bytes template, struct bytes other)
{
    struct levels left = {.rest = template};
    struct levels right = {.rest = other};
    struct bytes left_level, right_level;
    while (levels_next(&left, &left_level)) {
        if (!levels_next(&right, &right_level) || !levels_meet(left_level, right_level)) {
            return false;
        }
    }
    return right.ended;
}

enum status template_match(struct bytes template, struct bytes topic, struct captures *captures)
{
    struct levels wanted = {.rest = template};
    struct levels given = {.rest = topic};
    struct bytes pattern, level, name;
    captures->count = 0;
    while (levels_next(&wanted, &pattern)) {
        if (!levels_next(&given, &level)) {
            return STATUS_NOT_FOUND;
        }
        bool fits = level_captures(pattern, &name)
                        ? name_is_segment(level) && captures_add(captures, name, level) == STATUS_OK
                        : bytes_equal(pattern, level);
        if (!fits) {
            return STATUS_NOT_FOUND;
        }
    }
    return given.ended ? STATUS_OK : STATUS_NOT_FOUND;
}

/* Appends a level, and a slash before all but the first. */
static enum status append_level(struct route_text *text, struct bytes level, size_t index)
{
    size_t slash = index > 0 ? 1 : 0;
    if (level.length + slash > (size_t)ROUTE_TEXT_MAX - text->length) {
        return STATUS_TOO_LARGE;
    }
    if (slash > 0) {
        text->text[text->length++] = '/';
    }
    if (level.length > 0) {
        memcpy(text->text + text->length, level.data, level.length);
        text->length = (uint16_t)(text->length + level.length);
    }
    return STATUS_OK;
}

enum status template_fill(struct bytes template, const struct captures *captures, struct route_text *filled)
{
    memset(filled, 0, sizeof *filled);
    struct levels levels = {.rest = template};
    struct bytes level, name;
    for (size_t index = 0; levels_next(&levels, &level); index++) {
        if (level_captures(level, &name)) {
            const struct capture *capture = captures_find(captures, name);
            if (capture == NULL) {
                return STATUS_NOT_FOUND;
            }
            level = capture->value;
        }
        enum status status = append_level(filled, level, index);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

enum status template_filter(struct bytes template, struct route_text *filter)
{
    memset(filter, 0, sizeof *filter);
    struct levels levels = {.rest = template};
    struct bytes level, name;
    for (size_t index = 0; levels_next(&levels, &level); index++) {
        if (level_captures(level, &name)) {
            level = bytes_of_string("+");
        }
        enum status status = append_level(filter, level, index);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}
