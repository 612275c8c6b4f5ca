/* Expectations of JSON documents, named by paths like "governors/quota/used". A value reads as text: a string
 * as itself, everything else as JSON prints it (null, true, 5, {…}). Each fails the running cmocka test with
 * the whole document in its message. */
#ifndef FLYBALL_TESTS_ENDTOEND_EXPECT_H
#define FLYBALL_TESTS_ENDTOEND_EXPECT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

enum { EXPECT_TEXT_MAX = 8192 };

/* NULL if there is none. Digits are also places in an array. */
const cJSON *json_at(const cJSON *json, const char *path);

/* The value as text; "nothing" if there is none. */
const char *json_text(const cJSON *json, const char *path, char text[EXPECT_TEXT_MAX]);

/* The number there; fails if there is none. */
double json_number(const cJSON *json, const char *path);
/* The string there; fails if there is none. */
const char *json_string(const cJSON *json, const char *path);
/* An amount ("2.5") in micro-units; fails if it is none. */
int64_t json_micro(const cJSON *json, const char *path);

void expect(const cJSON *json, const char *path, const char *text);
void expect_number_between(const cJSON *json, const char *path, double least, double most);
void expect_absent(const cJSON *json, const char *path);

/* A decision or reply: the two members that say how it ended. */
void expect_decision(const cJSON *decision, const char *verdict, const char *reason);
void expect_reply(const cJSON *reply, const char *reason);

/* The verdict and state of one governor in a decision. */
void expect_governor(const cJSON *decision, const char *governor, const char *verdict, const char *state);

/* The time there, in milliseconds since 1970; fails unless it is in the one form times are written. */
int64_t json_instant(const cJSON *json, const char *path);

/* Writes an instant in that form. */
const char *instant_text(int64_t instant_ms, char text[32]);

/* Wall time in milliseconds since 1970. */
int64_t wall_ms(void);

/* The text with every time replaced by <time>. The caller frees it. */
char *without_times(const char *text);

#endif
