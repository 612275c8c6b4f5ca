/* The ways to a broker: TLS, websockets, both; and what the broker does when the way breaks: the will. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/broker/scene.h"

static const struct paho_subscription events[] = {{"test/event/#", 1, false}, {"test/command/#", 1, false}};

/* Paho forgets to free what a handle had queued when it is destroyed, as happens after a loss over
 * websockets. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libpaho-mqtt3as";
}

static int open_secure_scene(void **context)
{
    scene_open(context);
    struct scene *scene = *context;
    broker_close(&scene->broker);
    broker_prepare(&scene->broker, &(struct broker_settings){.has_tls = true, .has_websockets = true});
    broker_url(&scene->broker, BROKER_TCP, scene->url);
    return 0;
}

static struct paho_settings secure_settings(const struct scene *scene, const char *url)
{
    struct paho_settings settings = recorder_settings(url, "client");
    settings.ca_file = scene->broker.ca_file;
    settings.cert_file = scene->broker.client_cert_file;
    settings.key_file = scene->broker.client_key_file;
    return settings;
}

/* A message there and one back, in either version. */
static void exchange_over(struct scene *scene, enum broker_listener listener, enum paho_protocol protocol)
{
    char url[BROKER_URL_MAX];
    broker_url(&scene->broker, listener, url);
    struct paho_settings settings = secure_settings(scene, url);
    settings.protocol = protocol;
    broker_start(&scene->broker);
    recorder_open(&scene->recorder, &settings, events, 2);
    scene_await_subscribed(scene, 1);
    scene_open_peer(scene);
    peer_publish_text(&scene->peer, "test/event/1", "hello", 1);
    scene_await_messages(scene, 1);
    assert_int_equal(scene_publish(scene, "answer/1", "hello", 7), STATUS_OK);
    scene_await_delivered(scene, 1);
}

static void tls_with_authority_and_client_certificate(void **context)
{
    exchange_over(*context, BROKER_TLS, PAHO_PROTOCOL_5);
}

static void websockets(void **context)
{
    exchange_over(*context, BROKER_WEBSOCKETS, PAHO_PROTOCOL_5);
}

static void websockets_in_version_3_1_1(void **context)
{
    exchange_over(*context, BROKER_WEBSOCKETS, PAHO_PROTOCOL_3_1_1);
}

static void websockets_over_tls(void **context)
{
    exchange_over(*context, BROKER_WEBSOCKETS_TLS, PAHO_PROTOCOL_5);
}

static void broker_of_an_unknown_authority_is_not_trusted(void **context)
{
    struct scene *scene = *context;
    char url[BROKER_URL_MAX];
    broker_url(&scene->broker, BROKER_TLS, url);
    struct paho_settings settings = secure_settings(scene, url);
    settings.ca_file = NULL; /* The system's, then. */
    broker_start(&scene->broker);
    recorder_open(&scene->recorder, &settings, events, 2);
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    assert_int_equal(recorder_now(&scene->recorder).connected, 0);
    assert_int_equal(broker_log_count(&scene->broker, "New client connected"), 0);
}

static void client_without_certificate_is_not_let_in(void **context)
{
    struct scene *scene = *context;
    char url[BROKER_URL_MAX];
    broker_url(&scene->broker, BROKER_TLS, url);
    struct paho_settings settings = secure_settings(scene, url);
    settings.cert_file = NULL;
    settings.key_file = NULL;
    broker_start(&scene->broker);
    recorder_open(&scene->recorder, &settings, events, 2);
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    assert_int_equal(recorder_now(&scene->recorder).connected, 0);
}

enum { BURST = 400 };

/* From ticket `from` up to `to`, whatever is not delivered yet. */
static void publish_burst(struct scene *scene, uint64_t from, uint64_t to)
{
    static const char text[500];
    struct paho_publication publication = {
        .topic = bytes_of_string("load/out"), .payload = bytes_of(text, sizeof(text)), .qos = 1};
    enum status status = STATUS_OK;
    for (publication.ticket = from; publication.ticket < to && status != STATUS_DISCONNECTED;) {
        if (recorder_delivered(&scene->recorder, publication.ticket) == 0) {
            status = paho_client_publish(scene->recorder.client, &publication);
        }
        publication.ticket += status == STATUS_OK ? 1 : 0;
        if (status == STATUS_FULL) {
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
            status = STATUS_OK;
        }
    }
}

/* Kills the broker while a burst is under way. What was accepted then comes through after the restart, by
 * Paho's doing with a kept session, else by ours. */
static void restarts_under_load_over(struct scene *scene, enum broker_listener listener)
{
    char url[BROKER_URL_MAX];
    broker_url(&scene->broker, listener, url);
    struct paho_settings settings = secure_settings(scene, url);
    settings.in_flight_most = BURST;
    broker_start(&scene->broker);
    recorder_open(&scene->recorder, &settings, events, 2);
    scene_await_subscribed(scene, 1);
    for (unsigned i = 0; i < 4; i++) {
        publish_burst(scene, i * BURST, i * BURST + BURST / 2);
        broker_kill(&scene->broker);
        publish_burst(scene, i * BURST + BURST / 2, (i + 1) * BURST);
        unsigned connected_new = recorder_now(&scene->recorder).connected_new;
        broker_start(&scene->broker);
        scene_await_subscribed(scene, i + 2);
        if (recorder_now(&scene->recorder).connected_new == connected_new) {
            assert_true(scene_await_landed(scene));
        }
        publish_burst(scene, 0, (i + 1) * BURST); /* Those of earlier rounds may have been dropped too. */
    }
    assert_true(scene_await_landed(scene));
    for (uint64_t i = 0; i < 4 * BURST; i++) {
        assert_true(recorder_delivered(&scene->recorder, i) >= 1);
    }
}

