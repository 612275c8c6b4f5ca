#include "agent/governors/quota_aging.h"

struct quota_aging quota_aging_of(const struct quota_terms *terms)
{
    const struct quota_limit *rule = terms->rule;
    bool fades = rule->algorithm == QUOTA_TOKEN_BUCKET;
    return (struct quota_aging){.algorithm = rule->algorithm,
                                .window = rule->window,
                                .window_ms = rule->window_ms,
                                .regains = fades ? terms->limit : 0};
}

bool quota_aging_is_known(const struct quota_aging *aging)
{
    return aging->window == QUOTA_WINDOW_MONTH || aging->window_ms > 0;
}

static bool is_same(const struct quota_aging *left, const struct quota_aging *right)
{
    return left->algorithm == right->algorithm && left->window == right->window &&
           left->window_ms == right->window_ms && left->regains == right->regains;
}

struct quota_tally quota_tally_under(struct quota_tally tally, const struct quota_aging *aging,
                                     const struct quota_terms *terms, instant_ms now)
{
    struct quota_aging current = quota_aging_of(terms);
    if (quota_tally_is_empty(&tally) || !quota_aging_is_known(aging) || is_same(aging, &current)) {
        return tally;
    }
    struct quota_limit rule = {
        .algorithm = aging->algorithm, .window = aging->window, .window_ms = aging->window_ms};
    struct quota_terms former = {.rule = &rule, .limit = aging->regains};
    struct quota_moment moment = quota_moment_of(&former, tally.since, now);
    tally = quota_tally_at(tally, &former, &moment);
    micro_units used = quota_used(&tally, &former, &moment);
    return (struct quota_tally){.used = used, .since = used == 0 ? 0 : moment.now};
}
