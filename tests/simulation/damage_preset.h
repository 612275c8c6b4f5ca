/* What damage a simulated world meets, and how large its log is. */
#ifndef FLYBALL_TESTS_SIMULATION_DAMAGE_PRESET_H
#define FLYBALL_TESTS_SIMULATION_DAMAGE_PRESET_H

#include "tests/simulation/log_preset.h"

/* Drawn from the seed, beside the log's own preset. */
struct damage_preset {
    uint32_t strikes_at_rest_per_mille; /* Of starts. */
    uint32_t strikes_at_work_per_mille; /* Of operations. */
    uint32_t unreadable_per_mille;      /* Of strikes: what cannot be read, */
    uint32_t passing_per_mille;         /* or reads wrong, until it can be read again. */
    uint32_t segments_per_mille;        /* Of strikes: a whole one, or several. */
    uint32_t many_per_mille;            /* Of strikes: more places than are listed. */
    uint32_t several_per_mille;
    uint32_t checks_per_mille; /* Of operations. */
    uint32_t finds_per_mille;
    uint32_t victims_per_mille; /* Of operations: one who was hit goes on. */
    uint32_t notices_per_mille; /* Of operations: damage is seen and not repaired. */
    uint32_t looks_per_mille;   /* Of starts: all subjects are looked for at once. */
    uint32_t twice_per_mille;   /* Of starts: a second one follows at once. */
    uint32_t tended_per_mille;  /* Of starts: the whole log is checked at once. */
};

/* Draws it, and changes what was drawn for the log so that damage has room. */
void damage_preset_draw(struct damage_preset *preset, struct log_preset *log, struct dice *dice);

#endif
