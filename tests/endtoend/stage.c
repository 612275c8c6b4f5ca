#include "tests/endtoend/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { STAGE_GLANCE_MS = 500 };

static const char root[] = "flyball/v1";

static const char *topic_at(const char *name, char topic[STAGE_TOPIC_MAX])
{
    int length = snprintf(topic, STAGE_TOPIC_MAX, "%s/%s", root, name);
    assert_in_range(length, 1, STAGE_TOPIC_MAX - 1);
    return topic;
}

static struct peer_settings peer_settings_of(const struct stage *stage, const char *client_id)
{
    bool is_5 = strcmp(stage->protocol, "5") == 0;
    return (struct peer_settings){
        .url = stage->url, .client_id = client_id, .protocol = is_5 ? PEER_PROTOCOL_5 : PEER_PROTOCOL_3_1_1};
}

static int open_with(void **context, const char *broker_extra)
{
    static const char *const heard[] = {"decision/#", "reply/#", "state/#", "agent/#"};
    struct stage *stage = calloc(1, sizeof *stage);
    stage->protocol = *context != NULL ? *context : "5";
    *context = stage;
    broker_prepare(&stage->broker, &(struct broker_settings){.extra = broker_extra});
    broker_url(&stage->broker, BROKER_TCP, stage->url);
    broker_start(&stage->broker);
    struct peer_settings settings = peer_settings_of(stage, "peer");
    settings.keeps_session = true;
    peer_open(&stage->peer, &settings);
    for (size_t i = 0; i < sizeof heard / sizeof heard[0]; i++) {
        char topic[STAGE_TOPIC_MAX];
        peer_subscribe(&stage->peer, topic_at(heard[i], topic), 1);
    }
    return 0;
}

int stage_open(void **context)
{
    return open_with(context, "autosave_on_changes false\nautosave_interval 1800\n");
}

int stage_open_with_careful_broker(void **context)
{
    return open_with(context, NULL);
}

int stage_close(void **context)
{
    struct stage *stage = *context;
    agent_process_close(&stage->agent);
    peer_close(&stage->peer);
    broker_close(&stage->broker);
    for (size_t i = 0; i < stage->document_count; i++) {
        cJSON_Delete(stage->documents[i]);
    }
    for (size_t i = 0; i < stage->text_count; i++) {
        free(stage->texts[i]);
    }
    free(stage->texts);
    free(stage->documents);
    free(stage);
    return 0;
}

void stage_prepare(struct stage *stage, const char *overlay)
{
    agent_process_prepare(&stage->agent, stage->url, overlay);
    char protocol[64];
    snprintf(protocol, sizeof protocol, "{\"broker\": {\"protocol\": \"%s\"}}", stage->protocol);
    agent_process_configure(&stage->agent, protocol);
}

const cJSON *stage_run(struct stage *stage)
{
    agent_process_start(&stage->agent);
    return stage_await_ready(stage);
}

void stage_start(struct stage *stage, const char *overlay)
{
    stage_prepare(stage, overlay);
    stage_run(stage);
}

const cJSON *stage_await_ready(struct stage *stage)
{
    for (;;) {
        const cJSON *status = stage_take_json(stage, "agent/a1/status");
        if (strcmp(json_string(status, "state"), "ready") == 0 &&
            json_number(status, "session") > stage->session) {
            stage->session = json_number(status, "session");
            return status;
        }
    }
}

