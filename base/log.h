/* One line per event on standard error: an event named noun.past_tense, then key=value. Never payloads or
 * secrets. Only floors 3 and 4 log. */
#ifndef FLYBALL_BASE_LOG_H
#define FLYBALL_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

/* Lines below `level` are dropped. Any thread may change it at any time. */
void log_set_level(enum log_level level);
void log_set_format(enum log_format format);

/* Formats into a fixed buffer (longer lines are cut) and writes once; safe from any thread. */
void log_line(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_debug(event, ...) log_line(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) log_line(LOG_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) log_line(LOG_WARN, event, __VA_ARGS__)
#define log_error(event, ...) log_line(LOG_ERROR, event, __VA_ARGS__)

#endif
