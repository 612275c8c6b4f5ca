#include "mqtt/paho_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/broker/client_recorder.h"
#include "tests/broker/peer.h"

static const struct paho_subscription events[] = {{"test/event/#", 1}, {"test/command/#", 1}};

/* One broker, one peer, one client under test. The client is opened by the test. */
struct scene {
    struct broker broker;
    char url[BROKER_URL_MAX];
    struct peer peer;
    struct client_recorder recorder;
};

static int open_scene_with(void **context, const char *extra)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    *context = scene;
    broker_prepare(&scene->broker, &(struct broker_settings){.extra = extra});
    broker_url(&scene->broker, BROKER_TCP, scene->url);
    return 0;
}

static int open_scene(void **context)
{
    return open_scene_with(context, NULL);
}

static int open_narrow_scene(void **context)
{
    return open_scene_with(context, "max_packet_size 2000\n");
}

static int close_scene(void **context)
{
    struct scene *scene = *context;
    recorder_close(&scene->recorder);
    peer_close(&scene->peer);
    broker_close(&scene->broker);
    free(scene);
    return 0;
}

static void open_peer(struct scene *scene)
{
    peer_open(&scene->peer, &(struct peer_settings){.url = scene->url, .client_id = "peer"});
}

static void open_client(struct scene *scene, enum paho_protocol protocol)
{
    struct paho_settings settings = recorder_settings(scene->url, "client");
    settings.protocol = protocol;
    recorder_open(&scene->recorder, &settings, events, 2);
}

static void await_subscribed(struct scene *scene, unsigned times)
{
    assert_true(recorder_await(&scene->recorder, &scene->recorder.record.subscribed, times));
}

static void await_disconnected(struct scene *scene, unsigned times)
{
    assert_true(recorder_await(&scene->recorder, &scene->recorder.record.disconnected, times));
}

static void await_delivered(struct scene *scene, unsigned times)
{
    assert_true(recorder_await(&scene->recorder, &scene->recorder.record.delivered, times));
}

static void await_messages(struct scene *scene, unsigned times)
{
    assert_true(recorder_await(&scene->recorder, &scene->recorder.record.messages, times));
}

static enum status publish(struct scene *scene, const char *topic, const char *text, uint64_t ticket)
{
    struct paho_publication publication = {
        .topic = bytes_of_string(topic), .payload = bytes_of_string(text), .qos = 1, .ticket = ticket};
    return paho_client_publish(scene->recorder.client, &publication);
}

static void client_waits_for_a_broker_that_is_down(void **context)
{
    struct scene *scene = *context;
    open_client(scene, PAHO_PROTOCOL_5);
    assert_false(paho_client_is_connected(scene->recorder.client));
    assert_int_equal(publish(scene, "test/a", "early", 1), STATUS_DISCONNECTED);
    assert_int_equal(paho_client_in_flight(scene->recorder.client), 0);
    broker_start(&scene->broker);
    await_subscribed(scene, 1);
    assert_true(paho_client_is_connected(scene->recorder.client));
    struct record record = recorder_now(&scene->recorder);
    assert_int_equal(record.connected, 1);
    assert_int_equal(record.connected_new, 1);
    assert_int_equal(record.disconnected, 0);
}

static void message_comes_with_its_properties(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    open_peer(scene);
    open_client(scene, PAHO_PROTOCOL_5);
    await_subscribed(scene, 1);
    peer_publish(&scene->peer, &(struct peer_message){.topic = "test/event/a/b/c",
                                                      .payload = "{}",
                                                      .length = 2,
                                                      .qos = 1,
                                                      .response_topic = "answer/here",
                                                      .correlation = "c-17",
                                                      .correlation_length = 4,
                                                      .user = {{"other", "x"}, {"type", "kwh"}}});
    await_messages(scene, 1);
    struct recorded_message message = recorder_message(&scene->recorder, 0);
    assert_string_equal(message.topic, "test/event/a/b/c");
    assert_string_equal(message.payload, "{}");
    assert_string_equal(message.response_topic, "answer/here");
    assert_true(message.has_correlation);
    assert_string_equal(message.correlation, "c-17");
    assert_string_equal(message.type_attribute, "kwh");
    assert_int_equal(message.qos, 1);
    assert_false(message.retained);
}

