#include "mqtt/paho_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/broker/scene.h"

static const struct paho_subscription events[] = {{"test/event/#", 1, false}, {"test/command/#", 1, false}};

static int open_narrow_scene(void **context)
{
    return scene_open_with(context, "max_packet_size 2000\n");
}

static void message_comes_with_its_properties(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    scene_open_peer(scene);
    scene_open_client(scene, PAHO_PROTOCOL_5);
    scene_await_subscribed(scene, 1);
    peer_publish(&scene->peer, &(struct peer_message){.topic = "test/event/a/b/c",
                                                      .payload = "{}",
                                                      .length = 2,
                                                      .qos = 1,
                                                      .response_topic = "answer/here",
                                                      .correlation = "c-17",
                                                      .correlation_length = 4,
                                                      .user = {{"other", "x"}, {"type", "kwh"}}});
    scene_await_messages(scene, 1);
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
    scene_open_peer(scene);
    scene_open_client(scene, PAHO_PROTOCOL_5);
    scene_await_subscribed(scene, 1);
    peer_publish_text(&scene->peer, "test/event/2", "two", 2);
    peer_publish_text(&scene->peer, "test/event/0", "zero", 0);
    scene_await_messages(scene, 2);
    assert_int_equal(recorder_message(&scene->recorder, 0).qos, 1);
    assert_int_equal(recorder_message(&scene->recorder, 1).qos, 0);
    assert_false(recorder_message(&scene->recorder, 1).has_correlation);
}

static void retained_message_says_so(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    scene_open_peer(scene);
    peer_publish(&scene->peer,
                 &(struct peer_message){
                     .topic = "test/command/kept", .payload = "k", .length = 1, .qos = 1, .retained = true});
    scene_open_client(scene, PAHO_PROTOCOL_5);
    scene_await_messages(scene, 1);
    assert_true(recorder_message(&scene->recorder, 0).retained);
}

static void publication_is_delivered_with_its_correlation(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    scene_open_peer(scene);
    peer_subscribe(&scene->peer, "answer/#", 1);
    scene_open_client(scene, PAHO_PROTOCOL_5);
    scene_await_subscribed(scene, 1);
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
    scene_await_delivered(scene, 1);
    assert_int_equal(recorder_delivered(&scene->recorder, 42), 1);
    assert_true(scene_await_landed(scene));
}

static void retained_publication_and_an_empty_one(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    scene_open_peer(scene);
    scene_open_client(scene, PAHO_PROTOCOL_5);
    scene_await_subscribed(scene, 1);
    struct paho_publication publication = {.topic = bytes_of_string("state/x"),
                                           .payload = bytes_of_string("now"),
                                           .qos = 1,
                                           .retained = true,
                                           .ticket = 1};
    assert_int_equal(paho_client_publish(scene->recorder.client, &publication), STATUS_OK);
    scene_await_delivered(scene, 1);
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
    scene_open_peer(scene);
    peer_subscribe(&scene->peer, "answer/#", 1);
    scene_open_client(scene, PAHO_PROTOCOL_3_1_1);
    scene_await_subscribed(scene, 1);
    peer_publish_text(&scene->peer, "test/event/3", "three", 1);
    scene_await_messages(scene, 1);
    struct paho_publication publication = {.topic = bytes_of_string("answer/3"),
                                           .payload = bytes_of_string("ok"),
                                           .qos = 1,
                                           .has_correlation = true,
                                           .correlation = bytes_of_string("dropped"),
                                           .ticket = 3};
    assert_int_equal(paho_client_publish(scene->recorder.client, &publication), STATUS_OK);
    scene_await_delivered(scene, 1);
    const struct peer_message *message = peer_take(&scene->peer, "answer/3", 5000);
    assert_non_null(message);
    assert_null(message->correlation);
}

static void what_can_never_be_sent_is_refused(void **context)
{
    struct scene *scene = *context;
    scene_connect(scene, PAHO_PROTOCOL_5);
    char topic[PAHO_TOPIC_BYTES_MAX + 1];
    memset(topic, 't', sizeof(topic));
    struct paho_publication publication = {.topic = bytes_of(topic, PAHO_TOPIC_BYTES_MAX + 1), .qos = 1};
    assert_int_equal(paho_client_publish(scene->recorder.client, &publication), STATUS_TOO_LARGE);
    publication.topic = bytes_of(topic, PAHO_TOPIC_BYTES_MAX);
    assert_int_equal(paho_client_publish(scene->recorder.client, &publication), STATUS_OK);
    assert_int_equal(scene_publish(scene, "a/#", "", 1), STATUS_INVALID);
    assert_int_equal(scene_publish(scene, "a/+/b", "", 1), STATUS_INVALID);
    assert_int_equal(scene_publish(scene, "", "", 1), STATUS_INVALID);
    assert_int_equal(scene_publish(scene, "a/\xff", "", 1), STATUS_INVALID);
    publication.topic = bytes_of("a\0b", 3);
    assert_int_equal(paho_client_publish(scene->recorder.client, &publication), STATUS_INVALID);
    scene_await_delivered(scene, 1);
    assert_true(scene_await_landed(scene));
}

