/* A message over which the broker ends every connection: it is given up, all others arrive. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/broker/scene.h"

enum { POISON = 5, LAST = 12, PATIENCE_MS = 30000, ENDINGS = 10 };

/* Paho leaks what a handle that is given up still had queued. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libpaho-mqtt3as";
}

static int open_narrow_scene(void **context)
{
    return scene_open_with(context, "max_packet_size 2000\n");
}

static void open_both(struct scene *scene)
{
    broker_start(&scene->broker);
    scene_open_client(scene, PAHO_PROTOCOL_3_1_1);
    scene_await_subscribed(scene, 1);
}

static bool is_settled(struct scene *scene, uint64_t ticket)
{
    return recorder_delivered(&scene->recorder, ticket) > 0 ||
           (ticket == POISON && recorder_now(&scene->recorder).refused > 0);
}

static enum status publish(struct scene *scene, uint64_t ticket)
{
    static char large[4000];
    memset(large, 'x', sizeof(large) - 1);
    return scene_publish(scene, "test/out", ticket == POISON ? large : "small", ticket);
}

/* Publishes them in their order, and what a new session has forgotten again. */
static void publish_until_settled(struct scene *scene)
{
    uint64_t next = 1;
    uint64_t settled = 0;
    unsigned sessions = recorder_now(&scene->recorder).connected_new;
    for (int waited_ms = 0; settled < LAST && waited_ms < PATIENCE_MS; waited_ms++) {
        unsigned sessions_now = recorder_now(&scene->recorder).connected_new;
        next = sessions_now == sessions ? next : settled + 1;
        sessions = sessions_now;
        while (next <= LAST && (is_settled(scene, next) || publish(scene, next) == STATUS_OK)) {
            next++;
        }
        while (settled < LAST && is_settled(scene, settled + 1)) {
            settled++;
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    assert_int_equal(settled, LAST);
}

static void poison_is_given_up_and_all_else_arrives(void **context)
{
    struct scene *scene = *context;
    open_both(scene);
    publish_until_settled(scene);
    assert_int_equal(recorder_now(&scene->recorder).refused, 1);
    assert_int_equal(scene->recorder.refused_code, PAHO_REFUSED_AS_POISON);
    assert_int_equal(recorder_delivered(&scene->recorder, POISON), 0);
    assert_true(recorder_now(&scene->recorder).disconnected >= 8);
    assert_true(scene_await_landed(scene));
}

/* Each connection ends with a message unanswered, but between two ends there is an answer. */
static void broker_that_often_dies_poisons_nothing(void **context)
{
    struct scene *scene = *context;
    open_both(scene);
    for (unsigned i = 1; i <= ENDINGS; i++) {
        broker_freeze(&scene->broker);
        assert_int_equal(scene_publish(scene, "test/out", "small", i), STATUS_OK);
        broker_kill(&scene->broker);
        scene_await_disconnected(scene, i);
        broker_forget(&scene->broker);
        broker_start(&scene->broker);
        scene_await_subscribed(scene, i + 1);
        assert_int_equal(scene_publish(scene, "test/out", "small", i), STATUS_OK);
        scene_await_delivered(scene, i);
    }
    assert_int_equal(recorder_now(&scene->recorder).refused, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(poison_is_given_up_and_all_else_arrives, open_narrow_scene,
                                        scene_close),
        cmocka_unit_test_setup_teardown(broker_that_often_dies_poisons_nothing, open_narrow_scene,
                                        scene_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
