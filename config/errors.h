/* What is wrong with a configuration: where, of which kind, and in words. */
#ifndef FLYBALL_CONFIG_ERRORS_H
#define FLYBALL_CONFIG_ERRORS_H

#include <stdarg.h>

#include "base/text.h"

enum {
    CONFIG_ERRORS_MAX = 32,
    CONFIG_PATH_MAX = 256, /* A longer path is cut at its end. */
    CONFIG_MESSAGE_MAX = 192,
};

enum config_code {
    CONFIG_UNKNOWN_KEY,
    CONFIG_TYPE,
    CONFIG_RANGE,
    CONFIG_REQUIRED,
    CONFIG_FORMAT,
    CONFIG_UNKNOWN_REFERENCE,
    CONFIG_DUPLICATE,
    CONFIG_TOO_MANY,
    CONFIG_TOO_LONG,
    CONFIG_NOT_JSON,
    CONFIG_ENVIRONMENT,
    CONFIG_STALE_VERSION, /* These two of desired configurations only. */
    CONFIG_VERSION_CONFLICT,
};

struct config_error {
    char path[CONFIG_PATH_MAX + 1]; /* RFC 6901; "" is the whole document. */
    enum config_code code;
    char message[CONFIG_MESSAGE_MAX + 1]; /* What is wrong and what is allowed; never a configured value that
                                             may be secret. */
};

/* All zero holds no error. */
struct config_errors {
    uint32_t count;   /* Of `items`. */
    uint32_t dropped; /* Found beyond CONFIG_ERRORS_MAX. */
    struct config_error items[CONFIG_ERRORS_MAX];
};

/* As the contract spells it: "unknown_key". */
const char *config_code_name(enum config_code code);

/* Cuts path and message, at a character, if they are too long. */
void config_errors_add(struct config_errors *errors, struct bytes path, enum config_code code,
                       const char *message, ...) __attribute__((format(printf, 4, 5)));

void config_errors_add_list(struct config_errors *errors, struct bytes path, enum config_code code,
                            const char *message, va_list arguments) __attribute__((format(printf, 4, 0)));

/* A JSON array of {path, code, message}. */
void config_errors_write(const struct config_errors *errors, struct text *json);

#endif
