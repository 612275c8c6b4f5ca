#include "base/json_scan.h"

#include <string.h>

enum { NESTING_TRACKED_MAX = 65536 };

struct scanner {
    struct bytes text;
    size_t at;
    size_t depth;
    size_t deepest;
    size_t numbers;
    size_t number_bytes;
    size_t number_length;
    uint8_t in_object[NESTING_TRACKED_MAX / 8]; /* One bit per open container. */
};

static int scanner_peek(const struct scanner *scanner)
{
    return scanner->at < scanner->text.length ? scanner->text.data[scanner->at] : -1;
}

static bool scanner_take(struct scanner *scanner, int byte)
{
    if (scanner_peek(scanner) != byte) {
        return false;
    }
    scanner->at++;
    return true;
}

static void skip_space(struct scanner *scanner)
{
    int byte = scanner_peek(scanner);
    while (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
        scanner->at++;
        byte = scanner_peek(scanner);
    }
}

static int hex_value(int byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    int letter = byte | 0x20;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* The four digits after \u. */
static bool scan_code_unit(struct scanner *scanner, unsigned *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        int value = hex_value(scanner_peek(scanner));
        if (value < 0) {
            return false;
        }
        *unit = *unit << 4 | (unsigned)value;
        scanner->at++;
    }
    return true;
}

static bool scan_code_point(struct scanner *scanner)
{
    unsigned high, low;
    if (!scan_code_unit(scanner, &high)) {
        return false;
    }
    if (high < 0xD800 || high > 0xDFFF) {
        return high != 0;
    }
    return high < 0xDC00 && scanner_take(scanner, '\\') && scanner_take(scanner, 'u') &&
           scan_code_unit(scanner, &low) && low >= 0xDC00 && low <= 0xDFFF;
}

static bool scan_escape(struct scanner *scanner)
{
    int byte = scanner_peek(scanner);
    if (byte <= 0 || strchr("\"\\/bfnrtu", byte) == NULL) {
        return false;
    }
    scanner->at++;
    return byte != 'u' || scan_code_point(scanner);
}

static bool scan_string(struct scanner *scanner)
{
    if (!scanner_take(scanner, '"')) {
        return false;
    }
    while (!scanner_take(scanner, '"')) {
        int byte = scanner_peek(scanner);
        if (byte < ' ') {
            return false;
        }
        scanner->at++;
        if (byte == '\\' && !scan_escape(scanner)) {
            return false;
        }
    }
    return true;
}

static bool scan_digits(struct scanner *scanner)
{
    size_t start = scanner->at;
    while (scanner_peek(scanner) >= '0' && scanner_peek(scanner) <= '9') {
        scanner->at++;
    }
    return scanner->at > start;
}

static bool scan_number_text(struct scanner *scanner)
{
    scanner_take(scanner, '-');
    if (!scanner_take(scanner, '0') && !scan_digits(scanner)) {
        return false;
    }
    if (scanner_take(scanner, '.') && !scan_digits(scanner)) {
        return false;
    }
    if (scanner_take(scanner, 'e') || scanner_take(scanner, 'E')) {
        if (!scanner_take(scanner, '+')) {
            scanner_take(scanner, '-');
        }
        return scan_digits(scanner);
    }
    return true;
}

static bool scan_number(struct scanner *scanner)
{
    size_t start = scanner->at;
    if (!scan_number_text(scanner)) {
        return false;
    }
    size_t length = scanner->at - start;
    scanner->numbers++;
    scanner->number_bytes += length;
    if (length > scanner->number_length) {
        scanner->number_length = length;
    }
    return true;
}

static bool scan_word(struct scanner *scanner, const char *word)
{
    struct bytes rest = bytes_after(scanner->text, scanner->at);
    if (!bytes_start_with(rest, bytes_of_string(word))) {
        return false;
    }
    scanner->at += strlen(word);
    return true;
}

static bool scan_scalar(struct scanner *scanner)
{
    switch (scanner_peek(scanner)) {
    case '"': return scan_string(scanner);
    case 't': return scan_word(scanner, "true");
    case 'f': return scan_word(scanner, "false");
    case 'n': return scan_word(scanner, "null");
    default: return scan_number(scanner);
    }
}

