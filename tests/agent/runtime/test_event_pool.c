#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/runtime/pool_fixture.h"

static void message_comes_back_as_it_was_put(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    struct pool_receipt small = put_sample(&fixture->pool, 1, 32);
    struct pool_receipt large = put_sample(&fixture->pool, 2, 300);
    assert_true(slot_holds(&fixture->pool, small.slot, 1, 32));
    assert_true(slot_holds(&fixture->pool, large.slot, 2, 300));
    assert_int_equal(event_pool_stats(&fixture->pool).used, 1 + 5);
}

static void message_of_nothing_takes_a_slot(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    struct message empty = {.qos = 1};
    struct pool_receipt receipt;
    assert_int_equal(event_pool_put(&fixture->pool, &empty, 1, &receipt), STATUS_OK);
    struct message found;
    uint64_t sequence = 0;
    event_pool_get(&fixture->pool, receipt.slot, &found, &sequence);
    assert_int_equal(found.topic.length + found.payload.length + found.attributes.length, 0);
    assert_false(found.has_correlation);
    assert_int_equal(event_pool_stats(&fixture->pool).used, 1);
}

static void full_pool_refuses_until_something_is_freed(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    struct pool_receipt last = {0};
    for (uint64_t i = 0; i < 8; i++) {
        last = put_sample(&fixture->pool, i, 64);
    }
    struct sample sample;
    sample_fill(&sample, 9, 64);
    struct pool_receipt receipt;
    assert_int_equal(event_pool_put(&fixture->pool, &sample.message, 0, &receipt), STATUS_FULL);
    event_pool_free(&fixture->pool, last.slot);
    assert_int_equal(event_pool_put(&fixture->pool, &sample.message, 0, &receipt), STATUS_OK);
    assert_int_equal(receipt.slot, last.slot);
    assert_int_equal(event_pool_stats(&fixture->pool).high_water, 8);
}

static void largest_message_fits_and_one_byte_more_never_does(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    struct pool_receipt receipt = put_sample(&fixture->pool, 5, (size_t)8 * 64);
    assert_true(slot_holds(&fixture->pool, receipt.slot, 5, (size_t)8 * 64));
    event_pool_free(&fixture->pool, receipt.slot);
    struct sample sample;
    sample_fill(&sample, 5, (size_t)8 * 64 + 1);
    assert_int_equal(event_pool_put(&fixture->pool, &sample.message, 0, &receipt), STATUS_TOO_LARGE);
    assert_int_equal(event_pool_put_wait(&fixture->pool, &sample.message, 0, -1, &receipt), STATUS_TOO_LARGE);
}

static void large_message_needs_neighbouring_slots(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    struct pool_receipt receipts[8];
    for (uint64_t i = 0; i < 8; i++) {
        receipts[i] = put_sample(&fixture->pool, i, 64);
    }
    event_pool_free(&fixture->pool, receipts[2].slot);
    event_pool_free(&fixture->pool, receipts[4].slot);
    struct sample sample;
    sample_fill(&sample, 9, 65);
    struct pool_receipt receipt;
    assert_int_equal(event_pool_put(&fixture->pool, &sample.message, 0, &receipt), STATUS_FULL);
    event_pool_free(&fixture->pool, receipts[3].slot);
    assert_int_equal(event_pool_put(&fixture->pool, &sample.message, 0, &receipt), STATUS_OK);
    assert_true(slot_holds(&fixture->pool, receipt.slot, 9, 65));
    assert_true(slot_holds(&fixture->pool, receipts[5].slot, 5, 64));
}

static void slots_are_freed_by_sequence_once(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    struct pool_receipt first = put_sample(&fixture->pool, 1, 40);
    struct pool_receipt second = put_sample(&fixture->pool, 2, 140);
    assert_int_equal(event_pool_free_sequence(&fixture->pool, second.sequence), STATUS_OK);
    assert_int_equal(event_pool_free_sequence(&fixture->pool, second.sequence), STATUS_NOT_FOUND);
    assert_int_equal(event_pool_free_sequence(&fixture->pool, 0), STATUS_NOT_FOUND);
    assert_int_equal(event_pool_free_sequence(&fixture->pool, 77), STATUS_NOT_FOUND);
    assert_true(slot_holds(&fixture->pool, first.slot, 1, 40));
    assert_int_equal(event_pool_stats(&fixture->pool).used, 1);
}

