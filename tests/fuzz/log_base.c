#include "tests/fuzz/log_base.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "agent/state/reader.h"
#include "tests/fuzz/fuzz.h"

enum { ROUNDS = 37, CHECKPOINT_ROUND = 33, BODY_LEAST = 1500, BODY_MOST = 3700 };

struct state_log_settings base_settings(struct memory_files *files)
{
    return (struct state_log_settings){.folder = "/log",
                                       .io = memory_files_io(files),
                                       .durability = DURABILITY_FSYNC,
                                       .segment_bytes = MEMORY_FILE_BYTES_MAX,
                                       .max_bytes = 4 * MEMORY_FILE_BYTES_MAX,
                                       .batch_bytes = 8192,
                                       .subjects_max = 16,
                                       .hash_key = {1, 2}};
}

struct name base_subject(size_t subject)
{
    char text[16];
    snprintf(text, sizeof text, "subject-%zu", subject);
    return name_of(text);
}

uint64_t base_hash(struct bytes body)
{
    return crc32_z(0, body.data, body.length);
}

/* Different in each round, and compressible. */
static struct bytes make_body(uint64_t seed, uint8_t body[BODY_MOST])
{
    size_t length = BODY_LEAST + (size_t)(seed * 2654435761U % (BODY_MOST - BODY_LEAST));
    for (size_t i = 0; i < length; i++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        body[i] = (uint8_t)(seed >> 59);
    }
    return bytes_of(body, length);
}

static void put_image(struct state_log *log, size_t subject, uint64_t seq)
{
    uint8_t body[BODY_MOST];
    struct record image = {.kind = RECORD_IMAGE,
                           .subject = base_subject(subject),
                           .edge = seq % 3 == 0 ? (instant_ms)seq * 1000 : INSTANT_NEVER,
                           .changes = (uint8_t)(seq & 7),
                           .body = make_body(seq * 31 + subject, body)};
    state_log_put(log, &image, SEQ_NONE);
}

uint64_t base_work(struct state_log *log, size_t subject, struct state_log_listener released,
                   enum status *status)
{
    uint8_t body[BODY_MOST];
    *status = state_log_try_begin(log, (size_t)2 * (BODY_MOST + STATE_LOG_RECORD_OVERHEAD));
    if (*status != STATUS_OK) {
        return 0;
    }
    uint64_t seq = state_log_next_seq(log);
    struct record decision = {.kind = RECORD_DECISION,
                              .pool_sequence = seq + 100,
                              .subject = base_subject(subject),
                              .body = make_body(seq, body)};
    state_log_put(log, &decision, SEQ_TAKEN);
    put_image(log, subject, seq);
    state_log_end(log);
    *status = state_log_commit(log, released);
    return *status == STATUS_OK ? seq : 0;
}

/* All images once more, one frame each, so that the oldest segment can go. */
static void compact(struct state_log *log, uint64_t seq, struct state_log_listener released)
{
    struct segment_range range;
    if (state_log_oldest(log, &range) != STATUS_OK || !range.needed) {
        return;
    }
    for (size_t i = 0; i < BASE_SUBJECTS; i++) {
        fuzz_require(state_log_begin_reserved(log, BODY_MOST + STATE_LOG_RECORD_OVERHEAD) == STATUS_OK,
                     "compaction has its reserve");
        put_image(log, i, seq);
        state_log_end(log);
        fuzz_require(state_log_commit(log, released) == STATUS_OK, "images can be moved");
    }
    state_log_set_outbox_cursor(log, record_ref_of(range.last_frame + 1, 0));
    fuzz_require(state_log_drop_oldest(log) == STATUS_OK, "what nobody needs can go");
}

static void note_record(void *self, const struct record *record)
{
    struct log_base *base = self;
    fuzz_require(base->record_count < BASE_RECORDS_MAX, "the log is as small as planned");
    base->records[base->record_count++] = (struct base_record){.ref = record->ref,
                                                               .kind = record->kind,
                                                               .seq = record->seq,
                                                               .subject = record->subject,
                                                               .body_hash = base_hash(record->body)};
    base->last_seq = record->seq > base->last_seq ? record->seq : base->last_seq;
    if (record->kind == RECORD_IMAGE) {
        base->images[record->subject.text[8] - '0'] = record->ref;
    }
}

static void note_left(void *self, const struct record *record)
{
    struct log_base *base = self;
    struct base_record *original = base_find(base, record->ref);
    fuzz_require(original != NULL, "a log has what was put");
    original->is_left = true;
    base->left_count++;
}

/* What a tool finds in a copy. */
static void note_all_left(struct log_base *base)
{
    static struct memory_files copy;
    struct state_log_report report;
    struct state_log_listener listener = {.record = note_left, .self = base};
    copy = base->files;
    enum status status = state_log_scan("/log", memory_files_io(&copy), listener, &report);
    fuzz_require(status == STATUS_OK, "an unharmed log is in order");
}

void base_make(struct log_base *base, enum base_kind kind)
{
    static struct state_log log;
    struct state_log_report report;
    struct state_log_listener nobody = {0};
    struct state_log_listener noting = {.record = note_record, .self = base};
    memset(base, 0, sizeof *base);
    struct state_log_settings settings = base_settings(&base->files);
    settings.compression = kind == BASE_AS_IS ? 0 : 6;
    fuzz_require(state_log_open(&log, &settings, nobody, &report) == STATUS_OK, "a new log opens");
    for (uint64_t round = 0; round < ROUNDS; round++) {
        enum status status;
        uint64_t seq = base_work(&log, round % BASE_SUBJECTS, noting, &status);
        fuzz_require(status == STATUS_OK, "an unharmed log takes work");
        compact(&log, seq, noting);
        if (kind == BASE_CHECKPOINT && round == CHECKPOINT_ROUND) {
            fuzz_require(state_log_checkpoint(&log, CHECKPOINT_NOW) == STATUS_OK, "an index is written down");
        }
    }
    state_log_close(&log);
    for (int i = 0; i < MEMORY_FILES_MAX; i++) {
        base->files.files[i].changed = 0;
    }
    memset(base->files.handles, 0, sizeof base->files.handles);
    note_all_left(base);
}

struct base_record *base_find(struct log_base *base, record_ref ref)
{
    uint32_t low = 0, high = base->record_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (base->records[middle].ref < ref) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < base->record_count && base->records[low].ref == ref ? &base->records[low] : NULL;
}
