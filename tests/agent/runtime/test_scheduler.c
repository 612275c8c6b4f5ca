#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/runtime/scheduler.h"

enum { SLOTS = 256, SUBJECTS = 3, MAILBOX = 4, TURN = 3 };

struct fixture {
    struct scheduler scheduler;
    struct run run;
    uint8_t buffer[4096];
};

static int setup(void **context)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof fixture);
    fixture.run.buffer = fixture.buffer;
    fixture.run.buffer_bytes = sizeof fixture.buffer;
    struct scheduler_settings settings = {.subjects = {.subjects = SUBJECTS, .blocks = 16, .key = {1, 2}},
                                          .slots = SLOTS,
                                          .mailbox = MAILBOX,
                                          .turn_events = TURN};
    *context = &fixture;
    return scheduler_init(&fixture.scheduler, &settings) == STATUS_OK ? 0 : -1;
}

static int teardown(void **context)
{
    struct fixture *fixture = *context;
    scheduler_free(&fixture->scheduler);
    return 0;
}

static enum status post(struct fixture *fixture, const char *subject, slot_index slot, uint8_t qos)
{
    struct name name = name_of(subject);
    struct posting posting = {.subject = &name, .slot = slot, .qos = qos, .priority = RUN_NORMAL};
    return scheduler_post(&fixture->scheduler, &posting);
}

static void post_at(struct fixture *fixture, const char *subject, slot_index slot, enum run_priority priority)
{
    struct name name = name_of(subject);
    struct posting posting = {.subject = &name, .slot = slot, .qos = 1, .priority = priority};
    assert_int_equal(scheduler_post(&fixture->scheduler, &posting), STATUS_OK);
}

static void take_subject(struct fixture *fixture, const char *subject)
{
    assert_int_equal(scheduler_take(&fixture->scheduler, 0, &fixture->run), STATUS_OK);
    assert_int_equal(fixture->run.work, WORK_SUBJECT);
    assert_true(bytes_equal_string(name_bytes(&fixture->run.name), subject));
}

static slot_index next(struct fixture *fixture)
{
    slot_index slot = INDEX_NONE;
    return scheduler_next(&fixture->scheduler, &fixture->run, &slot) == STATUS_OK ? slot : INDEX_NONE;
}

static void finish(struct fixture *fixture)
{
    scheduler_finish(&fixture->scheduler, &fixture->run, IMAGE_UNCHANGED, bytes_of(NULL, 0));
}

static void take_routing(struct fixture *fixture)
{
    assert_int_equal(scheduler_take(&fixture->scheduler, 0, &fixture->run), STATUS_OK);
    assert_int_equal(fixture->run.work, WORK_ROUTE);
}

static slot_index next_arrival(struct fixture *fixture)
{
    slot_index slot = INDEX_NONE;
    return scheduler_next_arrival(&fixture->scheduler, &fixture->run, &slot) == STATUS_OK ? slot : INDEX_NONE;
}

static void assert_nothing_to_do(struct fixture *fixture)
{
    assert_int_equal(scheduler_take(&fixture->scheduler, 0, &fixture->run), STATUS_TIMED_OUT);
}

static void events_of_a_subject_come_in_order(void **context)
{
    struct fixture *fixture = *context;
    assert_nothing_to_do(fixture);
    assert_int_equal(post(fixture, "a", 7, 1), STATUS_OK);
    assert_int_equal(post(fixture, "a", 3, 0), STATUS_OK);
    assert_false(scheduler_is_idle(&fixture->scheduler));
    take_subject(fixture, "a");
    assert_int_equal(next(fixture), 7);
    assert_int_equal(next(fixture), 3);
    assert_int_equal(next(fixture), INDEX_NONE);
    assert_false(scheduler_is_idle(&fixture->scheduler));
    finish(fixture);
    assert_nothing_to_do(fixture);
    assert_true(scheduler_is_idle(&fixture->scheduler));
}

static void running_subject_is_not_given_to_another(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(post(fixture, "a", 0, 1), STATUS_OK);
    take_subject(fixture, "a");
    assert_int_equal(post(fixture, "a", 1, 1), STATUS_OK);
    struct run other = {.buffer = NULL};
    assert_int_equal(scheduler_take(&fixture->scheduler, 0, &other), STATUS_TIMED_OUT);
    assert_int_equal(scheduler_take(&fixture->scheduler, 1, &other), STATUS_TIMED_OUT);
    assert_int_equal(next(fixture), 0);
    finish(fixture);
    take_subject(fixture, "a");
    assert_int_equal(next(fixture), 1);
    finish(fixture);
}

