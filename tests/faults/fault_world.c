#include "tests/faults/fault_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    CREDIT = 100000,
    PATIENCE_TURNS = 40,
    WAIT_MS = 50,
    ROUND_MS = 1500,
    TOPIC_MAX = 96,
    FILL = 240,
    DESIRED_VERSION = 7
};

static const char CONFIG[] =
    "{\"plans\": {\"gold\": {\"features\": [\"*\"], \"quotas\": [{\"name\": \"daily\", \"meter\": \"*\", "
    "\"algorithm\": \"fixed\", \"limit\": \"1000\", \"window\": \"day\"}], \"prices\": {\"kwh\": \"2\"}}}, "
    "\"subjects\": {\"plan\": \"gold\"}}";

static const char DESIRED[] =
    "{\"version\": 7, \"mode\": \"apply\", \"state\": {\"plans\": {\"gold\": {\"features\": [\"*\"], "
    "\"quotas\": [{\"name\": \"daily\", \"meter\": \"*\", \"algorithm\": \"fixed\", \"limit\": \"2000\", "
    "\"window\": \"day\"}], \"prices\": {\"kwh\": \"2\"}}}}}";

void world_open(struct world *world)
{
    memset(world, 0, sizeof *world);
    failing_io_init(&world->failing);
    world->fixture = fixture_new_in("/dev/shm", CONFIG);
    fixture_set(world->fixture, "store.durability=fsync");
    fixture_set(world->fixture, "store.segment_bytes=131072");
    fixture_set(world->fixture, "store.max_bytes=524288");
    fixture_set(world->fixture, "store.compression=0");
    fixture_set(world->fixture, "store.subjects_max=64");
    fixture_set(world->fixture, "runtime.subjects_hot=3");
    fixture_set(world->fixture, "pool.slots=512");
    world->fixture->io = failing_io_calls(&world->failing);
}

void world_close(struct world *world)
{
    fixture_free(world->fixture);
    for (int i = 0; i < WORLD_QUESTIONS; i++) {
        free(world->answers[i]);
    }
}

/* The devices' side. */

static bool is_credit(int question)
{
    return question < WORLD_SUBJECTS;
}

static void send_question(struct world *world, int question)
{
    char topic[TOPIC_MAX];
    char payload[FILL + 128];
    char fill[FILL];
    int subject = question % WORLD_SUBJECTS;
    memset(fill, 'x', sizeof fill);
    if (is_credit(question)) {
        snprintf(topic, sizeof topic, "flyball/v1/command/s-%d/billing", subject);
        snprintf(payload, sizeof payload, "{\"id\": \"q-%d\", \"op\": \"credit\", \"amount\": \"%d\"}",
                 question, CREDIT);
    } else {
        snprintf(topic, sizeof topic, "flyball/v1/event/s-%d/d/kwh", subject);
        snprintf(payload, sizeof payload, "{\"id\": \"q-%d\", \"cid\": \"%.*s\"}", question, FILL, fill);
    }
    fixture_receive(world->fixture, topic, payload);
}

/* The question an answer is for, or -1. */
static int question_of(const struct published *published)
{
    static const char *const keys[] = {"{\"event\":\"q-", "{\"command\":\"q-"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strncmp(published->payload, keys[i], strlen(keys[i])) == 0) {
            return (int)strtol(published->payload + strlen(keys[i]), NULL, 10);
        }
    }
    return -1;
}

/* The answer as if it were the first. */
static char *plain_answer(const char *payload)
{
    static const char mark[] = "\"duplicate\":true";
    size_t length = strlen(payload);
    char *copy = malloc(length + 2);
    assert_non_null(copy);
    memcpy(copy, payload, length + 1);
    char *at = strstr(copy, mark);
    if (at != NULL) {
        char *value = at + strlen(mark) - strlen("true");
        memmove(value + strlen("false"), value + strlen("true"), strlen(value + strlen("true")) + 1);
        memcpy(value, "false", strlen("false"));
    }
    return copy;
}

/* Whoever hears an answer twice hears the same. */
static void hear(struct world *world, const struct published *published)
{
    int question = question_of(published);
    if (question < 0) {
        return;
    }
    assert_in_range(question, 0, WORLD_QUESTIONS - 1);
    char *answer = plain_answer(published->payload);
    if (world->answers[question] == NULL) {
        world->answers[question] = answer;
        return;
    }
    if (strcmp(world->answers[question], answer) != 0) {
        fail_msg("question %d was answered twice:\n%s\n%s", question, world->answers[question], answer);
    }
    free(answer);
}

