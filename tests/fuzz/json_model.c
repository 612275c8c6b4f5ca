#include "tests/fuzz/json_model.h"

#include <stdlib.h>
#include <string.h>

/* Reads forward; `failed` sticks. */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
    bool is_again; /* Over what was read before: its keys are known. */
    bool has_equal_keys;
    size_t open;
    size_t deepest;
};

static void read_value(struct cursor *cursor);

static struct cursor cursor_of(struct bytes text)
{
    return (struct cursor){.at = text.data, .end = text.length == 0 ? text.data : text.data + text.length};
}

static int peek(const struct cursor *cursor)
{
    return cursor->failed || cursor->at == cursor->end ? -1 : *cursor->at;
}

static bool take(struct cursor *cursor, int byte)
{
    if (peek(cursor) != byte) {
        return false;
    }
    cursor->at++;
    return true;
}

static void expect(struct cursor *cursor, int byte)
{
    if (!take(cursor, byte)) {
        cursor->failed = true;
    }
}

static void skip_space(struct cursor *cursor)
{
    while (take(cursor, ' ') || take(cursor, '\t') || take(cursor, '\n') || take(cursor, '\r')) {
    }
}

static void read_word(struct cursor *cursor, const char *word)
{
    for (; *word != '\0'; word++) {
        expect(cursor, *word);
    }
}

static bool is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

static void read_digits(struct cursor *cursor)
{
    cursor->failed = cursor->failed || !is_digit(peek(cursor));
    while (is_digit(peek(cursor))) {
        cursor->at++;
    }
}

static void read_number(struct cursor *cursor)
{
    (void)take(cursor, '-');
    if (!take(cursor, '0')) {
        read_digits(cursor);
    }
    if (take(cursor, '.')) {
        read_digits(cursor);
    }
    if (take(cursor, 'e') || take(cursor, 'E')) {
        if (!take(cursor, '+')) {
            (void)take(cursor, '-');
        }
        read_digits(cursor);
    }
}

static unsigned read_hex(struct cursor *cursor)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        int byte = peek(cursor);
        const char *digit = byte <= 0 ? NULL : strchr(digits, byte);
        if (digit == NULL) {
            cursor->failed = true;
            return 0;
        }
        unsigned place = (unsigned)(digit - digits);
        value = value * 16 + (place < 16 ? place : place - 6);
        cursor->at++;
    }
    return value;
}

/* After \u; the code point, 0 never. */
static uint32_t read_code_point(struct cursor *cursor)
{
    uint32_t first = read_hex(cursor);
    if (first == 0 || (first >= 0xDC00 && first <= 0xDFFF)) {
        cursor->failed = true;
        return 0;
    }
    if (first < 0xD800 || first > 0xDBFF) {
        return first;
    }
    expect(cursor, '\\');
    expect(cursor, 'u');
    uint32_t second = read_hex(cursor);
    if (second < 0xDC00 || second > 0xDFFF) {
        cursor->failed = true;
        return 0;
    }
    return 0x10000 + (first - 0xD800) * 0x400 + (second - 0xDC00);
}

static size_t encode(uint32_t point, uint8_t *out)
{
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t heads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length; i-- > 1;) {
        out[i] = (uint8_t)(0x80 | (point & 0x3F));
        point >>= 6;
    }
    out[0] = (uint8_t)(heads[length] | point);
    return length;
}

static uint32_t read_escape(struct cursor *cursor)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (take(cursor, 'u')) {
        return read_code_point(cursor);
    }
    int byte = peek(cursor);
    const char *letter = byte <= 0 ? NULL : strchr(letters, byte);
    if (letter == NULL) {
        cursor->failed = true;
        return 0;
    }
    cursor->at++;
    return (uint32_t)meanings[letter - letters];
}

/* Unescapes into `out` unless it is NULL; the length. */
static size_t read_string(struct cursor *cursor, uint8_t *out)
{
    size_t length = 0;
    expect(cursor, '"');
    while (!cursor->failed && !take(cursor, '"')) {
        uint8_t encoded[4];
        size_t count = 1;
        int byte = peek(cursor);
        if (byte < 0x20) {
            cursor->failed = true;
            break;
        }
        cursor->at++;
        encoded[0] = (uint8_t)byte;
        if (byte == '\\') {
            count = encode(read_escape(cursor), encoded);
        }
        if (out != NULL) {
            memcpy(out + length, encoded, count);
        }
        length += count;
    }
    return length;
}

static struct bytes string_at(const uint8_t *start, const uint8_t *end)
{
    return bytes_of(start, (size_t)(end - start));
}

/* Whether one of the keys between `first` and `key` is equal to it. Quadratic; the texts are short. */
static bool is_key_before(const uint8_t *first, const uint8_t *key_start, struct bytes key,
                          const uint8_t *end)
{
    static uint8_t left[JSON_MODEL_TEXT_MAX], right[JSON_MODEL_TEXT_MAX];
    struct cursor cursor = {.at = first, .end = end, .is_again = true};
    while (cursor.at < key_start) {
        const uint8_t *start = cursor.at;
        read_string(&cursor, NULL);
        struct bytes other = string_at(start, cursor.at);
        if (other.length <= sizeof left && key.length <= sizeof right &&
            bytes_equal(json_model_text(other, left), json_model_text(key, right))) {
            return true;
        }
        skip_space(&cursor);
        expect(&cursor, ':');
        read_value(&cursor);
        skip_space(&cursor);
        expect(&cursor, ',');
        skip_space(&cursor);
    }
    return false;
}