void stage_fail(struct stage *stage, const char *format, ...)
{
    char message[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (stage->agent.folder[0] != '\0') {
        agent_process_print_log(&stage->agent);
    }
    fail_msg("%s", message);
    abort(); /* fail_msg does not return. */
}

const struct peer_message *stage_take(struct stage *stage, const char *filter)
{
    char topic[STAGE_TOPIC_MAX];
    topic_at(filter, topic);
    const struct peer_message *message = NULL;
    for (int waited_ms = 0; message == NULL && waited_ms < STAGE_WAIT_MS; waited_ms += STAGE_GLANCE_MS) {
        /* Who is dead will not answer: no need to wait for it to the end. */
        bool is_last = agent_process_has_ended(&stage->agent);
        message = peer_take(&stage->peer, topic, STAGE_GLANCE_MS);
        if (is_last) {
            break;
        }
    }
    if (message == NULL) {
        stage_fail(stage, "no message on %s", filter);
    }
    return message;
}

const cJSON *stage_parse(struct stage *stage, const struct peer_message *message)
{
    const char *end = NULL;
    cJSON *json = cJSON_ParseWithOpts(message->payload, &end, true);
    if (json == NULL || strlen(message->payload) != message->length) {
        stage_fail(stage, "not JSON on %s: %s", message->topic, (const char *)message->payload);
    }
    size_t bytes = (stage->document_count + 1) * sizeof stage->documents[0];
    stage->documents = realloc(stage->documents, bytes);
    stage->documents[stage->document_count++] = json;
    return json;
}

const cJSON *stage_take_json(struct stage *stage, const char *filter)
{
    return stage_parse(stage, stage_take(stage, filter));
}

void stage_expect_none(struct stage *stage, const char *filter, int within_ms)
{
    char topic[STAGE_TOPIC_MAX];
    const struct peer_message *message = peer_take(&stage->peer, topic_at(filter, topic), within_ms);
    if (message != NULL) {
        stage_fail(stage, "unexpected on %s: %s", message->topic, (const char *)message->payload);
    }
}

void stage_publish(struct stage *stage, const char *topic, const char *payload)
{
    char whole[STAGE_TOPIC_MAX];
    peer_publish_text(&stage->peer, topic_at(topic, whole), payload, 1);
}

const struct peer_message *stage_decision(struct stage *stage, const char *who, const char *payload)
{
    char topic[STAGE_TOPIC_MAX];
    snprintf(topic, sizeof topic, "event/%s", who);
    stage_publish(stage, topic, payload);
    int device_end = (int)(strrchr(who, '/') - who);
    snprintf(topic, sizeof topic, "decision/%.*s", device_end, who);
    return stage_take(stage, topic);
}

const cJSON *stage_event(struct stage *stage, const char *who, const char *payload)
{
    return stage_parse(stage, stage_decision(stage, who, payload));
}

const cJSON *stage_command(struct stage *stage, const char *who, const char *payload)
{
    char topic[STAGE_TOPIC_MAX];
    snprintf(topic, sizeof topic, "command/%s", who);
    stage_publish(stage, topic, payload);
    snprintf(topic, sizeof topic, "reply/%s", who);
    return stage_take_json(stage, topic);
}

const cJSON *stage_do(struct stage *stage, const char *who, const char *format, ...)
{
    char payload[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(payload, sizeof payload, format, arguments);
    va_end(arguments);
    const cJSON *reply = stage_command(stage, who, payload);
    expect_reply(reply, "ok");
    return reply;
}

const cJSON *stage_await_state(struct stage *stage, const char *who, const char *state)
{
    char topic[STAGE_TOPIC_MAX];
    char whole[STAGE_TOPIC_MAX];
    snprintf(topic, sizeof topic, "state/%s", who);
    topic_at(topic, whole);
    const char *last = "nothing";
    for (;;) {
        const struct peer_message *message = peer_take(&stage->peer, whole, STAGE_WAIT_MS);
        if (message == NULL) {
            stage_fail(stage, "%s never became %s, the last was %s", topic, state, last);
        }
        last = message->payload;
        const cJSON *json = stage_parse(stage, message);
        if (strcmp(json_string(json, "state"), state) == 0) {
            return json;
        }
    }
}

static const char *keep_text(struct stage *stage, const struct peer_message *message)
{
    stage->texts = realloc(stage->texts, (stage->text_count + 1) * sizeof stage->texts[0]);
    stage->texts[stage->text_count] = strndup(message->payload, message->length);
    return stage->texts[stage->text_count++];
}

/* A marker published after the subscription tells that everything retained has come. */
const char *stage_retained(struct stage *stage, const char *topic)
{
    char whole[STAGE_TOPIC_MAX];
    struct peer reader;
    struct peer_settings settings = peer_settings_of(stage, "reader");
    peer_open(&reader, &settings);
    peer_subscribe(&reader, "test/marker", 1);
    peer_subscribe(&reader, topic_at(topic, whole), 1);
    peer_publish_text(&reader, "test/marker", "", 1);
    assert_non_null(peer_take(&reader, "test/marker", STAGE_WAIT_MS));
    const struct peer_message *message = peer_take(&reader, whole, 0);
    const char *text = NULL;
    if (message != NULL) {
        assert_true(message->retained);
        text = keep_text(stage, message);
    }
    peer_close(&reader);
    return text;
}

const cJSON *stage_dead_letter(struct stage *stage, const char *reason)
{
    const struct peer_message *message = stage_take(stage, "agent/a1/dead-letter/+");
    const char *got = strrchr(message->topic, '/') + 1;
    if (strcmp(got, reason) != 0) {
        stage_fail(stage, "dead letter %s instead of %s: %s", got, reason, (const char *)message->payload);
    }
    assert_int_equal(message->qos, 1);
    const cJSON *letter = stage_parse(stage, message);
    expect(letter, "reason", reason);
    json_string(letter, "topic");
    json_string(letter, "detail");
    json_string(letter, "payload_base64");
    json_instant(letter, "time");
    return letter;
}

const cJSON *stage_await_alert(struct stage *stage, const char *name)
{
    char topic[STAGE_TOPIC_MAX];
    snprintf(topic, sizeof topic, "agent/a1/alert/%s", name);
    const struct peer_message *message = stage_take(stage, topic);
    while (message->length == 0) {
        message = stage_take(stage, topic);
    }
    const cJSON *alert = stage_parse(stage, message);
    expect(alert, "alert", name);
    json_instant(alert, "since");
    json_string(alert, "message");
    return alert;
}

void stage_await_alert_cleared(struct stage *stage, const char *name)
{
    char topic[STAGE_TOPIC_MAX];
    snprintf(topic, sizeof topic, "agent/a1/alert/%s", name);
    while (stage_take(stage, topic)->length > 0) {
    }
}

/* Those that were on their way do not count: the second after the call is surely newer. */
const cJSON *stage_metrics(struct stage *stage)
{
    char topic[STAGE_TOPIC_MAX];
    topic_at("agent/a1/metrics", topic);
    while (peer_take(&stage->peer, topic, 0) != NULL) {
    }
    stage_take(stage, "agent/a1/metrics");
    return stage_take_json(stage, "agent/a1/metrics");
}

const cJSON *stage_await_metric(struct stage *stage, const char *path, double least)
{
    int64_t deadline_ms = wall_ms() + STAGE_WAIT_MS;
    for (;;) {
        const cJSON *metrics = stage_metrics(stage);
        if (json_number(metrics, path) >= least) {
            return metrics;
        }
        if (wall_ms() > deadline_ms) {
            stage_fail(stage, "%s stays at %g", path, json_number(metrics, path));
        }
    }
}

const cJSON *stage_desire(struct stage *stage, const char *payload)
{
    char topic[STAGE_TOPIC_MAX];
    struct peer_message message = {.topic = topic_at("agent/a1/config/desired", topic),
                                   .payload = payload,
                                   .length = strlen(payload),
                                   .qos = 1,
                                   .retained = true};
    peer_publish(&stage->peer, &message);
    return payload[0] != '\0' ? stage_take_json(stage, "agent/a1/config/reported") : NULL;
}

struct agent_outcome stage_run_command(struct stage *stage, const char *command, const char *first,
                                       const char *second, const char *third)
{
    const char *const arguments[] = {command, first, second, third, NULL};
    return agent_process_run(&stage->agent, arguments);
}
