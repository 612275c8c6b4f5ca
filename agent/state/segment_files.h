/* The files in the log's folder: what they are called, and making, renaming and listing them. */
#ifndef FLYBALL_STATE_SEGMENT_FILES_H
#define FLYBALL_STATE_SEGMENT_FILES_H

#include <stdbool.h>

#include "base/io.h"
#include "base/status.h"

enum {
    SEGMENT_PATH_MAX = 1024,
    SEGMENT_FOLDER_MAX = SEGMENT_PATH_MAX - 32, /* The folder's own path. */
};

enum segment_file_kind { SEGMENT_FILE, SPARE_FILE };

struct segment_path {
    char text[SEGMENT_PATH_MAX];
};

/* The numbers of all files of a kind, ascending, in memory from pages_take. */
struct segment_numbers {
    uint32_t *numbers;
    size_t count;
    size_t capacity;
};

struct segment_path segment_path_of(const char *folder, enum segment_file_kind kind, uint32_t number);

/* An errno as a status: STATUS_NO_SPACE for a full disk or quota, else STATUS_IO. */
enum status segment_status_of_errno(int error);

/* STATUS_NOT_FOUND: no such folder. Release with segment_numbers_free. */
MUST_USE enum status segment_numbers_list(const struct io *io, const char *folder,
                                          enum segment_file_kind kind, struct segment_numbers *numbers);
void segment_numbers_free(struct segment_numbers *numbers);

/* Makes an allocated spare; leaves nothing behind when that fails. */
MUST_USE enum status segment_spare_create(const struct io *io, const char *folder, uint32_t number,
                                          uint64_t segment_bytes);

/* Makes the file's first `bytes`, whole blocks, zeros, and them and its size durable: a spare must not begin
 * with a frame of its former life, nor a segment with one that was torn. */
MUST_USE enum status segment_blank(const struct io *io, const struct segment_path *path, uint64_t bytes);

/* -1 if it cannot be told. */
int64_t segment_file_size(const struct io *io, const char *path);

/* Renames; not durable before the folder is synced. */
MUST_USE enum status segment_rename(const struct io *io, const struct segment_path *from,
                                    const struct segment_path *to);

#endif
