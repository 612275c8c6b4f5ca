/* The settings of a simulated world around the state log, drawn from its seed. */
#ifndef FLYBALL_TESTS_SIMULATION_LOG_PRESET_H
#define FLYBALL_TESTS_SIMULATION_LOG_PRESET_H

#include "agent/state/state_log.h"
#include "tests/simulation/dice.h"

struct log_preset {
    uint32_t sector_bytes;
    uint32_t segment_bytes;
    uint32_t segments; /* The budget. */
    uint32_t batch_bytes;
    uint32_t recent_bytes;
    uint32_t retention_segments; /* 0: as many as there is room for. */
    uint32_t retention_ms;       /* 0: none. */
    uint32_t subjects_max;
    int32_t subjects; /* Names there are; may be more than the index takes. */
    int compression;
    enum log_durability durability;
    uint64_t hash_mask;   /* 0: all bits. */
    uint64_t space_bytes; /* Of the disk; 0: enough. */
    uint32_t interrupted_per_mille;
    uint32_t body_most;
    /* What lives are like: */
    uint32_t lives;
    uint32_t operations_most;   /* Of a life. */
    uint32_t records_most;      /* Of a transaction. */
    uint32_t commits_per_mille; /* Of operations. */
    uint32_t reads_per_mille;
    uint32_t compactions_per_mille; /* When nothing needs one. */
    uint32_t checkpoints_per_mille;
    uint32_t sync_faults_per_mille; /* Of lives. */
    uint32_t read_faults_per_mille;
    uint32_t cuts_per_mille;   /* Of deaths: the rest are kills. */
    uint32_t quiet_per_mille;  /* Of deaths: between two operations. */
    uint32_t closes_per_mille; /* Of lives that end well. */
};

void log_preset_draw(struct log_preset *preset, struct dice *dice);

/* With the disk's file calls; `folder` is borrowed. */
struct state_log_settings log_preset_settings(const struct log_preset *preset, struct io io,
                                              const char *folder);

/* One line. */
void log_preset_describe(const struct log_preset *preset, char *text, size_t size);

#endif