static void long_mailbox_yields_to_others(void **context)
{
    struct fixture *fixture = *context;
    for (slot_index slot = 0; slot < TURN + 1; slot++) {
        assert_int_equal(post(fixture, "busy", slot, 1), STATUS_OK);
    }
    assert_int_equal(post(fixture, "quiet", 100, 1), STATUS_OK);
    take_subject(fixture, "busy");
    for (slot_index slot = 0; slot < TURN; slot++) {
        assert_int_equal(next(fixture), slot);
    }
    assert_int_equal(next(fixture), INDEX_NONE);
    finish(fixture);
    take_subject(fixture, "quiet");
    assert_int_equal(next(fixture), 100);
    finish(fixture);
    take_subject(fixture, "busy");
    assert_int_equal(next(fixture), TURN);
    finish(fixture);
    struct scheduler_stats stats = scheduler_stats(&fixture->scheduler);
    assert_int_equal(stats.turns, 3);
    assert_int_equal(stats.reductions, TURN + 2);
    assert_int_equal(stats.waiting, 0);
}

static void full_mailbox_refuses_qos_0_and_counts(void **context)
{
    struct fixture *fixture = *context;
    for (slot_index slot = 0; slot < MAILBOX; slot++) {
        assert_int_equal(post(fixture, "a", slot, 0), STATUS_OK);
    }
    assert_int_equal(post(fixture, "a", 50, 0), STATUS_FULL);
    assert_int_equal(post(fixture, "a", 51, 1), STATUS_OK);
    assert_int_equal(post(fixture, "b", 52, 0), STATUS_OK);
    assert_int_equal(scheduler_stats(&fixture->scheduler).refused, 1);
    assert_int_equal(scheduler_stats(&fixture->scheduler).waiting, MAILBOX + 2);
}

static void mailbox_of_size_0_refuses_without_keeping_subjects_busy(void **context)
{
    struct fixture *fixture = *context;
    fixture->scheduler.settings.mailbox = 0;
    const char *const names[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(post(fixture, names[i], 0, 0), STATUS_FULL);
    }
    assert_int_equal(post(fixture, "a", 0, 1), STATUS_OK);
    assert_int_equal(post(fixture, "a", 1, 0), STATUS_FULL);
    take_subject(fixture, "a");
    assert_int_equal(next(fixture), 0);
    finish(fixture);
    assert_nothing_to_do(fixture);
}

static void image_is_kept_between_turns(void **context)
{
    struct fixture *fixture = *context;
    struct bytes image = bytes_of_string("the state of a");
    assert_int_equal(post(fixture, "a", 0, 1), STATUS_OK);
    take_subject(fixture, "a");
    assert_false(fixture->run.has_image);
    assert_int_equal(next(fixture), 0);
    scheduler_finish(&fixture->scheduler, &fixture->run, IMAGE_STORE, image);
    for (slot_index slot = 1; slot < 3; slot++) {
        assert_int_equal(post(fixture, "a", slot, 1), STATUS_OK);
        take_subject(fixture, "a");
        assert_true(fixture->run.has_image);
        assert_true(bytes_equal(fixture->run.image, image));
        assert_int_equal(next(fixture), slot);
        finish(fixture);
    }
    assert_int_equal(post(fixture, "a", 4, 1), STATUS_OK);
    take_subject(fixture, "a");
    scheduler_finish(&fixture->scheduler, &fixture->run, IMAGE_FORGET, bytes_of(NULL, 0));
    take_subject(fixture, "a"); /* Its event was not taken. */
    assert_false(fixture->run.has_image);
    finish(fixture);
}

static void higher_priority_runs_first_and_pulls_earlier_events_along(void **context)
{
    struct fixture *fixture = *context;
    post_at(fixture, "a", 0, RUN_NORMAL);
    post_at(fixture, "b", 1, RUN_LOW);
    post_at(fixture, "c", 2, RUN_HIGH);
    post_at(fixture, "b", 3, RUN_HIGH);
    take_subject(fixture, "c");
    assert_int_equal(next(fixture), 2);
    finish(fixture);
    take_subject(fixture, "b");
    assert_int_equal(next(fixture), 1);
    assert_int_equal(next(fixture), 3);
    finish(fixture);
    take_subject(fixture, "a");
    finish(fixture);
}

