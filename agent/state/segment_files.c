#include "agent/state/segment_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/state/frame.h"
#include "agent/state/pages.h"

static const char *prefix_of(enum segment_file_kind kind)
{
    return kind == SEGMENT_FILE ? "segment-" : "spare-";
}

struct segment_path segment_path_of(const char *folder, enum segment_file_kind kind, uint32_t number)
{
    struct segment_path path;
    snprintf(path.text, sizeof path.text, "%.*s/%s%010u.log", SEGMENT_FOLDER_MAX, folder, prefix_of(kind),
             number);
    return path;
}

enum status segment_status_of_errno(int error)
{
    return error == ENOSPC || error == EDQUOT ? STATUS_NO_SPACE : STATUS_IO;
}

struct listing {
    enum segment_file_kind kind;
    struct segment_numbers *numbers;
    size_t seen;
};

/* False unless the name is exactly what segment_path_of makes. */
static bool number_of_name(enum segment_file_kind kind, const char *name, uint32_t *number)
{
    const char *prefix = prefix_of(kind);
    if (strncmp(name, prefix, strlen(prefix)) != 0) {
        return false;
    }
    uint64_t value = 0;
    const char *digit = name + strlen(prefix);
    for (int i = 0; i < 10; i++, digit++) {
        if (*digit < '0' || *digit > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(*digit - '0');
    }
    *number = (uint32_t)value;
    return value <= UINT32_MAX && strcmp(digit, ".log") == 0;
}

static void count_entry(void *context, const char *name)
{
    struct listing *listing = context;
    uint32_t number;
    listing->seen += number_of_name(listing->kind, name, &number) ? 1 : 0;
}

/* Keeps the numbers ascending; the folder lists them in nearly any order, and there are few. */
static void insert_entry(void *context, const char *name)
{
    struct listing *listing = context;
    struct segment_numbers *numbers = listing->numbers;
    uint32_t number;
    if (!number_of_name(listing->kind, name, &number) || numbers->count == numbers->capacity) {
        return;
    }
    size_t at = numbers->count++;
    while (at > 0 && numbers->numbers[at - 1] > number) {
        numbers->numbers[at] = numbers->numbers[at - 1];
        at--;
    }
    numbers->numbers[at] = number;
}

enum status segment_numbers_list(const struct io *io, const char *folder, enum segment_file_kind kind,
                                 struct segment_numbers *numbers)
{
    *numbers = (struct segment_numbers){0};
    struct listing listing = {.kind = kind, .numbers = numbers};
    if (io->list(io->self, folder, count_entry, &listing) != 0) {
        return errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_IO;
    }
    numbers->capacity = listing.seen + 8; /* A running agent may add some meanwhile. */
    numbers->numbers = pages_take(numbers->capacity * sizeof *numbers->numbers);
    if (numbers->numbers == NULL) {
        return STATUS_NO_MEMORY;
    }
    return io->list(io->self, folder, insert_entry, &listing) == 0 ? STATUS_OK : STATUS_IO;
}

void segment_numbers_free(struct segment_numbers *numbers)
{
    pages_give(numbers->numbers, numbers->capacity * sizeof *numbers->numbers);
    *numbers = (struct segment_numbers){0};
}

enum status segment_spare_create(const struct io *io, const char *folder, uint32_t number,
                                 uint64_t segment_bytes)
{
    struct segment_path path = segment_path_of(folder, SPARE_FILE, number);
    int file = io->open(io->self, path.text, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0) {
        return segment_status_of_errno(errno);
    }
    bool is_whole =
        io->fallocate(io->self, file, (off_t)segment_bytes) == 0 && io->fsync(io->self, file) == 0;
    enum status status = is_whole ? STATUS_OK : segment_status_of_errno(errno);
    io->close(io->self, file);
    if (!is_whole) {
        io->unlink(io->self, path.text);
    }
    return status;
}

enum status segment_blank(const struct io *io, const struct segment_path *path, uint64_t bytes)
{
    static const uint8_t zeros[FRAME_BLOCK_BYTES];
    int file = io->open(io->self, path->text, O_RDWR, 0);
    if (file < 0) {
        return segment_status_of_errno(errno);
    }
    int result = 0;
    for (uint64_t at = 0; at < bytes && result == 0; at += sizeof zeros) {
        result = io_write_full(io, file, zeros, sizeof zeros, (off_t)at);
    }
    bool is_blank = result == 0 && io->fsync(io->self, file) == 0;
    io->close(io->self, file);
    return is_blank ? STATUS_OK : STATUS_IO;
}

enum status segment_rename(const struct io *io, const struct segment_path *from,
                           const struct segment_path *to)
{
    return io->rename(io->self, from->text, to->text) == 0 ? STATUS_OK : segment_status_of_errno(errno);
}

int64_t segment_file_size(const struct io *io, const char *path)
{
    int file = io->open(io->self, path, O_RDONLY, 0);
    if (file < 0) {
        return -1;
    }
    int64_t size = io->file_size(io->self, file);
    io->close(io->self, file);
    return size;
}
