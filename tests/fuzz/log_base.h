/* The state log that is damaged: a few hundred records of five subjects, with segments dropped and used
 * again, written once by the log itself. */
#ifndef FLYBALL_TESTS_FUZZ_LOG_BASE_H
#define FLYBALL_TESTS_FUZZ_LOG_BASE_H

#include "agent/state/state_log.h"
#include "tests/fuzz/memory_files.h"

enum { BASE_SUBJECTS = 5, BASE_RECORDS_MAX = 512 };

/* A record as it was acknowledged. */
struct base_record {
    record_ref ref;
    enum record_kind kind;
    uint64_t seq;
    struct name subject;
    uint64_t body_hash;
    bool is_left; /* Else its segment was dropped; its bytes may still lie about. */
};

struct log_base {
    struct memory_files files;
    struct base_record records[BASE_RECORDS_MAX]; /* All that ever were, oldest first. */
    uint32_t record_count;
    uint32_t left_count;
    record_ref images[BASE_SUBJECTS]; /* The latest of each. */
    uint64_t last_seq;
};

/* On the given files. */
struct state_log_settings base_settings(struct memory_files *files);

struct name base_subject(size_t subject);
uint64_t base_hash(struct bytes body);

/* Puts a decision and an image of the subject and commits them, telling `released`. The seq it took; 0 unless
 * *status is STATUS_OK. */
uint64_t base_work(struct state_log *log, size_t subject, struct state_log_listener released,
                   enum status *status);

enum base_kind {
    BASE_AS_IS,
    BASE_COMPRESSED,
    BASE_CHECKPOINT, /* Compressed, and the last frames have come since the index was written down. */
};
enum { BASE_KINDS = 3 };

void base_make(struct log_base *base, enum base_kind kind);

/* The record of that ref, or NULL. */
struct base_record *base_find(struct log_base *base, record_ref ref);

#endif
