/* A scan's place in the folder, and reading at it: shared by the scan's own sources. */
#ifndef FLYBALL_STATE_SCAN_WALK_H
#define FLYBALL_STATE_SCAN_WALK_H

#include "agent/state/frame_cache.h"
#include "agent/state/ledger_chain.h"
#include "agent/state/scan.h"

struct scan {
    const struct io *io;
    const char *folder;
    enum scan_mode mode;
    struct scan_visitor visitor;
    struct scan_end *end;
    struct segment_numbers numbers;
    struct frame_cache cache;
    struct ledger_chain chain; /* Used only in tools. */
    bool is_chained;           /* The next frame must continue end->last; else any may begin. */
    size_t at;                 /* Where the frames end so far: the segment's place in `numbers`, */
    uint64_t offset;           /* and the offset. */
    int file;                  /* Of the segment being read; -1: none. */
    struct scan_segment segment;
};

uint64_t scan_expected_frame(const struct scan *scan);

/* Says what is wrong at that offset of the segment being read; returns `status`. */
enum status scan_explain(struct scan *scan, enum status status, uint64_t offset, const char *what);

/* STATUS_NOT_FOUND if it is gone. */
MUST_USE enum status scan_open_segment(struct scan *scan, size_t at);
void scan_close_segment(struct scan *scan);

/* STATUS_CORRUPT: no intact header there. */
MUST_USE enum status scan_read_header(struct scan *scan, uint64_t offset, struct frame_header *header);

/* STATUS_OK with the frame in the cache; STATUS_EMPTY where the log does not continue. */
MUST_USE enum status scan_read_frame(struct scan *scan, uint64_t offset);

/* When the expected frame was lost where it was, its repetition further on in the segment stands in for it:
 * it is read, and *offset becomes its. STATUS_EMPTY if there is none. */
MUST_USE enum status scan_find_repetition(struct scan *scan, uint64_t *offset);

/* It continues the log. */
bool scan_is_expected(const struct scan *scan, const struct frame_header *header);

/* Recovery writes the last frame once more. */
bool scan_is_repeated(const struct scan *scan, const struct frame_header *header);

/* What lies behind the place where the log does not continue: STATUS_CORRUPT if something that was on the
 * disk is damaged, STATUS_OK if nothing or only what was never acknowledged, whose bytes are counted. */
MUST_USE enum status scan_look_ahead(struct scan *scan);

/* An agent at work explains a gap: the frame has come since, or its segment was dropped and used again. */
bool scan_may_resume(struct scan *scan);

/* Moves to the next intact frame behind damage and tells the visitor what was lost. */
MUST_USE enum status scan_skip_damage(struct scan *scan);

#endif
