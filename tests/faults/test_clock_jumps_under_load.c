/* A fleet sends while the wall clock jumps about and the agent is killed, at one time and started at another:
 * what is charged does not depend on the date. FLYBALL_CLOCK_JUMPS is how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/faults/trial.h"
#include "tests/faults/wall.h"

enum { ACCOUNTS = 16, PATIENCE_MS = 400, LOAD_MOST_MS = 120, JUMPS_PER_KILL = 4 };

/* Forward for good only by hours: the fleet's quota has a window of ten years, which no jump may end. */
static int64_t draw_jump(struct fleet *fleet)
{
    static const int64_t most[] = {2 * WALL_SECOND_MS, WALL_HOUR_MS, 10 * WALL_DAY_MS, 30 * WALL_YEAR_MS};
    int64_t back = (int64_t)fleet_draw(fleet, (uint64_t)most[fleet_draw(fleet, 4)]);
    int64_t forward = (int64_t)fleet_draw(fleet, (uint64_t)(12 * WALL_HOUR_MS));
    return fleet_draw(fleet, 2) == 0 ? forward : -back;
}

static void start(struct trial *trial, const struct wall *wall)
{
    wall_lend(wall);
    trial_start_agent(trial, "5");
    wall_take_back();
}

static void dates_change_no_sums(void **context)
{
    struct trial *trial = *context;
    struct wall wall;
    uint64_t jumps = trial_number("FLYBALL_CLOCK_JUMPS", 40);
    wall_open(&wall);
    start(trial, &wall);
    for (uint64_t i = 1; i <= jumps; i++) {
        fleet_run(trial->fleet, (int64_t)fleet_draw(trial->fleet, LOAD_MOST_MS));
        if (i % JUMPS_PER_KILL != 0) {
            wall_set_offset(&wall, draw_jump(trial->fleet));
            continue;
        }
        agent_process_kill(&trial->agent);
        wall_set_offset(&wall, draw_jump(trial->fleet));
        start(trial, &wall);
    }
    trial_finish(trial);
    fleet_print(trial->fleet, "jumps", jumps);
    wall_close(&wall);
}

static int open_trial(void **context)
{
    *context = trial_open(&(struct trial_settings){.accounts = ACCOUNTS, .patience_ms = PATIENCE_MS});
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
        cmocka_unit_test_setup_teardown(dates_change_no_sums, open_trial, close_trial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
