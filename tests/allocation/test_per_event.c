/* That an event costs no allocation on our own account, whatever becomes of it, and what it costs in Paho. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/allocation/agent_under_count.h"
#include "tests/broker/peer.h"

enum { WARM_UP = 100, ASSURED = 1000, UNASSURED = 100, SUBJECTS = 7, WAIT_MS = 20000, TEXT_MAX = 128 };

static const char config_format[] =
    "{\"agent\": {\"id\": \"counted\"}, \"broker\": {\"url\": \"%s\"},\n"
    " \"store\": {\"dir\": \"%s/store\"}, \"runtime\": {\"dir\": \"%s/run\", \"mailbox\": 1000},\n"
    " \"http\": {\"listen\": \"\"}, \"metrics\": {\"interval_ms\": 1000},\n"
    " \"meters\": {\"*\": {}, \"closed\": {\"feature\": \"key\"}},\n"
    " \"plans\": {\"free\": {\"features\": [\"basic\"], \"prices\": {\"kwh\": \"0.01\"},\n"
    "   \"quotas\": [{\"name\": \"daily\", \"meter\": \"*\", \"limit\": \"1000000\", \"window\": \"day\"}],\n"
    "   \"billing\": {\"overdraft\": \"1000000\"}}},\n"
    " \"routes\": [{\"topic\": \"tele/{device}/SENSOR\", \"subject\": \"house\", \"meter\": \"kwh\",\n"
    "   \"amount\": {\"pointer\": \"/ENERGY/Total\", \"kind\": \"counter\"}, \"id\": {\"pointer\": "
    "\"/Time\"},\n"
    "   \"decide\": {\"topic\": \"cmnd/{device}/POWER\", \"allow\": \"ON\", \"deny\": \"OFF\"}}]}\n";

struct stage {
    struct broker broker;
    struct peer peer;
    struct agent_under_count agent;
    size_t decisions; /* Expected so far. */
    size_t dead_letters;
    size_t replies;
    size_t metrics_seen;
};

static void write_config(const struct stage *stage, char path[BROKER_PATH_MAX + 16])
{
    char url[BROKER_URL_MAX];
    broker_url(&stage->broker, BROKER_TCP, url);
    snprintf(path, BROKER_PATH_MAX + 16, "%s/flyball.json", stage->broker.folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, config_format, url, stage->broker.folder, stage->broker.folder);
    assert_int_equal(fclose(file), 0);
}

static void await_ready(struct stage *stage)
{
    const struct peer_message *status = peer_take(&stage->peer, "flyball/v1/agent/counted/status", WAIT_MS);
    assert_non_null(status);
    assert_non_null(strstr(status->payload, "\"ready\""));
}

static int open_stage(void **context)
{
    struct stage *stage = calloc(1, sizeof(*stage));
    char config_file[BROKER_PATH_MAX + 16];
    char url[BROKER_URL_MAX];
    *context = stage;
    broker_prepare(&stage->broker, &(struct broker_settings){0});
    broker_start(&stage->broker);
    broker_url(&stage->broker, BROKER_TCP, url);
    peer_open(&stage->peer, &(struct peer_settings){.url = url, .client_id = "peer"});
    peer_subscribe(&stage->peer, "flyball/v1/agent/counted/#", 1);
    peer_subscribe(&stage->peer, "flyball/v1/decision/#", 1);
    peer_subscribe(&stage->peer, "flyball/v1/reply/#", 1);
    write_config(stage, config_file);
    agent_start(&stage->agent, stage->broker.folder, config_file);
    await_ready(stage);
    return 0;
}

static int close_stage(void **context)
{
    struct stage *stage = *context;
    agent_close(&stage->agent);
    peer_close(&stage->peer);
    broker_close(&stage->broker);
    free(stage);
    return 0;
}

static void send_text(struct stage *stage, const char *topic, const char *payload, int qos)
{
    struct peer_message message = {.topic = topic, .payload = payload, .length = strlen(payload), .qos = qos};
    peer_send(&stage->peer, &message);
}

/* One event for a subject by number. */
static void send_event(struct stage *stage, unsigned number, const char *meter, const char *payload, int qos)
{
    char topic[TEXT_MAX];
    unsigned subject = number / 10 % SUBJECTS;
    snprintf(topic, sizeof(topic), "flyball/v1/event/subject-%u/device-%u/%s", subject, subject, meter);
    send_text(stage, topic, payload, qos);
    stage->decisions++;
}

static void send_dead_letter(struct stage *stage, int qos)
{
    send_text(stage, "flyball/v1/event/subject-0/device-0/kwh", "{\"id\": ", qos);
    stage->dead_letters++;
}

static void send_routed(struct stage *stage, unsigned number, int qos)
{
    char payload[TEXT_MAX];
    snprintf(payload, sizeof(payload), "{\"Time\":\"t-%u\",\"ENERGY\":{\"Total\":%u.5}}", number, number);
    send_text(stage, "tele/plug/SENSOR", payload, qos);
    stage->decisions++;
}

static void send_stranger(struct stage *stage, unsigned number, int qos)
{
    char topic[TEXT_MAX];
    snprintf(topic, sizeof(topic), "flyball/v1/event/stranger-%u/device/kwh", number);
    send_text(stage, topic, "{\"id\":\"first\"}", qos);
    stage->decisions++;
}

static void send_credit(struct stage *stage, unsigned number)
{
    char payload[TEXT_MAX];
    snprintf(payload, sizeof(payload), "{\"id\":\"c-%u\",\"op\":\"credit\",\"amount\":\"1\"}", number);
    send_text(stage, "flyball/v1/command/subject-1/billing", payload, 1);
    stage->replies++;
}

