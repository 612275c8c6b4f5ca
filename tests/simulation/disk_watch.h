/* Stands between the agent and its virtual disk: makes the process die or a call fail in the middle of
 * something, and knows from the calls alone which frames of the state log are on the disk for good. */
#ifndef FLYBALL_TESTS_SIMULATION_DISK_WATCH_H
#define FLYBALL_TESTS_SIMULATION_DISK_WATCH_H

#include "tests/simulation/findings.h"
#include "tests/simulation/virtual_disk.h"

enum { WATCH_FILES_MAX = 64, WATCH_PATH_MAX = 64, WATCH_PENDING_MAX = 256 };

/* A frame that was written and not yet synced. */
struct pending_frame {
    char path[WATCH_PATH_MAX];
    uint64_t frame;
    uint64_t last_seq;
};

struct disk_watch {
    struct virtual_disk *virtual_disk;
    struct io disk; /* Its calls. */
    struct findings *findings;
    struct dice dice;
    bool is_os_durable; /* What is written counts as durable. */
    /* Faults that are to come: */
    uint64_t dies_in;         /* The process dies at this change of the disk; 0: not at all. */
    bool fails_next_log_sync; /* The next fdatasync of a segment. */
    void (*died)(void *self); /* Called at the moment of death. */
    void *self;
    /* What happened since the process started: */
    bool is_dead;
    bool has_failed_log_sync;
    uint64_t faults_before; /* That the disk has counted. */
    /* Known of the log: */
    uint64_t durable_frame;
    uint64_t durable_seq;
    uint32_t pending_count;
    struct pending_frame pending[WATCH_PENDING_MAX];
    char paths[WATCH_FILES_MAX][WATCH_PATH_MAX]; /* Of open files. */
};

void disk_watch_init(struct disk_watch *watch, struct virtual_disk *disk, struct findings *findings);

/* What the agent is given. */
struct io disk_watch_io(struct disk_watch *watch);

/* A new process begins. */
void disk_watch_restart(struct disk_watch *watch);

/* Whether any call failed on purpose since the process began. */
bool disk_watch_has_failed(const struct disk_watch *watch);

/* The power failed: what was not synced is no longer expected. */
void disk_watch_forget_pending(struct disk_watch *watch);

#endif
