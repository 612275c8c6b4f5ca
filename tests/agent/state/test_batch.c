#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/batch.h"

enum { CAPACITY = 4096 };

struct bench {
    struct batch batch;
    void *memory;
};

static int set_up(void **context)
{
    struct bench *bench = malloc(sizeof *bench);
    bench->memory = malloc(batch_memory_bytes(CAPACITY));
    batch_init(&bench->batch, bench->memory, CAPACITY);
    batch_start(&bench->batch, 5, 30);
    *context = bench;
    return 0;
}

static int tear_down(void **context)
{
    struct bench *bench = *context;
    free(bench->memory);
    free(bench);
    return 0;
}

static record_ref add(struct batch *batch, const char *body, enum seq_use use)
{
    struct record record = {.kind = use == SEQ_TAKEN ? RECORD_DECISION : RECORD_IMAGE,
                            .subject = name_of("acme"),
                            .edge = INSTANT_NEVER,
                            .body = bytes_of_string(body)};
    return batch_add(batch, &record, use);
}

static void records_are_read_back_with_their_seqs(void **context)
{
    struct batch *batch = &((struct bench *)*context)->batch;
    assert_int_equal(add(batch, "a", SEQ_TAKEN), record_ref_of(5, 0));
    assert_int_equal(add(batch, "b", SEQ_NONE), record_ref_of(5, 1));
    assert_int_equal(add(batch, "c", SEQ_TAKEN), record_ref_of(5, 2));
    struct record record;
    assert_int_equal(batch_read(batch, 2, &record), STATUS_OK);
    assert_int_equal(record.seq, 31);
    assert_true(bytes_equal_string(record.body, "c"));
    assert_int_equal(batch_read(batch, 1, &record), STATUS_OK);
    assert_int_equal(record.seq, 0);
    assert_int_equal(batch_read(batch, 3, &record), STATUS_NOT_FOUND);
}

static void replaced_images_leave_no_trace_in_the_pieces(void **context)
{
    struct batch *batch = &((struct bench *)*context)->batch;
    for (int i = 0; i < 6; i++) {
        add(batch, i % 2 == 0 ? "keep" : "go", i % 2 == 0 ? SEQ_TAKEN : SEQ_NONE);
    }
    batch_replace(batch, 1);
    batch_replace(batch, 5);
    struct record record;
    assert_int_equal(batch_read(batch, 1, &record), STATUS_NOT_FOUND);
    assert_int_equal(batch->live_records, 4);
    uint8_t copy[CAPACITY];
    batch_copy(batch, copy);
    struct record_walk walk = record_walk_of(bytes_of(copy, batch->live_bytes), 5, 30);
    static const uint32_t ordinals[] = {0, 2, 3, 4};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(record_walk_next(&walk, &record), STATUS_OK);
        assert_int_equal(record_ref_ordinal(record.ref), ordinals[i]);
    }
    assert_int_equal(record_walk_next(&walk, &record), STATUS_EMPTY);
    assert_int_equal(batch_last_ref(batch), record_ref_of(5, 4));
    uint32_t at = 0;
    struct bytes piece;
    int pieces = 0;
    while (batch_next_piece(batch, &at, &piece)) {
        pieces++;
    }
    assert_int_equal(pieces, 2);
}

static void room_is_given_until_bytes_or_places_run_out(void **context)
{
    struct batch *batch = &((struct bench *)*context)->batch;
    assert_int_equal(batch_most(batch), CAPACITY);
    assert_true(batch_has_room(batch, CAPACITY));
    assert_false(batch_has_room(batch, CAPACITY + 1));
    int added = 0;
    while (batch_has_room(batch, 128)) {
        add(batch, "", SEQ_TAKEN);
        added++;
        assert_true(added <= BATCH_RECORDS_MAX);
    }
    assert_true(batch->entry_count <= batch->entries_most);
    assert_true(batch->used <= CAPACITY);
    batch_start(batch, 6, 90);
    assert_true(batch_has_room(batch, CAPACITY));
    assert_int_equal(batch_last_ref(batch), RECORD_REF_NONE);
}

static void a_batch_never_holds_more_records_than_ordinals(void **context)
{
    (void)context;
    enum { LARGE = 16 << 20 };
    struct batch batch;
    void *memory = malloc(batch_memory_bytes(LARGE));
    batch_init(&batch, memory, LARGE);
    batch_start(&batch, 1, 1);
    while (batch_has_room(&batch, 128)) {
        add(&batch, "", SEQ_TAKEN);
    }
    assert_int_equal(batch.entry_count, BATCH_RECORDS_MAX);
    assert_int_equal(record_ref_ordinal(batch_last_ref(&batch)), BATCH_RECORDS_MAX - 1);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_are_read_back_with_their_seqs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(replaced_images_leave_no_trace_in_the_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(room_is_given_until_bytes_or_places_run_out, set_up, tear_down),
        cmocka_unit_test(a_batch_never_holds_more_records_than_ordinals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
