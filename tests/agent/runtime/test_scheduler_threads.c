#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/runtime/scheduler.h"

enum { SLOTS = 64, NAMES = 12, HOT = 5, RUNNERS = 4, EVENTS = 20000 };

/* A small agent: one thread lets events arrive, several route and run them. An event of subject n carries a
 * number; the image of a subject is the last number it saw, so both order and images are checked by
 * arithmetic. */
struct world {
    struct scheduler scheduler;
    pthread_mutex_t lock;
    uint32_t free_slots[SLOTS];
    uint32_t free_count;
    uint32_t subject_of[SLOTS];
    uint64_t number_of[SLOTS];
    uint64_t stored[NAMES]; /* The log: what a subject without an image reads. */
    _Atomic uint32_t owners[NAMES];
    _Atomic uint64_t done;
    _Atomic uint64_t wrong;
    _Atomic uint64_t pokes_seen;
    _Atomic bool routing;
    uint64_t sent[NAMES];
};

static struct name name_number(uint32_t number)
{
    char text[NAME_BYTES_MAX];
    snprintf(text, sizeof text, "s%u", number);
    return name_of(text);
}

static uint32_t number_of_name(const struct name *name)
{
    uint32_t number = 0;
    for (uint8_t i = 1; i < name->length; i++) {
        number = number * 10 + (uint32_t)(name->text[i] - '0');
    }
    return number;
}

static void give_slot(struct world *world, slot_index slot)
{
    pthread_mutex_lock(&world->lock);
    world->free_slots[world->free_count++] = slot;
    pthread_mutex_unlock(&world->lock);
}

static slot_index take_slot(struct world *world)
{
    pthread_mutex_lock(&world->lock);
    slot_index slot = world->free_count > 0 ? world->free_slots[--world->free_count] : INDEX_NONE;
    pthread_mutex_unlock(&world->lock);
    return slot;
}

static void *let_arrive(void *context)
{
    struct world *world = context;
    uint32_t random = 5;
    for (int i = 0; i < EVENTS; i++) {
        slot_index slot = take_slot(world);
        while (slot == INDEX_NONE) {
            sched_yield();
            slot = take_slot(world);
        }
        random = random * 1664525 + 1013904223;
        uint32_t subject = (random >> 8) % NAMES;
        world->subject_of[slot] = subject;
        world->number_of[slot] = ++world->sent[subject];
        scheduler_arrive(&world->scheduler, slot, 1);
        if (i % 97 == 0) {
            struct name name = name_number((random >> 16) % NAMES);
            (void)!scheduler_poke(&world->scheduler, &name, POKE_TICK);
        }
    }
    return NULL;
}

static void route(struct world *world, struct run *run)
{
    world->wrong += atomic_exchange(&world->routing, true) ? 1 : 0;
    slot_index slot = 0;
    while (scheduler_next_arrival(&world->scheduler, run, &slot) == STATUS_OK) {
        struct name name = name_number(world->subject_of[slot]);
        struct posting posting = {.subject = &name, .slot = slot, .qos = 1};
        posting.priority = RUN_HIGH + world->subject_of[slot] % 3;
        if (scheduler_post(&world->scheduler, &posting) != STATUS_OK) {
            scheduler_put_back(&world->scheduler, slot);
            break;
        }
    }
    atomic_store(&world->routing, false);
    scheduler_routed(&world->scheduler, run);
}

static void run_subject(struct world *world, struct run *run)
{
    uint32_t subject = number_of_name(&run->name);
    world->wrong += atomic_fetch_add(&world->owners[subject], 1) != 0 ? 1 : 0;
    world->pokes_seen += run->pokes != 0 ? 1 : 0;
    uint64_t last = world->stored[subject];
    if (run->has_image) {
        uint64_t cached = 0;
        memcpy(&cached, run->image.data, sizeof cached);
        world->wrong += cached != last || run->image.length != sizeof cached ? 1 : 0;
    }
    slot_index slot = 0;
    uint64_t taken = 0;
    while (scheduler_next(&world->scheduler, run, &slot) == STATUS_OK) {
        world->wrong += world->subject_of[slot] != subject || world->number_of[slot] != last + 1 ? 1 : 0;
        last++;
        taken++;
        give_slot(world, slot);
    }
    world->stored[subject] = last;
    atomic_fetch_sub(&world->owners[subject], 1);
    scheduler_finish(&world->scheduler, run, IMAGE_STORE, bytes_of(&last, sizeof last));
    world->done += taken;
}

static void *run_all(void *context)
{
    struct world *world = context;
    uint8_t buffer[64];
    struct run run = {.buffer = buffer, .buffer_bytes = sizeof buffer};
    while (scheduler_take(&world->scheduler, -1, &run) == STATUS_OK) {
        switch (run.work) {
        case WORK_ROUTE: route(world, &run); break;
        case WORK_SUBJECT: run_subject(world, &run); break;
        }
    }
    return NULL;
}

static void subjects_run_alone_and_in_order_on_many_threads(void **context)
{
    (void)context;
    static struct world world;
    struct scheduler_settings settings = {.subjects = {.subjects = HOT, .blocks = 4, .key = {1, 2}},
                                          .slots = SLOTS,
                                          .mailbox = 4,
                                          .turn_events = 3};
    assert_int_equal(scheduler_init(&world.scheduler, &settings), STATUS_OK);
    pthread_mutex_init(&world.lock, NULL);
    for (slot_index slot = 0; slot < SLOTS; slot++) {
        give_slot(&world, slot);
    }
    pthread_t arriving;
    pthread_t runners[RUNNERS];
    for (int i = 0; i < RUNNERS; i++) {
        pthread_create(&runners[i], NULL, run_all, &world);
    }
    pthread_create(&arriving, NULL, let_arrive, &world);
    pthread_join(arriving, NULL);
    while (!scheduler_is_idle(&world.scheduler)) {
        (void)scheduler_trim(&world.scheduler, 1);
        sched_yield();
    }
    scheduler_close(&world.scheduler);
    for (int i = 0; i < RUNNERS; i++) {
        pthread_join(runners[i], NULL);
    }
    assert_int_equal(world.done, EVENTS);
    assert_int_equal(world.wrong, 0);
    assert_true(world.pokes_seen > 0);
    assert_int_equal(scheduler_stats(&world.scheduler).waiting, 0);
    assert_true(scheduler_stats(&world.scheduler).subjects.evicted > 0);
    scheduler_free(&world.scheduler);
}

static void *take_one(void *context)
{
    struct world *world = context;
    struct run run = {.buffer = NULL};
    return scheduler_take(&world->scheduler, -1, &run) == STATUS_CLOSED ? context : NULL;
}

static void closing_wakes_every_sleeper(void **context)
{
    (void)context;
    static struct world world;
    struct scheduler_settings settings = {
        .subjects = {.subjects = 1, .blocks = 1}, .slots = 1, .mailbox = 1, .turn_events = 1};
    assert_int_equal(scheduler_init(&world.scheduler, &settings), STATUS_OK);
    pthread_t sleepers[RUNNERS];
    for (int i = 0; i < RUNNERS; i++) {
        pthread_create(&sleepers[i], NULL, take_one, &world);
    }
    scheduler_close(&world.scheduler);
    for (int i = 0; i < RUNNERS; i++) {
        void *closed = NULL;
        pthread_join(sleepers[i], &closed);
        assert_ptr_equal(closed, &world);
    }
    scheduler_free(&world.scheduler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subjects_run_alone_and_in_order_on_many_threads),
        cmocka_unit_test(closing_wakes_every_sleeper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
