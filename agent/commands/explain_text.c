#include "agent/commands/explain_text.h"

#include <string.h>

enum { MICRO_UNITS_PER_MS = 1000 }; /* Of a second. */

/* How many bytes of a control character stand at the beginning: C0 and DEL have one, C1 in UTF-8 two. */
static size_t control_at(struct bytes bytes)
{
    if (bytes.data[0] < 0x20 || bytes.data[0] == 0x7F) {
        return 1;
    }
    bool is_c1 = bytes.length > 1 && bytes.data[0] == 0xC2 && bytes.data[1] >= 0x80 && bytes.data[1] < 0xA0;
    return is_c1 ? 2 : 0;
}

static void put_hex(struct text *text, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    char pair[2] = {digits[byte >> 4], digits[byte & 15]};
    text_put(text, bytes_of(pair, sizeof pair));
}

void put_plain(struct text *text, struct bytes bytes)
{
    while (bytes.length > 0) {
        size_t control = control_at(bytes);
        for (size_t i = 0; i < control; i++) {
            text_put_string(text, "\\x");
            put_hex(text, bytes.data[i]);
        }
        if (control == 0) {
            text_put(text, bytes_of(bytes.data, 1));
        }
        bytes = bytes_after(bytes, control == 0 ? 1 : control);
    }
}

void put_plain_name(struct text *text, const struct name *name)
{
    put_plain(text, name_bytes(name));
}

void put_amount(struct text *text, micro_units value)
{
    char digits[MICRO_UNITS_TEXT_MAX];
    text_put(text, bytes_of(digits, micro_units_format(value, digits)));
}

void put_instant(struct text *text, instant_ms value)
{
    char digits[INSTANT_TEXT_MAX];
    text_put(text, bytes_of(digits, instant_format(value, digits)));
}

void put_duration(struct text *text, int64_t duration_ms)
{
    bool is_writable = duration_ms < INT64_MAX / MICRO_UNITS_PER_MS && duration_ms >= 0;
    put_amount(text, is_writable ? duration_ms * MICRO_UNITS_PER_MS : MICRO_UNITS_MOST);
    text_put_string(text, " s");
}

void put_column(struct text *text, const char *word, size_t width)
{
    text_put_string(text, word);
    for (size_t i = strlen(word); i < width; i++) {
        text_put_string(text, " ");
    }
}

void put_change(struct text *text, const char *before, const char *after)
{
    text_put_string(text, before);
    text_put_string(text, " -> ");
    text_put_string(text, after);
}

void put_amount_change(struct text *text, micro_units before, micro_units after)
{
    put_amount(text, before);
    text_put_string(text, " -> ");
    put_amount(text, after);
}
