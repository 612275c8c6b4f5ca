#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/runtime/counter_table.h"

static struct counter_reading read_counter(const struct counter_table *table, micro_units value)
{
    return counter_table_read(table, 7, value);
}

static void assert_reading(struct counter_reading reading, enum counter_change change, micro_units increase)
{
    assert_int_equal(reading.change, change);
    assert_int_equal(reading.increase, increase);
}

static void readings_ask_for_what_was_added(void **context)
{
    (void)context;
    struct counter_table table;
    counter_table_init(&table);
    assert_reading(read_counter(&table, 500), COUNTER_FIRST, 0);
    counter_table_set(&table, 7, 500);
    assert_reading(read_counter(&table, 500), COUNTER_SAME, 0);
    assert_reading(read_counter(&table, 530), COUNTER_ROSE, 30);
    assert_reading(read_counter(&table, 20), COUNTER_RESET, 20);
    assert_reading(read_counter(&table, 0), COUNTER_RESET, 0);
    assert_reading(counter_table_read(&table, 8, 530), COUNTER_FIRST, 0);
}

static void denied_increase_is_asked_again(void **context)
{
    (void)context;
    struct counter_table table;
    counter_table_init(&table);
    counter_table_set(&table, 7, 100);
    assert_reading(read_counter(&table, 150), COUNTER_ROSE, 50); /* Denied: no set. */
    assert_reading(read_counter(&table, 170), COUNTER_ROSE, 70);
    counter_table_set(&table, 7, 170);
    assert_reading(read_counter(&table, 180), COUNTER_ROSE, 10);
}

static void greatest_reading_does_not_overflow(void **context)
{
    (void)context;
    struct counter_table table;
    counter_table_init(&table);
    counter_table_set(&table, 7, 0);
    assert_reading(read_counter(&table, MICRO_UNITS_MOST), COUNTER_ROSE, MICRO_UNITS_MOST);
}

static void least_recently_set_makes_room(void **context)
{
    (void)context;
    struct counter_table table;
    counter_table_init(&table);
    for (uint64_t key = 0; key < COUNTERS_MAX; key++) {
        counter_table_set(&table, key, (micro_units)key);
    }
    counter_table_set(&table, 0, 1000);
    counter_table_set(&table, 100, 2000);
    micro_units base_line = 0;
    assert_int_equal(counter_table_find(&table, 1, &base_line), STATUS_NOT_FOUND);
    assert_int_equal(counter_table_find(&table, 0, &base_line), STATUS_OK);
    assert_int_equal(base_line, 1000);
    assert_int_equal(counter_table_find(&table, 2, &base_line), STATUS_OK);
    assert_int_equal(base_line, 2);
    assert_int_equal(counter_table_find(&table, 100, &base_line), STATUS_OK);
    assert_int_equal(base_line, 2000);
    assert_int_equal(table.count, COUNTERS_MAX);
}

static void table_packs_and_unpacks(void **context)
{
    (void)context;
    struct counter_table table;
    counter_table_init(&table);
    for (uint64_t key = 0; key < COUNTERS_MAX; key++) {
        counter_table_set(&table, key * 0x9E3779B97F4A7C15U, MICRO_UNITS_MOST - (micro_units)key);
    }
    uint8_t bytes[COUNTERS_MAX * COUNTER_PACKED_MAX + 1];
    struct packer packer = packer_of(bytes, sizeof bytes);
    counter_table_pack(&packer, &table);
    assert_false(packer.overflowed);
    struct counter_table found;
    struct unpacker unpacker = unpacker_of(packer_bytes(&packer));
    counter_table_unpack(&unpacker, &found);
    assert_true(unpacker_is_done(&unpacker));
    assert_int_equal(found.count, COUNTERS_MAX);
    for (uint32_t i = 0; i < COUNTERS_MAX; i++) {
        assert_int_equal(found.counters[i].key, table.counters[i].key);
        assert_int_equal(found.counters[i].base_line, table.counters[i].base_line);
    }
    for (size_t length = 0; length < packer.length; length++) {
        unpacker = unpacker_of(bytes_of(bytes, length));
        counter_table_unpack(&unpacker, &found);
        assert_true(unpacker.failed);
        assert_int_equal(found.count, 0);
    }
}

static void table_with_impossible_contents_is_refused(void **context)
{
    (void)context;
    const uint64_t contents[][4] = {{1, INT64_MAX, 1, 5}, {1, (uint64_t)INT64_MAX + 1, 2, 5}};
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[64];
        struct packer packer = packer_of(bytes, sizeof bytes);
        pack_u8(&packer, 2);
        for (size_t j = 0; j < 4; j += 2) {
            pack_u64(&packer, contents[i][j]);
            pack_varint(&packer, contents[i][j + 1]);
        }
        struct counter_table table;
        struct unpacker unpacker = unpacker_of(packer_bytes(&packer));
        counter_table_unpack(&unpacker, &table);
        assert_true(unpacker.failed);
        assert_int_equal(table.count, 0);
    }
}

static void keys_tell_device_and_meter_apart(void **context)
{
    (void)context;
    struct name a = name_of("a");
    struct name b = name_of("b");
    struct name ab = name_of("ab");
    struct name none = name_of("");
    assert_int_not_equal(counter_key(&a, &b), counter_key(&b, &a));
    assert_int_not_equal(counter_key(&ab, &none), counter_key(&a, &b));
    assert_int_equal(counter_key(&a, &b), 0xfe128aa37a40eefdU);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readings_ask_for_what_was_added),
        cmocka_unit_test(denied_increase_is_asked_again),
        cmocka_unit_test(greatest_reading_does_not_overflow),
        cmocka_unit_test(least_recently_set_makes_room),
        cmocka_unit_test(table_packs_and_unpacks),
        cmocka_unit_test(table_with_impossible_contents_is_refused),
        cmocka_unit_test(keys_tell_device_and_meter_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
