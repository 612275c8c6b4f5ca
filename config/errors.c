#include "config/errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *config_code_name(enum config_code code)
{
    switch (code) {
    case CONFIG_UNKNOWN_KEY: return "unknown_key";
    case CONFIG_TYPE: return "type";
    case CONFIG_RANGE: return "range";
    case CONFIG_REQUIRED: return "required";
    case CONFIG_FORMAT: return "format";
    case CONFIG_UNKNOWN_REFERENCE: return "unknown_reference";
    case CONFIG_DUPLICATE: return "duplicate";
    case CONFIG_TOO_MANY: return "too_many";
    case CONFIG_TOO_LONG: return "too_long";
    case CONFIG_NOT_JSON: return "not_json";
    case CONFIG_ENVIRONMENT: return "environment";
    case CONFIG_STALE_VERSION: return "stale_version";
    case CONFIG_VERSION_CONFLICT: return "version_conflict";
    }
    abort(); /* Corrupt code. */
}

/* The longest beginning of at most `most` bytes that does not end inside a character. */
static size_t whole_characters(struct bytes text, size_t most)
{
    if (text.length <= most) {
        return text.length;
    }
    while (most > 0 && (text.data[most] & 0xC0) == 0x80) {
        most--;
    }
    return most;
}

void config_errors_add_list(struct config_errors *errors, struct bytes path, enum config_code code,
                            const char *message, va_list arguments)
{
    if (errors->count == CONFIG_ERRORS_MAX) {
        errors->dropped++;
        return;
    }
    struct config_error *error = &errors->items[errors->count++];
    memset(error, 0, sizeof *error);
    error->code = code;
    if (path.length > 0) {
        memcpy(error->path, path.data, whole_characters(path, CONFIG_PATH_MAX));
    }
    char formatted[2 * CONFIG_MESSAGE_MAX];
    vsnprintf(formatted, sizeof formatted, message, arguments);
    memcpy(error->message, formatted, whole_characters(bytes_of_string(formatted), CONFIG_MESSAGE_MAX));
}

void config_errors_add(struct config_errors *errors, struct bytes path, enum config_code code,
                       const char *message, ...)
{
    va_list arguments;
    va_start(arguments, message);
    config_errors_add_list(errors, path, code, message, arguments);
    va_end(arguments);
}

void config_errors_write(const struct config_errors *errors, struct text *json)
{
    json_open_array(json);
    for (uint32_t i = 0; i < errors->count; i++) {
        const struct config_error *error = &errors->items[i];
        json_open_object(json);
        json_put_literal(json, "path", error->path);
        json_put_literal(json, "code", config_code_name(error->code));
        json_put_literal(json, "message", error->message);
        json_close_object(json);
    }
    json_close_array(json);
}
