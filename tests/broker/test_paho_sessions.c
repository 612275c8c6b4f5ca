#include "mqtt/paho_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/broker/scene.h"

static const struct paho_subscription events[] = {{"test/event/#", 1, false}, {"test/command/#", 1, false}};

static void client_waits_for_a_broker_that_is_down(void **context)
{
    struct scene *scene = *context;
    scene_open_client(scene, PAHO_PROTOCOL_5);
    assert_int_equal(scene_publish(scene, "test/a", "early", 1), STATUS_DISCONNECTED);
    assert_true(scene_await_landed(scene));
    broker_start(&scene->broker);
    scene_await_subscribed(scene, 1);
    struct record record = recorder_now(&scene->recorder);
    assert_int_equal(record.connected, 1);
    assert_int_equal(record.connected_new, 1);
    assert_int_equal(record.disconnected, 0);
}

static void restart_resubscribes_and_keeps_the_session(struct scene *scene, enum paho_protocol protocol)
{
    broker_start(&scene->broker);
    scene_open_peer(scene);
    scene_open_client(scene, protocol);
    scene_await_subscribed(scene, 1);
    broker_stop(&scene->broker);
    scene_await_disconnected(scene, 1);
    broker_start(&scene->broker);
    scene_await_subscribed(scene, 2);
    peer_reconnect(&scene->peer);
    peer_publish_text(&scene->peer, "test/event/again", "here", 1);
    scene_await_messages(scene, 1);
    assert_int_equal(recorder_now(&scene->recorder).connected, 2);
    assert_int_equal(recorder_now(&scene->recorder).connected_new, 1);
}

static void restart_of_the_broker_resubscribes_in_version_5(void **context)
{
    restart_resubscribes_and_keeps_the_session(*context, PAHO_PROTOCOL_5);
}

static void restart_of_the_broker_resubscribes_in_version_3_1_1(void **context)
{
    restart_resubscribes_and_keeps_the_session(*context, PAHO_PROTOCOL_3_1_1);
}

static void lost_session_is_told_and_subscribed_anew(struct scene *scene, enum paho_protocol protocol)
{
    scene_connect(scene, protocol);
    broker_kill(&scene->broker);
    scene_await_disconnected(scene, 1);
    broker_forget(&scene->broker);
    broker_start(&scene->broker);
    scene_await_subscribed(scene, 2);
    assert_int_equal(recorder_now(&scene->recorder).connected_new, 2);
    scene_open_peer(scene);
    peer_publish_text(&scene->peer, "test/event/again", "here", 1);
    scene_await_messages(scene, 1);
}

static void lost_session_is_told_in_version_5(void **context)
{
    lost_session_is_told_and_subscribed_anew(*context, PAHO_PROTOCOL_5);
}

static void lost_session_is_told_in_version_3_1_1(void **context)
{
    lost_session_is_told_and_subscribed_anew(*context, PAHO_PROTOCOL_3_1_1);
}

static void messages_sent_while_away_come_after_a_restart_of_the_client(struct scene *scene,
                                                                        enum paho_protocol protocol)
{
    broker_start(&scene->broker);
    scene_open_peer(scene);
    scene_open_client(scene, protocol);
    scene_await_subscribed(scene, 1);
    recorder_close(&scene->recorder);
    peer_publish_text(&scene->peer, "test/event/away", "1", 1);
    peer_publish_text(&scene->peer, "test/event/away", "2", 1);
    scene->recorder.record = (struct record){0};
    scene_open_client(scene, protocol);
    scene_await_messages(scene, 2);
    assert_string_equal(recorder_message(&scene->recorder, 0).payload, "1");
    scene_await_subscribed(scene, 1);
    assert_int_equal(recorder_now(&scene->recorder).connected_new, 0);
}

static void session_outlives_the_client_in_version_5(void **context)
{
    messages_sent_while_away_come_after_a_restart_of_the_client(*context, PAHO_PROTOCOL_5);
}

static void session_outlives_the_client_in_version_3_1_1(void **context)
{
    messages_sent_while_away_come_after_a_restart_of_the_client(*context, PAHO_PROTOCOL_3_1_1);
}

static void in_flight_is_bounded_and_survives_a_kept_session(void **context)
{
    struct scene *scene = *context;
    scene_connect(scene, PAHO_PROTOCOL_5);
    broker_freeze(&scene->broker);
    for (uint64_t ticket = 0; ticket < 100; ticket++) {
        assert_int_equal(scene_publish(scene, "answer/frozen", "x", ticket), STATUS_OK);
    }
    assert_int_equal(scene_publish(scene, "answer/frozen", "x", 100), STATUS_FULL);
    assert_int_equal(paho_client_in_flight(scene->recorder.client), 100);
    broker_kill(&scene->broker);
    scene_await_disconnected(scene, 1);
    broker_start(&scene->broker);
    scene_await_delivered(scene, 100);
    for (uint64_t ticket = 0; ticket < 100; ticket++) {
        assert_int_equal(recorder_delivered(&scene->recorder, ticket), 1);
    }
    assert_true(scene_await_landed(scene));
    assert_int_equal(recorder_now(&scene->recorder).connected_new, 1);
    assert_int_equal(scene_publish(scene, "answer/frozen", "x", 101), STATUS_OK);
    scene_await_delivered(scene, 101);
}

