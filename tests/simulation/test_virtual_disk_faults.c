#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/simulation/disk_fixture.h"

static void a_failed_sync_is_told_once_and_its_blocks_are_never_written(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    struct io io = virtual_disk_io(disk);
    int reached = 0, reverted = 0, stranded = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        disk_begin_again(disk, seed, SECTOR);
        int file = disk_durable_file(disk, "/file", 8, 'a');
        disk_fill(disk, file, 0, 8, 'b');
        disk->faults.fail_sync_in = 1;
        assert_int_equal(io.fdatasync(io.self, file), -1);
        assert_int_equal(errno, EIO);
        assert_int_equal(io.fdatasync(io.self, file), 0);
        char before[SECTORS + 1], after[SECTORS + 1];
        disk_read(disk, file, before);
        disk_cut(disk);
        disk_read_named(disk, "/file", after);
        assert_true(strspn(after, "a") == 8 || strspn(after, "b") == 8);
        reached += after[0] == 'b';
        reverted += before[0] == 'a';
        stranded += before[0] == 'b' && after[0] == 'a';
    }
    assert_true(reached > 50 && reverted > 50 && stranded > 50);
    disk_drop(disk);
}

static void a_stranded_block_that_is_written_again_can_be_synced(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    struct io io = virtual_disk_io(disk);
    for (uint64_t seed = 1; seed <= 100; seed++) {
        disk_begin_again(disk, seed, SECTOR);
        int file = disk_durable_file(disk, "/file", 8, 'a');
        disk_fill(disk, file, 0, 8, 'b');
        disk->faults.fail_sync_in = 1;
        assert_int_equal(io.fdatasync(io.self, file), -1);
        disk_fill(disk, file, 7, 1, 'c');
        char before[SECTORS + 1], after[SECTORS + 1];
        disk_read(disk, file, before);
        assert_int_equal(io.fdatasync(io.self, file), 0);
        disk_cut(disk);
        disk_read_named(disk, "/file", after);
        assert_string_equal(before, after);
        assert_int_equal(after[7], 'c');
    }
    disk_drop(disk);
}

static void the_chosen_change_is_the_last(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    struct io io = virtual_disk_io(disk);
    int torn = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        disk_begin_again(disk, seed, SECTOR);
        int file = disk_durable_file(disk, "/file", SECTORS, 'a');
        uint8_t bytes[SECTORS * SECTOR];
        memset(bytes, 'b', sizeof bytes);
        disk->faults.cut_in = 2;
        assert_int_equal(io_write_full(&io, file, "a", 1, 0), 0);
        assert_int_equal(io_write_full(&io, file, bytes, sizeof bytes, 0), -1);
        assert_int_equal(errno, EIO);
        assert_int_equal(io.pread(io.self, file, bytes, 1, 0), -1);
        assert_int_equal(io.fsync(io.self, file), -1);
        assert_int_equal(disk_open_file(disk, "/other", O_RDWR | O_CREAT), -1);
        assert_int_equal(io.unlink(io.self, "/file"), -1);
        assert_int_equal(io.close(io.self, file), 0);
        virtual_disk_restart(disk);
        char text[SECTORS + 1];
        disk_read_named(disk, "/file", text);
        torn += strchr(text, 'a') != NULL && strchr(text, 'b') != NULL;
    }
    assert_in_range(torn, 20, 90);
    disk_drop(disk);
}

static void space_ends_at_the_budget(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    struct io io = virtual_disk_io(disk);
    disk->settings.space_bytes = 3 * 4096;
    int file = disk_open_file(disk, "/file", O_RDWR | O_CREAT);
    int other = disk_open_file(disk, "/other", O_RDWR | O_CREAT);
    assert_int_equal(io.fallocate(io.self, file, 8192), 0);
    assert_int_equal(io.fallocate(io.self, other, 8192), -1);
    assert_int_equal(errno, ENOSPC);
    uint8_t bytes[8192] = {1};
    assert_int_equal(io.pwrite(io.self, other, bytes, sizeof bytes, 0), 4096);
    assert_int_equal(io.pwrite(io.self, other, bytes, 1, 4096), -1);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(io.pwrite(io.self, file, bytes, sizeof bytes, 0), sizeof bytes);
    assert_int_equal(io.close(io.self, file), 0);
    assert_int_equal(io.unlink(io.self, "/file"), 0);
    assert_int_equal(io.fallocate(io.self, other, 3 * 4096), 0);
    disk_drop(disk);
}

