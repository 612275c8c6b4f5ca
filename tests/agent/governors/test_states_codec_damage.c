#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/governors/chain_fixture.h"
#include "tests/agent/governors/codec_fixture.h"

static void every_truncation_fails_and_leaves_a_stranger(void **context)
{
    (void)context;
    static const struct governor_states stranger;
    struct governor_states states = largest();
    struct image image = packed(&states);
    for (size_t length = 0; length < image.length; length++) {
        uint8_t exact[STATES_PACKED_MAX]; /* Ends where the image does, so that ASan sees one byte too far. */
        memcpy(exact + sizeof exact - length, image.data, length);
        struct governor_states back;
        memset(&back, 0xA5, sizeof back);
        assert_false(unpacked(bytes_of(exact + sizeof exact - length, length), &back));
        assert_states_equal(&back, &stranger);
    }
    image.data[image.length] = 0;
    assert_false(unpacked(bytes_of(image.data, image.length + 1), &states));
}

/* Lives on for a moment: any undefined behaviour is the sanitizer's to find. */
static void use(struct fixture *fixture, const struct governor_states *states)
{
    fixture->states = *states;
    fixture->now = noon;
    chain_tick(&fixture->states, &fixture->policy, noon);
    chain_next_edge(&fixture->states, &fixture->policy, noon);
    struct chain_answer answer = event(fixture, KWH, units(2));
    struct command refund = command_of(GOVERNOR_BILLING, OP_REFUND);
    chain_refund(&fixture->states, &fixture->policy, &answer.charge, &refund, noon);
    give(fixture, credit_of(units(1), INSTANT_NEVER));
    give(fixture, grant_of("gold", noon));
    event(fixture, FLAT, INT64_MAX);
    assert_identity(&fixture->states);
}

