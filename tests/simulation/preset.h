/* The configuration of a simulated world, drawn at random: what the file says, and what operators desire
 * later. */
#ifndef FLYBALL_TESTS_SIMULATION_PRESET_H
#define FLYBALL_TESTS_SIMULATION_PRESET_H

#include "base/text.h"
#include "tests/simulation/dice.h"

enum {
    PRESET_PLANS = 3,
    PRESET_METERS = 3,
    PRESET_QUOTAS_MAX = 3,
    PRESET_LIMITS = 4, /* Names of limits; algorithm and window belong to the name, the limit to the plan. */
    PRESET_SETS_MAX = 24,
    PRESET_SET_BYTES = 160,
};

struct preset_limit {
    const char *algorithm;
    const char *window; /* NULL: window_ms. */
    uint32_t window_ms;
    bool is_for_one_meter;
    uint8_t meter;
};

struct preset_plan {
    uint8_t quota_count;
    uint8_t first_limit;
    uint32_t limits[PRESET_QUOTAS_MAX]; /* Whole units. */
    uint32_t prices[PRESET_METERS];     /* Hundredths; 0: free. */
    uint32_t low_balance;
    uint32_t overdraft;
    bool has_all_features;
};

struct preset_meter {
    uint8_t chain_length;
    uint8_t chain[3];
    bool needs_feature;
};

struct preset {
    struct preset_limit limits[PRESET_LIMITS];
    struct preset_plan plans[PRESET_PLANS];
    struct preset_meter meters[PRESET_METERS];
    bool knows_every_meter;
    bool denies_strangers;
    bool has_route;
    bool overwrites;
    bool is_os_durable;
    uint32_t device_rate;
    uint32_t payload_bytes;
    uint32_t default_plan;
    uint32_t dedup_window;
    uint32_t subjects_hot;
    uint32_t pool_slots;
    uint32_t pool_slot_bytes;
    uint32_t mailbox;
    uint32_t segment_bytes;
    uint32_t segments;
    uint32_t compression;
    uint32_t retention_ms;
    bool keeps_less; /* Than there is room for. */
    bool publishes_states;
};

extern const char *const preset_meters[PRESET_METERS];
extern const char *const preset_plans[PRESET_PLANS];
extern const char *const preset_limits[PRESET_LIMITS];

void preset_draw(struct preset *preset, struct dice *dice);

/* Makes the store large enough for so many subjects. */
void preset_fit_store(struct preset *preset, uint32_t subjects);

/* The same with other numbers, as an operator might desire. */
void preset_vary(struct preset *preset, struct dice *dice);

/* The file. */
void preset_put_file(const struct preset *preset, struct text *json);

/* Only plans and meters: what a desired configuration holds under `state`. */
void preset_put_state(const struct preset *preset, struct text *json);

/* What --set would say; returns how many. */
size_t preset_put_sets(const struct preset *preset, const char *pool_folder,
                       char sets[PRESET_SETS_MAX][PRESET_SET_BYTES]);

#endif
