/* SQLite as a second judge of the state log: what is put goes into tables too, each frame within a savepoint;
 * after a crash the tables are rolled back to the last frame recovered, and queries compare. It shares
 * nothing with the log or its model but the records. */
#ifndef FLYBALL_TESTS_SIMULATION_ORACLE_H
#define FLYBALL_TESTS_SIMULATION_ORACLE_H

#include <sqlite3.h>

#include "tests/simulation/log_world.h"

enum oracle_statement {
    ORACLE_SAVE,
    ORACLE_ROLL_BACK,
    ORACLE_RELEASE,
    ORACLE_PUT_IMAGE,
    ORACLE_PUT_ENTRY,
    ORACLE_FIND_IMAGE,
    ORACLE_FIND_ENTRY,
    ORACLE_FORGET_IMAGES, /* What was found. */
    ORACLE_FORGET_ENTRIES,
    ORACLE_EMPTY_IMAGES,
    ORACLE_EMPTY_ENTRIES,
    ORACLE_DROP_ENTRIES,
    ORACLE_COMPARE_IMAGES,
    ORACLE_COMPARE_ENTRIES,
    ORACLE_LIST_IMAGES,
    ORACLE_STATEMENTS
};

enum { ORACLE_FRAMES_MAX = 4096 };

struct oracle {
    struct log_world *world;
    sqlite3 *database;
    sqlite3_stmt *statements[ORACLE_STATEMENTS];
    uint64_t frames[ORACLE_FRAMES_MAX]; /* Each with its savepoint, oldest first. */
    uint32_t frame_count;
    uint64_t last_found; /* The last frame with a record that was recovered. */
    uint64_t comparisons;
};

/* In memory; aborts when SQLite does not do what it is told. */
void oracle_open(struct oracle *oracle, struct log_world *world);
void oracle_close(struct oracle *oracle);

/* For world->observer; what differs is a violation in world->findings. */
struct log_observer oracle_observer(struct oracle *oracle);

#endif
