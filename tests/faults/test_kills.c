/* The promise: however often the agent is killed, every event has exactly one effect and one answer. Devices
 * and operators send with QoS 1, and again until they are answered; the agent is killed at random moments,
 * some while it starts, and with a store so small that it is always being compacted, some amid that.
 * FLYBALL_KILLS is how often, FLYBALL_KILL_LIFE_MS how long it may live, FLYBALL_FAULT_SEED repeats a choice
 * of moments. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/faults/trial.h"

enum {
    ACCOUNTS = 32,
    PATIENCE_MS = 250,
    START_MOST_MS = 200, /* On a busy machine it may take seconds; lives need not. */
    LIFE_MOST_MS = 60,   /* With twice the time a start takes. */
    SILENCE_MOST_MS = 5000,
    KILLS_PER_PROTOCOL = 20,
    KILLS_PER_VERIFICATION = 50,
    KILLS_PER_AUDIT = 200,
};

/* Everything small: few subjects awake, a window just wide enough, a store of few segments, a pool that
 * fills. */
static const char small_agent[] =
    "{\"runtime\": {\"subjects_hot\": 8, \"dedup_window\": 16}, \"pool\": {\"slots\": 128},"
    " \"store\": {\"segment_bytes\": 262144, \"max_bytes\": 8388608}}";

static const char *protocol_after(uint64_t kills)
{
    return kills / KILLS_PER_PROTOCOL % 2 == 0 ? "5" : "3.1.1";
}

/* How long a start takes here: the moments are drawn around it. */
static int64_t measure_start(struct trial *trial)
{
    int64_t began_ms = fleet_now_ms();
    trial_start_agent(trial, "5");
    while (!trial->fleet->is_ready) {
        fleet_turn(trial->fleet, 1);
    }
    int64_t start_ms = fleet_now_ms() - began_ms;
    return start_ms < START_MOST_MS ? start_ms : START_MOST_MS;
}

/* One of four dies while it starts. */
static int64_t draw_life(struct trial *trial, int64_t start_ms)
{
    uint64_t most_ms = trial_number("FLYBALL_KILL_LIFE_MS", LIFE_MOST_MS) + (uint64_t)(2 * start_ms);
    if (fleet_draw(trial->fleet, 4) == 0) {
        return (int64_t)fleet_draw(trial->fleet, (uint64_t)start_ms + 5);
    }
    return start_ms / 2 + (int64_t)fleet_draw(trial->fleet, most_ms);
}

/* All answered while it lives, then killed: what the store holds must be what was answered. */
static void audit(struct trial *trial)
{
    fleet_rest(trial->fleet);
    agent_process_kill(&trial->agent);
    fleet_audit(trial->fleet);
    fleet_wake(trial->fleet);
}

static void kill_once(struct trial *trial, uint64_t kills)
{
    if (kills % KILLS_PER_AUDIT == 0) {
        audit(trial);
        return;
    }
    agent_process_kill(&trial->agent);
    if (kills % KILLS_PER_VERIFICATION == 0) {
        fleet_verify(trial->fleet);
    }
}

/* On a machine so busy that no life is long enough to answer anything, one is: a hang is told from that. */
static void let_live(struct trial *trial, int64_t life_ms)
{
    fleet_run(trial->fleet, life_ms);
    while (fleet_now_ms() - trial->fleet->answered_ms > SILENCE_MOST_MS) {
        fleet_turn(trial->fleet, 1);
    }
}

static void every_event_has_one_effect_and_one_answer(void **context)
{
    struct trial *trial = *context;
    uint64_t kills = trial_number("FLYBALL_KILLS", 200);
    int64_t start_ms = measure_start(trial);
    for (uint64_t i = 1; i <= kills; i++) {
        let_live(trial, draw_life(trial, start_ms));
        kill_once(trial, i);
        trial_start_agent(trial, protocol_after(i));
        trial_tell(trial, "kills", i, kills);
    }
    trial_finish(trial);
    fleet_print(trial->fleet, "kills", kills);
}

static int open_trial(void **context)
{
    *context = trial_open(
        &(struct trial_settings){.overlay = small_agent, .accounts = ACCOUNTS, .patience_ms = PATIENCE_MS});
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
        cmocka_unit_test_setup_teardown(every_event_has_one_effect_and_one_answer, open_trial, close_trial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
