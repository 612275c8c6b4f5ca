/* flyball check FILE: what is wrong with a configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/commands/command_line.h"
#include "config/load.h"

/* Says nothing about the file. */
static enum exit_code cannot_check(const char *path)
{
    fprintf(stderr, "%s: cannot be checked: no memory; free some\n", path);
    return EXIT_CODE_CANNOT_START;
}

static enum exit_code judge(const struct command_line *line, struct bytes text, struct config_errors *errors)
{
    const char *path = line->operands[0];
    char host_name[256] = "flyball";
    gethostname(host_name, sizeof host_name - 1);
    struct config_source source = {.text = text,
                                   .sets = line->sets,
                                   .set_count = line->set_count,
                                   .host_name = host_name,
                                   .environment = config_environment};
    struct config_snapshot *snapshot;
    enum status status = config_load(&source, &snapshot, errors);
    if (status == STATUS_OK) {
        config_snapshot_close(snapshot);
        printf("%s: ok\n", path);
        return EXIT_CODE_OK;
    }
    if (status == STATUS_NO_MEMORY) {
        return cannot_check(path);
    }
    for (uint32_t i = 0; i < errors->count; i++) {
        fprintf(stderr, "%s: %s: %s\n", path, errors->items[i].path, errors->items[i].message);
    }
    if (errors->dropped > 0) {
        fprintf(stderr, "%s: and %u more\n", path, errors->dropped);
    }
    return EXIT_CODE_WRONG;
}

enum exit_code command_check(const struct command_line *line)
{
    struct io io = io_posix();
    struct config_text text = {0};
    enum status status = config_text_read(&io, line->operands[0], &text);
    if (status == STATUS_NO_MEMORY) {
        return cannot_check(line->operands[0]);
    }
    if (status != STATUS_OK) {
        fprintf(stderr, "%s: %s\n", line->operands[0],
                status == STATUS_NOT_FOUND ? "no such file" : status_name(status));
        return EXIT_CODE_WRONG;
    }
    struct config_errors *errors = calloc(1, sizeof *errors);
    enum exit_code code = errors == NULL ? cannot_check(line->operands[0]) : judge(line, text.bytes, errors);
    free(errors);
    config_text_close(&text);
    return code;
}
