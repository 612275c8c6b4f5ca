#include "base/json_pointer.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* RFC 6901 section 5, with arrays inside arrays added. */
static const char document[] =
    "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,"
    "\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8,\"deep\":[[10,[11]],{\"x\":{\"\":12}}],"
    "\"~1\":13,\"n\":null}";

static const cJSON *root_of(const char *text)
{
    static alignas(16) uint8_t storage[16384];
    struct arena arena;
    arena_init(&arena, storage, sizeof storage);
    struct json_result result = json_parse(bytes_of_string(text), 8, &arena);
    assert_int_equal(result.error, JSON_OK);
    return result.root;
}

struct lookup {
    const char *pointer;
    int value; /* -1: nothing is there. */
};

static void pointers_find_what_the_rfc_says(void **context)
{
    (void)context;
    static const struct lookup table[] = {
        {"/", 0},
        {"/a~1b", 1},
        {"/c%d", 2},
        {"/e^f", 3},
        {"/g|h", 4},
        {"/i\\j", 5},
        {"/k\"l", 6},
        {"/ ", 7},
        {"/m~0n", 8},
        {"/deep/0/0", 10},
        {"/deep/0/1/0", 11},
        {"/deep/1/x/", 12},
        {"/~01", 13},
        {"/foo/2", -1},
        {"/foo/-", -1},
        {"/foo/00", -1},
        {"/foo/01", -1},
        {"/foo/", -1},
        {"/foo/1x", -1},
        {"/foo/+1", -1},
        {"/nothing", -1},
        {"/a/b", -1},
        {"/n/x", -1},
        {"/deep/1/x//", -1},
        {"a", -1},
        {"/m~n", -1},
        {"/m~", -1},
        {"/FOO", -1},
        {"/deep/0/1/0/0", -1},
        {"//", -1},
        {"/foo/99999999999999999999999999", -1},
        {"/foo/18446744073709551616", -1},
    };
    const cJSON *root = root_of(document);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const cJSON *found = json_pointer_find(root, bytes_of_string(table[i].pointer));
        int value = found == NULL ? -1 : found->valueint;
        if (value != table[i].value) {
            fail_msg("%s: %d instead of %d", table[i].pointer, value, table[i].value);
        }
    }
}

static void the_empty_pointer_is_the_whole_document(void **context)
{
    (void)context;
    const cJSON *root = root_of(document);
    assert_ptr_equal(json_pointer_find(root, bytes_of_string("")), root);
    assert_ptr_equal(json_pointer_find(root, bytes_of(NULL, 0)), root);
    root = root_of("42");
    assert_ptr_equal(json_pointer_find(root, bytes_of_string("")), root);
    assert_null(json_pointer_find(root, bytes_of_string("/")));
}

static void containers_and_null_can_be_named(void **context)
{
    (void)context;
    const cJSON *root = root_of(document);
    assert_true(cJSON_IsArray(json_pointer_find(root, bytes_of_string("/foo"))));
    assert_true(cJSON_IsNull(json_pointer_find(root, bytes_of_string("/n"))));
    assert_string_equal(json_pointer_find(root, bytes_of_string("/foo/1"))->valuestring, "baz");
}

static void only_pointers_are_valid(void **context)
{
    (void)context;
    assert_true(json_pointer_is_valid(bytes_of_string("")));
    assert_true(json_pointer_is_valid(bytes_of_string("/")));
    assert_true(json_pointer_is_valid(bytes_of_string("/a~0~1/\xc3\xa9//")));
    assert_false(json_pointer_is_valid(bytes_of_string("a")));
    assert_false(json_pointer_is_valid(bytes_of_string("#/a")));
    assert_false(json_pointer_is_valid(bytes_of_string("/~")));
    assert_false(json_pointer_is_valid(bytes_of_string("/~2")));
    assert_false(json_pointer_is_valid(bytes_of_string("/~/")));
    assert_false(json_pointer_is_valid(bytes_of_string("/\xff")));
    assert_false(json_pointer_is_valid(bytes_of("/\0", 2)));
    assert_false(json_pointer_is_valid(bytes_of("/~0", 2))); /* The 0 lies behind the end. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pointers_find_what_the_rfc_says),
        cmocka_unit_test(the_empty_pointer_is_the_whole_document),
        cmocka_unit_test(containers_and_null_can_be_named),
        cmocka_unit_test(only_pointers_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
