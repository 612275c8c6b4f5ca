#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/simulation/disk_fixture.h"

static void what_was_written_is_read_and_the_rest_is_zeros(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    struct io io = virtual_disk_io(disk);
    int file = disk_open_file(disk, "/file", O_RDWR | O_CREAT);
    uint8_t bytes[9000];
    assert_int_equal(io_write_full(&io, file, "hello", 5, 8190), 0);
    assert_int_equal(io_read_full(&io, file, bytes, sizeof bytes, 0), 8195);
    assert_memory_equal(bytes + 8190, "hello", 5);
    for (int i = 0; i < 8190; i++) {
        assert_int_equal(bytes[i], 0);
    }
    assert_int_equal(io.ftruncate(io.self, file, 8192), 0);
    assert_int_equal(io.ftruncate(io.self, file, 9000), 0);
    assert_int_equal(io_read_full(&io, file, bytes, 10, 8190), 10);
    assert_memory_equal(bytes, "he\0\0\0\0\0\0\0\0", 10);
    disk_drop(disk);
}

static void synced_sectors_never_change(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        disk_begin_again(disk, seed, SECTOR);
        int file = disk_durable_file(disk, "/file", SECTORS, 'a');
        disk_fill(disk, file, 8, 8, 'b');
        disk_cut(disk);
        char text[SECTORS + 1];
        disk_read_named(disk, "/file", text);
        assert_memory_equal(text, "aaaaaaaa", 8);
        assert_memory_equal(text + 16, "aaaaaaaa", 8);
        assert_int_equal(strlen(text), SECTORS);
        char again[SECTORS + 1];
        disk_cut(disk);
        disk_read_named(disk, "/file", again);
        assert_string_equal(text, again); /* What survived one cut survives the next. */
    }
    disk_drop(disk);
}

/* How often each kind of loss was seen. */
struct losses {
    int none, all, suffix, prefix, mixed, garbage, between;
};

static void count_loss(struct losses *losses, const char *text)
{
    size_t first_new = strspn(text, "a");
    size_t first_old = strspn(text, "c");
    losses->none += strspn(text, "c") == SECTORS;
    losses->all += strspn(text, "a") == SECTORS;
    losses->suffix +=
        first_old > 0 && first_old < SECTORS && strspn(text + first_old, "a") == SECTORS - first_old;
    losses->prefix +=
        first_new > 0 && first_new < SECTORS && strspn(text + first_new, "c") == SECTORS - first_new;
    losses->mixed += strstr(text, "ac") != NULL && strstr(text, "ca") != NULL;
    losses->garbage += strchr(text, '?') != NULL;
    losses->between += strchr(text, 'b') != NULL;
}

static void each_kind_of_loss_happens(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    struct losses losses = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        disk_begin_again(disk, seed, SECTOR);
        int file = disk_durable_file(disk, "/file", SECTORS, 'a');
        disk_fill(disk, file, 0, SECTORS, 'b');
        disk_fill(disk, file, 0, SECTORS, 'c');
        disk_cut(disk);
        char text[SECTORS + 1];
        disk_read_named(disk, "/file", text);
        count_loss(&losses, text);
    }
    assert_true(losses.none > 10 && losses.all > 10 && losses.suffix > 10 && losses.prefix > 10);
    assert_true(losses.mixed > 10 && losses.garbage > 10 && losses.between > 10);
    disk_drop(disk);
}

static void a_sector_of_4096_bytes_is_lost_as_a_whole(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        disk_begin_again(disk, seed, 4096);
        int file = disk_durable_file(disk, "/file", SECTORS, 'a');
        disk_fill(disk, file, 0, SECTORS, 'b');
        disk_cut(disk);
        char text[SECTORS + 1];
        disk_read_named(disk, "/file", text);
        for (int i = 0; i < SECTORS; i++) {
            char first = text[i / 8 * 8];
            assert_true(text[i] == first || strcspn(text + i / 8 * 8, "?") < 8);
        }
    }
    disk_drop(disk);
}

static void a_killed_process_loses_nothing(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    int file = disk_open_file(disk, "/file", O_RDWR | O_CREAT);
    disk_fill(disk, file, 0, SECTORS, 'a');
    virtual_disk_kill(disk);
    char text[SECTORS + 1];
    disk_read_named(disk, "/file", text);
    assert_int_equal(strspn(text, "a"), SECTORS);
    disk_drop(disk);
}

static void what_a_killed_process_wrote_is_still_lost_with_the_power(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    int lost = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        disk_begin_again(disk, seed, SECTOR);
        int file = disk_durable_file(disk, "/file", SECTORS, 'a');
        disk_fill(disk, file, 0, SECTORS, 'b');
        virtual_disk_kill(disk);
        disk_cut(disk);
        char text[SECTORS + 1];
        disk_read_named(disk, "/file", text);
        lost += strspn(text, "b") < SECTORS;
    }
    assert_in_range(lost, 50, 99);
    disk_drop(disk);
}