static void flip_bits(struct fixture *fixture, const struct governor_states *states, size_t stride)
{
    struct image image = packed(states);
    for (size_t bit = 0; bit < image.length * 8; bit += stride) {
        struct governor_states back;
        image.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (unpacked(bytes_of(image.data, image.length), &back)) {
            use(fixture, &back);
        }
        image.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void flipped_image_fails_or_gives_states_that_can_be_used(void **context)
{
    struct fixture *fixture = *context;
    struct governor_states states = largest();
    flip_bits(fixture, &states, 7); /* Any odd stride meets every bit of some byte. */
    for (uint64_t seed = 1; seed <= 4; seed++) {
        set_up(fixture);
        uint64_t random = seed * 2654435761u;
        for (int i = 0; i < 60; i++) {
            random_step(fixture, &random);
        }
        states = fixture->states;
        flip_bits(fixture, &states, 1);
    }
}

static void random_bytes_fail_or_give_states_that_can_be_used(void **context)
{
    struct fixture *fixture = *context;
    uint64_t random = 5;
    for (int i = 0; i < 20000; i++) {
        uint8_t data[128];
        for (size_t k = 0; k < sizeof data; k++) { /* Mostly small, to get past the counts. */
            data[k] = (uint8_t)random_below(&random, random_below(&random, 4) == 0 ? 256 : 4);
        }
        data[0] = STATES_FORMAT_VERSION;
        struct unpacker unpacker = unpacker_of(bytes_of(data, sizeof data));
        struct governor_states back;
        unpack_states(&unpacker, &back);
        if (!unpacker.failed) {
            use(fixture, &back);
        }
    }
}

/* Breaks one rule of the format in an otherwise good image. */
struct damage {
    const char *rule;
    size_t offset; /* Of the field in the image of a stranger. */
    uint8_t value;
};

static void damage_in_one_byte_is_refused(void **context)
{
    (void)context;
    static const struct damage damages[] = {
        {"version 0", 0, 0},
        {"a later version", 0, STATES_FORMAT_VERSION + 1},
        {"entitlement phase", 1, ENTITLEMENT_REVOKED + 1},
        {"name length", 2, NAME_BYTES_MAX + 1},
        {"entitlement flags", 3, 16},
        {"quota phase", 5, QUOTA_EXCEEDED + 1},
        {"use count", 6, QUOTA_USES_MAX + 1},
        {"hold", 7, BILLING_CLOSED + 1},
        {"billing phase", 8, BILLING_PHASE_GOOD + 1},
        {"grant count", 15, GRANTS_MAX + 1},
    };
    struct governor_states stranger;
    memset(&stranger, 0, sizeof stranger);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct image image = packed(&stranger);
        image.data[damages[i].offset] = damages[i].value;
        struct governor_states back;
        assert_false(unpacked(bytes_of(image.data, image.length + 64), &back));
        struct unpacker unpacker = unpacker_of(bytes_of(image.data, image.length + 64));
        unpack_states(&unpacker, &back);
        assert_true(unpacker.failed);
    }
}

static bool is_refused(const struct governor_states *states)
{
    struct image image = packed(states);
    struct governor_states back;
    return !unpacked(bytes_of(image.data, image.length), &back);
}

static void values_that_no_governor_leaves_are_refused(void **context)
{
    (void)context;
    struct governor_states good = largest();
    struct governor_states bad = good;
    bad.billing.debt = 1;
    assert_true(is_refused(&bad)); /* Grants and debt at once. */
    bad = good;
    bad.billing.expired = INT64_MAX;
    assert_true(is_refused(&bad)); /* With the remainders beyond 64 bits. */
    bad = good;
    bad.billing.grants[3].remaining = 0;
    assert_true(is_refused(&bad));
    bad = good;
    bad.billing.grants[4].priority = 0;
    assert_true(is_refused(&bad)); /* Out of burning order. */
    bad = good;
    bad.billing.grants[4] = bad.billing.grants[3];
    assert_true(is_refused(&bad)); /* Twice the same. */
    bad = good;
    bad.billing.grants_made = bad.billing.grants[GRANTS_MAX - 1].age;
    assert_true(is_refused(&bad)); /* The next grant would have an age that is taken. */
    bad = good;
    bad.billing.credits = -1;
    assert_true(is_refused(&bad));
    bad = good;
    bad.entitlement.grace_ms = -1;
    assert_true(is_refused(&bad));
    bad = good;
    bad.entitlement.starts_at = INSTANT_MOST + 1;
    assert_true(is_refused(&bad));
    bad = good;
    bad.quota.uses[0].since = INSTANT_LEAST - 1;
    assert_true(is_refused(&bad));
    assert_false(is_refused(&good));
}

static void damaged_charge_fails_or_still_adds_up(void **context)
{
    (void)context;
    static const struct charge nothing;
    struct charge charge = largest_charge();
    struct image image = packed_charge(&charge);
    struct charge back;
    for (size_t length = 0; length < image.length; length++) {
        assert_false(unpacked_charge(bytes_of(image.data, length), &back));
        assert_memory_equal(&back, &nothing, sizeof back);
    }
    for (size_t bit = 0; bit < image.length * 8; bit++) {
        image.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (unpacked_charge(bytes_of(image.data, image.length), &back)) {
            micro_units sum = back.debt;
            for (uint8_t i = 0; i < back.burn_count; i++) {
                assert_true(back.burns[i].amount > 0);
                sum += back.burns[i].amount;
            }
            assert_true(sum == back.amount);
        }
        image.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    charge.debt = INT64_MAX;
    image = packed_charge(&charge);
    assert_false(unpacked_charge(bytes_of(image.data, image.length), &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation_fails_and_leaves_a_stranger),
        cmocka_unit_test_setup(flipped_image_fails_or_gives_states_that_can_be_used, start_fixture),
        cmocka_unit_test_setup(random_bytes_fail_or_give_states_that_can_be_used, start_fixture),
        cmocka_unit_test(damage_in_one_byte_is_refused),
        cmocka_unit_test(values_that_no_governor_leaves_are_refused),
        cmocka_unit_test(damaged_charge_fails_or_still_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
