#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/governors/chain_fixture.h"
#include "tests/agent/governors/codec_fixture.h"

static void stranger_packs_to_the_bytes_written_down(void **context)
{
    (void)context;
    struct governor_states stranger;
    memset(&stranger, 0, sizeof stranger);
    static const uint8_t bytes[] = {1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    struct image image = packed(&stranger);
    assert_int_equal(image.length, sizeof bytes);
    assert_memory_equal(image.data, bytes, sizeof bytes);
    assert_identity(&stranger);
}

static void every_field_stands_where_it_is_written_down(void **context)
{
    (void)context;
    struct governor_states states;
    memset(&states, 0, sizeof states);
    states.entitlement = (struct entitlement_state){.phase = ENTITLEMENT_GRACE,
                                                    .plan = name_of("p"),
                                                    .feature_count = 1,
                                                    .starts_at = 1,
                                                    .expires_at = 2,
                                                    .grace_ms = 3};
    states.entitlement.features[0] = name_of("f");
    states.quota.phase = QUOTA_WARNING;
    states.quota.use_count = 1;
    states.quota.uses[0] =
        (struct quota_use){.name = name_of("q"),
                           .has_override = true,
                           .override = 4,
                           .used = 5,
                           .previous = 6,
                           .regained = 8,
                           .since = 7,
                           .aging = {.algorithm = QUOTA_TOKEN_BUCKET, .window_ms = 9, .regains = 10}};
    states.billing = (struct billing_state){.hold = BILLING_SUSPENDED,
                                            .phase = BILLING_PHASE_SUSPENDED,
                                            .credits = 9,
                                            .charges = 10,
                                            .refunds = 11,
                                            .expired = 12,
                                            .grants_made = 300,
                                            .grant_count = 1};
    states.billing.grants[0] = (struct grant){
        .id = name_of("g"), .amount = 13, .remaining = 14, .priority = -1, .expires_at = 16, .age = 15};
    static const uint8_t bytes[] = {1,   3,  1,  'p',  15, 2,  4, 6,   1,  1,  'f', 1,  1, 1,
                                    'q', 31, 4,  5,    6,  14, 8, 2,   18, 10, 1,   1,  0, 9,
                                    10,  11, 12, 0xAC, 2,  1,  1, 'g', 3,  13, 14,  15, 1, 32};
    struct image image = packed(&states);
    assert_int_equal(image.length, sizeof bytes);
    assert_memory_equal(image.data, bytes, sizeof bytes);
    assert_identity(&states);
}

static void subject_just_bootstrapped_is_small(void **context)
{
    struct fixture *fixture = *context;
    event(fixture, UNLOCK, units(1));
    event(fixture, FLAT, units(1));
    struct image image = packed(&fixture->states);
    assert_in_range(image.length, 30, 45);
    assert_identity(&fixture->states);
}

static void largest_states_fit_and_no_byte_less(void **context)
{
    (void)context;
    struct governor_states states = largest();
    struct image image = packed(&states);
    assert_identity(&states);
    struct packer packer = packer_of(image.data, image.length - 1);
    pack_states(&packer, &states);
    assert_true(packer.overflowed);
}

static void states_of_random_lives_come_back_the_same(void **context)
{
    struct fixture *fixture = *context;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        set_up(fixture);
        uint64_t random = seed * 2654435761u;
        for (int i = 0; i < 200; i++) {
            random_step(fixture, &random);
            assert_identity(&fixture->states);
        }
    }
}

static void imbalance_comes_back_to_be_seen(void **context)
{
    struct fixture *fixture = *context;
    give(fixture, credit_of(units(5), INSTANT_NEVER));
    fixture->states.billing.credits -= 1;
    assert_identity(&fixture->states);
    assert_int_equal(billing_imbalance(&fixture->states.billing), -1);
}

static void charge_comes_back_the_same(void **context)
{
    struct fixture *fixture = *context;
    give(fixture, grant_of("gold", INSTANT_NEVER));
    give(fixture, credit_of(units(5), noon + hour));
    give(fixture, credit_of(units(5), INSTANT_NEVER));
    struct charge charges[] = {largest_charge(), event(fixture, KWH, units(20)).charge, {0}};
    for (size_t i = 0; i < sizeof charges / sizeof *charges; i++) {
        struct image image = packed_charge(&charges[i]);
        struct charge back;
        assert_true(unpacked_charge(bytes_of(image.data, image.length), &back));
        assert_memory_equal(&back, &charges[i], sizeof back);
    }
    assert_int_equal(charges[1].burn_count, 2);
    assert_int_equal(charges[1].debt, units(10));
    assert_int_equal(packed_charge(&charges[2]).length, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stranger_packs_to_the_bytes_written_down),
        cmocka_unit_test(every_field_stands_where_it_is_written_down),
        cmocka_unit_test_setup(subject_just_bootstrapped_is_small, start_fixture),
        cmocka_unit_test(largest_states_fit_and_no_byte_less),
        cmocka_unit_test_setup(states_of_random_lives_come_back_the_same, start_fixture),
        cmocka_unit_test_setup(imbalance_comes_back_to_be_seen, start_fixture),
        cmocka_unit_test_setup(charge_comes_back_the_same, start_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