static void the_size_is_the_old_the_new_or_one_between(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    int seen[SECTORS + 1] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        disk_begin_again(disk, seed, SECTOR);
        int file = disk_durable_file(disk, "/file", 2, 'a');
        disk_fill(disk, file, 2, SECTORS - 2, 'b');
        disk_cut(disk);
        char text[SECTORS + 1];
        file = disk_open_file(disk, "/file", O_RDWR);
        struct io io = virtual_disk_io(disk);
        int64_t size = io.file_size(io.self, file);
        assert_true(size % SECTOR == 0 && size >= 2 * SECTOR && size <= SECTORS * SECTOR);
        seen[size / SECTOR]++;
        assert_int_equal(io.fallocate(io.self, file, SECTORS * SECTOR), 0);
        disk_read(disk, file, text);
        for (int64_t i = size / SECTOR; i < SECTORS; i++) {
            assert_int_equal(text[i], '\0'); /* No bytes come back with the size. */
        }
    }
    assert_true(seen[2] > 20 && seen[SECTORS] > 20 && seen[5] + seen[10] > 0);
    disk_drop(disk);
}

static void a_name_is_durable_only_when_its_folder_was_synced(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    struct io io = virtual_disk_io(disk);
    int there[3] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        disk_begin_again(disk, seed, SECTOR);
        disk_durable_file(disk, "/before", 1, 'a');
        assert_int_equal(io.fsync(io.self, disk_open_file(disk, "/one", O_RDWR | O_CREAT)), 0);
        disk_open_file(disk, "/two", O_RDWR | O_CREAT);
        disk_cut(disk);
        assert_true(disk_has(disk, "/before"));
        assert_true(disk_has(disk, "/one") || !disk_has(disk, "/two")); /* In order. */
        there[disk_has(disk, "/one") + disk_has(disk, "/two")]++;
    }
    assert_true(there[0] > 20 && there[1] > 20 && there[2] > 20);
    disk_drop(disk);
}

static void a_rename_is_done_or_not_done(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    struct io io = virtual_disk_io(disk);
    int renamed = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        disk_begin_again(disk, seed, SECTOR);
        disk_durable_file(disk, "/old", 1, 'o');
        disk_durable_file(disk, "/new", 1, 'n');
        assert_int_equal(io.rename(io.self, "/new", "/old"), 0);
        assert_false(disk_has(disk, "/new"));
        disk_cut(disk);
        char text[SECTORS + 1];
        disk_read_named(disk, "/old", text);
        assert_int_equal(text[0], disk_has(disk, "/new") ? 'o' : 'n');
        renamed += text[0] == 'n';
    }
    assert_in_range(renamed, SEEDS / 4, SEEDS * 3 / 4);
    disk_drop(disk);
}

static void an_unlink_may_be_taken_back_with_what_the_file_held(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    struct io io = virtual_disk_io(disk);
    int back = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        disk_begin_again(disk, seed, SECTOR);
        assert_int_equal(io.close(io.self, disk_durable_file(disk, "/file", SECTORS, 'a')), 0);
        assert_int_equal(io.unlink(io.self, "/file"), 0);
        disk_open_file(disk, "/file", O_RDWR | O_CREAT);
        disk_cut(disk);
        if (disk_has(disk, "/file")) {
            char text[SECTORS + 1];
            disk_read_named(disk, "/file", text);
            assert_true(strspn(text, "a") == SECTORS || text[0] == '\0');
            back += text[0] == 'a';
        }
    }
    assert_in_range(back, 10, 60);
    disk_drop(disk);
}

static void folders_hold_names_of_their_own(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    struct io io = virtual_disk_io(disk);
    assert_int_equal(disk_open_file(disk, "/a/file", O_RDWR | O_CREAT), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(io.mkdir(io.self, "/a", 0700), 0);
    assert_int_equal(io.mkdir(io.self, "/a/b", 0700), 0);
    assert_int_equal(io.mkdir(io.self, "/a", 0700), -1);
    assert_int_equal(errno, EEXIST);
    assert_true(disk_open_file(disk, "/a/file", O_RDWR | O_CREAT) >= 0);
    assert_true(disk_open_file(disk, "/a/b/file", O_RDWR | O_CREAT) >= 0);
    assert_int_equal(io_sync_folder(&io, "/a"), 0);
    assert_int_equal(io_sync_folder(&io, "/a/../a/./.."), 0);
    disk_cut(disk);
    assert_true(disk_has(disk, "/a/file"));
    assert_true(disk_has(disk, "/a/b")); /* A folder's sync is for its own names only. */
    assert_int_equal(disk_open_file(disk, "/a/file/x", O_RDWR | O_CREAT), -1);
    disk_drop(disk);
}

/* Anything, for a while, with cuts and kills in between. */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_and_the_rest_is_zeros),
        cmocka_unit_test(synced_sectors_never_change),
        cmocka_unit_test(each_kind_of_loss_happens),
        cmocka_unit_test(a_sector_of_4096_bytes_is_lost_as_a_whole),
        cmocka_unit_test(a_killed_process_loses_nothing),
        cmocka_unit_test(what_a_killed_process_wrote_is_still_lost_with_the_power),
        cmocka_unit_test(the_size_is_the_old_the_new_or_one_between),
        cmocka_unit_test(a_name_is_durable_only_when_its_folder_was_synced),
        cmocka_unit_test(a_rename_is_done_or_not_done),
        cmocka_unit_test(an_unlink_may_be_taken_back_with_what_the_file_held),
        cmocka_unit_test(folders_hold_names_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
