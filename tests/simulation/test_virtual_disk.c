#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/simulation/virtual_disk.h"

enum { SECTOR = 512, SECTORS = 24, SEEDS = 400 };

static struct virtual_disk *new_disk(uint64_t seed)
{
    struct virtual_disk *disk = calloc(1, sizeof *disk);
    assert_non_null(disk);
    struct virtual_disk_settings settings = {.seed = seed, .sector_bytes = SECTOR};
    virtual_disk_init(disk, &settings);
    return disk;
}

static void begin_again(struct virtual_disk *disk, uint64_t seed, uint32_t sector_bytes)
{
    struct virtual_disk_settings settings = {.seed = seed, .sector_bytes = sector_bytes};
    virtual_disk_init(disk, &settings);
}

static void drop(struct virtual_disk *disk)
{
    virtual_disk_close(disk);
    free(disk);
}

static void cut(struct virtual_disk *disk)
{
    virtual_disk_stop(disk);
    virtual_disk_restart(disk);
}

static int open_file(struct virtual_disk *disk, const char *path, int flags)
{
    struct io io = virtual_disk_io(disk);
    return io.open(io.self, path, flags, 0600);
}

static void sync_root(struct virtual_disk *disk)
{
    struct io io = virtual_disk_io(disk);
    assert_int_equal(io_sync_folder(&io, "/"), 0);
}

/* A file of that name, durable, of so many sectors each full of `fill`. */
static int durable_file(struct virtual_disk *disk, const char *path, int sectors, int fill)
{
    struct io io = virtual_disk_io(disk);
    uint8_t bytes[SECTORS * SECTOR];
    memset(bytes, fill, sizeof bytes);
    int file = open_file(disk, path, O_RDWR | O_CREAT);
    assert_true(file >= 0);
    assert_int_equal(io_write_full(&io, file, bytes, (size_t)sectors * SECTOR, 0), 0);
    assert_int_equal(io.fsync(io.self, file), 0);
    sync_root(disk);
    return file;
}

static void fill_sectors(struct virtual_disk *disk, int file, int first, int count, int fill)
{
    struct io io = virtual_disk_io(disk);
    uint8_t bytes[SECTORS * SECTOR];
    memset(bytes, fill, sizeof bytes);
    assert_int_equal(io_write_full(&io, file, bytes, (size_t)count * SECTOR, (off_t)first * SECTOR), 0);
}

/* The byte a sector is full of, '?' for a mixture. */
static void read_sectors(struct virtual_disk *disk, int file, char text[SECTORS + 1])
{
    struct io io = virtual_disk_io(disk);
    uint8_t bytes[SECTORS * SECTOR];
    ssize_t count = io_read_full(&io, file, bytes, sizeof bytes, 0);
    assert_true(count >= 0 && count % SECTOR == 0);
    memset(text, 0, SECTORS + 1);
    for (int i = 0; i < count / SECTOR; i++) {
        const uint8_t *sector = bytes + i * SECTOR;
        text[i] = memcmp(sector, sector + 1, SECTOR - 1) == 0 ? (char)sector[0] : '?';
    }
}

static void file_sectors(struct virtual_disk *disk, const char *path, char text[SECTORS + 1])
{
    struct io io = virtual_disk_io(disk);
    int file = open_file(disk, path, O_RDONLY);
    assert_true(file >= 0);
    read_sectors(disk, file, text);
    io.close(io.self, file);
}

static bool exists(struct virtual_disk *disk, const char *path)
{
    struct io io = virtual_disk_io(disk);
    int file = open_file(disk, path, O_RDONLY);
    if (file >= 0) {
        io.close(io.self, file);
    }
    return file >= 0;
}

static void what_was_written_is_read_and_the_rest_is_zeros(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    struct io io = virtual_disk_io(disk);
    int file = open_file(disk, "/file", O_RDWR | O_CREAT);
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
    drop(disk);
}

