/* When each governor's retained state was last published: a change of FSM state goes out at once, other
 * changes at most once a second, and the last one always. Owned by the publisher alone. */
#ifndef FLYBALL_AGENT_STATE_BOARD_H
#define FLYBALL_AGENT_STATE_BOARD_H

#include "agent/governors/chain.h"
#include "agent/state/record.h"
#include "base/hash.h"

enum { STATE_INTERVAL_MS = 1000 };

struct board_place {
    struct name subject; /* Empty: free. */
    governor_set pending;
    record_ref image; /* The record of its latest committed image. */
    instant_ms published_at[GOVERNOR_KINDS];
    uint64_t published_hash[GOVERNOR_KINDS]; /* Of the fields as published; 0: never. */
};

struct state_board {
    struct board_place *places;
    uint32_t place_count;
    uint32_t pending_count;
    uint32_t sweep_at;
    instant_ms due_earliest; /* Nothing pending is due before. */
};

/* Every place in `places` is zero; they outlive the board. place_count is a power of two. */
void state_board_init(struct state_board *board, struct board_place *places, uint32_t place_count);

/* The subject's place; another subject's that is not pending may be forgotten for it. NULL when all near
 * places are pending: publish everything at once then. */
struct board_place *state_board_place(struct state_board *board, const struct name *subject);

/* Whether the governor's second has passed at `now`; INSTANT_NEVER passes over every second. */
bool board_place_is_due(const struct board_place *place, enum governor_kind kind, instant_ms now);

/* Notes that `kind` has a newer value that waits for its second to pass. */
void state_board_defer(struct state_board *board, struct board_place *place, enum governor_kind kind);

/* Nothing of this subject waits any more. */
void state_board_drop(struct state_board *board, struct board_place *place);

void state_board_published(struct state_board *board, struct board_place *place, enum governor_kind kind,
                           uint64_t fields_hash, instant_ms now);

/* What was published may not have arrived: nothing counts as published any more. */
void state_board_forget_published(struct state_board *board);

/* The oldest image of a pending place; RECORD_REF_NONE if none is pending. Looks at every place. */
record_ref state_board_least_pending(const struct state_board *board);

/* The next place with something pending whose second has passed; NULL when there is none. */
struct board_place *state_board_next_due(struct state_board *board, instant_ms now);

#endif
