#include "agent/state_board.h"

#include <string.h>

enum { PROBES_MAX = 16 };

void state_board_init(struct state_board *board, struct board_place *places, uint32_t place_count)
{
    *board = (struct state_board){.places = places, .place_count = place_count};
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
        if (idle == NULL && place->pending == 0) {
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
    return now - place->published_at[kind] >= STATE_INTERVAL_MS;
}

void state_board_defer(struct state_board *board, struct board_place *place, enum governor_kind kind)
{
    board->pending_count += place->pending == 0 ? 1 : 0;
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
    for (uint32_t i = 0; i < board->place_count; i++) {
        struct board_place *place = &board->places[i];
        if (!name_is_empty(&place->subject)) {
            memset(place->published_at, 0, sizeof place->published_at);
            memset(place->published_hash, 0, sizeof place->published_hash);
        }
    }
}

static bool has_due(const struct board_place *place, instant_ms now)
{
    for (enum governor_kind kind = GOVERNOR_ENTITLEMENT; kind <= GOVERNOR_BILLING; kind++) {
        if ((place->pending >> kind & 1) != 0 && board_place_is_due(place, kind, now)) {
            return true;
        }
    }
    return false;
}

struct board_place *state_board_next_due(struct state_board *board, instant_ms now)
{
    if (board->pending_count == 0) {
        return NULL;
    }
    for (uint32_t i = 0; i < board->place_count; i++) {
        struct board_place *place = &board->places[board->sweep_at];
        board->sweep_at = (board->sweep_at + 1) % board->place_count;
        if (place->pending != 0 && has_due(place, now)) {
            return place;
        }
    }
    return NULL;
}
