#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/config/loading.h"

static char hostile[CONFIG_FILE_BYTES_MAX + 2];

/* Loads bytes that are no configuration; the first error. */
static struct config_error refused(size_t length)
{
    struct config_source source = {.text = bytes_of(hostile, length), .host_name = "edge-7"};
    struct config_snapshot *snapshot;
    struct config_errors errors;
    assert_int_equal(config_load(&source, &snapshot, &errors), STATUS_INVALID);
    assert_null(snapshot);
    assert_true(errors.count >= 1 && errors.count <= CONFIG_ERRORS_MAX);
    return errors.items[0];
}

static void what_is_no_json_is_told_with_its_place(void **context)
{
    (void)context;
    const struct wrong table[] = {
        {"", "", CONFIG_NOT_JSON},
        {"{", "", CONFIG_NOT_JSON},
        {"{\"agent\":{}},", "", CONFIG_NOT_JSON},
        {"{'agent':{}}", "", CONFIG_NOT_JSON},
        {"{\"agent\":{},}", "", CONFIG_NOT_JSON},
        {"\xEF\xBB\xBF{}", "", CONFIG_NOT_JSON},
        {"{\"agent\":{\"id\":\"\xff\"}}", "", CONFIG_NOT_JSON},
        {"[]", "", CONFIG_TYPE},
        {"null", "", CONFIG_TYPE},
        {"\"x\"", "", CONFIG_TYPE},
        {"{\"agent\":{},\"agent\":{}}", "/agent", CONFIG_DUPLICATE},
        {"{\"routes\":[{},{\"id\":{\"pointer\":\"\",\"p\\u006finter\":\"\"}}]}", "/routes/1/id/pointer",
         CONFIG_DUPLICATE},
    };
    assert_all_wrong(table, sizeof table / sizeof table[0]);
    strcpy(hostile, "{\n  \"agent\": {},\n  oops\n}");
    assert_non_null(strstr(refused(strlen(hostile)).message, "line 3, column 3"));
}

static void depth_is_bounded(void **context)
{
    (void)context;
    const size_t depths[] = {33, 1000, 400000};
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
        memset(hostile, '[', depths[i]);
        memset(hostile + depths[i], ']', depths[i]);
        struct config_error error = refused(2 * depths[i]);
        assert_int_equal(error.code, CONFIG_TOO_MANY);
    }
    memset(hostile, '[', CONFIG_FILE_BYTES_MAX);
    refused(CONFIG_FILE_BYTES_MAX);
    assert_wrong(&(struct wrong){"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", "/a",
                                 CONFIG_UNKNOWN_KEY});
}

static void size_is_bounded(void **context)
{
    (void)context;
    memset(hostile, ' ', sizeof hostile);
    memcpy(hostile, "{}", 2);
    struct config_source source = {.text = bytes_of(hostile, CONFIG_FILE_BYTES_MAX), .host_name = "edge-7"};
    struct config_snapshot *snapshot;
    struct config_errors errors;
    assert_int_equal(config_load(&source, &snapshot, &errors), STATUS_OK);
    config_snapshot_close(snapshot);
    assert_int_equal(refused(CONFIG_FILE_BYTES_MAX + 1).code, CONFIG_TOO_LONG);
}

static void a_mebibyte_of_garbage_is_refused(void **context)
{
    (void)context;
    uint32_t seed = 2463534242;
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < CONFIG_FILE_BYTES_MAX; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            hostile[i] = round == 0 ? (char)seed : "[]{}:,\"\\ 0e-tn"[seed % 14];
        }
        assert_int_equal(refused(CONFIG_FILE_BYTES_MAX).code, CONFIG_NOT_JSON);
    }
}

/* {"x0":0,"x1":0,…} until a mebibyte is nearly full, each key doubled on demand. */
static size_t many_keys(const char *first)
{
    struct text text = text_of(hostile, CONFIG_FILE_BYTES_MAX);
    text_put_string(&text, "{");
    text_put_string(&text, first);
    for (uint32_t i = 0; text.length < CONFIG_FILE_BYTES_MAX - 64; i++) {
        text_put_string(&text, ",\"x");
        text_put_unsigned(&text, i);
        text_put_string(&text, "\":0");
    }
    text_put_string(&text, "}");
    assert_false(text.overflowed);
    return text.length;
}

