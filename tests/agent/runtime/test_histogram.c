#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/runtime/histogram.h"

static bool within_3_percent(uint64_t found, uint64_t exact)
{
    uint64_t difference = found > exact ? found - exact : exact - found;
    return difference * 100 <= exact * 3;
}

static void empty_histogram_is_zero(void **context)
{
    (void)context;
    static struct histogram histogram;
    histogram_init(&histogram);
    assert_int_equal(histogram_percentile(&histogram, 0.5), 0);
    assert_int_equal(histogram_count(&histogram), 0);
    assert_int_equal(histogram_max(&histogram), 0);
    assert_int_equal(histogram_count_within(&histogram, UINT64_MAX), 0);
}

static void every_value_is_told_within_3_percent(void **context)
{
    (void)context;
    static struct histogram histogram;
    for (uint64_t value = 0; value <= HISTOGRAM_VALUE_MOST; value += 1 + value / 97) {
        histogram_init(&histogram);
        histogram_record(&histogram, value);
        histogram_record(&histogram, HISTOGRAM_VALUE_MOST); /* Else max would tell it exactly. */
        assert_true(within_3_percent(histogram_percentile(&histogram, 0.5), value));
    }
}

static void longer_values_count_as_the_longest_but_keep_max_and_sum(void **context)
{
    (void)context;
    static struct histogram histogram;
    histogram_init(&histogram);
    histogram_record(&histogram, 3);
    histogram_record(&histogram, UINT64_C(7200000000));
    assert_true(within_3_percent(histogram_percentile(&histogram, 0.999), HISTOGRAM_VALUE_MOST));
    assert_int_equal(histogram_max(&histogram), UINT64_C(7200000000));
    assert_int_equal(histogram_sum(&histogram), UINT64_C(7200000003));
}

static int by_size(const void *left, const void *right)
{
    uint64_t left_value = *(const uint64_t *)left;
    uint64_t right_value = *(const uint64_t *)right;
    return (left_value > right_value) - (left_value < right_value);
}

enum { VALUES = 10000 };

static void percentiles_agree_with_a_sorted_list(void **context)
{
    (void)context;
    static struct histogram histogram;
    static uint64_t values[VALUES];
    histogram_init(&histogram);
    uint64_t random = 1;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < VALUES; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        values[i] = 1 + (random >> 38 >> (random >> 60));
        sum += values[i];
        histogram_record(&histogram, values[i]);
    }
    qsort(values, VALUES, sizeof values[0], by_size);
    const double shares[] = {0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0};
    const uint32_t ranks[] = {1, 10, 2500, 5000, 9000, 9900, 9990, 10000};
    for (size_t i = 0; i < 8; i++) {
        assert_true(within_3_percent(histogram_percentile(&histogram, shares[i]), values[ranks[i] - 1]));
    }
    assert_int_equal(histogram_sum(&histogram), sum);
    assert_int_equal(histogram_count(&histogram), VALUES);
    assert_int_equal(histogram_max(&histogram), values[VALUES - 1]);
}

static void counts_within_a_bound_only_grow(void **context)
{
    (void)context;
    static struct histogram histogram;
    histogram_init(&histogram);
    for (uint64_t value = 1; value <= 100000; value++) {
        histogram_record(&histogram, value);
    }
    uint64_t before = 0;
    for (uint64_t bound = 10; bound <= 100000; bound *= 2) {
        uint64_t count = histogram_count_within(&histogram, bound);
        assert_true(count >= before && count <= bound);
        assert_true((bound - count) * 100 <= bound * 4);
        before = count;
    }
    assert_int_equal(histogram_count_within(&histogram, UINT64_MAX), 100000);
}

static void *record_many(void *context)
{
    for (uint64_t i = 0; i < VALUES; i++) {
        histogram_record(context, i % 1000);
    }
    return NULL;
}

static void it_is_read_while_others_record(void **context)
{
    (void)context;
    static struct histogram histogram;
    histogram_init(&histogram);
    pthread_t recorders[3];
    for (int i = 0; i < 3; i++) {
        pthread_create(&recorders[i], NULL, record_many, &histogram);
    }
    while (histogram_count(&histogram) < (uint64_t)3 * VALUES) {
        assert_true(histogram_percentile(&histogram, 0.99) < 1024);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(recorders[i], NULL);
    }
    assert_int_equal(histogram_count_within(&histogram, UINT64_MAX), 3 * VALUES);
    assert_int_equal(histogram_max(&histogram), 999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_histogram_is_zero),
        cmocka_unit_test(every_value_is_told_within_3_percent),
        cmocka_unit_test(longer_values_count_as_the_longest_but_keep_max_and_sum),
        cmocka_unit_test(percentiles_agree_with_a_sorted_list),
        cmocka_unit_test(counts_within_a_bound_only_grow),
        cmocka_unit_test(it_is_read_while_others_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
