#include "base/instant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

struct reading {
    const char *text;
    instant_ms instant;
};

static void date_times_of_rfc_3339_are_read(void **context)
{
    (void)context;
    static const struct reading table[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.001Z", 1},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2026-11-21T07:00:00.000Z", 1795244400000},
        {"2026-11-21t07:00:00z", 1795244400000},
        {"2026-11-21 07:00:00Z", 1795244400000},
        {"2026-11-21T08:30:00+01:30", 1795244400000},
        {"2026-11-20T23:00:00-08:00", 1795244400000},
        {"2026-11-21T07:00:00-00:00", 1795244400000},
        {"2026-11-21T07:00:00.1Z", 1795244400100},
        {"2026-11-21T07:00:00.1239999999999999999999999999Z", 1795244400123},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"0000-01-01T00:00:00Z", INSTANT_LEAST},
        {"9999-12-31T23:59:59.999Z", INSTANT_MOST},
        {"1985-04-12T23:20:50.52Z", 482196050520},
        {"1996-12-19T16:39:57-08:00", 851042397000},
        {"1937-01-01T12:00:27.87+00:20", -1041337172130},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        instant_ms instant = 0;
        enum status status = instant_parse(bytes_of_string(table[i].text), &instant);
        if (status != STATUS_OK || instant != table[i].instant) {
            fail_msg("%s: %s, %lld", table[i].text, status_name(status), (long long)instant);
        }
    }
}

static void anything_else_is_refused(void **context)
{
    (void)context;
    static const char *const table[] = {
        "",
        "2026",
        "2026-11-21",
        "2026-11-21T07:00Z",
        "2026-11-21T07:00:00",
        "2026-11-21T07:00:00.Z",
        "2026-11-21T07:00:00,5Z",
        "2026-11-21T07:00:00Zx",
        "2026-11-21T07:00:00Z ",
        " 2026-11-21T07:00:00Z",
        "2026-11-21X07:00:00Z",
        "2026-11-21T07:00:00+0100",
        "2026-11-21T07:00:00+01",
        "2026-11-21T07:00:00+24:00",
        "2026-11-21T07:00:00+01:60",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "26-01-01T00:00:00Z",
        "02026-01-01T00:00:00Z",
        "-026-01-01T00:00:00Z",
        "2026-1-1T00:00:00Z",
        "20261121T070000Z",
        "\xff",
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        instant_ms instant;
        if (instant_parse(bytes_of_string(table[i]), &instant) != STATUS_INVALID) {
            fail_msg("%s was taken", table[i]);
        }
    }
}

/* Offsets and leap seconds lead out of the calendar, where nothing could be written down again. */
static void times_beyond_the_calendar_are_refused(void **context)
{
    (void)context;
    static const char *const texts[] = {"9999-12-31T23:59:59-01:00", "9999-12-31T23:59:60Z",
                                        "0000-01-01T00:00:00+00:01"};
    instant_ms instant;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(instant_parse(bytes_of_string(texts[i]), &instant), STATUS_INVALID);
    }
    assert_int_equal(instant_parse(bytes_of_string("9999-12-31T23:59:59.999Z"), &instant), STATUS_OK);
    assert_int_equal(instant_parse(bytes_of_string("0000-01-01T00:00:00Z"), &instant), STATUS_OK);
}

static void every_beginning_of_a_date_time_is_refused(void **context)
{
    (void)context;
    static const char text[] = "2026-11-21T07:00:00.123+01:00";
    instant_ms instant;
    for (size_t length = 0; length < sizeof text - 1; length++) {
        assert_int_equal(instant_parse(bytes_of(text, length), &instant), STATUS_INVALID);
    }
}

static void instants_are_written_as_the_system_calendar_has_them(void **context)
{
    (void)context;
    for (instant_ms instant = INSTANT_LEAST; instant <= INSTANT_MOST; instant += 86399999 * 37LL) {
        instant_ms millis = ((instant % 1000) + 1000) % 1000;
        time_t seconds = (time_t)((instant - millis) / 1000);
        struct tm calendar;
        char expected[64];
        char written[INSTANT_TEXT_MAX];
        gmtime_r(&seconds, &calendar);
        size_t length = strftime(expected, sizeof expected, "-%m-%dT%H:%M:%S", &calendar);
        assert_int_equal(instant_format(instant, written), 24);
        assert_memory_equal(written + 4, expected, length);
        instant_ms back;
        assert_int_equal(instant_parse(bytes_of(written, 24), &back), STATUS_OK);
        assert_true(back == instant);
    }
}

static void instants_no_text_can_tell_are_written_as_the_nearest(void **context)
{
    (void)context;
    char written[INSTANT_TEXT_MAX];
    assert_int_equal(instant_format(INT64_MAX, written), 24);
    assert_memory_equal(written, "9999-12-31T23:59:59.999Z", 24);
    assert_int_equal(instant_format(INT64_MIN, written), 24);
    assert_memory_equal(written, "0000-01-01T00:00:00.000Z", 24);
}

struct month {
    const char *instant;
    const char *start;
    const char *next;
};

static instant_ms instant_of(const char *text)
{
    instant_ms instant = 0;
    assert_int_equal(instant_parse(bytes_of_string(text), &instant), STATUS_OK);
    return instant;
}

static void months_begin_and_end_where_the_calendar_says(void **context)
{
    (void)context;
    static const struct month table[] = {
        {"2026-11-21T07:00:00Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"},
        {"2026-12-31T23:59:59.999Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
        {"2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"},
        {"2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
        {"1969-12-31T23:59:59.999Z", "1969-12-01T00:00:00Z", "1970-01-01T00:00:00Z"},
        {"0000-02-29T00:00:00Z", "0000-02-01T00:00:00Z", "0000-03-01T00:00:00Z"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        instant_ms instant = instant_of(table[i].instant);
        assert_true(instant_month_start(instant) == instant_of(table[i].start));
        assert_true(instant_next_month(instant) == instant_of(table[i].next));
    }
}

static void months_at_the_ends_of_time_do_not_overflow(void **context)
{
    (void)context;
    assert_true(instant_next_month(INSTANT_NEVER) == INSTANT_NEVER);
    assert_true(instant_month_start(INSTANT_NEVER) <= INSTANT_NEVER);
    assert_true(instant_month_start(INT64_MIN) == INT64_MIN);
}

static void sums_are_held_at_the_ends_of_time(void **context)
{
    (void)context;
    assert_true(instant_add(1000, -1) == 999);
    assert_true(instant_add(INSTANT_NEVER, 1) == INSTANT_NEVER);
    assert_true(instant_add(1, INT64_MAX) == INSTANT_NEVER);
    assert_true(instant_add(-2, INT64_MIN) == INSTANT_LEAST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(date_times_of_rfc_3339_are_read),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(times_beyond_the_calendar_are_refused),
        cmocka_unit_test(every_beginning_of_a_date_time_is_refused),
        cmocka_unit_test(instants_are_written_as_the_system_calendar_has_them),
        cmocka_unit_test(instants_no_text_can_tell_are_written_as_the_nearest),
        cmocka_unit_test(months_begin_and_end_where_the_calendar_says),
        cmocka_unit_test(months_at_the_ends_of_time_do_not_overflow),
        cmocka_unit_test(sums_are_held_at_the_ends_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
