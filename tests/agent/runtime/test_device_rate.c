#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/runtime/device_rate.h"

static const struct hash_key key = {.low = 1, .high = 2};

static struct device_rate *fresh(void)
{
    static struct device_rate rate;
    device_rate_init(&rate, key);
    return &rate;
}

static struct name name_number(uint32_t number)
{
    char text[NAME_BYTES_MAX];
    snprintf(text, sizeof text, "device-%u", number);
    return name_of(text);
}

static bool allows(struct device_rate *rate, uint32_t device, uint32_t per_second, uint64_t now_us)
{
    struct name subject = name_of("acme");
    struct name name = name_number(device);
    return device_rate_allows(rate, &subject, &name, per_second, now_us);
}

static void burst_is_one_second_of_the_rate(void **context)
{
    (void)context;
    struct device_rate *rate = fresh();
    for (int i = 0; i < 5; i++) {
        assert_true(allows(rate, 1, 5, 1000000));
    }
    assert_false(allows(rate, 1, 5, 1000000));
    assert_false(allows(rate, 1, 5, 1199999));
    assert_true(allows(rate, 1, 5, 1200000));
    assert_false(allows(rate, 1, 5, 1200001));
    for (int i = 0; i < 5; i++) {
        assert_true(allows(rate, 1, 5, 9000000));
    }
    assert_false(allows(rate, 1, 5, 9000000));
}

static void one_per_second_is_one_per_second(void **context)
{
    (void)context;
    struct device_rate *rate = fresh();
    assert_true(allows(rate, 1, 1, 0));
    assert_false(allows(rate, 1, 1, 999999));
    assert_true(allows(rate, 1, 1, 1000000));
}

static void refused_events_do_not_count(void **context)
{
    (void)context;
    struct device_rate *rate = fresh();
    assert_true(allows(rate, 1, 1, 1000000));
    for (uint64_t now_us = 1000001; now_us < 2000000; now_us += 10007) {
        assert_false(allows(rate, 1, 1, now_us));
    }
    assert_true(allows(rate, 1, 1, 2000000));
}

static void rate_of_zero_is_off(void **context)
{
    (void)context;
    struct device_rate *rate = fresh();
    for (int i = 0; i < 1000; i++) {
        assert_true(allows(rate, 1, 0, 5));
    }
}

static void devices_and_subjects_are_told_apart(void **context)
{
    (void)context;
    struct device_rate *rate = fresh();
    struct name other = name_of("other");
    struct name device = name_number(1);
    assert_true(allows(rate, 1, 1, 1000));
    assert_true(allows(rate, 2, 1, 1000));
    assert_true(device_rate_allows(rate, &other, &device, 1, 1000));
    assert_false(allows(rate, 1, 1, 1000));
    assert_false(allows(rate, 2, 1, 1000));
    assert_false(device_rate_allows(rate, &other, &device, 1, 1000));
}

/* Over any second that begins after the burst, at most the rate passes; a patient device always does. */
static void steady_flood_is_cut_to_the_rate(void **context)
{
    (void)context;
    struct device_rate *rate = fresh();
    uint32_t passed = 0;
    for (uint64_t now_us = 0; now_us < 10000000; now_us += 1000) {
        passed += allows(rate, 1, 50, now_us) ? 1 : 0;
    }
    assert_in_range(passed, 50 + 499, 50 + 500);
}

static void forgotten_devices_are_never_treated_too_strictly(void **context)
{
    (void)context;
    struct device_rate *rate = fresh();
    for (uint32_t device = 0; device < 3 * DEVICE_RATE_PLACES; device++) {
        assert_true(allows(rate, device, 10, 1000000 + device));
    }
    assert_true(rate->evicted > 0);
}

static void stale_devices_make_room_without_loss(void **context)
{
    (void)context;
    struct device_rate *rate = fresh();
    for (uint32_t device = 0; device < 3 * DEVICE_RATE_PLACES; device++) {
        assert_true(allows(rate, device, 10, (uint64_t)device * 1000));
    }
    assert_int_equal(rate->evicted, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_is_one_second_of_the_rate),
        cmocka_unit_test(one_per_second_is_one_per_second),
        cmocka_unit_test(refused_events_do_not_count),
        cmocka_unit_test(rate_of_zero_is_off),
        cmocka_unit_test(devices_and_subjects_are_told_apart),
        cmocka_unit_test(steady_flood_is_cut_to_the_rate),
        cmocka_unit_test(forgotten_devices_are_never_treated_too_strictly),
        cmocka_unit_test(stale_devices_make_room_without_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