static void poke_runs_before_everything_and_is_said_once(void **context)
{
    struct fixture *fixture = *context;
    post_at(fixture, "a", 0, RUN_HIGH);
    post_at(fixture, "b", 1, RUN_LOW);
    struct name name = name_of("b");
    assert_int_equal(scheduler_poke(&fixture->scheduler, &name, POKE_TICK), STATUS_OK);
    assert_int_equal(scheduler_poke(&fixture->scheduler, &name, POKE_RELOCATE), STATUS_OK);
    take_subject(fixture, "b");
    assert_int_equal(fixture->run.pokes, POKE_TICK | POKE_RELOCATE);
    assert_int_equal(scheduler_poke(&fixture->scheduler, &name, POKE_TICK), STATUS_OK);
    finish(fixture);
    take_subject(fixture, "b");
    assert_int_equal(fixture->run.pokes, POKE_TICK);
    assert_int_equal(next(fixture), 1);
    finish(fixture);
    take_subject(fixture, "a");
    assert_int_equal(fixture->run.pokes, 0);
    assert_int_equal(next(fixture), 0);
    finish(fixture);
    assert_nothing_to_do(fixture);
}

static void poke_wakes_a_subject_that_sleeps(void **context)
{
    struct fixture *fixture = *context;
    struct name name = name_of("asleep");
    assert_int_equal(scheduler_poke(&fixture->scheduler, &name, POKE_TICK), STATUS_OK);
    take_subject(fixture, "asleep");
    assert_false(fixture->run.has_image);
    assert_int_equal(next(fixture), INDEX_NONE);
    finish(fixture);
    assert_nothing_to_do(fixture);
}

static void arrivals_are_routed_in_order_by_one_at_a_time(void **context)
{
    struct fixture *fixture = *context;
    for (slot_index slot = 0; slot < 3; slot++) {
        scheduler_arrive(&fixture->scheduler, slot, 1);
    }
    assert_int_equal(scheduler_stats(&fixture->scheduler).intake, 3);
    take_routing(fixture);
    struct run other = {.buffer = NULL};
    assert_int_equal(scheduler_take(&fixture->scheduler, 0, &other), STATUS_TIMED_OUT);
    for (slot_index slot = 0; slot < 3; slot++) {
        assert_int_equal(next_arrival(fixture), slot);
        assert_int_equal(post(fixture, "a", slot, 1), STATUS_OK);
    }
    assert_int_equal(next_arrival(fixture), INDEX_NONE);
    assert_false(scheduler_is_idle(&fixture->scheduler));
    scheduler_routed(&fixture->scheduler, &fixture->run);
    take_subject(fixture, "a");
    assert_int_equal(next(fixture), 0);
    finish(fixture);
}

static void flood_of_arrivals_lets_subjects_run(void **context)
{
    struct fixture *fixture = *context;
    for (slot_index slot = 0; slot < SCHEDULER_ROUTE_BATCH + 10; slot++) {
        scheduler_arrive(&fixture->scheduler, slot, 1);
    }
    take_routing(fixture);
    for (slot_index slot = 0; slot < SCHEDULER_ROUTE_BATCH; slot++) {
        assert_int_equal(next_arrival(fixture), slot);
        assert_int_equal(post(fixture, slot % 2 == 0 ? "a" : "b", slot, 1), STATUS_OK);
    }
    assert_int_equal(next_arrival(fixture), INDEX_NONE);
    scheduler_routed(&fixture->scheduler, &fixture->run);
    take_subject(fixture, "a");
    finish(fixture);
    take_routing(fixture);
    assert_int_equal(next_arrival(fixture), SCHEDULER_ROUTE_BATCH);
    scheduler_routed(&fixture->scheduler, &fixture->run);
    take_subject(fixture, "b");
    finish(fixture);
}

static void arrival_waits_while_every_hot_subject_is_busy(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(post(fixture, "a", 0, 1), STATUS_OK);
    assert_int_equal(post(fixture, "b", 1, 1), STATUS_OK);
    assert_int_equal(post(fixture, "c", 2, 1), STATUS_OK);
    scheduler_arrive(&fixture->scheduler, 3, 1);
    scheduler_arrive(&fixture->scheduler, 4, 1);
    take_routing(fixture);
    assert_int_equal(next_arrival(fixture), 3);
    assert_int_equal(post(fixture, "d", 3, 1), STATUS_NO_MEMORY);
    scheduler_put_back(&fixture->scheduler, 3);
    assert_int_equal(next_arrival(fixture), INDEX_NONE);
    scheduler_routed(&fixture->scheduler, &fixture->run);
    take_subject(fixture, "a"); /* Not the routing again. */
    assert_int_equal(next(fixture), 0);
    finish(fixture);
    take_routing(fixture);
    assert_int_equal(next_arrival(fixture), 3);
    assert_int_equal(post(fixture, "d", 3, 1), STATUS_OK);
    scheduler_routed(&fixture->scheduler, &fixture->run);
    assert_int_equal(scheduler_stats(&fixture->scheduler).blocked, 1);
    assert_int_equal(scheduler_stats(&fixture->scheduler).subjects.evicted, 1);
}

