/* From the pool to the mailboxes: finds each message's subject by its topic alone and posts it, in order of
 * arrival. One thread routes at a time; the scheduler sees to that. */
#ifndef FLYBALL_AGENT_ROUTER_H
#define FLYBALL_AGENT_ROUTER_H

#include "agent/policies.h"
#include "agent/runtime/device_rate.h"
#include "agent/runtime/event_pool.h"
#include "agent/runtime/metrics.h"
#include "agent/runtime/scheduler.h"
#include "mqtt/topic.h"

/* All outlive it. */
struct router {
    struct scheduler *scheduler;
    struct event_pool *pool;
    struct metrics *metrics;
    struct policies *policies;
    const struct topics *topics;
    struct device_rate device_rate;
};

/* Does the WORK_ROUTE that scheduler_take gave, and gives it back. `now_us` is monotonic. */
void router_turn(struct router *router, struct run *run, uint64_t now_us);

#endif
