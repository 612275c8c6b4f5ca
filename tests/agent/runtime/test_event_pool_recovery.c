#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/runtime/event_pool_file.h"
#include "tests/agent/runtime/pool_fixture.h"

static void pending_messages_come_back_in_order_of_sequence(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    struct pool_receipt first = put_sample(&fixture->pool, 1, 100);
    put_sample(&fixture->pool, 2, 40);
    put_sample(&fixture->pool, 3, 300);
    event_pool_free(&fixture->pool, first.slot);
    put_sample(&fixture->pool, 4, 70); /* Lies before the older ones. */
    pool_fixture_reopen(fixture);
    assert_int_equal(fixture->report.pending, 3);
    assert_int_equal(fixture->report.damaged, 0);
    const size_t bytes[] = {40, 300, 70};
    struct pool_receipt receipt;
    for (uint64_t seed = 2; seed <= 4; seed++) {
        assert_int_equal(event_pool_next_pending(&fixture->pool, &receipt), STATUS_OK);
        assert_int_equal(receipt.sequence, seed);
        assert_true(slot_holds(&fixture->pool, receipt.slot, seed, bytes[seed - 2]));
        assert_int_equal(event_pool_received_us(&fixture->pool, receipt.sequence), 0);
    }
    assert_int_equal(event_pool_next_pending(&fixture->pool, &receipt), STATUS_EMPTY);
    assert_int_equal(event_pool_stats(&fixture->pool).used, 1 + 5 + 2);
}

static void freed_messages_stay_away(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    event_pool_free(&fixture->pool, put_sample(&fixture->pool, 1, 400).slot);
    pool_fixture_reopen(fixture);
    assert_int_equal(fixture->report.pending, 0);
    assert_int_equal(event_pool_stats(&fixture->pool).used, 0);
}

static void pending_messages_can_be_freed_while_they_are_listed(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    for (uint64_t seed = 1; seed <= 4; seed++) {
        put_sample(&fixture->pool, seed, 64);
    }
    pool_fixture_reopen(fixture);
    assert_int_equal(event_pool_free_sequence(&fixture->pool, 3), STATUS_OK);
    struct pool_receipt receipt;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(event_pool_next_pending(&fixture->pool, &receipt), STATUS_OK);
        assert_int_not_equal(receipt.sequence, 3);
        event_pool_free(&fixture->pool, receipt.slot);
    }
    assert_int_equal(event_pool_next_pending(&fixture->pool, &receipt), STATUS_EMPTY);
    assert_int_equal(event_pool_stats(&fixture->pool).used, 0);
}

static void settled_messages_stay_until_they_are_freed(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        put_sample(&fixture->pool, seed, 64);
    }
    pool_fixture_reopen(fixture);
    event_pool_settle(&fixture->pool, 2);
    event_pool_settle(&fixture->pool, 0);
    event_pool_settle(&fixture->pool, 77);
    pool_fixture_reopen(fixture); /* What said so turned out not to stay. */
    assert_int_equal(fixture->report.pending, 3);
    event_pool_settle(&fixture->pool, 2);
    event_pool_free_settled(&fixture->pool);
    struct pool_receipt receipt;
    assert_int_equal(event_pool_next_pending(&fixture->pool, &receipt), STATUS_OK);
    assert_int_equal(receipt.sequence, 1);
    assert_int_equal(event_pool_next_pending(&fixture->pool, &receipt), STATUS_OK);
    assert_int_equal(receipt.sequence, 3);
    assert_int_equal(event_pool_next_pending(&fixture->pool, &receipt), STATUS_EMPTY);
}

static void sequences_grow_above_what_waits_and_what_the_log_has_seen(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    event_pool_start(&fixture->pool, 100);
    assert_int_equal(put_sample(&fixture->pool, 1, 64).sequence, 100);
    assert_int_equal(put_sample(&fixture->pool, 2, 64).sequence, 101);
    pool_fixture_reopen(fixture);
    event_pool_start(&fixture->pool, 50);
    assert_int_equal(put_sample(&fixture->pool, 3, 64).sequence, 102);
    pool_fixture_reopen(fixture);
    event_pool_start(&fixture->pool, 5000);
    assert_int_equal(put_sample(&fixture->pool, 4, 64).sequence, 5000);
}

static void other_geometry_is_refused_while_messages_wait(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    put_sample(&fixture->pool, 1, 64);
    event_pool_close(&fixture->pool);
    fixture->settings.slots = 16;
    assert_int_equal(event_pool_open(&fixture->pool, &fixture->settings, &fixture->report), STATUS_INVALID);
    assert_non_null(strstr(fixture->report.message, "pool.slots=8"));
    assert_int_equal(fixture->report.pending, 1);
    fixture->settings.slots = 8;
    pool_fixture_open(fixture);
    assert_int_equal(fixture->report.pending, 1);
}

