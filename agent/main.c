#include <stdio.h>
#include <string.h>

#include "agent/commands/command_line.h"

struct command_entry {
    const char *name;
    enum exit_code (*run)(const struct command_line *line);
    size_t operands_least;
    size_t operands_most;
};

static const struct command_entry commands[] = {
    {"run", command_run, 0, 0},         {"check", command_check, 1, 1},   {"state", command_state, 0, 1},
    {"explain", command_explain, 1, 1}, {"verify", command_verify, 0, 0}, {"version", command_version, 0, 0},
};

static enum exit_code dispatch(const struct command_line *line)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(line->command, commands[i].name) != 0) {
            continue;
        }
        if (line->operand_count < commands[i].operands_least ||
            line->operand_count > commands[i].operands_most) {
            fprintf(stderr, "flyball %s: wrong number of arguments\n", line->command);
            command_line_print_usage();
            return EXIT_CODE_USAGE;
        }
        return commands[i].run(line);
    }
    fprintf(stderr, "flyball: unknown command: %s\n", line->command);
    command_line_print_usage();
    return EXIT_CODE_USAGE;
}

int main(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        command_line_print_usage();
        return EXIT_CODE_OK;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        static char version[] = "version";
        argv[1] = version;
    }
    struct command_line line;
    enum exit_code code = command_line_parse(argc, argv, &line);
    if (code == EXIT_CODE_OK) {
        code = dispatch(&line);
    }
    return (int)code;
}