static void read_key(struct cursor *cursor, const uint8_t **first)
{
    const uint8_t *start = cursor->at;
    *first = *first == NULL ? start : *first;
    read_string(cursor, NULL);
    if (!cursor->is_again && !cursor->failed && !cursor->has_equal_keys) {
        cursor->has_equal_keys = is_key_before(*first, start, string_at(start, cursor->at), cursor->end);
    }
    skip_space(cursor);
    expect(cursor, ':');
}

static void read_members(struct cursor *cursor, int end)
{
    const uint8_t *first = NULL;
    skip_space(cursor);
    if (take(cursor, end)) {
        return;
    }
    do {
        skip_space(cursor);
        if (end == '}') {
            read_key(cursor, &first);
        }
        read_value(cursor);
        skip_space(cursor);
    } while (take(cursor, ','));
    expect(cursor, end);
}

static void read_container(struct cursor *cursor, int end)
{
    cursor->at++;
    cursor->open++;
    cursor->deepest = cursor->open > cursor->deepest ? cursor->open : cursor->deepest;
    read_members(cursor, end);
    cursor->open--;
}

static void read_value(struct cursor *cursor)
{
    skip_space(cursor);
    switch (peek(cursor)) {
    case '{': read_container(cursor, '}'); return;
    case '[': read_container(cursor, ']'); return;
    case '"': read_string(cursor, NULL); return;
    case 't': read_word(cursor, "true"); return;
    case 'f': read_word(cursor, "false"); return;
    case 'n': read_word(cursor, "null"); return;
    default: read_number(cursor); return;
    }
}

/* How many bytes follow the first of a character; -1: it begins none. */
static int more_bytes(uint8_t first)
{
    if (first < 0x80) {
        return 0;
    }
    if (first < 0xC2 || first > 0xF4) {
        return -1;
    }
    return first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
}

/* RFC 3629, by the code points. */
static bool is_utf8(struct bytes text)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    size_t i = 0;
    while (i < text.length) {
        uint8_t first = text.data[i++];
        int more = more_bytes(first);
        if (more < 0 || (size_t)more > text.length - i) {
            return false;
        }
        uint32_t point = more == 0 ? first : first & (0x3FU >> more);
        for (int taken = 0; taken < more; taken++, i++) {
            if ((text.data[i] & 0xC0) != 0x80) {
                return false;
            }
            point = point << 6 | (text.data[i] & 0x3FU);
        }
        if (point < least[more] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) {
            return false;
        }
    }
    return true;
}

struct json_model json_model_of(struct bytes text)
{
    struct json_model model = {.is_utf8 = is_utf8(text)};
    struct cursor cursor = cursor_of(text);
    if (text.length > 0) {
        read_value(&cursor);
        skip_space(&cursor);
        model.is_json = !cursor.failed && cursor.at == cursor.end;
    }
    model.depth = cursor.deepest;
    model.has_equal_keys = cursor.has_equal_keys;
    return model;
}

struct bytes json_model_value(struct bytes text)
{
    struct cursor cursor = cursor_of(text);
    cursor.is_again = true;
    if (text.data == NULL) {
        return text;
    }
    skip_space(&cursor);
    const uint8_t *start = cursor.at;
    read_value(&cursor);
    return string_at(start, cursor.at);
}

bool json_model_is_object(struct bytes value)
{
    return value.length > 0 && value.data[0] == '{';
}

bool json_model_is_string(struct bytes value)
{
    return value.length > 0 && value.data[0] == '"';
}

bool json_model_is_number(struct bytes value)
{
    return value.length > 0 && (value.data[0] == '-' || is_digit(value.data[0]));
}

struct bytes json_model_member(struct bytes object, const char *key)
{
    struct cursor cursor = cursor_of(object);
    cursor.is_again = true;
    struct bytes wanted = bytes_of_string(key);
    if (!json_model_is_object(object)) {
        return bytes_of(NULL, 0);
    }
    cursor.at++;
    skip_space(&cursor);
    while (!take(&cursor, '}')) {
        const uint8_t *name = cursor.at;
        read_string(&cursor, NULL);
        bool is_wanted = json_model_text_is(string_at(name, cursor.at), wanted);
        skip_space(&cursor);
        expect(&cursor, ':');
        skip_space(&cursor);
        const uint8_t *start = cursor.at;
        read_value(&cursor);
        if (is_wanted) {
            return string_at(start, cursor.at);
        }
        skip_space(&cursor);
        (void)take(&cursor, ',');
        skip_space(&cursor);
        if (cursor.failed) {
            abort(); /* Not JSON. */
        }
    }
    return bytes_of(NULL, 0);
}

struct bytes json_model_text(struct bytes string, uint8_t *storage)
{
    struct cursor cursor = cursor_of(string);
    return bytes_of(storage, read_string(&cursor, storage));
}

bool json_model_text_is(struct bytes string, struct bytes text)
{
    static uint8_t storage[JSON_MODEL_TEXT_MAX];
    return json_model_is_string(string) && string.length <= sizeof storage &&
           bytes_equal(json_model_text(string, storage), text);
}
