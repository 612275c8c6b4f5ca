/* A simulated world around one state log: the disk, the log, the model of what it must hold, and what an
 * observer wants to know. A seed decides everything that happens in it. */
#ifndef FLYBALL_TESTS_SIMULATION_LOG_WORLD_H
#define FLYBALL_TESTS_SIMULATION_LOG_WORLD_H

#include "agent/state/reader.h"
#include "tests/simulation/log_model.h"
#include "tests/simulation/log_preset.h"
#include "tests/simulation/virtual_disk.h"

/* Another judge of the same run; NULL functions are not called. */
struct log_observer {
    void (*begins)(void *self); /* With an empty store. */
    void (*put)(void *self, const struct record *record);
    void (*recovery_begins)(void *self);
    void (*recovered)(void *self, const struct record *record);
    void (*recovery_ends)(void *self, uint64_t dropped_frame); /* Frames up to it may be missing. */
    void *self;
};

struct log_counts {
    uint64_t seeds;
    uint64_t crashes; /* Kills and cuts. */
    uint64_t cuts;
    uint64_t cuts_in_open; /* While it recovered. */
    uint64_t kills;
    uint64_t closes;
    uint64_t commits;
    uint64_t records;
    uint64_t recovered; /* Records checked. */
    uint64_t drops;
    uint64_t sync_faults;
    uint64_t no_space; /* Commits and transactions refused. */
    uint64_t checkpoints;
    uint64_t scans;
    uint64_t repeats; /* Seeds run twice. */
};

struct log_world {
    uint64_t seed;
    struct dice dice;
    struct findings findings;
    struct log_preset preset;
    struct virtual_disk disk;
    struct state_log_settings settings;
    struct state_log log;
    struct state_log_reader reader;
    struct log_model model;
    struct log_counts *counts;
    struct log_observer observer;
    bool is_spared_sync_faults; /* To look for something else. */
    instant_ms now;
    bool is_open;
    bool has_checkpoint; /* There was one at some time. */
    bool has_failed;     /* The log gave STATUS_IO for a commit: for good. */
    uint64_t cut_in;     /* Changes after the start, if it comes to that; 0: none. */
    uint64_t faults_before;
    uint64_t hash; /* Of everything that happened. */
    uint8_t body[LOG_BODY_MAX];
};

/* Adds to the hash of what happened. */
void log_world_note(struct log_world *world, uint64_t value);

/* Whether a failure has a cause in this life: the disk stopped, or a fault came. */
bool log_world_is_disturbed(const struct log_world *world);

#endif
