#include "agent/commands/command_line.h"

#include <stdio.h>
#include <string.h>

void command_line_print_usage(void)
{
    fputs("usage: flyball run [--config FILE] [--set key=value]...   run the agent (the default command)\n"
          "       flyball check FILE                                 validate a configuration file\n"
          "       flyball state [--store DIR] [SUBJECT]              stored state as JSON\n"
          "       flyball explain [--store DIR] [--json] SEQ|EVENT_ID  why this decision: inputs, each "
          "governor "
          "before and after\n"
          "       flyball verify [--store DIR]                       check every frame, the chain and "
          "conservation\n"
          "       flyball version\n",
          stderr);
}

static enum exit_code complain(const char *what, const char *about)
{
    fprintf(stderr, "flyball: %s: %s\n", what, about);
    command_line_print_usage();
    return EXIT_CODE_USAGE;
}

/* The value of `--name VALUE` or `--name=VALUE` at argv[*at]; NULL when it is another option. */
static const char *option_value(const char *name, int argc, char **argv, int *at)
{
    size_t length = strlen(name);
    const char *argument = argv[*at];
    if (argument == NULL || strncmp(argument, name, length) != 0) {
        return NULL;
    }
    if (argument[length] == '=') {
        return argument + length + 1;
    }
    if (argument[length] == '\0' && *at + 1 < argc) {
        return argv[++*at];
    }
    return NULL;
}

static bool take_option(int argc, char **argv, int *at, struct command_line *line)
{
    if (strcmp(argv[*at], "--json") == 0 && strcmp(line->command, "explain") == 0) {
        line->json = true;
        return true;
    }
    const char *value = option_value("--config", argc, argv, at);
    if (value != NULL) {
        line->config_file = value;
        return true;
    }
    value = option_value("--store", argc, argv, at);
    if (value != NULL) {
        line->store = value;
        return true;
    }
    value = option_value("--set", argc, argv, at);
    if (value != NULL && line->set_count < SET_OPTIONS_MAX) {
        line->sets[line->set_count++] = value;
        return true;
    }
    return false;
}

enum exit_code command_line_parse(int argc, char **argv, struct command_line *line)
{
    memset(line, 0, sizeof *line);
    line->command = "run";
    int at = 1;
    if (at < argc && argv[at][0] != '-') {
        line->command = argv[at++];
    }
    bool is_option_time = true;
    for (; at < argc; at++) {
        if (is_option_time && strcmp(argv[at], "--") == 0) {
            is_option_time = false; /* An event id may begin with a dash. */
        } else if (is_option_time && argv[at][0] == '-') {
            if (!take_option(argc, argv, &at, line)) {
                return complain("unknown option, or its value is missing", argv[at]);
            }
        } else if (line->operand_count < OPERANDS_MAX) {
            line->operands[line->operand_count++] = argv[at];
        } else {
            return complain("too many arguments, starting with", argv[at]);
        }
    }
    return EXIT_CODE_OK;
}
