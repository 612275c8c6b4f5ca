/* The agent's clock: wall time that never runs backwards. A jump back freezes it at the highest time seen. */
#ifndef FLYBALL_AGENT_CLOCK_H
#define FLYBALL_AGENT_CLOCK_H

#include <stdatomic.h>

#include "agent/governors/decision.h"
#include "base/instant.h"

enum {
    /* A wall clock behind the highest time seen by less is slewing, not jumped: held still, but not reported.
     */
    CLOCK_SLEW_MOST_MS = 100,
};

struct clock {
    _Atomic(instant_ms) high; /* The highest time seen, of this run or of an earlier one. */
};

struct moment {
    instant_ms now; /* Never below any earlier reading. */
    enum clock_quality quality;
    uint64_t elapsed_us; /* Microseconds that only grow, from anywhere: for rates and paces. */
};

/* `high` is the persisted high-water mark of earlier runs, 0 for none. */
void clock_init(struct clock *clock, instant_ms high);

/* What the agent takes for the time when the wall shows `wall`; what elapsed follows from it too. Any thread.
 */
struct moment clock_at(struct clock *clock, instant_ms wall);

/* clock_at the system's wall clock; what elapsed is clock_monotonic_us. */
struct moment clock_read(struct clock *clock);

/* Microseconds that only grow, for measuring. */
uint64_t clock_monotonic_us(void);

#endif
