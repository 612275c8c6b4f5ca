#include "tests/fuzz/log_damage.h"

#include <stdio.h>
#include <string.h>

#include "agent/state/frame.h"

enum {
    STEPS_MOST = 24,
    SECTOR_BYTES = 512,
    FLIPS_MOST = 3, /* CRC-32 finds any three flips in a frame of up to 11 KB. */
    WRITE_MOST = 32,
    FORGED_PAYLOAD_MOST = 3000,
};

enum step {
    STEP_FLIP,
    STEP_ZERO_SECTOR,
    STEP_GARBAGE_SECTOR,
    STEP_SWAP_SECTORS,
    STEP_COPY_BLOCK,
    STEP_TRUNCATE,
    STEP_REMOVE,
    STEP_RENAME,
    STEP_WRITE, /* From here on they forge. */
    STEP_EDIT_HEADER,
    STEP_EDIT_PAYLOAD,
    STEP_RECHAIN,
    STEP_APPEND_FRAME,
};
enum { STEPS_OF_DISK = 8, STEPS = 13 };

struct work {
    struct fuzz_input *input;
    struct memory_files *files;
    struct memory_file *last; /* The segment that is being filled; */
    uint32_t end;             /* where its frames end. */
    enum damage_reach reach;
    int flips;
};

static bool is_segment(const struct memory_file *file)
{
    return strncmp(file->name, "segment-", 8) == 0;
}

/* Of the frame that begins there. */
static bool unpack_header(const struct memory_file *file, uint32_t offset, struct frame_header *header)
{
    return offset + FRAME_BLOCK_BYTES <= file->size &&
           frame_unpack(bytes_of(file->data + offset, FRAME_BLOCK_BYTES), header) == STATUS_OK;
}

static bool fits(const struct memory_file *file, uint32_t offset, const struct frame_header *header)
{
    return frame_bytes(header->stored_length) <= file->size - offset;
}

static void find_end(struct work *work)
{
    for (int i = 0; i < MEMORY_FILES_MAX; i++) {
        struct memory_file *file = &work->files->files[i];
        if (is_segment(file) && (work->last == NULL || strcmp(file->name, work->last->name) > 0)) {
            work->last = file;
        }
    }
    struct frame_header header;
    uint64_t frame = 0;
    while (work->last != NULL && unpack_header(work->last, work->end, &header) && header.frame > frame &&
           fits(work->last, work->end, &header)) {
        frame = header.frame;
        work->end += (uint32_t)frame_bytes(header.stored_length);
    }
}

static struct memory_file *take_file(struct work *work)
{
    uint8_t wanted = fuzz_u8(work->input);
    for (int i = 0; i < 2 * MEMORY_FILES_MAX; i++) {
        struct memory_file *file = &work->files->files[(wanted + i) % MEMORY_FILES_MAX];
        bool is_within = work->reach != REACH_TAIL || file == work->last || !is_segment(file);
        if (file->name[0] != '\0' && file->size > 0 && is_within) {
            return file;
        }
    }
    return work->last;
}

/* The first byte that may be changed. */
static uint32_t reach_of(const struct work *work, const struct memory_file *file)
{
    return work->reach == REACH_TAIL && file == work->last ? work->end : 0;
}

/* A multiple of `unit` within reach; false if there is none. */
static bool take_offset(struct work *work, const struct memory_file *file, uint32_t unit, uint32_t *offset)
{
    uint32_t from = reach_of(work, file);
    uint16_t wanted = fuzz_u16(work->input);
    if (from + unit > file->size) {
        return false;
    }
    *offset = from + wanted % ((file->size - from) / unit) * unit;
    return true;
}

static void flip(struct work *work)
{
    struct memory_file *file = take_file(work);
    uint32_t offset;
    uint8_t bit = fuzz_u8(work->input);
    if (take_offset(work, file, 1, &offset) && work->flips < FLIPS_MOST) {
        uint8_t flipped = (uint8_t)(file->data[offset] ^ 1U << (bit & 7));
        memory_file_write(file, offset, &flipped, 1);
        work->flips++;
    }
}

/* Nobody chooses what is in it. */
static void change_sector(struct work *work, bool is_garbage)
{
    struct memory_file *file = take_file(work);
    uint8_t sector[SECTOR_BYTES] = {0};
    uint32_t offset;
    uint32_t random = 2654435761U * (1U + fuzz_u8(work->input));
    for (size_t i = 0; is_garbage && i < sizeof sector; i++) {
        random = random * 1664525 + 1013904223;
        sector[i] = (uint8_t)(random >> 24);
    }
    if (take_offset(work, file, SECTOR_BYTES, &offset)) {
        memory_file_write(file, offset, sector, sizeof sector);
    }
}

