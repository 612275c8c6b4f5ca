/* Reads the state log back: in order for the publisher, by reference, or by subject. One reader per thread;
 * each keeps the frame it read last, so that walking through a frame inflates it once. */
#ifndef FLYBALL_STATE_READER_H
#define FLYBALL_STATE_READER_H

#include "agent/state/state_log.h"

struct state_log_reader {
    struct state_log *log;
    struct frame_cache cache;
};

/* Takes its memory (untouched pages cost nothing) from the system once: STATUS_NO_MEMORY. `log` outlives it.
 */
MUST_USE enum status state_log_reader_open(struct state_log_reader *reader, struct state_log *log);
void state_log_reader_close(struct state_log_reader *reader);

/* Every record below is valid until the reader's next call. STATUS_CORRUPT and STATUS_IO speak of the disk.
 */

/* The first committed record after *cursor, which moves to it; damaged frames are passed over. STATUS_EMPTY
 * at the end. */
MUST_USE enum status state_log_next(struct state_log_reader *reader, record_ref *cursor,
                                    struct record *record);

/* Sets subjects whose latest images were lost since the last call back to earlier ones, which are looked for
 * in the whole log. STATUS_OK also when there is nothing to do. */
MUST_USE enum status state_log_repair(struct state_log_reader *reader);

/* Reads the first committed frame from *frame on that is still there, checks it and moves *frame behind it;
 * one that is damaged is noted, and state_log_repair has to do. STATUS_EMPTY at the end. For a look through
 * the whole log now and then, a frame at a time. */
MUST_USE enum status state_log_check(struct state_log_reader *reader, uint64_t *frame);

/* Exactly that record, committed or not yet. STATUS_CORRUPT: it is damaged. STATUS_NOT_FOUND if it is an
 * image that was replaced within its batch, or if its segment was dropped (memory may remember it for a
 * while). */
MUST_USE enum status state_log_read(struct state_log_reader *reader, record_ref ref, struct record *record);

/* The subject's latest image, committed or not yet. When damage took that one, the subject is set back to the
 * latest that is left, and image->is_setback tells, also with STATUS_NOT_FOUND, when none is.
 * STATUS_NOT_FOUND for a stranger. */
MUST_USE enum status state_log_find(struct state_log_reader *reader, const struct name *subject,
                                    struct record *image);

#endif
