/* Reads a folder's frames from the oldest on and finds where they end: for recovery and for tools. */
#ifndef FLYBALL_STATE_SCAN_H
#define FLYBALL_STATE_SCAN_H

#include "agent/state/frame.h"
#include "agent/state/segment_files.h"

enum scan_mode {
    SCAN_ALONE,  /* The caller holds the folder's lock. */
    SCAN_BESIDE, /* An agent may be writing and dropping meanwhile. */
};

struct scan_segment {
    uint32_t number;
    uint64_t bytes;
};

/* `frame` comes before the frame's records; any of them other than STATUS_OK ends the scan with that status.
 */
struct scan_visitor {
    enum status (*frame)(void *self, const struct frame_header *header, struct scan_segment segment,
                         uint64_t offset);
    enum status (*record)(void *self, const struct record *record);
    void *self;
};

struct scan_end {
    struct frame_header last;    /* The last frame; last.frame 0: there is none. */
    uint64_t last_offset;        /* Where it lies, in its segment. */
    unsigned copies;             /* How often it is there in a row. */
    struct scan_segment segment; /* The segment where the frames end, */
    uint64_t offset;             /* and where in it. */
    uint64_t frames;
    uint64_t records;
    uint64_t torn_bytes; /* Of frames behind the end whose headers are intact. */
    char message[256];   /* On failure. */
};

/* STATUS_NOT_FOUND: no such folder. STATUS_CORRUPT, STATUS_UNSUPPORTED and the rest explain themselves in
 * `message`. */
MUST_USE enum status scan_run(const struct io *io, const char *folder, enum scan_mode mode,
                              struct scan_visitor visitor, struct scan_end *end);

#endif
