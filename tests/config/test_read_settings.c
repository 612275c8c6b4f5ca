#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/config/loading.h"

static void every_setting_arrives(void **context)
{
    (void)context;
    struct config_snapshot *snapshot = load_good(
        "{\"agent\":{\"id\":\"barn\"},"
        "\"broker\":{\"url\":\"wss://b.example/mqtt\",\"protocol\":\"3.1.1\",\"client_id\":\"c\","
        "\"keepalive_s\":1,\"receive_maximum\":2,\"username\":\"u\",\"password_file\":\"/p\","
        "\"ca_file\":\"/ca\",\"cert_file\":\"/ce\",\"key_file\":\"/k\"},"
        "\"topics\":{\"root\":\"a/b/c\",\"response_prefixes\":[\"x/{root}/y/\",\"z\"],\"state\":\"off\"},"
        "\"pool\":{\"slots\":2,\"slot_bytes\":128,\"on_full\":\"overwrite\"},"
        "\"runtime\":{\"schedulers\":3,\"mailbox\":4,\"subjects_hot\":5,\"dedup_window\":16,\"dir\":\"/r\"},"
        "\"store\":{\"dir\":\"/s\",\"durability\":\"os\",\"commit_interval_ms\":0,\"segment_bytes\":94208,"
        "\"max_bytes\":376832,\"subjects_max\":7,\"retention_ms\":60000,\"retention_bytes\":524288,"
        "\"compression\":9},"
        "\"memory\":{\"limit_bytes\":1e9,\"high\":0.5,\"critical\":0.500001,\"check_interval_ms\":10,"
        "\"cooldown_ms\":0},"
        "\"metrics\":{\"interval_ms\":10},\"http\":{\"listen\":\"\"},"
        "\"log\":{\"level\":\"error\",\"format\":\"json\"},"
        "\"limits\":{\"payload_bytes\":1,\"device_rate\":9}}");
    const struct settings *settings = &snapshot->settings;
    assert_true(bytes_equal_string(name_bytes(&settings->agent_id), "barn"));
    const struct broker_settings *broker = &settings->broker;
    assert_int_equal(broker->scheme, BROKER_WSS);
    assert_string_equal(broker->host, "b.example");
    assert_int_equal(broker->port, 443);
    assert_string_equal(broker->path, "/mqtt");
    assert_int_equal(broker->protocol, BROKER_PROTOCOL_3_1_1);
    assert_string_equal(broker->client_id, "c");
    assert_int_equal(broker->keepalive_s, 1);
    assert_int_equal(broker->receive_maximum, 2);
    assert_string_equal(broker->username, "u");
    assert_string_equal(broker->password_file, "/p");
    assert_string_equal(broker->ca_file, "/ca");
    assert_string_equal(broker->cert_file, "/ce");
    assert_string_equal(broker->key_file, "/k");
    assert_string_equal(settings->topics.root, "a/b/c");
    assert_int_equal(settings->topics.response_prefix_count, 2);
    assert_true(bytes_equal_string(settings->topics.response_prefixes[0], "x/a/b/c/y/"));
    assert_true(bytes_equal_string(settings->topics.response_prefixes[1], "z"));
    assert_int_equal(settings->topics.state, STATE_TOPICS_OFF);
    assert_int_equal(settings->pool.slots, 2);
    assert_int_equal(settings->pool.slot_bytes, 128);
    assert_int_equal(settings->pool.on_full, POOL_OVERWRITE);
    assert_int_equal(settings->runtime.schedulers, 3);
    assert_int_equal(settings->runtime.mailbox, 4);
    assert_int_equal(settings->runtime.subjects_hot, 5);
    assert_int_equal(settings->runtime.dedup_window, 16);
    assert_string_equal(settings->runtime.dir, "/r");
    assert_string_equal(settings->store.dir, "/s");
    assert_int_equal(settings->store.durability, STORE_OS);
    assert_int_equal(settings->store.commit_interval_ms, 0);
    assert_int_equal(settings->store.segment_bytes, 94208);
    assert_int_equal(settings->store.max_bytes, 376832);
    assert_int_equal(settings->store.subjects_max, 7);
    assert_int_equal(settings->store.retention_ms, 60000);
    assert_int_equal(settings->store.retention_bytes, 524288);
    assert_int_equal(settings->store.compression, 9);
    assert_int_equal(settings->memory.limit_bytes, 1000000000);
    assert_int_equal(settings->memory.high, 500000);
    assert_int_equal(settings->memory.critical, 500001);
    assert_int_equal(settings->memory.check_interval_ms, 10);
    assert_int_equal(settings->memory.cooldown_ms, 0);
    assert_int_equal(settings->metrics_interval_ms, 10);
    assert_string_equal(settings->http.listen, "");
    assert_string_equal(settings->http.host, "");
    assert_int_equal(settings->log_level, LOG_ERROR);
    assert_int_equal(settings->log_format, LOG_JSON);
    assert_int_equal(settings->limits.payload_bytes, 1);
    assert_int_equal(settings->limits.device_rate, 9);
    config_snapshot_close(snapshot);
}

