#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/state_board.h"

enum { PLACES = 64 };
static struct board_place places[PLACES];

static int fresh_board(void **context)
{
    static struct state_board board;
    for (size_t i = 0; i < PLACES; i++) {
        places[i] = (struct board_place){0};
    }
    state_board_init(&board, places, PLACES);
    *context = &board;
    return 0;
}

static void a_subject_keeps_its_place(void **context)
{
    struct state_board *board = *context;
    struct name acme = name_of("acme");
    struct board_place *place = state_board_place(board, &acme);
    assert_non_null(place);
    state_board_published(board, place, GOVERNOR_QUOTA, 7, 1000);
    assert_ptr_equal(state_board_place(board, &acme), place);
    assert_int_equal(place->published_hash[GOVERNOR_QUOTA], 7);
}

static void what_was_published_is_due_again_after_a_second(void **context)
{
    struct state_board *board = *context;
    struct name acme = name_of("acme");
    struct board_place *place = state_board_place(board, &acme);
    state_board_published(board, place, GOVERNOR_BILLING, 1, 5000);
    assert_false(board_place_is_due(place, GOVERNOR_BILLING, 5999));
    assert_true(board_place_is_due(place, GOVERNOR_BILLING, 6000));
}

static void a_deferred_value_comes_up_when_its_second_has_passed(void **context)
{
    struct state_board *board = *context;
    struct name acme = name_of("acme");
    struct board_place *place = state_board_place(board, &acme);
    state_board_published(board, place, GOVERNOR_QUOTA, 1, 5000);
    state_board_defer(board, place, GOVERNOR_QUOTA);
    state_board_defer(board, place, GOVERNOR_QUOTA);
    assert_null(state_board_next_due(board, 5500));
    assert_ptr_equal(state_board_next_due(board, 6000), place);
    state_board_published(board, place, GOVERNOR_QUOTA, 2, 6000);
    assert_null(state_board_next_due(board, 9000));
    assert_int_equal(board->pending_count, 0);
}

static void nobody_is_forgotten_while_a_place_is_free(void **context)
{
    struct state_board *board = *context;
    char text[16];
    for (int i = 0; i < PLACES / 2; i++) {
        snprintf(text, sizeof text, "s%d", i);
        struct name other = name_of(text);
        state_board_published(board, state_board_place(board, &other), GOVERNOR_QUOTA, 7, 1000 + i);
    }
    for (int i = 0; i < PLACES / 2; i++) {
        snprintf(text, sizeof text, "s%d", i);
        struct name other = name_of(text);
        assert_int_equal(state_board_place(board, &other)->published_at[GOVERNOR_QUOTA], 1000 + i);
    }
}

static void nothing_waits_when_the_agent_stops(void **context)
{
    struct state_board *board = *context;
    struct name acme = name_of("acme");
    struct board_place *place = state_board_place(board, &acme);
    state_board_published(board, place, GOVERNOR_QUOTA, 1, INSTANT_NEVER);
    assert_true(board_place_is_due(place, GOVERNOR_QUOTA, INSTANT_NEVER));
    state_board_defer(board, place, GOVERNOR_QUOTA);
    assert_ptr_equal(state_board_next_due(board, INSTANT_NEVER), place);
}

static void pending_subjects_are_never_forgotten(void **context)
{
    struct state_board *board = *context;
    struct name acme = name_of("acme");
    state_board_defer(board, state_board_place(board, &acme), GOVERNOR_QUOTA);
    for (int i = 0; i < 10 * PLACES; i++) {
        char text[16];
        snprintf(text, sizeof text, "s%d", i);
        struct name other = name_of(text);
        assert_non_null(state_board_place(board, &other));
    }
    struct board_place *place = state_board_place(board, &acme);
    assert_int_equal(place->pending, 1U << GOVERNOR_QUOTA);
}

static void a_board_full_of_pending_subjects_says_so(void **context)
{
    struct state_board *board = *context;
    int refused = 0;
    for (int i = 0; i < 10 * PLACES; i++) {
        char text[16];
        snprintf(text, sizeof text, "s%d", i);
        struct name other = name_of(text);
        struct board_place *place = state_board_place(board, &other);
        if (place == NULL) {
            refused++;
            continue;
        }
        state_board_defer(board, place, GOVERNOR_BILLING);
    }
    assert_true(refused >= 9 * PLACES);
    assert_true(board->pending_count <= PLACES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_subject_keeps_its_place, fresh_board),
        cmocka_unit_test_setup(what_was_published_is_due_again_after_a_second, fresh_board),
        cmocka_unit_test_setup(a_deferred_value_comes_up_when_its_second_has_passed, fresh_board),
        cmocka_unit_test_setup(nobody_is_forgotten_while_a_place_is_free, fresh_board),
        cmocka_unit_test_setup(nothing_waits_when_the_agent_stops, fresh_board),
        cmocka_unit_test_setup(pending_subjects_are_never_forgotten, fresh_board),
        cmocka_unit_test_setup(a_board_full_of_pending_subjects_says_so, fresh_board),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
