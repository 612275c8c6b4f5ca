#include "mqtt/reply_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char *write_reply(const struct reply_message *reply)
{
    static char storage[1024];
    struct text text = text_of(storage, sizeof storage);
    reply_message_put(&text, reply);
    assert_false(text.overflowed);
    return text_string(&text);
}

static void an_applied_command_is_ok(void **context)
{
    (void)context;
    struct reply_message reply = {.command = name_of("c-1"),
                                  .op = OP_GRANT,
                                  .seq = 12,
                                  .state = bytes_of_string("{\"verdict\":\"allow\",\"state\":\"active\"}"),
                                  .cid = bytes_of_string("\"x\"")};
    assert_string_equal(
        write_reply(&reply),
        "{\"command\":\"c-1\",\"op\":\"grant\",\"status\":\"ok\",\"reason\":\"ok\",\"seq\":12,"
        "\"state\":{\"verdict\":\"allow\",\"state\":\"active\"},\"cid\":\"x\"}");
}

static void a_refused_command_is_rejected_with_its_reason(void **context)
{
    (void)context;
    struct reply_message reply = {
        .command = name_of("c"), .op = OP_CREDIT, .reason = REPLY_TOO_MANY_GRANTS, .seq = 11};
    assert_string_equal(write_reply(&reply),
                        "{\"command\":\"c\",\"op\":\"credit\",\"status\":\"rejected\",\"reason\":"
                        "\"too_many_grants\",\"seq\":11,\"state\":{}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_applied_command_is_ok),
        cmocka_unit_test(a_refused_command_is_rejected_with_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
