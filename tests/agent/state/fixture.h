/* A state log in a temporary folder, and short ways to put into it and to look at what came back. */
#ifndef FLYBALL_TESTS_STATE_FIXTURE_H
#define FLYBALL_TESTS_STATE_FIXTURE_H

#include "agent/state/reader.h"

enum { SEEN_MAX = 4096, BODY_KEPT = 24 };

struct seen_record {
    struct record record; /* `body` points nowhere. */
    size_t body_length;
    char body[BODY_KEPT]; /* Its beginning, terminated. */
};

struct seen {
    size_t count;
    struct seen_record records[SEEN_MAX];
};

struct fixture {
    char folder[64];
    struct state_log_settings settings;
    struct state_log log;
    struct state_log_report report;
    struct state_log_reader reader;
    struct seen seen; /* What recovery, the last commit or the last scan told. */
};

/* A folder under /tmp and small settings: 64 KiB segments, 16 of them, batches of 16 KiB. */
void fixture_start(struct fixture *fixture);
/* Removes the folder. */
void fixture_end(struct fixture *fixture);

enum status fixture_try_open(struct fixture *fixture);
void fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);
/* Close and open, as after a clean stop. */
void fixture_reopen(struct fixture *fixture);

struct record decision_of(const char *subject, const char *body);
struct record image_of(const char *subject, const char *body, instant_ms edge);

/* A transaction of one record. */
record_ref fixture_put(struct fixture *fixture, struct record record, enum seq_use use);
enum status fixture_try_put(struct fixture *fixture, struct record record, enum seq_use use);
void fixture_commit(struct fixture *fixture);
enum status fixture_try_commit(struct fixture *fixture);
/* Puts a decision with that body and commits it. */
record_ref fixture_decide(struct fixture *fixture, const char *body);
enum status fixture_scan(struct fixture *fixture);

struct state_log_listener seen_listener(struct seen *seen);
bool seen_has_body(const struct seen *seen, const char *body);

/* The path of a segment file. */
struct segment_path fixture_segment(const struct fixture *fixture, uint32_t number);
int64_t file_length(const char *path);
void overwrite_file(const char *path, uint64_t offset, const void *data, size_t length);
void read_file(const char *path, uint64_t offset, void *data, size_t length);

#endif