static void a_read_fails_when_asked_to(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    struct io io = virtual_disk_io(disk);
    int file = disk_durable_file(disk, "/file", 1, 'a');
    uint8_t byte;
    disk->faults.fail_read_in = 2;
    assert_int_equal(io.pread(io.self, file, &byte, 1, 0), 1);
    assert_int_equal(io.pread(io.self, file, &byte, 1, 0), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(io.pread(io.self, file, &byte, 1, 0), 1);
    disk_drop(disk);
}

static void rot_stays_whatever_a_power_cut_leaves(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    uint8_t noise[SECTOR];
    memset(noise, 'a' ^ 'r', sizeof noise);
    for (uint64_t seed = 1; seed <= 50; seed++) {
        disk_begin_again(disk, seed, SECTOR);
        int file = disk_durable_file(disk, "/file", 16, 'a');
        disk_fill(disk, file, 9, 1, 'b');
        virtual_disk_rot(disk, "/file", 8 * SECTOR, bytes_of(noise, sizeof noise));
        char text[SECTORS + 1];
        disk_read(disk, file, text);
        assert_string_equal(text, "aaaaaaaarbaaaaaa");
        disk_cut(disk);
        disk_read_named(disk, "/file", text);
        assert_memory_equal(text, "aaaaaaaar", 9);
        virtual_disk_rot(disk, "/file", 8 * SECTOR, bytes_of(noise, sizeof noise));
        disk_read_named(disk, "/file", text);
        assert_memory_equal(text, "aaaaaaaaa", 9);
    }
    disk_drop(disk);
}

static void what_cannot_be_read_can_be_when_it_is_written_or_healed(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    struct io io = virtual_disk_io(disk);
    int file = disk_durable_file(disk, "/file", 16, 'a');
    int other = disk_durable_file(disk, "/other", 16, 'a');
    uint8_t byte = 0;
    assert_true(virtual_disk_make_unreadable(disk, "/file", SECTOR, SECTOR));
    assert_true(virtual_disk_make_unreadable(disk, "/file", 4 * SECTOR, SECTOR));
    assert_int_equal(io.pread(io.self, file, &byte, 1, SECTOR - 1), 1);
    assert_int_equal(io.pread(io.self, file, &byte, 1, SECTOR), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(io.pread(io.self, file, &byte, 1, 2 * SECTOR), 1);
    assert_int_equal(io.pread(io.self, other, &byte, 1, SECTOR), 1);
    virtual_disk_kill(disk);
    file = disk_open_file(disk, "/file", O_RDWR);
    assert_int_equal(io.pread(io.self, file, &byte, 1, SECTOR), -1);
    disk_fill(disk, file, 1, 1, 'b');
    assert_int_equal(io.pread(io.self, file, &byte, 1, SECTOR), 1);
    assert_int_equal(io.pread(io.self, file, &byte, 1, 4 * SECTOR), -1);
    virtual_disk_make_readable(disk);
    assert_int_equal(io.pread(io.self, file, &byte, 1, 4 * SECTOR), 1);
    disk_drop(disk);
}

static void transfers_are_cut_short_and_interrupted(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    struct io io = virtual_disk_io(disk);
    int file = disk_durable_file(disk, "/file", SECTORS, 'a');
    disk->settings.interrupted_per_mille = 500;
    int partial = 0, interrupted = 0;
    uint8_t bytes[1000] = {0};
    for (int i = 0; i < 200; i++) {
        ssize_t count = i % 2 == 0 ? io.pread(io.self, file, bytes, sizeof bytes, 0)
                                   : io.pwrite(io.self, file, bytes, sizeof bytes, 0);
        assert_true(count > 0 || errno == EINTR);
        interrupted += count < 0;
        partial += count > 0 && count < 1000;
    }
    assert_true(partial > 20 && interrupted > 20);
    disk_drop(disk);
}

static void one_handle_at_a_time_holds_the_lock(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    struct io io = virtual_disk_io(disk);
    int one = disk_open_file(disk, "/lock", O_RDWR | O_CREAT);
    int other = disk_open_file(disk, "/lock", O_RDWR | O_CREAT);
    assert_int_equal(io.lock(io.self, one), 0);
    assert_int_equal(io.lock(io.self, other), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    io.close(io.self, one);
    assert_int_equal(io.lock(io.self, other), 0);
    virtual_disk_kill(disk);
    one = disk_open_file(disk, "/lock", O_RDWR);
    assert_int_equal(io.lock(io.self, one), 0);
    disk_drop(disk);
}

static uint64_t live(struct virtual_disk *disk, uint64_t seed)
{
    disk_begin_again(disk, seed, seed % 2 == 0 ? 512 : 4096);
    struct io io = virtual_disk_io(disk);
    struct dice dice = {.state = seed};
    for (int i = 0; i < 200; i++) {
        char path[8];
        snprintf(path, sizeof path, "/%u", dice_roll(&dice, 4));
        int file = disk_open_file(disk, path, O_RDWR | O_CREAT);
        disk->faults.fail_sync_in = dice_roll(&dice, 8);
        io.pwrite(io.self, file, &dice, sizeof dice, dice_roll(&dice, 20000));
        if (dice_chance(&dice, 300)) {
            io.fdatasync(io.self, file);
        }
        io.close(io.self, file);
        switch (dice_roll(&dice, 10)) {
        case 0: virtual_disk_kill(disk); break;
        case 1: disk_cut(disk); break;
        case 2: io_sync_folder(&io, "/"); break;
        case 3: io.unlink(io.self, path); break;
        case 4: io.rename(io.self, path, "/0"); break;
        default: break;
        }
    }
    return virtual_disk_hash(disk);
}

static void the_same_seed_gives_the_same_disk(void **context)
{
    (void)context;
    struct virtual_disk *disk = disk_new(1);
    uint64_t last = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t hash = live(disk, seed);
        assert_true(live(disk, seed) == hash);
        assert_true(hash != last);
        last = hash;
    }
    disk_drop(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_sync_is_told_once_and_its_blocks_are_never_written),
        cmocka_unit_test(a_stranded_block_that_is_written_again_can_be_synced),
        cmocka_unit_test(the_chosen_change_is_the_last),
        cmocka_unit_test(space_ends_at_the_budget),
        cmocka_unit_test(a_read_fails_when_asked_to),
        cmocka_unit_test(rot_stays_whatever_a_power_cut_leaves),
        cmocka_unit_test(what_cannot_be_read_can_be_when_it_is_written_or_healed),
        cmocka_unit_test(transfers_are_cut_short_and_interrupted),
        cmocka_unit_test(one_handle_at_a_time_holds_the_lock),
        cmocka_unit_test(the_same_seed_gives_the_same_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
