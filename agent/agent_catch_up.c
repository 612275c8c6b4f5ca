/* What an earlier run left behind, taken up again before anything new. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "base/log.h"

/* Counts this start; what cannot be read begins again at 1. */
static void count_session(struct agent *agent)
{
    char path[CONFIG_STRING_BYTES_MAX + 16];
    char text[24] = {0};
    snprintf(path, sizeof path, "%s/session", agent->settings->store.dir);
    const struct io *io = &agent->options.io;
    int file = io->open(io->self, path, O_RDONLY, 0);
    if (file >= 0) {
        (void)!io_read_full(io, file, text, sizeof text - 1, 0);
        io->close(io->self, file);
    }
    agent->session = strtoull(text, NULL, 10) + 1;
    int length = snprintf(text, sizeof text, "%llu\n", (unsigned long long)agent->session);
    if (io_replace_file(io, path, text, (size_t)length) != 0) {
        log_warn("session.unsaved", "path=%s", path);
    }
}

/* Messages an earlier run took and did not decide are decided now, before any new one. */
static void take_pending(struct agent *agent)
{
    uint32_t count = 0;
    struct pool_receipt receipt;
    while (event_pool_next_pending(&agent->pool, &receipt) == STATUS_OK) {
        struct message message;
        uint64_t sequence;
        event_pool_get(&agent->pool, receipt.slot, &message, &sequence);
        scheduler_arrive(&agent->scheduler, receipt.slot, message.qos);
        count++;
    }
    if (count > 0) {
        log_info("pool.recovered", "messages=%u", count);
    }
}

enum status agent_catch_up(struct agent *agent)
{
    event_pool_start(&agent->pool, state_log_pool_sequence_high(&agent->log) + 1);
    clock_init(&agent->clock, state_log_clock_high(&agent->log));
    struct moment moment = clock_at(&agent->clock, agent->options.wall);
    /* Rates remember it: it must be of the kind that later moments have. */
    moment.elapsed_us = agent->options.elapsed_us == 0 ? clock_monotonic_us() : agent->options.elapsed_us;
    agent->started_at = moment.now;
    agent->started_us = clock_monotonic_us();
    count_session(agent);
    enum status status = agent_restore_desired(agent, moment.now);
    if (status != STATUS_OK) {
        return status;
    }
    take_pending(agent);
    status = agent_turn(agent, moment);
    bool may_wait = status == STATUS_NO_SPACE || status == STATUS_DISCONNECTED;
    return may_wait ? STATUS_OK : status;
}
