#include "base/json.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DEPTH = 8, ARENA_BYTES = 1 << 20 };

static struct json_result parse(struct bytes text)
{
    static alignas(16) uint8_t storage[ARENA_BYTES];
    struct arena arena;
    size_t capacity = json_arena_bytes(text.length);
    arena_init(&arena, storage, capacity < sizeof storage ? capacity : sizeof storage);
    return json_parse(text, DEPTH, &arena);
}

struct document {
    const char *text;
    enum json_error error;
};

static void assert_documents(const struct document *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct json_result result = parse(bytes_of_string(table[i].text));
        if (result.error != table[i].error) {
            fail_msg("%s: %d instead of %d", table[i].text, result.error, table[i].error);
        }
    }
}

static void documents_of_rfc_8259_are_taken(void **context)
{
    (void)context;
    static const struct document table[] = {
        {"{}", JSON_OK},
        {"[]", JSON_OK},
        {" \t\r\n{ } \n", JSON_OK},
        {"null", JSON_OK},
        {"true", JSON_OK},
        {"-0", JSON_OK},
        {"-0.0e-0", JSON_OK},
        {"1e400", JSON_OK},
        {"\"\"", JSON_OK},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"", JSON_OK},
        {"\"\x7f\xf0\x9f\x98\x80\"", JSON_OK},
        {"{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]}}", JSON_OK},
        {"{\"\":1,\" \":2,\"A\":3,\"a\":4}", JSON_OK},
        {"[[[[[[[[]]]]]]]]", JSON_OK},
    };
    assert_documents(table, sizeof table / sizeof table[0]);
}

static void what_is_no_json_is_refused(void **context)
{
    (void)context;
    static const struct document table[] = {
        {"", JSON_NOT_JSON},
        {" ", JSON_NOT_JSON},
        {"NaN", JSON_NOT_JSON},
        {"Infinity", JSON_NOT_JSON},
        {"-", JSON_NOT_JSON},
        {"01", JSON_NOT_JSON},
        {"[01]", JSON_NOT_JSON},
        {"-01", JSON_NOT_JSON},
        {"1.", JSON_NOT_JSON},
        {".5", JSON_NOT_JSON},
        {"1e", JSON_NOT_JSON},
        {"1e+", JSON_NOT_JSON},
        {"+1", JSON_NOT_JSON},
        {"0x1", JSON_NOT_JSON},
        {"tru", JSON_NOT_JSON},
        {"True", JSON_NOT_JSON},
        {"nulll", JSON_NOT_JSON},
        {"{}x", JSON_NOT_JSON},
        {"{} {}", JSON_NOT_JSON},
        {"{", JSON_NOT_JSON},
        {"}", JSON_NOT_JSON},
        {"{]", JSON_NOT_JSON},
        {"[}", JSON_NOT_JSON},
        {"[1,]", JSON_NOT_JSON},
        {"[,1]", JSON_NOT_JSON},
        {"[1 2]", JSON_NOT_JSON},
        {"{\"a\"}", JSON_NOT_JSON},
        {"{\"a\":}", JSON_NOT_JSON},
        {"{\"a\":1,}", JSON_NOT_JSON},
        {"{a:1}", JSON_NOT_JSON},
        {"{'a':1}", JSON_NOT_JSON},
        {"{1:1}", JSON_NOT_JSON},
        {"\"", JSON_NOT_JSON},
        {"\"\\", JSON_NOT_JSON},
        {"\"\\x\"", JSON_NOT_JSON},
        {"\"\\u12g4\"", JSON_NOT_JSON},
        {"\"\\u123", JSON_NOT_JSON},
        {"\"a\nb\"", JSON_NOT_JSON},
        {"\"\\u0000\"", JSON_NOT_JSON},
        {"\"\\ud800\"", JSON_NOT_JSON},
        {"\"\\udc00\"", JSON_NOT_JSON},
        {"\"\\ud800x\"", JSON_NOT_JSON},
        {"\"\\ud800\\u0041\"", JSON_NOT_JSON},
        {"\"\\ud800\\ud800\"", JSON_NOT_JSON},
        {"\"\\udc00\\ud800\"", JSON_NOT_JSON},
        {"\xef\xbb\xbf{}", JSON_NOT_JSON},
        {"// {}\n{}", JSON_NOT_JSON},
        {"{}/**/", JSON_NOT_JSON},
        {"\xc2\xa0{}", JSON_NOT_JSON},
    };
    assert_documents(table, sizeof table / sizeof table[0]);
}

