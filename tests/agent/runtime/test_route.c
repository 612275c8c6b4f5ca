#include "agent/runtime/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct validity {
    const char *template;
    bool valid;
};

static void only_whole_segments_capture(void **context)
{
    (void)context;
    static const struct validity table[] = {
        {"tele/{device}/SENSOR", true},
        {"{a}", true},
        {"house", true},
        {"{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}", true},
        {"{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", false},
        {"{a_1}/x", true},
        {"{a}/{a}", false},
        {"{}", false},
        {"{a b}", false},
        {"{a-b}", false},
        {"{a", false},
        {"a}", false},
        {"x{a}", false},
        {"{a}x", false},
        {"{a}{b}", false},
        {"{{a}}", false},
        {"a/+/b", false},
        {"a/#", false},
        {"a+", false},
        {"", false},
        {"/", false},
        {"/a", false},
        {"a/", false},
        {"a//b", false},
        {"a/\xff", false},
        {"caf\xc3\xa9/{x}", true},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (template_is_valid(bytes_of_string(table[i].template)) != table[i].valid) {
            fail_msg("%s should%s be valid", table[i].template, table[i].valid ? "" : " not");
        }
    }
    assert_false(template_is_valid(bytes_of("a\0b", 3)));
    assert_false(template_is_valid(bytes_of(NULL, 0)));
}

static void templates_and_names_have_limits(void **context)
{
    (void)context;
    char text[ROUTE_TEXT_MAX + 1];
    memset(text, 'a', sizeof text);
    assert_true(template_is_valid(bytes_of(text, ROUTE_TEXT_MAX)));
    assert_false(template_is_valid(bytes_of(text, ROUTE_TEXT_MAX + 1)));
    text[0] = '{';
    text[65] = '}';
    assert_true(template_is_valid(bytes_of(text, 66)));
    text[65] = 'a';
    text[66] = '}';
    assert_false(template_is_valid(bytes_of(text, 67)));
    struct route_text set;
    assert_int_equal(route_text_set(&set, bytes_of(text, ROUTE_TEXT_MAX)), STATUS_OK);
    assert_int_equal(set.length, ROUTE_TEXT_MAX);
    assert_int_equal(route_text_set(&set, bytes_of(text, ROUTE_TEXT_MAX + 1)), STATUS_TOO_LARGE);
    assert_int_equal(set.length, 0);
}

struct matching {
    const char *template;
    const char *topic;
    bool matches;
};

