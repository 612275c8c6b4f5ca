/* The state log: an append-only, compressed, checksummed record of what was decided. It is the ledger, the
 * outbox and the store of subjects at once. docs/state-format.md describes the bytes; reader.h reads them
 * back. Any thread may call anything, but one thread at a time commits, and one thread at a time drops. */
#ifndef FLYBALL_STATE_STATE_LOG_H
#define FLYBALL_STATE_STATE_LOG_H

#include <pthread.h>
#include <stdatomic.h>

#include "agent/state/batch.h"
#include "agent/state/checkpoint.h"
#include "agent/state/compression.h"
#include "agent/state/damage.h"
#include "agent/state/frame.h"
#include "agent/state/frame_cache.h"
#include "agent/state/ledger_chain.h"
#include "agent/state/recent.h"
#include "agent/state/record.h"
#include "agent/state/segment.h"
#include "agent/state/subject_index.h"
#include "agent/state/witness.h"
#include "base/hash.h"
#include "base/io.h"

enum {
    STATE_LOG_SETBACKS_MAX = 4096,             /* Noted at a time. */
    SUBJECTS_BEYOND = 256,                     /* Schedulers may race past subjects_max by a few. */
    STATE_LOG_BATCH_MAX = FRAME_RAW_MAX / 2,   /* batch_bytes, at most. */
    STATE_LOG_RECORD_OVERHEAD = RECORD_CHARGE, /* Of each record in a transaction. */
};

enum log_durability { DURABILITY_FSYNC, DURABILITY_OS };

struct state_log_settings {
    const char *folder; /* Made if missing; locked against a second agent. Borrowed until close. */
    struct io io;
    enum log_durability durability;
    uint64_t segment_bytes; /* A multiple of 4096; 64 KiB to 256 MiB. */
    uint64_t max_bytes;     /* The budget of all segments, two reserved ones included; at least 4 segments. */
    int compression;        /* zlib's 0-9; 0 stores as is. */
    uint32_t batch_bytes;   /* Uncompressed bytes of one frame's records, at most; two such batches are held.
                             * From 4096 to state_log_batch_most(segment_bytes). */
    uint32_t subjects_max;  /* Size of the index. */
    uint64_t retention_ms;  /* A segment whose frames are all older may be compacted away; 0: none. */
    uint64_t retention_bytes; /* The oldest segment may be, when all together are larger; 0: max_bytes. */
    uint64_t recent_bytes;    /* Committed frames kept uncompressed in memory for the publisher; 0: none. */
    struct hash_key hash_key; /* Of the index, in memory only: random in production, fixed in simulations. */
    uint64_t subject_hash_mask; /* Tests: the bits of a subject's hash to use; 0: all. */
};

struct state_log_report {
    uint64_t frames;
    uint64_t records;
    uint64_t subjects;   /* Left 0 by state_log_scan. */
    uint64_t torn_bytes; /* Cut off at the end: never acknowledged. */
    uint64_t last_seq;
    struct sha256 chain;    /* The ledger chain's head. */
    struct damages damages; /* Lost frames. */
    /* Behind the end, at `end_offset` of `end_segment` or in a later file, lies what is no whole frame: a
     * write that a crash cut short, or damage to the last frames, of which no checkpoint knew. Only told by
     * state_log_scan. */
    bool has_tail;
    uint32_t end_segment;
    uint64_t end_offset;
    bool is_cut_short;     /* The scan ended before the log's end; `message` says why. Only told by
                              state_log_scan. */
    bool index_is_damaged; /* The checkpoint: harmless, the log is read instead. Only told by state_log_scan.
                            */
    char message[256];     /* On failure: what is wrong, where, what to do. */
};

struct state_log_stats {
    uint64_t commits;      /* Since open. */
    uint64_t raw_bytes;    /* Of those frames, before compression. */
    uint64_t stored_bytes; /* Of those frames, as written, padding included. */
    uint64_t used_bytes;   /* Segments that hold frames. */
    uint64_t file_bytes;   /* All files, reserved ones included. */
    uint32_t subjects;
    uint32_t spare_segments;
};

/* The oldest segment, for compaction. */
struct segment_range {
    uint64_t first_frame;
    uint64_t last_frame;
    uint64_t live_images; /* Subjects whose latest image lies in it. */
    bool needed;          /* Space is short, or its time is over: compact now. */
};

