/* Everything kept about one subject, and the image it is packed into: the same bytes in memory and in the
 * state log. docs/state-format.md describes them. */
#ifndef FLYBALL_RUNTIME_SUBJECT_STATE_H
#define FLYBALL_RUNTIME_SUBJECT_STATE_H

#include "agent/governors/states_codec.h"
#include "agent/runtime/counter_table.h"
#include "agent/runtime/dedup_window.h"
#include "base/instant.h"

enum {
    SUBJECT_IMAGE_VERSION = 2,
    SUBJECT_IMAGE_BYTES_MAX = STATES_PACKED_MAX +
                              (DEDUP_WINDOW_MAX + DEDUP_COMMANDS) * DEDUP_ITEM_PACKED_MAX +
                              COUNTERS_MAX * COUNTER_PACKED_MAX + 128,
};

/* Some 35 KB: one per scheduler thread, never on a stack. */
struct subject_state {
    struct name name;
    bool known; /* An event or a command made it exist; not one that was only denied as a stranger. */
    bool
        is_set_back; /* Damage took its latest image and this goes on from an earlier one; until a command. */
    uint64_t seq;    /* Of the last decision or command that changed it. */
    instant_ms time; /* When that was. */
    struct governor_states governors;
    struct counter_table counters;
    struct dedup_window events;
    struct dedup_window commands;
};

/* A stranger of that name; `dedup_size` is runtime.dedup_window. */
void subject_state_init(struct subject_state *state, const struct name *name, uint32_t dedup_size);

/* SUBJECT_IMAGE_BYTES_MAX is always room enough. */
void subject_state_pack(struct packer *packer, const struct subject_state *state);

/* STATUS_CORRUPT when the bytes are no image, STATUS_UNSUPPORTED for another version; *state is undefined
 * then. The window of events keeps the newest `dedup_size`. */
MUST_USE enum status subject_state_unpack(struct bytes image, uint32_t dedup_size,
                                          struct subject_state *state);

#endif
