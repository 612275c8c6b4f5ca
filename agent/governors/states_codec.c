#include "agent/governors/states_codec.h"

#include <string.h>

#include "agent/governors/grants.h"
#include "agent/governors/quota_aging.h"

/* Which optional fields follow; the numbers are part of the format. */
enum entitlement_flags { HAS_STARTS = 1, HAS_EXPIRES = 2, HAS_GRACE = 4, HAS_FEATURES = 8 };
enum use_flags { HAS_OVERRIDE = 1, HAS_PREVIOUS = 2, HAS_SINCE = 4, HAS_REGAINED = 8, HAS_AGING = 16 };
enum grant_flags { HAS_PRIORITY = 1, HAS_EXPIRY = 2 };

static uint8_t flag_if(bool present, int flag)
{
    return present ? (uint8_t)flag : 0;
}

static void pack_amount(struct packer *packer, micro_units amount)
{
    pack_varint(packer, (uint64_t)amount);
}

static micro_units unpack_amount(struct unpacker *unpacker)
{
    uint64_t amount = unpack_varint(unpacker);
    if (amount > INT64_MAX) {
        unpacker->failed = true;
        return 0;
    }
    return (micro_units)amount;
}

/* Refuses what no clock or command can have given, so that differences of instants stay in range. */
static instant_ms unpack_instant(struct unpacker *unpacker)
{
    instant_ms instant = unpack_signed(unpacker);
    if (instant != INSTANT_NEVER && (instant < INSTANT_LEAST || instant > INSTANT_MOST)) {
        unpacker->failed = true;
        return 0;
    }
    return instant;
}

static int64_t unpack_duration(struct unpacker *unpacker)
{
    int64_t duration_ms = unpack_signed(unpacker);
    unpacker->failed = unpacker->failed || duration_ms < 0;
    return duration_ms;
}

static int32_t unpack_priority(struct unpacker *unpacker)
{
    int64_t priority = unpack_signed(unpacker);
    if (priority < INT32_MIN || priority > INT32_MAX) {
        unpacker->failed = true;
        return 0;
    }
    return (int32_t)priority;
}

static void pack_entitlement(struct packer *packer, const struct entitlement_state *state)
{
    uint8_t flags = flag_if(state->starts_at != 0, HAS_STARTS);
    flags |= flag_if(state->expires_at != INSTANT_NEVER, HAS_EXPIRES);
    flags |= flag_if(state->grace_ms != 0, HAS_GRACE);
    flags |= flag_if(state->feature_count != 0, HAS_FEATURES);
    pack_u8(packer, (uint8_t)state->phase);
    pack_name(packer, &state->plan);
    pack_u8(packer, flags);
    if (flags & HAS_STARTS) {
        pack_signed(packer, state->starts_at);
    }
    if (flags & HAS_EXPIRES) {
        pack_signed(packer, state->expires_at);
    }
    if (flags & HAS_GRACE) {
        pack_signed(packer, state->grace_ms);
    }
    if (flags & HAS_FEATURES) {
        pack_u8(packer, state->feature_count);
    }
    for (uint8_t i = 0; i < state->feature_count; i++) {
        pack_name(packer, &state->features[i]);
    }
}

static void unpack_entitlement(struct unpacker *unpacker, struct entitlement_state *state)
{
    state->phase = (enum entitlement_phase)unpack_enum(unpacker, ENTITLEMENT_REVOKED);
    unpack_name(unpacker, &state->plan);
    uint8_t flags = unpack_enum(unpacker, HAS_STARTS | HAS_EXPIRES | HAS_GRACE | HAS_FEATURES);
    state->starts_at = flags & HAS_STARTS ? unpack_instant(unpacker) : 0;
    state->expires_at = flags & HAS_EXPIRES ? unpack_instant(unpacker) : INSTANT_NEVER;
    state->grace_ms = flags & HAS_GRACE ? unpack_duration(unpacker) : 0;
    state->feature_count = flags & HAS_FEATURES ? unpack_enum(unpacker, GRANT_FEATURES_MAX) : 0;
    for (uint8_t i = 0; i < state->feature_count; i++) {
        unpack_name(unpacker, &state->features[i]);
    }
}

static void pack_aging(struct packer *packer, const struct quota_aging *aging)
{
    pack_u8(packer, (uint8_t)aging->algorithm);
    pack_signed(packer, aging->window == QUOTA_WINDOW_MONTH ? 0 : aging->window_ms);
    if (aging->algorithm == QUOTA_TOKEN_BUCKET) {
        pack_amount(packer, aging->regains);
    }
}

