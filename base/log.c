#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

enum { LOG_LINE_MAX = 1024 };

static _Atomic(enum log_level) log_level_least = LOG_INFO;
static _Atomic(enum log_format) log_format_used = LOG_TEXT;

void log_set_level(enum log_level level)
{
    atomic_store(&log_level_least, level);
}

void log_set_format(enum log_format format)
{
    atomic_store(&log_format_used, format);
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_DEBUG: return "debug";
    case LOG_INFO: return "info";
    case LOG_WARN: return "warn";
    case LOG_ERROR: return "error";
    }
    abort(); /* Corrupt level. */
}

static void put_now(struct text *line)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char digits[INSTANT_TEXT_MAX];
    size_t length = instant_format((instant_ms)now.tv_sec * 1000 + now.tv_nsec / 1000000, digits);
    text_put(line, bytes_of(digits, length));
}

static void put_text_line(struct text *line, enum log_level level, const char *event, const char *message)
{
    put_now(line);
    text_put_string(line, " ");
    text_put_string(line, level_name(level));
    text_put_string(line, " ");
    text_put_string(line, event);
    text_put_string(line, " ");
    text_put_string(line, message);
}

static void put_json_line(struct text *line, enum log_level level, const char *event, const char *message)
{
    json_open_object(line);
    json_key(line, "time");
    text_put_string(line, "\"");
    put_now(line);
    text_put_string(line, "\"");
    json_put_literal(line, "level", level_name(level));
    json_put_literal(line, "event", event);
    json_put_literal(line, "message", message);
    json_close_object(line);
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    if (level < atomic_load_explicit(&log_level_least, memory_order_relaxed)) {
        return;
    }
    char message[LOG_LINE_MAX / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);

    char buffer[LOG_LINE_MAX * 4];
    struct text line = text_of(buffer, sizeof buffer - 1);
    if (atomic_load_explicit(&log_format_used, memory_order_relaxed) == LOG_JSON) {
        put_json_line(&line, level, event, message);
    } else {
        put_text_line(&line, level, event, message);
    }
    buffer[line.length++] = '\n';
    ssize_t written = write(STDERR_FILENO, buffer, line.length);
    (void)written; /* Nowhere left to report it. */
}
