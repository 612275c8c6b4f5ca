#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/config/loading.h"

static void variables_are_filled_in(void **context)
{
    (void)context;
    const struct {
        const char *json;
        const char *username;
    } table[] = {
        {"{\"broker\":{\"username\":\"${PLACE}\"}}", "shed"},
        {"{\"broker\":{\"username\":\"a${PLACE}b${PLACE}\"}}", "ashedbshed"},
        {"{\"broker\":{\"username\":\"x${EMPTY}\"}}", "x"},
        {"{\"broker\":{\"username\":\"$PLACE\"}}", "$PLACE"},
        {"{\"broker\":{\"username\":\"$${PLACE}$\"}}", "$shed$"},
        {"{\"broker\":{\"username\":\"${}\"}}", "${}"},
        {"{\"broker\":{\"username\":\"${PLACE\"}}", "${PLACE"},
        {"{\"broker\":{\"username\":\"${1A}\"}}", "${1A}"},
        {"{\"broker\":{\"username\":\"${A B}\"}}", "${A B}"},
        {"{\"broker\":{\"username\":\"\\u0024{PLACE}\"}}", "shed"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct config_snapshot *snapshot = load_good(table[i].json);
        assert_string_equal(snapshot->settings.broker.username, table[i].username);
        config_snapshot_close(snapshot);
    }
}

static void variables_that_cannot_be_filled_in_are_told_with_their_path(void **context)
{
    (void)context;
    const struct wrong table[] = {
        {"{\"broker\":{\"username\":\"${NOWHERE}\"}}", "/broker/username", CONFIG_ENVIRONMENT},
        {"{\"topics\":{\"response_prefixes\":[\"a\",\"${NOWHERE}\"]}}", "/topics/response_prefixes/1",
         CONFIG_ENVIRONMENT},
        {"{\"broker\":{\"username\":\"${LATIN1}\"}}", "/broker/username", CONFIG_ENVIRONMENT},
        {"{\"broker\":{\"username\":\"${EMPTY}\"}}", "/broker/username", CONFIG_FORMAT},
    };
    assert_all_wrong(table, sizeof table / sizeof table[0]);
}

static void keys_are_not_filled_in(void **context)
{
    (void)context;
    assert_wrong(&(struct wrong){"{\"${PLACE}\":1}", "/${PLACE}", CONFIG_UNKNOWN_KEY});
}

static void the_process_environment_is_read(void **context)
{
    (void)context;
    assert_int_equal(setenv("FLYBALL_TEST_PLACE", "barn", 1), 0);
    struct config_source source = loading_source("{\"agent\":{\"id\":\"${FLYBALL_TEST_PLACE}\"}}");
    source.environment = config_environment;
    struct config_snapshot *snapshot;
    struct config_errors errors;
    assert_int_equal(config_load(&source, &snapshot, &errors), STATUS_OK);
    assert_true(bytes_equal_string(name_bytes(&snapshot->settings.agent_id), "barn"));
    config_snapshot_close(snapshot);
    source.environment = NULL;
    assert_int_equal(config_load(&source, &snapshot, &errors), STATUS_INVALID);
    assert_int_equal(errors.items[0].code, CONFIG_ENVIRONMENT);
}

static void sets_change_single_values(void **context)
{
    (void)context;
    const char *const sets[] = {
        "agent.id=barn",
        "broker.keepalive_s=7",
        "broker.protocol=5",
        "broker.username=42",
        "broker.ca_file=/a=b",
        "http.listen=",
        "pool={\"slots\":8}",
        "subjects.unknown=deny",
        "plans.free.billing.overdraft=3",
        "meters.kwh.chain=[\"quota\"]",
        "meters.*.priority=low",
        "log.level=\"warn\"",
        "topics.root=007",
        "agent.id=shed",
    };
    struct config_snapshot *snapshot =
        load_good_with("{\"broker\":{\"keepalive_s\":9,\"client_id\":\"c\"},\"pool\":{\"slot_bytes\":256}}",
                       sets, sizeof sets / sizeof sets[0]);
    const struct settings *settings = &snapshot->settings;
    assert_true(bytes_equal_string(name_bytes(&settings->agent_id), "shed"));
    assert_int_equal(settings->broker.keepalive_s, 7);
    assert_int_equal(settings->broker.protocol, BROKER_PROTOCOL_5);
    assert_string_equal(settings->broker.client_id, "c");
    assert_string_equal(settings->broker.username, "42");
    assert_string_equal(settings->broker.ca_file, "/a=b");
    assert_string_equal(settings->http.listen, "");
    assert_int_equal(settings->pool.slots, 8);
    assert_int_equal(settings->pool.slot_bytes, 512);
    assert_int_equal(settings->log_level, LOG_WARN);
    assert_string_equal(settings->topics.root, "007");
    assert_int_equal(snapshot->policy.unknown, UNKNOWN_DENY);
    assert_int_equal(snapshot->policy.plans[0].billing.overdraft, 3000000);
    assert_int_equal(snapshot->policy.plans[0].quota_count, 1);
    assert_int_equal(snapshot->policy.meter_count, 2);
    const struct meter *other = policy_meter(&snapshot->policy, &(struct name){.length = 1, .text = "x"});
    assert_int_equal(other->priority, PRIORITY_LOW);
    assert_int_equal(other->chain_length, 3);
    config_snapshot_close(snapshot);
}

static void wrong_sets_are_told_with_their_path(void **context)
{
    (void)context;
    assert_set_wrong("agent.id", "", CONFIG_FORMAT);
    assert_set_wrong("", "", CONFIG_FORMAT);
    assert_set_wrong("=1", "/", CONFIG_FORMAT);
    assert_set_wrong("agent..id=1", "/agent/", CONFIG_FORMAT);
    assert_set_wrong("agent.=1", "/agent/", CONFIG_FORMAT);
    assert_set_wrong("agent.name=x", "/agent/name", CONFIG_UNKNOWN_KEY);
    assert_set_wrong("nothing=x", "/nothing", CONFIG_UNKNOWN_KEY);
    assert_set_wrong("agent.id.x=1", "/agent/id", CONFIG_TYPE);
    assert_set_wrong("plans.free.quotas.0=1", "/plans/free/quotas", CONFIG_TYPE);
    assert_set_wrong("pool.slots=many", "/pool/slots", CONFIG_TYPE);
    assert_set_wrong("pool.slots=1", "/pool/slots", CONFIG_RANGE);
    assert_set_wrong("pool={\"slots\":8,\"slots\":9}", "/pool/slots", CONFIG_DUPLICATE);
    assert_set_wrong("agent.id=\xff", "/agent/id", CONFIG_FORMAT);
    assert_set_wrong("agent.\xff=1", "", CONFIG_FORMAT);
    assert_set_wrong("agent.id=true", "/agent/id", CONFIG_TYPE);
    assert_set_wrong("agent.id=${PLACE}/x", "/agent/id", CONFIG_FORMAT);
}

static void sets_are_limited(void **context)
{
    (void)context;
    const char *sets[CONFIG_SETS_MAX + 1];
    for (size_t i = 0; i <= CONFIG_SETS_MAX; i++) {
        sets[i] = "log.level=info";
    }
    config_snapshot_close(load_good_with("{}", sets, CONFIG_SETS_MAX));
    struct config_source source = loading_source("{}");
    source.sets = sets;
    source.set_count = CONFIG_SETS_MAX + 1;
    struct config_snapshot *snapshot;
    struct config_errors errors;
    assert_int_equal(config_load(&source, &snapshot, &errors), STATUS_INVALID);
    assert_int_equal(errors.items[0].code, CONFIG_TOO_MANY);
}

static void files_are_read_whole_or_not_at_all(void **context)
{
    (void)context;
    struct io io = io_posix();
    struct config_text text;
    char folder[] = "/tmp/flyball-load-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/c.json", folder);
    assert_int_equal(config_text_read(&io, path, &text), STATUS_NOT_FOUND);
    assert_int_equal(config_text_read(&io, folder, &text), STATUS_IO);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < CONFIG_FILE_BYTES_MAX; i++) {
        fputc(' ', file);
    }
    fflush(file);
    assert_int_equal(config_text_read(&io, path, &text), STATUS_OK);
    assert_int_equal(text.bytes.length, CONFIG_FILE_BYTES_MAX);
    config_text_close(&text);
    assert_null(text.block);
    fputc(' ', file);
    fclose(file);
    assert_int_equal(config_text_read(&io, path, &text), STATUS_TOO_LARGE);
    assert_null(text.block);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(config_text_read(&io, path, &text), STATUS_OK);
    struct config_source source = {.text = text.bytes, .host_name = "edge-7"};
    struct config_snapshot *snapshot;
    struct config_errors errors;
    assert_int_equal(config_load(&source, &snapshot, &errors), STATUS_INVALID);
    assert_int_equal(errors.items[0].code, CONFIG_NOT_JSON);
    config_text_close(&text);
    unlink(path);
    rmdir(folder);
}

static long mapped_pages(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &pages), 1);
    fclose(file);
    return pages;
}

static void loading_leaves_no_memory_behind(void **context)
{
    (void)context;
    struct config_source wrong = loading_source("{\"agent\":1}");
    struct config_snapshot *snapshot;
    struct config_errors errors;
    long before = 0;
    for (int i = 0; i < 40; i++) {
        config_snapshot_close(load_good("{}"));
        assert_int_equal(config_load(&wrong, &snapshot, &errors), STATUS_INVALID);
        before = i == 20 ? mapped_pages() : before;
    }
    assert_true(mapped_pages() - before < 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variables_are_filled_in),
        cmocka_unit_test(variables_that_cannot_be_filled_in_are_told_with_their_path),
        cmocka_unit_test(keys_are_not_filled_in),
        cmocka_unit_test(the_process_environment_is_read),
        cmocka_unit_test(sets_change_single_values),
        cmocka_unit_test(wrong_sets_are_told_with_their_path),
        cmocka_unit_test(sets_are_limited),
        cmocka_unit_test(files_are_read_whole_or_not_at_all),
        cmocka_unit_test(loading_leaves_no_memory_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