static void wrong_settings_are_told_with_their_path(void **context)
{
    (void)context;
    const struct wrong table[] = {
        {"{\"broker\":{\"urll\":\"x\"}}", "/broker/urll", CONFIG_UNKNOWN_KEY},
        {"{\"brokers\":{}}", "/brokers", CONFIG_UNKNOWN_KEY},
        {"{\"a/b~c\":1}", "/a~1b~0c", CONFIG_UNKNOWN_KEY},
        {"{\"\":1}", "/", CONFIG_UNKNOWN_KEY},
        {"{\"broker\":{\"password\":\"x\"}}", "/broker/password", CONFIG_UNKNOWN_KEY},
        {"{\"Agent\":{}}", "/Agent", CONFIG_UNKNOWN_KEY},
        {"{\"agent\":null}", "/agent", CONFIG_TYPE},
        {"{\"agent\":{\"id\":7}}", "/agent/id", CONFIG_TYPE},
        {"{\"agent\":{\"id\":\"\"}}", "/agent/id", CONFIG_FORMAT},
        {"{\"agent\":{\"id\":\"a/b\"}}", "/agent/id", CONFIG_FORMAT},
        {"{\"agent\":{\"id\":\"a b\"}}", "/agent/id", CONFIG_FORMAT},
        {"{\"broker\":[]}", "/broker", CONFIG_TYPE},
        {"{\"broker\":{\"url\":null}}", "/broker/url", CONFIG_TYPE},
        {"{\"broker\":{\"url\":\"\"}}", "/broker/url", CONFIG_FORMAT},
        {"{\"broker\":{\"url\":\"http://x\"}}", "/broker/url", CONFIG_FORMAT},
        {"{\"broker\":{\"url\":\"mqtt://me:secret@x\"}}", "/broker/url", CONFIG_FORMAT},
        {"{\"broker\":{\"protocol\":5}}", "/broker/protocol", CONFIG_TYPE},
        {"{\"broker\":{\"protocol\":\"4\"}}", "/broker/protocol", CONFIG_RANGE},
        {"{\"broker\":{\"client_id\":\"a\\u0001\"}}", "/broker/client_id", CONFIG_FORMAT},
        {"{\"broker\":{\"keepalive_s\":0}}", "/broker/keepalive_s", CONFIG_RANGE},
        {"{\"broker\":{\"keepalive_s\":65536}}", "/broker/keepalive_s", CONFIG_RANGE},
        {"{\"broker\":{\"keepalive_s\":1.5}}", "/broker/keepalive_s", CONFIG_TYPE},
        {"{\"broker\":{\"keepalive_s\":\"30\"}}", "/broker/keepalive_s", CONFIG_TYPE},
        {"{\"broker\":{\"receive_maximum\":0}}", "/broker/receive_maximum", CONFIG_RANGE},
        {"{\"broker\":{\"username\":[]}}", "/broker/username", CONFIG_TYPE},
        {"{\"broker\":{\"password_file\":\"\"}}", "/broker/password_file", CONFIG_FORMAT},
        {"{\"broker\":{\"cert_file\":\"/c\"}}", "/broker/key_file", CONFIG_REQUIRED},
        {"{\"broker\":{\"key_file\":\"/k\"}}", "/broker/cert_file", CONFIG_REQUIRED},
        {"{\"broker\":{\"protocol\":\"3.1.1\",\"password_file\":\"/p\"}}", "/broker/username",
         CONFIG_REQUIRED},
        {"{\"topics\":{\"root\":\"/a\"}}", "/topics/root", CONFIG_FORMAT},
        {"{\"topics\":{\"root\":\"a//b\"}}", "/topics/root", CONFIG_FORMAT},
        {"{\"topics\":{\"root\":\"a/\"}}", "/topics/root", CONFIG_FORMAT},
        {"{\"topics\":{\"root\":\"a/+\"}}", "/topics/root", CONFIG_FORMAT},
        {"{\"topics\":{\"root\":\"$share/a\"}}", "/topics/root", CONFIG_FORMAT},
        {"{\"topics\":{\"root\":\"\"}}", "/topics/root", CONFIG_FORMAT},
        {"{\"topics\":{\"response_prefixes\":\"x\"}}", "/topics/response_prefixes", CONFIG_TYPE},
        {"{\"topics\":{\"response_prefixes\":[\"x\",1]}}", "/topics/response_prefixes/1", CONFIG_TYPE},
        {"{\"topics\":{\"response_prefixes\":[\"x/#\"]}}", "/topics/response_prefixes/0", CONFIG_FORMAT},
        {"{\"topics\":{\"response_prefixes\":[\"+/x\"]}}", "/topics/response_prefixes/0", CONFIG_FORMAT},
        {"{\"topics\":{\"response_prefixes\":[\"\"]}}", "/topics/response_prefixes/0", CONFIG_FORMAT},
        {"{\"topics\":{\"response_prefixes\":[\"{root}/event/\"]}}", "/topics/response_prefixes/0",
         CONFIG_FORMAT},
        {"{\"topics\":{\"response_prefixes\":[\"{root}/agent\"]}}", "/topics/response_prefixes/0",
         CONFIG_FORMAT},
        {"{\"topics\":{\"response_prefixes\":[\"flyball/v1/command/x\"]}}", "/topics/response_prefixes/0",
         CONFIG_FORMAT},
        {"{\"topics\":{\"state\":true}}", "/topics/state", CONFIG_TYPE},
        {"{\"pool\":{\"slots\":1}}", "/pool/slots", CONFIG_RANGE},
        {"{\"pool\":{\"slots\":-1}}", "/pool/slots", CONFIG_RANGE},
        {"{\"pool\":{\"slots\":1e400}}", "/pool/slots", CONFIG_RANGE},
        {"{\"pool\":{\"slots\":99999999999999999999999}}", "/pool/slots", CONFIG_RANGE},
        {"{\"pool\":{\"slot_bytes\":127}}", "/pool/slot_bytes", CONFIG_RANGE},
        {"{\"pool\":{\"on_full\":\"drop\"}}", "/pool/on_full", CONFIG_RANGE},
        {"{\"runtime\":{\"schedulers\":65}}", "/runtime/schedulers", CONFIG_RANGE},
        {"{\"runtime\":{\"mailbox\":0}}", "/runtime/mailbox", CONFIG_RANGE},
        {"{\"runtime\":{\"subjects_hot\":0}}", "/runtime/subjects_hot", CONFIG_RANGE},
        {"{\"runtime\":{\"dedup_window\":15}}", "/runtime/dedup_window", CONFIG_RANGE},
        {"{\"runtime\":{\"dedup_window\":1025}}", "/runtime/dedup_window", CONFIG_RANGE},
        {"{\"runtime\":{\"dir\":\"\"}}", "/runtime/dir", CONFIG_FORMAT},
        {"{\"store\":{\"dir\":3}}", "/store/dir", CONFIG_TYPE},
        {"{\"store\":{\"durability\":\"none\"}}", "/store/durability", CONFIG_RANGE},
        {"{\"store\":{\"commit_interval_ms\":1001}}", "/store/commit_interval_ms", CONFIG_RANGE},
        {"{\"store\":{\"segment_bytes\":94207}}", "/store/segment_bytes", CONFIG_RANGE},
        {"{\"store\":{\"segment_bytes\":94209}}", "/store/segment_bytes", CONFIG_RANGE},
        {"{\"store\":{\"segment_bytes\":67112960}}", "/store/max_bytes", CONFIG_RANGE},
        {"{\"store\":{\"max_bytes\":16773120}}", "/store/max_bytes", CONFIG_RANGE},
        {"{\"store\":{\"compression\":10}}", "/store/compression", CONFIG_RANGE},
        {"{\"store\":{\"subjects_max\":0}}", "/store/subjects_max", CONFIG_RANGE},
        {"{\"memory\":{\"high\":0.95}}", "/memory/high", CONFIG_RANGE},
        {"{\"memory\":{\"critical\":1.01}}", "/memory/critical", CONFIG_RANGE},
        {"{\"memory\":{\"high\":-0.1}}", "/memory/high", CONFIG_RANGE},
        {"{\"memory\":{\"high\":0.1234567}}", "/memory/high", CONFIG_FORMAT},
        {"{\"memory\":{\"high\":\"0.5\"}}", "/memory/high", CONFIG_TYPE},
        {"{\"memory\":{\"limit_bytes\":true}}", "/memory/limit_bytes", CONFIG_TYPE},
        {"{\"memory\":{\"check_interval_ms\":9}}", "/memory/check_interval_ms", CONFIG_RANGE},
        {"{\"metrics\":{\"interval_ms\":0}}", "/metrics/interval_ms", CONFIG_RANGE},
        {"{\"http\":{\"listen\":\"9464\"}}", "/http/listen", CONFIG_FORMAT},
        {"{\"http\":{\"listen\":null}}", "/http/listen", CONFIG_TYPE},
        {"{\"log\":{\"level\":\"loud\"}}", "/log/level", CONFIG_RANGE},
        {"{\"log\":{\"format\":\"TEXT\"}}", "/log/format", CONFIG_RANGE},
        {"{\"limits\":{\"payload_bytes\":0}}", "/limits/payload_bytes", CONFIG_RANGE},
        {"{\"limits\":{\"payload_bytes\":1048577}}", "/limits/payload_bytes", CONFIG_RANGE},
        {"{\"limits\":{\"device_rate\":0.5}}", "/limits/device_rate", CONFIG_TYPE},
    };
    assert_all_wrong(table, sizeof table / sizeof table[0]);
}