/* A bucket has no month, for which the length would be 0. */
static void unpack_aging(struct unpacker *unpacker, struct quota_aging *aging)
{
    aging->algorithm = (enum quota_algorithm)unpack_enum(unpacker, QUOTA_TOKEN_BUCKET);
    aging->window_ms = unpack_duration(unpacker);
    aging->window = aging->window_ms == 0 ? QUOTA_WINDOW_MONTH : QUOTA_WINDOW_DURATION;
    bool is_bucket = aging->algorithm == QUOTA_TOKEN_BUCKET;
    aging->regains = is_bucket ? unpack_amount(unpacker) : 0;
    unpacker->failed =
        unpacker->failed || aging->window_ms > QUOTA_WINDOW_MS_MOST || (is_bucket && aging->window_ms == 0);
}

static void pack_use(struct packer *packer, const struct quota_use *use)
{
    uint8_t flags = flag_if(use->has_override, HAS_OVERRIDE);
    flags |= flag_if(use->previous != 0, HAS_PREVIOUS);
    flags |= flag_if(use->since != 0, HAS_SINCE);
    flags |= flag_if(use->regained != 0, HAS_REGAINED);
    flags |= flag_if(quota_aging_is_known(&use->aging), HAS_AGING);
    pack_name(packer, &use->name);
    pack_u8(packer, flags);
    if (flags & HAS_OVERRIDE) {
        pack_amount(packer, use->override);
    }
    pack_amount(packer, use->used);
    if (flags & HAS_PREVIOUS) {
        pack_amount(packer, use->previous);
    }
    if (flags & HAS_SINCE) {
        pack_signed(packer, use->since);
    }
    if (flags & HAS_REGAINED) {
        pack_amount(packer, use->regained);
    }
    if (flags & HAS_AGING) {
        pack_aging(packer, &use->aging);
    }
}

static void unpack_use(struct unpacker *unpacker, struct quota_use *use)
{
    unpack_name(unpacker, &use->name);
    uint8_t flags = unpack_enum(unpacker, HAS_OVERRIDE | HAS_PREVIOUS | HAS_SINCE | HAS_REGAINED | HAS_AGING);
    use->has_override = (flags & HAS_OVERRIDE) != 0;
    use->override = use->has_override ? unpack_amount(unpacker) : 0;
    use->used = unpack_amount(unpacker);
    use->previous = flags & HAS_PREVIOUS ? unpack_amount(unpacker) : 0;
    use->since = flags & HAS_SINCE ? unpack_instant(unpacker) : 0;
    use->regained = flags & HAS_REGAINED ? unpack_amount(unpacker) : 0;
    if (flags & HAS_AGING) {
        unpack_aging(unpacker, &use->aging);
    }
}

static void pack_quota(struct packer *packer, const struct quota_state *state)
{
    pack_u8(packer, (uint8_t)state->phase);
    pack_u8(packer, state->use_count);
    for (uint8_t i = 0; i < state->use_count; i++) {
        pack_use(packer, &state->uses[i]);
    }
}

static void unpack_quota(struct unpacker *unpacker, struct quota_state *state)
{
    state->phase = (enum quota_phase)unpack_enum(unpacker, QUOTA_EXCEEDED);
    state->use_count = unpack_enum(unpacker, QUOTA_USES_MAX);
    for (uint8_t i = 0; i < state->use_count; i++) {
        unpack_use(unpacker, &state->uses[i]);
    }
}

static uint8_t pack_grant_flags(struct packer *packer, int32_t priority, instant_ms expires_at)
{
    uint8_t flags = flag_if(priority != 0, HAS_PRIORITY);
    flags |= flag_if(expires_at != INSTANT_NEVER, HAS_EXPIRY);
    pack_u8(packer, flags);
    return flags;
}

/* The optional end that grants and burns share. */
static void pack_terms(struct packer *packer, uint8_t flags, int32_t priority, instant_ms expires_at)
{
    if (flags & HAS_PRIORITY) {
        pack_signed(packer, priority);
    }
    if (flags & HAS_EXPIRY) {
        pack_signed(packer, expires_at);
    }
}

static void pack_grant(struct packer *packer, const struct grant *grant)
{
    pack_name(packer, &grant->id);
    uint8_t flags = pack_grant_flags(packer, grant->priority, grant->expires_at);
    pack_amount(packer, grant->amount);
    pack_amount(packer, grant->remaining);
    pack_varint(packer, grant->age);
    pack_terms(packer, flags, grant->priority, grant->expires_at);
}

static void unpack_grant(struct unpacker *unpacker, struct grant *grant)
{
    unpack_name(unpacker, &grant->id);
    uint8_t flags = unpack_enum(unpacker, HAS_PRIORITY | HAS_EXPIRY);
    grant->amount = unpack_amount(unpacker);
    grant->remaining = unpack_amount(unpacker);
    grant->age = unpack_varint(unpacker);
    grant->priority = flags & HAS_PRIORITY ? unpack_priority(unpacker) : 0;
    grant->expires_at = flags & HAS_EXPIRY ? unpack_instant(unpacker) : INSTANT_NEVER;
    unpacker->failed = unpacker->failed || grant->remaining == 0;
}