static void hear_all(struct world *world)
{
    for (; world->heard < world->fixture->count; world->heard++) {
        hear(world, &world->fixture->published[world->heard]);
    }
}

/* Turning. */

static bool has_failed(enum status status)
{
    return status == STATUS_IO || status == STATUS_CORRUPT;
}

/* Turns until nothing is left, the agent fails or waits in vain. */
static enum status turn(struct world *world)
{
    struct fixture *fixture = world->fixture;
    enum status status = fixture_turn_once(fixture);
    for (int i = 0; status == STATUS_NO_SPACE && i < 2 * PATIENCE_TURNS; i++) {
        if (i == PATIENCE_TURNS && world->span == SPAN_UNTIL_IT_WAITS) {
            failing_io_heal(&world->failing);
        }
        fixture->now += WAIT_MS;
        status = fixture_turn_once(fixture);
    }
    hear_all(world);
    return status;
}

/* A failed log takes nothing any more and does not try its sync again. */
static void expect_silence_after_failed_sync(struct world *world)
{
    if (world->failing.sync_failed && world->fixture->agent->log.failure != STATUS_OK) {
        assert_int_equal(fixture_turn_once(world->fixture), STATUS_IO);
        assert_int_equal(world->failing.writes_after_sync, 0);
    }
}

static bool start(struct world *world)
{
    struct fixture *fixture = world->fixture;
    world->failing.sync_failed = false;
    if (fixture_try_open(fixture) != STATUS_OK) {
        return false;
    }
    if (world->is_accepted) {
        assert_int_equal(fixture->agent->remote.version, DESIRED_VERSION);
    }
    fixture->is_connected = true;
    publisher_connected(&fixture->agent->publisher, PAHO_SESSION_KEPT);
    return true;
}

/* The broker keeps it retained: it comes with every connection. */
static void desire(struct world *world)
{
    struct message message = {.topic = bytes_of_string("flyball/v1/agent/a1/config/desired"),
                              .payload = bytes_of_string(DESIRED),
                              .payload_length = strlen(DESIRED),
                              .qos = 1};
    struct paho_arrival arrival = {.retained = true};
    bool routes_changed;
    agent_receive(world->fixture->agent, &message, &arrival);
    (void)!agent_take_desired(world->fixture->agent, world->fixture->now, &routes_changed);
    world->is_accepted = world->fixture->agent->remote.version == DESIRED_VERSION;
}

static enum ending ending_of(enum status status)
{
    if (has_failed(status)) {
        return ENDING_STOPPED;
    }
    return status == STATUS_NO_SPACE ? ENDING_WAITED : ENDING_WENT_ON;
}

static enum ending give_up(struct world *world, enum ending ending)
{
    if (ending == ENDING_STOPPED) {
        expect_silence_after_failed_sync(world);
    }
    fixture_kill(world->fixture);
    return ending;
}

/* To and fro, so that some subjects sleep meanwhile and some do not. */
static void send_round(struct world *world)
{
    int first = world->asked;
    bool is_back = first / WORLD_SUBJECTS % 2 == 1;
    for (int i = 0; i < WORLD_SUBJECTS; i++) {
        send_question(world, first + (is_back ? WORLD_SUBJECTS - 1 - i : i));
    }
    world->asked += WORLD_SUBJECTS;
    world->fixture->now += ROUND_MS;
}

/* Starts and asks until so many rounds are asked. */
static enum ending run(struct world *world, int rounds)
{
    if (!start(world)) {
        return ENDING_REFUSED;
    }
    enum ending ending = ending_of(turn(world));
    while (ending == ENDING_WENT_ON && world->asked < rounds * WORLD_SUBJECTS) {
        send_round(world);
        ending = ending_of(turn(world));
        if (ending == ENDING_WENT_ON && world->asked == WORLD_DESIRED_AFTER * WORLD_SUBJECTS) {
            desire(world);
        }
    }
    return ending;
}

static enum ending run_and_crash(struct world *world, int rounds)
{
    enum ending ending = run(world, rounds);
    if (ending == ENDING_WENT_ON) {
        send_round(world);
    }
    return ending == ENDING_REFUSED ? ending : give_up(world, ending);
}

