/* What the scheduler's parts share and nobody else sees. Everything here is used under scheduler->lock. */
#ifndef FLYBALL_RUNTIME_SCHEDULER_PARTS_H
#define FLYBALL_RUNTIME_SCHEDULER_PARTS_H

#include "agent/runtime/scheduler.h"

enum process_state { PROCESS_IDLE, PROCESS_QUEUED, PROCESS_RUNNING };

/* What the scheduler knows of a hot subject. */
struct scheduler_process {
    struct mailbox mailbox;
    uint32_t waiting[RUN_PRIORITIES]; /* Events of each priority in the mailbox. */
    enum process_state state;
    enum run_priority queued_at;
    uint8_t pokes;
};

/* What it knows of an event. */
struct scheduler_letter {
    uint32_t subject; /* Once posted. */
    enum run_priority priority;
    uint8_t qos;
};

/* There is one more thing to do: one sleeper is enough. */
void scheduler_wake_one(struct scheduler *scheduler);

/* Whether a subject without events may get one. */
bool scheduler_has_place_for_events(const struct scheduler *scheduler);

/* Forgets an event that has left its mailbox. */
void scheduler_note_taken(struct scheduler *scheduler, slot_index slot);

#endif