static void qos_2_arrives_as_qos_1_and_qos_0_as_qos_0(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    open_peer(scene);
    open_client(scene, PAHO_PROTOCOL_5);
    await_subscribed(scene, 1);
    peer_publish_text(&scene->peer, "test/event/2", "two", 2);
    peer_publish_text(&scene->peer, "test/event/0", "zero", 0);
    await_messages(scene, 2);
    assert_int_equal(recorder_message(&scene->recorder, 0).qos, 1);
    assert_int_equal(recorder_message(&scene->recorder, 1).qos, 0);
    assert_false(recorder_message(&scene->recorder, 1).has_correlation);
}

static void retained_message_says_so(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    open_peer(scene);
    peer_publish(&scene->peer,
                 &(struct peer_message){
                     .topic = "test/command/kept", .payload = "k", .length = 1, .qos = 1, .retained = true});
    open_client(scene, PAHO_PROTOCOL_5);
    await_messages(scene, 1);
    assert_true(recorder_message(&scene->recorder, 0).retained);
}

static void publication_is_delivered_with_its_correlation(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    open_peer(scene);
    peer_subscribe(&scene->peer, "answer/#", 1);
    open_client(scene, PAHO_PROTOCOL_5);
    await_subscribed(scene, 1);
    struct paho_publication publication = {.topic = bytes_of_string("answer/me"),
                                           .payload = bytes_of_string("yes"),
                                           .qos = 1,
                                           .has_correlation = true,
                                           .correlation = bytes_of("c\0d", 3),
                                           .ticket = 42};
    assert_int_equal(paho_client_publish(scene->recorder.client, &publication), STATUS_OK);
    const struct peer_message *message = peer_take(&scene->peer, "answer/me", 5000);
    assert_non_null(message);
    assert_string_equal(message->payload, "yes");
    assert_int_equal(message->correlation_length, 3);
    assert_memory_equal(message->correlation, "c\0d", 3);
    await_delivered(scene, 1);
    assert_int_equal(recorder_delivered(&scene->recorder, 42), 1);
    assert_int_equal(paho_client_in_flight(scene->recorder.client), 0);
}

static void retained_publication_and_an_empty_one(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    open_peer(scene);
    open_client(scene, PAHO_PROTOCOL_5);
    await_subscribed(scene, 1);
    struct paho_publication publication = {.topic = bytes_of_string("state/x"),
                                           .payload = bytes_of_string("now"),
                                           .qos = 1,
                                           .retained = true,
                                           .ticket = 1};
    assert_int_equal(paho_client_publish(scene->recorder.client, &publication), STATUS_OK);
    await_delivered(scene, 1);
    peer_subscribe(&scene->peer, "state/#", 1);
    const struct peer_message *message = peer_take(&scene->peer, "state/x", 5000);
    assert_non_null(message);
    assert_true(message->retained);
    publication.payload = (struct bytes){0};
    publication.qos = 0;
    assert_int_equal(paho_client_publish(scene->recorder.client, &publication), STATUS_OK);
    message = peer_take(&scene->peer, "state/x", 5000);
    assert_non_null(message);
    assert_int_equal(message->length, 0);
    assert_null(message->correlation);
}

static void version_3_1_1_works_without_properties(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    open_peer(scene);
    peer_subscribe(&scene->peer, "answer/#", 1);
    open_client(scene, PAHO_PROTOCOL_3_1_1);
    await_subscribed(scene, 1);
    peer_publish_text(&scene->peer, "test/event/3", "three", 1);
    await_messages(scene, 1);
    struct paho_publication publication = {.topic = bytes_of_string("answer/3"),
                                           .payload = bytes_of_string("ok"),
                                           .qos = 1,
                                           .has_correlation = true,
                                           .correlation = bytes_of_string("dropped"),
                                           .ticket = 3};
    assert_int_equal(paho_client_publish(scene->recorder.client, &publication), STATUS_OK);
    await_delivered(scene, 1);
    const struct peer_message *message = peer_take(&scene->peer, "answer/3", 5000);
    assert_non_null(message);
    assert_null(message->correlation);
}

/* Sessions, in both versions of the protocol. */

