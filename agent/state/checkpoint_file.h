/* The file `index` in the log's folder: written and read front to back, with one checksum over all of it.
 * docs/state-format.md gives the bytes. */
#ifndef FLYBALL_STATE_CHECKPOINT_FILE_H
#define FLYBALL_STATE_CHECKPOINT_FILE_H

#include "agent/state/segment_files.h"
#include "base/pack.h"

enum {
    CHECKPOINT_BUFFER_BYTES = 64 << 10,
    CHECKPOINT_PIECE_MOST = 64, /* What one call may pack or unpack, at most. */
};

/* Errors stick; the first one is in `status`. */
struct checkpoint_writer {
    const struct io *io;
    const char *folder;
    int file; /* -1: none. */
    uint8_t *buffer;
    struct packer packer;
    uint64_t offset;
    uint32_t crc;
    enum status status;
};

/* Begins `index.new`; `buffer` has CHECKPOINT_BUFFER_BYTES. */
void checkpoint_writer_open(struct checkpoint_writer *writer, const struct io *io, const char *folder,
                            uint8_t *buffer);

/* Where to pack the next piece. */
struct packer *checkpoint_writer_piece(struct checkpoint_writer *writer);

/* Whether the next piece needs no writing: it may be packed with a lock held. */
bool checkpoint_writer_has_room(const struct checkpoint_writer *writer);
void checkpoint_writer_flush(struct checkpoint_writer *writer);

/* Makes the file durable and takes the old one's place, or leaves the old one. `bytes` is its size. */
MUST_USE enum status checkpoint_writer_close(struct checkpoint_writer *writer, uint64_t *bytes);

struct checkpoint_reader {
    const struct io *io;
    int file;
    uint8_t *buffer;
    struct bytes rest; /* Read and not yet unpacked. */
    uint64_t offset;   /* Where to read on. */
    uint64_t end;      /* Where the content ends. */
};

/* STATUS_NOT_FOUND, STATUS_IO; STATUS_CORRUPT when the checksum is wrong. */
MUST_USE enum status checkpoint_reader_open(struct checkpoint_reader *reader, const struct io *io,
                                            const char *folder, uint8_t *buffer);

/* From where to unpack the next `length` bytes, at most a piece. Fewer at the end. */
struct unpacker checkpoint_reader_piece(struct checkpoint_reader *reader, size_t length);
bool checkpoint_reader_is_done(const struct checkpoint_reader *reader);
void checkpoint_reader_close(struct checkpoint_reader *reader);

#endif
