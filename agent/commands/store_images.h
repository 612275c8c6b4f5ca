/* The latest image of every subject, read from a store by a tool, whether an agent runs on it or not. */
#ifndef FLYBALL_AGENT_COMMANDS_STORE_IMAGES_H
#define FLYBALL_AGENT_COMMANDS_STORE_IMAGES_H

#include "agent/commands/command_line.h"
#include "agent/runtime/subject_state.h"
#include "agent/state/state_log.h"

struct stored_image {
    struct name subject;
    size_t offset; /* Into `bytes`. */
    size_t length;
};

/* Grows as it is read: a tool may allocate. All zero is empty. */
struct store_images {
    struct stored_image *items; /* Sorted by name when read. */
    size_t count;
    size_t capacity;
    uint8_t *bytes;
    size_t bytes_used;
    size_t bytes_capacity;
    bool is_out_of_memory;
};

/* The folder to read: --store or the default. */
const char *store_folder(const struct command_line *line);

/* Reads and checks the whole log. STATUS_CORRUPT and others as state_log_scan, with report->message. */
MUST_USE enum status store_images_read(struct store_images *images, const char *folder,
                                       struct state_log_report *report);

void store_images_close(struct store_images *images);

struct bytes stored_image_bytes(const struct store_images *images, const struct stored_image *image);

#endif
