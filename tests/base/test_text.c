#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

static char storage[1024];

static struct text fresh(void)
{
    memset(storage, 'X', sizeof storage);
    return text_of(storage, sizeof storage);
}

static void numbers_are_written_in_decimal(void **context)
{
    (void)context;
    struct text text = fresh();
    text_put_unsigned(&text, 0);
    text_put_string(&text, " ");
    text_put_unsigned(&text, UINT64_MAX);
    text_put_string(&text, " ");
    text_put_signed(&text, INT64_MIN);
    text_put_string(&text, " ");
    text_put_signed(&text, -1);
    assert_string_equal(text_string(&text), "0 18446744073709551615 -9223372036854775808 -1");
}

static void commas_stand_where_json_wants_them(void **context)
{
    (void)context;
    struct text text = fresh();
    json_open_object(&text);
    json_put_literal(&text, "a", "x");
    json_put_unsigned(&text, "b", 1);
    json_key(&text, "c");
    json_open_array(&text);
    json_open_array(&text);
    json_close_array(&text);
    json_signed(&text, -1);
    json_bool(&text, true);
    json_null(&text);
    json_open_object(&text);
    json_close_object(&text);
    json_raw(&text, bytes_of_string("[1]"));
    json_close_array(&text);
    json_put_bool(&text, "d", false);
    json_put_amount(&text, "e", -500000);
    json_put_instant(&text, "f", 0);
    json_put_instant(&text, "g", INSTANT_NEVER);
    json_put_double(&text, "h", 0.75);
    json_put_signed(&text, "i", -2);
    struct name name = name_of("n");
    json_put_name(&text, "j", &name);
    json_close_object(&text);
    assert_string_equal(text_string(&text),
                        "{\"a\":\"x\",\"b\":1,\"c\":[[],-1,true,null,{},[1]],\"d\":false,\"e\":\"-0.5\","
                        "\"f\":\"1970-01-01T00:00:00.000Z\",\"g\":null,\"h\":0.75,\"i\":-2,\"j\":\"n\"}");
}

static void values_that_end_in_brackets_do_not_confuse_the_commas(void **context)
{
    (void)context;
    struct text text = fresh();
    json_open_array(&text);
    json_string(&text, bytes_of_string("{"));
    json_string(&text, bytes_of_string("["));
    json_string(&text, bytes_of_string(":"));
    json_string(&text, bytes_of_string(""));
    json_close_array(&text);
    assert_string_equal(text_string(&text), "[\"{\",\"[\",\":\",\"\"]");
}

static void strings_are_escaped_and_read_back_the_same(void **context)
{
    (void)context;
    char all[127];
    for (int i = 1; i <= 127; i++) {
        all[i - 1] = (char)i;
    }
    struct text text = fresh();
    json_string(&text, bytes_of(all, sizeof all));
    static uint8_t memory[16384];
    struct arena arena;
    arena_init(&arena, memory + (16 - (uintptr_t)memory % 16) % 16, sizeof memory - 16);
    struct json_result result = json_parse(text_bytes(&text), 1, &arena);
    assert_int_equal(result.error, JSON_OK);
    assert_true(bytes_equal(json_text(result.root), bytes_of(all, sizeof all)));
    text = fresh();
    json_string(&text, bytes_of("\0\x1f\"\\/\n\r\t\b\xc3\xa9\x7f", 12));
    assert_string_equal(text_string(&text), "\"\\u0000\\u001f\\\"\\\\/\\n\\r\\t\\u0008\xc3\xa9\x7f\"");
    text = fresh();
    json_string(&text, bytes_of(NULL, 0));
    assert_string_equal(text_string(&text), "\"\"");
}

static void doubles_are_short(void **context)
{
    (void)context;
    static const struct {
        double value;
        const char *written;
    } table[] = {{0, "0"},
                 {100, "100"},
                 {0.5, "0.5"},
                 {-1.25, "-1.25"},
                 {1e-7, "0"},
                 {0.1234567, "0.123457"},
                 {1e15, "1000000000000000"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct text text = fresh();
        json_double(&text, table[i].value);
        assert_string_equal(text_string(&text), table[i].written);
    }
    struct text text = fresh();
    json_double(&text, -1.7976931348623157e308);
    assert_int_equal(text.length, 310);
}

static void overflow_sticks_and_leaves_out_the_rest(void **context)
{
    (void)context;
    memset(storage, 'X', sizeof storage);
    struct text text = text_of(storage, 5);
    text_put_string(&text, "abc");
    text_put_string(&text, "def");
    text_put_string(&text, "g");
    assert_true(text.overflowed);
    assert_int_equal(text.length, 3);
    assert_string_equal(text_string(&text), "abc");
    assert_int_equal(storage[5], 'X');
}

static void termination_takes_the_last_byte_if_it_must(void **context)
{
    (void)context;
    struct text text = text_of(storage, 3);
    text_put_string(&text, "abc");
    assert_false(text.overflowed);
    assert_string_equal(text_string(&text), "ab");
    assert_true(text.overflowed);
    text = text_of(NULL, 0);
    text_put_string(&text, "");
    assert_false(text.overflowed);
    assert_string_equal(text_string(&text), "");
    text_put_string(&text, "a");
    assert_true(text.overflowed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_in_decimal),
        cmocka_unit_test(commas_stand_where_json_wants_them),
        cmocka_unit_test(values_that_end_in_brackets_do_not_confuse_the_commas),
        cmocka_unit_test(strings_are_escaped_and_read_back_the_same),
        cmocka_unit_test(doubles_are_short),
        cmocka_unit_test(overflow_sticks_and_leaves_out_the_rest),
        cmocka_unit_test(termination_takes_the_last_byte_if_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