static void bytes_that_are_no_utf8_are_refused_first(void **context)
{
    (void)context;
    static const struct document table[] = {
        {"\xff", JSON_NOT_UTF8},
        {"{\"a\":\"\xc0\xaf\"}", JSON_NOT_UTF8},
        {"{\"a\":\"\xed\xa0\x80\"}", JSON_NOT_UTF8},
        {"{\"a\":\"\xf4\x90\x80\x80\"}", JSON_NOT_UTF8},
        {"{{{\xe2\x82", JSON_NOT_UTF8},
    };
    assert_documents(table, sizeof table / sizeof table[0]);
}

static void nul_bytes_are_refused_wherever_they_stand(void **context)
{
    (void)context;
    assert_int_equal(parse(bytes_of("{}\0", 3)).error, JSON_NOT_JSON);
    assert_int_equal(parse(bytes_of("\0{}", 3)).error, JSON_NOT_JSON);
    assert_int_equal(parse(bytes_of("\"a\0b\"", 5)).error, JSON_NOT_JSON);
    assert_int_equal(parse(bytes_of("\"\\\0\"", 4)).error, JSON_NOT_JSON);
}

static void the_first_error_in_order_is_reported(void **context)
{
    (void)context;
    static const struct document table[] = {
        {"[[[[[[[[[]]]]]]]]]", JSON_TOO_DEEP},
        {"[[[[[[[[[]]]]]]]]", JSON_NOT_JSON},
        {"[[[[[[[[[\"\\ud800\"]]]]]]]]]", JSON_NOT_JSON},
        {"[[[[[[[[[{\"a\":1,\"a\":1}]]]]]]]]]", JSON_TOO_DEEP},
        {"{\"a\":1,\"a\":1}x", JSON_NOT_JSON},
    };
    assert_documents(table, sizeof table / sizeof table[0]);
}

static void equal_keys_are_found_however_they_are_written(void **context)
{
    (void)context;
    static const struct document table[] = {
        {"{\"a\":1,\"a\":1}", JSON_DUPLICATE_KEY},
        {"{\"a\":1,\"\\u0061\":1}", JSON_DUPLICATE_KEY},
        {"{\"/\":1,\"\\/\":1}", JSON_DUPLICATE_KEY},
        {"{\"\":1,\"\":1}", JSON_DUPLICATE_KEY},
        {"[{\"x\":{\"\\u00e9\":1,\"\xc3\xa9\":1}}]", JSON_DUPLICATE_KEY},
        {"{\"a\":1,\"b\":{\"a\":1},\"c\":[{\"a\":1}]}", JSON_OK},
    };
    assert_documents(table, sizeof table / sizeof table[0]);
}

static void equal_keys_are_found_among_thousands(void **context)
{
    (void)context;
    static char text[65536];
    for (size_t keys = 1; keys < 4000; keys = keys * 3 + 1) {
        size_t length = (size_t)snprintf(text, sizeof text, "{");
        for (size_t i = 0; i < keys; i++) {
            length += (size_t)snprintf(text + length, sizeof text - length, "\"k%zu\":0,", i);
        }
        size_t open = length;
        length += (size_t)snprintf(text + length, sizeof text - length, "\"k%zu\":0}", keys);
        assert_int_equal(parse(bytes_of(text, length)).error, JSON_OK);
        length = open + (size_t)snprintf(text + open, sizeof text - open, "\"k0\":0}");
        assert_int_equal(parse(bytes_of(text, length)).error, JSON_DUPLICATE_KEY);
    }
}

static void any_depth_is_survived(void **context)
{
    (void)context;
    static char text[200000];
    memset(text, '[', sizeof text);
    assert_int_equal(json_check(bytes_of(text, sizeof text), 8).error, JSON_TOO_DEEP);
    assert_int_equal(json_check(bytes_of(text, 1000), 8).error, JSON_NOT_JSON);
    memset(text + 1000, ']', 1000);
    assert_int_equal(json_check(bytes_of(text, 2000), 999).error, JSON_TOO_DEEP);
    assert_int_equal(json_check(bytes_of(text, 2000), 1000).error, JSON_OK);
}

