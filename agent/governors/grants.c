#include "agent/governors/grants.h"

#include <string.h>

bool grants_are_ordered(const struct grant *left, const struct grant *right)
{
    if (left->priority != right->priority) {
        return left->priority < right->priority;
    }
    if (left->expires_at != right->expires_at) {
        return left->expires_at < right->expires_at; /* INSTANT_NEVER is the greatest. */
    }
    return left->age < right->age;
}

bool grants_can_hold(const struct billing_state *state, micro_units amount)
{
    micro_units sum = 0;
    if (micro_units_add(state->expired, amount, &sum) != STATUS_OK) {
        return false;
    }
    for (uint8_t i = 0; i < state->grant_count; i++) {
        if (micro_units_add(sum, state->grants[i].remaining, &sum) != STATUS_OK) {
            return false;
        }
    }
    return true;
}

enum status grants_add(struct billing_state *state, const struct grant *grant)
{
    if (state->grant_count == GRANTS_MAX) {
        return STATUS_FULL;
    }
    size_t place = state->grant_count;
    while (place > 0 && grants_are_ordered(grant, &state->grants[place - 1])) {
        place--;
    }
    struct grant *grants = state->grants;
    memmove(&grants[place + 1], &grants[place], (state->grant_count - place) * sizeof *grants);
    memcpy(&grants[place], grant, sizeof *grant); /* Padding too: equal states stay equal bytes. */
    state->grant_count++;
    return STATUS_OK;
}

/* Closes the gaps that spent grants left and zeroes the places set free. */
static void drop_spent(struct billing_state *state)
{
    uint8_t kept = 0;
    for (uint8_t i = 0; i < state->grant_count; i++) {
        if (state->grants[i].remaining == 0) {
            continue;
        }
        if (kept != i) {
            memcpy(&state->grants[kept], &state->grants[i], sizeof state->grants[i]);
        }
        kept++;
    }
    size_t freed = (size_t)(state->grant_count - kept);
    memset(&state->grants[kept], 0, freed * sizeof state->grants[0]);
    state->grant_count = kept;
}

void grants_expire(struct billing_state *state, instant_ms now)
{
    bool any = false;
    for (uint8_t i = 0; i < state->grant_count; i++) {
        struct grant *grant = &state->grants[i];
        if (grant->expires_at <= now) {
            state->expired += grant->remaining;
            grant->remaining = 0;
            any = true;
        }
    }
    if (any) {
        drop_spent(state);
    }
}

static void write_down(struct charge *charge, const struct grant *grant, micro_units amount)
{
    struct burn *burn = &charge->burns[charge->burn_count++];
    burn->age = grant->age;
    burn->amount = amount;
    burn->id = grant->id;
    burn->grant_amount = grant->amount;
    burn->priority = grant->priority;
    burn->expires_at = grant->expires_at;
}

micro_units grants_burn(struct billing_state *state, micro_units amount, struct charge *charge)
{
    bool any_spent = false;
    for (uint8_t i = 0; i < state->grant_count && amount > 0; i++) {
        struct grant *grant = &state->grants[i];
        micro_units part = grant->remaining < amount ? grant->remaining : amount;
        write_down(charge, grant, part);
        grant->remaining -= part;
        amount -= part;
        any_spent = any_spent || grant->remaining == 0;
    }
    if (any_spent) {
        drop_spent(state);
    }
    return amount;
}

static struct grant *grant_of_age(struct billing_state *state, uint64_t age)
{
    for (uint8_t i = 0; i < state->grant_count; i++) {
        if (state->grants[i].age == age) {
            return &state->grants[i];
        }
    }
    return NULL;
}

/* The grant as it was credited, of which only `amount` is back. */
static enum status revive(struct billing_state *state, const struct burn *burn, micro_units amount)
{
    struct grant grant;
    memset(&grant, 0, sizeof grant);
    grant.id = burn->id;
    grant.amount = burn->grant_amount;
    grant.remaining = amount;
    grant.priority = burn->priority;
    grant.expires_at = burn->expires_at;
    grant.age = burn->age;
    return grants_add(state, &grant);
}

static enum status give_back(struct billing_state *state, const struct burn *burn, micro_units amount,
                             instant_ms now)
{
    if (burn->expires_at <= now) {
        state->expired += amount;
        return STATUS_OK;
    }
    struct grant *live = grant_of_age(state, burn->age);
    if (live == NULL) {
        return revive(state, burn, amount);
    }
    live->remaining += amount;
    return STATUS_OK;
}

enum status grants_return(struct billing_state *state, const struct charge *charge, micro_units amount,
                          instant_ms now, micro_units *rest)
{
    for (uint8_t i = charge->burn_count; i > 0 && amount > 0; i--) {
        const struct burn *burn = &charge->burns[i - 1];
        micro_units part = burn->amount < amount ? burn->amount : amount;
        if (give_back(state, burn, part, now) != STATUS_OK) {
            return STATUS_FULL;
        }
        amount -= part;
    }
    *rest = amount;
    return STATUS_OK;
}
