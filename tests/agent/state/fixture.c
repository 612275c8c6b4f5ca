#include "tests/agent/state/fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void fixture_start(struct fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    strcpy(fixture->folder, "/tmp/flyball-state-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    fixture->settings = (struct state_log_settings){.folder = fixture->folder,
                                                    .io = io_posix(),
                                                    .durability = DURABILITY_OS,
                                                    .segment_bytes = 64 << 10,
                                                    .max_bytes = 16 * (64 << 10),
                                                    .compression = 6,
                                                    .batch_bytes = 16 << 10,
                                                    .subjects_max = 1000,
                                                    .recent_bytes = 32 << 10};
}

static void remove_entry(void *context, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", (const char *)context, name);
    unlink(path);
}

void fixture_end(struct fixture *fixture)
{
    struct io io = io_posix();
    assert_int_equal(io.list(io.self, fixture->folder, remove_entry, fixture->folder), 0);
    assert_int_equal(rmdir(fixture->folder), 0);
}

static void see_record(void *self, const struct record *record)
{
    struct seen *seen = self;
    assert_true(seen->count < SEEN_MAX);
    struct seen_record *each = &seen->records[seen->count++];
    *each = (struct seen_record){.record = *record, .body_length = record->body.length};
    size_t kept = record->body.length < BODY_KEPT - 1 ? record->body.length : BODY_KEPT - 1;
    memcpy(each->body, record->body.data, kept);
    each->record.body = bytes_of(NULL, 0);
}

struct state_log_listener seen_listener(struct seen *seen)
{
    seen->count = 0;
    return (struct state_log_listener){.record = see_record, .self = seen};
}

bool seen_has_body(const struct seen *seen, const char *body)
{
    for (size_t i = 0; i < seen->count; i++) {
        if (strcmp(seen->records[i].body, body) == 0) {
            return true;
        }
    }
    return false;
}

enum status fixture_try_open(struct fixture *fixture)
{
    return state_log_open(&fixture->log, &fixture->settings, seen_listener(&fixture->seen), &fixture->report);
}

void fixture_open(struct fixture *fixture)
{
    enum status status = fixture_try_open(fixture);
    if (status != STATUS_OK) {
        print_error("open: %s: %s\n", status_name(status), fixture->report.message);
    }
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(state_log_reader_open(&fixture->reader, &fixture->log), STATUS_OK);
}

void fixture_close(struct fixture *fixture)
{
    state_log_reader_close(&fixture->reader);
    state_log_close(&fixture->log);
}

void fixture_reopen(struct fixture *fixture)
{
    fixture_close(fixture);
    fixture_open(fixture);
}

struct record decision_of(const char *subject, const char *body)
{
    return (struct record){.kind = RECORD_DECISION,
                           .subject = name_of(subject),
                           .edge = INSTANT_NEVER,
                           .body = bytes_of_string(body)};
}

struct record image_of(const char *subject, const char *body, instant_ms edge)
{
    return (struct record){
        .kind = RECORD_IMAGE, .subject = name_of(subject), .edge = edge, .body = bytes_of_string(body)};
}

enum status fixture_try_put(struct fixture *fixture, struct record record, enum seq_use use)
{
    enum status status = state_log_begin(&fixture->log, record.body.length + STATE_LOG_RECORD_OVERHEAD);
    if (status == STATUS_OK) {
        state_log_put(&fixture->log, &record, use);
        state_log_end(&fixture->log);
    }
    return status;
}

record_ref fixture_put(struct fixture *fixture, struct record record, enum seq_use use)
{
    size_t bytes = record.body.length + STATE_LOG_RECORD_OVERHEAD;
    assert_int_equal(state_log_begin(&fixture->log, bytes), STATUS_OK);
    record_ref ref = state_log_put(&fixture->log, &record, use);
    state_log_end(&fixture->log);
    return ref;
}

enum status fixture_try_commit(struct fixture *fixture)
{
    return state_log_commit(&fixture->log, seen_listener(&fixture->seen));
}

void fixture_commit(struct fixture *fixture)
{
    assert_int_equal(fixture_try_commit(fixture), STATUS_OK);
}

record_ref fixture_decide(struct fixture *fixture, const char *body)
{
    record_ref ref = fixture_put(fixture, decision_of("acme", body), SEQ_TAKEN);
    fixture_commit(fixture);
    return ref;
}

enum status fixture_scan(struct fixture *fixture)
{
    return state_log_scan(fixture->folder, fixture->settings.io, seen_listener(&fixture->seen),
                          &fixture->report);
}

struct segment_path fixture_segment(const struct fixture *fixture, uint32_t number)
{
    return segment_path_of(fixture->folder, SEGMENT_FILE, number);
}

int64_t file_length(const char *path)
{
    struct stat stat_result;
    return stat(path, &stat_result) == 0 ? (int64_t)stat_result.st_size : -1;
}

void overwrite_file(const char *path, uint64_t offset, const void *data, size_t length)
{
    int file = open(path, O_WRONLY);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, data, length, (off_t)offset), (ssize_t)length);
    close(file);
}

void read_file(const char *path, uint64_t offset, void *data, size_t length)
{
    int file = open(path, O_RDONLY);
    assert_true(file >= 0);
    assert_int_equal(pread(file, data, length, (off_t)offset), (ssize_t)length);
    close(file);
}
