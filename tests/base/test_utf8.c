#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The textbook encoder: an independent way to know what is valid. */
static size_t encode(uint32_t point, uint8_t bytes[4])
{
    if (point < 0x80) {
        bytes[0] = (uint8_t)point;
        return 1;
    }
    size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t leads[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length - 1; i > 0; i--) {
        bytes[i] = (uint8_t)(0x80 | (point & 0x3F));
        point >>= 6;
    }
    bytes[0] = (uint8_t)(leads[length] | point);
    return length;
}

static void every_character_but_surrogates_is_valid(void **context)
{
    (void)context;
    uint8_t bytes[4];
    for (uint32_t point = 0; point < 0x200000; point++) {
        bool valid = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
        size_t length = encode(point, bytes);
        if (utf8_is_valid(bytes_of(bytes, length)) != valid) {
            fail_msg("U+%04X", (unsigned)point);
        }
    }
}

/* All three-byte strings: as many are valid as there are ways to write them with characters of 1, 2 and 3
 * bytes. */
static void no_other_three_bytes_are_valid(void **context)
{
    (void)context;
    uint64_t valid = 0;
    for (uint32_t pattern = 0; pattern < 1U << 24; pattern++) {
        uint8_t bytes[3] = {(uint8_t)pattern, (uint8_t)(pattern >> 8), (uint8_t)(pattern >> 16)};
        valid += utf8_is_valid(bytes_of(bytes, 3)) ? 1 : 0;
    }
    uint64_t one = 0x80, two = 0x800 - 0x80, three = 0x10000 - 0x800 - 0x800;
    assert_true(valid == one * one * one + 2 * one * two + three);
}

static void overlong_and_cut_sequences_are_invalid(void **context)
{
    (void)context;
    static const char *const table[] = {
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xf8\x88\x80\x80\x80",
        "\xf4\x90\x80\x80",
        "\xf7\xbf\xbf\xbf",
        "\xe2\x82",
        "\xf0\x9f\x98",
        "\xc3",
        "\x80",
        "\xbf",
        "\xfe",
        "\xff",
        "a\xc3",
        "\xc3(",
        "\xe2(\xa1",
        "\xe2\x82(",
        "\xf0\x9f(\x80",
        "\xf0\x9f\x98(",
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (utf8_is_valid(bytes_of_string(table[i]))) {
            fail_msg("row %zu is valid", i);
        }
    }
}

static void nothing_and_nul_are_valid(void **context)
{
    (void)context;
    assert_true(utf8_is_valid(bytes_of(NULL, 0)));
    assert_true(utf8_is_valid(bytes_of("a\0b", 3)));
}

static void text_has_no_control_characters_and_no_noncharacters(void **context)
{
    static const char *const texts[] = {"",
                                        "a b",
                                        "\xc2\xa0",
                                        "\xc3\xa9",
                                        "\xef\xb7\x8f",
                                        "\xef\xb7\xb0",
                                        "\xef\xbf\xbd",
                                        "\xf0\x9f\x98\x80"};
    static const char *const others[] = {"\t",
                                         "a\n",
                                         "\x1f",
                                         "\x7f",
                                         "\xc2\x80",
                                         "\xc2\x9f",
                                         "\xef\xb7\x90",
                                         "\xef\xb7\xaf",
                                         "\xef\xbf\xbe",
                                         "\xef\xbf\xbf",
                                         "\xf0\x9f\xbf\xbe",
                                         "\xf4\x8f\xbf\xbf",
                                         "\xff"};
    (void)context;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_true(utf8_is_text(bytes_of_string(texts[i])));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(utf8_is_text(bytes_of_string(others[i])));
    }
    assert_false(utf8_is_text(bytes_of("\0", 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_has_no_control_characters_and_no_noncharacters),
        cmocka_unit_test(every_character_but_surrogates_is_valid),
        cmocka_unit_test(no_other_three_bytes_are_valid),
        cmocka_unit_test(overlong_and_cut_sequences_are_invalid),
        cmocka_unit_test(nothing_and_nul_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
