#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/commands/command_line.h"

enum { ARGUMENTS_MAX = 10 };

/* Takes "flyball" and the arguments, NULL after the last, apart. */
static enum exit_code parse(const char *const arguments[], struct command_line *line)
{
    char *argv[ARGUMENTS_MAX + 2] = {(char *)(uintptr_t) "flyball"};
    int argc = 1;
    for (; arguments[argc - 1] != NULL; argc++) {
        argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
    }
    return command_line_parse(argc, argv, line);
}

static void nothing_means_run(void **context)
{
    (void)context;
    struct command_line line;
    assert_int_equal(parse((const char *const[]){NULL}, &line), EXIT_CODE_OK);
    assert_string_equal(line.command, "run");
    assert_null(line.store);
    assert_int_equal(line.operand_count, 0);
}

static void explain_takes_its_options(void **context)
{
    (void)context;
    struct command_line line;
    const char *const arguments[] = {"explain", "--json", "--store", "d", "--config=c", "e-1", NULL};
    assert_int_equal(parse(arguments, &line), EXIT_CODE_OK);
    assert_string_equal(line.command, "explain");
    assert_true(line.json);
    assert_string_equal(line.store, "d");
    assert_string_equal(line.config_file, "c");
    assert_int_equal(line.operand_count, 1);
    assert_string_equal(line.operands[0], "e-1");
}

static void words_are_the_default(void **context)
{
    (void)context;
    struct command_line line;
    assert_int_equal(parse((const char *const[]){"explain", "981", NULL}, &line), EXIT_CODE_OK);
    assert_false(line.json);
}

static void json_is_an_option_of_explain_alone(void **context)
{
    (void)context;
    static const char *const commands[] = {"run", "state", "verify", "check", "version"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct command_line line;
        assert_int_equal(parse((const char *const[]){commands[i], "--json", NULL}, &line), EXIT_CODE_USAGE);
    }
}

static void operand_may_begin_with_a_dash_behind_two(void **context)
{
    (void)context;
    struct command_line line;
    const char *const arguments[] = {"explain", "--store", "d", "--", "--json", NULL};
    assert_int_equal(parse(arguments, &line), EXIT_CODE_OK);
    assert_false(line.json);
    assert_string_equal(line.operands[0], "--json");
    assert_int_equal(parse((const char *const[]){"explain", "--", "--", NULL}, &line), EXIT_CODE_OK);
    assert_string_equal(line.operands[0], "--");
    assert_int_equal(parse((const char *const[]){"explain", "-1", NULL}, &line), EXIT_CODE_USAGE);
}

static void unknown_and_half_options_are_refused(void **context)
{
    (void)context;
    static const char *const wrong[] = {"--bogus", "--store", "--config", "--set", "-j", "--jsonx"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct command_line line;
        assert_int_equal(parse((const char *const[]){"explain", wrong[i], NULL}, &line), EXIT_CODE_USAGE);
    }
}

static void operands_are_bounded(void **context)
{
    (void)context;
    struct command_line line;
    assert_int_equal(parse((const char *const[]){"explain", "1", "2", "3", "4", NULL}, &line), EXIT_CODE_OK);
    assert_int_equal(line.operand_count, OPERANDS_MAX);
    assert_int_equal(parse((const char *const[]){"explain", "1", "2", "3", "4", "5", NULL}, &line),
                     EXIT_CODE_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_means_run),
        cmocka_unit_test(explain_takes_its_options),
        cmocka_unit_test(words_are_the_default),
        cmocka_unit_test(json_is_an_option_of_explain_alone),
        cmocka_unit_test(operand_may_begin_with_a_dash_behind_two),
        cmocka_unit_test(unknown_and_half_options_are_refused),
        cmocka_unit_test(operands_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
