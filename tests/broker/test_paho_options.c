#include "mqtt/paho_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void urls_get_pahos_scheme_and_a_port(void **context)
{
    static const struct {
        const char *url;
        const char *paho_url; /* NULL: refused. */
    } table[] = {
        {"mqtt://127.0.0.1:1884", "tcp://127.0.0.1:1884"},
        {"mqtt://broker", "tcp://broker:1883"},
        {"mqtts://broker.example", "ssl://broker.example:8883"},
        {"ws://broker/mqtt", "ws://broker:80/mqtt"},
        {"wss://broker:9001/mqtt", "wss://broker:9001/mqtt"},
        {"wss://broker", "wss://broker:443"},
        {"mqtt://[::1]", "tcp://[::1]:1883"},
        {"mqtt://[::1]:1884", "tcp://[::1]:1884"},
        {"tcp://broker", NULL},
        {"http://broker", NULL},
        {"broker", NULL},
        {"mqtt://", NULL},
        {"mqtt://:1883", NULL},
        {"mqtt://user:secret@broker", NULL},
        {"", NULL},
    };
    (void)context;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char url[PAHO_URL_BYTES_MAX];
        enum status status = paho_options_url(table[i].url, url);
        assert_int_equal(status, table[i].paho_url != NULL ? STATUS_OK : STATUS_INVALID);
        if (table[i].paho_url != NULL) {
            assert_string_equal(url, table[i].paho_url);
        }
    }
}

static void url_beyond_its_limit_is_too_large(void **context)
{
    char url[PAHO_URL_BYTES_MAX + 8] = "ws://";
    char paho_url[PAHO_URL_BYTES_MAX];
    (void)context;
    memset(url + 5, 'h', PAHO_URL_BYTES_MAX - 1 - 5 - 3);
    assert_int_equal(paho_options_url(url, paho_url), STATUS_OK);
    assert_int_equal(strlen(paho_url), PAHO_URL_BYTES_MAX - 1);
    strcat(url, "h");
    assert_int_equal(paho_options_url(url, paho_url), STATUS_TOO_LARGE);
}

static struct paho_settings full_settings(enum paho_protocol protocol)
{
    return (struct paho_settings){.url = "mqtts://broker",
                                  .protocol = protocol,
                                  .client_id = "agent",
                                  .keepalive_s = 30,
                                  .username = "user",
                                  .password = bytes_of("p\0w", 3),
                                  .ca_file = "ca.pem",
                                  .receive_maximum = 50,
                                  .session_expiry_s = 86400,
                                  .will_topic = "status",
                                  .will_payload = bytes_of_string("lost"),
                                  .reconnect_least_ms = 100,
                                  .reconnect_most_ms = 30000,
                                  .in_flight_most = 200};
}

static void version_5_keeps_its_session_and_bounds_what_comes(void **context)
{
    struct paho_settings settings = full_settings(PAHO_PROTOCOL_5);
    struct paho_options options;
    struct paho_connect with;
    (void)context;
    assert_int_equal(paho_options_init(&options, &settings), STATUS_OK);
    paho_options_connect(&options, &with);
    assert_int_equal(with.connect.MQTTVersion, MQTTVERSION_5);
    assert_int_equal(with.connect.cleansession, 0);
    assert_int_equal(with.connect.cleanstart, 0);
    assert_int_equal(with.connect.automaticReconnect, 0);
    assert_int_equal(with.connect.maxInflight, 65535);
    MQTTProperties *properties = with.connect.connectProperties;
    assert_int_equal(properties->count, 2);
    assert_int_equal(MQTTProperties_getNumericValue(properties, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL),
                     86400);
    assert_int_equal(MQTTProperties_getNumericValue(properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM), 50);
    assert_int_equal(with.connect.binarypwd.len, 3);
    assert_memory_equal(with.connect.binarypwd.data, "p\0w", 3);
    assert_int_equal(with.connect.will->retained, 1);
    assert_int_equal(with.connect.will->qos, 1);
    assert_int_equal(with.connect.ssl->enableServerCertAuth, 1);
    assert_int_equal(with.connect.ssl->verify, 1);
    paho_options_close(&options);
}

static void version_3_1_1_has_no_properties(void **context)
{
    struct paho_settings settings = full_settings(PAHO_PROTOCOL_3_1_1);
    settings.url = "mqtt://broker";
    settings.will_topic = NULL;
    struct paho_options options;
    struct paho_connect with;
    (void)context;
    assert_int_equal(paho_options_init(&options, &settings), STATUS_OK);
    paho_options_connect(&options, &with);
    assert_int_equal(with.connect.MQTTVersion, MQTTVERSION_3_1_1);
    assert_int_equal(with.connect.cleansession, 0);
    assert_null(with.connect.connectProperties);
    assert_null(with.connect.will);
    assert_null(with.connect.ssl);
    paho_options_close(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_get_pahos_scheme_and_a_port),
        cmocka_unit_test(url_beyond_its_limit_is_too_large),
        cmocka_unit_test(version_5_keeps_its_session_and_bounds_what_comes),
        cmocka_unit_test(version_3_1_1_has_no_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
