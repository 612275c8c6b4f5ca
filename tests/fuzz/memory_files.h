/* A folder in memory that is put back to an earlier moment at little cost: only what changed is copied.
 * Nothing fails but for want of room. */
#ifndef FLYBALL_TESTS_FUZZ_MEMORY_FILES_H
#define FLYBALL_TESTS_FUZZ_MEMORY_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/io.h"

enum {
    MEMORY_FILES_MAX = 24,
    MEMORY_FILE_BYTES_MAX = 64 << 10,
    MEMORY_NAME_MAX = 40,
    MEMORY_HANDLES_MAX = 32,
    MEMORY_BLOCK_BYTES = 4096,
};

struct memory_file {
    char name[MEMORY_NAME_MAX]; /* Empty: the place is free. */
    uint32_t size;
    uint32_t changed;                    /* Blocks that may differ from the earlier moment, a bit each. */
    uint8_t data[MEMORY_FILE_BYTES_MAX]; /* Zero from `size` on. */
};

struct memory_files {
    struct memory_file files[MEMORY_FILES_MAX];
    int handles[MEMORY_HANDLES_MAX]; /* The file's place plus one; 0: closed; -1: the folder. */
};

struct io memory_files_io(struct memory_files *files);

/* Makes `files` equal to `earlier`, of which it is a copy but for what changed since. Closes all handles. */
void memory_files_restore(struct memory_files *files, const struct memory_files *earlier);

/* NULL if there is none. */
struct memory_file *memory_files_find(struct memory_files *files, const char *name);

/* Each changes a file as no program would. Ranges are cut to the file's. */
void memory_file_write(struct memory_file *file, uint32_t offset, const void *bytes, uint32_t size);
void memory_file_truncate(struct memory_file *file, uint32_t size);
void memory_file_remove(struct memory_file *file);
void memory_file_rename(struct memory_files *files, struct memory_file *file, const char *name);

#endif