static void lost_session_frees_what_was_in_flight(void **context)
{
    struct scene *scene = *context;
    scene_connect(scene, PAHO_PROTOCOL_5);
    broker_freeze(&scene->broker);
    for (uint64_t ticket = 0; ticket < 100; ticket++) {
        assert_int_equal(scene_publish(scene, "answer/frozen", "x", ticket), STATUS_OK);
    }
    broker_kill(&scene->broker);
    scene_await_disconnected(scene, 1);
    broker_forget(&scene->broker);
    broker_start(&scene->broker);
    scene_await_subscribed(scene, 2);
    assert_int_equal(recorder_now(&scene->recorder).connected_new, 2);
    for (uint64_t ticket = 200; ticket < 300; ticket++) {
        unsigned before = recorder_now(&scene->recorder).delivered;
        enum status status = scene_publish(scene, "answer/frozen", "x", ticket);
        if (status == STATUS_FULL) { /* Those that were only queued go out after all, and make room. */
            scene_await_delivered(scene, before + 1);
            status = scene_publish(scene, "answer/frozen", "x", ticket);
        }
        assert_int_equal(status, STATUS_OK);
    }
    unsigned before = recorder_now(&scene->recorder).delivered;
    while (recorder_delivered(&scene->recorder, 299) == 0) {
        scene_await_delivered(scene, before + 1);
        before = recorder_now(&scene->recorder).delivered;
    }
    assert_true(scene_await_landed(scene));
}

static void subscriptions_replaced_while_away_hold_after_the_connect(void **context)
{
    struct scene *scene = *context;
    static const struct paho_subscription other[] = {{"other/#", 1, false}};
    scene_connect(scene, PAHO_PROTOCOL_5);
    broker_stop(&scene->broker);
    scene_await_disconnected(scene, 1);
    assert_int_equal(paho_client_set_subscriptions(scene->recorder.client, other, 1), STATUS_OK);
    broker_start(&scene->broker);
    scene_await_subscribed(scene, 2);
    scene_open_peer(scene);
    /* The SUBACK is no answer to the UNSUBSCRIBE behind it; another exchange is. */
    assert_int_equal(scene_publish(scene, "answer/sync", "x", 1), STATUS_OK);
    scene_await_delivered(scene, 1);
    peer_publish_text(&scene->peer, "test/event/1", "gone", 1);
    peer_publish_text(&scene->peer, "other/1", "new", 1);
    scene_await_messages(scene, 1);
    assert_string_equal(recorder_message(&scene->recorder, 0).payload, "new");
}

static void frozen_broker_is_given_up_and_found_again(void **context)
{
    struct scene *scene = *context;
    struct paho_settings settings = recorder_settings(scene->url, "client");
    settings.keepalive_s = 1;
    broker_start(&scene->broker);
    recorder_open(&scene->recorder, &settings, events, 2);
    scene_await_subscribed(scene, 1);
    broker_freeze(&scene->broker);
    scene_await_disconnected(scene, 1);
    broker_thaw(&scene->broker);
    scene_await_subscribed(scene, 2);
}

/* Keep alive has to work although its ping no longer fits into the socket. */
static void frozen_broker_is_noticed_though_the_socket_is_full(void **context)
{
    struct scene *scene = *context;
    static const uint8_t large[200000];
    struct paho_settings settings = recorder_settings(scene->url, "client");
    settings.keepalive_s = 1;
    broker_start(&scene->broker);
    recorder_open(&scene->recorder, &settings, events, 2);
    scene_await_subscribed(scene, 1);
    broker_freeze(&scene->broker);
    for (int i = 0; i < 50; i++) {
        struct paho_publication publication = {.topic = bytes_of_string("answer/large"),
                                               .payload = bytes_of(large, sizeof(large))};
        assert_int_equal(paho_client_publish(scene->recorder.client, &publication), STATUS_OK);
    }
    scene_await_disconnected(scene, 1);
    broker_thaw(&scene->broker);
    scene_await_subscribed(scene, 2);
    assert_int_equal(scene_publish(scene, "answer/small", "x", 1), STATUS_OK);
    scene_await_delivered(scene, 1);
}

/* With little on the way the socket takes it all, and what was sent first stays first. */
static void few_bytes_are_on_the_way_at_a_time(void **context)
{
    struct scene *scene = *context;
    static char large[50000];
    memset(large, 'x', sizeof(large) - 1);
    scene_connect(scene, PAHO_PROTOCOL_5);
    broker_freeze(&scene->broker);
    for (uint64_t ticket = 0; ticket < 3; ticket++) {
        assert_int_equal(scene_publish(scene, "answer/large", large, ticket), STATUS_OK);
    }
    assert_int_equal(scene_publish(scene, "answer/large", large, 3), STATUS_FULL);
    assert_int_equal(scene_publish(scene, "answer/small", "x", 3), STATUS_OK);
    broker_thaw(&scene->broker);
    scene_await_delivered(scene, 4);
    assert_int_equal(scene_publish(scene, "answer/large", large, 4), STATUS_OK);
    scene_await_delivered(scene, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(client_waits_for_a_broker_that_is_down, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(restart_of_the_broker_resubscribes_in_version_5, scene_open,
                                        scene_close),
        cmocka_unit_test_setup_teardown(restart_of_the_broker_resubscribes_in_version_3_1_1, scene_open,
                                        scene_close),
        cmocka_unit_test_setup_teardown(lost_session_is_told_in_version_5, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(lost_session_is_told_in_version_3_1_1, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(session_outlives_the_client_in_version_5, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(session_outlives_the_client_in_version_3_1_1, scene_open,
                                        scene_close),
        cmocka_unit_test_setup_teardown(in_flight_is_bounded_and_survives_a_kept_session, scene_open,
                                        scene_close),
        cmocka_unit_test_setup_teardown(lost_session_frees_what_was_in_flight, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(subscriptions_replaced_while_away_hold_after_the_connect, scene_open,
                                        scene_close),
        cmocka_unit_test_setup_teardown(frozen_broker_is_given_up_and_found_again, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(few_bytes_are_on_the_way_at_a_time, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(frozen_broker_is_noticed_though_the_socket_is_full, scene_open,
                                        scene_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
