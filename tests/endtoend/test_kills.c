/* The promise: however often the agent is killed, every event has exactly one effect and one answer. Meters
 * send with QoS 1 and again until they are answered; the agent is killed at random moments, sometimes while
 * it recovers. FLYBALL_KILL_EVENTS and FLYBALL_KILL_COUNT make it longer, FLYBALL_KILL_SEED repeats a choice
 * of moments. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/endtoend/stage.h"

enum {
    SUBJECTS = 8,
    DEVICES = 3,
    UNDER_WAY_MAX = 24, /* Of one subject: well below the dedup window. */
    RESEND_MS = 1000,
    STALL_MS = 30000,
    CREDIT = 1000000,
    PRICE_MICRO = 250000,
};

static const char policies[] = "{\"plans\": {\"free\": {"
                               "   \"quotas\": [{\"name\": \"all\", \"meter\": \"*\", \"limit\": "
                               "\"9000000\", \"window_ms\": 315360000000}],"
                               "   \"prices\": {\"kwh\": \"0.25\"}}},"
                               " \"store\": {\"segment_bytes\": 1048576, \"max_bytes\": 16777216}}";

/* One event as its meter sees it. */
struct reading {
    int64_t sent_ms; /* 0: not yet. */
    uint64_t seq;    /* Of its decision; 0: unanswered. */
};

struct fleet {
    struct stage *stage;
    struct peer meters;
    struct reading *readings; /* Those of a subject lie side by side. */
    uint64_t per_subject;
    uint64_t first_unanswered[SUBJECTS];
    uint64_t answered;
    uint64_t answers; /* With those that came again. */
    uint64_t resends;
    int64_t answered_ms; /* When the last new answer came. */
    uint64_t random;
};

static uint64_t number_from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

/* xorshift64: only the moments depend on it. */
static uint64_t draw(struct fleet *fleet, uint64_t below)
{
    fleet->random ^= fleet->random << 13;
    fleet->random ^= fleet->random >> 7;
    fleet->random ^= fleet->random << 17;
    return fleet->random % below;
}

static struct reading *reading_of(struct fleet *fleet, uint64_t subject, uint64_t number)
{
    return &fleet->readings[subject * fleet->per_subject + number];
}

static void send_reading(struct fleet *fleet, uint64_t subject, uint64_t number)
{
    char topic[96];
    char payload[64];
    snprintf(topic, sizeof topic, "flyball/v1/event/s%" PRIu64 "/d%" PRIu64 "/kwh", subject,
             number % DEVICES);
    int length = snprintf(payload, sizeof payload, "{\"id\":\"%" PRIu64 "-%" PRIu64 "\"}", subject, number);
    struct peer_message message = {.topic = topic, .payload = payload, .length = (size_t)length, .qos = 1};
    peer_send(&fleet->meters, &message);
    reading_of(fleet, subject, number)->sent_ms = wall_ms();
}

/* Sends what is new or has waited too long for its answer. */
static void send_due(struct fleet *fleet, uint64_t subject)
{
    uint64_t *first = &fleet->first_unanswered[subject];
    while (*first < fleet->per_subject && reading_of(fleet, subject, *first)->seq != 0) {
        (*first)++;
    }
    int64_t now = wall_ms();
    for (uint64_t i = *first; i < fleet->per_subject && i < *first + UNDER_WAY_MAX; i++) {
        const struct reading *reading = reading_of(fleet, subject, i);
        if (reading->seq == 0 && now - reading->sent_ms > RESEND_MS) {
            fleet->resends += reading->sent_ms != 0;
            send_reading(fleet, subject, i);
        }
    }
}

static void take_answer(struct fleet *fleet, const struct peer_message *message)
{
    cJSON *decision = cJSON_Parse(message->payload);
    assert_non_null(decision);
    uint64_t subject;
    uint64_t number;
    assert_int_equal(sscanf(json_string(decision, "event"), "%" SCNu64 "-%" SCNu64, &subject, &number), 2);
    expect_decision(decision, "allow", "ok");
    expect(decision, "governors/billing/charged", "0.25");
    uint64_t seq = (uint64_t)json_number(decision, "seq");
    struct reading *reading = reading_of(fleet, subject, number);
    if (reading->seq == 0) {
        reading->seq = seq;
        fleet->answered++;
        fleet->answered_ms = wall_ms();
    } else if (reading->seq != seq) {
        stage_fail(fleet->stage, "answered with seq %" PRIu64 " before: %s", reading->seq,
                   (const char *)message->payload);
    }
    fleet->answers++;
    cJSON_Delete(decision);
}

static void turn(struct fleet *fleet)
{
    for (uint64_t i = 0; i < SUBJECTS; i++) {
        send_due(fleet, i);
    }
    const struct peer_message *message = peer_take(&fleet->meters, "flyball/v1/decision/#", 2);
    for (; message != NULL; message = peer_take(&fleet->meters, "flyball/v1/decision/#", 0)) {
        take_answer(fleet, message);
    }
    if (wall_ms() - fleet->answered_ms > STALL_MS) {
        stage_fail(fleet->stage, "no new answer for %d s; %" PRIu64 " are there", STALL_MS / 1000,
                   fleet->answered);
    }
}

static void kill_once(struct fleet *fleet)
{
    usleep((useconds_t)draw(fleet, 5000));
    agent_process_kill(&fleet->stage->agent);
    agent_process_start(&fleet->stage->agent);
}