static void event_given_back_is_the_next_one(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(post(fixture, "a", 0, 0), STATUS_OK);
    assert_int_equal(post(fixture, "a", 1, 1), STATUS_OK);
    take_subject(fixture, "a");
    assert_int_equal(next(fixture), 0);
    scheduler_give_back(&fixture->scheduler, &fixture->run, 0);
    finish(fixture);
    assert_int_equal(scheduler_stats(&fixture->scheduler).waiting, 2);
    take_subject(fixture, "a");
    assert_int_equal(next(fixture), 0);
    assert_int_equal(next(fixture), 1);
    finish(fixture);
    assert_true(scheduler_is_idle(&fixture->scheduler));
}

static void place_kept_for_pokes_is_not_taken_by_events(void **context)
{
    struct fixture *fixture = *context;
    fixture->scheduler.settings.kept_for_pokes = 1;
    struct name poked = name_of("d");
    assert_int_equal(post(fixture, "a", 0, 1), STATUS_OK);
    assert_int_equal(post(fixture, "b", 1, 1), STATUS_OK);
    assert_int_equal(post(fixture, "c", 2, 1), STATUS_NO_MEMORY);
    assert_int_equal(post(fixture, "a", 2, 1), STATUS_OK); /* It has a place. */
    assert_int_equal(scheduler_poke(&fixture->scheduler, &poked, POKE_TICK), STATUS_OK);
    assert_int_equal(post(fixture, "d", 3, 1), STATUS_NO_MEMORY); /* Hot, but not for events. */
    take_subject(fixture, "d");
    finish(fixture);
    poked = name_of("e");
    assert_int_equal(scheduler_poke(&fixture->scheduler, &poked, POKE_TICK), STATUS_OK);
    take_subject(fixture, "e");
    finish(fixture);
    take_subject(fixture, "a");
    assert_int_equal(next(fixture), 0);
    assert_int_equal(post(fixture, "c", 3, 1), STATUS_NO_MEMORY);
    assert_int_equal(next(fixture), 2);
    assert_int_equal(post(fixture, "c", 3, 1), STATUS_OK);
    finish(fixture);
}

/* The subject becomes idle between the failed post and the putting back. */
static void arrival_put_back_late_is_not_forgotten(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(post(fixture, "a", 0, 1), STATUS_OK);
    assert_int_equal(post(fixture, "b", 1, 1), STATUS_OK);
    assert_int_equal(post(fixture, "c", 2, 1), STATUS_OK);
    struct run running = {.buffer = NULL};
    for (int i = 0; i < 3; i++) {
        slot_index slot = 0;
        assert_int_equal(scheduler_take(&fixture->scheduler, 0, &running), STATUS_OK);
        assert_int_equal(scheduler_next(&fixture->scheduler, &running, &slot), STATUS_OK);
        if (i < 2) {
            continue;
        }
        scheduler_arrive(&fixture->scheduler, 3, 1);
        take_routing(fixture);
        assert_int_equal(next_arrival(fixture), 3);
        assert_int_equal(post(fixture, "d", 3, 1), STATUS_NO_MEMORY);
        scheduler_finish(&fixture->scheduler, &running, IMAGE_UNCHANGED, bytes_of(NULL, 0));
        scheduler_put_back(&fixture->scheduler, 3);
        scheduler_routed(&fixture->scheduler, &fixture->run);
    }
    take_routing(fixture);
    assert_int_equal(next_arrival(fixture), 3);
    assert_int_equal(post(fixture, "d", 3, 1), STATUS_OK);
    scheduler_routed(&fixture->scheduler, &fixture->run);
}

