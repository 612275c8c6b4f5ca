#include "tests/agent/agent_fixture.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/state/scan.h"

enum { TURNS_MAX = 200, WAIT_MS = 50, FIRST_CAPACITY = 1024 };

/* The broker: takes a publication, or says why not. */

static char *copy_text(struct bytes bytes)
{
    char *copy = malloc(bytes.length + 1);
    assert_non_null(copy);
    memcpy(copy, bytes.data == NULL ? (const uint8_t *)"" : bytes.data, bytes.length);
    copy[bytes.length] = '\0';
    return copy;
}

static bool is_announcement(struct bytes topic)
{
    static const char *const ends[] = {"/status", "/metrics", "/canary"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t length = strlen(ends[i]);
        if (topic.length > length && memcmp(topic.data + topic.length - length, ends[i], length) == 0) {
            return true;
        }
    }
    return false;
}

static void note(struct fixture *fixture, const struct paho_publication *publication)
{
    if (fixture->count == fixture->capacity) {
        fixture->capacity = fixture->capacity == 0 ? FIRST_CAPACITY : 2 * fixture->capacity;
        fixture->published = realloc(fixture->published, fixture->capacity * sizeof *fixture->published);
        assert_non_null(fixture->published);
    }
    fixture->published[fixture->count++] = (struct published){
        .topic = copy_text(publication->topic),
        .payload = copy_text(publication->payload),
        .correlation = publication->has_correlation ? copy_text(publication->correlation) : NULL,
        .qos = publication->qos,
        .retained = publication->retained,
        .has_landed = publication->qos == 0 || !fixture->holds_acknowledgements,
        .ticket = publication->ticket,
    };
}

static enum status broker_publish(void *self, const struct paho_publication *publication)
{
    struct fixture *fixture = self;
    if (!fixture->is_connected) {
        return STATUS_DISCONNECTED;
    }
    if (fixture->refuses_after == 0) {
        return STATUS_FULL;
    }
    fixture->refuses_after -= fixture->refuses_after == UINT32_MAX ? 0 : 1;
    if (fixture->announces || !is_announcement(publication->topic)) {
        note(fixture, publication);
        if (fixture->holds_acknowledgements) {
            return STATUS_OK;
        }
    }
    if (publication->qos > 0) {
        publisher_landed(&fixture->agent->publisher, publication->ticket);
    }
    return STATUS_OK;
}

/* Starting and stopping. */

static const char *no_environment(void *self, const char *name)
{
    (void)self;
    (void)name;
    return NULL;
}

