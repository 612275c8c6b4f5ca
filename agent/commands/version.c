#include <stdio.h>

#include "agent/commands/command_line.h"
#include "agent/version.h"

enum exit_code command_version(const struct command_line *line)
{
    (void)line;
    printf("flyball %s\n", FLYBALL_VERSION);
    return EXIT_CODE_OK;
}
