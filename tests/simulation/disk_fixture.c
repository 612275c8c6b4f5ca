#include "tests/simulation/disk_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct virtual_disk *disk_new(uint64_t seed)
{
    struct virtual_disk *disk = calloc(1, sizeof *disk);
    assert_non_null(disk);
    struct virtual_disk_settings settings = {.seed = seed, .sector_bytes = SECTOR};
    virtual_disk_init(disk, &settings);
    return disk;
}

void disk_begin_again(struct virtual_disk *disk, uint64_t seed, uint32_t sector_bytes)
{
    struct virtual_disk_settings settings = {.seed = seed, .sector_bytes = sector_bytes};
    virtual_disk_init(disk, &settings);
}

void disk_drop(struct virtual_disk *disk)
{
    virtual_disk_close(disk);
    free(disk);
}

void disk_cut(struct virtual_disk *disk)
{
    virtual_disk_stop(disk);
    virtual_disk_restart(disk);
}

int disk_open_file(struct virtual_disk *disk, const char *path, int flags)
{
    struct io io = virtual_disk_io(disk);
    return io.open(io.self, path, flags, 0600);
}

void disk_sync_root(struct virtual_disk *disk)
{
    struct io io = virtual_disk_io(disk);
    assert_int_equal(io_sync_folder(&io, "/"), 0);
}

int disk_durable_file(struct virtual_disk *disk, const char *path, int sectors, int fill)
{
    struct io io = virtual_disk_io(disk);
    uint8_t bytes[SECTORS * SECTOR];
    memset(bytes, fill, sizeof bytes);
    int file = disk_open_file(disk, path, O_RDWR | O_CREAT);
    assert_true(file >= 0);
    assert_int_equal(io_write_full(&io, file, bytes, (size_t)sectors * SECTOR, 0), 0);
    assert_int_equal(io.fsync(io.self, file), 0);
    disk_sync_root(disk);
    return file;
}

void disk_fill(struct virtual_disk *disk, int file, int first, int count, int fill)
{
    struct io io = virtual_disk_io(disk);
    uint8_t bytes[SECTORS * SECTOR];
    memset(bytes, fill, sizeof bytes);
    assert_int_equal(io_write_full(&io, file, bytes, (size_t)count * SECTOR, (off_t)first * SECTOR), 0);
}

void disk_read(struct virtual_disk *disk, int file, char text[SECTORS + 1])
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

void disk_read_named(struct virtual_disk *disk, const char *path, char text[SECTORS + 1])
{
    struct io io = virtual_disk_io(disk);
    int file = disk_open_file(disk, path, O_RDONLY);
    assert_true(file >= 0);
    disk_read(disk, file, text);
    io.close(io.self, file);
}

bool disk_has(struct virtual_disk *disk, const char *path)
{
    struct io io = virtual_disk_io(disk);
    int file = disk_open_file(disk, path, O_RDONLY);
    if (file >= 0) {
        io.close(io.self, file);
    }
    return file >= 0;
}