static void oldest_qos_0_event_is_shed_first(void **context)
{
    struct fixture *fixture = *context;
    scheduler_arrive(&fixture->scheduler, 0, 1);
    scheduler_arrive(&fixture->scheduler, 1, 0);
    scheduler_arrive(&fixture->scheduler, 2, 0);
    scheduler_arrive(&fixture->scheduler, 3, 0);
    scheduler_arrive(&fixture->scheduler, 4, 0);
    take_routing(fixture);
    for (slot_index slot = 0; slot < 3; slot++) {
        assert_int_equal(next_arrival(fixture), slot);
        assert_int_equal(post(fixture, slot == 1 ? "a" : "b", slot, slot == 0 ? 1 : 0), STATUS_OK);
    }
    assert_int_equal(next_arrival(fixture), 3); /* On its way: nobody else's. */
    slot_index shed = INDEX_NONE;
    const slot_index expected[] = {1, 2, 4};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(scheduler_shed_oldest(&fixture->scheduler, &shed), STATUS_OK);
        assert_int_equal(shed, expected[i]);
    }
    assert_int_equal(scheduler_shed_oldest(&fixture->scheduler, &shed), STATUS_EMPTY);
    scheduler_put_back(&fixture->scheduler, 3);
    assert_int_equal(scheduler_shed_oldest(&fixture->scheduler, &shed), STATUS_OK);
    assert_int_equal(shed, 3);
    scheduler_routed(&fixture->scheduler, &fixture->run);
    assert_int_equal(scheduler_stats(&fixture->scheduler).waiting, 1);
}

static void subject_whose_events_were_shed_just_ends_its_turn(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(post(fixture, "a", 0, 0), STATUS_OK);
    slot_index shed = INDEX_NONE;
    assert_int_equal(scheduler_shed_oldest(&fixture->scheduler, &shed), STATUS_OK);
    take_subject(fixture, "a");
    assert_int_equal(next(fixture), INDEX_NONE);
    finish(fixture);
    assert_nothing_to_do(fixture);
}

static void idle_subjects_can_be_put_to_sleep(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(post(fixture, "a", 0, 1), STATUS_OK);
    take_subject(fixture, "a");
    assert_int_equal(scheduler_trim(&fixture->scheduler, 10), 0);
    assert_int_equal(next(fixture), 0);
    scheduler_finish(&fixture->scheduler, &fixture->run, IMAGE_STORE, bytes_of_string("a"));
    assert_int_equal(scheduler_trim(&fixture->scheduler, 10), 1);
    assert_int_equal(post(fixture, "a", 1, 1), STATUS_OK);
    take_subject(fixture, "a");
    assert_false(fixture->run.has_image);
    finish(fixture);
}

static void closed_scheduler_gives_nothing(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(post(fixture, "a", 0, 1), STATUS_OK);
    take_subject(fixture, "a");
    assert_int_equal(post(fixture, "b", 1, 1), STATUS_OK);
    scheduler_close(&fixture->scheduler);
    assert_int_equal(next(fixture), 0); /* A run in progress ends as usual. */
    finish(fixture);
    struct run run = {.buffer = NULL};
    assert_int_equal(scheduler_take(&fixture->scheduler, -1, &run), STATUS_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_of_a_subject_come_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(running_subject_is_not_given_to_another, setup, teardown),
        cmocka_unit_test_setup_teardown(long_mailbox_yields_to_others, setup, teardown),
        cmocka_unit_test_setup_teardown(full_mailbox_refuses_qos_0_and_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(mailbox_of_size_0_refuses_without_keeping_subjects_busy, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(image_is_kept_between_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(higher_priority_runs_first_and_pulls_earlier_events_along, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(poke_runs_before_everything_and_is_said_once, setup, teardown),
        cmocka_unit_test_setup_teardown(poke_wakes_a_subject_that_sleeps, setup, teardown),
        cmocka_unit_test_setup_teardown(arrivals_are_routed_in_order_by_one_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(flood_of_arrivals_lets_subjects_run, setup, teardown),
        cmocka_unit_test_setup_teardown(arrival_waits_while_every_hot_subject_is_busy, setup, teardown),
        cmocka_unit_test_setup_teardown(event_given_back_is_the_next_one, setup, teardown),
        cmocka_unit_test_setup_teardown(place_kept_for_pokes_is_not_taken_by_events, setup, teardown),
        cmocka_unit_test_setup_teardown(arrival_put_back_late_is_not_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(oldest_qos_0_event_is_shed_first, setup, teardown),
        cmocka_unit_test_setup_teardown(subject_whose_events_were_shed_just_ends_its_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(idle_subjects_can_be_put_to_sleep, setup, teardown),
        cmocka_unit_test_setup_teardown(closed_scheduler_gives_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
