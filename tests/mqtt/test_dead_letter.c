#include "mqtt/dead_letter.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

static const char *write_letter(const struct dead_letter *letter)
{
    static char storage[DEAD_LETTER_MESSAGE_MAX + 1];
    struct text text = text_of(storage, DEAD_LETTER_MESSAGE_MAX);
    dead_letter_put(&text, letter);
    assert_false(text.overflowed);
    storage[text.length] = '\0';
    return storage;
}

static void a_letter_says_what_was_wrong(void **context)
{
    (void)context;
    struct dead_letter letter = {.rejection = {DEAD_LETTER_BAD_ID, "id is \"nothing\""},
                                 .topic = bytes_of_string("flyball/v1/event/a/b/c"),
                                 .payload = bytes_of_string("{\"id\":1}"),
                                 .time = 1795244400000};
    assert_string_equal(
        write_letter(&letter),
        "{\"reason\":\"bad_id\",\"topic\":\"flyball/v1/event/a/b/c\",\"detail\":\"id is "
        "\\\"nothing\\\"\",\"payload_base64\":\"eyJpZCI6MX0=\",\"time\":\"2026-11-21T07:00:00.000Z\"}");
}

struct encoding {
    const char *bytes;
    const char *base64;
};

static void payloads_are_base64_as_rfc_4648_shows(void **context)
{
    (void)context;
    static const struct encoding table[] = {
        {"", "\"\""},
        {"f", "\"Zg==\""},
        {"fo", "\"Zm8=\""},
        {"foo", "\"Zm9v\""},
        {"foob", "\"Zm9vYg==\""},
        {"fooba", "\"Zm9vYmE=\""},
        {"foobar", "\"Zm9vYmFy\""},
        {"\xff\xfe\xfd", "\"//79\""},
        {"\xfb\xef\xbe", "\"++++\""},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct dead_letter letter = {.rejection = {DEAD_LETTER_NOT_UTF8, ""},
                                     .topic = bytes_of_string("t"),
                                     .payload = bytes_of_string(table[i].bytes)};
        assert_non_null(strstr(write_letter(&letter), table[i].base64));
    }
}

static void only_the_first_256_bytes_are_shown(void **context)
{
    (void)context;
    char payload[1000];
    memset(payload, 'x', sizeof payload);
    struct dead_letter letter = {.rejection = {DEAD_LETTER_TOO_LARGE, ""},
                                 .payload = bytes_of(payload, sizeof payload)};
    const char *written = write_letter(&letter);
    const char *start = strstr(written, "\"payload_base64\":\"") + strlen("\"payload_base64\":\"");
    assert_int_equal(strchr(start, '"') - start, 344);
}

static void a_topic_of_any_bytes_gives_valid_json(void **context)
{
    (void)context;
    static const struct bytes topics[] = {
        {(const uint8_t *)"\xff", 1},
        {(const uint8_t *)"a\0b", 3},
        {(const uint8_t *)"\xc3", 1},
        {(const uint8_t *)"\xe2\x82x", 3},
        {(const uint8_t *)"\xed\xa0\x80", 3},
        {(const uint8_t *)"\"\\\n\x1f", 4},
        {(const uint8_t *)"\xf0\x9f\x98\x80", 4},
        {NULL, 0},
    };
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        struct dead_letter letter = {.rejection = {DEAD_LETTER_BAD_TOPIC, ""}, .topic = topics[i]};
        enum json_error error = json_check(bytes_of_string(write_letter(&letter)), 4).error;
        /* Only a NUL is beyond our own reader. */
        assert_int_equal(error, i == 1 ? JSON_NOT_JSON : JSON_OK);
    }
    struct dead_letter letter = {.rejection = {DEAD_LETTER_BAD_TOPIC, ""},
                                 .topic = bytes_of("a\xff/\xc3\xa9", 5)};
    assert_non_null(strstr(write_letter(&letter), "\"a\xef\xbf\xbd/\xc3\xa9\""));
}

static void the_longest_topic_of_the_worst_bytes_fits(void **context)
{
    (void)context;
    static const uint8_t fills[] = {0x01, 0xFF, 'x', '"', 0x80, 0xC3};
    static uint8_t topic[65535];
    for (size_t i = 0; i < sizeof fills; i++) {
        memset(topic, fills[i], sizeof topic);
        struct dead_letter letter = {.rejection = {DEAD_LETTER_IDENTITY_MISMATCH, "detail"},
                                     .topic = bytes_of(topic, sizeof topic),
                                     .payload = bytes_of(topic, sizeof topic)};
        assert_int_equal(json_check(bytes_of_string(write_letter(&letter)), 4).error, JSON_OK);
    }
}

static void a_long_topic_is_not_cut_inside_a_character(void **context)
{
    (void)context;
    char topic[2 * DEAD_LETTER_TOPIC_MAX];
    for (size_t lead = 0; lead < 4; lead++) {
        memset(topic, 'x', sizeof topic);
        for (size_t at = lead; at + 4 <= sizeof topic; at += 4) {
            memcpy(topic + at, "\xf0\x9f\x98\x80", 4);
        }
        struct dead_letter letter = {.rejection = {DEAD_LETTER_BAD_TOPIC, ""},
                                     .topic = bytes_of(topic, sizeof topic)};
        assert_null(strstr(write_letter(&letter), "\xef\xbf\xbd"));
    }
}

static void reasons_are_named_as_the_contract_spells_them(void **context)
{
    (void)context;
    static const char *const names[DEAD_LETTER_REASONS] = {
        "bad_topic",     "too_large",         "not_utf8", "not_json",   "too_deep",
        "duplicate_key", "identity_mismatch", "bad_id",   "bad_amount", "bad_command"};
    for (int i = 0; i < DEAD_LETTER_REASONS; i++) {
        assert_string_equal(dead_letter_reason_name((enum dead_letter_reason)i), names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_letter_says_what_was_wrong),
        cmocka_unit_test(payloads_are_base64_as_rfc_4648_shows),
        cmocka_unit_test(only_the_first_256_bytes_are_shown),
        cmocka_unit_test(a_topic_of_any_bytes_gives_valid_json),
        cmocka_unit_test(the_longest_topic_of_the_worst_bytes_fits),
        cmocka_unit_test(a_long_topic_is_not_cut_inside_a_character),
        cmocka_unit_test(reasons_are_named_as_the_contract_spells_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
