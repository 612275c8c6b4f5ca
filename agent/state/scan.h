/* Reads a folder's frames from the oldest on and finds where they end: for recovery and for tools. */
#ifndef FLYBALL_STATE_SCAN_H
#define FLYBALL_STATE_SCAN_H

#include "agent/state/damage.h"
#include "agent/state/frame.h"
#include "agent/state/segment_files.h"

enum scan_mode {
    SCAN_ALONE,  /* The caller holds the folder's lock. */
    SCAN_BESIDE, /* An agent may be writing and dropping meanwhile; the ledger chain is checked, too. */
};

struct scan_source {
    const struct io *io;
    const char *folder;
    enum scan_mode mode;
};

struct scan_segment {
    uint32_t number;
    uint64_t bytes;
};

/* `frame` comes before the frame's records, `repeated` when it is there once more, `lost` before the frame
 * that follows a gap, with that frame's header and witnesses. Any of them other than STATUS_OK ends the scan
 * with that status. */
struct scan_visitor {
    enum status (*frame)(void *self, const struct frame_header *header, struct scan_segment segment,
                         uint64_t offset);
    enum status (*record)(void *self, const struct record *record);
    enum status (*repeated)(void *self, const struct frame_header *header, struct scan_segment segment,
                            uint64_t offset);
    enum status (*lost)(void *self, const struct damage *damage, const struct frame_header *next,
                        struct bytes witnesses);
    void *self;
};

/* Where to begin: behind a frame already known. All zero: with the oldest. */
struct scan_start {
    struct frame_header last;
    uint32_t segment;        /* Number of the file it lies in, */
    uint64_t offset;         /* and where it ends. */
    uint64_t promised_frame; /* Known to have been on the disk; not used by the scan. */
};

struct scan_end {
    struct frame_header last;    /* The last frame; last.frame 0: there is none. */
    uint64_t last_offset;        /* Where its latest copy lies, in `segment`. */
    unsigned copies;             /* How often it is there in a row. */
    bool is_durable;             /* It is where the scan began: known to be on the disk. */
    struct scan_segment segment; /* The segment where the frames end, */
    uint64_t offset;             /* and where in it. */
    uint64_t frames;
    uint64_t records;
    uint64_t torn_bytes;    /* Of frames behind the end whose headers are intact. */
    uint64_t flipped_frame; /* Only one bit keeps the frame at the end from being whole: it was on the disk.
                               0: no. */
    bool has_tail; /* With SCAN_BESIDE: right behind the end lies something that is neither blank nor a whole
                      frame. */
    char message[256]; /* On failure. */
};

/* STATUS_NOT_FOUND: no such folder. STATUS_CORRUPT (frames that are intact and contradict each other),
 * STATUS_UNSUPPORTED and the rest explain themselves in `message`. Lost frames are no failure. */
MUST_USE enum status scan_run(const struct scan_source *source, struct scan_visitor visitor,
                              const struct scan_start *start, struct scan_end *end);

#endif