static void numbers_keep_the_text_they_were_written_in(void **context)
{
    (void)context;
    struct json_result result =
        parse(bytes_of_string("{\"1\":\"2\\\"3\",\"a\":[9007199254740993,-0.0e+1,{\"4\":1e400}],\"b\":7}"));
    assert_int_equal(result.error, JSON_OK);
    const cJSON *list = json_member(result.root, "a");
    assert_true(bytes_equal_string(json_number_text(list->child), "9007199254740993"));
    assert_true(bytes_equal_string(json_number_text(list->child->next), "-0.0e+1"));
    assert_true(bytes_equal_string(json_number_text(list->child->next->next->child), "1e400"));
    assert_true(bytes_equal_string(json_number_text(json_member(result.root, "b")), "7"));
    assert_true(bytes_equal_string(json_text(json_member(result.root, "1")), "2\"3"));
}

static void numbers_of_any_length_are_read(void **context)
{
    (void)context;
    char text[1024];
    for (int zeros = 40; zeros < 300; zeros += 20) {
        int length = snprintf(text, sizeof text, "[2.5%0*d,\"%0*d\",-1%0*de9]", zeros, 0, zeros, 0, zeros, 0);
        struct json_result result = parse(bytes_of(text, (size_t)length));
        assert_int_equal(result.error, JSON_OK);
        assert_true(result.root->child->valuedouble == 2.5);
        assert_int_equal(json_number_text(result.root->child).length, zeros + 3);
        assert_int_equal(json_text(result.root->child->next).length, zeros);
        assert_true(result.root->child->next->next->valuedouble < -1e40);
    }
    int length = snprintf(text, sizeof text, "-1%0400d", 0);
    assert_int_equal(parse(bytes_of(text, (size_t)length)).error, JSON_OK);
}

static void a_small_arena_is_reported_not_crashed_into(void **context)
{
    (void)context;
    struct bytes text =
        bytes_of_string("{\"a\":[1,2,\"three\",{\"b\":4.000000000000000000000000000000000000000"
                        "00000000000000000000000000000000000}]}");
    static alignas(16) uint8_t storage[8192];
    bool fitted = false;
    for (size_t size = 0; size < sizeof storage; size += 16) {
        struct arena arena;
        arena_init(&arena, storage, size);
        enum json_error error = json_parse(text, DEPTH, &arena).error;
        assert_true(error == JSON_OK || (error == JSON_NO_MEMORY && !fitted));
        fitted = fitted || error == JSON_OK;
    }
    assert_true(fitted);
}

static void the_promised_arena_is_enough_for_the_worst_documents(void **context)
{
    (void)context;
    static const char *const patterns[] = {"[],", "1,", "\"\",", "{},", "{\"\":0},", "-1e-9,", "[{}],"};
    static char text[4097];
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        size_t length = 0;
        text[length++] = '[';
        while (length + strlen(patterns[i]) < 4096) {
            memcpy(text + length, patterns[i], strlen(patterns[i]));
            length += strlen(patterns[i]);
        }
        text[length - 1] = ']';
        assert_int_equal(parse(bytes_of(text, length)).error, JSON_OK);
    }
}

/* Flips bytes of a document at random: no outcome matters but that there is one. */
static void damaged_documents_never_crash(void **context)
{
    (void)context;
    static const char seed_text[] =
        "{\"id\":\"e-1\",\"amount\":2.5e0,\"x\":[true,null,{\"\\ud83d\\ude00\":-1}]}";
    srand(3);
    for (int round = 0; round < 20000; round++) {
        char text[sizeof seed_text];
        memcpy(text, seed_text, sizeof text);
        for (int flips = rand() % 4; flips >= 0; flips--) {
            text[(size_t)rand() % (sizeof text - 1)] = "\"\\[]{},:0e-u\xc3\xed\0"[rand() % 15];
        }
        size_t length = (size_t)rand() % sizeof text;
        struct json_result result = parse(bytes_of(text, length));
        assert_int_not_equal(result.error, JSON_NO_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_of_rfc_8259_are_taken),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(bytes_that_are_no_utf8_are_refused_first),
        cmocka_unit_test(nul_bytes_are_refused_wherever_they_stand),
        cmocka_unit_test(the_first_error_in_order_is_reported),
        cmocka_unit_test(equal_keys_are_found_however_they_are_written),
        cmocka_unit_test(equal_keys_are_found_among_thousands),
        cmocka_unit_test(any_depth_is_survived),
        cmocka_unit_test(numbers_keep_the_text_they_were_written_in),
        cmocka_unit_test(numbers_of_any_length_are_read),
        cmocka_unit_test(a_small_arena_is_reported_not_crashed_into),
        cmocka_unit_test(the_promised_arena_is_enough_for_the_worst_documents),
        cmocka_unit_test(damaged_documents_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
