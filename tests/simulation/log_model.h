/* What the state log must hold, kept without the log's own code: every record put, in order, how far it was
 * committed and acknowledged, and what a restart may therefore find. */
#ifndef FLYBALL_TESTS_SIMULATION_LOG_MODEL_H
#define FLYBALL_TESTS_SIMULATION_LOG_MODEL_H

#include "agent/state/record.h"
#include "tests/simulation/findings.h"

enum {
    LOG_ENTRIES_MAX = 32768,
    LOG_SUBJECTS_MAX = 48,
    LOG_BODY_MAX = 8192,
    LOG_ENTRY_NONE = -1,
    LOG_SUBJECT_NONE = -1,
};

/* A record as it was put. Its body is made anew from `body_seed` whenever it is needed. */
struct log_entry {
    record_ref ref;
    uint64_t seq;
    uint64_t pool_sequence;
    uint64_t body_seed;
    record_ref previous;
    instant_ms edge;
    uint32_t body_length;
    int16_t subject; /* LOG_SUBJECT_NONE: none. */
    uint8_t kind;
    uint8_t changes;
    bool is_replaced; /* An image with a later one in the same frame: not in the log. */
};

struct log_subject {
    struct name name;
    int32_t latest; /* The entry with its image; LOG_ENTRY_NONE. */
    bool is_due_told;
    bool may_be_early; /* Its edge comes from a checkpoint, which may not know it: then it is told at once. */
};

/* What a frame's header carries beside the records. */
struct log_marks {
    record_ref cursor;
    instant_ms clock;
    uint64_t pool_sequence;
};

struct log_model {
    struct findings *findings;
    struct log_entry entries[LOG_ENTRIES_MAX]; /* By ref. */
    int32_t count;
    int32_t taken;     /* Those before it are committed or in the frame being written, */
    int32_t committed; /* committed, */
    int32_t durable;   /* sure to survive whatever happens. */
    bool is_writing;   /* A frame was taken and is not committed. */
    bool is_marked;
    uint64_t next_seq;
    uint64_t gone_frame;    /* Frames up to it are surely dropped, */
    uint64_t dropped_frame; /* or perhaps: readers do not see them. */
    struct log_marks marks; /* As set, */
    struct log_marks taken_marks;
    struct log_marks committed_marks;
    struct log_marks durable_marks;
    int32_t subject_count; /* Known names; more were never put. */
    struct log_subject subjects[LOG_SUBJECTS_MAX];
    /* The restart being checked: */
    int32_t first_found; /* LOG_ENTRY_NONE: nothing yet. */
    int32_t next_found;
    uint64_t found; /* How many. */
    uint8_t body[LOG_BODY_MAX];
};

/* A new store with that many names to use. */
void log_model_init(struct log_model *model, struct findings *findings, int32_t subjects);

/* The bytes of a body; half of all seeds give bytes that compress well. */
struct bytes log_body(uint64_t seed, uint32_t length, uint8_t *out);

/* A record was put; `record` as the log left it. */
void log_model_put(struct log_model *model, const struct record *record, int16_t subject, uint64_t body_seed);

/* A commit was called with something to do: what was put before goes into one frame, with the marks of now.
 */
void log_model_take(struct log_model *model);

enum log_promise { PROMISE_COMMITTED, PROMISE_DURABLE };

/* That frame was committed. */
void log_model_commit(struct log_model *model, enum log_promise promise);

/* Everything committed is on the medium now. */
void log_model_settle(struct log_model *model);

/* Whether the entry is in the log, and readers see it. */
bool log_model_is_readable(const struct log_model *model, int32_t entry);

/* The first entry behind `ref`, replaced or not; `count` if there is none. */
int32_t log_model_after(const struct log_model *model, record_ref ref);

/* How many subjects have their latest image in frames up to that one, how many the latest that is committed,
 * and how many have any. */
uint64_t log_model_images(const struct log_model *model, uint64_t last_frame);
uint64_t log_model_committed_images(const struct log_model *model, uint64_t last_frame);
uint32_t log_model_known(const struct log_model *model);

/* Compares what the log gives with the entry, byte for byte; `doing` says where it came from. */
bool log_model_agrees(struct log_model *model, int32_t entry, const struct record *record, const char *doing);

enum log_end {
    LOG_END_CLOSED, /* Or killed: the cache is intact. */
    LOG_END_CUT,    /* The power failed. */
};

/* A restart begins, after which one record after the other is given to log_model_find: those behind some
 * checkpoint, or all. */
void log_model_begin_recovery(struct log_model *model);
void log_model_find(struct log_model *model, const struct record *record);

/* Whether what was found begins with the oldest record that may be there. */
bool log_model_has_found_all(const struct log_model *model);

/* The log is open and all its records were given: they must be what they may be, `end` being how the last
 * life ended. Whatever was not found is forgotten: it must never come back. */
void log_model_end_recovery(struct log_model *model, enum log_end end);

#endif