static void restarts_under_load_over_tls_lose_nothing(void **context)
{
    restarts_under_load_over(*context, BROKER_TLS);
    struct scene *scene = *context;
    assert_int_equal(recorder_now(&scene->recorder).connected_new, 1);
}

static void restarts_under_load_over_websockets_tell_what_is_lost(void **context)
{
    restarts_under_load_over(*context, BROKER_WEBSOCKETS);
}

static void restarts_under_load_over_websockets_and_tls_tell_what_is_lost(void **context)
{
    restarts_under_load_over(*context, BROKER_WEBSOCKETS_TLS);
}

/* A process that holds a connection with a will until it is killed; says on `ready` when it is connected. It
 * is this program started afresh: Paho's locks and threads do not survive a fork. */
static void hold_connection(const char *url, enum paho_protocol protocol, int ready)
{
    static struct client_recorder recorder;
    struct paho_settings settings = recorder_settings(url, "mortal");
    settings.protocol = protocol;
    settings.will_topic = "agent/status";
    settings.will_payload = bytes_of_string("{\"state\":\"lost\"}");
    recorder_open(&recorder, &settings, events, 1);
    bool is_there = recorder_await(&recorder, &recorder.record.subscribed, 1);
    if (!is_there || write(ready, "r", 1) != 1) {
        _exit(1);
    }
    for (;;) {
        pause();
    }
}

static void kill_while_connected(const char *url, enum paho_protocol protocol)
{
    int ready[2];
    char letter;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char version[2] = {protocol == PAHO_PROTOCOL_5 ? '5' : '3', '\0'};
        char descriptor[12];
        snprintf(descriptor, sizeof(descriptor), "%d", ready[1]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/proc/self/exe", "hold", url, version, descriptor, (char *)NULL);
        _exit(127);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &letter, 1), 1);
    close(ready[0]);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void will_is_published_when_the_client_is_killed(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    kill_while_connected(scene->url, PAHO_PROTOCOL_5);
    scene_open_peer(scene);
    peer_subscribe(&scene->peer, "agent/status", 1);
    const struct peer_message *will = peer_take(&scene->peer, "agent/status", 5000);
    assert_non_null(will);
    assert_string_equal(will->payload, "{\"state\":\"lost\"}");
    assert_true(will->retained);
}

static void will_is_published_in_version_3_1_1(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    kill_while_connected(scene->url, PAHO_PROTOCOL_3_1_1);
    scene_open_peer(scene);
    peer_subscribe(&scene->peer, "agent/status", 1);
    assert_non_null(peer_take(&scene->peer, "agent/status", 5000));
}

static void no_will_follows_a_goodbye(void **context)
{
    struct scene *scene = *context;
    struct paho_settings settings = recorder_settings(scene->url, "client");
    settings.will_topic = "agent/status";
    settings.will_payload = bytes_of_string("lost");
    broker_start(&scene->broker);
    scene_open_peer(scene);
    peer_subscribe(&scene->peer, "agent/status", 1);
    recorder_open(&scene->recorder, &settings, events, 2);
    scene_await_subscribed(scene, 1);
    assert_int_equal(scene_publish(scene, "agent/status", "stopping", 1), STATUS_OK);
    recorder_close(&scene->recorder);
    assert_non_null(peer_take(&scene->peer, "agent/status", 5000));
    assert_null(peer_take(&scene->peer, "agent/status", 300));
}

int main(int argc, char **argv)
{
    if (argc == 4) {
        hold_connection(argv[1], argv[2][0] == '5' ? PAHO_PROTOCOL_5 : PAHO_PROTOCOL_3_1_1, atoi(argv[3]));
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(will_is_published_when_the_client_is_killed, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(will_is_published_in_version_3_1_1, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(no_will_follows_a_goodbye, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(tls_with_authority_and_client_certificate, open_secure_scene,
                                        scene_close),
        cmocka_unit_test_setup_teardown(websockets, open_secure_scene, scene_close),
        cmocka_unit_test_setup_teardown(websockets_in_version_3_1_1, open_secure_scene, scene_close),
        cmocka_unit_test_setup_teardown(websockets_over_tls, open_secure_scene, scene_close),
        cmocka_unit_test_setup_teardown(broker_of_an_unknown_authority_is_not_trusted, open_secure_scene,
                                        scene_close),
        cmocka_unit_test_setup_teardown(client_without_certificate_is_not_let_in, open_secure_scene,
                                        scene_close),
        cmocka_unit_test_setup_teardown(restarts_under_load_over_tls_lose_nothing, open_secure_scene,
                                        scene_close),
        cmocka_unit_test_setup_teardown(restarts_under_load_over_websockets_tell_what_is_lost,
                                        open_secure_scene, scene_close),
        cmocka_unit_test_setup_teardown(restarts_under_load_over_websockets_and_tls_tell_what_is_lost,
                                        open_secure_scene, scene_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
