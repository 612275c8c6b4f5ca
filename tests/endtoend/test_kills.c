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
    LONG_AGO_MS = 1,
    CREDIT = 1000000, /* Burned last. */
    TOP_UP = 10,      /* One for every so many readings; burned first, so that few live at a time. */
    TOP_UP_EVERY = 50,
    PRICE_MICRO = 250000,
    MICRO = 1000000,
};

static const char policies[] =
    "{\"plans\": {\"free\": {"
    "   \"quotas\": [{\"name\": \"all\", \"meter\": \"*\", \"limit\": "
    "\"9000000\", \"window_ms\": 315360000000}],"
    "   \"prices\": {\"kwh\": \"0.25\"}}},"
    " \"pool\": {\"slots\": 64}, \"store\": {\"segment_bytes\": 1048576, \"max_bytes\": 16777216}}";

/* One event or command as its sender sees it. */
struct request {
    int64_t sent_ms; /* 0: not yet. */
    uint64_t seq;    /* Of its answer; 0: unanswered. */
};

struct fleet {
    struct stage *stage;
    struct peer meters;
    struct request *readings; /* Those of a subject lie side by side. */
    struct request *top_ups;
    uint64_t per_subject; /* Readings. */
    uint64_t top_ups_per_subject;
    uint64_t first_unanswered[SUBJECTS];
    uint64_t answered; /* Of both. */
    uint64_t answers;  /* With those that came again. */
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

static struct request *reading_of(struct fleet *fleet, uint64_t subject, uint64_t number)
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

static struct request *top_up_of(struct fleet *fleet, uint64_t subject, uint64_t number)
{
    return &fleet->top_ups[subject * fleet->top_ups_per_subject + number];
}

static void send_top_up(struct fleet *fleet, uint64_t subject, uint64_t number)
{
    char topic[96];
    char payload[96];
    snprintf(topic, sizeof topic, "flyball/v1/command/s%" PRIu64 "/billing", subject);
    int length = snprintf(payload, sizeof payload,
                          "{\"id\":\"%" PRIu64 "-%" PRIu64 "\",\"op\":\"credit\",\"amount\":%d}", subject,
                          number, TOP_UP);
    struct peer_message message = {.topic = topic, .payload = payload, .length = (size_t)length, .qos = 1};
    peer_send(&fleet->meters, &message);
    top_up_of(fleet, subject, number)->sent_ms = wall_ms();
}

/* Those for the readings answered so far. */
static void send_due_top_ups(struct fleet *fleet, uint64_t subject)
{
    int64_t now = wall_ms();
    uint64_t due = fleet->first_unanswered[subject] / TOP_UP_EVERY;
    for (uint64_t i = 0; i < due; i++) {
        const struct request *top_up = top_up_of(fleet, subject, i);
        if (top_up->seq == 0 && now - top_up->sent_ms > RESEND_MS) {
            fleet->resends += top_up->sent_ms != 0;
            send_top_up(fleet, subject, i);
        }
    }
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
        const struct request *reading = reading_of(fleet, subject, i);
        if (reading->seq == 0 && now - reading->sent_ms > RESEND_MS) {
            fleet->resends += reading->sent_ms != 0;
            send_reading(fleet, subject, i);
        }
    }
}

/* The first answer counts; those that come again have to say the same. */
static void note_answer(struct fleet *fleet, struct request *request, const cJSON *answer)
{
    uint64_t seq = (uint64_t)json_number(answer, "seq");
    if (request->seq == 0) {
        request->seq = seq;
        fleet->answered++;
        fleet->answered_ms = wall_ms();
    } else if (request->seq != seq) {
        stage_fail(fleet->stage, "answered with seq %" PRIu64 " first, then with %" PRIu64, request->seq,
                   seq);
    }
    fleet->answers++;
}

static void take_answer(struct fleet *fleet, const struct peer_message *message)
{
    cJSON *answer = cJSON_Parse(message->payload);
    assert_non_null(answer);
    bool is_reply = json_at(answer, "command") != NULL;
    uint64_t subject;
    uint64_t number;
    assert_int_equal(sscanf(json_string(answer, is_reply ? "command" : "event"), "%" SCNu64 "-%" SCNu64,
                            &subject, &number),
                     2);
    if (is_reply) {
        expect_reply(answer, "ok");
        note_answer(fleet, top_up_of(fleet, subject, number), answer);
    } else {
        expect_decision(answer, "allow", "ok");
        expect(answer, "governors/billing/charged", "0.25");
        note_answer(fleet, reading_of(fleet, subject, number), answer);
    }
    cJSON_Delete(answer);
}

