#include "tests/simulation/oracle.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char schema[] =
    "CREATE TABLE image (subject BLOB PRIMARY KEY, ref INTEGER, edge INTEGER, body BLOB) WITHOUT ROWID;"
    "CREATE TABLE entry (seq INTEGER PRIMARY KEY, ref INTEGER, kind INTEGER, subject BLOB, body BLOB);"
    "CREATE TABLE found_image (subject BLOB PRIMARY KEY, ref INTEGER, edge INTEGER, body BLOB) WITHOUT ROWID;"
    "CREATE TABLE found_entry (seq INTEGER PRIMARY KEY, ref INTEGER, kind INTEGER, subject BLOB, body BLOB);";

static const char *const texts[ORACLE_STATEMENTS] = {
    [ORACLE_SAVE] = "SAVEPOINT frame",
    [ORACLE_ROLL_BACK] = "ROLLBACK TO frame",
    [ORACLE_RELEASE] = "RELEASE frame",
    [ORACLE_PUT_IMAGE] = "INSERT OR REPLACE INTO image VALUES (?1, ?2, ?3, ?4)",
    [ORACLE_PUT_ENTRY] = "INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5)",
    [ORACLE_FIND_IMAGE] = "INSERT OR REPLACE INTO found_image VALUES (?1, ?2, ?3, ?4)",
    [ORACLE_FIND_ENTRY] = "INSERT INTO found_entry VALUES (?1, ?2, ?3, ?4, ?5)",
    [ORACLE_FORGET_IMAGES] = "DELETE FROM found_image",
    [ORACLE_FORGET_ENTRIES] = "DELETE FROM found_entry",
    [ORACLE_EMPTY_IMAGES] = "DELETE FROM image",
    [ORACLE_EMPTY_ENTRIES] = "DELETE FROM entry",
    [ORACLE_DROP_ENTRIES] = "DELETE FROM entry WHERE ref >> 16 < ?1",
    /* How many rows are in one of the two only. */
    [ORACLE_COMPARE_IMAGES] =
        "SELECT (SELECT count(*) FROM (SELECT * FROM image EXCEPT SELECT * FROM found_image))"
        "     + (SELECT count(*) FROM (SELECT * FROM found_image EXCEPT SELECT * FROM image))",
    [ORACLE_COMPARE_ENTRIES] = "SELECT (SELECT count(*) FROM (SELECT * FROM entry WHERE ref >> 16 > ?1"
                               "                              EXCEPT SELECT * FROM found_entry))"
                               "     + (SELECT count(*) FROM (SELECT * FROM found_entry WHERE ref >> 16 > ?1"
                               "                              EXCEPT SELECT * FROM entry))",
    [ORACLE_LIST_IMAGES] = "SELECT subject, ref, body FROM image",
};

/* SQLite itself must not fail. */
static void insist(const struct oracle *oracle, bool is_done)
{
    if (!is_done) {
        fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(oracle->database));
        abort();
    }
}

void oracle_open(struct oracle *oracle, struct log_world *world)
{
    *oracle = (struct oracle){.world = world};
    insist(oracle, sqlite3_open(":memory:", &oracle->database) == SQLITE_OK);
    insist(oracle, sqlite3_exec(oracle->database, schema, NULL, NULL, NULL) == SQLITE_OK);
    for (int i = 0; i < ORACLE_STATEMENTS; i++) {
        insist(oracle,
               sqlite3_prepare_v2(oracle->database, texts[i], -1, &oracle->statements[i], NULL) == SQLITE_OK);
    }
}

void oracle_close(struct oracle *oracle)
{
    for (int i = 0; i < ORACLE_STATEMENTS; i++) {
        sqlite3_finalize(oracle->statements[i]);
    }
    insist(oracle, sqlite3_close(oracle->database) == SQLITE_OK);
}

static void run(struct oracle *oracle, enum oracle_statement which)
{
    sqlite3_stmt *statement = oracle->statements[which];
    insist(oracle, sqlite3_step(statement) == SQLITE_DONE);
    sqlite3_reset(statement);
}

static void bind_bytes(sqlite3_stmt *statement, int at, struct bytes bytes)
{
    const void *data = bytes.length > 0 ? bytes.data : (const void *)"";
    sqlite3_bind_blob(statement, at, data, (int)bytes.length, SQLITE_TRANSIENT);
}

static bool takes_seq(const struct record *record)
{
    return record->seq != 0 && record->kind != RECORD_COPY;
}

static void insert(struct oracle *oracle, const struct record *record, enum oracle_statement image,
                   enum oracle_statement entry)
{
    if (record->kind == RECORD_IMAGE) {
        sqlite3_stmt *statement = oracle->statements[image];
        bind_bytes(statement, 1, name_bytes(&record->subject));
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)record->ref);
        sqlite3_bind_int64(statement, 3, record->edge);
        bind_bytes(statement, 4, record->body);
        run(oracle, image);
    } else if (takes_seq(record)) {
        sqlite3_stmt *statement = oracle->statements[entry];
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)record->seq);
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)record->ref);
        sqlite3_bind_int64(statement, 3, record->kind);
        bind_bytes(statement, 4, name_bytes(&record->subject));
        bind_bytes(statement, 5, record->body);
        run(oracle, entry);
    }
}

