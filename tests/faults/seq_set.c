#include "tests/faults/seq_set.h"

static uint64_t *word_of(struct seq_set *set, uint64_t seq)
{
    return &set->bits[seq % SEQ_SET_WINDOW / 64];
}

static uint64_t bit_of(uint64_t seq)
{
    return 1ULL << (seq % 64);
}

enum seq_set_answer seq_set_take(struct seq_set *set, uint64_t seq)
{
    if (seq <= set->base || (*word_of(set, seq) & bit_of(seq)) != 0) {
        return seq < set->base + SEQ_SET_WINDOW ? SEQ_SET_TAKEN : SEQ_SET_BEYOND;
    }
    if (seq >= set->base + SEQ_SET_WINDOW) {
        return SEQ_SET_BEYOND;
    }
    *word_of(set, seq) |= bit_of(seq);
    set->above++;
    while ((*word_of(set, set->base + 1) & bit_of(set->base + 1)) != 0) {
        set->base++;
        set->above--;
        *word_of(set, set->base) &= ~bit_of(set->base);
    }
    return SEQ_SET_NEW;
}

bool seq_set_is_whole(const struct seq_set *set)
{
    return set->above == 0;
}