static void other_geometry_replaces_an_empty_pool(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    event_pool_free(&fixture->pool, put_sample(&fixture->pool, 1, 64).slot);
    event_pool_close(&fixture->pool);
    fixture->settings.slots = 16;
    fixture->settings.slot_bytes = 100;
    pool_fixture_open(fixture);
    put_sample(&fixture->pool, 1, 1600);
    pool_fixture_reopen(fixture);
    assert_int_equal(fixture->report.pending, 1);
}

static void settings_out_of_range_are_refused(void **context)
{
    struct pool_fixture *fixture = *context;
    const uint32_t geometries[][2] = {{0, 64},
                                      {EVENT_POOL_SLOTS_MAX + 1, 64},
                                      {8, EVENT_POOL_SLOT_BYTES_MIN - 1},
                                      {8, EVENT_POOL_SLOT_BYTES_MAX + 1}};
    for (size_t i = 0; i < 4; i++) {
        fixture->settings.slots = geometries[i][0];
        fixture->settings.slot_bytes = geometries[i][1];
        assert_int_equal(event_pool_open(&fixture->pool, &fixture->settings, &fixture->report),
                         STATUS_INVALID);
        assert_int_not_equal(strlen(fixture->report.message), 0);
    }
    assert_int_equal(access(fixture->path, F_OK), -1);
}

static void second_agent_is_locked_out(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    struct event_pool other;
    struct event_pool_report report;
    assert_int_equal(event_pool_open(&other, &fixture->settings, &report), STATUS_LOCKED);
    assert_int_not_equal(strlen(report.message), 0);
    put_sample(&fixture->pool, 1, 64);
}

static void missing_folder_is_said_so(void **context)
{
    struct pool_fixture *fixture = *context;
    fixture->settings.path = "/nonexistent/flyball/pool";
    assert_int_equal(event_pool_open(&fixture->pool, &fixture->settings, &fixture->report), STATUS_IO);
    assert_int_not_equal(strlen(fixture->report.message), 0);
}

static void flip_byte(const char *path, off_t offset)
{
    int file = open(path, O_RDWR);
    uint8_t byte = 0;
    assert_int_equal(pread(file, &byte, 1, offset), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(file, &byte, 1, offset), 1);
    close(file);
}

static void file_that_is_no_pool_is_left_alone(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    put_sample(&fixture->pool, 1, 64);
    event_pool_close(&fixture->pool);
    for (off_t offset = 0; offset < (off_t)sizeof(struct pool_header); offset++) {
        flip_byte(fixture->path, offset);
        assert_int_equal(event_pool_open(&fixture->pool, &fixture->settings, &fixture->report),
                         STATUS_CORRUPT);
        flip_byte(fixture->path, offset);
    }
    pool_fixture_open(fixture);
    assert_int_equal(fixture->report.pending, 1);
}

static void file_cut_short_is_corrupt(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    event_pool_close(&fixture->pool);
    const off_t lengths[] = {0, 7, sizeof(struct pool_header), 4096};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(truncate(fixture->path, lengths[3 - i]), 0);
        assert_int_equal(event_pool_open(&fixture->pool, &fixture->settings, &fixture->report),
                         STATUS_CORRUPT);
    }
}

/* Expects the two messages that were put, or, with one of them damaged, the other one alone. */
static void check_damage(struct pool_fixture *fixture)
{
    assert_true(fixture->report.damaged <= 1);
    assert_int_equal(fixture->report.pending + fixture->report.damaged, 2);
    struct pool_receipt receipt;
    while (event_pool_next_pending(&fixture->pool, &receipt) == STATUS_OK) {
        size_t bytes = 0;
        uint64_t seed = seed_in(&fixture->pool, receipt.slot, &bytes);
        assert_true((seed == 1 && bytes == 100) || (seed == 2 && bytes == 60));
        assert_true(slot_holds(&fixture->pool, receipt.slot, seed, bytes));
    }
    assert_true(event_pool_stats(&fixture->pool).used <= 3);
}

/* Whichever byte of an entry or a message is damaged: what is read is whole, the rest is counted and freed.
 * The seal itself (the first 8 bytes of an entry) tells used from free, so an entry of a free slot may be
 * counted too. */