static void the_bounds_themselves_are_allowed(void **context)
{
    (void)context;
    const char *const table[] = {
        "{\"broker\":{\"keepalive_s\":65535,\"receive_maximum\":65535}}",
        "{\"runtime\":{\"dedup_window\":1024}}",
        "{\"store\":{\"segment_bytes\":268435456,\"max_bytes\":1073741824}}",
        "{\"memory\":{\"high\":1,\"critical\":1.0}}",
        "{\"memory\":{\"high\":0,\"critical\":0}}",
        "{\"pool\":{\"slots\":1048576,\"slot_bytes\":65536}}",
        "{\"limits\":{\"payload_bytes\":1048576,\"device_rate\":1000000}}",
        "{\"topics\":{\"response_prefixes\":[]}}",
        "{\"topics\":{\"response_prefixes\":[\"{root}/eventually/\",\"flyball/v10/event/\"]}}",
        "{\"agent\":{\"id\":null},\"broker\":{\"client_id\":null,\"username\":null}}",
        "{\"metrics\":{\"interval_ms\":2e1}}",
    };
    assert_all_good(table, sizeof table / sizeof table[0]);
}

/* {"section":{"key":"xxx…"}} with `length` x. */
static const char *long_string(char *json, size_t capacity, const char *opening, size_t length)
{
    struct text text = text_of(json, capacity);
    text_put_string(&text, opening);
    for (size_t i = 0; i < length; i++) {
        text_put_string(&text, "x");
    }
    text_put_string(&text, "\"}}");
    assert_false(text.overflowed);
    return text_string(&text);
}

