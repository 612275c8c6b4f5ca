/* What compressing makes of frames of 1 to 200 events, by level, without and with a preset dictionary, in
 * bytes and in CPU time. The frames are those of made-up subjects, or the records of the store in the folder
 * given, put together anew. One JSON line each; bytes are per event (or image), nanoseconds per frame. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent.h"
#include "bench/compression_workload.h"

enum {
    EVENTS = 20000,
    SUBJECTS = 2000,
    DICTIONARY_BYTES = 2048,
    FRAME_BYTES = 2 * BATCH_BYTES, /* With witnesses. */
    EVENT_ROOM = SUBJECT_IMAGE_BYTES_MAX + LEDGER_ENTRY_BYTES_MAX + 2 * STATE_LOG_RECORD_OVERHEAD,
};

static const unsigned frame_sizes[] = {1, 2, 5, 10, 50, 200};

/* The records of a frame: events with the images after them, or images alone, as compaction puts them. */
enum content { CONTENT_EVENTS, CONTENT_IMAGES };

struct source {
    const char *name;
    enum content content;
    uint32_t subjects;
    uint32_t keys; /* Of earlier events, known to each subject. */
};

static const struct source sources[] = {
    {"20 subjects", CONTENT_EVENTS, 20, WORKLOAD_DEDUP},
    {"2000 subjects", CONTENT_EVENTS, SUBJECTS, 10},
    {"images, no keys", CONTENT_IMAGES, SUBJECTS, 0},
    {"images, 10 keys", CONTENT_IMAGES, SUBJECTS, 10},
    {"images, 64 keys", CONTENT_IMAGES, SUBJECTS, WORKLOAD_DEDUP},
};

struct variant {
    int level;
    size_t dictionary_bytes;
};

/* One way to compress, and what came of it. */
struct trial {
    struct deflater deflater;
    uint64_t stored_bytes;
    uint64_t disk_bytes;
    int64_t cpu_ns;
};

static const struct variant variants[] = {{1, 0}, {1, DICTIONARY_BYTES}, {6, 0}, {6, DICTIONARY_BYTES}};

enum { VARIANTS = sizeof variants / sizeof *variants };

struct bench {
    struct source source;
    unsigned frame_size;
    unsigned events; /* In the open frame. */
    struct batch batch;
    struct witnesses witnesses;
    uint64_t frames;
    uint64_t all_events;
    uint64_t raw_bytes;
    struct trial trials[VARIANTS];
    size_t dictionary_bytes; /* Had so far. */
};

/* Taken once, for all of them. */
struct bench_memory {
    uint8_t dictionary[DICTIONARY_BYTES];
    uint8_t raw[FRAME_BYTES];
    uint8_t stored[FRAME_BYTES];
    uint8_t deflaters[VARIANTS][DEFLATER_MEMORY_BYTES] __attribute__((aligned(16)));
    void *batch;
    void *witnesses;
    struct subject_state *subjects;
};

struct measurement {
    struct bench bench;
    struct bench_memory memory;
    struct workload workload;
};