static void pack_billing(struct packer *packer, const struct billing_state *state)
{
    pack_u8(packer, (uint8_t)state->hold);
    pack_u8(packer, (uint8_t)state->phase);
    pack_amount(packer, state->debt);
    pack_amount(packer, state->credits);
    pack_amount(packer, state->charges);
    pack_amount(packer, state->refunds);
    pack_amount(packer, state->expired);
    pack_varint(packer, state->grants_made);
    pack_u8(packer, state->grant_count);
    for (uint8_t i = 0; i < state->grant_count; i++) {
        pack_grant(packer, &state->grants[i]);
    }
}

/* What billing's arithmetic and burning order stand on. */
static bool billing_is_usable(const struct billing_state *state)
{
    for (uint8_t i = 0; i < state->grant_count; i++) {
        const struct grant *grant = &state->grants[i];
        if (grant->age >= state->grants_made || (i > 0 && !grants_are_ordered(grant - 1, grant))) {
            return false;
        }
    }
    bool is_either = state->debt == 0 || state->grant_count == 0;
    return is_either && grants_can_hold(state, 0);
}

static void unpack_billing(struct unpacker *unpacker, struct billing_state *state)
{
    state->hold = (enum billing_hold)unpack_enum(unpacker, BILLING_CLOSED);
    state->phase = (enum billing_phase)unpack_enum(unpacker, BILLING_PHASE_GOOD);
    state->debt = unpack_amount(unpacker);
    state->credits = unpack_amount(unpacker);
    state->charges = unpack_amount(unpacker);
    state->refunds = unpack_amount(unpacker);
    state->expired = unpack_amount(unpacker);
    state->grants_made = unpack_varint(unpacker);
    state->grant_count = unpack_enum(unpacker, GRANTS_MAX);
    for (uint8_t i = 0; i < state->grant_count; i++) {
        unpack_grant(unpacker, &state->grants[i]);
    }
    unpacker->failed = unpacker->failed || !billing_is_usable(state);
}

void pack_states(struct packer *packer, const struct governor_states *states)
{
    pack_u8(packer, STATES_FORMAT_VERSION);
    pack_entitlement(packer, &states->entitlement);
    pack_quota(packer, &states->quota);
    pack_billing(packer, &states->billing);
}

void unpack_states(struct unpacker *unpacker, struct governor_states *states)
{
    memset(states, 0, sizeof *states);
    if (unpack_u8(unpacker) != STATES_FORMAT_VERSION) {
        unpacker->failed = true;
        return;
    }
    unpack_entitlement(unpacker, &states->entitlement);
    unpack_quota(unpacker, &states->quota);
    unpack_billing(unpacker, &states->billing);
    if (unpacker->failed) {
        memset(states, 0, sizeof *states);
    }
}

void pack_charge(struct packer *packer, const struct charge *charge)
{
    pack_amount(packer, charge->debt);
    pack_u8(packer, charge->burn_count);
    for (uint8_t i = 0; i < charge->burn_count; i++) {
        const struct burn *burn = &charge->burns[i];
        pack_name(packer, &burn->id);
        uint8_t flags = pack_grant_flags(packer, burn->priority, burn->expires_at);
        pack_varint(packer, burn->age);
        pack_amount(packer, burn->amount);
        pack_amount(packer, burn->grant_amount);
        pack_terms(packer, flags, burn->priority, burn->expires_at);
    }
}

static void unpack_burn(struct unpacker *unpacker, struct burn *burn)
{
    unpack_name(unpacker, &burn->id);
    uint8_t flags = unpack_enum(unpacker, HAS_PRIORITY | HAS_EXPIRY);
    burn->age = unpack_varint(unpacker);
    burn->amount = unpack_amount(unpacker);
    burn->grant_amount = unpack_amount(unpacker);
    burn->priority = flags & HAS_PRIORITY ? unpack_priority(unpacker) : 0;
    burn->expires_at = flags & HAS_EXPIRY ? unpack_instant(unpacker) : INSTANT_NEVER;
    unpacker->failed = unpacker->failed || burn->amount == 0;
}

void unpack_charge(struct unpacker *unpacker, struct charge *charge)
{
    memset(charge, 0, sizeof *charge);
    charge->debt = unpack_amount(unpacker);
    charge->amount = charge->debt;
    charge->burn_count = unpack_enum(unpacker, BURNS_MAX);
    for (uint8_t i = 0; i < charge->burn_count; i++) {
        unpack_burn(unpacker, &charge->burns[i]);
        if (micro_units_add(charge->amount, charge->burns[i].amount, &charge->amount) != STATUS_OK) {
            unpacker->failed = true;
        }
    }
    if (unpacker->failed) {
        memset(charge, 0, sizeof *charge);
    }
}
