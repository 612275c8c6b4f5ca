/* flyball run: the agent on its threads and its connection, until a signal ends it. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/commands/command_line.h"
#include "agent/commands/connection.h"
#include "agent/commands/store_watch.h"
#include "agent/threads.h"
#include "base/log.h"

enum {
    TEND_MS = 20,
    STORE_LOOK_MS = 500,
    CANARY_MS = 1000,
    CANARY_PATIENCE_MS = 10000,
    /* Together with the goodbye's own second below 5 s, also when the broker is slow: what it has not read by
     * then may take the goodbye with it. */
    DRAIN_MS = 1000,
    DISCONNECT_MS = 1500,
    HEAP_SPARE_BYTES = 64 * 1024,
    EXIT_CODE_FAILED = 4, /* It ran and had to stop: the store failed. */
};

struct running {
    struct agent *agent;
    struct threads threads;
    struct connection connection;
    struct store_watch store;
    bool has_lost_store;
    instant_ms store_due; /* Monotonic milliseconds, as all below. */
    instant_ms metrics_due;
    instant_ms canary_due;
    instant_ms canary_lost; /* When the one on its way counts as lost. */
    bool had_subscribed;
};

static enum exit_code cannot_start(const char *message)
{
    fprintf(stderr, "flyball: cannot start: %s\n", message);
    return EXIT_CODE_CANNOT_START;
}

static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Only the MQTT library allocates while the agent runs: one heap for all threads, given back when it shrinks.
 */
static void keep_heap_small(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TRIM_THRESHOLD, HEAP_SPARE_BYTES);
}

static instant_ms monotonic_ms(void)
{
    return (instant_ms)(clock_monotonic_us() / 1000);
}

static uint32_t metrics_interval(struct agent *agent)
{
    struct policy_view view = policies_take(&agent->policies);
    uint32_t interval_ms = view.active->settings.metrics_interval_ms;
    policies_give(&agent->policies, view);
    return interval_ms;
}

static bool canary_is_back(struct agent *agent)
{
    return atomic_load(&agent->canary_seen) == atomic_load(&agent->canary_sent);
}

/* The next one leaves when the last is back. One that stays away says that the broker has forgotten the
 * subscriptions of a connection that lives. */
static void tend_canary(struct running *running, instant_ms now)
{
    struct agent *agent = running->agent;
    if (!atomic_load(&agent->is_subscribed)) {
        running->canary_lost = now + CANARY_PATIENCE_MS; /* A new connection sends a new one. */
        return;
    }
    if (now < running->canary_due) {
        return;
    }
    bool is_back = canary_is_back(agent);
    if (!is_back && now < running->canary_lost) {
        return;
    }
    if (!is_back) {
        log_warn("canary.lost", "patience_ms=%d; subscribing again", CANARY_PATIENCE_MS);
        connection_resubscribe(&running->connection);
    }
    agent_announce_canary(agent);
    running->canary_due = now + CANARY_MS;
    running->canary_lost = now + CANARY_PATIENCE_MS;
}

/* What was decided since the last look may have gone nowhere: better to stop than to promise more. */
static void watch_store(struct running *running, instant_ms now)
{
    struct agent *agent = running->agent;
    if (now < running->store_due) {
        return;
    }
    running->store_due = now + STORE_LOOK_MS;
    if (!store_watch_finds_it(&running->store)) {
        log_error("store.vanished", "folder=%s; it was removed or replaced", agent->settings->store.dir);
        alerts_raise_anew(&agent->alerts, ALERT_STORE_FAILED, atomic_load(&agent->clock.high),
                          "store.dir was removed or replaced under the agent: it stops");
        running->has_lost_store = true;
        agent_fail(agent, STATUS_IO);
    }
}

static void say_what_is_due(struct running *running)
{
    struct agent *agent = running->agent;
    instant_ms now = monotonic_ms();
    watch_store(running, now);
    if (now >= running->metrics_due) {
        agent_announce_metrics(agent);
        malloc_trim(HEAP_SPARE_BYTES);
        running->metrics_due = now + metrics_interval(agent);
    }
    tend_canary(running, now);
}

/* One round of what the main thread does between signals. */
static void tend(struct running *running)
{
    struct agent *agent = running->agent;
    struct moment moment = clock_read(&agent->clock);
    enum status status = agent_tend(agent, moment);
    if (status != STATUS_OK) {
        agent_fail(agent, status);
        return;
    }
    bool routes_changed;
    if (agent_take_desired(agent, moment.now, &routes_changed) == STATUS_OK && routes_changed) {
        connection_follow_routes(&running->connection);
    }
    say_what_is_due(running);
}