static void overwriting_is_counted(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    event_pool_overwrite(&fixture->pool, put_sample(&fixture->pool, 1, 40).slot);
    event_pool_free(&fixture->pool, put_sample(&fixture->pool, 1, 40).slot);
    struct event_pool_stats stats = event_pool_stats(&fixture->pool);
    assert_int_equal(stats.overwritten, 1);
    assert_int_equal(stats.used, 0);
}

static void time_of_receipt_outlives_the_slot(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    struct pool_receipt old = put_sample(&fixture->pool, 1000, 40);
    event_pool_free(&fixture->pool, old.slot);
    assert_int_equal(event_pool_received_us(&fixture->pool, old.sequence), 1000);
    for (uint64_t i = 1; i < (uint64_t)4 * 8; i++) {
        event_pool_free(&fixture->pool, put_sample(&fixture->pool, 1000 + i, 40).slot);
    }
    assert_int_equal(event_pool_received_us(&fixture->pool, old.sequence), 1000);
    event_pool_free(&fixture->pool, put_sample(&fixture->pool, 2000, 40).slot);
    assert_int_equal(event_pool_received_us(&fixture->pool, old.sequence), 0);
    assert_int_equal(event_pool_received_us(&fixture->pool, 0), 0);
    assert_int_equal(event_pool_received_us(&fixture->pool, 12345), 0);
}

static void waiting_for_room_times_out_or_ends_with_the_pool(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    put_sample(&fixture->pool, 1, 500);
    struct sample sample;
    sample_fill(&sample, 9, 65);
    struct pool_receipt receipt;
    struct event_pool *pool = &fixture->pool;
    assert_int_equal(event_pool_put_wait(pool, &sample.message, 0, 0, &receipt), STATUS_TIMED_OUT);
    assert_int_equal(event_pool_put_wait(pool, &sample.message, 0, 1, &receipt), STATUS_TIMED_OUT);
    event_pool_stop(pool);
    assert_int_equal(event_pool_put_wait(pool, &sample.message, 0, -1, &receipt), STATUS_CLOSED);
    assert_int_equal(event_pool_stats(pool).waits, 3);
}

struct model {
    struct pool_receipt receipt;
    uint64_t seed;
    size_t bytes;
    bool used;
};

enum { MODEL_MAX = 64 };

static void model_put(struct event_pool *pool, struct model *place, uint64_t seed, uint32_t *used)
{
    struct sample sample;
    *place = (struct model){.seed = seed, .bytes = 32 + seed % 300};
    sample_fill(&sample, place->seed, place->bytes);
    enum status status = event_pool_put(pool, &sample.message, 0, &place->receipt);
    place->used = status == STATUS_OK;
    *used += place->used ? (uint32_t)((place->bytes + 63) / 64) : 0;
    assert_true(status == STATUS_OK || (status == STATUS_FULL && *used > 0));
}

static void model_free(struct event_pool *pool, struct model *place, uint32_t *used)
{
    assert_true(slot_holds(pool, place->receipt.slot, place->seed, place->bytes));
    if (place->seed % 2 == 0) {
        event_pool_free(pool, place->receipt.slot);
    } else {
        assert_int_equal(event_pool_free_sequence(pool, place->receipt.sequence), STATUS_OK);
    }
    *used -= (uint32_t)((place->bytes + 63) / 64);
    place->used = false;
}

/* Every message stays whole whatever is put and freed around it. */
static void pool_behaves_as_a_list_of_messages(void **context)
{
    struct pool_fixture *fixture = *context;
    fixture->settings.slots = 70; /* More than a word of bits, and not whole words. */
    pool_fixture_open(fixture);
    struct model models[MODEL_MAX] = {0};
    uint64_t random = 42;
    uint32_t used = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t choice = next_random(&random);
        struct model *place = &models[choice % MODEL_MAX];
        if (place->used) {
            model_free(&fixture->pool, place, &used);
        } else {
            model_put(&fixture->pool, place, choice >> 8, &used);
        }
        assert_int_equal(event_pool_stats(&fixture->pool).used, used);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(message_comes_back_as_it_was_put, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(message_of_nothing_takes_a_slot, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(full_pool_refuses_until_something_is_freed, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(largest_message_fits_and_one_byte_more_never_does, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(large_message_needs_neighbouring_slots, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(slots_are_freed_by_sequence_once, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(overwriting_is_counted, pool_fixture_setup, pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(time_of_receipt_outlives_the_slot, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(waiting_for_room_times_out_or_ends_with_the_pool, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(pool_behaves_as_a_list_of_messages, pool_fixture_setup,
                                        pool_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
