/* Gives the oldest segment's space back: asks every subject that still lives in it to move to the head of the
 * log, waits until that is durable, and drops it. Turned by one thread. */
#ifndef FLYBALL_AGENT_COMPACTION_H
#define FLYBALL_AGENT_COMPACTION_H

#include <stdatomic.h>

#include "agent/runtime/scheduler.h"
#include "agent/state/reader.h"

enum {
    COMPACTION_SEEN_PLACES = 1 << 16, /* Subjects told apart at a time; more wait until those have moved. */
    COMPACTION_RECORDS_PER_TURN = 4096,
};

enum compaction_step { COMPACTION_IDLE, COMPACTION_WALKING, COMPACTION_SETTLING };

struct compaction {
    struct state_log *log;
    struct scheduler *scheduler;
    struct state_log_reader reader;
    enum compaction_step step;
    record_ref cursor;
    uint64_t *seen; /* Hashes of the subjects asked already. */
    struct hash_key key;
    uint64_t asked;
    /* Shared with the deciders: */
    _Atomic(uint64_t) through_frame; /* The last frame of the segment being emptied. */
    _Atomic(bool) is_moving;         /* Subjects are asked to move, or do. */
    _Atomic(uint64_t) moved;         /* Subjects that have moved. */
    _Atomic(uint64_t) moved_to;      /* The youngest image they put. */
};

/* STATUS_NO_MEMORY. */
MUST_USE enum status compaction_init(struct compaction *compaction, struct state_log *log,
                                     struct scheduler *scheduler, struct hash_key key);
void compaction_close(struct compaction *compaction);

/* Does a little of what there is to do. STATUS_OK when a segment was dropped, STATUS_EMPTY when nothing is
 * needed or it waits for others, STATUS_IO or STATUS_CORRUPT when the log cannot be read. */
MUST_USE enum status compaction_turn(struct compaction *compaction);

/* Whether subjects move now. What they put should share frames: a frame of its own for each would take as
 * much space as is won. Any thread. */
bool compaction_is_moving(struct compaction *compaction);

/* A decider has moved its subject; `image` is where it lies now. */
void compaction_note_moved(struct compaction *compaction, record_ref image);

#endif
