/* Which sequence numbers were taken, each at most once, from 1 on: a number and a window of bits above it,
 * however many there are. */
#ifndef FLYBALL_TESTS_FAULTS_SEQ_SET_H
#define FLYBALL_TESTS_FAULTS_SEQ_SET_H

#include <stdbool.h>
#include <stdint.h>

enum { SEQ_SET_WINDOW = 1 << 16 };

struct seq_set {
    uint64_t base;  /* This one and all below are taken. */
    uint64_t above; /* So many more. */
    uint64_t bits[SEQ_SET_WINDOW / 64];
};

enum seq_set_answer {
    SEQ_SET_NEW,
    SEQ_SET_TAKEN,
    SEQ_SET_BEYOND /* More than a window above the first gap. */
};

/* Takes it. */
enum seq_set_answer seq_set_take(struct seq_set *set, uint64_t seq);

/* Whether all from 1 to the highest are taken. */
bool seq_set_is_whole(const struct seq_set *set);

#endif
