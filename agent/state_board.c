#include "agent/state_board.h"

#include <string.h>

enum { PROBES_MAX = 16 };

void state_board_init(struct state_board *board, struct board_place *places, uint32_t place_count)
{
    *board =
        (struct state_board){.places = places, .place_count = place_count, .due_earliest = INSTANT_NEVER};
}

static instant_ms last_published(const struct board_place *place)
{
    instant_ms last = 0;
    for (enum governor_kind kind = GOVERNOR_ENTITLEMENT; kind <= GOVERNOR_BILLING; kind++) {
        last = place->published_at[kind] > last ? place->published_at[kind] : last;
    }
    return last;
}

/* A free place is better than one to be forgotten, and of those the longest quiet one. */
static bool is_better(const struct board_place *place, const struct board_place *than)
{
    if (place->pending != 0) {
        return false;
    }
    if (than == NULL || name_is_empty(&than->subject)) {
        return than == NULL;
    }
    return name_is_empty(&place->subject) || last_published(place) < last_published(than);
}

struct board_place *state_board_place(struct state_board *board, const struct name *subject)
{
    uint32_t mask = board->place_count - 1;
    uint32_t start = (uint32_t)hash_bytes((struct hash_key){0, 0}, name_bytes(subject)) & mask;
    struct board_place *idle = NULL;
    for (uint32_t i = 0; i < PROBES_MAX && i <= mask; i++) {
        struct board_place *place = &board->places[(start + i) & mask];
        if (name_equal(&place->subject, subject)) {
            return place;
        }
        if (is_better(place, idle)) {
            idle = place;
        }
    }
    if (idle != NULL) {
        memset(idle, 0, sizeof *idle);
        idle->subject = *subject;
    }
    return idle;
}

bool board_place_is_due(const struct board_place *place, enum governor_kind kind, instant_ms now)
{
    if (now == INSTANT_NEVER) {
        return true; /* The agent stops: nothing waits any more. */
    }
    return now - place->published_at[kind] >= STATE_INTERVAL_MS;
}

void state_board_defer(struct state_board *board, struct board_place *place, enum governor_kind kind)
{
    instant_ms due = instant_add(place->published_at[kind], STATE_INTERVAL_MS);
    board->pending_count += place->pending == 0 ? 1 : 0;
    board->due_earliest = due < board->due_earliest ? due : board->due_earliest;
    place->pending = (governor_set)(place->pending | 1U << kind);
}

void state_board_drop(struct state_board *board, struct board_place *place)
{
    board->pending_count -= place->pending != 0 ? 1 : 0;
    place->pending = 0;
}

void state_board_published(struct state_board *board, struct board_place *place, enum governor_kind kind,
                           uint64_t fields_hash, instant_ms now)
{
    bool was_pending = place->pending != 0;
    place->pending = (governor_set)(place->pending & ~(1U << kind));
    board->pending_count -= was_pending && place->pending == 0 ? 1 : 0;
    place->published_at[kind] = now;
    place->published_hash[kind] = fields_hash;
}

void state_board_forget_published(struct state_board *board)
{
    board->due_earliest = 0;
    for (uint32_t i = 0; i < board->place_count; i++) {
        struct board_place *place = &board->places[i];
        if (!name_is_empty(&place->subject)) {
            memset(place->published_at, 0, sizeof place->published_at);
            memset(place->published_hash, 0, sizeof place->published_hash);
        }
    }
}

record_ref state_board_least_pending(const struct state_board *board)
{
    record_ref least = RECORD_REF_NONE;
    for (uint32_t i = 0; i < board->place_count && board->pending_count > 0; i++) {
        const struct board_place *place = &board->places[i];
        if (place->pending != 0 && (least == RECORD_REF_NONE || place->image < least)) {
            least = place->image;
        }
    }
    return least;
}

/* When the first of its pending governors is due; INSTANT_NEVER if none is pending. */
static instant_ms first_due(const struct board_place *place)
{
    instant_ms first = INSTANT_NEVER;
    for (enum governor_kind kind = GOVERNOR_ENTITLEMENT; kind <= GOVERNOR_BILLING; kind++) {
        instant_ms due = instant_add(place->published_at[kind], STATE_INTERVAL_MS);
        if ((place->pending >> kind & 1) != 0 && due < first) {
            first = due;
        }
    }
    return first;
}

/* Looks at every place only when one may be due. */
struct board_place *state_board_next_due(struct state_board *board, instant_ms now)
{
    if (board->pending_count == 0 || now < board->due_earliest) {
        return NULL;
    }
    instant_ms earliest = INSTANT_NEVER;
    for (uint32_t i = 0; i < board->place_count; i++) {
        struct board_place *place = &board->places[board->sweep_at];
        instant_ms due = place->pending == 0 ? INSTANT_NEVER : first_due(place);
        if (due <= now && place->pending != 0) {
            return place; /* And stays the next one until it was published. */
        }
        board->sweep_at = (board->sweep_at + 1) % board->place_count;
        earliest = due < earliest ? due : earliest;
    }
    board->due_earliest = earliest;
    return NULL;
}
