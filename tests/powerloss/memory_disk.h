/* A disk in memory whose power can be cut: what was not synced is kept, lost or turned to garbage sector by
 * sector, and names not synced go back to an earlier moment. */
#ifndef FLYBALL_TESTS_POWERLOSS_MEMORY_DISK_H
#define FLYBALL_TESTS_POWERLOSS_MEMORY_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/io.h"

enum {
    DISK_SECTOR_BYTES = 512,
    DISK_FILES_MAX = 24,
    DISK_FILE_BYTES_MAX = 64 << 10,
    DISK_SECTORS_MAX = DISK_FILE_BYTES_MAX / DISK_SECTOR_BYTES,
    DISK_HANDLES_MAX = 32,
    DISK_MOMENTS_MAX = 64,
    DISK_NAME_MAX = 40,
};

struct disk_file {
    bool is_used;
    size_t size;
    size_t durable_size;
    bool is_dirty[DISK_SECTORS_MAX];
    uint8_t data[DISK_FILE_BYTES_MAX];
    uint8_t durable[DISK_FILE_BYTES_MAX];
};

/* Which names there are, each with its file; an empty name is a free place. */
struct disk_names {
    char name[DISK_FILES_MAX][DISK_NAME_MAX];
    int file[DISK_FILES_MAX];
};

struct memory_disk {
    struct disk_file files[DISK_FILES_MAX];
    struct disk_names moments[DISK_MOMENTS_MAX]; /* Since the last sync of the folder; the last is now. */
    int moment_count;
    int handles[DISK_HANDLES_MAX]; /* The file of each; -1: closed; -2: the folder. */
    bool is_locked;
    uint64_t random;
    uint64_t changes;   /* Writes, syncs and changes of names so far. */
    uint64_t cut_after; /* Power fails at this one; 0: never. */
    bool is_off;
};

void memory_disk_init(struct memory_disk *disk, uint64_t seed);
struct io memory_disk_io(struct memory_disk *disk);

/* After the power failed: what the next start finds. */
void memory_disk_restart(struct memory_disk *disk);

uint64_t memory_disk_random(struct memory_disk *disk);

#endif