static void topics_match_level_by_level(void **context)
{
    (void)context;
    static const struct matching table[] = {
        {"tele/{device}/SENSOR", "tele/plug-1/SENSOR", true},
        {"tele/{device}/SENSOR", "tele/plug-1/STATE", false},
        {"tele/{device}/SENSOR", "tele/plug-1/SENSOR/x", false},
        {"tele/{device}/SENSOR", "tele/plug-1/SENSOR/", false},
        {"tele/{device}/SENSOR", "tele/plug-1", false},
        {"tele/{device}/SENSOR", "tele//SENSOR", false},
        {"tele/{device}/SENSOR", "tele/a b/SENSOR", false},
        {"tele/{device}/SENSOR", "tele/\xff/SENSOR", false},
        {"tele/{device}/SENSOR", "Tele/plug/SENSOR", false},
        {"tele/{device}/SENSOR", "/tele/plug/SENSOR", false},
        {"{a}", "x", true},
        {"{a}", "", false},
        {"{a}", "x/y", false},
        {"{a}", "0123456789012345678901234567890123456789012345678901234567890123", true},
        {"{a}", "01234567890123456789012345678901234567890123456789012345678901234", false},
        {"a", "a", true},
        {"a", "ab", false},
        {"ab", "a", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct captures captures;
        enum status status =
            template_match(bytes_of_string(table[i].template), bytes_of_string(table[i].topic), &captures);
        if ((status == STATUS_OK) != table[i].matches) {
            fail_msg("%s on %s", table[i].template, table[i].topic);
        }
    }
    struct captures captures;
    assert_int_equal(template_match(bytes_of_string("{a}"), bytes_of(NULL, 0), &captures), STATUS_NOT_FOUND);
}

struct meeting {
    const char *left;
    const char *right;
    bool meet;
};

static void templates_meet_when_a_topic_matches_both(void **context)
{
    (void)context;
    static const struct meeting table[] = {
        {"a/b", "a/b", true},        {"a/b", "a/c", false},        {"a/b", "a/b/c", false},
        {"{x}", "a", true},          {"{x}", "a/b", false},        {"a/{x}", "{y}/b", true},
        {"a/{x}/c", "a/b/d", false}, {"{x}/{y}", "{y}/{x}", true},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct bytes left = bytes_of_string(table[i].left);
        struct bytes right = bytes_of_string(table[i].right);
        if (template_meets(left, right) != table[i].meet || template_meets(right, left) != table[i].meet) {
            fail_msg("%s and %s", table[i].left, table[i].right);
        }
    }
}

static void captures_fill_other_templates(void **context)
{
    (void)context;
    struct captures captures;
    struct route_text filled;
    assert_int_equal(
        template_match(bytes_of_string("{home}/{device}/x"), bytes_of_string("h/d/x"), &captures), STATUS_OK);
    assert_int_equal(captures.count, 2);
    assert_int_equal(template_fill(bytes_of_string("cmnd/{device}/{home}/{device}"), &captures, &filled),
                     STATUS_OK);
    assert_true(bytes_equal_string(route_text_bytes(&filled), "cmnd/d/h/d"));
    assert_int_equal(template_fill(bytes_of_string("house"), &captures, &filled), STATUS_OK);
    assert_true(bytes_equal_string(route_text_bytes(&filled), "house"));
    assert_int_equal(template_fill(bytes_of_string("{other}"), &captures, &filled), STATUS_NOT_FOUND);
}

static void a_template_filled_beyond_the_limit_is_too_large(void **context)
{
    (void)context;
    struct captures captures;
    struct route_text filled;
    static const char longest[] = "0123456789012345678901234567890123456789012345678901234567890123";
    assert_int_equal(template_match(bytes_of_string("{a}"), bytes_of_string(longest), &captures), STATUS_OK);
    assert_int_equal(template_fill(bytes_of_string("{a}/{a}/{a}/a"), &captures, &filled), STATUS_OK);
    assert_int_equal(template_fill(bytes_of_string("{a}/{a}/{a}/{a}"), &captures, &filled), STATUS_TOO_LARGE);
}

static void fillable_means_that_every_name_is_captured(void **context)
{
    (void)context;
    struct bytes source = bytes_of_string("{a}/x/{b}");
    assert_true(template_is_filled_by(bytes_of_string("{b}/{a}"), source));
    assert_true(template_is_filled_by(bytes_of_string("x"), source));
    assert_false(template_is_filled_by(bytes_of_string("{c}"), source));
    assert_false(template_is_filled_by(bytes_of_string("{x}"), source));
    assert_false(template_is_filled_by(bytes_of_string("{A}"), source));
}

static void a_filter_has_a_plus_for_every_capture(void **context)
{
    (void)context;
    struct route_text filter;
    assert_int_equal(template_filter(bytes_of_string("tele/{device}/SENSOR"), &filter), STATUS_OK);
    assert_true(bytes_equal_string(route_text_bytes(&filter), "tele/+/SENSOR"));
    assert_int_equal(template_filter(bytes_of_string("{a}/{b}"), &filter), STATUS_OK);
    assert_true(bytes_equal_string(route_text_bytes(&filter), "+/+"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_whole_segments_capture),
        cmocka_unit_test(templates_and_names_have_limits),
        cmocka_unit_test(topics_match_level_by_level),
        cmocka_unit_test(templates_meet_when_a_topic_matches_both),
        cmocka_unit_test(captures_fill_other_templates),
        cmocka_unit_test(a_template_filled_beyond_the_limit_is_too_large),
        cmocka_unit_test(fillable_means_that_every_name_is_captured),
        cmocka_unit_test(a_filter_has_a_plus_for_every_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