static void run_command(const char *format, ...)
{
    char command[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    assert_in_range(length, 1, sizeof command - 1);
    assert_int_equal(system(command), 0); /* NOLINT: the test's own words. */
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static void remove_folder(const char *path)
{
    assert_int_equal(nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

struct fixture *fixture_new(const char *config)
{
    return fixture_new_in("/tmp", config);
}

struct fixture *fixture_new_in(const char *parent, const char *config)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "%.64s/flyball-agent-XXXXXX", parent);
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->config, sizeof fixture->config, "%s", config == NULL ? "{}" : config);
    fixture->now = FIXTURE_NOON;
    fixture->seed = 1;
    fixture->io = io_posix();
    fixture->refuses_after = UINT32_MAX;
    fixture_unset(fixture);
    return fixture;
}

void fixture_write_config(struct fixture *fixture, const char *config)
{
    snprintf(fixture->config, sizeof fixture->config, "%s", config);
    snprintf(fixture->config_path, sizeof fixture->config_path, "%.100s/config.json", fixture->folder);
    FILE *file = fopen(fixture->config_path, "we");
    assert_non_null(file);
    assert_true(fputs(config, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void fixture_free(struct fixture *fixture)
{
    if (fixture->agent != NULL) {
        fixture_kill(fixture);
    }
    remove_folder(fixture->folder);
    for (size_t i = 0; i < fixture->count; i++) {
        free(fixture->published[i].topic);
        free(fixture->published[i].payload);
        free(fixture->published[i].correlation);
    }
    free(fixture->published);
    free(fixture);
}

void fixture_set(struct fixture *fixture, const char *set)
{
    assert_true(fixture->set_count < FIXTURE_SETS_MAX);
    char *copy = fixture->sets_storage[fixture->set_count];
    snprintf(copy, sizeof fixture->sets_storage[0], "%s", set);
    fixture->sets[fixture->set_count++] = copy;
}

void fixture_unset(struct fixture *fixture)
{
    char set[160];
    fixture->set_count = 0;
    snprintf(set, sizeof set, "store.dir=%s/store", fixture->folder);
    fixture_set(fixture, set);
    snprintf(set, sizeof set, "runtime.dir=%s/run", fixture->folder);
    fixture_set(fixture, set);
    fixture_set(fixture, "store.durability=os");
    fixture_set(fixture, "store.segment_bytes=262144");
    fixture_set(fixture, "store.max_bytes=8388608");
    fixture_set(fixture, "store.subjects_max=4096");
    fixture_set(fixture, "runtime.schedulers=1");
    fixture_set(fixture, "log.level=error");
}

enum status fixture_try_open(struct fixture *fixture)
{
    assert_null(fixture->agent);
    fixture->source = (struct config_source){.text = bytes_of_string(fixture->config),
                                             .sets = fixture->sets,
                                             .set_count = fixture->set_count,
                                             .host_name = "a1",
                                             .environment = no_environment};
    struct agent_options options = {.source = &fixture->source,
                                    .config_path =
                                        fixture->config_path[0] == '\0' ? NULL : fixture->config_path,
                                    .io = fixture->io,
                                    .wall = fixture->now,
                                    .seed = fixture->seed};
    struct outlet outlet = {.publish = broker_publish, .self = fixture};
    struct agent *agent = calloc(1, sizeof *agent);
    assert_non_null(agent);
    fixture->is_connected = false;
    enum status status = agent_open(agent, &options, outlet, fixture->message);
    if (status == STATUS_OK) {
        fixture->agent = agent;
    } else {
        free(agent);
    }
    return status;
}

void fixture_start(struct fixture *fixture)
{
    enum status status = fixture_try_open(fixture);
    if (status != STATUS_OK) {
        fail_msg("%s: %s", status_name(status), fixture->message);
    }
    fixture_connect(fixture, PAHO_SESSION_NEW);
}

void fixture_stop(struct fixture *fixture)
{
    fixture_turn(fixture);
    state_log_mark(&fixture->agent->log);
    assert_int_equal(agent_commit(fixture->agent), STATUS_OK);
    fixture_kill(fixture);
}

void fixture_kill(struct fixture *fixture)
{
    agent_close(fixture->agent);
    free(fixture->agent);
    fixture->agent = NULL;
}

void fixture_restart(struct fixture *fixture)
{
    fixture_kill(fixture);
    fixture_start(fixture);
}

void fixture_connect(struct fixture *fixture, enum paho_session session)
{
    fixture->is_connected = true;
    publisher_connected(&fixture->agent->publisher, session);
    fixture_turn(fixture);
}

void fixture_disconnect(struct fixture *fixture)
{
    fixture->is_connected = false;
    publisher_disconnected(&fixture->agent->publisher);
}

void fixture_land_all(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->count; i++) {
        if (!fixture->published[i].has_landed) {
            fixture->published[i].has_landed = true;
            publisher_landed(&fixture->agent->publisher, fixture->published[i].ticket);
        }
    }
}

/* Messages and time. */

void fixture_receive_message(struct fixture *fixture, const struct message *message)
{
    struct paho_arrival arrival = {0};
    agent_receive(fixture->agent, message, &arrival);
}

void fixture_receive(struct fixture *fixture, const char *topic, const char *payload)
{
    struct message message = {.topic = bytes_of_string(topic),
                              .payload = bytes_of_string(payload),
                              .payload_length = strlen(payload),
                              .qos = 1};
    fixture_receive_message(fixture, &message);
}

enum status fixture_turn_once(struct fixture *fixture)
{
    return agent_turn(fixture->agent, clock_at(&fixture->agent->clock, fixture->now));
}

void fixture_turn(struct fixture *fixture)
{
    enum status status = fixture_turn_once(fixture);
    /* A full store is waited out: compaction needs a few turns, and deferred states some time. */
    for (int i = 0; i < TURNS_MAX && status == STATUS_NO_SPACE; i++) {
        fixture->now += WAIT_MS;
        status = fixture_turn_once(fixture);
    }
    bool is_fine = status == STATUS_OK || status == STATUS_DISCONNECTED || status == STATUS_EMPTY ||
                   status == STATUS_FULL;
    if (!is_fine) {
        fail_msg("the turn ended with %s", status_name(status));
    }
}

void fixture_pass(struct fixture *fixture, int64_t span_ms)
{
    fixture->now += span_ms;
    fixture_turn(fixture);
}

const struct published *fixture_ask_as(struct fixture *fixture, const char *subject, const char *device,
                                       const char *meter, const char *payload)
{
    char topic[256];
    char answer[256];
    snprintf(topic, sizeof topic, "flyball/v1/event/%s/%s/%s", subject, device, meter);
    snprintf(answer, sizeof answer, "flyball/v1/decision/%s/%s", subject, device);
    size_t from = fixture->count;
    fixture_receive(fixture, topic, payload);
    fixture_turn(fixture);
    if (fixture_count(fixture, answer, from) != 1) {
        fail_msg("%zu decisions instead of one for %s", fixture_count(fixture, answer, from), payload);
    }
    return fixture_last(fixture, answer, from);
}

const struct published *fixture_ask(struct fixture *fixture, const char *payload)
{
    return fixture_ask_as(fixture, "acme", "meter-7", "kwh", payload);
}

const struct published *fixture_command(struct fixture *fixture, const char *subject, const char *governor,
                                        const char *payload)
{
    char topic[256];
    char answer[256];
    snprintf(topic, sizeof topic, "flyball/v1/command/%s/%s", subject, governor);
    snprintf(answer, sizeof answer, "flyball/v1/reply/%s/%s", subject, governor);
    size_t from = fixture->count;
    fixture_receive(fixture, topic, payload);
    fixture_turn(fixture);
    if (fixture_count(fixture, answer, from) != 1) {
        fail_msg("%zu replies instead of one for %s", fixture_count(fixture, answer, from), payload);
    }
    return fixture_last(fixture, answer, from);
}

/* What was published. */

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

size_t fixture_count(const struct fixture *fixture, const char *prefix, size_t from)
{
    size_t count = 0;
    for (size_t i = from; i < fixture->count; i++) {
        count += begins_with(fixture->published[i].topic, prefix) ? 1 : 0;
    }
    return count;
}

const struct published *fixture_last(const struct fixture *fixture, const char *prefix, size_t from)
{
    for (size_t i = fixture->count; i > from; i--) {
        if (begins_with(fixture->published[i - 1].topic, prefix)) {
            return &fixture->published[i - 1];
        }
    }
    return NULL;
}

const struct published *fixture_state(const struct fixture *fixture, const char *subject,
                                      const char *governor)
{
    char topic[256];
    snprintf(topic, sizeof topic, "flyball/v1/state/%s/%s", subject, governor);
    const struct published *state = fixture_last(fixture, topic, 0);
    if (state == NULL) {
        fail_msg("nothing is retained on %s", topic);
    }
    assert_true(state->retained);
    return state;
}

void published_has(const struct published *published, const char *text)
{
    assert_non_null(published);
    if (strstr(published->payload, text) == NULL) {
        fail_msg("%s is not in %s", text, published->payload);
    }
}

void published_has_not(const struct published *published, const char *text)
{
    assert_non_null(published);
    if (strstr(published->payload, text) != NULL) {
        fail_msg("%s is in %s", text, published->payload);
    }
}

/* What stands behind the key, quotes taken off. */
static struct bytes value_of(const struct published *published, const char *within, const char *key)
{
    assert_non_null(published);
    char quoted[64];
    const char *at = published->payload;
    if (within != NULL) {
        snprintf(quoted, sizeof quoted, "\"%s\":", within);
        at = strstr(at, quoted);
    }
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    at = at == NULL ? NULL : strstr(at, quoted);
    if (at == NULL) {
        fail_msg("%s %s is not in %s", within == NULL ? "" : within, key, published->payload);
        return bytes_of(NULL, 0);
    }
    at += strlen(quoted);
    at += *at == '"' ? 1 : 0;
    return bytes_of(at, strcspn(at, "\",}]"));
}

micro_units published_amount(const struct published *published, const char *within, const char *key)
{
    struct bytes text = value_of(published, within, key);
    bool is_negative = text.length > 0 && text.data[0] == '-';
    micro_units amount = 0;
    assert_int_equal(micro_units_parse(bytes_after(text, is_negative ? 1 : 0), &amount), STATUS_OK);
    return is_negative ? -amount : amount;
}

uint64_t published_number(const struct published *published, const char *key)
{
    return strtoull((const char *)value_of(published, NULL, key).data, NULL, 10);
}

/* The disk. */

struct verifying {
    uint64_t last_seq; /* 0: none yet. */
    uint64_t taken;
};

static void verify_record(void *self, const struct record *record)
{
    struct verifying *verifying = self;
    bool takes_seq = record->seq != 0 && (record->kind == RECORD_DECISION || record->kind == RECORD_REPLY);
    if (!takes_seq) {
        return;
    }
    if (verifying->last_seq != 0) {
        assert_int_equal(record->seq, verifying->last_seq + 1);
    }
    verifying->last_seq = record->seq;
    verifying->taken++;
}

uint64_t fixture_verify(struct fixture *fixture)
{
    char folder[FIXTURE_PATH_MAX + 16];
    snprintf(folder, sizeof folder, "%s/store", fixture->folder);
    struct verifying verifying = {0};
    struct state_log_listener listener = {.record = verify_record, .self = &verifying};
    struct state_log_report report;
    enum status status = state_log_scan(folder, io_posix(), listener, &report);
    if (status != STATUS_OK) {
        fail_msg("%s: %s", status_name(status), report.message);
    }
    return verifying.taken;
}

void fixture_keep_file(struct fixture *fixture, const char *name)
{
    run_command("cp -a %s/%s %s/kept", fixture->folder, name, fixture->folder);
}

void fixture_put_back_file(struct fixture *fixture, const char *name)
{
    run_command("cp -a %s/kept %s/%s", fixture->folder, fixture->folder, name);
}

uint64_t fixture_hash(const struct fixture *fixture)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < fixture->count; i++) {
        const struct published *published = &fixture->published[i];
        hash = hash_bytes((struct hash_key){hash, 1}, bytes_of_string(published->topic));
        hash = hash_bytes((struct hash_key){hash, 2}, bytes_of_string(published->payload));
    }
    return hash;
}
