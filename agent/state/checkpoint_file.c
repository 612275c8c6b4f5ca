#include "agent/state/checkpoint_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { CRC_BYTES = 4 };

static struct segment_path path_of(const char *folder, const char *suffix)
{
    struct segment_path path;
    snprintf(path.text, sizeof path.text, "%s/index%s", folder, suffix);
    return path;
}

void checkpoint_writer_open(struct checkpoint_writer *writer, const struct io *io, const char *folder,
                            uint8_t *buffer)
{
    struct segment_path path = path_of(folder, ".new");
    *writer = (struct checkpoint_writer){
        .io = io, .folder = folder, .buffer = buffer, .packer = packer_of(buffer, CHECKPOINT_BUFFER_BYTES)};
    writer->file = io->open(io->self, path.text, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (writer->file < 0) {
        writer->status = segment_status_of_errno(errno);
    }
}

bool checkpoint_writer_has_room(const struct checkpoint_writer *writer)
{
    return writer->packer.length + CHECKPOINT_PIECE_MOST <= CHECKPOINT_BUFFER_BYTES;
}

void checkpoint_writer_flush(struct checkpoint_writer *writer)
{
    struct bytes bytes = packer_bytes(&writer->packer);
    writer->crc = (uint32_t)crc32_z(writer->crc, bytes.data, bytes.length);
    if (writer->status == STATUS_OK &&
        io_write_full(writer->io, writer->file, bytes.data, bytes.length, (off_t)writer->offset) != 0) {
        writer->status = segment_status_of_errno(errno);
    }
    writer->offset += bytes.length;
    writer->packer = packer_of(writer->buffer, CHECKPOINT_BUFFER_BYTES);
}

struct packer *checkpoint_writer_piece(struct checkpoint_writer *writer)
{
    if (!checkpoint_writer_has_room(writer)) {
        checkpoint_writer_flush(writer);
    }
    return &writer->packer;
}

static enum status replace_old(const struct checkpoint_writer *writer)
{
    const struct io *io = writer->io;
    struct segment_path from = path_of(writer->folder, ".new");
    struct segment_path to = path_of(writer->folder, "");
    bool is_replaced =
        io->rename(io->self, from.text, to.text) == 0 && io_sync_folder(io, writer->folder) == 0;
    return is_replaced ? STATUS_OK : STATUS_IO;
}

enum status checkpoint_writer_close(struct checkpoint_writer *writer, uint64_t *bytes)
{
    const struct io *io = writer->io;
    checkpoint_writer_flush(writer);
    pack_u32(&writer->packer, writer->crc);
    checkpoint_writer_flush(writer);
    *bytes = writer->offset;
    if (writer->status == STATUS_OK && io->fsync(io->self, writer->file) != 0) {
        writer->status = STATUS_IO; /* This file is thrown away: the next one is a new one. */
    }
    if (writer->file >= 0) {
        io->close(io->self, writer->file);
    }
    if (writer->status == STATUS_OK) {
        return replace_old(writer);
    }
    struct segment_path path = path_of(writer->folder, ".new");
    io->unlink(io->self, path.text);
    return writer->status;
}

/* Reads on; false when nothing comes. */
static bool refill(struct checkpoint_reader *reader)
{
    size_t kept = reader->rest.length;
    memmove(reader->buffer, reader->rest.data, kept);
    uint64_t left = reader->end - reader->offset;
    size_t wanted = CHECKPOINT_BUFFER_BYTES - kept;
    wanted = left < wanted ? (size_t)left : wanted;
    ssize_t count =
        io_read_full(reader->io, reader->file, reader->buffer + kept, wanted, (off_t)reader->offset);
    if (count <= 0) {
        return false;
    }
    reader->offset += (uint64_t)count;
    reader->rest = bytes_of(reader->buffer, kept + (size_t)count);
    return true;
}

/* Also brings the whole file into the page cache, for the reading that follows. */
static enum status check(struct checkpoint_reader *reader)
{
    uint32_t crc = 0;
    while (reader->offset < reader->end) {
        reader->rest = bytes_of(reader->buffer, 0);
        if (!refill(reader)) {
            return STATUS_IO;
        }
        crc = (uint32_t)crc32_z(crc, reader->rest.data, reader->rest.length);
    }
    uint8_t stored[CRC_BYTES];
    if (io_read_full(reader->io, reader->file, stored, sizeof stored, (off_t)reader->end) != CRC_BYTES) {
        return STATUS_IO;
    }
    struct unpacker unpacker = unpacker_of(bytes_of(stored, sizeof stored));
    return unpack_u32(&unpacker) == crc ? STATUS_OK : STATUS_CORRUPT;
}

enum status checkpoint_reader_open(struct checkpoint_reader *reader, const struct io *io, const char *folder,
                                   uint8_t *buffer)
{
    struct segment_path path = path_of(folder, "");
    *reader = (struct checkpoint_reader){.io = io, .buffer = buffer, .rest = bytes_of(buffer, 0)};
    reader->file = io->open(io->self, path.text, O_RDONLY, 0);
    if (reader->file < 0) {
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
    }
    int64_t size = io->file_size(io->self, reader->file);
    if (size < CRC_BYTES) {
        return size < 0 ? STATUS_IO : STATUS_CORRUPT;
    }
    reader->end = (uint64_t)size - CRC_BYTES;
    enum status status = check(reader);
    reader->offset = 0;
    reader->rest = bytes_of(buffer, 0);
    return status;
}

struct unpacker checkpoint_reader_piece(struct checkpoint_reader *reader, size_t length)
{
    if (reader->rest.length < length) {
        refill(reader);
    }
    size_t given = length < reader->rest.length ? length : reader->rest.length;
    struct unpacker unpacker = unpacker_of(bytes_of(reader->rest.data, given));
    reader->rest = bytes_after(reader->rest, given);
    return unpacker;
}

bool checkpoint_reader_is_done(const struct checkpoint_reader *reader)
{
    return reader->rest.length == 0 && reader->offset == reader->end;
}

void checkpoint_reader_close(struct checkpoint_reader *reader)
{
    if (reader->file >= 0) {
        reader->io->close(reader->io->self, reader->file);
    }
    reader->file = -1;
}
