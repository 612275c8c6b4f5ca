/* What the log's own sources share. Unless said otherwise the caller holds the lock. */
#ifndef FLYBALL_STATE_INTERNALS_H
#define FLYBALL_STATE_INTERNALS_H

#include "agent/state/scan.h"
#include "agent/state/state_log.h"

enum space_use { SPACE_ORDINARY, SPACE_RESERVED };

uint64_t log_subject_hash(const struct state_log *log, const struct name *subject);

/* The open batch or the one being written, if it becomes that frame; else NULL. */
struct batch *log_batch_of(struct state_log *log, uint64_t frame);

/* Where in the index the subject's image is; SUBJECT_PLACE_NONE if its latest is another. */
int64_t log_place_of(const struct state_log *log, const struct name *subject, record_ref image);

/* Where the subject of `image` is, whatever its image there. `previous` tells subjects with equal hashes
 * apart without a look at their names; around damage it may name another image than the index: the one before
 * was lost, or seemed to be while this one was put. */
int64_t log_find_place(struct state_log *log, uint64_t hash, const struct record *image);

/* Takes up what an earlier run wrote down of the index: then `start` is where to read on. Without a usable
 * checkpoint nothing is changed, and `start` is the beginning. */
void log_load_checkpoint(struct state_log *log, struct scan_start *start);

/* Makes the log as if there were none, and `start` the beginning. */
void log_forget_checkpoint(struct state_log *log, struct scan_start *start);

/* An image came to lie (+1) or was superseded (-1) in that frame. */
void log_count_image(struct state_log *log, uint64_t frame, int64_t change);

/* Uncompressed bytes of the largest frame written. */
size_t log_raw_most(const struct state_log_settings *settings);

/* The record at `ref`, read with the log's own cache: for rare looks at one image. */
MUST_USE enum status log_scout(struct state_log *log, record_ref ref, struct record *record);

/* The committed frame cannot be read. */
void log_note_damage(struct state_log *log, uint64_t frame);

/* An image in the index was found to be lost. Takes the lock itself. */
void log_want_repair(struct state_log *log);

/* The subject at that place in the index lost its latest image; `image` is the one before, or NULL. */
void log_set_back(struct state_log *log, int64_t place, const struct record *image);

bool log_is_setback(const struct state_log *log, record_ref image);

/* A newer image took over. Whether there was a setback. */
bool log_forget_setback(struct state_log *log, record_ref image);

/* Whether `bytes_most` put now will surely find a place on the disk. */
bool log_has_space(struct state_log *log, size_t bytes_most, enum space_use use);

/* Puts the frame into `cache` if it needs no reading: held already, or recent. */
bool log_load_recent(struct state_log *log, struct frame_cache *cache, uint64_t frame);

/* Makes spares up to the number kept, as far as budget and disk allow. Takes the lock itself; the committing
 * thread only. */
void log_make_spares(struct state_log *log);

/* With DURABILITY_OS: makes everything committed so far durable. A sync that fails is final: what the kernel
 * forgot must not be followed by more. Takes the lock itself. */
MUST_USE enum status log_sync_head(struct state_log *log);

/* Begins the next segment, `frame` being its first frame. As above. */
MUST_USE enum status log_next_segment(struct state_log *log, uint64_t frame);

/* Reads what is there and makes the log go on after it. Before anything else, without the lock. */
MUST_USE enum status log_recover(struct state_log *log, struct state_log_listener listener,
                                 struct state_log_report *report);

/* A segment's beginning that holds no frame, though one was written there; 0 bytes: there is none. */
struct torn_beginning {
    uint32_t segment;
    uint64_t bytes;
};

/* Makes the log go on after `end`: spares, the last frame once more, torn places blank; durably. */
MUST_USE enum status log_resume(struct state_log *log, const struct scan_end *end,
                                struct torn_beginning torn);

/* A file became a spare. */
void log_give_spare(struct state_log *log, uint32_t number);

#endif
