#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/state/compression.h"

enum { TEXT_BYTES = 100000 };

static uint8_t deflater_memory[DEFLATER_MEMORY_BYTES] __attribute__((aligned(64)));
static uint8_t inflater_memory[INFLATER_MEMORY_BYTES] __attribute__((aligned(64)));

static void fill_with_text(uint8_t *text)
{
    for (size_t i = 0; i < TEXT_BYTES; i++) {
        text[i] = (uint8_t)((size_t) "the quick brown fox "[i % 20] + i / 1000 % 3);
    }
}

static void pieces_come_back_whole_at_every_level(void **context)
{
    (void)context;
    uint8_t *text = malloc(TEXT_BYTES);
    uint8_t *stored = malloc(TEXT_BYTES);
    uint8_t *got = malloc(TEXT_BYTES);
    fill_with_text(text);
    for (int level = 1; level <= 9; level++) {
        struct deflater deflater;
        struct inflater inflater;
        assert_int_equal(deflater_init(&deflater, deflater_memory, level), STATUS_OK);
        assert_int_equal(inflater_init(&inflater, inflater_memory), STATUS_OK);
        for (int round = 0; round < 3; round++) {
            size_t length;
            deflater_begin(&deflater, stored, TEXT_BYTES - 1);
            for (size_t i = 0; i < TEXT_BYTES; i += 1000) {
                assert_int_equal(deflater_add(&deflater, bytes_of(text + i, 1000)), STATUS_OK);
            }
            assert_int_equal(deflater_finish(&deflater, &length), STATUS_OK);
            assert_true(length < TEXT_BYTES / 10);
            struct bytes packed = bytes_of(stored, length);
            assert_int_equal(inflater_run(&inflater, packed, got, TEXT_BYTES), STATUS_OK);
            assert_memory_equal(got, text, TEXT_BYTES);
        }
        assert_int_equal(deflater.arena.refused, 0);
        assert_int_equal(inflater.arena.refused, 0);
    }
    free(text);
    free(stored);
    free(got);
}

static void output_that_does_not_fit_is_given_up(void **context)
{
    (void)context;
    uint8_t noise[1000];
    uint8_t stored[1000];
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof noise; i++) {
        state = state * 1664525 + 1013904223;
        noise[i] = (uint8_t)(state >> 24);
    }
    struct deflater deflater;
    assert_int_equal(deflater_init(&deflater, deflater_memory, 6), STATUS_OK);
    deflater_begin(&deflater, stored, sizeof noise - 1);
    enum status status = deflater_add(&deflater, bytes_of(noise, sizeof noise));
    size_t length;
    assert_true(status == STATUS_FULL || deflater_finish(&deflater, &length) == STATUS_FULL);
    deflater_begin(&deflater, stored, sizeof stored);
    assert_int_equal(deflater_add(&deflater, bytes_of_string("good again")), STATUS_OK);
    assert_int_equal(deflater_finish(&deflater, &length), STATUS_OK);
}

static void damaged_cut_or_wrongly_sized_streams_are_corrupt(void **context)
{
    (void)context;
    uint8_t stored[200];
    uint8_t got[200];
    size_t length;
    struct deflater deflater;
    struct inflater inflater;
    assert_int_equal(deflater_init(&deflater, deflater_memory, 6), STATUS_OK);
    assert_int_equal(inflater_init(&inflater, inflater_memory), STATUS_OK);
    deflater_begin(&deflater, stored, sizeof stored);
    assert_int_equal(deflater_add(&deflater, bytes_of_string("some words, some words")), STATUS_OK);
    assert_int_equal(deflater_finish(&deflater, &length), STATUS_OK);
    for (size_t cut = 0; cut < length; cut++) {
        assert_int_equal(inflater_run(&inflater, bytes_of(stored, cut), got, 22), STATUS_CORRUPT);
    }
    assert_int_equal(inflater_run(&inflater, bytes_of(stored, length), got, 21), STATUS_CORRUPT);
    assert_int_equal(inflater_run(&inflater, bytes_of(stored, length), got, 23), STATUS_CORRUPT);
    assert_int_equal(inflater_run(&inflater, bytes_of(stored, length), got, 22), STATUS_OK);
    stored[length - 1] ^= 1;
    assert_int_equal(inflater_run(&inflater, bytes_of(stored, length), got, 22), STATUS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_come_back_whole_at_every_level),
        cmocka_unit_test(output_that_does_not_fit_is_given_up),
        cmocka_unit_test(damaged_cut_or_wrongly_sized_streams_are_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
