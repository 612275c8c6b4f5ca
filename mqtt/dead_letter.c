#include "mqtt/dead_letter.h"

#include <stdlib.h>

#include "base/utf8.h"

const char *dead_letter_reason_name(enum dead_letter_reason reason)
{
    switch (reason) {
    case DEAD_LETTER_BAD_TOPIC: return "bad_topic";
    case DEAD_LETTER_TOO_LARGE: return "too_large";
    case DEAD_LETTER_NOT_UTF8: return "not_utf8";
    case DEAD_LETTER_NOT_JSON: return "not_json";
    case DEAD_LETTER_TOO_DEEP: return "too_deep";
    case DEAD_LETTER_DUPLICATE_KEY: return "duplicate_key";
    case DEAD_LETTER_IDENTITY_MISMATCH: return "identity_mismatch";
    case DEAD_LETTER_BAD_ID: return "bad_id";
    case DEAD_LETTER_BAD_AMOUNT: return "bad_amount";
    case DEAD_LETTER_BAD_COMMAND: return "bad_command";
    }
    abort(); /* Corrupt reason. */
}

/* At most DEAD_LETTER_TOPIC_MAX bytes, not cutting a character in two. */
static struct bytes shown_topic(struct bytes topic)
{
    if (topic.length <= DEAD_LETTER_TOPIC_MAX) {
        return topic;
    }
    size_t length = DEAD_LETTER_TOPIC_MAX;
    while (length > DEAD_LETTER_TOPIC_MAX - 3 && (topic.data[length] & 0xC0) == 0x80) {
        length--;
    }
    return bytes_of(topic.data, length);
}

/* The length of the character at the front, 0 if there is none. */
static size_t character_length(struct bytes text)
{
    for (size_t length = 1; length <= 4 && length <= text.length; length++) {
        if (utf8_is_valid(bytes_of(text.data, length))) {
            return length;
        }
    }
    return 0;
}

static void put_as_utf8(struct text *text, struct bytes bytes)
{
    while (bytes.length > 0) {
        size_t length = character_length(bytes);
        text_put(text, length == 0 ? bytes_of_string("\xEF\xBF\xBD") : bytes_of(bytes.data, length));
        bytes = bytes_after(bytes, length == 0 ? 1 : length);
    }
}

/* RFC 4648 section 4. */
static void put_base64(struct text *text, struct bytes bytes)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while (bytes.length > 0) {
        size_t taken = bytes.length < 3 ? bytes.length : 3;
        uint32_t group = 0;
        for (size_t i = 0; i < 3; i++) {
            group = group << 8 | (i < taken ? bytes.data[i] : 0U);
        }
        char digits[4];
        for (size_t i = 0; i < 4; i++) {
            digits[i] = i <= taken ? alphabet[group >> (18 - 6 * i) & 63] : '=';
        }
        text_put(text, bytes_of(digits, sizeof digits));
        bytes = bytes_after(bytes, taken);
    }
}

void dead_letter_put(struct text *text, const struct dead_letter *letter)
{
    char topic_storage[DEAD_LETTER_TOPIC_MAX * 3];
    struct text topic = text_of(topic_storage, sizeof topic_storage);
    put_as_utf8(&topic, shown_topic(letter->topic));
    struct bytes payload = letter->payload;
    if (payload.length > DEAD_LETTER_PAYLOAD_MAX) {
        payload.length = DEAD_LETTER_PAYLOAD_MAX;
    }
    json_open_object(text);
    json_put_literal(text, "reason", dead_letter_reason_name(letter->rejection.reason));
    json_put_string(text, "topic", text_bytes(&topic));
    json_put_literal(text, "detail", letter->rejection.detail);
    json_key(text, "payload_base64");
    text_put_string(text, "\"");
    put_base64(text, payload);
    text_put_string(text, "\"");
    json_put_instant(text, "time", letter->time);
    json_close_object(text);
}