/* Private to the log's own sources, but for its size. */
struct state_log {
    struct state_log_settings settings;
    int lock_file;
    enum status failure;      /* STATUS_OK, or STATUS_IO for good. */
    pthread_mutex_t lock;     /* Guards all below, except what only the committing thread touches. */
    pthread_cond_t room;      /* The open batch was taken. */
    pthread_cond_t work;      /* There is something to commit. */
    pthread_cond_t committed; /* Something was committed. */
    bool is_shut;
    bool is_marked;      /* A frame is wanted even without records. */
    bool is_disk_full;   /* The last spare could not be made. */
    bool is_stuck;       /* The batch being written found no space; */
    bool may_retry;      /* and some was regained since. */
    bool has_ruins;      /* There are files of damaged segments without one whole frame. */
    bool needs_repair;   /* Damaged frames may hold latest images. */
    uint32_t idle_drops; /* Segments dropped, */
    uint64_t
        news_bytes; /* and bytes of frames with more than images and copies, since both were counted anew. */
    struct batch batches[2];
    struct batch *open;
    struct batch *writing; /* NULL: none. */
    struct subject_index index;
    struct segments segments;
    struct recent recent;
    struct checkpoint checkpoint;
    struct frame_cache scout; /* For telling subjects with equal hashes apart. */
    size_t frame_most;        /* Records of the largest frame a reader may meet, in bytes. */
    struct damages damages;   /* Frames that cannot be read, and later ones can. */
    record_ref *setbacks;     /* Earlier images that took the place of latest ones that were lost. */
    uint32_t setback_count;
    uint32_t subjects_set_back;
    uint64_t blind_frames; /* Lost frames of which nobody knows whose images they held. */
    uint64_t committed_frame;
    uint64_t told_frame;      /* The last whose records were told when it was committed. */
    record_ref committed_ref; /* The last committed record. */
    uint64_t pool_sequence_high;
    struct state_log_stats stats;
    _Atomic uint64_t last_seq;
    _Atomic instant_ms clock_high;
    _Atomic record_ref outbox_cursor;
    _Atomic uint32_t subjects;
    /* The committing thread's. */
    int file;                   /* Of the last segment; -1: none. */
    struct frame_header header; /* Of the frame being written; header.crc of the last one after. */
    uint8_t *frame;
    struct deflater deflater;
    struct witnesses witnesses;
    uint8_t *witness_bytes; /* As the frame being written will have them. */
    uint64_t durable_frame;
    struct ledger_chain chain;
    uint32_t previous_crc;
    bool is_sealed; /* `header` and `frame` hold the batch being written. */
    uint8_t *memory;
    size_t memory_bytes;
};

/* The largest batch_bytes for segments of that size: a segment holds two of the largest frames. */
uint32_t state_log_batch_most(uint64_t segment_bytes);

/* Reads what came after the last checkpoint, or everything there is: `recovery` gets those records, oldest
 * first; the index is rebuilt; a torn tail is cut; frames that are damaged or missing before it are passed
 * over (report->damages). STATUS_LOCKED, STATUS_UNSUPPORTED (a newer format), STATUS_CORRUPT (damage before
 * the tail), STATUS_INVALID (the settings), STATUS_FULL (more subjects than subjects_max), STATUS_NO_SPACE,
 * STATUS_NO_MEMORY or STATUS_IO leave nothing open and say why in report->message. All memory is taken here.
 */
MUST_USE enum status state_log_open(struct state_log *log, const struct state_log_settings *settings,
                                    struct state_log_listener recovery, struct state_log_report *report);

/* No more intake: wakes every waiter. state_log_begin and the waits give STATUS_CLOSED from now on; what is
 * put already can still be committed and read. */
void state_log_shut(struct state_log *log);

/* Every other thread has left. Does not commit. */
void state_log_close(struct state_log *log);

/* The highest seq taken so far, and the others as recovered or set since. */
uint64_t state_log_last_seq(struct state_log *log);
uint64_t state_log_pool_sequence_high(struct state_log *log);
instant_ms state_log_clock_high(struct state_log *log);
record_ref state_log_outbox_cursor(struct state_log *log);

/* The last committed record; RECORD_REF_NONE if there is none. */
record_ref state_log_committed(struct state_log *log);

/* Carried in the header of the next frame; any time, also within a transaction. They never go back. */
void state_log_set_clock_high(struct state_log *log, instant_ms instant);
void state_log_set_outbox_cursor(struct state_log *log, record_ref cursor);

/* Makes the next commit write a frame even without records, so that cursor and clock become durable. */
void state_log_mark(struct state_log *log);

/* Begins a transaction: everything put until state_log_end goes into one frame, together. Waits while the
 * open batch has no room for `bytes_most` (the sum over its records of body length +
 * STATE_LOG_RECORD_OVERHEAD) until the writer takes it. Holds the log: keep it short, and call nothing of the
 * log but next_seq, can_add, put, the setters and end until then. Any other status than STATUS_OK holds
 * nothing: STATUS_NO_SPACE while only the reserve is left, STATUS_CLOSED, STATUS_IO after a failed write,
 * STATUS_TOO_LARGE for more than a batch. */