static void *take(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void compress_frame(struct measurement *measurement, size_t variant, size_t length)
{
    struct trial *trial = &measurement->bench.trials[variant];
    int64_t started = cpu_ns();
    deflater_begin(&trial->deflater, measurement->memory.stored, length - 1);
    if (variants[variant].dictionary_bytes > 0) {
        (void)deflateSetDictionary(&trial->deflater.stream, measurement->memory.dictionary, DICTIONARY_BYTES);
    }
    size_t stored = length;
    if (deflater_add(&trial->deflater, bytes_of(measurement->memory.raw, length)) != STATUS_OK ||
        deflater_finish(&trial->deflater, &stored) != STATUS_OK) {
        stored = length;
    }
    trial->cpu_ns += cpu_ns() - started;
    trial->stored_bytes += stored;
    trial->disk_bytes += frame_bytes((uint32_t)stored);
}

/* Copies the frame's payload together, as a writer would. */
static size_t assemble_frame(struct measurement *measurement)
{
    struct batch *batch = &measurement->bench.batch;
    struct witnesses *witnesses = &measurement->bench.witnesses;
    batch_copy(batch, measurement->memory.raw);
    struct packer packer =
        packer_of(measurement->memory.raw + batch->live_bytes, FRAME_BYTES - batch->live_bytes);
    (void)witnesses_pack(witnesses, batch->frame, &packer);
    witnesses_next_frame(witnesses);
    for (uint32_t i = 0; i < batch->entry_count; i++) {
        struct record record;
        if (batch_read(batch, i, &record) == STATUS_OK && record.kind == RECORD_IMAGE) {
            witnesses_add(witnesses, batch->frame, &record.subject);
        }
    }
    return batch->live_bytes + packer.length;
}

/* The first frames make the dictionary, which flatters it: a real one would come from other people's stores.
 * They are not counted. */
static void end_frame(struct measurement *measurement)
{
    struct bench *bench = &measurement->bench;
    size_t length = assemble_frame(measurement);
    size_t missing = DICTIONARY_BYTES - bench->dictionary_bytes;
    if (missing > 0) {
        size_t more = length < missing ? length : missing;
        memcpy(measurement->memory.dictionary + bench->dictionary_bytes, measurement->memory.raw, more);
        bench->dictionary_bytes += more;
    } else {
        bench->frames++;
        bench->all_events += bench->events;
        bench->raw_bytes += length;
        for (size_t i = 0; i < VARIANTS; i++) {
            compress_frame(measurement, i, length);
        }
    }
    bench->events = 0;
    batch_start(&bench->batch, bench->batch.frame + 1, bench->batch.first_seq + bench->batch.seq_count);
}

/* The state log keeps one image per subject in a frame. */
static void replace_image(struct batch *batch, const struct name *subject)
{
    for (uint32_t i = 0; i < batch->entry_count; i++) {
        struct record other;
        if (batch_read(batch, i, &other) == STATUS_OK && other.kind == RECORD_IMAGE &&
            name_equal(&other.subject, subject)) {
            batch_replace(batch, i);
        }
    }
}

static record_ref put(void *self, struct record *record, enum seq_use use)
{
    struct measurement *measurement = self;
    struct bench *bench = &measurement->bench;
    bool is_image = record->kind == RECORD_IMAGE;
    bool begins = is_image == (bench->source.content == CONTENT_IMAGES); /* What comes next belongs to it. */
    if (begins && (bench->events == bench->frame_size || !batch_has_room(&bench->batch, EVENT_ROOM))) {
        end_frame(measurement);
    }
    bench->events += begins;
    if (is_image) {
        replace_image(&bench->batch, &record->subject);
    }
    return batch_add(&bench->batch, record, use);
}

static void put_again(void *self, const struct record *record)
{
    struct record copy = *record;
    bool takes_seq = record->seq != 0 && record->kind != RECORD_COPY;
    (void)put(self, &copy, takes_seq ? SEQ_TAKEN : SEQ_NONE);
}

static void start(struct measurement *measurement, struct source source, unsigned frame_size)
{
    struct bench *bench = &measurement->bench;
    memset(bench, 0, sizeof *bench);
    bench->source = source;
    bench->frame_size = frame_size;
    batch_init(&bench->batch, measurement->memory.batch, BATCH_BYTES);
    batch_start(&bench->batch, WORKLOAD_FRAME, WORKLOAD_SEQ + 1);
    witnesses_init(&bench->witnesses, measurement->memory.witnesses, batch_entries_most(BATCH_BYTES), 1);
    for (size_t i = 0; i < VARIANTS; i++) {
        if (deflater_init(&bench->trials[i].deflater, measurement->memory.deflaters[i], variants[i].level) !=
            STATUS_OK) {
            abort();
        }
    }
}

static void tell(const struct bench *bench)
{
    double frames = (double)bench->frames;
    double events = (double)bench->all_events;
    double raw = (double)bench->raw_bytes;
    for (size_t i = 0; bench->frames > 0 && i < VARIANTS; i++) {
        const struct trial *trial = &bench->trials[i];
        double stored = (double)trial->stored_bytes;
        printf(
            "{\"bench\":\"compression\",\"records\":\"%s\",\"per_frame\":%u,\"level\":%d,\"dictionary\":%zu,"
            "\"frames\":%" PRIu64 ",\"raw\":%.0f,\"stored\":%.0f,\"disk\":%.0f,\"ratio\":%.2f,\"ns\":%.0f}\n",
            bench->source.name, bench->frame_size, variants[i].level, variants[i].dictionary_bytes,
            bench->frames, raw / events, stored / events, (double)trial->disk_bytes / events, raw / stored,
            (double)trial->cpu_ns / frames);
    }
}

static void measure_made_up(struct measurement *measurement, struct source source, unsigned frame_size)
{
    struct workload *workload = &measurement->workload;
    struct workload_sink sink = {put, measurement};
    start(measurement, source, frame_size);
    workload_init(workload, measurement->memory.subjects, source.subjects, source.keys);
    switch (source.content) {
    case CONTENT_EVENTS:
        for (unsigned i = 0; i < EVENTS; i++) {
            workload_event(workload, sink);
        }
        break;
    case CONTENT_IMAGES:
        for (uint32_t i = 0; i < source.subjects; i++) {
            workload_image(workload, &workload->subjects[i], sink);
        }
        break;
    }
    tell(&measurement->bench);
}

static bool measure_store(struct measurement *measurement, const char *folder, unsigned frame_size)
{
    struct state_log_report report;
    start(measurement, (struct source){.name = "store", .content = CONTENT_EVENTS}, frame_size);
    if (state_log_scan(folder, io_posix(), (struct state_log_listener){put_again, measurement}, &report) !=
        STATUS_OK) {
        (void)fprintf(stderr, "bench_compression: %s\n", report.message);
        return false;
    }
    tell(&measurement->bench);
    return true;
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        (void)fputs("usage: bench_compression [STORE]\n", stderr);
        return 2;
    }
    struct measurement *measurement = take(sizeof *measurement);
    measurement->memory.batch = take(batch_memory_bytes(BATCH_BYTES));
    measurement->memory.witnesses = take(witnesses_memory_bytes(batch_entries_most(BATCH_BYTES)));
    measurement->memory.subjects = take(SUBJECTS * sizeof *measurement->memory.subjects);
    for (size_t i = 0; i < sizeof frame_sizes / sizeof *frame_sizes; i++) {
        if (argc == 2 && !measure_store(measurement, argv[1], frame_sizes[i])) {
            return 1;
        }
        for (size_t j = 0; argc == 1 && j < sizeof sources / sizeof *sources; j++) {
            measure_made_up(measurement, sources[j], frame_sizes[i]);
        }
    }
    free(measurement->memory.subjects);
    free(measurement->memory.witnesses);
    free(measurement->memory.batch);
    free(measurement);
    return 0;
}