static void disconnect_waits_for_what_is_in_flight(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    scene_open_peer(scene);
    peer_subscribe(&scene->peer, "answer/#", 1);
    scene_open_client(scene, PAHO_PROTOCOL_5);
    scene_await_subscribed(scene, 1);
    for (uint64_t ticket = 0; ticket < 50; ticket++) {
        assert_int_equal(scene_publish(scene, "answer/last", "x", ticket), STATUS_OK);
    }
    recorder_close(&scene->recorder);
    assert_int_equal(scene->recorder.record.delivered, 50);
    assert_int_equal(scene->recorder.record.disconnected, 0);
    assert_true(peer_await_count(&scene->peer, "answer/last", 50, 5000));
}

static void subscriptions_can_be_replaced_while_connected(void **context)
{
    struct scene *scene = *context;
    static const struct paho_subscription others[] = {{"test/event/#", 1, false}, {"other/#", 1, false}};
    broker_start(&scene->broker);
    scene_open_peer(scene);
    scene_open_client(scene, PAHO_PROTOCOL_5);
    scene_await_subscribed(scene, 1);
    assert_int_equal(paho_client_set_subscriptions(scene->recorder.client, others, 2), STATUS_OK);
    scene_await_subscribed(scene, 2);
    peer_publish_text(&scene->peer, "other/1", "new", 1);
    scene_await_messages(scene, 1);
    peer_publish_text(&scene->peer, "test/command/1", "gone", 1);
    peer_publish_text(&scene->peer, "test/event/1", "kept", 1);
    scene_await_messages(scene, 2);
    assert_string_equal(recorder_message(&scene->recorder, 1).payload, "kept");
}

static void subscriptions_are_asked_for_again_on_demand(void **context)
{
    struct scene *scene = *context;
    broker_start(&scene->broker);
    scene_open_peer(scene);
    scene_open_client(scene, PAHO_PROTOCOL_5);
    scene_await_subscribed(scene, 1);
    paho_client_resubscribe(scene->recorder.client);
    scene_await_subscribed(scene, 2);
    peer_publish_text(&scene->peer, "test/event/1", "once", 1);
    scene_await_messages(scene, 1);
    assert_string_equal(recorder_message(&scene->recorder, 0).payload, "once");
}

static void too_many_subscriptions_change_nothing(void **context)
{
    struct scene *scene = *context;
    struct paho_subscription many[PAHO_SUBSCRIPTIONS_MAX + 1];
    char filters[PAHO_SUBSCRIPTIONS_MAX + 1][16];
    for (unsigned i = 0; i <= PAHO_SUBSCRIPTIONS_MAX; i++) {
        snprintf(filters[i], sizeof(filters[i]), "many/%u", i);
        many[i] = (struct paho_subscription){filters[i], 1, false};
    }
    broker_start(&scene->broker);
    scene_open_peer(scene);
    scene_open_client(scene, PAHO_PROTOCOL_3_1_1);
    scene_await_subscribed(scene, 1);
    assert_int_equal(paho_client_set_subscriptions(scene->recorder.client, many, PAHO_SUBSCRIPTIONS_MAX + 1),
                     STATUS_TOO_LARGE);
    assert_int_equal(paho_client_set_subscriptions(scene->recorder.client, many, PAHO_SUBSCRIPTIONS_MAX),
                     STATUS_OK);
    scene_await_subscribed(scene, 2);
    peer_publish_text(&scene->peer, "many/63", "last", 1);
    scene_await_messages(scene, 1);
}

static void packet_larger_than_the_broker_takes_is_refused_where_that_is_known(void **context)
{
    struct scene *scene = *context;
    static char large[4000];
    memset(large, 'x', sizeof(large) - 1);
    scene_connect(scene, PAHO_PROTOCOL_5);
    assert_int_equal(scene_publish(scene, "answer/large", large, 1), STATUS_TOO_LARGE);
    assert_int_equal(scene_publish(scene, "answer/small", "x", 2), STATUS_OK);
    scene_await_delivered(scene, 1);
}

static void too_large_a_packet_does_not_end_the_client(void **context)
{
    struct scene *scene = *context;
    static char large[4000];
    memset(large, 'x', sizeof(large) - 1);
    scene_connect(scene, PAHO_PROTOCOL_3_1_1);
    assert_int_equal(scene_publish(scene, "answer/large", large, 1), STATUS_OK);
    scene_await_disconnected(scene, 1);
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
        cmocka_unit_test_setup_teardown(message_comes_with_its_properties, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(qos_2_arrives_as_qos_1_and_qos_0_as_qos_0, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(retained_message_says_so, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(publication_is_delivered_with_its_correlation, scene_open,
                                        scene_close),
        cmocka_unit_test_setup_teardown(retained_publication_and_an_empty_one, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(version_3_1_1_works_without_properties, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(what_can_never_be_sent_is_refused, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(disconnect_waits_for_what_is_in_flight, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(subscriptions_can_be_replaced_while_connected, scene_open,
                                        scene_close),
        cmocka_unit_test_setup_teardown(subscriptions_are_asked_for_again_on_demand, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(too_many_subscriptions_change_nothing, scene_open, scene_close),
        cmocka_unit_test_setup_teardown(packet_larger_than_the_broker_takes_is_refused_where_that_is_known,
                                        open_narrow_scene, scene_close),
        cmocka_unit_test_setup_teardown(too_large_a_packet_does_not_end_the_client, open_narrow_scene,
                                        scene_close),
        cmocka_unit_test(settings_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
