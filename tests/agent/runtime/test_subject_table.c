#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/runtime/subject_table.h"

enum { SUBJECTS = 4, BLOCKS = 10 };

static int setup(void **context)
{
    static struct subject_table table;
    struct subject_table_settings settings = {.subjects = SUBJECTS, .blocks = BLOCKS, .key = {1, 2}};
    *context = &table;
    return subject_table_init(&table, &settings) == STATUS_OK ? 0 : -1;
}

static int teardown(void **context)
{
    subject_table_close(*context);
    return 0;
}

static struct name name_number(uint32_t number)
{
    char text[NAME_BYTES_MAX];
    snprintf(text, sizeof text, "subject-%u", number);
    return name_of(text);
}

static uint32_t add(struct subject_table *table, uint32_t number)
{
    struct name name = name_number(number);
    uint32_t subject = INDEX_NONE;
    assert_int_equal(subject_table_add(table, &name, &subject), STATUS_OK);
    return subject;
}

static bool is_hot(struct subject_table *table, uint32_t number)
{
    struct name name = name_number(number);
    uint32_t subject = INDEX_NONE;
    return subject_table_find(table, &name, &subject) == STATUS_OK &&
           name_equal(subject_table_name(table, subject), &name);
}

static void store(struct subject_table *table, uint32_t subject, size_t length, uint8_t seed)
{
    uint8_t image[BLOCKS * SUBJECT_BLOCK_BYTES + 1];
    for (size_t i = 0; i < length; i++) {
        image[i] = (uint8_t)(seed + i * 7);
    }
    subject_table_store(table, subject, bytes_of(image, length));
}

static bool has(struct subject_table *table, uint32_t subject, size_t length, uint8_t seed)
{
    uint8_t image[BLOCKS * SUBJECT_BLOCK_BYTES];
    size_t found = 0;
    if (subject_table_load(table, subject, image, sizeof image, &found) != STATUS_OK || found != length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (image[i] != (uint8_t)(seed + i * 7)) {
            return false;
        }
    }
    return true;
}

static void subjects_are_found_by_name(void **context)
{
    struct subject_table *table = *context;
    assert_false(is_hot(table, 1));
    uint32_t first = add(table, 1);
    uint32_t second = add(table, 2);
    assert_int_not_equal(first, second);
    assert_true(is_hot(table, 1) && is_hot(table, 2));
    assert_false(is_hot(table, 3));
}

static void busy_subjects_are_never_evicted(void **context)
{
    struct subject_table *table = *context;
    for (uint32_t number = 0; number < SUBJECTS; number++) {
        assert_false(subject_table_is_full(table));
        add(table, number);
    }
    assert_true(subject_table_is_full(table));
    struct name name = name_number(99);
    uint32_t subject = 0;
    assert_int_equal(subject_table_add(table, &name, &subject), STATUS_FULL);
    assert_int_equal(subject_table_stats(table).hot, SUBJECTS);
}

static void longest_idle_subject_makes_room(void **context)
{
    struct subject_table *table = *context;
    uint32_t subjects[SUBJECTS];
    for (uint32_t number = 0; number < SUBJECTS; number++) {
        subjects[number] = add(table, number);
    }
    subject_table_set_idle(table, subjects[2]);
    subject_table_set_idle(table, subjects[0]);
    subject_table_set_idle(table, subjects[1]);
    subject_table_set_idle(table, subjects[2]); /* Again: no matter. */
    subject_table_set_busy(table, subjects[2]);
    subject_table_set_idle(table, subjects[2]); /* Now the one idle for the shortest time. */
    assert_false(subject_table_is_full(table));
    add(table, 10);
    assert_true(!is_hot(table, 0) && is_hot(table, 1) && is_hot(table, 2) && is_hot(table, 3));
    add(table, 11);
    assert_true(!is_hot(table, 1) && is_hot(table, 2) && is_hot(table, 10));
    assert_int_equal(subject_table_stats(table).evicted, 2);
}

static void images_are_kept_whole(void **context)
{
    struct subject_table *table = *context;
    uint32_t subject = add(table, 1);
    uint32_t other = add(table, 2);
    store(table, other, 600, 99);
    const size_t lengths[] = {1, 511, 512, 513, 1024, 8 * SUBJECT_BLOCK_BYTES, 3};
    for (uint8_t i = 0; i < 7; i++) {
        store(table, subject, lengths[i], i);
        assert_true(has(table, subject, lengths[i], i));
        assert_true(has(table, other, 600, 99));
    }
    assert_int_equal(subject_table_stats(table).blocks_used, 1 + 2);
    assert_int_equal(subject_table_stats(table).blocks_high_water, BLOCKS);
}

static void image_larger_than_the_buffer_is_not_cut(void **context)
{
    struct subject_table *table = *context;
    uint32_t subject = add(table, 1);
    store(table, subject, 100, 0);
    uint8_t buffer[99];
    size_t length = 0;
    assert_int_equal(subject_table_load(table, subject, buffer, sizeof buffer, &length), STATUS_TOO_LARGE);
}

