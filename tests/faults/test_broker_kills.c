/* The broker dies, forgets, freezes or refuses, again and again, while the agent stays up: it must come back
 * by itself, say `ready` again, publish what it owes and lose nothing. Devices and operators send again until
 * they are answered. FLYBALL_BROKER_FAULTS is how often, FLYBALL_FAULT_SEED repeats a choice. */
#include <inttypes.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/faults/trial.h"

enum {
    ACCOUNTS = 24,
    PATIENCE_MS = 300,
    READY_WAIT_MS = 45000, /* Pauses between attempts grow to 30 s. */
    LOAD_MOST_MS = 250,
    /* A connection that held a second makes the agent's pauses short again. */
    STABLE_MS = 1050,
    FAULTS_PER_STABLE = 4,
    FAULTS_PER_AUDIT = 24,
    AWAY_MOST_MS = 300,
    BEYOND_KEEPALIVE_MS = 2600,
    FREEZES_PER_LONG_ONE = 8,
    FILES_SLACK = 4, /* Readers open segments when they first need them. */
    MEBIBYTE = 1 << 20,
};

static const char careful_agent[] = "{\"broker\": {\"keepalive_s\": 1}, \"pool\": {\"slots\": 256}}";

/* Written down after so many changes: what comes back is a little old. */
static const char persistent_broker[] =
    "persistence true\nautosave_on_changes true\nautosave_interval 50\nlog_type none\nlog_type error\n";
static const char forgetful_broker[] = "persistence false\nlog_type none\nlog_type error\n";

enum fault { KILLED, KILLED_PERSISTENT, WIPED, STOPPED, AWAY, MUTE, FROZEN, FAULTS };

struct ordeal {
    struct trial *trial;
    uint64_t done[FAULTS];
    uint64_t memory; /* Of the agent when it was warm. */
    uint64_t files;
};

static const char *fault_name(enum fault fault)
{
    switch (fault) {
    case KILLED: return "killed without persistence";
    case KILLED_PERSISTENT: return "killed with persistence";
    case WIPED: return "killed and wiped";
    case STOPPED: return "stopped in order";
    case AWAY: return "killed and away";
    case MUTE: return "killed and replaced by a mute one";
    case FROZEN: return "frozen";
    case FAULTS: break;
    }
    abort();
}

static void start_broker(struct trial *trial, const char *extra)
{
    snprintf(trial->broker.extra, sizeof trial->broker.extra, "%s", extra);
    broker_start(&trial->broker);
}

/* Every other start has a session to go on with. What was persisted must not come back later. */
static void start_any_broker(struct trial *trial)
{
    bool is_persistent = fleet_draw(trial->fleet, 2) == 0;
    broker_forget(&trial->broker);
    start_broker(trial, is_persistent ? persistent_broker : forgetful_broker);
}

static void freeze(struct trial *trial)
{
    bool is_long = fleet_draw(trial->fleet, FREEZES_PER_LONG_ONE) == 0;
    broker_freeze(&trial->broker);
    fleet_run(trial->fleet, is_long ? BEYOND_KEEPALIVE_MS : (int64_t)fleet_draw(trial->fleet, AWAY_MOST_MS));
    broker_thaw(&trial->broker);
}

/* Connections are accepted, and nothing is ever said. */
static int listen_mutely(uint16_t port)
{
    int on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(file >= 0);
    setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(file, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(file, 16), 0);
    return file;
}

static void be_mute(struct trial *trial)
{
    int file = listen_mutely(trial->broker.ports[BROKER_TCP]);
    fleet_run(trial->fleet, 20 + (int64_t)fleet_draw(trial->fleet, AWAY_MOST_MS));
    close(file); /* Who waits in its queue is reset. */
}

static void suffer(struct trial *trial, enum fault fault)
{
    switch (fault) {
    case KILLED:
        broker_kill(&trial->broker);
        start_any_broker(trial);
        return;
    case KILLED_PERSISTENT: /* Goes on with what it wrote down, if it did. */
        broker_kill(&trial->broker);
        broker_start(&trial->broker);
        return;
    case WIPED:
        broker_kill(&trial->broker);
        broker_forget(&trial->broker);
        start_broker(trial, persistent_broker);
        return;
    case STOPPED:
        broker_stop(&trial->broker);
        broker_start(&trial->broker);
        return;
    case AWAY:
        broker_kill(&trial->broker);
        fleet_run(trial->fleet, (int64_t)fleet_draw(trial->fleet, AWAY_MOST_MS));
        start_any_broker(trial);
        return;
    case MUTE:
        broker_kill(&trial->broker);
        be_mute(trial);
        start_any_broker(trial);
        return;
    case FROZEN: freeze(trial); return;
    case FAULTS: break;
    }
    abort();
}