static enum ending run_and_stop(struct world *world, int rounds)
{
    enum ending ending = run(world, rounds);
    if (ending == ENDING_WENT_ON) {
        state_log_mark(&world->fixture->agent->log);
        ending = has_failed(agent_commit(world->fixture->agent)) ? ENDING_STOPPED : ENDING_WENT_ON;
    }
    return ending == ENDING_REFUSED ? ending : give_up(world, ending);
}

/* As a crash may; it is removed. */
static void leave_half_a_spare(const struct world *world)
{
    char path[256];
    snprintf(path, sizeof path, "%s/store/spare-0000000999.log", world->fixture->folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

enum ending world_live_and_crash(struct world *world)
{
    return run_and_crash(world, WORLD_CRASH_AFTER);
}

enum ending world_live(struct world *world)
{
    enum ending ending = world_live_and_crash(world);
    if (ending == ENDING_WENT_ON) {
        ending = run_and_stop(world, WORLD_RESTART_AFTER);
    }
    if (ending != ENDING_WENT_ON) {
        return ending;
    }
    leave_half_a_spare(world);
    return run_and_stop(world, WORLD_ROUNDS + 1);
}

/* What must hold. */

static void expect_refusal_to_explain(const struct world *world)
{
    const char *message = world->fixture->message;
    assert_null(strchr(message, '\n'));
    if (strstr(message, world->fixture->folder) == NULL || strstr(message, "; ") == NULL) {
        fail_msg("no file, or nothing to do, in the message: %s", message);
    }
}

/* Everything is asked again, answered or not. */
static void ask_all_again(struct world *world)
{
    for (int i = 0; i < WORLD_QUESTIONS; i++) {
        send_question(world, i);
    }
    assert_int_equal(ending_of(turn(world)), ENDING_WENT_ON);
    for (int i = 0; i < WORLD_QUESTIONS; i++) {
        if (world->answers[i] == NULL) {
            fail_msg("question %d was never answered", i);
        }
    }
}

static void expect_distinct_seqs(const struct world *world)
{
    bool taken[WORLD_QUESTIONS + 1] = {false};
    for (int i = 0; i < WORLD_QUESTIONS; i++) {
        const char *key = strstr(world->answers[i], "\"seq\":");
        assert_non_null(key);
        unsigned long seq = strtoul(key + strlen("\"seq\":"), NULL, 10);
        assert_in_range(seq, 1, WORLD_QUESTIONS);
        assert_false(taken[seq]);
        taken[seq] = true;
    }
}

static void expect_single_effects(struct world *world)
{
    for (int i = 0; i < WORLD_SUBJECTS; i++) {
        char subject[16];
        snprintf(subject, sizeof subject, "s-%d", i);
        const struct published *peek = fixture_ask_as(world->fixture, subject, "d", "kwh", "{\"amount\": 0}");
        assert_int_equal(published_amount(peek, "quota", "used"), WORLD_ROUNDS * MICRO_UNITS_ONE);
        assert_int_equal(published_amount(peek, "billing", "balance"),
                         (CREDIT - 2 * WORLD_ROUNDS) * MICRO_UNITS_ONE);
    }
    assert_int_equal(atomic_load(&world->fixture->agent->imbalance), 0);
}

static void expect_desired_configuration(struct world *world)
{
    const struct published *peek = fixture_ask_as(world->fixture, "s-0", "d", "kwh", "{\"amount\": 0}");
    published_has(peek, "\"config_version\":7");
    assert_int_equal(published_amount(peek, "quota", "limit"), 2000 * MICRO_UNITS_ONE);
}

void world_check(struct world *world)
{
    failing_io_heal(&world->failing);
    if (world->fixture->message[0] != '\0') {
        expect_refusal_to_explain(world);
    }
    fixture_start(world->fixture);
    hear_all(world);
    desire(world);
    ask_all_again(world);
    expect_distinct_seqs(world);
    expect_single_effects(world);
    expect_desired_configuration(world);
    fixture_verify(world->fixture);
    assert_int_equal(event_pool_stats(&world->fixture->agent->pool).used, 0);
}

const char *ending_name(enum ending ending)
{
    switch (ending) {
    case ENDING_WENT_ON: return "went on";
    case ENDING_REFUSED: return "refused";
    case ENDING_STOPPED: return "stopped";
    case ENDING_WAITED: return "waited";
    }
    abort(); /* No such ending. */
}