static void reload(struct running *running)
{
    agent_reload(running->agent, clock_read(&running->agent->clock).now);
    connection_follow_routes(&running->connection);
}

/* Until SIGTERM or SIGINT, or a part fails. */
static void tend_until_stopped(struct running *running, const sigset_t *signals)
{
    const struct timespec pause = {.tv_nsec = TEND_MS * 1000000L};
    while (atomic_load(&running->agent->failure) == STATUS_OK) {
        int signal_number = sigtimedwait(signals, NULL, &pause);
        if (signal_number == SIGTERM || signal_number == SIGINT) {
            return;
        }
        if (signal_number == SIGHUP) {
            reload(running);
        }
        tend(running);
    }
}

static void explain_failure(const struct running *running, enum status failure)
{
    if (running->has_lost_store) {
        fprintf(stderr,
                "flyball: stopped because store.dir was removed or replaced while it ran; put it back, or "
                "start anew with an empty one\n");
        return;
    }
    fprintf(stderr,
            "flyball: stopped because a part failed (%s); what was decided is on disk and is recovered at "
            "the next start\n",
            status_name(failure));
}

static enum exit_code stop(struct running *running)
{
    struct agent *agent = running->agent;
    agent_announce_status(agent, true);
    threads_drain(&running->threads, atomic_load(&agent->is_connected) ? DRAIN_MS : 0);
    state_log_mark(&agent->log);
    threads_stop(&running->threads);
    connection_stop(&running->connection, DISCONNECT_MS);
    enum status failure = atomic_load(&agent->failure);
    if (failure == STATUS_OK) {
        agent_checkpoint(agent, CHECKPOINT_NOW);
    }
    connection_close(&running->connection);
    agent_close(agent);
    if (failure != STATUS_OK) {
        explain_failure(running, failure);
        return (enum exit_code)EXIT_CODE_FAILED;
    }
    log_info("agent.stopped", "session=%llu", (unsigned long long)agent->session);
    return EXIT_CODE_OK;
}

static enum exit_code run_agent(struct running *running, const struct agent_options *options)
{
    char message[FAILURE_MESSAGE_MAX] = "";
    sigset_t signals;
    block_signals(&signals);
    struct outlet outlet = connection_outlet(&running->connection);
    if (agent_open(running->agent, options, outlet, message) != STATUS_OK) {
        return cannot_start(message);
    }
    store_watch_begin(&running->store, running->agent->settings->store.dir);
    if (connection_open(&running->connection, running->agent, message) != STATUS_OK) {
        agent_close(running->agent);
        return cannot_start(message);
    }
    if (threads_start(&running->threads, running->agent) != STATUS_OK) {
        connection_close(&running->connection);
        agent_close(running->agent);
        return cannot_start("no thread could be made: raise the limit on processes");
    }
    if (connection_start(&running->connection) != STATUS_OK) {
        agent_fail(running->agent, STATUS_NO_MEMORY);
    }
    running->canary_lost = monotonic_ms() + CANARY_PATIENCE_MS;
    tend_until_stopped(running, &signals);
    return stop(running);
}

static enum exit_code read_file(const char *path, struct config_text *text)
{
    if (path == NULL) {
        return EXIT_CODE_OK;
    }
    struct io io = io_posix();
    enum status status = config_text_read(&io, path, text);
    if (status == STATUS_OK) {
        return EXIT_CODE_OK;
    }
    fprintf(stderr, "flyball: cannot start: %s: %s\n", path,
            status == STATUS_NOT_FOUND ? "no such file" : status_name(status));
    return EXIT_CODE_CANNOT_START;
}

enum exit_code command_run(const struct command_line *line)
{
    keep_heap_small();
    struct config_text text = {0};
    enum exit_code code = read_file(line->config_file, &text);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    char host_name[256] = "flyball";
    gethostname(host_name, sizeof host_name - 1);
    struct config_source source = {.text = text.bytes,
                                   .sets = line->sets,
                                   .set_count = line->set_count,
                                   .host_name = host_name,
                                   .environment = config_environment};
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    struct agent_options options = {.source = &source,
                                    .config_path = line->config_file,
                                    .io = io_posix(),
                                    .wall = (instant_ms)wall.tv_sec * 1000 + wall.tv_nsec / 1000000};
    struct running *running = calloc(1, sizeof *running);
    struct agent *agent = calloc(1, sizeof *agent);
    if (running == NULL || agent == NULL) {
        code = cannot_start("no memory");
    } else {
        running->agent = agent;
        code = run_agent(running, &options);
    }
    free(agent);
    free(running);
    config_text_close(&text);
    return code;
}
