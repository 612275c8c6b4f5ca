#include "base/utf8.h"

/* The length of a sequence by its first byte; 0 if none starts so. */
static size_t sequence_length(uint8_t first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        return 2;
    }
    if (first >= 0xE0 && first <= 0xEF) {
        return 3;
    }
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

/* RFC 3629 section 4: only the second byte's range depends on the first byte. */
static bool is_second_byte(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xE0: return second >= 0xA0 && second <= 0xBF;
    case 0xED: return second >= 0x80 && second <= 0x9F;
    case 0xF0: return second >= 0x90 && second <= 0xBF;
    case 0xF4: return second >= 0x80 && second <= 0x8F;
    default: return second >= 0x80 && second <= 0xBF;
    }
}

static bool is_sequence(const uint8_t *bytes, size_t length)
{
    if (length >= 2 && !is_second_byte(bytes[0], bytes[1])) {
        return false;
    }
    for (size_t i = 2; i < length; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return false;
        }
    }
    return true;
}

bool utf8_is_valid(struct bytes bytes)
{
    for (size_t at = 0; at < bytes.length;) {
        size_t length = sequence_length(bytes.data[at]);
        if (length == 0 || length > bytes.length - at || !is_sequence(bytes.data + at, length)) {
            return false;
        }
        at += length;
    }
    return true;
}

/* The character of a valid sequence. */
static uint32_t character_of(const uint8_t *bytes, size_t length)
{
    if (length == 1) {
        return bytes[0];
    }
    uint32_t character = bytes[0] & (0x7FU >> length);
    for (size_t i = 1; i < length; i++) {
        character = character << 6 | (bytes[i] & 0x3FU);
    }
    return character;
}

static bool is_text_character(uint32_t character)
{
    bool is_control = character < 0x20 || (character >= 0x7F && character <= 0x9F);
    bool is_noncharacter = (character >= 0xFDD0 && character <= 0xFDEF) || (character & 0xFFFE) == 0xFFFE;
    return !is_control && !is_noncharacter;
}

bool utf8_is_text(struct bytes bytes)
{
    if (!utf8_is_valid(bytes)) {
        return false;
    }
    for (size_t at = 0; at < bytes.length;) {
        size_t length = sequence_length(bytes.data[at]);
        if (!is_text_character(character_of(bytes.data + at, length))) {
            return false;
        }
        at += length;
    }
    return true;
}
