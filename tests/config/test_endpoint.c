#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/endpoint.h"

struct good_url {
    const char *url;
    enum broker_scheme scheme;
    const char *host;
    uint16_t port;
    const char *path;
};

static void urls_are_taken_apart(void **context)
{
    (void)context;
    const struct good_url table[] = {
        {"mqtt://127.0.0.1:1883", BROKER_MQTT, "127.0.0.1", 1883, ""},
        {"mqtt://broker", BROKER_MQTT, "broker", 1883, ""},
        {"mqtts://broker.example.org", BROKER_MQTTS, "broker.example.org", 8883, ""},
        {"ws://broker", BROKER_WS, "broker", 80, ""},
        {"ws://broker:9001/mqtt", BROKER_WS, "broker", 9001, "/mqtt"},
        {"wss://broker/a/b?c=d", BROKER_WSS, "broker", 443, "/a/b?c=d"},
        {"mqtt://[::1]:1884", BROKER_MQTT, "::1", 1884, ""},
        {"mqtt://[fe80::1%eth0]", BROKER_MQTT, "fe80::1%eth0", 1883, ""},
        {"mqtt://a_b-c:65535", BROKER_MQTT, "a_b-c", 65535, ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct endpoint endpoint;
        assert_int_equal(endpoint_of_url(bytes_of_string(table[i].url), &endpoint), STATUS_OK);
        assert_int_equal(endpoint.scheme, table[i].scheme);
        assert_true(bytes_equal_string(endpoint.host, table[i].host));
        assert_int_equal(endpoint.port, table[i].port);
        assert_true(bytes_equal_string(endpoint.path, table[i].path));
    }
}

static void other_urls_are_refused(void **context)
{
    (void)context;
    const char *const table[] = {
        "mqtt://",          "mqtt://:1883",        "mqtt://user@broker",  "mqtt://user:secret@broker",
        "mqtt://broker:",   "mqtt://broker:0",     "mqtt://broker:65536", "mqtt://broker:1x",
        "mqtt://broker/x",  "mqtt://bro ker",      "mqtt://[::1",         "mqtt://[::1]1883",
        "mqtt://[]",        "mqtt://broker:99999", "mqtt://a?b",          "ws://broker/a b",
        "ws://broker/a#b",  "mqtt://::1:1883",     "mqtt://a:1:2",        "mqtt://broker:-1",
        "mqtt://broker:+1", "mqtts:///path",       "mqtt://broker/",
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct endpoint endpoint;
        if (endpoint_of_url(bytes_of_string(table[i]), &endpoint) != STATUS_INVALID) {
            fail_msg("%s was taken", table[i]);
        }
    }
}

static void other_schemes_are_told_apart(void **context)
{
    (void)context;
    const char *const table[] = {"",       "broker:1883", "tcp://broker", "MQTT://broker", "http://broker",
                                 "mqtt:/b"};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct endpoint endpoint;
        assert_int_equal(endpoint_of_url(bytes_of_string(table[i]), &endpoint), STATUS_UNSUPPORTED);
    }
}

static void a_listening_address_has_a_host_and_a_port(void **context)
{
    (void)context;
    struct endpoint endpoint;
    assert_int_equal(endpoint_of_listen(bytes_of_string("0.0.0.0:0"), &endpoint), STATUS_OK);
    assert_true(bytes_equal_string(endpoint.host, "0.0.0.0"));
    assert_int_equal(endpoint.port, 0);
    assert_int_equal(endpoint_of_listen(bytes_of_string("[::]:9464"), &endpoint), STATUS_OK);
    assert_true(bytes_equal_string(endpoint.host, "::"));
    assert_int_equal(endpoint.port, 9464);
    const char *const wrong[] = {"localhost", ":9464",      "9464",    "a:b",
                                 "a:1/",      "http://a:1", "a:70000", "[::]"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(endpoint_of_listen(bytes_of_string(wrong[i]), &endpoint), STATUS_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(other_urls_are_refused),
        cmocka_unit_test(other_schemes_are_told_apart),
        cmocka_unit_test(a_listening_address_has_a_host_and_a_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