static void a_mebibyte_of_unknown_keys_gives_a_page_of_errors(void **context)
{
    (void)context;
    size_t length = many_keys("\"a\":0");
    struct config_source source = {.text = bytes_of(hostile, length), .host_name = "edge-7"};
    struct config_snapshot *snapshot;
    struct config_errors errors;
    assert_int_equal(config_load(&source, &snapshot, &errors), STATUS_INVALID);
    assert_int_equal(errors.count, CONFIG_ERRORS_MAX);
    assert_true(errors.dropped > 50000);
    assert_string_equal(errors.items[CONFIG_ERRORS_MAX - 1].path, "/x30");
    assert_int_equal(refused(many_keys("\"a\":0,\"a\":1")).code, CONFIG_DUPLICATE);
}

static void a_mebibyte_of_numbers_is_refused(void **context)
{
    (void)context;
    struct text text = text_of(hostile, CONFIG_FILE_BYTES_MAX);
    text_put_string(&text, "{\"routes\":[0");
    while (text.length < CONFIG_FILE_BYTES_MAX - 4) {
        text_put_string(&text, ",0");
    }
    text_put_string(&text, "]}");
    struct config_error error = refused(text.length);
    assert_int_equal(error.code, CONFIG_TOO_MANY);
    assert_string_equal(error.path, "/routes");
}

static void endless_keys_and_values_are_refused(void **context)
{
    (void)context;
    size_t most = CONFIG_FILE_BYTES_MAX;
    memset(hostile, 'k', most);
    memcpy(hostile, "{\"", 2);
    memcpy(hostile + most - 4, "\":0}", 4);
    assert_int_equal(refused(most).code, CONFIG_UNKNOWN_KEY);
    memcpy(hostile, "{\"plans\":{\"", 11);
    memcpy(hostile + most - 6, "\":{}}}", 6);
    assert_int_equal(refused(most).code, CONFIG_TOO_LONG);
    assert_int_equal(refused(most - 1).code, CONFIG_NOT_JSON);
    memset(hostile, '9', most);
    memcpy(hostile, "{\"pool\":{\"slots\":", 17);
    memcpy(hostile + most - 2, "}}", 2);
    struct config_error error = refused(most);
    assert_string_equal(error.path, "/pool/slots");
    assert_int_equal(error.code, CONFIG_RANGE);
    memset(hostile, '{', most);
    for (size_t i = 0; i + 6 < most; i += 6) {
        memcpy(hostile + i, "${AAA}", 6);
    }
    memcpy(hostile, "{\"log\":\"", 8);
    memcpy(hostile + most - 2, "\"}", 2);
    assert_int_equal(refused(most).code, CONFIG_ENVIRONMENT);
}

static void a_long_path_is_cut(void **context)
{
    (void)context;
    memset(hostile, 'k', 2000);
    memcpy(hostile, "{\"plans\":{\"", 11);
    memcpy(hostile + 600, "\":{\"quotas\":7}}}", 16);
    struct config_error error = refused(616);
    assert_true(strlen(error.path) <= CONFIG_PATH_MAX);
    assert_true(strncmp(error.path, "/plans/", 7) == 0);
}

/* Every section as something it is not. */
static void wrong_types_are_refused_everywhere(void **context)
{
    (void)context;
    const char *const sections[] = {"agent",   "broker", "topics", "routes",  "pool",
                                    "runtime", "store",  "memory", "metrics", "http",
                                    "log",     "limits", "plans",  "meters",  "subjects"};
    const char *const values[] = {"null", "true", "0", "\"x\"", "{\"\":{}}", "[0]"};
    char json[128];
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        for (size_t j = 0; j < sizeof values / sizeof values[0]; j++) {
            struct text text = text_of(json, sizeof json);
            json_open_object(&text);
            json_key(&text, sections[i]);
            json_raw(&text, bytes_of_string(values[j]));
            json_close_object(&text);
            memcpy(hostile, json, text.length);
            refused(text.length);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_json_is_told_with_its_place),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(a_mebibyte_of_garbage_is_refused),
        cmocka_unit_test(a_mebibyte_of_unknown_keys_gives_a_page_of_errors),
        cmocka_unit_test(a_mebibyte_of_numbers_is_refused),
        cmocka_unit_test(endless_keys_and_values_are_refused),
        cmocka_unit_test(a_long_path_is_cut),
        cmocka_unit_test(wrong_types_are_refused_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
