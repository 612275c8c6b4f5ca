/* A state log written for real, and what an input does to its files: flips, lost and swapped sectors, files
 * cut, gone or renamed; and forgeries, whose checksums are right. */
#ifndef FLYBALL_TESTS_FUZZ_LOG_DAMAGE_H
#define FLYBALL_TESTS_FUZZ_LOG_DAMAGE_H

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_files.h"

enum damage_reach {
    REACH_ALL,  /* Anything anywhere, forgeries too. */
    REACH_DISK, /* What a disk can do, anywhere: no change that a checksum could overlook. */
    REACH_TAIL, /* The same, behind the last frame and in spares only. */
};

/* What was done. */
struct log_damage {
    enum damage_reach reach;
    bool is_forged;
};

/* Instructions from the input until it ends. */
void log_damage_apply(struct fuzz_input *input, struct memory_files *files, struct log_damage *damage);

#endif