static void synced_sectors_never_change(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin_again(disk, seed, SECTOR);
        int file = durable_file(disk, "/file", SECTORS, 'a');
        fill_sectors(disk, file, 8, 8, 'b');
        cut(disk);
        char text[SECTORS + 1];
        file_sectors(disk, "/file", text);
        assert_memory_equal(text, "aaaaaaaa", 8);
        assert_memory_equal(text + 16, "aaaaaaaa", 8);
        assert_int_equal(strlen(text), SECTORS);
        char again[SECTORS + 1];
        cut(disk);
        file_sectors(disk, "/file", again);
        assert_string_equal(text, again); /* What survived one cut survives the next. */
    }
    drop(disk);
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
    struct virtual_disk *disk = new_disk(1);
    struct losses losses = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin_again(disk, seed, SECTOR);
        int file = durable_file(disk, "/file", SECTORS, 'a');
        fill_sectors(disk, file, 0, SECTORS, 'b');
        fill_sectors(disk, file, 0, SECTORS, 'c');
        cut(disk);
        char text[SECTORS + 1];
        file_sectors(disk, "/file", text);
        count_loss(&losses, text);
    }
    assert_true(losses.none > 10 && losses.all > 10 && losses.suffix > 10 && losses.prefix > 10);
    assert_true(losses.mixed > 10 && losses.garbage > 10 && losses.between > 10);
    drop(disk);
}

static void a_sector_of_4096_bytes_is_lost_as_a_whole(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin_again(disk, seed, 4096);
        int file = durable_file(disk, "/file", SECTORS, 'a');
        fill_sectors(disk, file, 0, SECTORS, 'b');
        cut(disk);
        char text[SECTORS + 1];
        file_sectors(disk, "/file", text);
        for (int i = 0; i < SECTORS; i++) {
            char first = text[i / 8 * 8];
            assert_true(text[i] == first || strcspn(text + i / 8 * 8, "?") < 8);
        }
    }
    drop(disk);
}

static void a_killed_process_loses_nothing(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    int file = open_file(disk, "/file", O_RDWR | O_CREAT);
    fill_sectors(disk, file, 0, SECTORS, 'a');
    virtual_disk_kill(disk);
    char text[SECTORS + 1];
    file_sectors(disk, "/file", text);
    assert_int_equal(strspn(text, "a"), SECTORS);
    drop(disk);
}

static void what_a_killed_process_wrote_is_still_lost_with_the_power(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    int lost = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        begin_again(disk, seed, SECTOR);
        int file = durable_file(disk, "/file", SECTORS, 'a');
        fill_sectors(disk, file, 0, SECTORS, 'b');
        virtual_disk_kill(disk);
        cut(disk);
        char text[SECTORS + 1];
        file_sectors(disk, "/file", text);
        lost += strspn(text, "b") < SECTORS;
    }
    assert_in_range(lost, 50, 99);
    drop(disk);
}

static void the_size_is_the_old_the_new_or_one_between(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    int seen[SECTORS + 1] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin_again(disk, seed, SECTOR);
        int file = durable_file(disk, "/file", 2, 'a');
        fill_sectors(disk, file, 2, SECTORS - 2, 'b');
        cut(disk);
        char text[SECTORS + 1];
        file = open_file(disk, "/file", O_RDWR);
        struct io io = virtual_disk_io(disk);
        int64_t size = io.file_size(io.self, file);
        assert_true(size % SECTOR == 0 && size >= 2 * SECTOR && size <= SECTORS * SECTOR);
        seen[size / SECTOR]++;
        assert_int_equal(io.fallocate(io.self, file, SECTORS * SECTOR), 0);
        read_sectors(disk, file, text);
        for (int64_t i = size / SECTOR; i < SECTORS; i++) {
            assert_int_equal(text[i], '\0'); /* No bytes come back with the size. */
        }
    }
    assert_true(seen[2] > 20 && seen[SECTORS] > 20 && seen[5] + seen[10] > 0);
    drop(disk);
}

static void a_name_is_durable_only_when_its_folder_was_synced(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    struct io io = virtual_disk_io(disk);
    int there[3] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin_again(disk, seed, SECTOR);
        durable_file(disk, "/before", 1, 'a');
        assert_int_equal(io.fsync(io.self, open_file(disk, "/one", O_RDWR | O_CREAT)), 0);
        open_file(disk, "/two", O_RDWR | O_CREAT);
        cut(disk);
        assert_true(exists(disk, "/before"));
        assert_true(exists(disk, "/one") || !exists(disk, "/two")); /* In order. */
        there[exists(disk, "/one") + exists(disk, "/two")]++;
    }
    assert_true(there[0] > 20 && there[1] > 20 && there[2] > 20);
    drop(disk);
}

static void a_rename_is_done_or_not_done(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    struct io io = virtual_disk_io(disk);
    int renamed = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin_again(disk, seed, SECTOR);
        durable_file(disk, "/old", 1, 'o');
        durable_file(disk, "/new", 1, 'n');
        assert_int_equal(io.rename(io.self, "/new", "/old"), 0);
        assert_false(exists(disk, "/new"));
        cut(disk);
        char text[SECTORS + 1];
        file_sectors(disk, "/old", text);
        assert_int_equal(text[0], exists(disk, "/new") ? 'o' : 'n');
        renamed += text[0] == 'n';
    }
    assert_in_range(renamed, SEEDS / 4, SEEDS * 3 / 4);
    drop(disk);
}

