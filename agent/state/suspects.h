/* Recovery's share of confining damage: whose latest images lay in lost frames, by the witnesses of the
 * frames behind them. */
#ifndef FLYBALL_STATE_SUSPECTS_H
#define FLYBALL_STATE_SUSPECTS_H

#include "agent/state/damage.h"
#include "agent/state/state_log.h"

enum { SUSPECTS_MAX = 8192 };

/* A subject with that hash lost an image, and with it its state, unless it has one from `before` on. */
struct suspect {
    uint32_t hash;
    uint64_t before;
};

struct suspects {
    struct suspect *list;
    uint32_t count;
    uint64_t blind_frames; /* Lost frames no witness speaks of. */
};

MUST_USE enum status suspects_open(struct suspects *suspects);
void suspects_close(struct suspects *suspects);

/* `next` is the header of the first frame behind the damage, `witnesses` what it says; no data at all when it
 * cannot be read. */
void suspects_add(struct suspects *suspects, const struct damage *damage, const struct frame_header *next,
                  struct bytes witnesses);

/* Puts an image that was found into the index, in place of its subject's last. STATUS_FULL. */
MUST_USE enum status recover_image(struct state_log *log, const struct record *image);

/* When all is read: subjects whose latest image left is older than the damage that hit them. STATUS_IO when
 * one cannot be looked at. */
MUST_USE enum status log_set_back_suspects(struct state_log *log, const struct suspects *suspects);

#endif
