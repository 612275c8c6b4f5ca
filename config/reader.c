#include "config/reader.h"

#include "base/utf8.h"
#include <assert.h>
#include <inttypes.h>
#include <string.h>

enum { WORDS_TEXT_MAX = 96 };

void reader_init(struct config_reader *reader, struct config_errors *errors, struct arena *arena)
{
    reader->errors = errors;
    reader->arena = arena;
    reader->path = text_of(reader->path_storage, sizeof reader->path_storage);
}

void reader_enter_key(struct config_reader *reader, struct bytes key)
{
    text_put_string(&reader->path, "/");
    size_t start = 0;
    for (size_t i = 0; i < key.length; i++) {
        if (key.data[i] == '~' || key.data[i] == '/') {
            text_put(&reader->path, bytes_of(key.data + start, i - start));
            text_put_string(&reader->path, key.data[i] == '~' ? "~0" : "~1");
            start = i + 1;
        }
    }
    text_put(&reader->path, bytes_after(key, start));
}

void reader_enter_index(struct config_reader *reader, size_t index)
{
    text_put_string(&reader->path, "/");
    text_put_unsigned(&reader->path, index);
}

void reader_complain(struct config_reader *reader, enum config_code code, const char *message, ...)
{
    va_list arguments;
    va_start(arguments, message);
    config_errors_add_list(reader->errors, text_bytes(&reader->path), code, message, arguments);
    va_end(arguments);
}

void reader_complain_key(struct config_reader *reader, const char *key, enum config_code code,
                         const char *message, ...)
{
    struct text outer = reader->path;
    reader_enter_key(reader, bytes_of_string(key));
    va_list arguments;
    va_start(arguments, message);
    config_errors_add_list(reader->errors, text_bytes(&reader->path), code, message, arguments);
    va_end(arguments);
    reader->path = outer;
}

bool reader_is_object(struct config_reader *reader, const cJSON *item)
{
    if (!cJSON_IsObject(item)) {
        reader_complain(reader, CONFIG_TYPE, "must be an object");
        return false;
    }
    return true;
}

bool reader_is_array(struct config_reader *reader, const cJSON *item, size_t most)
{
    if (!cJSON_IsArray(item)) {
        reader_complain(reader, CONFIG_TYPE, "must be an array");
        return false;
    }
    if ((size_t)cJSON_GetArraySize(item) > most) {
        reader_complain(reader, CONFIG_TOO_MANY, "has %d elements; at most %zu are allowed",
                        cJSON_GetArraySize(item), most);
        return false;
    }
    return true;
}

bool reader_has(struct config_reader *reader, const cJSON *object, const char *key)
{
    if (json_member(object, key) != NULL) {
        return true;
    }
    reader_complain_key(reader, key, CONFIG_REQUIRED, "is missing");
    return false;
}

/* STATUS_INVALID: not whole. STATUS_OVERFLOW: negative, or beyond what can be told exactly. */
static enum status whole_number(const cJSON *item, uint64_t *value)
{
    struct bytes text = json_number_text(item);
    double number = item->valuedouble;
    if (strspn(item->valuestring, "0123456789") != text.length) {
        if (!(number >= 0 && number <= 9007199254740992.0)) {
            return STATUS_OVERFLOW;
        }
        *value = (uint64_t)number;
        return (double)*value == number ? STATUS_OK : STATUS_INVALID;
    }
    uint64_t whole = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(text.data[i] - '0'), &whole)) {
            return STATUS_OVERFLOW;
        }
    }
    *value = whole;
    return STATUS_OK;
}

bool reader_unsigned(struct config_reader *reader, const cJSON *item, uint64_t least, uint64_t most,
                     uint64_t *value)
{
    uint64_t number = 0;
    enum status status = cJSON_IsNumber(item) ? whole_number(item, &number) : STATUS_INVALID;
    if (status == STATUS_INVALID) {
        reader_complain(reader, CONFIG_TYPE, "must be a whole number from %" PRIu64 " to %" PRIu64, least,
                        most);
        return false;
    }
    if (status != STATUS_OK || number < least || number > most) {
        reader_complain(reader, CONFIG_RANGE, "must be from %" PRIu64 " to %" PRIu64, least, most);
        return false;
    }
    *value = number;
    return true;
}

static enum status amount_of(const cJSON *item, micro_units *value)
{
    if (cJSON_IsString(item)) {
        struct bytes text = json_text(item);
        bool is_negative = text.length > 0 && text.data[0] == '-';
        enum status status = micro_units_parse(bytes_after(text, is_negative ? 1 : 0), value);
        return is_negative && status == STATUS_OK ? STATUS_OVERFLOW : status;
    }
    enum status status = micro_units_parse_number(json_number_text(item), value);
    if (status != STATUS_OK && (item->valuedouble < 0 || item->valuedouble > 9007199254.0)) {
        return STATUS_OVERFLOW;
    }
    return status;
}