static void idle_subjects_give_their_blocks(void **context)
{
    struct subject_table *table = *context;
    uint32_t idle = add(table, 1);
    uint32_t busy = add(table, 2);
    store(table, idle, 6 * SUBJECT_BLOCK_BYTES, 1);
    store(table, busy, 4 * SUBJECT_BLOCK_BYTES, 2);
    subject_table_set_idle(table, idle);
    uint32_t newcomer = add(table, 3);
    store(table, newcomer, 5 * SUBJECT_BLOCK_BYTES, 3);
    assert_true(has(table, newcomer, 5 * SUBJECT_BLOCK_BYTES, 3));
    assert_true(has(table, busy, 4 * SUBJECT_BLOCK_BYTES, 2));
    assert_false(is_hot(table, 1));
}

static void image_without_room_is_not_kept(void **context)
{
    struct subject_table *table = *context;
    uint32_t first = add(table, 1);
    uint32_t second = add(table, 2);
    store(table, first, 6 * SUBJECT_BLOCK_BYTES, 1);
    store(table, second, SUBJECT_BLOCK_BYTES, 2);
    store(table, second, 5 * SUBJECT_BLOCK_BYTES, 2);
    size_t length = 0;
    uint8_t buffer[8];
    assert_int_equal(subject_table_load(table, second, buffer, sizeof buffer, &length), STATUS_NOT_FOUND);
    store(table, second, BLOCKS * SUBJECT_BLOCK_BYTES + 1, 2);
    assert_int_equal(subject_table_load(table, second, buffer, sizeof buffer, &length), STATUS_NOT_FOUND);
    assert_true(has(table, first, 6 * SUBJECT_BLOCK_BYTES, 1));
    assert_int_equal(subject_table_stats(table).not_kept, 2);
    assert_int_equal(subject_table_stats(table).blocks_used, 6);
}

static void newcomer_in_an_old_place_has_no_image(void **context)
{
    struct subject_table *table = *context;
    uint32_t old = add(table, 1);
    store(table, old, 100, 1);
    subject_table_set_idle(table, old);
    assert_int_equal(subject_table_trim(table, 5), 1);
    uint32_t newcomer = add(table, 2);
    assert_int_equal(newcomer, old);
    size_t length = 0;
    uint8_t buffer[200];
    assert_int_equal(subject_table_load(table, newcomer, buffer, sizeof buffer, &length), STATUS_NOT_FOUND);
}

static void trimming_leaves_what_is_busy(void **context)
{
    struct subject_table *table = *context;
    uint32_t subjects[SUBJECTS];
    for (uint32_t number = 0; number < SUBJECTS; number++) {
        subjects[number] = add(table, number);
        store(table, subjects[number], 2 * SUBJECT_BLOCK_BYTES, (uint8_t)number);
    }
    for (uint32_t number = 0; number < 3; number++) {
        subject_table_set_idle(table, subjects[number]);
    }
    assert_int_equal(subject_table_trim(table, 2), 2);
    assert_true(!is_hot(table, 0) && !is_hot(table, 1) && is_hot(table, 2));
    assert_int_equal(subject_table_trim(table, 2), 1);
    assert_true(has(table, subjects[3], 2 * SUBJECT_BLOCK_BYTES, 3));
    uint32_t again = add(table, 8);
    store(table, again, 8 * SUBJECT_BLOCK_BYTES, 8);
    assert_true(has(table, again, 8 * SUBJECT_BLOCK_BYTES, 8));
    assert_true(has(table, subjects[3], 2 * SUBJECT_BLOCK_BYTES, 3));
}

enum { NAMES = 200, HOT = 64 };

struct memory {
    uint32_t subject;
    size_t length; /* 0: nothing stored. */
    uint8_t seed;
};

/* Whatever happens, an image that is still there is the one stored last. */
static void table_never_shows_another_image(void **context)
{
    (void)context;
    struct subject_table table;
    struct subject_table_settings settings = {.subjects = HOT, .blocks = 100, .key = {3, 4}};
    assert_int_equal(subject_table_init(&table, &settings), STATUS_OK);
    struct memory memories[NAMES] = {0};
    uint32_t random = 9;
    uint32_t hits = 0;
    for (int i = 0; i < 20000; i++) {
        random = random * 1664525 + 1013904223;
        uint32_t number = (random >> 8) % NAMES;
        struct memory *memory = &memories[number];
        struct name name = name_number(number);
        uint32_t subject = 0;
        if (subject_table_find(&table, &name, &subject) != STATUS_OK) {
            subject = add(&table, number);
            memory->length = 0;
        }
        subject_table_set_busy(&table, subject);
        uint8_t buffer[1];
        size_t length = 0;
        bool kept = subject_table_load(&table, subject, buffer, 0, &length) == STATUS_TOO_LARGE;
        assert_false(kept && memory->length == 0);
        if (kept) {
            assert_true(has(&table, subject, memory->length, memory->seed));
            hits++;
        }
        *memory = (struct memory){subject, 1 + (random >> 16) % 3000, (uint8_t)(random >> 24)};
        store(&table, subject, memory->length, memory->seed);
        subject_table_set_idle(&table, subject);
    }
    assert_true(hits > 1000);
    subject_table_close(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(subjects_are_found_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(busy_subjects_are_never_evicted, setup, teardown),
        cmocka_unit_test_setup_teardown(longest_idle_subject_makes_room, setup, teardown),
        cmocka_unit_test_setup_teardown(images_are_kept_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(image_larger_than_the_buffer_is_not_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(idle_subjects_give_their_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(image_without_room_is_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(newcomer_in_an_old_place_has_no_image, setup, teardown),
        cmocka_unit_test_setup_teardown(trimming_leaves_what_is_busy, setup, teardown),
        cmocka_unit_test(table_never_shows_another_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
