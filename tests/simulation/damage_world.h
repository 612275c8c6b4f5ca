/* A simulated world around one state log whose bytes are damaged now and then: the log's world, and the model
 * of what it must give all the same. */
#ifndef FLYBALL_TESTS_SIMULATION_DAMAGE_WORLD_H
#define FLYBALL_TESTS_SIMULATION_DAMAGE_WORLD_H

#include "tests/simulation/damage_model.h"
#include "tests/simulation/damage_preset.h"
#include "tests/simulation/log_world.h"

struct damage_counts {
    uint64_t strikes;
    uint64_t frames; /* Hit. */
    uint64_t setbacks;
    uint64_t nowheres;
    uint64_t refusals; /* Starts that are refused for a good reason. */
    uint64_t stops;    /* Lives ended by what could not be read. */
    uint64_t repeats;  /* Starts compared with a second one. */
    uint64_t tended;   /* Whole logs checked and repaired. */
    uint64_t most_places;
};

enum { DAMAGE_PLACES_MAX = 1024, DAMAGE_PATH_MAX = 96 };

/* Where a copy of a committed frame lies. */
struct damage_place {
    char path[DAMAGE_PATH_MAX];
    uint64_t frame;
    uint64_t durable_frame;
    uint64_t offset;
    uint32_t bytes; /* Without padding. */
};

/* A look at the disk, for the moment. */
struct damage_survey {
    struct damage_place list[DAMAGE_PLACES_MAX]; /* By segment and offset. */
    uint32_t count;
};

enum { DAMAGE_PASSING_MAX = 16 };

/* A bit that reads wrong for a while. */
struct damage_bit {
    uint64_t frame;
    uint64_t offset; /* Of the bit's byte in its frame, */
    uint8_t mask;
};

struct damage_world {
    struct log_world *log; /* Its model is not used. */
    struct damage_preset preset;
    struct damage_counts counts;
    struct damage_model model;
    struct damage_survey survey;
    struct damage_bit passing[DAMAGE_PASSING_MAX];
    uint32_t passing_count;
    uint64_t checked_frame; /* As the agent keeps it. */
    bool was_list_full;     /* Of the places the log tells. */
    bool is_stopped;        /* By what cannot be read: this life is over. */
    bool is_over;           /* No further life. */
};

#endif
