/* The command line taken apart: which command, its options, its operands. */
#ifndef FLYBALL_AGENT_COMMANDS_COMMAND_LINE_H
#define FLYBALL_AGENT_COMMANDS_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum { SET_OPTIONS_MAX = 64, OPERANDS_MAX = 4 };

enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_WRONG = 1, /* The thing asked about is wrong. Never from `run`. */
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_CANNOT_START = 3,
};

/* Borrowed from argv. */
struct command_line {
    const char *command;     /* "run" when none is given. */
    const char *config_file; /* NULL: defaults alone. */
    const char *store;       /* NULL: the default. */
    bool json;               /* Of `explain` only. */
    const char *sets[SET_OPTIONS_MAX];
    size_t set_count;
    const char *operands[OPERANDS_MAX];
    size_t operand_count;
};

/* Fills *line, or prints what is wrong and gives EXIT_CODE_USAGE. */
enum exit_code command_line_parse(int argc, char **argv, struct command_line *line);

void command_line_print_usage(void);

/* One function a command; each prints its own errors and returns the exit code. */
enum exit_code command_run(const struct command_line *line);
enum exit_code command_check(const struct command_line *line);
enum exit_code command_state(const struct command_line *line);
enum exit_code command_explain(const struct command_line *line);
enum exit_code command_verify(const struct command_line *line);
enum exit_code command_version(const struct command_line *line);

#endif