static void restart_resubscribes_and_keeps_the_session(struct scene *scene, enum paho_protocol protocol)
{
    broker_start(&scene->broker);
    open_peer(scene);
    open_client(scene, protocol);
    await_subscribed(scene, 1);
    broker_stop(&scene->broker);
    await_disconnected(scene, 1);
    assert_false(paho_client_is_connected(scene->recorder.client));
    broker_start(&scene->broker);
    await_subscribed(scene, 2);
    peer_reconnect(&scene->peer);
    peer_publish_text(&scene->peer, "test/event/again", "here", 1);
    await_messages(scene, 1);
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
    broker_start(&scene->broker);
    open_client(scene, protocol);
    await_subscribed(scene, 1);
    broker_kill(&scene->broker);
    await_disconnected(scene, 1);
    broker_forget(&scene->broker);
    broker_start(&scene->broker);
    await_subscribed(scene, 2);
    assert_int_equal(recorder_now(&scene->recorder).connected_new, 2);
    open_peer(scene);
    peer_publish_text(&scene->peer, "test/event/again", "here", 1);
    await_messages(scene, 1);
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
    open_peer(scene);
    open_client(scene, protocol);
    await_subscribed(scene, 1);
    recorder_close(&scene->recorder);
    peer_publish_text(&scene->peer, "test/event/away", "1", 1);
    peer_publish_text(&scene->peer, "test/event/away", "2", 1);
    scene->recorder.record = (struct record){0};
    open_client(scene, protocol);
    await_messages(scene, 2);
    assert_string_equal(recorder_message(&scene->recorder, 0).payload, "1");
    await_subscribed(scene, 1);
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

/* What is in flight. */

static void in_flight_is_bounded_and_survives_a_kept_session(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    open_client(scene, PAHO_PROTOCOL_5);
    await_subscribed(scene, 1);
    broker_freeze(&scene->broker);
    for (uint64_t ticket = 0; ticket < 100; ticket++) {
        assert_int_equal(publish(scene, "answer/frozen", "x", ticket), STATUS_OK);
    }
    assert_int_equal(publish(scene, "answer/frozen", "x", 100), STATUS_FULL);
    assert_int_equal(paho_client_in_flight(scene->recorder.client), 100);
    broker_kill(&scene->broker);
    await_disconnected(scene, 1);
    broker_start(&scene->broker);
    await_delivered(scene, 100);
    for (uint64_t ticket = 0; ticket < 100; ticket++) {
        assert_int_equal(recorder_delivered(&scene->recorder, ticket), 1);
    }
    assert_int_equal(paho_client_in_flight(scene->recorder.client), 0);
    assert_int_equal(recorder_now(&scene->recorder).connected_new, 1);
    assert_int_equal(publish(scene, "answer/frozen", "x", 101), STATUS_OK);
    await_delivered(scene, 101);
}

static void lost_session_frees_what_was_in_flight(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    open_client(scene, PAHO_PROTOCOL_5);
    await_subscribed(scene, 1);
    broker_freeze(&scene->broker);
    for (uint64_t ticket = 0; ticket < 100; ticket++) {
        assert_int_equal(publish(scene, "answer/frozen", "x", ticket), STATUS_OK);
    }
    broker_kill(&scene->broker);
    await_disconnected(scene, 1);
    broker_forget(&scene->broker);
    broker_start(&scene->broker);
    await_subscribed(scene, 2);
    assert_int_equal(recorder_now(&scene->recorder).connected_new, 2);
    unsigned before = recorder_now(&scene->recorder).delivered;
    for (uint64_t ticket = 200; ticket < 300; ticket++) {
        enum status status = publish(scene, "answer/frozen", "x", ticket);
        while (status == STATUS_FULL) { /* Some were only queued, and go out after all. */
            assert_true(recorder_await(&scene->recorder, &scene->recorder.record.delivered, before + 1));
            before = recorder_now(&scene->recorder).delivered;
            status = publish(scene, "answer/frozen", "x", ticket);
        }
        assert_int_equal(status, STATUS_OK);
    }
    for (unsigned total = 100; recorder_delivered(&scene->recorder, 299) == 0; total++) {
        await_delivered(scene, total < 200 ? 1 : total);
    }
    assert_int_equal(paho_client_in_flight(scene->recorder.client), 0);
}

static void what_can_never_be_sent_is_refused(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    open_client(scene, PAHO_PROTOCOL_5);
    await_subscribed(scene, 1);
    char topic[PAHO_TOPIC_BYTES_MAX + 1];
    memset(topic, 't', sizeof(topic));
    struct paho_publication publication = {.topic = bytes_of(topic, PAHO_TOPIC_BYTES_MAX + 1), .qos = 1};
    assert_int_equal(paho_client_publish(scene->recorder.client, &publication), STATUS_TOO_LARGE);
    publication.topic = bytes_of(topic, PAHO_TOPIC_BYTES_MAX);
    assert_int_equal(paho_client_publish(scene->recorder.client, &publication), STATUS_OK);
    assert_int_equal(publish(scene, "a/#", "", 1), STATUS_INVALID);
    assert_int_equal(publish(scene, "a/+/b", "", 1), STATUS_INVALID);
    assert_int_equal(publish(scene, "", "", 1), STATUS_INVALID);
    assert_int_equal(publish(scene, "a/\xff", "", 1), STATUS_INVALID);
    publication.topic = bytes_of("a\0b", 3);
    assert_int_equal(paho_client_publish(scene->recorder.client, &publication), STATUS_INVALID);
    await_delivered(scene, 1);
    assert_int_equal(paho_client_in_flight(scene->recorder.client), 0);
}

static void disconnect_waits_for_what_is_in_flight(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    open_peer(scene);
    peer_subscribe(&scene->peer, "answer/#", 1);
    open_client(scene, PAHO_PROTOCOL_5);
    await_subscribed(scene, 1);
    for (uint64_t ticket = 0; ticket < 50; ticket++) {
        assert_int_equal(publish(scene, "answer/last", "x", ticket), STATUS_OK);
    }
    recorder_close(&scene->recorder);
    assert_int_equal(scene->recorder.record.delivered, 50);
    assert_int_equal(scene->recorder.record.disconnected, 0);
    assert_true(peer_await_count(&scene->peer, "answer/last", 50, 5000));
}

/* Subscriptions. */

static void subscriptions_can_be_replaced_while_connected(void **context)
{
    struct scene *scene = *context;
    static const struct paho_subscription others[] = {{"test/event/#", 1}, {"other/#", 1}};
    broker_start(&scene->broker);
    open_peer(scene);
    open_client(scene, PAHO_PROTOCOL_5);
    await_subscribed(scene, 1);
    assert_int_equal(paho_client_set_subscriptions(scene->recorder.client, others, 2), STATUS_OK);
    await_subscribed(scene, 2);
    peer_publish_text(&scene->peer, "other/1", "new", 1);
    await_messages(scene, 1);
    peer_publish_text(&scene->peer, "test/command/1", "gone", 1);
    peer_publish_text(&scene->peer, "test/event/1", "kept", 1);
    await_messages(scene, 2);
    assert_string_equal(recorder_message(&scene->recorder, 1).payload, "kept");
}

static void subscriptions_replaced_while_away_hold_after_the_connect(void **context)
{
    struct scene *scene = *context;
    static const struct paho_subscription other[] = {{"other/#", 1}};
    broker_start(&scene->broker);
    open_client(scene, PAHO_PROTOCOL_5);
    await_subscribed(scene, 1);
    broker_stop(&scene->broker);
    await_disconnected(scene, 1);
    assert_int_equal(paho_client_set_subscriptions(scene->recorder.client, other, 1), STATUS_OK);
    broker_start(&scene->broker);
    await_subscribed(scene, 2);
    open_peer(scene);
    /* The SUBACK is no answer to the UNSUBSCRIBE behind it; another exchange is. */
    assert_int_equal(publish(scene, "answer/sync", "x", 1), STATUS_OK);
    await_delivered(scene, 1);
    peer_publish_text(&scene->peer, "test/event/1", "gone", 1);
    peer_publish_text(&scene->peer, "other/1", "new", 1);
    await_messages(scene, 1);
    assert_string_equal(recorder_message(&scene->recorder, 0).payload, "new");
}

static void too_many_subscriptions_change_nothing(void **context)
{
    struct scene *scene = *context;
    struct paho_subscription many[PAHO_SUBSCRIPTIONS_MAX + 1];
    char filters[PAHO_SUBSCRIPTIONS_MAX + 1][16];
    for (unsigned i = 0; i <= PAHO_SUBSCRIPTIONS_MAX; i++) {
        snprintf(filters[i], sizeof(filters[i]), "many/%u", i);
        many[i] = (struct paho_subscription){filters[i], 1};
    }
    broker_start(&scene->broker);
    open_peer(scene);
    open_client(scene, PAHO_PROTOCOL_3_1_1);
    await_subscribed(scene, 1);
    assert_int_equal(paho_client_set_subscriptions(scene->recorder.client, many, PAHO_SUBSCRIPTIONS_MAX + 1),
                     STATUS_TOO_LARGE);
    assert_int_equal(paho_client_set_subscriptions(scene->recorder.client, many, PAHO_SUBSCRIPTIONS_MAX),
                     STATUS_OK);
    await_subscribed(scene, 2);
    peer_publish_text(&scene->peer, "many/63", "last", 1);
    await_messages(scene, 1);
}

static void frozen_broker_is_given_up_and_found_again(void **context)
{
    struct scene *scene = *context;
    struct paho_settings settings = recorder_settings(scene->url, "client");
    settings.keepalive_s = 1;
    broker_start(&scene->broker);
    recorder_open(&scene->recorder, &settings, events, 2);
    await_subscribed(scene, 1);
    broker_freeze(&scene->broker);
    await_disconnected(scene, 1);
    broker_thaw(&scene->broker);
    await_subscribed(scene, 2);
}

static void too_large_a_packet_does_not_end_the_client(void **context)
{
    struct scene *scene = *context;
    static char large[4000];
    memset(large, 'x', sizeof(large) - 1);
    broker_start(&scene->broker);
    open_client(scene, PAHO_PROTOCOL_5);
    await_subscribed(scene, 1);
    assert_int_equal(publish(scene, "answer/large", large, 1), STATUS_OK);
    await_disconnected(scene, 1);
    assert_true(strlen(scene->recorder.reason) > 0);
}

static void settings_out_of_range_are_refused(void **context)
{
    (void)context;
    struct paho_callbacks callbacks = {0};
    struct paho_client *client = NULL;
    struct paho_settings settings = recorder_settings("http://127.0.0.1", "client");
    assert_int_equal(paho_client_create(&settings, events, 2, &callbacks, &client), STATUS_INVALID);
    settings = recorder_settings("mqtt://127.0.0.1", "");
    assert_int_equal(paho_client_create(&settings, events, 2, &callbacks, &client), STATUS_INVALID);
    settings = recorder_settings("mqtt://127.0.0.1", "client");
    settings.in_flight_most = PAHO_IN_FLIGHT_MAX + 1;
    assert_int_equal(paho_client_create(&settings, events, 2, &callbacks, &client), STATUS_INVALID);
    settings.in_flight_most = 1;
    assert_int_equal(paho_client_create(&settings, events, 2, &callbacks, &client), STATUS_OK);
    paho_client_destroy(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(client_waits_for_a_broker_that_is_down, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(message_comes_with_its_properties, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(qos_2_arrives_as_qos_1_and_qos_0_as_qos_0, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(retained_message_says_so, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(publication_is_delivered_with_its_correlation, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(retained_publication_and_an_empty_one, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(version_3_1_1_works_without_properties, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(restart_of_the_broker_resubscribes_in_version_5, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(restart_of_the_broker_resubscribes_in_version_3_1_1, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(lost_session_is_told_in_version_5, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(lost_session_is_told_in_version_3_1_1, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(session_outlives_the_client_in_version_5, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(session_outlives_the_client_in_version_3_1_1, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(in_flight_is_bounded_and_survives_a_kept_session, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(lost_session_frees_what_was_in_flight, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(what_can_never_be_sent_is_refused, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(disconnect_waits_for_what_is_in_flight, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(subscriptions_can_be_replaced_while_connected, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(subscriptions_replaced_while_away_hold_after_the_connect, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(too_many_subscriptions_change_nothing, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(frozen_broker_is_given_up_and_found_again, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(too_large_a_packet_does_not_end_the_client, open_narrow_scene,
                                        close_scene),
        cmocka_unit_test(settings_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
