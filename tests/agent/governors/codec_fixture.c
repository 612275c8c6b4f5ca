#include "tests/agent/governors/codec_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/governors/chain_fixture.h"

struct image packed(const struct governor_states *states)
{
    struct image image = {0};
    struct packer packer = packer_of(image.data, sizeof image.data);
    pack_states(&packer, states);
    assert_false(packer.overflowed);
    image.length = packer.length;
    return image;
}

bool unpacked(struct bytes bytes, struct governor_states *states)
{
    struct unpacker unpacker = unpacker_of(bytes);
    unpack_states(&unpacker, states);
    return unpacker_is_done(&unpacker);
}

void assert_identity(const struct governor_states *states)
{
    struct image image = packed(states);
    struct governor_states back;
    memset(&back, 0xA5, sizeof back);
    assert_true(unpacked(bytes_of(image.data, image.length), &back));
    assert_states_equal(&back, states);
}

static struct name long_name(char letter)
{
    char text[NAME_BYTES_MAX + 1] = {0};
    memset(text, letter, NAME_BYTES_MAX);
    return name_of(text);
}

struct governor_states largest(void)
{
    struct governor_states states;
    memset(&states, 0, sizeof states);
    states.entitlement = (struct entitlement_state){.phase = ENTITLEMENT_REVOKED,
                                                    .plan = long_name('p'),
                                                    .feature_count = GRANT_FEATURES_MAX,
                                                    .starts_at = INSTANT_MOST,
                                                    .expires_at = INSTANT_LEAST,
                                                    .grace_ms = INT64_MAX};
    for (int i = 0; i < GRANT_FEATURES_MAX; i++) {
        states.entitlement.features[i] = long_name('f');
    }
    states.quota.phase = QUOTA_THROTTLED;
    states.quota.use_count = QUOTA_USES_MAX;
    for (int i = 0; i < QUOTA_USES_MAX; i++) {
        struct quota_use *use = &states.quota.uses[i];
        use->name = long_name((char)('a' + i));
        use->has_override = true;
        use->override = use->used = use->previous = use->regained = INT64_MAX;
        use->since = INSTANT_LEAST;
        use->aging = (struct quota_aging){
            .algorithm = QUOTA_TOKEN_BUCKET, .window_ms = QUOTA_WINDOW_MS_MOST, .regains = INT64_MAX};
    }
    struct billing_state *billing = &states.billing;
    billing->hold = BILLING_CLOSED;
    billing->phase = BILLING_PHASE_GOOD;
    billing->credits = billing->charges = billing->refunds = INT64_MAX;
    billing->expired = INT64_MAX / 2;
    billing->grants_made = UINT64_MAX;
    billing->grant_count = GRANTS_MAX;
    for (int i = 0; i < GRANTS_MAX; i++) {
        struct grant *grant = &billing->grants[i];
        grant->id = long_name('g');
        grant->amount = INT64_MAX;
        grant->remaining = INT64_MAX / 2 / GRANTS_MAX;
        grant->priority = i == 0 ? INT32_MIN : INT32_MAX;
        grant->expires_at = INSTANT_MOST;
        grant->age = UINT64_MAX - GRANTS_MAX + (uint64_t)i;
    }
    return states;
}

struct charge largest_charge(void)
{
    struct charge charge;
    memset(&charge, 0, sizeof charge);
    charge.amount = charge.debt = INT64_MAX - GRANTS_MAX;
    charge.burn_count = BURNS_MAX;
    for (int i = 0; i < BURNS_MAX; i++) {
        struct burn *burn = &charge.burns[i];
        burn->age = UINT64_MAX;
        burn->amount = 1;
        charge.amount += burn->amount;
        burn->id = long_name('b');
        burn->grant_amount = INT64_MAX;
        burn->priority = INT32_MIN;
        burn->expires_at = INSTANT_LEAST;
    }
    return charge;
}

struct image packed_charge(const struct charge *charge)
{
    struct image image = {0};
    struct packer packer = packer_of(image.data, CHARGE_PACKED_MAX);
    pack_charge(&packer, charge);
    assert_false(packer.overflowed);
    image.length = packer.length;
    return image;
}

bool unpacked_charge(struct bytes bytes, struct charge *charge)
{
    struct unpacker unpacker = unpacker_of(bytes);
    unpack_charge(&unpacker, charge);
    return unpacker_is_done(&unpacker);
}