static void damaged_message_is_freed_and_counted(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    size_t entries = sizeof(struct pool_header);
    size_t storage = (size_t)(fixture->pool.storage - (uint8_t *)fixture->pool.mapping);
    event_pool_close(&fixture->pool);
    for (size_t i = 0; i < 3 * sizeof(struct pool_entry) + 160; i++) {
        size_t offset =
            i < 3 * sizeof(struct pool_entry) ? entries + i : storage + i - 3 * sizeof(struct pool_entry);
        unlink(fixture->path);
        pool_fixture_open(fixture);
        put_sample(&fixture->pool, 1, 100);
        put_sample(&fixture->pool, 2, 60);
        event_pool_close(&fixture->pool);
        flip_byte(fixture->path, (off_t)offset);
        pool_fixture_open(fixture);
        if (offset >= entries + sizeof(struct pool_entry) &&
            offset < entries + 2 * sizeof(struct pool_entry)) {
            assert_int_equal(fixture->report.pending,
                             2); /* The second slot of the first message has no entry. */
        } else {
            check_damage(fixture);
        }
        event_pool_close(&fixture->pool);
        pool_fixture_open(fixture);
        assert_int_equal(fixture->report.damaged, 0);
        event_pool_close(&fixture->pool);
    }
}

/* A payload is never taken for a message of its own, whatever it holds. */
static void message_that_imitates_the_file_is_just_bytes(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    put_sample(&fixture->pool, 1, 64);
    struct message imitation = {.payload = bytes_of(fixture->pool.mapping, 400)};
    struct pool_receipt receipt;
    assert_int_equal(event_pool_put(&fixture->pool, &imitation, 0, &receipt), STATUS_OK);
    event_pool_free(&fixture->pool, receipt.slot);
    pool_fixture_reopen(fixture);
    assert_int_equal(fixture->report.pending, 1);
    assert_int_equal(fixture->report.damaged, 0);
}

/* Seals the slot by hand: an entry that is whole, over whatever bytes are there. */
static void forge(struct event_pool *pool, slot_index slot, uint64_t sequence)
{
    struct pool_entry *entry = &pool->entries[slot];
    entry->run = 1;
    entry->payload = 10;
    entry->crc = pool_entry_crc(entry, sequence, pool->storage + (size_t)slot * pool->slot_bytes);
    atomic_store(&entry->sequence, sequence);
}

static void message_inside_another_is_damage(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    put_sample(&fixture->pool, 1, 150);
    forge(&fixture->pool, 1, 99);
    pool_fixture_reopen(fixture);
    assert_int_equal(fixture->report.pending, 1);
    assert_int_equal(fixture->report.damaged, 1);
    assert_int_equal(event_pool_stats(&fixture->pool).used, 3);
}

static void second_message_of_a_sequence_is_damage(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    put_sample(&fixture->pool, 1, 60);
    forge(&fixture->pool, 4, 1);
    forge(&fixture->pool, 5, 2);
    pool_fixture_reopen(fixture);
    assert_int_equal(fixture->report.pending, 2);
    assert_int_equal(fixture->report.damaged, 1);
    assert_int_equal(event_pool_free_sequence(&fixture->pool, 1), STATUS_OK);
    assert_int_equal(event_pool_free_sequence(&fixture->pool, 1), STATUS_NOT_FOUND);
}

static void half_made_file_is_made_again(void **context)
{
    struct pool_fixture *fixture = *context;
    char path[128];
    snprintf(path, sizeof path, "%s.new", fixture->path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("half", file);
    fclose(file);
    pool_fixture_open(fixture);
    assert_int_equal(access(path, F_OK), -1);
}

static void pool_is_readable_by_its_owner_alone(void **context)
{
    struct pool_fixture *fixture = *context;
    pool_fixture_open(fixture);
    struct stat info;
    assert_int_equal(stat(fixture->path, &info), 0);
    assert_int_equal(info.st_mode & 0077, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pending_messages_come_back_in_order_of_sequence, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(freed_messages_stay_away, pool_fixture_setup, pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(pending_messages_can_be_freed_while_they_are_listed,
                                        pool_fixture_setup, pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(settled_messages_stay_until_they_are_freed, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(sequences_grow_above_what_waits_and_what_the_log_has_seen,
                                        pool_fixture_setup, pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(other_geometry_is_refused_while_messages_wait, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(other_geometry_replaces_an_empty_pool, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(settings_out_of_range_are_refused, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(second_agent_is_locked_out, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(missing_folder_is_said_so, pool_fixture_setup, pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(file_that_is_no_pool_is_left_alone, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(file_cut_short_is_corrupt, pool_fixture_setup, pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(damaged_message_is_freed_and_counted, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(message_that_imitates_the_file_is_just_bytes, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(message_inside_another_is_damage, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(second_message_of_a_sequence_is_damage, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(half_made_file_is_made_again, pool_fixture_setup,
                                        pool_fixture_teardown),
        cmocka_unit_test_setup_teardown(pool_is_readable_by_its_owner_alone, pool_fixture_setup,
                                        pool_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