/* Of every ten events to one subject five are fresh, the others each go another way. */
static void send_ordinary(struct stage *stage, unsigned number, int qos)
{
    char payload[TEXT_MAX];
    unsigned way = number % 10;
    unsigned id = way == 5 || way == 8 ? number - 1 : number; /* 5: a resend. 8: an id used again. */
    const char *amount = way == 6 ? "0" : way == 8 ? "3" : "2.5";
    if (way == 9) {
        snprintf(payload, sizeof(payload), "{\"device_seq\":%u,\"boot\":\"b\",\"amount\":1}", number);
    } else {
        snprintf(payload, sizeof(payload), "{\"id\":\"e-%u\",\"amount\":\"%s\"}", id, amount);
    }
    send_event(stage, number, way == 7 ? "closed" : "kwh", payload, qos);
}

static void send_events(struct stage *stage, unsigned first, unsigned count, int qos)
{
    for (unsigned number = first; number < first + count; number++) {
        switch (number % 100) {
        case 20: send_dead_letter(stage, qos); break;
        case 40: send_routed(stage, number, qos); break;
        case 60: send_stranger(stage, number, qos); break;
        default: send_ordinary(stage, number, qos); break;
        }
        if (number % 250 == 80) {
            send_credit(stage, number);
        }
    }
}

/* All answers are here, and metrics have gone out since the last time. */
static void await_answers(struct stage *stage)
{
    peer_flush(&stage->peer, WAIT_MS);
    assert_true(peer_await_count(&stage->peer, "flyball/v1/decision/#", stage->decisions, WAIT_MS));
    assert_true(peer_await_count(&stage->peer, "flyball/v1/reply/#", stage->replies, WAIT_MS));
    assert_true(peer_await_count(&stage->peer, "flyball/v1/agent/counted/dead-letter/#", stage->dead_letters,
                                 WAIT_MS));
    stage->metrics_seen = peer_count(&stage->peer, "flyball/v1/agent/counted/metrics") + 1;
    assert_true(
        peer_await_count(&stage->peer, "flyball/v1/agent/counted/metrics", stage->metrics_seen, WAIT_MS));
}

static void assert_paths_were_taken(struct stage *stage)
{
    static const char *const signs[] = {"\"duplicate\":true",    "\"reason\":\"id_reused\"",
                                        "\"amount\":\"0\"",      "\"reason\":\"not_entitled\"",
                                        "\"dedup\":\"none\"",    "\"dedup\":\"device_seq\"",
                                        "\"subject\":\"house\"", "\"subject\":\"stranger-160\""};
    unsigned seen[sizeof(signs) / sizeof(signs[0])] = {0};
    const struct peer_message *message;
    while ((message = peer_take(&stage->peer, "flyball/v1/decision/#", 0)) != NULL) {
        for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
            seen[i] += strstr(message->payload, signs[i]) != NULL;
        }
    }
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (seen[i] == 0) {
            fail_msg("no decision has %s", signs[i]);
        }
    }
}

/* Schedulers and log writer never call Paho: nothing may be allocated there, by whomever. On the main thread
 * and the publisher only Paho may. */
static void assert_own_threads_took_nothing(const struct count_snapshot *spent)
{
    for (uint32_t i = 0; i < spent->thread_count; i++) {
        const struct thread_count *thread = &spent->threads[i];
        uint64_t calls = count_of_thread(thread);
        if (strncmp(thread->name, "MQTTAsync", 9) == 0) {
            continue;
        }
        if (strncmp(thread->name, "scheduler", 9) != 0 && strcmp(thread->name, "log-writer") != 0) {
            calls -= count_of_caller(thread, CALLER_PAHO);
        }
        if (calls > 0) {
            fail_msg("%s called an allocator %llu times", thread->name, (unsigned long long)calls);
        }
    }
}

static void print_pahos_share(const struct count_snapshot *spent, unsigned events)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < spent->thread_count; i++) {
        bytes += spent->threads[i].bytes[CALLER_PAHO];
    }
    count_print(spent);
    print_message("Paho takes memory %.1f times per event, %.0f bytes together\n",
                  (double)count_taken(spent, CALLER_PAHO) / events, (double)bytes / events);
}

static void event_allocates_nothing_on_our_account(void **context)
{
    struct stage *stage = *context;
    struct count_snapshot before;
    struct count_snapshot after;
    struct count_snapshot spent;
    send_events(stage, 0, WARM_UP, 1);
    await_answers(stage);
    agent_count(&stage->agent, &before);
    assert_true(count_taken(&before, CALLER_OURS) > 0); /* The start does allocate: the count counts. */
    send_events(stage, WARM_UP, ASSURED, 1);
    await_answers(stage);
    send_events(stage, WARM_UP + ASSURED, UNASSURED, 0);
    await_answers(stage);
    agent_count(&stage->agent, &after);
    count_difference(&spent, &after, &before);
    print_pahos_share(&spent, ASSURED + UNASSURED);
    agent_print_sites(&stage->agent, before.site_count);
    assert_paths_were_taken(stage);
    assert_true(count_taken(&spent, CALLER_PAHO) > 0);
    assert_int_equal(count_calls(&spent, CALLER_OURS), 0);
    assert_own_threads_took_nothing(&spent);
    agent_stop(&stage->agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(event_allocates_nothing_on_our_account, open_stage, close_stage),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