/* The status topic says so again, be it as the broker kept it, and the agent answers. */
static void await_ready(struct trial *trial)
{
    uint64_t answers = trial->fleet->counts.answers;
    int64_t end_ms = fleet_now_ms() + READY_WAIT_MS;
    do {
        fleet_turn(trial->fleet, 2);
        fleet_forgive(trial->fleet);
        if (agent_process_has_ended(&trial->agent) || fleet_now_ms() > end_ms) {
            fleet_fail(trial->fleet, "the agent is not ready again");
        }
    } while (!trial->fleet->is_ready || trial->fleet->counts.answers == answers);
}

/* Everything answered, the outbox empty, and what the store holds is what was answered. */
static void audit(struct ordeal *ordeal)
{
    struct trial *trial = ordeal->trial;
    fleet_rest(trial->fleet);
    fleet_await_drained(trial->fleet, READY_WAIT_MS);
    fleet_audit(trial->fleet);
    uint64_t memory = trial_agent_memory(trial);
    uint64_t files = trial_agent_files(trial);
    if (ordeal->memory == 0) {
        ordeal->memory = memory;
        ordeal->files = files;
    }
    uint64_t slack = trial_number("FLYBALL_MEMORY_SLACK_MIB", 4) * MEBIBYTE;
    if (memory > ordeal->memory + slack || files > ordeal->files + FILES_SLACK) {
        fleet_fail(trial->fleet, "memory %" PRIu64 " after %" PRIu64 ", files %" PRIu64 " after %" PRIu64,
                   memory, ordeal->memory, files, ordeal->files);
    }
    fleet_wake(trial->fleet);
}

static void print_faults(const struct ordeal *ordeal)
{
    for (enum fault i = KILLED; i < FAULTS; i++) {
        printf("%8" PRIu64 " times %s\n", ordeal->done[i], fault_name(i));
    }
    printf("the agent: %" PRIu64 " KiB and %" PRIu64 " files, %" PRIu64 " KiB and %" PRIu64
           " when it was warm\n",
           trial_agent_memory(ordeal->trial) / 1024, trial_agent_files(ordeal->trial), ordeal->memory / 1024,
           ordeal->files);
}

static void suffer_many(struct ordeal *ordeal, uint64_t faults)
{
    struct trial *trial = ordeal->trial;
    for (uint64_t i = 1; i <= faults; i++) {
        enum fault fault = (enum fault)(i % FAULTS);
        bool is_stable = i % FAULTS_PER_STABLE == 0;
        fleet_run(trial->fleet, is_stable ? STABLE_MS : (int64_t)fleet_draw(trial->fleet, LOAD_MOST_MS));
        suffer(trial, fault);
        await_ready(trial);
        ordeal->done[fault]++;
        if (i % FAULTS_PER_AUDIT == 0) {
            audit(ordeal);
        }
        trial_tell(trial, "broker faults", i, faults);
    }
}

static void every_event_is_answered_whatever_the_broker_does(void **context)
{
    struct ordeal ordeal = {.trial = *context};
    uint64_t faults = trial_number("FLYBALL_BROKER_FAULTS", 24);
    const char *protocol = fleet_draw(ordeal.trial->fleet, 2) == 0 ? "5" : "3.1.1";
    printf("MQTT %s\n", protocol);
    trial_start_agent(ordeal.trial, protocol);
    suffer_many(&ordeal, faults);
    audit(&ordeal);
    print_faults(&ordeal);
    trial_finish(ordeal.trial);
    fleet_print(ordeal.trial->fleet, "broker faults", faults);
}

static int open_trial(void **context)
{
    *context = trial_open(&(struct trial_settings){
        .overlay = careful_agent, .accounts = ACCOUNTS, .patience_ms = PATIENCE_MS, .fleet_is_5 = true});
    return 0;
}

static int close_trial(void **context)
{
    trial_close(*context);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_event_is_answered_whatever_the_broker_does, open_trial,
                                        close_trial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