static void an_unlink_may_be_taken_back_with_what_the_file_held(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    struct io io = virtual_disk_io(disk);
    int back = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        begin_again(disk, seed, SECTOR);
        assert_int_equal(io.close(io.self, durable_file(disk, "/file", SECTORS, 'a')), 0);
        assert_int_equal(io.unlink(io.self, "/file"), 0);
        open_file(disk, "/file", O_RDWR | O_CREAT);
        cut(disk);
        if (exists(disk, "/file")) {
            char text[SECTORS + 1];
            file_sectors(disk, "/file", text);
            assert_true(strspn(text, "a") == SECTORS || text[0] == '\0');
            back += text[0] == 'a';
        }
    }
    assert_in_range(back, 10, 60);
    drop(disk);
}

static void folders_hold_names_of_their_own(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    struct io io = virtual_disk_io(disk);
    assert_int_equal(open_file(disk, "/a/file", O_RDWR | O_CREAT), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(io.mkdir(io.self, "/a", 0700), 0);
    assert_int_equal(io.mkdir(io.self, "/a/b", 0700), 0);
    assert_int_equal(io.mkdir(io.self, "/a", 0700), -1);
    assert_int_equal(errno, EEXIST);
    assert_true(open_file(disk, "/a/file", O_RDWR | O_CREAT) >= 0);
    assert_true(open_file(disk, "/a/b/file", O_RDWR | O_CREAT) >= 0);
    assert_int_equal(io_sync_folder(&io, "/a"), 0);
    assert_int_equal(io_sync_folder(&io, "/a/../a/./.."), 0);
    cut(disk);
    assert_true(exists(disk, "/a/file"));
    assert_true(exists(disk, "/a/b")); /* A folder's sync is for its own names only. */
    assert_int_equal(open_file(disk, "/a/file/x", O_RDWR | O_CREAT), -1);
    drop(disk);
}

static void a_failed_sync_is_told_once_and_its_blocks_are_never_written(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    struct io io = virtual_disk_io(disk);
    int reached = 0, reverted = 0, stranded = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin_again(disk, seed, SECTOR);
        int file = durable_file(disk, "/file", 8, 'a');
        fill_sectors(disk, file, 0, 8, 'b');
        disk->faults.fail_sync_in = 1;
        assert_int_equal(io.fdatasync(io.self, file), -1);
        assert_int_equal(errno, EIO);
        assert_int_equal(io.fdatasync(io.self, file), 0);
        char before[SECTORS + 1], after[SECTORS + 1];
        read_sectors(disk, file, before);
        cut(disk);
        file_sectors(disk, "/file", after);
        assert_true(strspn(after, "a") == 8 || strspn(after, "b") == 8);
        reached += after[0] == 'b';
        reverted += before[0] == 'a';
        stranded += before[0] == 'b' && after[0] == 'a';
    }
    assert_true(reached > 50 && reverted > 50 && stranded > 50);
    drop(disk);
}

static void a_stranded_block_that_is_written_again_can_be_synced(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    struct io io = virtual_disk_io(disk);
    for (uint64_t seed = 1; seed <= 100; seed++) {
        begin_again(disk, seed, SECTOR);
        int file = durable_file(disk, "/file", 8, 'a');
        fill_sectors(disk, file, 0, 8, 'b');
        disk->faults.fail_sync_in = 1;
        assert_int_equal(io.fdatasync(io.self, file), -1);
        fill_sectors(disk, file, 7, 1, 'c');
        char before[SECTORS + 1], after[SECTORS + 1];
        read_sectors(disk, file, before);
        assert_int_equal(io.fdatasync(io.self, file), 0);
        cut(disk);
        file_sectors(disk, "/file", after);
        assert_string_equal(before, after);
        assert_int_equal(after[7], 'c');
    }
    drop(disk);
}

