/* flyball-fleet: an electric-vehicle charging depot of 20 chargers, 8 customers and one smart plug, for the
 * demo. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "demo/charger.h"
#include "demo/orders.h"
#include "demo/plug.h"
#include "demo/report.h"
#include "demo/tariff.h"

enum {
    PATIENCE_MS = 20000, /* For the broker, the agent and its replies. */
    TURN_MS = 20,
    DRAIN_MS = 5000,
    ARENA_BYTES = 1 << 20,
    CONFIG_TEXT_MAX = 16384,
    DEPTH_MOST = 16,
};

struct fleet {
    struct options options;
    struct client client;
    struct session session;
    struct orders orders;
    struct charger chargers[CHARGER_COUNT];
    struct plug plug;
    struct report report;
    struct arena arena;
    bool agent_is_ready;
    uint64_t config_version; /* Active, as last reported. */
    bool evening;            /* The evening's plans were published. */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* What follows `prefix` in the topic below the root, or NULL. */
static const char *topic_below(const struct fleet *fleet, const char *topic, const char *prefix)
{
    char start[CLIENT_TOPIC_MAX];
    int length = snprintf(start, sizeof start, "%s/%s", fleet->options.root, prefix);
    return strncmp(topic, start, (size_t)length) == 0 ? topic + length : NULL;
}

static void heed_decision(struct fleet *fleet, struct bytes payload)
{
    struct answer answer;
    if (answer_read(&answer, payload, &fleet->arena) != STATUS_OK) {
        return;
    }
    report_add(&fleet->report, &answer);
    for (unsigned at = 0; at < CHARGER_COUNT; at++) {
        int64_t waited_ms = 0;
        if (bytes_equal_string(answer.device, fleet->chargers[at].name) &&
            charger_heed(&fleet->chargers[at], &answer, client_now_ms(), &waited_ms) == STATUS_OK) {
            report_add_wait(&fleet->report, waited_ms);
        }
    }
}

static const cJSON *parse(struct fleet *fleet, struct bytes payload)
{
    arena_reset(&fleet->arena);
    struct json_result parsed = json_parse(payload, DEPTH_MOST, &fleet->arena);
    return parsed.error == JSON_OK ? parsed.root : NULL;
}

static void heed_status(struct fleet *fleet, struct bytes payload)
{
    struct bytes state = answer_text(parse(fleet, payload), "state");
    fleet->agent_is_ready = bytes_equal_string(state, "ready");
    report_print_note("agent %s: %.*s", fleet->options.agent, (int)state.length, (const char *)state.data);
}

static void heed_reported(struct fleet *fleet, struct bytes payload)
{
    const cJSON *reported = parse(fleet, payload);
    const cJSON *active = reported == NULL ? NULL : json_member(reported, "active_version");
    if (active != NULL && cJSON_IsNumber(active)) {
        fleet->config_version = (uint64_t)active->valuedouble;
    }
    if (fleet->evening) {
        report_print_note("configuration reported: %.*s", (int)payload.length, (const char *)payload.data);
    }
}

static void heed_state(struct fleet *fleet, struct bytes payload)
{
    const cJSON *state = parse(fleet, payload);
    report_add_state(&fleet->report, answer_text(state, "subject"), answer_text(state, "governor"),
                     answer_text(state, "state"));
}

static void heed_agent(struct fleet *fleet, const char *topic, struct bytes payload)
{
    char own[CLIENT_TOPIC_MAX];
    snprintf(own, sizeof own, "%s/status", fleet->options.agent);
    if (strcmp(topic, own) == 0) {
        heed_status(fleet, payload);
    }
    snprintf(own, sizeof own, "%s/config/reported", fleet->options.agent);
    if (strcmp(topic, own) == 0) {
        heed_reported(fleet, payload);
    }
}

static void heed(struct fleet *fleet, const struct message *message)
{
    struct bytes payload = bytes_of(message->payload, message->payload_length);
    const char *rest = NULL;
    if (topic_below(fleet, message->topic, "decision/") != NULL) {
        heed_decision(fleet, payload);
    } else if ((rest = topic_below(fleet, message->topic, "reply/")) != NULL) {
        orders_heed(&fleet->orders, rest, payload, &fleet->arena);
    } else if (topic_below(fleet, message->topic, "state/") != NULL) {
        heed_state(fleet, payload);
    } else if ((rest = topic_below(fleet, message->topic, "agent/")) != NULL) {
        heed_agent(fleet, rest, payload);
    } else if (strncmp(message->topic, "cmnd/", 5) == 0 && plug_switch(&fleet->plug, payload)) {
        report_print_note("%s is switched %s", depot_plug, fleet->plug.is_off ? "off" : "on");
    }
}

/* Heeds whatever arrives within a turn. */
static void listen_a_turn(struct fleet *fleet)
{
    int64_t until_ms = client_now_ms() + TURN_MS;
    for (struct message *message; (message = client_wait(&fleet->client, until_ms)) != NULL;) {
        heed(fleet, message);
        message_free(message);
        if (client_now_ms() >= until_ms) {
            break;
        }
    }
    fflush(stdout);
}

static bool await_agent(struct fleet *fleet)
{
    int64_t until_ms = client_now_ms() + PATIENCE_MS;
    while (!fleet->agent_is_ready && !interrupted && client_now_ms() < until_ms) {
        listen_a_turn(fleet);
    }
    if (!fleet->agent_is_ready && !interrupted) {
        fprintf(stderr,
                "flyball-fleet: no agent %s is ready under %s at %s; start one, or name it with --agent\n",
                fleet->options.agent, fleet->options.root, fleet->options.broker);
    }
    return fleet->agent_is_ready;
}

static bool give_orders(struct fleet *fleet)
{
    puts("\nThe operator grants plans and sells credit:");
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    orders_init(&fleet->orders, &fleet->session, (int64_t)wall.tv_sec * 1000);
    int64_t until_ms = client_now_ms() + PATIENCE_MS;
    while (orders_waiting(&fleet->orders) > 0 && !interrupted && client_now_ms() < until_ms) {
        orders_turn(&fleet->orders, &fleet->session, client_now_ms());
        listen_a_turn(fleet);
    }
    unsigned waiting = orders_waiting(&fleet->orders);
    if (waiting > 0 && !interrupted) {
        fprintf(stderr, "flyball-fleet: %u of %d commands got no reply\n", waiting, ORDER_COUNT);
    }
    return waiting == 0;
}

static void publish_evening(struct fleet *fleet)
{
    char payload[CONFIG_TEXT_MAX];
    char topic[CLIENT_TOPIC_MAX];
    struct text text = text_of(payload, sizeof payload);
    json_open_object(&text);
    json_put_unsigned(&text, "version", fleet->config_version + 1);
    json_put_literal(&text, "mode", "apply");
    json_key(&text, "state");
    json_open_object(&text);
    json_key(&text, "plans");
    tariff_write_plans(&text, TARIFF_EVENING);
    json_close_object(&text);
    json_close_object(&text);
    snprintf(topic, sizeof topic, "%s/agent/%s/config/desired", fleet->options.root, fleet->options.agent);
    fleet->evening = true;
    report_print_note("the evening tariff: version %" PRIu64
                      " desired, dearer, and 28 kWh a day for commuters",
                      fleet->config_version + 1);
    client_publish_retained(&fleet->client, topic, text_bytes(&text));
}

static void start_chargers(struct fleet *fleet, int64_t now_ms)
{
    unsigned number = 0;
    for (unsigned at = 0; at < CUSTOMER_COUNT; at++) {
        for (unsigned own = 0; own < depot_customers[at].chargers; own++) {
            charger_init(&fleet->chargers[number], number, &depot_customers[at], now_ms);
            number++;
        }
    }
    plug_init(&fleet->plug, now_ms);
}

static unsigned events_waiting(const struct fleet *fleet)
{
    unsigned waiting = 0;
    for (unsigned at = 0; at < CHARGER_COUNT; at++) {
        waiting += charger_waiting(&fleet->chargers[at]);
    }
    return waiting;
}

static void turn_chargers(struct fleet *fleet, int64_t now_ms, bool may_create)
{
    for (unsigned at = 0; at < CHARGER_COUNT; at++) {
        charger_turn(&fleet->chargers[at], &fleet->session, now_ms, may_create);
    }
}

static void run_depot(struct fleet *fleet)
{
    int64_t start_ms = client_now_ms();
    int64_t end_ms = start_ms + fleet->session.run_ms;
    start_chargers(fleet, start_ms);
    report_print_heading();
    for (int64_t now_ms = start_ms; now_ms < end_ms && !interrupted; now_ms = client_now_ms()) {
        if (!fleet->evening && now_ms >= start_ms + fleet->session.run_ms / 2) {
            publish_evening(fleet);
        }
        turn_chargers(fleet, now_ms, true);
        plug_turn(&fleet->plug, &fleet->session, now_ms);
        listen_a_turn(fleet);
    }
    int64_t drained_ms = client_now_ms() + DRAIN_MS;
    for (int64_t now_ms; events_waiting(fleet) > 0 && (now_ms = client_now_ms()) < drained_ms;) {
        turn_chargers(fleet, now_ms, false);
        listen_a_turn(fleet);
    }
}

static void print_end(struct fleet *fleet)
{
    uint64_t resent = 0;
    for (unsigned at = 0; at < CHARGER_COUNT; at++) {
        resent += fleet->chargers[at].resent;
    }
    report_print_summary(&fleet->report);
    printf("events sent again: %" PRIu64 "; without a decision at the end: %u\n", resent,
           events_waiting(fleet));
}

static bool open_fleet(struct fleet *fleet)
{
    struct client *client = &fleet->client;
    const char *root = fleet->options.root;
    client_add_filter(client, root, "/decision/#");
    client_add_filter(client, root, "/reply/#");
    client_add_filter(client, root, "/state/#");
    client_add_filter(client, root, "/agent/+/status");
    client_add_filter(client, root, "/agent/+/config/reported");
    client_add_filter(client, "cmnd/", "+/POWER");
    if (!client_open(client, fleet->options.broker, PATIENCE_MS)) {
        fprintf(stderr, "flyball-fleet: no connection to %s\n", fleet->options.broker);
        return false;
    }
    fleet->session = (struct session){.client = client,
                                      .root = root,
                                      .run_ms = fleet->options.seconds * 1000,
                                      .random = 0x9e3779b97f4a7c15};
    snprintf(fleet->session.run, sizeof fleet->session.run, "%" PRIx64, (uint64_t)time(NULL));
    return true;
}

static int print_config(const struct options *options)
{
    char buffer[CONFIG_TEXT_MAX];
    struct text text = text_of(buffer, sizeof buffer);
    tariff_write_config(&text, options);
    return puts(text_string(&text)) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int run_fleet(struct fleet *fleet)
{
    bool done = open_fleet(fleet) && await_agent(fleet) && give_orders(fleet);
    if (done) {
        run_depot(fleet);
        print_end(fleet);
    }
    client_close(&fleet->client);
    return done || interrupted ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct options options;
    if (!options_parse(&options, argc, argv)) {
        return 2;
    }
    if (options.print_config) {
        return print_config(&options);
    }
    struct fleet *fleet = calloc(1, sizeof *fleet);
    void *storage = malloc(ARENA_BYTES);
    int64_t *waits_ms = calloc(REPORT_WAITS_MAX, sizeof *waits_ms);
    if (fleet == NULL || storage == NULL || waits_ms == NULL) {
        abort();
    }
    fleet->options = options;
    fleet->report.waits_ms = waits_ms;
    fleet->report.in_colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
    arena_init(&fleet->arena, storage, ARENA_BYTES);
    catch_signals();
    int code = run_fleet(fleet);
    free(waits_ms);
    free(storage);
    free(fleet);
    return code;
}
