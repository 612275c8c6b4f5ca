#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static int make_folder(void **context)
{
    (void)context;
    strcpy(folder, "/tmp/flyball-io-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static void remove_entry(void *context, const char *name)
{
    (void)context;
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

static int remove_folder(void **context)
{
    (void)context;
    struct io io = io_posix();
    io.list(io.self, folder, remove_entry, NULL);
    return rmdir(folder);
}

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void count_entry(void *context, const char *name)
{
    assert_string_not_equal(name, ".");
    assert_string_not_equal(name, "..");
    (*(int *)context)++;
}

/* A file system that interrupts every other call and moves one byte at a time. */
struct slow_disk {
    uint8_t bytes[64];
    size_t length;
    unsigned calls;
    unsigned writes_until_full; /* 0: never full. */
};

static bool is_interrupted(struct slow_disk *disk)
{
    errno = EINTR;
    return disk->calls++ % 2 == 0;
}

static ssize_t slow_pread(void *self, int file, void *buffer, size_t size, off_t offset)
{
    struct slow_disk *disk = self;
    (void)file;
    if (is_interrupted(disk)) {
        return -1;
    }
    if (size == 0 || (size_t)offset >= disk->length) {
        return 0;
    }
    *(uint8_t *)buffer = disk->bytes[offset];
    return 1;
}

static ssize_t slow_pwrite(void *self, int file, const void *buffer, size_t size, off_t offset)
{
    struct slow_disk *disk = self;
    (void)file;
    (void)size;
    if (is_interrupted(disk)) {
        return -1;
    }
    if (disk->writes_until_full > 0 && --disk->writes_until_full == 0) {
        errno = ENOSPC;
        return -1;
    }
    disk->bytes[offset] = *(const uint8_t *)buffer;
    disk->length = (size_t)offset + 1 > disk->length ? (size_t)offset + 1 : disk->length;
    return 1;
}

static void interruptions_and_short_transfers_are_repeated(void **context)
{
    (void)context;
    struct slow_disk disk = {.length = 0};
    struct io io = {.pread = slow_pread, .pwrite = slow_pwrite, .self = &disk};
    char read[32];
    assert_int_equal(io_write_full(&io, 3, "0123456789", 10, 5), 0);
    assert_memory_equal(disk.bytes + 5, "0123456789", 10);
    assert_int_equal(io_read_full(&io, 3, read, 10, 5), 10);
    assert_memory_equal(read, "0123456789", 10);
    assert_int_equal(io_read_full(&io, 3, read, sizeof read, 7), 8); /* The file ends. */
    assert_int_equal(io_read_full(&io, 3, read, 0, 0), 0);
}

static void a_failure_half_way_is_a_failure(void **context)
{
    (void)context;
    struct slow_disk disk = {.writes_until_full = 4};
    struct io io = {.pread = slow_pread, .pwrite = slow_pwrite, .self = &disk};
    assert_int_equal(io_write_full(&io, 3, "0123456789", 10, 0), -1);
    assert_int_equal(errno, ENOSPC);
}

static ssize_t stuck_pwrite(void *self, int file, const void *buffer, size_t size, off_t offset)
{
    (void)self;
    (void)file;
    (void)buffer;
    (void)size;
    (void)offset;
    return 0;
}

static void a_disk_that_takes_nothing_is_an_error_with_a_number(void **context)
{
    (void)context;
    struct io io = {.pwrite = stuck_pwrite};
    errno = 0;
    assert_int_equal(io_write_full(&io, 3, "x", 1, 0), -1);
    assert_int_equal(errno, EIO);
}

static void a_replaced_file_holds_the_new_bytes_and_leaves_nothing_behind(void **context)
{
    (void)context;
    struct io io = io_posix();
    char read[32];
    assert_int_equal(io_replace_file(&io, path_of("settings"), "first one", 9), 0);
    assert_int_equal(io_replace_file(&io, path_of("settings"), "second", 6), 0);
    int file = io.open(io.self, path_of("settings"), O_RDONLY, 0);
    assert_true(file >= 0);
    assert_int_equal(io.file_size(io.self, file), 6);
    assert_int_equal(io_read_full(&io, file, read, sizeof read, 0), 6);
    assert_memory_equal(read, "second", 6);
    io.close(io.self, file);
    int entries = 0;
    assert_int_equal(io.list(io.self, folder, count_entry, &entries), 0);
    assert_int_equal(entries, 1);
}

static void a_file_of_the_current_folder_can_be_replaced(void **context)
{
    (void)context;
    struct io io = io_posix();
    char before[1024];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(io_replace_file(&io, "plain", "", 0), 0);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(access(path_of("plain"), F_OK), 0);
}

/* The rename itself is refused; everything before it was done. */
static int refuse_rename(void *self, const char *from, const char *to)
{
    (void)self;
    (void)from;
    (void)to;
    errno = EACCES;
    return -1;
}

static void a_failed_replacement_keeps_the_old_file_and_says_why(void **context)
{
    (void)context;
    struct io io = io_posix();
    assert_int_equal(io_replace_file(&io, path_of("kept"), "old", 3), 0);
    io.rename = refuse_rename;
    assert_int_equal(io_replace_file(&io, path_of("kept"), "newer", 5), -1);
    assert_int_equal(errno, EACCES);
    int file = io.open(io.self, path_of("kept"), O_RDONLY, 0);
    assert_int_equal(io.file_size(io.self, file), 3);
    io.close(io.self, file);
    assert_int_not_equal(access(path_of("kept.new"), F_OK), 0);
}

static void replacing_in_a_folder_that_is_not_there_fails(void **context)
{
    (void)context;
    struct io io = io_posix();
    char path[5000];
    assert_int_equal(io_replace_file(&io, path_of("none/settings"), "x", 1), -1);
    assert_int_equal(errno, ENOENT);
    memset(path, 'p', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_int_equal(io_replace_file(&io, path, "x", 1), -1);
    assert_int_equal(errno, ENAMETOOLONG);
}

static void a_lock_excludes_a_second_opening(void **context)
{
    (void)context;
    struct io io = io_posix();
    int first = io.open(io.self, path_of("lock"), O_RDWR | O_CREAT, 0600);
    int second = io.open(io.self, path_of("lock"), O_RDWR, 0600);
    assert_int_equal(io.lock(io.self, first), 0);
    assert_int_equal(io.lock(io.self, second), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    io.close(io.self, first);
    assert_int_equal(io.lock(io.self, second), 0);
    io.close(io.self, second);
}

static void files_are_allocated_and_cut(void **context)
{
    (void)context;
    struct io io = io_posix();
    int file = io.open(io.self, path_of("segment"), O_RDWR | O_CREAT, 0600);
    assert_int_equal(io.fallocate(io.self, file, 8192), 0);
    assert_int_equal(io.file_size(io.self, file), 8192);
    assert_int_equal(io.ftruncate(io.self, file, 10), 0);
    assert_int_equal(io.file_size(io.self, file), 10);
    assert_int_equal(io.fdatasync(io.self, file), 0);
    io.close(io.self, file);
    errno = 0;
    assert_int_equal(io.fallocate(io.self, -1, 8192), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(io.file_size(io.self, -1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interruptions_and_short_transfers_are_repeated),
        cmocka_unit_test(a_failure_half_way_is_a_failure),
        cmocka_unit_test(a_disk_that_takes_nothing_is_an_error_with_a_number),
        cmocka_unit_test_setup_teardown(a_replaced_file_holds_the_new_bytes_and_leaves_nothing_behind,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_file_of_the_current_folder_can_be_replaced, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_failed_replacement_keeps_the_old_file_and_says_why, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(replacing_in_a_folder_that_is_not_there_fails, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_lock_excludes_a_second_opening, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(files_are_allocated_and_cut, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
