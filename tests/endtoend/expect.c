#include "tests/endtoend/expect.h"

#include <ctype.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { TIME_BYTES = sizeof "2026-11-21T07:00:00.000Z" - 1, MICRO = 1000000 };

const cJSON *json_at(const cJSON *json, const char *path)
{
    while (json != NULL && *path != '\0') {
        char name[128];
        size_t length = strcspn(path, "/");
        assert_in_range(length, 1, sizeof name - 1);
        snprintf(name, sizeof name, "%.*s", (int)length, path);
        json = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, atoi(name))
                                   : cJSON_GetObjectItemCaseSensitive(json, name);
        path += length;
        path += *path == '/';
    }
    return json;
}

static void complain(const cJSON *json, const char *path, const char *wanted, const char *got)
{
    char *whole = cJSON_PrintUnformatted(json);
    fail_msg("%s: expected %s, got %s in %s", path, wanted, got, whole);
}

const char *json_text(const cJSON *json, const char *path, char text[EXPECT_TEXT_MAX])
{
    const cJSON *value = json_at(json, path);
    if (value == NULL) {
        snprintf(text, EXPECT_TEXT_MAX, "nothing");
    } else if (cJSON_IsString(value)) {
        snprintf(text, EXPECT_TEXT_MAX, "%s", value->valuestring);
    } else {
        char *printed = cJSON_PrintUnformatted(value);
        snprintf(text, EXPECT_TEXT_MAX, "%s", printed);
        cJSON_free(printed);
    }
    return text;
}

void expect(const cJSON *json, const char *path, const char *text)
{
    char got[EXPECT_TEXT_MAX];
    json_text(json, path, got);
    if (strcmp(got, text) != 0) {
        complain(json, path, text, got);
    }
}

void expect_absent(const cJSON *json, const char *path)
{
    if (json_at(json, path) != NULL) {
        complain(json, path, "nothing", "something");
    }
}

double json_number(const cJSON *json, const char *path)
{
    const cJSON *value = json_at(json, path);
    if (!cJSON_IsNumber(value)) {
        complain(json, path, "a number", "none");
        return 0;
    }
    return value->valuedouble;
}

const char *json_string(const cJSON *json, const char *path)
{
    const cJSON *value = json_at(json, path);
    if (!cJSON_IsString(value)) {
        complain(json, path, "a string", "none");
        return "";
    }
    return value->valuestring;
}

int64_t json_micro(const cJSON *json, const char *path)
{
    const char *text = json_string(json, path);
    int64_t sign = *text == '-' ? -1 : 1;
    text += *text == '-';
    char *rest;
    int64_t micro = strtoll(text, &rest, 10) * MICRO;
    int64_t unit = MICRO / 10;
    if (*rest == '.') {
        for (rest++; isdigit((unsigned char)*rest); rest++, unit /= 10) {
            micro += unit * (*rest - '0');
        }
    }
    if (*rest != '\0' || rest == text) {
        complain(json, path, "an amount", text);
    }
    return sign * micro;
}

void expect_number_between(const cJSON *json, const char *path, double least, double most)
{
    double number = json_number(json, path);
    if (number < least || number > most) {
        char wanted[96];
        char got[EXPECT_TEXT_MAX];
        snprintf(wanted, sizeof wanted, "from %.17g to %.17g", least, most);
        json_text(json, path, got);
        complain(json, path, wanted, got);
    }
}

void expect_decision(const cJSON *decision, const char *verdict, const char *reason)
{
    expect(decision, "decision", verdict);
    expect(decision, "reason", reason);
}

void expect_reply(const cJSON *reply, const char *reason)
{
    expect(reply, "reason", reason);
    expect(reply, "status", strcmp(reason, "ok") == 0 ? "ok" : "rejected");
}

void expect_governor(const cJSON *decision, const char *governor, const char *verdict, const char *state)
{
    char path[64];
    snprintf(path, sizeof path, "governors/%s/verdict", governor);
    expect(decision, path, verdict);
    snprintf(path, sizeof path, "governors/%s/state", governor);
    expect(decision, path, state);
}

/* NULL unless it starts with a time as all times are written. */
static bool starts_with_time(const char *text)
{
    static const char form[] = "0000-00-00T00:00:00.000Z";
    for (size_t i = 0; i < TIME_BYTES; i++) {
        bool is_good = form[i] == '0' ? isdigit((unsigned char)text[i]) != 0 : text[i] == form[i];
        if (!is_good) {
            return false;
        }
    }
    return true;
}

int64_t json_instant(const cJSON *json, const char *path)
{
    const char *text = json_string(json, path);
    if (!starts_with_time(text) || strlen(text) != TIME_BYTES) {
        complain(json, path, "a time", text);
    }
    struct tm parts = {0};
    strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    return (int64_t)timegm(&parts) * 1000 + atoi(text + TIME_BYTES - 4);
}

const char *instant_text(int64_t instant_ms, char text[32])
{
    time_t seconds = (time_t)(instant_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    size_t length = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + length, 32 - length, ".%03dZ", (int)(instant_ms % 1000));
    return text;
}

int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

char *without_times(const char *text)
{
    char *copy = malloc(strlen(text) + 1);
    char *end = copy;
    while (*text != '\0') {
        if (starts_with_time(text)) {
            end = stpcpy(end, "<time>");
            text += TIME_BYTES;
        } else {
            *end++ = *text++;
        }
    }
    *end = '\0';
    return copy;
}
