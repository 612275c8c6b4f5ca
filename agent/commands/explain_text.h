/* Pieces of sentences for people. Names come from outside: nothing in them reaches the terminal as a command
 * to it. */
#ifndef FLYBALL_AGENT_COMMANDS_EXPLAIN_TEXT_H
#define FLYBALL_AGENT_COMMANDS_EXPLAIN_TEXT_H

#include "base/text.h"

/* Control characters become \x and two digits. */
void put_plain(struct text *text, struct bytes bytes);
void put_plain_name(struct text *text, const struct name *name);

void put_amount(struct text *text, micro_units value);
void put_instant(struct text *text, instant_ms value);

/* "3600 s", "0.25 s". */
void put_duration(struct text *text, int64_t duration_ms);

/* The word, padded to a column of that width. */
void put_column(struct text *text, const char *word, size_t width);

/* "left -> right". */
void put_change(struct text *text, const char *before, const char *after);
void put_amount_change(struct text *text, micro_units before, micro_units after);

#endif
