#include "base/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char longest[] = "0123456789012345678901234567890123456789012345678901234567890123";

static void a_name_holds_64_bytes_and_no_more(void **context)
{
    (void)context;
    struct name name;
    char text[NAME_BYTES_MAX + 1];
    memset(text, 'x', sizeof text);
    assert_int_equal(name_set(&name, bytes_of(text, NAME_BYTES_MAX)), STATUS_OK);
    assert_int_equal(name.length, NAME_BYTES_MAX);
    assert_int_equal(name_set(&name, bytes_of(text, NAME_BYTES_MAX + 1)), STATUS_TOO_LARGE);
    assert_true(name_is_empty(&name));
}

static void equal_names_are_equal_bytes_whatever_stood_there(void **context)
{
    (void)context;
    struct name left, right;
    memset(&left, 0xAA, sizeof left);
    memset(&right, 0x55, sizeof right);
    assert_int_equal(name_set(&left, bytes_of_string("abc")), STATUS_OK);
    assert_int_equal(name_set(&right, bytes_of_string("abc")), STATUS_OK);
    assert_memory_equal(&left, &right, sizeof left);
    assert_true(name_equal(&left, &right));
    right = name_of("abcd");
    assert_false(name_equal(&left, &right));
    right = name_of("abd");
    assert_false(name_equal(&left, &right));
}

static void nothing_gives_the_empty_name(void **context)
{
    (void)context;
    struct name name;
    assert_int_equal(name_set(&name, bytes_of(NULL, 0)), STATUS_OK);
    assert_true(name_is_empty(&name));
    assert_int_equal(name_bytes(&name).length, 0);
}

struct segment {
    const char *text;
    bool valid;
};

static void segments_are_what_the_contract_says(void **context)
{
    (void)context;
    static const struct segment table[] = {
        {"a", true},
        {longest, true},
        {"a-b_c.d:e~", true},
        {"\"\\{}$*", true},
        {"caf\xc3\xa9", true},
        {"\xf0\x9f\x98\x80", true},
        {"\xc2\xa0", true},
        {"", false},
        {"01234567890123456789012345678901234567890123456789012345678901234", false},
        {"a/b", false},
        {"a+", false},
        {"#", false},
        {"a b", false},
        {"a\tb", false},
        {"\x01", false},
        {"\x7f", false},
        {"\xc2\x80", false},
        {"\xc2\x9f", false},
        {"\xff", false},
        {"\xc2", false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (name_is_segment(bytes_of_string(table[i].text)) != table[i].valid) {
            fail_msg("row %zu", i);
        }
    }
    assert_false(name_is_segment(bytes_of("a\0", 2)));
    assert_false(name_is_segment(bytes_of(NULL, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_holds_64_bytes_and_no_more),
        cmocka_unit_test(equal_names_are_equal_bytes_whatever_stood_there),
        cmocka_unit_test(nothing_gives_the_empty_name),
        cmocka_unit_test(segments_are_what_the_contract_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
