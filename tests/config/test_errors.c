#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "config/errors.h"

static void errors_beyond_the_limit_are_counted(void **context)
{
    (void)context;
    struct config_errors errors = {0};
    for (int i = 0; i < CONFIG_ERRORS_MAX + 3; i++) {
        config_errors_add(&errors, bytes_of_string("/a"), CONFIG_TYPE, "number %d", i);
    }
    assert_int_equal(errors.count, CONFIG_ERRORS_MAX);
    assert_int_equal(errors.dropped, 3);
    assert_string_equal(errors.items[CONFIG_ERRORS_MAX - 1].message, "number 31");
}

static void long_texts_are_cut_between_characters(void **context)
{
    (void)context;
    char path[300];
    char message[300];
    struct config_errors errors = {0};
    memset(path, 'p', sizeof path);
    memset(message, 'm', sizeof message);
    memcpy(path + CONFIG_PATH_MAX - 1, "\xE2\x82\xAC", 3);
    memcpy(message + CONFIG_MESSAGE_MAX - 2, "\xE2\x82\xAC", 3);
    message[sizeof message - 1] = '\0';
    config_errors_add(&errors, bytes_of(path, sizeof path), CONFIG_RANGE, "%s", message);
    assert_int_equal(strlen(errors.items[0].path), CONFIG_PATH_MAX - 1);
    assert_int_equal(strlen(errors.items[0].message), CONFIG_MESSAGE_MAX - 2);
    assert_true(utf8_is_valid(bytes_of_string(errors.items[0].message)));
}

static void errors_are_written_as_the_contract_says(void **context)
{
    (void)context;
    char storage[256];
    struct text json = text_of(storage, sizeof storage);
    struct config_errors errors = {0};
    config_errors_write(&errors, &json);
    assert_string_equal(text_string(&json), "[]");
    json = text_of(storage, sizeof storage);
    config_errors_add(&errors, bytes_of_string("/a\"b"), CONFIG_UNKNOWN_REFERENCE, "no \"x\"");
    config_errors_add(&errors, bytes_of_string(""), CONFIG_STALE_VERSION, "old");
    config_errors_write(&errors, &json);
    assert_string_equal(text_string(&json),
                        "[{\"path\":\"/a\\\"b\",\"code\":\"unknown_reference\",\"message\":\"no \\\"x\\\"\"},"
                        "{\"path\":\"\",\"code\":\"stale_version\",\"message\":\"old\"}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_beyond_the_limit_are_counted),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(errors_are_written_as_the_contract_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
