/* Bugs put in on purpose, each where it would be: a proof that the simulation would find them. In every build
 * but that of flyball-sim-mutants they are off and cost nothing. */
#ifndef FLYBALL_BASE_MUTATION_H
#define FLYBALL_BASE_MUTATION_H

#include <stdbool.h>

enum mutation {
    MUTATION_NONE,
    MUTATION_PUBLISH_BEFORE_SYNC,   /* A frame counts as durable when it is written. */
    MUTATION_SYNC_RETRIED,          /* After a failed sync once more: the kernel says that all is well. */
    MUTATION_SYNC_FAILURE_IGNORED,  /* A failed sync is taken for a sync. */
    MUTATION_NO_CHECKSUM,           /* A frame's payload is believed as it is read. */
    MUTATION_UNALIGNED_FRAME,       /* A frame begins in the sector in which the one before ends. */
    MUTATION_NAME_NOT_SYNCED,       /* A new segment's name is not made durable. */
    MUTATION_FIRST_COPY_TRUSTED,    /* A last frame found in the page cache is not written again. */
    MUTATION_LIVE_IMAGE_DROPPED,    /* Compaction gives back a segment with the latest image of a subject. */
    MUTATION_DAMAGE_NOT_TOLD,       /* Lost frames are passed over without a word. */
    MUTATION_SETBACK_NOT_MARKED,    /* Who goes on from an earlier image is not marked. */
    MUTATION_PREVIOUS_TRUSTED,      /* An image that names no image in the index is taken for a stranger's. */
    MUTATION_WINDOW_LEFT_BEHIND,    /* Compaction moves a subject without what its windows refer to. */
    MUTATION_KEY_NOT_IN_IMAGE,      /* The effect is stored without the key that protects it. */
    MUTATION_DUPLICATE_APPLIED,     /* An event is decided without a look whether it was before. */
    MUTATION_DUPLICATE_RENUMBERED,  /* A duplicate's answer carries the latest seq. */
    MUTATION_COMMAND_APPLIED_AGAIN, /* A repeated command is not known again. */
    MUTATION_REFUND_REPEATED,       /* A refund leaves no mark on what it refunds. */
    MUTATION_CHARGED_WHEN_DENIED,   /* A denied chain pays. */
    MUTATION_QUOTA_WINDOW_NOT_RESET, /* A fixed window's use is carried into the next. */
    MUTATION_OUTBOX_AHEAD,           /* The mark passes what was handed over, not what was acknowledged. */
    MUTATION_LOST_SESSION_FORGOTTEN, /* What was on the way when the session was lost is not said again. */
    MUTATION_SLOT_FREED_EARLY,       /* A message leaves the pool before its decision is committed. */
    MUTATION_SLOT_DECIDED_AGAIN,     /* What the log answers already is decided again after a start. */
    MUTATION_CLOCK_NOT_KEPT,         /* The highest time seen is forgotten with the process. */
    MUTATIONS
};

#ifdef FLYBALL_MUTATIONS
bool mutation_is_on(enum mutation mutation);
#else
static inline bool mutation_is_on(enum mutation mutation)
{
    (void)mutation;
    return false;
}
#endif

#endif
