/* A virtual disk under test, and files on it whose sectors are each full of one byte. */
#ifndef FLYBALL_TESTS_SIMULATION_DISK_FIXTURE_H
#define FLYBALL_TESTS_SIMULATION_DISK_FIXTURE_H

#include "tests/simulation/virtual_disk.h"

enum { SECTOR = 512, SECTORS = 24, SEEDS = 400 };

/* An empty one with sectors of SECTOR bytes, until disk_drop frees it. */
struct virtual_disk *disk_new(uint64_t seed);
void disk_drop(struct virtual_disk *disk);

/* The same, empty again. */
void disk_begin_again(struct virtual_disk *disk, uint64_t seed, uint32_t sector_bytes);

/* The power fails and is back. */
void disk_cut(struct virtual_disk *disk);

/* The handle, or -1 and errno. */
int disk_open_file(struct virtual_disk *disk, const char *path, int flags);

/* Makes the names in the root durable. */
void disk_sync_root(struct virtual_disk *disk);

/* A file of that name, durable, of so many sectors each full of `fill`. */
int disk_durable_file(struct virtual_disk *disk, const char *path, int sectors, int fill);

/* Writes `count` sectors full of `fill`, beginning with the sector `first`. */
void disk_fill(struct virtual_disk *disk, int file, int first, int count, int fill);

/* A letter for each sector: the byte it is full of, '?' for a mixture. */
void disk_read(struct virtual_disk *disk, int file, char text[SECTORS + 1]);

/* The same of a file that is not open. */
void disk_read_named(struct virtual_disk *disk, const char *path, char text[SECTORS + 1]);

/* Whether there is a file of that name. */
bool disk_has(struct virtual_disk *disk, const char *path);

#endif
