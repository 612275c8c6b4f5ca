/* Everything a simulated world decides at random: one stream of numbers that a seed determines. */
#ifndef FLYBALL_TESTS_SIMULATION_DICE_H
#define FLYBALL_TESTS_SIMULATION_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

/* splitmix64 (Steele, Lea and Flood, 2014). */
static inline uint64_t dice_bits(struct dice *dice)
{
    dice->state += 0x9e3779b97f4a7c15U;
    uint64_t value = dice->state;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31);
}

/* 0 to `sides` - 1; 0 for no sides. */
static inline uint32_t dice_roll(struct dice *dice, uint32_t sides)
{
    return sides == 0 ? 0 : (uint32_t)(dice_bits(dice) % sides);
}

/* `least` to `most`, both included. */
static inline uint32_t dice_between(struct dice *dice, uint32_t least, uint32_t most)
{
    return least + dice_roll(dice, most - least + 1);
}

static inline bool dice_chance(struct dice *dice, uint32_t per_mille)
{
    return dice_roll(dice, 1000) < per_mille;
}

#endif
