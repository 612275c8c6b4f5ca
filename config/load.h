/* From the configuration file, --set and the environment to a snapshot. Loading takes memory from the system
 * and gives back all but the snapshot. */
#ifndef FLYBALL_CONFIG_LOAD_H
#define FLYBALL_CONFIG_LOAD_H

#include "base/io.h"
#include "base/status.h"
#include "config/errors.h"
#include "config/snapshot.h"

enum {
    CONFIG_FILE_BYTES_MAX = 1 << 20,
    CONFIG_DEPTH_MAX = 32,
    CONFIG_SETS_MAX = 64,
};

/* Where a configuration comes from; everything is borrowed. */
struct config_source {
    struct bytes text;       /* The file's; data NULL: no file, all defaults. */
    const char *const *sets; /* "dotted.path=value", applied in order. */
    size_t set_count;
    const char *host_name; /* The default of agent.id; may be NULL. */
    bool is_literal;       /* Already filled in once: ${NAME} stands for itself. */
    /* What ${NAME} stands for, NULL if it is unset; `environment` itself may be NULL: nothing is set. */
    const char *(*environment)(void *self, const char *name);
    void *self;
};

/* The process's own environment. */
const char *config_environment(void *self, const char *name);

/* On STATUS_OK the caller owns *snapshot; otherwise it is NULL and `errors`, cleared before, says why:
 * STATUS_INVALID, or STATUS_NO_MEMORY without an error. */
MUST_USE enum status config_load(const struct config_source *source, struct config_snapshot **snapshot,
                                 struct config_errors *errors);

/* A file's bytes in memory of their own. All zero holds nothing. */
struct config_text {
    struct bytes bytes;
    void *block;
    size_t block_bytes;
};

/* STATUS_NOT_FOUND: no such file; STATUS_TOO_LARGE: over CONFIG_FILE_BYTES_MAX; STATUS_IO; STATUS_NO_MEMORY.
 */
MUST_USE enum status config_text_read(const struct io *io, const char *path, struct config_text *text);
void config_text_close(struct config_text *text);

#endif