MUST_USE enum status state_log_begin(struct state_log *log, size_t bytes_most);

/* The same without waiting, for a thread that commits itself: STATUS_FULL when it must first. */
MUST_USE enum status state_log_try_begin(struct state_log *log, size_t bytes_most);

/* The first for compaction, which may use the reserve. */
MUST_USE enum status state_log_begin_reserved(struct state_log *log, size_t bytes_most);

/* Within a transaction: the seq the next record that takes one will get. */
uint64_t state_log_next_seq(struct state_log *log);

/* Whether the image of a subject not in the index may be put. Any time: schedulers may race past it by a few.
 */
bool state_log_can_add(struct state_log *log);

/* Within a transaction: copies the record, sets its ref (returned too) and, with SEQ_TAKEN, its seq. The
 * image of a subject with an image in the same batch replaces that one, `changes` of both together. An image
 * is found at once. */
record_ref state_log_put(struct state_log *log, struct record *record, enum seq_use use);

void state_log_end(struct state_log *log);

/* The writer: waits until there is something to commit. STATUS_TIMED_OUT, STATUS_IO after a failure,
 * STATUS_CLOSED when shut and nothing is left. */
MUST_USE enum status state_log_wait(struct state_log *log, int timeout_ms);

/* The writer: writes what was put as one frame, makes it durable, then visible to readers, then tells
 * `released` of each record in it, without holding the log. STATUS_EMPTY: nothing to do, but
 * space that was short is looked for: call it now and then even when state_log_wait timed out.
 * STATUS_NO_SPACE: kept, call again. STATUS_IO: final, the log takes nothing any more. */
MUST_USE enum status state_log_commit(struct state_log *log, struct state_log_listener released);

/* The publisher: waits until a record after `after` is committed. STATUS_TIMED_OUT, STATUS_CLOSED, STATUS_IO.
 */
MUST_USE enum status state_log_wait_committed(struct state_log *log, record_ref after, int timeout_ms);

/* Whether the subject has an image: by hash alone, state_log_find decides. */
bool state_log_has(struct state_log *log, const struct name *subject);

/* Up to `most` images whose edge is at or before `now`; each edge is reported once. */
void state_log_due(struct state_log *log, instant_ms now, record_ref *out, size_t most, size_t *count);

/* STATUS_EMPTY while there is only the segment being filled. */
MUST_USE enum status state_log_oldest(struct state_log *log, struct segment_range *range);

/* Gives the oldest segment's space back. STATUS_INVALID while the outbox cursor is not past its last record
 * or images in it are the latest of their subjects that are committed; STATUS_EMPTY as above. */
MUST_USE enum status state_log_drop_oldest(struct state_log *log);

void state_log_stats(struct state_log *log, struct state_log_stats *stats);

/* Whether only the reserve is left: fewer and larger frames help. */
bool state_log_is_short(struct state_log *log);

/* What was lost to damage, as far as the frames have not been dropped since. */
struct state_log_losses {
    struct damages damages;
    uint32_t subjects;     /* Set back to an earlier image, or to none. */
    uint64_t blind_frames; /* Frames whose subjects are not known. */
};

void state_log_losses(struct state_log *log, struct state_log_losses *losses);

/* The `at`th of the images that subjects were set back to and that have no newer ones yet. STATUS_EMPTY. */
MUST_USE enum status state_log_setback(struct state_log *log, uint32_t at, record_ref *image);

enum checkpoint_wish { CHECKPOINT_IF_DUE, CHECKPOINT_NOW };

/* Writes the index down as it is now, so that the next start reads only what comes after: when the log has
 * grown enough since the last time, or now (before a clean end). One thread at a time. STATUS_EMPTY: nothing
 * to do, or not at this moment; STATUS_FULL: too much changed meanwhile, another time; STATUS_NO_SPACE and
 * STATUS_IO: the old one stays, and nothing else is hurt. */
MUST_USE enum status state_log_checkpoint(struct state_log *log, enum checkpoint_wish wish);

/* For tools, also while an agent runs: every record oldest first; every checksum, both chains and the
 * sequences are checked. A torn or half-written tail is no error; damage before it is passed over and
 * STATUS_CORRUPT in the end, with all of it in report->damages and the first's file and offset in
 * report->message. STATUS_NOT_FOUND: no such folder. */
MUST_USE enum status state_log_scan(const char *folder, struct io io, struct state_log_listener listener,
                                    struct state_log_report *report);

#endif
