/* The network between agent and broker, in a namespace of the test's own, loses packets, swallows everything
 * for a while in one direction or both, and resets connections, while devices and operators, on a sound line,
 * send until they are answered. Skipped where the kernel does not let us make a namespace or a packet filter
 * in it. FLYBALL_NETWORK_FAULTS is how often. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/faults/trial.h"

enum {
    SKIPPED = 77, /* As CMakeLists.txt tells ctest. */
    ACCOUNTS = 16,
    PATIENCE_MS = 500,
    SOUND_PORT = 4711, /* The namespace is ours alone: any port is free. */
    LOSS_MS = 700,
    HOLE_MOST_MS = 1500,
    LONG_HOLE_MS = 3500, /* Beyond the keep-alive. */
    LOAD_MOST_MS = 150,
    READY_WAIT_MS = 45000,
    FAULTS_PER_AUDIT = 12,
    COMMAND_MAX = 512,
};

/* Broken lines are noticed by the keep-alive. */
static const char careful_agent[] = "{\"broker\": {\"keepalive_s\": 1}, \"pool\": {\"slots\": 256}}";

enum fault { LOSS_SMALL, LOSS_LARGE, HOLE, LONG_HOLE, DEAF, DUMB, RESETS, FAULTS };

static const char *fault_name(enum fault fault)
{
    switch (fault) {
    case LOSS_SMALL: return "one packet of twenty lost";
    case LOSS_LARGE: return "one packet of four lost";
    case HOLE: return "everything swallowed";
    case LONG_HOLE: return "everything swallowed beyond the keep-alive";
    case DEAF: return "nothing reaches the agent";
    case DUMB: return "nothing reaches the broker";
    case RESETS: return "connections reset";
    case FAULTS: break;
    }
    abort();
}

/* What becomes of packets for the broker's port and from it. */
struct rules {
    const char *to_broker;
    const char *to_agent;
};

static struct rules rules_of(enum fault fault)
{
    static const char small_loss[] = "numgen random mod 20 < 1 drop";
    static const char large_loss[] = "numgen random mod 4 < 1 drop";
    static const char reset[] = "reject with tcp reset";
    switch (fault) {
    case LOSS_SMALL: return (struct rules){small_loss, small_loss};
    case LOSS_LARGE: return (struct rules){large_loss, large_loss};
    case HOLE:
    case LONG_HOLE: return (struct rules){"drop", "drop"};
    case DEAF: return (struct rules){"accept", "drop"};
    case DUMB: return (struct rules){"drop", "accept"};
    case RESETS: return (struct rules){reset, reset};
    case FAULTS: break;
    }
    abort();
}

static int64_t draw_duration(struct fleet *fleet, enum fault fault)
{
    switch (fault) {
    case LOSS_SMALL:
    case LOSS_LARGE: return LOSS_MS;
    case LONG_HOLE: return LONG_HOLE_MS;
    case HOLE:
    case DEAF:
    case DUMB:
    case RESETS: return (int64_t)fleet_draw(fleet, HOLE_MOST_MS);
    case FAULTS: break;
    }
    abort();
}

static bool run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool run(const char *format, ...)
{
    char command[COMMAND_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    return length > 0 && length < COMMAND_MAX && system(command) == 0; /* NOLINT: the test's own words. */
}

static void write_text(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file >= 0) {
        (void)!write(file, text, strlen(text));
        close(file);
    }
}

/* A user who is not root can have a namespace where he is, if the kernel allows it. */
static bool enter_namespace(void)
{
    char map[64];
    uid_t user = geteuid();
    gid_t group = getegid();
    if (user == 0) {
        return unshare(CLONE_NEWNET) == 0;
    }
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        return false;
    }
    write_text("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", user);
    write_text("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1", group);
    write_text("/proc/self/gid_map", map);
    return true;
}

/* Empty, so that faults only fill it. */
static const char table[] =
    "add table inet faults; add chain inet faults line { type filter hook input priority 0; }";

static const char *why_not(void)
{
    if (!enter_namespace()) {
        return strerror(errno);
    }
    if (!run("ip link set lo up 2>/dev/null")) {
        return "ip (iproute2) cannot bring up a network of our own";
    }
    if (!run("nft '%s' 2>/dev/null", table)) {
        return "nft (nftables) cannot filter in a network of our own";
    }
    return NULL;
}

static void break_line(const struct trial *trial, enum fault fault)
{
    unsigned port = trial->broker.ports[BROKER_TCP];
    struct rules rules = rules_of(fault);
    assert_true(
        run("nft 'add rule inet faults line tcp dport %u %s; add rule inet faults line tcp sport %u %s'",
            port, rules.to_broker, port, rules.to_agent));
}

static void mend_line(void)
{
    assert_true(run("nft flush chain inet faults line"));
}

static void await_answer(struct trial *trial)
{
    uint64_t answers = trial->fleet->counts.answers;
    int64_t end_ms = fleet_now_ms() + READY_WAIT_MS;
    while (!trial->fleet->is_ready || trial->fleet->counts.answers == answers) {
        fleet_turn(trial->fleet, 2);
        fleet_forgive(trial->fleet);
        if (agent_process_has_ended(&trial->agent) || fleet_now_ms() > end_ms) {
            fleet_fail(trial->fleet, "the agent does not answer again");
        }
    }
}

static void audit(struct trial *trial)
{
    fleet_rest(trial->fleet);
    fleet_await_drained(trial->fleet, READY_WAIT_MS);
    fleet_audit(trial->fleet);
    fleet_wake(trial->fleet);
}

static void every_event_is_answered_whatever_the_network_does(void **context)
{
    struct trial *trial = *context;
    uint64_t done[FAULTS] = {0};
    uint64_t faults = trial_number("FLYBALL_NETWORK_FAULTS", FAULTS);
    trial_start_agent(trial, fleet_draw(trial->fleet, 2) == 0 ? "5" : "3.1.1");
    await_answer(trial);
    for (uint64_t i = 0; i < faults; i++) {
        enum fault fault = (enum fault)(i % FAULTS);
        fleet_run(trial->fleet, (int64_t)fleet_draw(trial->fleet, LOAD_MOST_MS));
        break_line(trial, fault);
        fleet_run(trial->fleet, draw_duration(trial->fleet, fault));
        mend_line();
        await_answer(trial);
        done[fault]++;
        if (i % FAULTS_PER_AUDIT == FAULTS_PER_AUDIT - 1) {
            audit(trial);
        }
        trial_tell(trial, "network faults", i + 1, faults);
    }
    for (enum fault i = LOSS_SMALL; i < FAULTS; i++) {
        printf("%8" PRIu64 " times %s\n", done[i], fault_name(i));
    }
    trial_finish(trial);
    fleet_print(trial->fleet, "network faults", faults);
}

static int open_trial(void **context)
{
    char listener[64];
    snprintf(listener, sizeof listener, "listener %d 127.0.0.1\n", SOUND_PORT);
    *context = trial_open(&(struct trial_settings){.overlay = careful_agent,
                                                   .broker_extra = listener,
                                                   .accounts = ACCOUNTS,
                                                   .patience_ms = PATIENCE_MS,
                                                   .fleet_port = SOUND_PORT});
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
        cmocka_unit_test_setup_teardown(every_event_is_answered_whatever_the_network_does, open_trial,
                                        close_trial),
    };
    const char *reason = why_not();
    if (reason != NULL) {
        printf("skipped: this needs a network namespace of its own with nftables: %s\n", reason);
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
