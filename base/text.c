#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct text text_of(char *data, size_t capacity)
{
    return (struct text){.data = data, .capacity = capacity};
}

struct bytes text_bytes(const struct text *text)
{
    return bytes_of(text->data, text->length);
}

const char *text_string(struct text *text)
{
    if (text->capacity == 0) {
        return "";
    }
    if (text->length == text->capacity) {
        text->length--;
        text->overflowed = true;
    }
    text->data[text->length] = '\0';
    return text->data;
}

void text_put(struct text *text, struct bytes bytes)
{
    if (text->overflowed || bytes.length > text->capacity - text->length) {
        text->overflowed = true;
        return;
    }
    if (bytes.length > 0) {
        memcpy(text->data + text->length, bytes.data, bytes.length);
        text->length += bytes.length;
    }
}

void text_put_string(struct text *text, const char *string)
{
    text_put(text, bytes_of_string(string));
}

void text_put_unsigned(struct text *text, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    text_put(text, bytes_of(digits + at, sizeof digits - at));
}

void text_put_signed(struct text *text, int64_t value)
{
    if (value < 0) {
        text_put_string(text, "-");
        text_put_unsigned(text, 0 - (uint64_t)value);
        return;
    }
    text_put_unsigned(text, (uint64_t)value);
}

static void json_separate(struct text *text)
{
    if (text->length == 0) {
        return;
    }
    char last = text->data[text->length - 1];
    if (last != '{' && last != '[' && last != ':') {
        text_put_string(text, ",");
    }
}

void json_open_object(struct text *text)
{
    json_separate(text);
    text_put_string(text, "{");
}

void json_close_object(struct text *text)
{
    text_put_string(text, "}");
}

void json_open_array(struct text *text)
{
    json_separate(text);
    text_put_string(text, "[");
}

void json_close_array(struct text *text)
{
    text_put_string(text, "]");
}

static void put_escaped(struct text *text, uint8_t byte)
{
    char escape[7];
    switch (byte) {
    case '"': text_put_string(text, "\\\""); return;
    case '\\': text_put_string(text, "\\\\"); return;
    case '\n': text_put_string(text, "\\n"); return;
    case '\r': text_put_string(text, "\\r"); return;
    case '\t': text_put_string(text, "\\t"); return;
    default: break;
    }
    snprintf(escape, sizeof escape, "\\u%04x", byte);
    text_put_string(text, escape);
}

static void put_quoted(struct text *text, struct bytes value)
{
    text_put_string(text, "\"");
    size_t start = 0;
    for (size_t i = 0; i < value.length; i++) {
        uint8_t byte = value.data[i];
        if (byte >= ' ' && byte != '"' && byte != '\\') {
            continue;
        }
        text_put(text, bytes_of(value.data + start, i - start));
        put_escaped(text, byte);
        start = i + 1;
    }
    text_put(text, bytes_after(value, start));
    text_put_string(text, "\"");
}

void json_key_bytes(struct text *text, struct bytes key)
{
    json_separate(text);
    put_quoted(text, key);
    text_put_string(text, ":");
}

void json_key(struct text *text, const char *key)
{
    json_key_bytes(text, bytes_of_string(key));
}

void json_string(struct text *text, struct bytes value)
{
    json_separate(text);
    put_quoted(text, value);
}

void json_unsigned(struct text *text, uint64_t value)
{
    json_separate(text);
    text_put_unsigned(text, value);
}

void json_signed(struct text *text, int64_t value)
{
    json_separate(text);
    text_put_signed(text, value);
}

void json_double(struct text *text, double value)
{
    char digits[340];
    int length = snprintf(digits, sizeof digits, "%.6f", value);
    while (length > 1 && digits[length - 1] == '0') {
        length--;
    }
    if (length > 1 && digits[length - 1] == '.') {
        length--;
    }
    json_raw(text, bytes_of(digits, (size_t)length));
}

void json_bool(struct text *text, bool value)
{
    json_raw(text, bytes_of_string(value ? "true" : "false"));
}

void json_null(struct text *text)
{
    json_raw(text, bytes_of_string("null"));
}

void json_raw(struct text *text, struct bytes json)
{
    json_separate(text);
    text_put(text, json);
}

void json_amount(struct text *text, micro_units value)
{
    char digits[MICRO_UNITS_TEXT_MAX];
    json_string(text, bytes_of(digits, micro_units_format(value, digits)));
}

void json_instant(struct text *text, instant_ms value)
{
    if (value == INSTANT_NEVER) {
        json_null(text);
        return;
    }
    char digits[INSTANT_TEXT_MAX];
    json_string(text, bytes_of(digits, instant_format(value, digits)));
}

void json_put_string(struct text *text, const char *key, struct bytes value)
{
    json_key(text, key);
    json_string(text, value);
}

void json_put_literal(struct text *text, const char *key, const char *value)
{
    json_put_string(text, key, bytes_of_string(value));
}

void json_put_name(struct text *text, const char *key, const struct name *value)
{
    json_put_string(text, key, name_bytes(value));
}

void json_put_unsigned(struct text *text, const char *key, uint64_t value)
{
    json_key(text, key);
    json_unsigned(text, value);
}

void json_put_signed(struct text *text, const char *key, int64_t value)
{
    json_key(text, key);
    json_signed(text, value);
}

void json_put_double(struct text *text, const char *key, double value)
{
    json_key(text, key);
    json_double(text, value);
}

void json_put_bool(struct text *text, const char *key, bool value)
{
    json_key(text, key);
    json_bool(text, value);
}

void json_put_amount(struct text *text, const char *key, micro_units value)
{
    json_key(text, key);
    json_amount(text, value);
}

void json_put_instant(struct text *text, const char *key, instant_ms value)
{
    json_key(text, key);
    json_instant(text, value);
}