static void strings_are_as_long_as_their_limits_and_no_longer(void **context)
{
    (void)context;
    const struct {
        const char *opening;
        size_t most;
        const char *path;
    } table[] = {
        {"{\"agent\":{\"id\":\"", NAME_BYTES_MAX, "/agent/id"},
        {"{\"broker\":{\"client_id\":\"", CLIENT_ID_BYTES_MAX, "/broker/client_id"},
        {"{\"broker\":{\"username\":\"", CONFIG_STRING_BYTES_MAX, "/broker/username"},
        {"{\"store\":{\"dir\":\"", CONFIG_STRING_BYTES_MAX, "/store/dir"},
    };
    char json[2048];
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        config_snapshot_close(load_good(long_string(json, sizeof json, table[i].opening, table[i].most)));
        const char *longer = long_string(json, sizeof json, table[i].opening, table[i].most + 1);
        assert_wrong(&(struct wrong){longer, table[i].path, CONFIG_TOO_LONG});
    }
    const char *root = long_string(json, sizeof json, "{\"topics\":{\"root\":\"", ROOT_BYTES_MAX + 1);
    assert_wrong(&(struct wrong){root, "/topics/root", CONFIG_TOO_LONG});
}

static void seventeen_prefixes_are_too_many(void **context)
{
    (void)context;
    assert_wrong(
        &(struct wrong){"{\"topics\":{\"response_prefixes\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
                        "\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]}}",
                        "/topics/response_prefixes", CONFIG_TOO_MANY});
}

static void a_host_name_that_is_no_segment_asks_for_an_id(void **context)
{
    (void)context;
    const char *const names[] = {NULL, "", "a b",
                                 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct config_source source = {.host_name = names[i]};
        struct config_snapshot *snapshot;
        struct config_errors errors;
        assert_int_equal(config_load(&source, &snapshot, &errors), STATUS_INVALID);
        assert_int_equal(errors.count, 1);
        assert_string_equal(errors.items[0].path, "/agent/id");
        assert_int_equal(errors.items[0].code, CONFIG_REQUIRED);
        source.text = bytes_of_string("{\"agent\":{\"id\":\"barn\"}}");
        assert_int_equal(config_load(&source, &snapshot, &errors), STATUS_OK);
        config_snapshot_close(snapshot);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_setting_arrives),
        cmocka_unit_test(wrong_settings_are_told_with_their_path),
        cmocka_unit_test(the_bounds_themselves_are_allowed),
        cmocka_unit_test(strings_are_as_long_as_their_limits_and_no_longer),
        cmocka_unit_test(seventeen_prefixes_are_too_many),
        cmocka_unit_test(a_host_name_that_is_no_segment_asks_for_an_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