static void swap_sectors(struct work *work)
{
    struct memory_file *left = take_file(work);
    struct memory_file *right = take_file(work);
    uint32_t left_offset, right_offset;
    uint8_t sector[SECTOR_BYTES];
    if (take_offset(work, left, SECTOR_BYTES, &left_offset) &&
        take_offset(work, right, SECTOR_BYTES, &right_offset)) {
        memcpy(sector, left->data + left_offset, sizeof sector);
        memory_file_write(left, left_offset, right->data + right_offset, sizeof sector);
        memory_file_write(right, right_offset, sector, sizeof sector);
    }
}

/* From anywhere, also into the tail: stale and repeated frames. */
static void copy_block(struct work *work)
{
    uint8_t number = fuzz_u8(work->input);
    uint8_t block = fuzz_u8(work->input);
    const struct memory_file *from = &work->files->files[number % MEMORY_FILES_MAX];
    struct memory_file *to = take_file(work);
    uint8_t copy[MEMORY_BLOCK_BYTES];
    uint32_t offset;
    memcpy(copy, from->data + block % (MEMORY_FILE_BYTES_MAX / MEMORY_BLOCK_BYTES) * MEMORY_BLOCK_BYTES,
           sizeof copy);
    if (take_offset(work, to, MEMORY_BLOCK_BYTES, &offset)) {
        memory_file_write(to, offset, copy, sizeof copy);
    }
}

static void truncate_file(struct work *work)
{
    struct memory_file *file = take_file(work);
    uint32_t from = reach_of(work, file);
    memory_file_truncate(file, from + fuzz_u16(work->input) % (file->size - from + 1));
}

static void remove_file(struct work *work)
{
    struct memory_file *file = take_file(work);
    if (work->reach != REACH_TAIL || !is_segment(file)) {
        memory_file_remove(file);
    }
}

static void rename_file(struct work *work)
{
    struct memory_file *file = take_file(work);
    char name[MEMORY_NAME_MAX];
    uint8_t number = fuzz_u8(work->input);
    /* A spare holds nothing but what the log has dropped: only a forger takes one for a segment, or the other
     * way. */
    bool is_to_segment = work->reach == REACH_ALL ? number >= 128 : is_segment(file);
    snprintf(name, sizeof name, "%s-%010u.log", is_to_segment ? "segment" : "spare", number & 15U);
    if (work->reach != REACH_TAIL || !is_segment(file)) {
        memory_file_rename(work->files, file, name);
    }
}

static void write_bytes(struct work *work)
{
    struct memory_file *file = take_file(work);
    uint32_t offset;
    uint8_t length = fuzz_u8(work->input) % WRITE_MOST;
    if (take_offset(work, file, 1, &offset)) {
        length = length < work->input->rest.length ? length : (uint8_t)work->input->rest.length;
        memory_file_write(file, offset, work->input->rest.data, length);
        work->input->rest = bytes_after(work->input->rest, length);
    }
}

static uint64_t take_number(struct work *work)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number |= (uint64_t)fuzz_u8(work->input) << (8 * i);
    }
    return number;
}

static void seal(struct memory_file *file, uint32_t offset, struct frame_header *header)
{
    if (fits(file, offset, header)) {
        static uint8_t frame[MEMORY_FILE_BYTES_MAX];
        uint32_t bytes = (uint32_t)frame_bytes(header->stored_length);
        memcpy(frame, file->data + offset, bytes);
        frame_seal(header, frame);
        memory_file_write(file, offset, frame, bytes);
    }
}

/* A number near one of the header's own, or any. */
static void edit_field(struct frame_header *header, uint8_t field, uint64_t number)
{
    switch (field % 14) {
    case 0: header->frame = number; return;
    case 1: header->durable_frame = number; return;
    case 2: header->first_seq = number; return;
    case 3: header->seq_count = (uint32_t)number; return;
    case 4: header->previous_crc = (uint32_t)number; return;
    case 5: header->clock_high = (instant_ms)number; return;
    case 6: header->outbox_cursor = number; return;
    case 7: header->pool_sequence_high = number; return;
    case 8: header->record_count = (uint32_t)number; return;
    case 9: header->raw_length = (uint32_t)number; return;
    case 10: header->stored_length = (uint32_t)number; return;
    case 11: header->compression = (number & 1) != 0 ? FRAME_ZLIB : FRAME_AS_IS; return;
    case 12: header->witness_count = (uint16_t)number; return;
    default: header->witness_depth = (uint16_t)number; return;
    }
}

