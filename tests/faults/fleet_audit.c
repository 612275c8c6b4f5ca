/* What the store holds against what the answers said. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/faults/fleet.h"

static struct agent_outcome run_on_store(const struct fleet *fleet, const char *command)
{
    const struct agent_process *agent = fleet->settings.agent;
    struct agent_outcome outcome =
        agent_process_run(agent, (const char *const[]){command, "--store", agent->store, NULL});
    if (outcome.exit_code != 0) {
        fleet_fail(fleet, "%s exits with %d: %s%s", command, outcome.exit_code, outcome.output,
                   outcome.errors);
    }
    return outcome;
}

void fleet_verify(struct fleet *fleet)
{
    struct agent_outcome outcome = run_on_store(fleet, "verify");
    agent_outcome_free(&outcome);
}

static int64_t remaining_of(const cJSON *subject)
{
    int64_t remaining = 0;
    const cJSON *grant;
    cJSON_ArrayForEach(grant, json_at(subject, "billing/grants"))
    {
        remaining += json_micro(grant, "remaining");
    }
    return remaining;
}

static void compare(const struct fleet *fleet, uint32_t at, const cJSON *subject)
{
    const struct account *account = &fleet->accounts[at];
    int64_t balance = account->credited_micro - account->charged_micro + account->refunded_micro;
    int64_t used = json_micro(subject, "quota/used");
    int64_t got = json_micro(subject, "billing/balance");
    if (used != account->used_micro) {
        fleet_fail(fleet, "s%" PRIu32 ": used %" PRId64 ", answered %" PRId64, at, used, account->used_micro);
    }
    if (got != balance || remaining_of(subject) != balance) {
        fleet_fail(fleet, "s%" PRIu32 ": balance %" PRId64 ", grants %" PRId64 ", answered %" PRId64, at, got,
                   remaining_of(subject), balance);
    }
}

void fleet_audit(struct fleet *fleet)
{
    fleet_verify(fleet);
    struct agent_outcome outcome = run_on_store(fleet, "state");
    cJSON *states = cJSON_Parse(outcome.output);
    assert_non_null(states);
    assert_int_equal(cJSON_GetArraySize(states), fleet->settings.accounts);
    for (uint32_t i = 0; i < fleet->settings.accounts; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%" PRIu32, i);
        compare(fleet, i, json_at(states, name));
    }
    cJSON_Delete(states);
    agent_outcome_free(&outcome);
}

void fleet_print(const struct fleet *fleet, const char *what, uint64_t count)
{
    const struct fleet_counts *counts = &fleet->counts;
    printf("%" PRIu64 " %s, %" PRIu64 " events, %" PRIu64 " commands, %" PRIu64 " resent, %" PRIu64
           " answers, %" PRIu64 " duplicates, %" PRIu64 " denied, lost 0, double 0\n",
           count, what, counts->events, counts->orders, counts->resent, counts->answers, counts->duplicates,
           counts->denied);
    fflush(stdout);
}