/* Evenly spread over the events, each at its own moment; every fourth is followed by one in the recovery. */
static void send_all_under_kills(struct fleet *fleet, uint64_t kills)
{
    uint64_t events = SUBJECTS * fleet->per_subject;
    uint64_t stretch = events / (kills + 1) + 1;
    uint64_t killed = 0;
    uint64_t next = draw(fleet, stretch);
    fleet->answered_ms = wall_ms();
    while (fleet->answered < events) {
        turn(fleet);
        if (killed < kills && fleet->answered >= next) {
            kill_once(fleet);
            killed++;
            if (killed % 4 == 0 && killed < kills) {
                usleep((useconds_t)draw(fleet, 200000));
                kill_once(fleet);
                killed++;
            }
            next = killed * stretch + draw(fleet, stretch / 2 + 1);
        }
    }
    print_message("%" PRIu64 " events, %" PRIu64 " kills, %" PRIu64 " sent again, %" PRIu64 " answers\n",
                  events, killed, fleet->resends, fleet->answers);
    assert_int_equal(killed, kills);
}

/* Every seq from 1 on was taken by one credit or one event. */
static void expect_no_gap(struct fleet *fleet)
{
    uint64_t events = SUBJECTS * fleet->per_subject;
    bool *taken = calloc(events + SUBJECTS + 1, sizeof *taken);
    for (uint64_t i = 0; i < events; i++) {
        uint64_t seq = fleet->readings[i].seq;
        assert_in_range(seq, SUBJECTS + 1, SUBJECTS + events);
        assert_false(taken[seq]);
        taken[seq] = true;
    }
    free(taken);
    stage_await_metric(fleet->stage, "ledger/seq", (double)(SUBJECTS + events));
    expect_number_between(stage_metrics(fleet->stage), "ledger/seq", (double)(SUBJECTS + events),
                          (double)(SUBJECTS + events));
    expect(stage_metrics(fleet->stage), "ledger/imbalance", "0");
}

static void expect_store_verified(struct fleet *fleet)
{
    struct agent_process *agent = &fleet->stage->agent;
    struct agent_outcome outcome =
        agent_process_run(agent, (const char *const[]){"verify", "--store", agent->store, NULL});
    if (outcome.exit_code != 0) {
        stage_fail(fleet->stage, "verify: %s%s", outcome.output, outcome.errors);
    }
    agent_outcome_free(&outcome);
}

static void expect_one_effect_each(struct fleet *fleet)
{
    struct agent_process *agent = &fleet->stage->agent;
    struct agent_outcome outcome =
        agent_process_run(agent, (const char *const[]){"state", "--store", agent->store, NULL});
    assert_int_equal(outcome.exit_code, 0);
    cJSON *states = cJSON_Parse(outcome.output);
    assert_non_null(states);
    assert_int_equal(cJSON_GetArraySize(states), SUBJECTS);
    const cJSON *subject;
    cJSON_ArrayForEach(subject, states)
    {
        int64_t charged = (int64_t)fleet->per_subject * PRICE_MICRO;
        assert_int_equal(json_micro(subject, "quota/used"), (int64_t)fleet->per_subject * 1000000);
        assert_int_equal(json_micro(subject, "billing/balance"), (int64_t)CREDIT * 1000000 - charged);
        assert_int_equal(json_micro(subject, "billing/grants/0/remaining"),
                         (int64_t)CREDIT * 1000000 - charged);
    }
    cJSON_Delete(states);
    agent_outcome_free(&outcome);
}

static void open_fleet(struct fleet *fleet, struct stage *stage)
{
    uint64_t events = number_from_environment("FLYBALL_KILL_EVENTS", 2000);
    uint64_t seed;
    assert_int_equal(getrandom(&seed, sizeof seed, 0), sizeof seed);
    *fleet = (struct fleet){.stage = stage, .per_subject = (events + SUBJECTS - 1) / SUBJECTS};
    fleet->random = number_from_environment("FLYBALL_KILL_SEED", seed) | 1;
    print_message("seed %" PRIu64 "\n", fleet->random);
    fleet->readings = calloc(SUBJECTS * fleet->per_subject, sizeof fleet->readings[0]);
    peer_open(&fleet->meters,
              &(struct peer_settings){.url = stage->url,
                                      .client_id = "meters",
                                      .protocol = strcmp(stage->protocol, "5") == 0 ? PEER_PROTOCOL_5
                                                                                    : PEER_PROTOCOL_3_1_1});
    peer_subscribe(&fleet->meters, "flyball/v1/decision/#", 1);
    for (int i = 0; i < SUBJECTS; i++) {
        char who[32];
        snprintf(who, sizeof who, "s%d/billing", i);
        stage_do(stage, who, "{\"id\": \"c\", \"op\": \"credit\", \"amount\": %d}", CREDIT);
    }
}

static void every_event_has_one_effect_and_one_answer(void **context)
{
    struct stage *stage = *context;
    struct fleet fleet;
    stage_start(stage, policies);
    open_fleet(&fleet, stage);
    send_all_under_kills(&fleet, number_from_environment("FLYBALL_KILL_COUNT", 5));
    expect_no_gap(&fleet);
    expect_store_verified(&fleet);
    expect_one_effect_each(&fleet);
    assert_int_equal(agent_process_terminate(&stage->agent), 0);
    expect_store_verified(&fleet);
    expect_one_effect_each(&fleet);
    peer_close(&fleet.meters);
    free(fleet.readings);
}

int main(void)
{
    static char protocol_3_1_1[] = "3.1.1";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_event_has_one_effect_and_one_answer, stage_open, stage_close),
        cmocka_unit_test_prestate_setup_teardown(every_event_has_one_effect_and_one_answer, stage_open,
                                                 stage_close, protocol_3_1_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