static void edit_header(struct work *work)
{
    struct memory_file *file = take_file(work);
    struct frame_header header;
    uint32_t offset;
    if (!take_offset(work, file, FRAME_BLOCK_BYTES, &offset) || !unpack_header(file, offset, &header)) {
        return;
    }
    uint8_t field = fuzz_u8(work->input);
    edit_field(&header, field, take_number(work));
    seal(file, offset, &header);
}

static void edit_payload(struct work *work)
{
    struct memory_file *file = take_file(work);
    struct frame_header header;
    uint32_t offset;
    if (!take_offset(work, file, FRAME_BLOCK_BYTES, &offset) || !unpack_header(file, offset, &header) ||
        header.stored_length == 0) {
        return;
    }
    uint32_t at = fuzz_u16(work->input) % header.stored_length;
    for (uint8_t length = fuzz_u8(work->input) % WRITE_MOST; length > 0 && at < header.stored_length;
         length--) {
        uint8_t byte = fuzz_u8(work->input);
        memory_file_write(file, offset + FRAME_HEADER_BYTES + at++, &byte, 1);
    }
    seal(file, offset, &header);
}

/* Each frame of a file names the one before it, whatever was done to them. */
static void rechain(struct work *work)
{
    struct memory_file *file = take_file(work);
    struct frame_header header;
    uint32_t previous_crc = 0;
    bool is_first = true;
    uint32_t offset = 0;
    while (unpack_header(file, offset, &header) && fits(file, offset, &header)) {
        if (!is_first) {
            header.previous_crc = previous_crc;
            seal(file, offset, &header);
        }
        previous_crc = header.crc;
        is_first = false;
        offset += (uint32_t)frame_bytes(header.stored_length);
    }
}

/* The next frame, with the input's bytes for records. */
static void append_frame(struct work *work)
{
    struct frame_header last = {0}, header;
    uint32_t offset = 0;
    while (work->last != NULL && unpack_header(work->last, offset, &header) &&
           fits(work->last, offset, &header)) {
        last = header;
        offset += (uint32_t)frame_bytes(header.stored_length);
    }
    header = last;
    header.frame = last.frame + 1;
    header.durable_frame = last.frame;
    header.previous_crc = last.crc;
    header.first_seq = last.first_seq + last.seq_count;
    header.seq_count = fuzz_u8(work->input);
    header.record_count = fuzz_u8(work->input);
    header.witness_count = fuzz_u8(work->input) % 4;
    header.chain_before = last.chain_after;
    header.compression = FRAME_AS_IS;
    size_t length =
        work->input->rest.length < FORGED_PAYLOAD_MOST ? work->input->rest.length : FORGED_PAYLOAD_MOST;
    header.stored_length = (uint32_t)length;
    header.raw_length = header.stored_length;
    if (work->last != NULL && offset < work->last->size && fits(work->last, offset, &header)) {
        memory_file_write(work->last, offset + FRAME_HEADER_BYTES, work->input->rest.data, (uint32_t)length);
        seal(work->last, offset, &header);
    }
    work->input->rest = bytes_after(work->input->rest, length);
}

static void take_step(struct work *work, enum step step)
{
    switch (step) {
    case STEP_FLIP: flip(work); return;
    case STEP_ZERO_SECTOR: change_sector(work, false); return;
    case STEP_GARBAGE_SECTOR: change_sector(work, true); return;
    case STEP_SWAP_SECTORS: swap_sectors(work); return;
    case STEP_COPY_BLOCK: copy_block(work); return;
    case STEP_TRUNCATE: truncate_file(work); return;
    case STEP_REMOVE: remove_file(work); return;
    case STEP_RENAME: rename_file(work); return;
    case STEP_WRITE: write_bytes(work); return;
    case STEP_EDIT_HEADER: edit_header(work); return;
    case STEP_EDIT_PAYLOAD: edit_payload(work); return;
    case STEP_RECHAIN: rechain(work); return;
    case STEP_APPEND_FRAME: append_frame(work); return;
    }
}

void log_damage_apply(struct fuzz_input *input, struct memory_files *files, struct log_damage *damage)
{
    struct work work = {.input = input, .files = files, .reach = damage->reach};
    find_end(&work);
    for (int i = 0; i < STEPS_MOST && input->rest.length > 0 && work.last != NULL; i++) {
        unsigned steps = damage->reach == REACH_ALL ? STEPS : STEPS_OF_DISK;
        enum step step = (enum step)(fuzz_u8(input) % steps);
        bool is_forgery = step >= STEP_WRITE || (step == STEP_RENAME && damage->reach == REACH_ALL);
        damage->is_forged = damage->is_forged || is_forgery;
        take_step(&work, step);
    }
}