static void release_all(struct oracle *oracle)
{
    for (; oracle->frame_count > 0; oracle->frame_count--) {
        run(oracle, ORACLE_RELEASE);
    }
}

static void on_begin(void *self)
{
    struct oracle *oracle = self;
    release_all(oracle);
    run(oracle, ORACLE_EMPTY_IMAGES);
    run(oracle, ORACLE_EMPTY_ENTRIES);
}

static void on_put(void *self, const struct record *record)
{
    struct oracle *oracle = self;
    uint64_t frame = record_ref_frame(record->ref);
    bool is_new = oracle->frame_count == 0 || oracle->frames[oracle->frame_count - 1] < frame;
    if (is_new) {
        assert(oracle->frame_count < ORACLE_FRAMES_MAX);
        oracle->frames[oracle->frame_count++] = frame;
        run(oracle, ORACLE_SAVE);
    }
    insert(oracle, record, ORACLE_PUT_IMAGE, ORACLE_PUT_ENTRY);
}

static void on_recovery(void *self)
{
    struct oracle *oracle = self;
    oracle->last_found = 0;
}

static void on_recovered(void *self, const struct record *record)
{
    struct oracle *oracle = self;
    oracle->last_found = record_ref_frame(record->ref);
}

static void roll_back(struct oracle *oracle)
{
    while (oracle->frame_count > 0 && oracle->frames[oracle->frame_count - 1] > oracle->last_found) {
        run(oracle, ORACLE_ROLL_BACK);
        run(oracle, ORACLE_RELEASE);
        oracle->frame_count--;
    }
    release_all(oracle); /* What was recovered stays. */
}

/* What the log holds, as a reader sees it. Not before rolling back: that would take it along. */
static bool find_all(struct oracle *oracle)
{
    struct log_world *world = oracle->world;
    struct record record;
    record_ref cursor = RECORD_REF_NONE;
    enum status status;
    run(oracle, ORACLE_FORGET_IMAGES);
    run(oracle, ORACLE_FORGET_ENTRIES);
    while ((status = state_log_next(&world->reader, &cursor, &record)) == STATUS_OK) {
        insert(oracle, &record, ORACLE_FIND_IMAGE, ORACLE_FIND_ENTRY);
    }
    if (status != STATUS_EMPTY && !(status == STATUS_IO && log_world_is_disturbed(world))) {
        findings_violate(&world->findings, "next for SQLite: %s", status_name(status));
    }
    return status == STATUS_EMPTY;
}

static void compare(struct oracle *oracle, enum oracle_statement which, const char *what)
{
    sqlite3_stmt *statement = oracle->statements[which];
    insist(oracle, sqlite3_step(statement) == SQLITE_ROW);
    int64_t differences = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    if (differences != 0) {
        findings_violate(&oracle->world->findings,
                         "SQLite, rolled back to frame %" PRIu64 ", differs in %" PRId64 " %s",
                         oracle->last_found, differences, what);
    }
    oracle->comparisons++;
}

static struct bytes column(sqlite3_stmt *statement, int at)
{
    const void *data = sqlite3_column_blob(statement, at);
    return bytes_of(data, (size_t)sqlite3_column_bytes(statement, at));
}

/* Each subject by the log's own index, too. */
static void look_up(struct oracle *oracle, sqlite3_stmt *row)
{
    struct log_world *world = oracle->world;
    struct name subject;
    struct record image;
    enum status status = name_set(&subject, column(row, 0));
    assert(status == STATUS_OK);
    status = state_log_find(&world->reader, &subject, &image);
    if (status == STATUS_IO && log_world_is_disturbed(world)) {
        return;
    }
    if (status != STATUS_OK || image.ref != (record_ref)sqlite3_column_int64(row, 1) ||
        !bytes_equal(image.body, column(row, 2))) {
        findings_violate(&world->findings, "SQLite knows another image of a subject: find gives %s",
                         status_name(status));
    }
}

static void on_recovery_end(void *self, uint64_t dropped_frame)
{
    struct oracle *oracle = self;
    roll_back(oracle);
    if (find_all(oracle)) {
        compare(oracle, ORACLE_COMPARE_IMAGES, "images");
        sqlite3_bind_int64(oracle->statements[ORACLE_COMPARE_ENTRIES], 1, (sqlite3_int64)dropped_frame);
        compare(oracle, ORACLE_COMPARE_ENTRIES, "entries");
    }
    sqlite3_stmt *list = oracle->statements[ORACLE_LIST_IMAGES];
    while (sqlite3_step(list) == SQLITE_ROW && !oracle->world->findings.is_violated) {
        look_up(oracle, list);
    }
    sqlite3_reset(list);
    sqlite3_bind_int64(oracle->statements[ORACLE_DROP_ENTRIES], 1, (sqlite3_int64)dropped_frame);
    run(oracle, ORACLE_DROP_ENTRIES);
}

struct log_observer oracle_observer(struct oracle *oracle)
{
    return (struct log_observer){.begins = on_begin,
                                 .put = on_put,
                                 .recovery_begins = on_recovery,
                                 .recovered = on_recovered,
                                 .recovery_ends = on_recovery_end,
                                 .self = oracle};
}
