#include "tests/simulation/model_usage.h"

static instant_ms window_start(const struct quota_limit *rule, instant_ms instant)
{
    if (rule->window == QUOTA_WINDOW_MONTH) {
        return instant_month_start(instant);
    }
    int64_t into = instant % rule->window_ms;
    return instant - (into < 0 ? into + rule->window_ms : into);
}

static bool is_adjacent(const struct quota_limit *rule, instant_ms start, instant_ms next_start)
{
    if (rule->window == QUOTA_WINDOW_MONTH) {
        return instant_next_month(start) == next_start;
    }
    return next_start - start == rule->window_ms;
}

void usage_roll(struct usage *usage, const struct quota_limit *rule, instant_ms now)
{
    if (now <= usage->at) {
        return;
    }
    instant_ms old = window_start(rule, usage->at);
    instant_ms start = window_start(rule, now);
    usage->at = now;
    if (old == start) {
        return;
    }
    bool is_next = rule->algorithm == QUOTA_SLIDING && is_adjacent(rule, old, start);
    usage->previous = is_next ? usage->used : 0;
    usage->used = 0;
}

bool usage_agrees(struct usage *usage, const struct quota_limit *rule, const struct quota_use *use,
                  instant_ms now)
{
    struct usage theirs = {0};
    if (use != NULL) {
        theirs = (struct usage){.at = use->since, .used = use->used, .previous = use->previous};
    }
    if (usage->is_unknown) {
        *usage = theirs;
        return true;
    }
    bool is_nothing = theirs.used == 0 && theirs.previous == 0;
    instant_ms later = is_nothing && now > usage->at ? now : usage->at;
    later = theirs.at > later ? theirs.at : later;
    struct usage ours = *usage;
    usage_roll(&ours, rule, later);
    usage_roll(&theirs, rule, later);
    return ours.used == theirs.used && ours.previous == theirs.previous;
}
