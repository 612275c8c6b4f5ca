#include "agent/governors/quota_uses.h"

#include <assert.h>
#include <stddef.h>

uint8_t quota_limit_count(const struct plan *plan)
{
    return plan == NULL ? 0 : plan->quota_count;
}

const struct quota_limit *quota_limit_named(const struct plan *plan, const struct name *name)
{
    for (uint8_t i = 0; i < quota_limit_count(plan); i++) {
        if (name_equal(&plan->quotas[i].name, name)) {
            return &plan->quotas[i];
        }
    }
    return NULL;
}

uint8_t quota_place_of(const struct quota_state *state, const struct name *name)
{
    uint8_t place = 0;
    while (place < state->use_count && !name_equal(&state->uses[place].name, name)) {
        place++;
    }
    return place;
}

struct quota_use quota_use_of(const struct quota_state *state, const struct name *name)
{
    uint8_t place = quota_place_of(state, name);
    return place < state->use_count ? state->uses[place] : (struct quota_use){.name = *name};
}

static bool is_idle(const struct quota_use *use)
{
    return !use->has_override && use->used == 0 && use->previous == 0;
}

static bool is_forgotten_before(const struct quota_use *left, const struct quota_use *right)
{
    if (is_idle(left) != is_idle(right)) {
        return is_idle(left);
    }
    return left->since < right->since;
}

/* The place to give up: of the names the plan does not have, the idle first, then the least recently used.
 * There is one, as a plan has fewer limits than there are places. */
static uint8_t place_to_forget(const struct quota_state *state, const struct plan *plan)
{
    uint8_t forgotten = QUOTA_USES_MAX;
    for (uint8_t place = 0; place < state->use_count; place++) {
        bool is_current = quota_limit_named(plan, &state->uses[place].name) != NULL;
        if (!is_current && (forgotten == QUOTA_USES_MAX ||
                            is_forgotten_before(&state->uses[place], &state->uses[forgotten]))) {
            forgotten = place;
        }
    }
    assert(forgotten < QUOTA_USES_MAX);
    return forgotten;
}

void quota_remember(struct quota_state *state, const struct plan *plan, const struct quota_use *use)
{
    uint8_t place = quota_place_of(state, &use->name);
    if (place == QUOTA_USES_MAX) {
        place = place_to_forget(state, plan);
    } else if (place == state->use_count) {
        state->use_count++;
    }
    state->uses[place] = *use;
}
