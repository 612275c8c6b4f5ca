#include "base/instant.h"

#include <stdbool.h>
#include <stdio.h>

enum { DAY_MS = 24 * 60 * 60 * 1000, MINUTE_MS = 60 * 1000 };

struct civil_date {
    int64_t year;
    unsigned month; /* 1-12 */
    unsigned day;   /* 1-31 */
};

static int64_t floor_divide(int64_t left, int64_t right)
{
    return left / right - (left % right < 0 ? 1 : 0);
}

/* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil. */
static int64_t days_from_civil(struct civil_date date)
{
    int64_t year = date.year - (date.month <= 2 ? 1 : 0);
    int64_t era = floor_divide(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t shifted_month = (date.month + 9) % 12;
    int64_t day_of_year = (153 * shifted_month + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

/* The same source, civil_from_days. */
static struct civil_date civil_from_days(int64_t days)
{
    days += 719468;
    int64_t era = floor_divide(days, 146097);
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    unsigned month = (unsigned)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    return (struct civil_date){.year = year_of_era + era * 400 + (month <= 2 ? 1 : 0),
                               .month = month,
                               .day = (unsigned)(day_of_year - (153 * shifted_month + 2) / 5 + 1)};
}

size_t instant_format(instant_ms instant, char text[INSTANT_TEXT_MAX])
{
    if (instant < INSTANT_LEAST) {
        instant = INSTANT_LEAST;
    }
    if (instant > INSTANT_MOST) {
        instant = INSTANT_MOST;
    }
    int64_t days = floor_divide(instant, DAY_MS);
    struct civil_date date = civil_from_days(days);
    unsigned of_day = (unsigned)(instant - days * DAY_MS);
    char buffer[64];
    int length = snprintf(buffer, sizeof buffer, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)date.year,
                          date.month, date.day, of_day / 3600000, of_day / 60000 % 60, of_day / 1000 % 60,
                          of_day % 1000);
    for (int i = 0; i < length; i++) {
        text[i] = buffer[i];
    }
    return (size_t)length;
}

/* Takes exactly `count` digits off the front. */
static bool take_digits(struct bytes *text, size_t count, unsigned *value)
{
    if (text->length < count) {
        return false;
    }
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = text->data[i];
        if (byte < '0' || byte > '9') {
            return false;
        }
        *value = *value * 10 + (byte - '0');
    }
    *text = bytes_after(*text, count);
    return true;
}

static bool take_one_of(struct bytes *text, const char *choices, char *taken)
{
    for (; text->length > 0 && *choices != '\0'; choices++) {
        if (text->data[0] == (uint8_t)*choices) {
            *taken = *choices;
            *text = bytes_after(*text, 1);
            return true;
        }
    }
    return false;
}

static unsigned days_in_month(int64_t year, unsigned month)
{
    static const unsigned month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month_days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

static bool take_date(struct bytes *text, int64_t *days)
{
    unsigned year, month, day;
    char taken;
    if (!take_digits(text, 4, &year) || !take_one_of(text, "-", &taken) || !take_digits(text, 2, &month) ||
        !take_one_of(text, "-", &taken) || !take_digits(text, 2, &day)) {
        return false;
    }
    if (month < 1 || month > 12) {
        return false;
    }
    *days = days_from_civil((struct civil_date){.year = year, .month = month, .day = day});
    return day >= 1 && day <= days_in_month(year, month);
}

static bool take_fraction(struct bytes *text, unsigned *millis)
{
    char taken;
    *millis = 0;
    if (!take_one_of(text, ".", &taken)) {
        return true;
    }
    unsigned digit;
    unsigned scale = 100;
    size_t digits = 0;
    for (; take_digits(text, 1, &digit); digits++) {
        *millis += digit * scale;
        scale /= 10;
    }
    return digits > 0;
}

static bool take_time(struct bytes *text, int64_t *of_day_ms)
{
    unsigned hour, minute, second, millis;
    char taken;
    if (!take_digits(text, 2, &hour) || !take_one_of(text, ":", &taken) || !take_digits(text, 2, &minute) ||
        !take_one_of(text, ":", &taken) || !take_digits(text, 2, &second) || !take_fraction(text, &millis)) {
        return false;
    }
    *of_day_ms = ((int64_t)hour * 60 + minute) * MINUTE_MS + (int64_t)second * 1000 + millis;
    return hour <= 23 && minute <= 59 && second <= 60;
}

static bool take_offset(struct bytes *text, int64_t *offset_ms)
{
    char taken;
    unsigned hours, minutes;
    *offset_ms = 0;
    if (take_one_of(text, "Zz", &taken)) {
        return true;
    }
    char sign;
    if (!take_one_of(text, "+-", &sign) || !take_digits(text, 2, &hours) || !take_one_of(text, ":", &taken) ||
        !take_digits(text, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *offset_ms = ((int64_t)hours * 60 + minutes) * MINUTE_MS * (sign == '-' ? -1 : 1);
    return true;
}

enum status instant_parse(struct bytes text, instant_ms *instant)
{
    int64_t days, of_day_ms, offset_ms;
    char taken;
    if (!take_date(&text, &days) || !take_one_of(&text, "Tt ", &taken) || !take_time(&text, &of_day_ms) ||
        !take_offset(&text, &offset_ms) || text.length != 0) {
        return STATUS_INVALID;
    }
    int64_t parsed = days * DAY_MS + of_day_ms - offset_ms;
    if (parsed < INSTANT_LEAST || parsed > INSTANT_MOST) { /* An offset or a leap second leads out of it. */
        return STATUS_INVALID;
    }
    *instant = parsed;
    return STATUS_OK;
}

/* Midnight of the day, held at the ends of the range instead of overflowing. */
static instant_ms day_start(int64_t days)
{
    instant_ms start;
    if (__builtin_mul_overflow(days, DAY_MS, &start)) {
        return days > 0 ? INSTANT_NEVER : INT64_MIN;
    }
    return start;
}

void instant_month_bounds(instant_ms instant, instant_ms *start, instant_ms *next)
{
    int64_t days = floor_divide(instant, DAY_MS);
    struct civil_date date = civil_from_days(days);
    int64_t first = days - (date.day - 1);
    *start = day_start(first);
    *next = day_start(first + days_in_month(date.year, date.month));
}

instant_ms instant_month_start(instant_ms instant)
{
    instant_ms start, next;
    instant_month_bounds(instant, &start, &next);
    return start;
}

instant_ms instant_next_month(instant_ms instant)
{
    instant_ms start, next;
    instant_month_bounds(instant, &start, &next);
    return next;
}

instant_ms instant_add(instant_ms instant, int64_t duration_ms)
{
    int64_t sum;
    if (__builtin_add_overflow(instant, duration_ms, &sum)) {
        return duration_ms > 0 ? INSTANT_NEVER : INSTANT_LEAST;
    }
    return sum;
}