static void the_chosen_change_is_the_last(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    struct io io = virtual_disk_io(disk);
    int torn = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        begin_again(disk, seed, SECTOR);
        int file = durable_file(disk, "/file", SECTORS, 'a');
        uint8_t bytes[SECTORS * SECTOR];
        memset(bytes, 'b', sizeof bytes);
        disk->faults.cut_in = 2;
        assert_int_equal(io_write_full(&io, file, "a", 1, 0), 0);
        assert_int_equal(io_write_full(&io, file, bytes, sizeof bytes, 0), -1);
        assert_int_equal(errno, EIO);
        assert_int_equal(io.pread(io.self, file, bytes, 1, 0), -1);
        assert_int_equal(io.fsync(io.self, file), -1);
        assert_int_equal(open_file(disk, "/other", O_RDWR | O_CREAT), -1);
        assert_int_equal(io.unlink(io.self, "/file"), -1);
        assert_int_equal(io.close(io.self, file), 0);
        virtual_disk_restart(disk);
        char text[SECTORS + 1];
        file_sectors(disk, "/file", text);
        torn += strchr(text, 'a') != NULL && strchr(text, 'b') != NULL;
    }
    assert_in_range(torn, 20, 90);
    drop(disk);
}

static void space_ends_at_the_budget(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    struct io io = virtual_disk_io(disk);
    disk->settings.space_bytes = 3 * 4096;
    int file = open_file(disk, "/file", O_RDWR | O_CREAT);
    int other = open_file(disk, "/other", O_RDWR | O_CREAT);
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
    drop(disk);
}

static void a_read_fails_when_asked_to(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    struct io io = virtual_disk_io(disk);
    int file = durable_file(disk, "/file", 1, 'a');
    uint8_t byte;
    disk->faults.fail_read_in = 2;
    assert_int_equal(io.pread(io.self, file, &byte, 1, 0), 1);
    assert_int_equal(io.pread(io.self, file, &byte, 1, 0), -1);
    assert_int_equal(errno, EIO);
    assert_int_equal(io.pread(io.self, file, &byte, 1, 0), 1);
    drop(disk);
}

static void transfers_are_cut_short_and_interrupted(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    struct io io = virtual_disk_io(disk);
    int file = durable_file(disk, "/file", SECTORS, 'a');
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
    drop(disk);
}

static void one_handle_at_a_time_holds_the_lock(void **context)
{
    (void)context;
    struct virtual_disk *disk = new_disk(1);
    struct io io = virtual_disk_io(disk);
    int one = open_file(disk, "/lock", O_RDWR | O_CREAT);
    int other = open_file(disk, "/lock", O_RDWR | O_CREAT);
    assert_int_equal(io.lock(io.self, one), 0);
    assert_int_equal(io.lock(io.self, other), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    io.close(io.self, one);
    assert_int_equal(io.lock(io.self, other), 0);
    virtual_disk_kill(disk);
    one = open_file(disk, "/lock", O_RDWR);
    assert_int_equal(io.lock(io.self, one), 0);
    drop(disk);
}

/* Anything, for a while, with cuts and kills in between. */
static uint64_t live(struct virtual_disk *disk, uint64_t seed)
{
    begin_again(disk, seed, seed % 2 == 0 ? 512 : 4096);
    struct io io = virtual_disk_io(disk);
    struct dice dice = {.state = seed};
    for (int i = 0; i < 200; i++) {
        char path[8];
        snprintf(path, sizeof path, "/%u", dice_roll(&dice, 4));
        int file = open_file(disk, path, O_RDWR | O_CREAT);
        disk->faults.fail_sync_in = dice_roll(&dice, 8);
        io.pwrite(io.self, file, &dice, sizeof dice, dice_roll(&dice, 20000));
        if (dice_chance(&dice, 300)) {
            io.fdatasync(io.self, file);
        }
        io.close(io.self, file);
        switch (dice_roll(&dice, 10)) {
        case 0: virtual_disk_kill(disk); break;
        case 1: cut(disk); break;
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
    struct virtual_disk *disk = new_disk(1);
    uint64_t last = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t hash = live(disk, seed);
        assert_true(live(disk, seed) == hash);
        assert_true(hash != last);
        last = hash;
    }
    drop(disk);
}

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
        cmocka_unit_test(a_failed_sync_is_told_once_and_its_blocks_are_never_written),
        cmocka_unit_test(a_stranded_block_that_is_written_again_can_be_synced),
        cmocka_unit_test(the_chosen_change_is_the_last),
        cmocka_unit_test(space_ends_at_the_budget),
        cmocka_unit_test(a_read_fails_when_asked_to),
        cmocka_unit_test(transfers_are_cut_short_and_interrupted),
        cmocka_unit_test(one_handle_at_a_time_holds_the_lock),
        cmocka_unit_test(the_same_seed_gives_the_same_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