bool reader_amount(struct config_reader *reader, const cJSON *item, micro_units *value)
{
    if (!cJSON_IsString(item) && !cJSON_IsNumber(item)) {
        reader_complain(reader, CONFIG_TYPE, "must be an amount: a string such as \"2.5\", or a number");
        return false;
    }
    micro_units amount = 0;
    enum status status = amount_of(item, &amount);
    if (status == STATUS_INVALID) {
        reader_complain(reader, CONFIG_FORMAT, "must be digits with at most 6 decimals, such as \"2.5\"");
        return false;
    }
    if (status != STATUS_OK) {
        reader_complain(reader, CONFIG_RANGE,
                        "must be from 0 to 9007199254 as a number, to 9223372036854.775807 as a string");
        return false;
    }
    *value = amount;
    return true;
}

bool reader_share(struct config_reader *reader, const cJSON *item, micro_units *value)
{
    if (!cJSON_IsNumber(item)) {
        reader_complain(reader, CONFIG_TYPE, "must be a number from 0 to 1");
        return false;
    }
    if (!(item->valuedouble >= 0 && item->valuedouble <= 1)) {
        reader_complain(reader, CONFIG_RANGE, "must be from 0 to 1");
        return false;
    }
    micro_units share = 0;
    if (micro_units_parse_number(json_number_text(item), &share) != STATUS_OK || share > MICRO_UNITS_ONE) {
        reader_complain(reader, CONFIG_FORMAT, "must have at most 6 decimals");
        return false;
    }
    *value = share;
    return true;
}

bool reader_string(struct config_reader *reader, const cJSON *item, size_t least, size_t most,
                   struct bytes *value)
{
    bool is_lenient = (item->type & READER_LENIENT) != 0 && cJSON_IsNumber(item);
    if (!cJSON_IsString(item) && !is_lenient) {
        reader_complain(reader, CONFIG_TYPE, "must be a string");
        return false;
    }
    struct bytes string = bytes_of_string(item->valuestring);
    if (string.length > most) {
        reader_complain(reader, CONFIG_TOO_LONG, "has %zu bytes; at most %zu are allowed", string.length,
                        most);
        return false;
    }
    if (string.length < least) {
        reader_complain(reader, CONFIG_FORMAT, "must not be empty");
        return false;
    }
    *value = string;
    return true;
}

bool reader_plain_string(struct config_reader *reader, const cJSON *item, size_t least, size_t most,
                         struct bytes *value)
{
    struct bytes string;
    if (!reader_string(reader, item, least, most, &string)) {
        return false;
    }
    if (!utf8_is_text(string)) {
        reader_complain(reader, CONFIG_FORMAT, "must not have control characters or noncharacters");
        return false;
    }
    *value = string;
    return true;
}

bool reader_name(struct config_reader *reader, const cJSON *item, struct name *value)
{
    struct bytes string;
    return reader_plain_string(reader, item, 1, NAME_BYTES_MAX, &string) &&
           name_set(value, string) == STATUS_OK;
}

bool reader_name_key(struct config_reader *reader, const cJSON *item, struct name *value)
{
    struct bytes key = bytes_of_string(item->string);
    if (key.length == 0 || !utf8_is_text(key)) {
        reader_complain(reader, CONFIG_FORMAT,
                        "a name must not be empty or have control characters or noncharacters");
        return false;
    }
    if (name_set(value, key) != STATUS_OK) {
        reader_complain(reader, CONFIG_TOO_LONG, "the name has %zu bytes; at most %d are allowed", key.length,
                        NAME_BYTES_MAX);
        return false;
    }
    return true;
}

bool reader_segment_key(struct config_reader *reader, const cJSON *item, struct name *value)
{
    if (!reader_name_key(reader, item, value)) {
        return false;
    }
    if (!name_is_segment(name_bytes(value))) {
        reader_complain(reader, CONFIG_FORMAT, "must be \"*\" or a topic segment: no + # / or spaces");
        return false;
    }
    return true;
}

static void put_words(struct text *text, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        text_put_string(text, i == 0 ? "\"" : ", \"");
        text_put_string(text, words[i]);
        text_put_string(text, "\"");
    }
}

bool reader_choice(struct config_reader *reader, const cJSON *item, const char *const *words, uint32_t *index)
{
    struct bytes string;
    if (!reader_string(reader, item, 0, SIZE_MAX, &string)) {
        return false;
    }
    for (uint32_t i = 0; words[i] != NULL; i++) {
        if (bytes_equal_string(string, words[i])) {
            *index = i;
            return true;
        }
    }
    char storage[WORDS_TEXT_MAX];
    struct text allowed = text_of(storage, sizeof storage);
    put_words(&allowed, words);
    reader_complain(reader, CONFIG_RANGE, "must be one of %s", text_string(&allowed));
    return false;
}

const char *reader_keep(struct config_reader *reader, struct bytes string)
{
    char *copy = arena_take(reader->arena, string.length + 1);
    assert(copy != NULL);
    if (string.length > 0) {
        memcpy(copy, string.data, string.length);
    }
    copy[string.length] = '\0';
    return copy;
}