static void turn(struct fleet *fleet)
{
    for (uint64_t i = 0; i < SUBJECTS; i++) {
        send_due(fleet, i);
        send_due_top_ups(fleet, i);
    }
    const struct peer_message *message = peer_take(&fleet->meters, "#", 2);
    for (; message != NULL; message = peer_take(&fleet->meters, "#", 0)) {
        take_answer(fleet, message);
    }
    if (wall_ms() - fleet->answered_ms > STALL_MS) {
        stage_fail(fleet->stage, "no new answer for %d s; %" PRIu64 " are there", STALL_MS / 1000,
                   fleet->answered);
    }
}

/* Half of the meters lose patience at once and send again what is unanswered. */
static void forget_when_some_were_sent(struct fleet *fleet)
{
    for (uint64_t i = 0; i < SUBJECTS * fleet->per_subject; i++) {
        struct request *reading = &fleet->readings[i];
        if (reading->seq == 0 && reading->sent_ms != 0 && draw(fleet, 2) == 0) {
            reading->sent_ms = LONG_AGO_MS;
        }
    }
}

static void kill_once(struct fleet *fleet)
{
    usleep((useconds_t)draw(fleet, 5000));
    agent_process_kill(&fleet->stage->agent);
    agent_process_start(&fleet->stage->agent);
    forget_when_some_were_sent(fleet);
}

static uint64_t requests_of(const struct fleet *fleet)
{
    return SUBJECTS * (fleet->per_subject + fleet->top_ups_per_subject);
}

/* Evenly spread over the events, each at its own moment; every fourth is followed by one in the recovery. */
static void send_all_under_kills(struct fleet *fleet, uint64_t kills)
{
    uint64_t events = requests_of(fleet);
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
    print_message("%" PRIu64 " events and commands, %" PRIu64 " kills, %" PRIu64 " sent again, %" PRIu64
                  " answers\n",
                  events, killed, fleet->resends, fleet->answers);
    assert_int_equal(killed, kills);
}

static void take_seqs(const struct request *requests, uint64_t count, bool *taken, uint64_t last)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t seq = requests[i].seq;
        assert_in_range(seq, SUBJECTS + 1, last);
        assert_false(taken[seq]);
        taken[seq] = true;
    }
}

/* Every seq from 1 on was taken by one of the first credits, one event or one command. */
static void expect_no_gap(struct fleet *fleet)
{
    uint64_t last = SUBJECTS + requests_of(fleet);
    bool *taken = calloc(last + 1, sizeof *taken);
    take_seqs(fleet->readings, SUBJECTS * fleet->per_subject, taken, last);
    take_seqs(fleet->top_ups, SUBJECTS * fleet->top_ups_per_subject, taken, last);
    free(taken);
    const cJSON *metrics = stage_await_metric(fleet->stage, "ledger/seq", (double)last);
    expect_number_between(metrics, "ledger/seq", (double)last, (double)last);
    expect(metrics, "ledger/imbalance", "0");
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
        int64_t credited = ((int64_t)fleet->top_ups_per_subject * TOP_UP + CREDIT) * MICRO;
        assert_int_equal(json_micro(subject, "quota/used"), (int64_t)fleet->per_subject * MICRO);
        assert_int_equal(json_micro(subject, "billing/balance"), credited - charged);
        int64_t remaining = 0;
        const cJSON *grant;
        cJSON_ArrayForEach(grant, json_at(subject, "billing/grants"))
        {
            remaining += json_micro(grant, "remaining");
        }
        assert_int_equal(remaining, credited - charged);
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
    fleet->top_ups_per_subject = fleet->per_subject / TOP_UP_EVERY;
    fleet->top_ups = calloc(SUBJECTS * fleet->top_ups_per_subject + 1, sizeof fleet->top_ups[0]);
    for (int i = 0; i < SUBJECTS; i++) {
        char who[32];
        snprintf(who, sizeof who, "s%d/billing", i);
        stage_do(stage, who, "{\"id\": \"c\", \"op\": \"credit\", \"amount\": %d, \"priority\": 9}", CREDIT);
    }
    peer_subscribe(&fleet->meters, "flyball/v1/reply/#", 1);
}

static void everything_has_one_effect_and_one_answer(void **context)
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
    free(fleet.top_ups);
}

int main(void)
{
    static char protocol_3_1_1[] = "3.1.1";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_has_one_effect_and_one_answer, stage_open, stage_close),
        cmocka_unit_test_prestate_setup_teardown(everything_has_one_effect_and_one_answer, stage_open,
                                                 stage_close, protocol_3_1_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