static bool scan_key(struct scanner *scanner)
{
    skip_space(scanner);
    if (!scan_string(scanner)) {
        return false;
    }
    skip_space(scanner);
    return scanner_take(scanner, ':');
}

static bool innermost_is_object(const struct scanner *scanner)
{
    size_t level = scanner->depth - 1;
    return (scanner->in_object[level / 8] >> (level % 8) & 1) != 0;
}

static void open_container(struct scanner *scanner, bool is_object)
{
    size_t level = scanner->depth++;
    uint8_t bit = (uint8_t)(1U << (level % 8));
    if (level % 8 == 0) {
        scanner->in_object[level / 8] = 0; /* Its first bit of eight: nothing was there yet. */
    }
    scanner->in_object[level / 8] =
        (uint8_t)(is_object ? scanner->in_object[level / 8] | bit : scanner->in_object[level / 8] & ~bit);
    if (scanner->depth > scanner->deepest) {
        scanner->deepest = scanner->depth;
    }
}

/* After a value: closes what ends here. True with *more set if another value follows. */
static bool scan_after_value(struct scanner *scanner, bool *more)
{
    for (*more = false; scanner->depth > 0;) {
        skip_space(scanner);
        bool is_object = innermost_is_object(scanner);
        if (scanner_take(scanner, ',')) {
            *more = true;
            return !is_object || scan_key(scanner);
        }
        if (!scanner_take(scanner, is_object ? '}' : ']')) {
            return false;
        }
        scanner->depth--;
    }
    return true;
}

/* An opening bracket and, unless the container is empty, the first key. *opened: a value is expected next. */
static bool scan_opening(struct scanner *scanner, bool *opened)
{
    bool is_object = scanner_peek(scanner) == '{';
    scanner->at++;
    open_container(scanner, is_object);
    skip_space(scanner);
    *opened = true;
    if (scanner_take(scanner, is_object ? '}' : ']')) {
        scanner->depth--;
        *opened = false;
        return true;
    }
    return !is_object || scan_key(scanner);
}

static bool scan_document(struct scanner *scanner)
{
    for (bool more = true; more;) {
        skip_space(scanner);
        int byte = scanner_peek(scanner);
        if (byte == '{' || byte == '[') {
            bool opened;
            if (scanner->depth == NESTING_TRACKED_MAX) {
                return true; /* Far too deep, whatever follows. */
            }
            if (!scan_opening(scanner, &opened)) {
                return false;
            }
            if (opened) {
                continue;
            }
        } else if (!scan_scalar(scanner)) {
            return false;
        }
        if (!scan_after_value(scanner, &more)) {
            return false;
        }
    }
    skip_space(scanner);
    return scanner->at == scanner->text.length;
}

struct json_scan json_scan(struct bytes text)
{
    struct scanner scanner; /* Its bits are written before they are read: 8 KiB need no clearing. */
    scanner.text = text;
    scanner.at = scanner.depth = scanner.deepest = 0;
    scanner.numbers = scanner.number_bytes = scanner.number_length = 0;
    bool is_json = scan_document(&scanner);
    return (struct json_scan){.is_json = is_json,
                              .at = scanner.at,
                              .deepest = scanner.deepest,
                              .numbers = scanner.numbers,
                              .number_bytes = scanner.number_bytes,
                              .number_length = scanner.number_length};
}

/* Behind the string that begins at `at`. */
static size_t string_end(struct bytes text, size_t at)
{
    for (at++; at < text.length && text.data[at] != '"'; at++) {
        at += text.data[at] == '\\' ? 1 : 0;
    }
    return at + 1;
}

static bool is_number_byte(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || byte == '-' || byte == '+' || byte == '.' || byte == 'e' ||
           byte == 'E';
}

struct bytes json_scan_next_number(struct bytes text, size_t *at)
{
    size_t start = *at;
    while (start < text.length) {
        uint8_t byte = text.data[start];
        if (byte == '-' || (byte >= '0' && byte <= '9')) {
            break;
        }
        start = byte == '"' ? string_end(text, start) : start + 1;
    }
    size_t end = start;
    while (end < text.length && is_number_byte(text.data[end])) {
        end++;
    }
    *at = end;
    return end > start ? bytes_of(text.data + start, end - start) : bytes_of(NULL, 0);
}
