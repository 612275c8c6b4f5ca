/* Many threads at once: run it with FLYBALL_SANITIZE=thread. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/state/fixture.h"

enum { PUTTERS = 3, EVENTS_EACH = 5000, SUBJECTS_EACH = 5 };

struct crowd {
    struct fixture fixture;
    atomic_ullong released;
    atomic_uint failures;
    atomic_ullong published;
};

struct putter {
    struct crowd *crowd;
    int number;
    record_ref images[SUBJECTS_EACH];
};

static void expect(struct crowd *crowd, bool holds)
{
    if (!holds) {
        atomic_fetch_add(&crowd->failures, 1);
    }
}

static struct name subject_of(int putter, int subject)
{
    char text[16];
    snprintf(text, sizeof text, "s-%d-%d", putter, subject);
    return name_of(text);
}

/* A decision and the image it makes, together; the image's body is the decision's seq. */
static void put_event(struct putter *putter, int event)
{
    struct crowd *crowd = putter->crowd;
    struct state_log *log = &crowd->fixture.log;
    int subject = event % SUBJECTS_EACH;
    struct name name = subject_of(putter->number, subject);
    enum status status = state_log_begin(log, 2 * STATE_LOG_RECORD_OVERHEAD + 80);
    while (status == STATUS_NO_SPACE) {
        status = state_log_begin(log, 2 * STATE_LOG_RECORD_OVERHEAD + 80);
    }
    expect(crowd, status == STATUS_OK);
    if (status != STATUS_OK) {
        return;
    }
    uint64_t seq = state_log_next_seq(log);
    struct record decision = {.kind = RECORD_DECISION, .subject = name, .body = bytes_of_string("decision")};
    state_log_put(log, &decision, SEQ_TAKEN);
    struct record image = {.kind = RECORD_IMAGE,
                           .subject = name,
                           .edge = INSTANT_NEVER,
                           .previous = event % 2 == 0 ? putter->images[subject] : RECORD_REF_NONE,
                           .body = bytes_of(&seq, sizeof seq)};
    putter->images[subject] = state_log_put(log, &image, SEQ_NONE);
    state_log_end(log);
    expect(crowd, decision.seq == seq);
}

static void *put_events(void *argument)
{
    struct putter *putter = argument;
    struct state_log_reader reader;
    expect(putter->crowd, state_log_reader_open(&reader, &putter->crowd->fixture.log) == STATUS_OK);
    for (int i = 0; i < EVENTS_EACH; i++) {
        put_event(putter, i);
        if (i % 8 == 0) {
            struct name name = subject_of(putter->number, i % SUBJECTS_EACH);
            struct record image;
            expect(putter->crowd, state_log_find(&reader, &name, &image) == STATUS_OK);
            expect(putter->crowd, name_equal(&image.subject, &name));
            expect(putter->crowd, image.ref == putter->images[i % SUBJECTS_EACH]);
        }
    }
    state_log_reader_close(&reader);
    return NULL;
}

static void count_released(void *self, const struct record *record)
{
    struct crowd *crowd = self;
    if (record->kind == RECORD_DECISION) {
        atomic_fetch_add(&crowd->released, 1);
    }
}

static void *write_frames(void *argument)
{
    struct crowd *crowd = argument;
    struct state_log *log = &crowd->fixture.log;
    struct state_log_listener listener = {.record = count_released, .self = crowd};
    enum status status = state_log_wait(log, 1000);
    while (status == STATUS_OK || status == STATUS_TIMED_OUT) {
        enum status committed = state_log_commit(log, listener);
        expect(crowd, committed == STATUS_OK || committed == STATUS_EMPTY);
        /* Their images are replaced all the time: segments become droppable by themselves. */
        enum status dropped = state_log_drop_oldest(log);
        expect(crowd, dropped == STATUS_OK || dropped == STATUS_INVALID || dropped == STATUS_EMPTY);
        status = state_log_wait(log, 1000);
    }
    expect(crowd, status == STATUS_CLOSED);
    return NULL;
}

static void *publish(void *argument)
{
    struct crowd *crowd = argument;
    struct state_log *log = &crowd->fixture.log;
    struct state_log_reader reader;
    expect(crowd, state_log_reader_open(&reader, log) == STATUS_OK);
    record_ref cursor = RECORD_REF_NONE;
    uint64_t last_seq = 0;
    enum status status = state_log_wait_committed(log, cursor, 1000);
    while (status == STATUS_OK || status == STATUS_TIMED_OUT) {
        struct record record;
        while ((status = state_log_next(&reader, &cursor, &record)) == STATUS_OK) {
            if (record.kind == RECORD_DECISION) {
                expect(crowd, record.seq == last_seq + 1);
                last_seq = record.seq;
            }
            state_log_set_outbox_cursor(log, cursor);
        }
        expect(crowd, status == STATUS_EMPTY);
        status = state_log_wait_committed(log, cursor, 1000);
    }
    expect(crowd, status == STATUS_CLOSED);
    atomic_store(&crowd->published, last_seq);
    state_log_reader_close(&reader);
    return NULL;
}

static void putters_writer_and_publisher_work_together(void **context)
{
    (void)context;
    struct crowd *crowd = calloc(1, sizeof *crowd);
    fixture_start(&crowd->fixture);
    crowd->fixture.settings.segment_bytes = 128 << 10;
    crowd->fixture.settings.max_bytes = 8 * (128 << 10);
    crowd->fixture.settings.batch_bytes = 8 << 10;
    crowd->fixture.settings.recent_bytes = 16 << 10;
    fixture_open(&crowd->fixture);
    pthread_t writer;
    pthread_t publisher;
    pthread_t threads[PUTTERS];
    struct putter putters[PUTTERS];
    assert_int_equal(pthread_create(&writer, NULL, write_frames, crowd), 0);
    assert_int_equal(pthread_create(&publisher, NULL, publish, crowd), 0);
    for (int i = 0; i < PUTTERS; i++) {
        putters[i] = (struct putter){.crowd = crowd, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, put_events, &putters[i]), 0);
    }
    for (int i = 0; i < PUTTERS; i++) {
        pthread_join(threads[i], NULL);
    }
    state_log_shut(&crowd->fixture.log);
    pthread_join(writer, NULL);
    pthread_join(publisher, NULL);
    assert_int_equal(atomic_load(&crowd->failures), 0);
    assert_int_equal(atomic_load(&crowd->released), PUTTERS * EVENTS_EACH);
    assert_int_equal(atomic_load(&crowd->published), PUTTERS * EVENTS_EACH);
    for (int i = 0; i < PUTTERS * SUBJECTS_EACH; i++) {
        struct name name = subject_of(i / SUBJECTS_EACH, i % SUBJECTS_EACH);
        struct record image;
        assert_int_equal(state_log_find(&crowd->fixture.reader, &name, &image), STATUS_OK);
        assert_int_equal(image.ref, putters[i / SUBJECTS_EACH].images[i % SUBJECTS_EACH]);
    }
    fixture_close(&crowd->fixture);
    assert_int_equal(state_log_scan(crowd->fixture.folder, io_posix(), (struct state_log_listener){0},
                                    &crowd->fixture.report),
                     STATUS_OK);
    fixture_end(&crowd->fixture);
    free(crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(putters_writer_and_publisher_work_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
