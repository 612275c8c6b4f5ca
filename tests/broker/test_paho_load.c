/* The connection under load: nothing accepted is forgotten, whatever the broker does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/broker/scene.h"

enum { LOAD_MESSAGES = 20000, RESTARTS = 8, LOAD_BYTES = 700 };

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Publishes for a while; a full window and a missing connection are waited for. Returns the next ticket. */
static uint64_t publish_for(struct scene *scene, uint64_t ticket, int64_t duration_ms)
{
    char text[LOAD_BYTES] = {0};
    memset(text, 'x', sizeof(text) - 1);
    int64_t end_ms = now_ms() + duration_ms;
    while (now_ms() < end_ms && ticket < LOAD_MESSAGES) {
        enum status status = scene_publish(scene, "load/out", text, ticket);
        if (status == STATUS_OK) {
            ticket++;
        } else {
            assert_true(status == STATUS_FULL || status == STATUS_DISCONNECTED);
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
        }
    }
    return ticket;
}

static void assert_all_delivered(struct scene *scene, uint64_t tickets)
{
    int64_t end_ms = now_ms() + 10000;
    while (paho_client_in_flight(scene->recorder.client) > 0 && now_ms() < end_ms) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    assert_true(scene_await_landed(scene));
    for (uint64_t ticket = 0; ticket < tickets; ticket++) {
        assert_true(recorder_delivered(&scene->recorder, ticket) >= 1);
    }
}

/* Writes fail in the middle of it: the case in which Paho frees a message twice unless paho_tuning prevents
 * it. */
static void broker_restarts_under_load(struct scene *scene, enum paho_protocol protocol)
{
    uint64_t ticket = 0;
    scene_connect(scene, protocol);
    for (unsigned i = 0; i < RESTARTS; i++) {
        ticket = publish_for(scene, ticket, 50);
        broker_kill(&scene->broker);
        ticket = publish_for(scene, ticket, 5);
        broker_start(&scene->broker);
        scene_await_subscribed(scene, i + 2);
    }
    ticket = publish_for(scene, ticket, 50);
    assert_true(ticket > 100);
    /* The broker kept the session, so the first connect was the only new one and nothing had to be repeated.
     */
    assert_int_equal(recorder_now(&scene->recorder).connected_new, 1);
    assert_all_delivered(scene, ticket);
}

static void restarts_under_load_lose_nothing_in_version_5(void **context)
{
    broker_restarts_under_load(*context, PAHO_PROTOCOL_5);
}

static void restarts_under_load_lose_nothing_in_version_3_1_1(void **context)
{
    broker_restarts_under_load(*context, PAHO_PROTOCOL_3_1_1);
}

/* The broker forgets everything: some publications are dropped, but all come to an end and make room. */
static void forgotten_sessions_under_load_leave_nothing_in_flight(void **context)
{
    struct scene *scene = *context;
    uint64_t ticket = 0;
    scene_connect(scene, PAHO_PROTOCOL_5);
    for (unsigned i = 0; i < RESTARTS; i++) {
        ticket = publish_for(scene, ticket, 30);
        broker_kill(&scene->broker);
        broker_forget(&scene->broker);
        broker_start(&scene->broker);
        scene_await_subscribed(scene, i + 2);
    }
    assert_int_equal(recorder_now(&scene->recorder).connected_new, RESTARTS + 1);
    uint64_t first = ticket;
    ticket = publish_for(scene, ticket, 100);
    assert_true(ticket > first);
    while (recorder_delivered(&scene->recorder, ticket - 1) == 0) {
        scene_await_delivered(scene, recorder_now(&scene->recorder).delivered);
    }
    assert_true(scene_await_landed(scene));
}

/* Beyond what an MQTT 5 broker says it takes at a time Paho's sender sleeps for up to a second; one less
 * leaves room for a SUBSCRIBE. */
static void broker_is_sent_no_more_than_it_takes_at_a_time(void **context)
{
    struct scene *scene = *context;
    scene_connect(scene, PAHO_PROTOCOL_5);
    uint64_t ticket = 0;
    while (ticket < 300) {
        ticket = publish_for(scene, ticket, 1);
        assert_in_range(paho_client_in_flight(scene->recorder.client), 0, 4);
    }
    assert_all_delivered(scene, ticket);
}

static int open_few_at_a_time(void **context)
{
    return scene_open_with(context, "max_inflight_messages 5\nautosave_on_changes false\n");
}

static void echo(void *self, const struct message *message)
{
    (void)message;
    unsigned *slow = self;
    if (*slow > 0) {
        (*slow)--;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

/* Messages come in, their callback is slow, and another thread publishes: back-pressure without a deadlock.
 */
static void slow_callback_holds_publishing_up_but_does_not_lock_it(void **context)
{
    struct scene *scene = *context;
    unsigned slow = 300;
    scene->recorder.on_message = echo;
    scene->recorder.on_message_self = &slow;
    broker_start(&scene->broker);
    scene_open_peer(scene);
    scene_open_client(scene, PAHO_PROTOCOL_5);
    scene_await_subscribed(scene, 1);
    for (unsigned i = 0; i < 500; i++) {
        peer_send(&scene->peer,
                  &(struct peer_message){.topic = "test/event/fast", .payload = "1", .length = 1, .qos = 1});
    }
    uint64_t ticket = publish_for(scene, 0, 300);
    peer_flush(&scene->peer, 10000);
    scene_await_messages(scene, 500);
    assert_true(ticket > 0);
    assert_all_delivered(scene, ticket);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(restarts_under_load_lose_nothing_in_version_5, scene_open,
                                        scene_close),
        cmocka_unit_test_setup_teardown(restarts_under_load_lose_nothing_in_version_3_1_1, scene_open,
                                        scene_close),
        cmocka_unit_test_setup_teardown(forgotten_sessions_under_load_leave_nothing_in_flight, scene_open,
                                        scene_close),
        cmocka_unit_test_setup_teardown(broker_is_sent_no_more_than_it_takes_at_a_time, open_few_at_a_time,
                                        scene_close),
        cmocka_unit_test_setup_teardown(slow_callback_holds_publishing_up_but_does_not_lock_it, scene_open,
                                        scene_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
